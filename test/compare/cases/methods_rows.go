package cases

import "slices"

// What Cowboy or a document makes of the methods.
var methodsForced = slices.Concat(
	because("Cowboy gives a malformed request of HTTP/2 to its handler, which can answer it but cannot reset it as malformed.",
		Row{Case: "empty", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
	),
	because("Cowboy refuses it.",
		Row{Case: "get of all", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
	),
	because("Cowboy does not serve such a method.",
		Row{Case: "of 32 bytes", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "501"}},
		Row{Case: "trace", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "501"}},
		Row{Case: "trace", On: OnlyH2, Mounts: Every, Differs: facts{"handler": "not entered", "status": "501"}},
	),
)

// What gwport has decided for itself of the same.
var methodsChosen = slices.Concat(
	chosen("A method is a token.",
		readme, "a name or method that is no token",
		Row{Case: "no token", On: OnlyH2, Mounts: Every, Differs: facts{"handler": "not entered", "status": "400"}, NetHTTP: facts{"handler": "returned", "status": "200"}},
	),
)
