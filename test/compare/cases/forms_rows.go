package cases

import "slices"

// What Cowboy or a document makes of the forms.
var formsForced = slices.Concat(
	because("A handler that fails before its head is out is answered with 500, as Cowboy answers for its own.",
		Row{Case: "multipart on disk and a panic", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
	),
)

// What gwport has decided for itself of the same.
var formsChosen = slices.Concat(
	chosen("http.MaxBytesReader tells only net/http's own writer that the connection is to end.",
		limits, "`http.MaxBytesReader` past its limit does not end an HTTP/1.1 connection",
		Row{Case: "past the bound", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
		Row{Case: "past the bound chunked", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
		Row{Case: "past the bound with an error", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
		Row{Case: "past a bound of nothing", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
	),
	chosen("Cowboy gives a body while its answer is under way.",
		limits, "A body may always be read while its response is written",
		Row{Case: "past the bound behind a flush", On: OnlyH1, Mounts: []string{Route, Stream, AppOf, Call}, Differs: facts{"saw.op3.maxbytes": "100 bytes bce0aff19cf5aa6a7469a30d61d04e4376e4bbf6381052ee9e7f33925c954d52 MaxBytesError 100"}, NetHTTP: facts{"saw.op3.maxbytes": `"" read after close`}},
	),
)
