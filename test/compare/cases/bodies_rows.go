package cases

import "slices"

// What Cowboy or a document makes of the bodies.
var bodiesForced = slices.Concat(
	because("Cowboy gives a body while its answer is under way.",
		Row{Case: "read behind a flush", On: OnlyH1, Mounts: []string{Route, Stream, AppOf, Call}, Differs: facts{"saw.op3.readall": "1000 bytes 4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d EOF"}},
	),
	because("Cowboy resets a stream whose body is not as long as it says before the handler can answer.",
		Row{Case: "shorter than it says", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "next": "", "status": "-"}},
	),
	because("Cowboy answers without waiting for a body that nobody reads.",
		Row{Case: "that never comes and no full duplex", On: OnlyH1, Mounts: Every, Differs: facts{"end": "whole", "status": "200"}},
	),
)

// What gwport has decided for itself of the same.
var bodiesChosen = slices.Concat(
	chosen("What an app has not read is taken from the client behind the response.",
		limits, "is taken from the client behind the response, up to 256 KiB",
		Row{Case: "that comes behind the answer", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
	),
	chosen("Cowboy before 2.13 may never read from a connection again whose flow control has stopped it.",
		readme, "HTTP/1.1 connections are closed behind an upload of more than this",
		Row{Case: "chunked read of 64 MiB", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
		Row{Case: "read of 64 MiB", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	),
)
