package cases

import "slices"

// What Cowboy or a document makes of the expectations.
var expectationsForced = slices.Concat(
	because("A client that waits to be told, when its handler aborts, is not waited for.",
		Row{Case: "panic", On: OnlyH1, Mounts: Every, Differs: facts{"end": "cut"}},
	),
	because("Whoever waits to be told to go on is answered, and the connection ended, as the body may come or not.",
		Row{Case: "closed", On: OnlyH1, Mounts: Every, Differs: facts{"end": "whole", "handler": "returned", "next": "closed", "status": "200"}, Clause: "RFC 9110, 10.1.1", NetHTTP: facts{"end": "hung", "handler": "never returned", "next": "", "status": "-"}},
		Row{Case: "not read", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, Clause: "RFC 9110, 10.1.1", NetHTTP: facts{"next": "hung"}},
		Row{Case: "not read with a large answer", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, Clause: "RFC 9110, 10.1.1", NetHTTP: facts{"next": "hung"}},
		Row{Case: "refused", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, Clause: "RFC 9110, 10.1.1", NetHTTP: facts{"next": "hung"}},
		Row{Case: "refused with 417", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, Clause: "RFC 9110, 10.1.1", NetHTTP: facts{"next": "hung"}},
	),
	because("Cowboy says 100 Continue only where it is waited for.",
		Row{Case: "hints first", On: OnlyH1, Mounts: Every, Differs: facts{"inform2.reason": "-", "inform2.status": "-"}},
		Row{Case: "sent at once and read", On: OnlyH1, Mounts: Every, Differs: facts{"inform1.reason": "-", "inform1.status": "-"}},
		Row{Case: "something else too", On: OnlyH1, Mounts: Every, Differs: facts{"inform1.reason": "-", "inform1.status": "-"}},
		Row{Case: "something else too", On: OnlyH2, Mounts: Every, Differs: facts{"inform1.status": "-"}},
		Row{Case: "with a length of 0", On: OnlyH2, Mounts: Every, Differs: facts{"inform1.status": "-"}},
		Row{Case: "without a body", On: OnlyH2, Mounts: Every, Differs: facts{"inform1.status": "-"}},
	),
)

// What gwport has decided for itself of the same.
var expectationsChosen = slices.Concat(
	chosen("What an app has not read is taken from the client behind the response, also where that has waited to be told.",
		limits, "is taken from the client behind the response, up to 256 KiB",
		Row{Case: "half read", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
		Row{Case: "said and not read", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
		Row{Case: "too much", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}, NetHTTP: facts{"next": "closed"}},
	),
)
