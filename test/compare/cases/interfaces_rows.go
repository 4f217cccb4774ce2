package cases

import "slices"

// What gwport has decided for itself of the interfaces.
var interfacesChosen = slices.Concat(
	chosen("No browser takes what a server pushes any more.",
		limits, "the writer of an HTTP/2 request is no `http.Pusher`",
		Row{Case: "Pusher", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.has": "false"}, NetHTTP: facts{"saw.op1.has": "true"}},
		Row{Case: "push", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.push": "no Pusher"}, NetHTTP: facts{"saw.op1.push": "not supported"}},
	),
	chosen("One writer serves both protocols, and can be copied to on either.",
		limits, "It is an `io.ReaderFrom`, as on HTTP/1.1",
		Row{Case: "ReaderFrom", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.has": "true"}, NetHTTP: facts{"saw.op1.has": "false"}},
	),
	chosen("One writer serves both protocols, and says whether it can when it is asked.",
		limits, "is an `http.Hijacker`, which net/http's is not",
		Row{Case: "Hijacker", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op1.has": "true"}, NetHTTP: facts{"saw.op1.has": "false"}},
	),
	chosen("A connection is kept for an app that may want it where its client asks for an upgrade, and for no other request.",
		limits, "`Hijack` is for HTTP/1.1 requests without a body that ask for an upgrade",
		Row{Case: "hijack", On: OnlyH1, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "saw.op1.hijack": "wraps not supported", "saw.op2.write": "1 nil", "status": "200"}, NetHTTP: facts{"end": "cut", "next": "", "saw.op1.hijack": "nil", "saw.op2.write": "0 hijacked", "status": "-"}},
		Row{Case: "hijack", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "saw.op1.hijack": "wraps not supported", "saw.op2.write": "1 nil", "status": "200"}, NetHTTP: facts{"end": "not whole", "saw.op1.hijack": "nil", "saw.op2.write": "0 hijacked", "status": "-"}},
	),
)
