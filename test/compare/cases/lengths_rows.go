package cases

import "slices"

// What Cowboy or a document makes of the lengths.
var lengthsForced = slices.Concat(
	because("Cowboy keeps a connection on which a response was whole.",
		Row{Case: "too long a body", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}},
		Row{Case: "zero and a body", On: OnlyH1, Mounts: Every, Differs: facts{"next": "served"}},
	),
	because("A response that is not as long as it says is malformed, so it is not ended as if it were whole, and what is too much is not sent.",
		Row{Case: "copied too much", On: OnlyH2, Mounts: Every, Differs: facts{"body": "\"\"", "end": "reset", "field.content-type": "-", "framing": "frames", "next": "", "saw.op2.copy": "0 content length"}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"body": "3000 bytes e8ca4bf83f56152c", "end": "whole", "field.content-type": "application/octet-stream", "framing": "length 300 of 3000 bytes", "next": "served", "saw.op2.copy": "3000 nil"}},
		Row{Case: "no body", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "framing": "frames", "next": ""}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"end": "whole", "framing": "length 10 of 0 bytes", "next": "served"}},
		Row{Case: "no body with a status", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "framing": "frames", "next": ""}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"end": "whole", "framing": "length 10 of 0 bytes", "next": "served"}},
		Row{Case: "too long a body", On: OnlyH2, Mounts: Every, Differs: facts{"body": "\"hel\"", "framing": "frames", "saw.op3.write": "0 content length"}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"body": "\"hello\"", "framing": "length 3 of 5 bytes", "saw.op3.write": "2 nil"}},
		Row{Case: "too long a body at once", On: OnlyH2, Mounts: Every, Differs: facts{"body": "\"\"", "end": "reset", "field.content-type": "-", "framing": "frames", "next": "", "saw.op2.write": "0 content length"}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"body": "\"hello\"", "end": "whole", "field.content-type": "text/plain; charset=utf-8", "framing": "length 3 of 5 bytes", "next": "served", "saw.op2.write": "5 nil"}},
		Row{Case: "too short a body", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "framing": "frames", "next": ""}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"end": "whole", "framing": "length 10 of 4 bytes", "next": "served"}},
		Row{Case: "too short a body flushed", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "framing": "frames", "next": ""}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"end": "whole", "framing": "length 10 of 4 bytes", "next": "served"}},
		Row{Case: "too short a large body", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "framing": "frames", "next": ""}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"end": "whole", "framing": "length 200000 of 100000 bytes", "next": "served"}},
		Row{Case: "zero and a body", On: OnlyH2, Mounts: Every, Differs: facts{"body": "\"\"", "field.content-type": "-", "framing": "frames", "saw.op2.write": "0 content length"}, Clause: "RFC 9113, 8.1.1", NetHTTP: facts{"body": "\"x\"", "field.content-type": "text/plain; charset=utf-8", "framing": "length 0 of 1 bytes", "saw.op2.write": "1 nil"}},
	),
	because("A length is digits alone.",
		Row{Case: "empty", On: OnlyH2, Mounts: Every, Differs: facts{"framing": "frames", "length": "5"}, Clause: "RFC 9110, 2.2 and 8.6", NetHTTP: facts{"framing": "length  of 5 bytes", "length": ""}},
		Row{Case: "with a plus", On: OnlyH1, Mounts: Every, Differs: facts{"length": "5"}, Clause: "RFC 9110, 2.2 and 8.6", NetHTTP: facts{"length": "+5"}},
	),
	because("A response with two lengths is for nobody to read.",
		Row{Case: "two that differ", On: OnlyH1, Mounts: Every, Differs: facts{"body": "\"hello\"", "end": "whole", "framing": "length", "length": "5", "next": "served"}, Clause: "RFC 9110, 2.2 and 8.6", NetHTTP: facts{"body": "\"\"", "end": "cut", "framing": "length 5, 6", "length": "5, 6", "next": ""}},
		Row{Case: "two that differ", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "200"}, Clause: "RFC 9110, 2.2 and 8.6", NetHTTP: facts{"end": "not whole", "status": "-"}},
		Row{Case: "two that do not", On: OnlyH1, Mounts: Every, Differs: facts{"body": "\"hello\"", "end": "whole", "framing": "length", "length": "5", "next": "served"}, Clause: "RFC 9110, 2.2 and 8.6", NetHTTP: facts{"body": "\"\"", "end": "cut", "framing": "length 5, 5", "length": "5, 5", "next": ""}},
		Row{Case: "two that do not", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "whole", "status": "200"}, Clause: "RFC 9110, 2.2 and 8.6", NetHTTP: facts{"end": "not whole", "status": "-"}},
	),
	because("Cowboy writes the length itself.",
		Row{Case: "with leading zeros", On: All, Mounts: Every, Differs: facts{"length": "5"}},
	),
)

// What gwport has decided for itself of the same.
var lengthsChosen = slices.Concat(
	chosen("A Write that a HEAD does not send succeeds, before a Flush and behind it.",
		limits, "A `Write` to a HEAD succeeds",
		Row{Case: "head flushed", On: OnlyH2, Mounts: Every, Differs: facts{"saw.op3.write": "4 nil"}, NetHTTP: facts{"saw.op3.write": "0 short write"}},
	),
)
