package cases

import "slices"

// What is to come for the interfaces.
var interfacesNotYet = slices.Concat(
	because("Nothing can take a connection over.",
		Row{Case: "Hijacker", On: OnlyH1, Mounts: Every, Differs: facts{"saw.op1.has": "false"}, Needs: "hijack"},
		Row{Case: "Hijacker", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"saw.op1.has": "false"}, Needs: "hijack"},
		Row{Case: "hijack", On: OnlyH1, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "saw.op1.hijack": "wraps not supported", "saw.op2.write": "1 nil", "status": "200"}, Needs: "hijack"},
		Row{Case: "hijack", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "saw.op1.hijack": "wraps not supported", "saw.op2.write": "1 nil", "status": "200"}, Needs: "hijack"},
	),
	because("The wire has no promise of a response.",
		Row{Case: "Pusher", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.has": "false"}, Needs: "push"},
		Row{Case: "push", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.push": "no Pusher"}, Needs: "push"},
	),
)

// What gwport has decided for itself of the same.
var interfacesChosen = slices.Concat(
	chosen("One writer serves both protocols, and can be copied to on either.",
		readme, "It is an `io.ReaderFrom`, as on HTTP/1.1",
		Row{Case: "ReaderFrom", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.has": "true"}, NetHTTP: facts{"saw.op1.has": "false"}},
	),
)
