package cases

import "slices"

// What Cowboy or a document makes of the statuses.
var statusesForced = slices.Concat(
	because("A 204 has no length.",
		Row{Case: "204 with a length", On: OnlyH2, Mounts: Every, Differs: facts{"framing": "none", "length": "-"}, Clause: "RFC 9110, 8.6", NetHTTP: facts{"framing": "length 5 of 0 bytes", "length": "5"}},
	),
	because("Fields of the connection are not passed on.",
		Row{Case: "426 with upgrade", On: OnlyH2, Mounts: Every, Differs: facts{"field.upgrade": "-"}, Clause: "RFC 9113, 8.2.2", NetHTTP: facts{"field.upgrade": "h2c"}},
	),
)

// What gwport has decided for itself of the statuses.
var statusesChosen = slices.Concat(
	chosen("A 101 is the word of who takes the connection over, and of nobody else.",
		limits, "a handler that sets 101 and does not call it is answered with 502",
		Row{Case: "101", On: OnlyH1, Mounts: Every, Differs: facts{"body": "\"The application gave no valid answer.\\n\"", "field.content-type": "text/plain; charset=utf-8", "framing": "length", "reason": "Bad Gateway", "status": "502"}, NetHTTP: facts{"body": "\"\"", "field.content-type": "-", "framing": "none", "reason": "Switching Protocols", "status": "101"}},
		Row{Case: "101", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "not whole", "status": "-"}, NetHTTP: facts{"end": "whole", "status": "101"}},
	),
)
