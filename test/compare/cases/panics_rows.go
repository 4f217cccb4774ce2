package cases

import "slices"

// What Cowboy or a document makes of the panics.
var panicsForced = slices.Concat(
	because("The response is whole with its head, and Cowboy has ended the stream of HTTP/2 with it.",
		Row{Case: "abort of a 204", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "framing": "none", "next": "served"}},
		Row{Case: "panic of a 204", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "framing": "none", "next": "served"}},
	),
	because("A handler that fails before its head is out is answered with 500, as Cowboy answers for its own.",
		Row{Case: "goexit at once", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "goexit at once", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "goexit behind a write", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "goexit behind a write", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic at once", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic at once", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic behind a status", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic behind a status", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic behind a whole body", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic behind a whole body", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic behind a write", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic behind a write", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic in a timeout handler", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic in a timeout handler", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic of a head", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic of a head", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic with a read body", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic with a read body", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic with an unread body", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic with an unread body", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic with fields", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "panic with fields", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
		Row{Case: "panic with half a body", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
	),
)

// What gwport has decided for itself of the same.
var panicsChosen = slices.Concat(
	chosen("A caller without HTTP is told that the app has failed, also where its response was whole.",
		limits, "says that an app has failed also where its response was whole by then",
		Row{Case: "abort of a 204", Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "204"}},
		Row{Case: "panic of a 204", Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "204"}},
		Row{Case: "abort of a flushed head", Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "200"}},
		Row{Case: "panic of a flushed head", Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "200"}},
		Row{Case: "abort behind a flushed whole body", Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "200"}},
		Row{Case: "panic behind a flushed whole body", Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "200"}},
	),
)
