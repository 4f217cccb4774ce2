package cases

import "slices"

// What Cowboy or a document makes of the informs.
var informsForced = slices.Concat(
	because("A handler that fails before its head is out is answered with 500, as Cowboy answers for its own.",
		Row{Case: "before a panic", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
		Row{Case: "before a panic", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "500"}},
	),
	because("Cowboy sends no informational response to HTTP/1.0.",
		Row{Case: "on 1.0", On: OnlyH1, Mounts: Every, Differs: facts{"inform1.reason": "-", "inform1.status": "-"}},
	),
	because("A control byte does not go into a field.",
		Row{Case: "with a bad field", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 5.5", NetHTTP: facts{"field.x-bad": "a\x00b"}},
		Row{Case: "with a bad field", On: OnlyH1, Mounts: Every, Differs: facts{"field.x-bad": "a b", "inform1.field.x-bad": "a b"}, Clause: "RFC 9110, 5.5", NetHTTP: facts{"field.x-bad": "a\x00b", "inform1.field.x-bad": "a\x00b"}},
	),
	because("Cowboy gives no way to end an HTTP/2 connection behind a response.",
		Row{Case: "with connection", On: OnlyH2, Mounts: Every, Differs: facts{"next": "served"}},
	),
)

// What gwport has decided for itself of the same.
var informsChosen = slices.Concat(
	chosen("A program may send 16 informational responses for a request.",
		spec, "| informs a stream | 16, fixed | host |",
		Row{Case: "17", On: OnlyH1, Mounts: Every, Differs: facts{"inform17.reason": "-", "inform17.status": "-"}, NetHTTP: facts{"inform17.reason": "Early Hints", "inform17.status": "103"}},
		Row{Case: "17", On: OnlyH2, Mounts: Every, Differs: facts{"inform17.status": "-"}, NetHTTP: facts{"inform17.status": "103"}},
	),
)
