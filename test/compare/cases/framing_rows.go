package cases

import "slices"

// What Cowboy or a document makes of the framing.
var framingForced = slices.Concat(
	because("Cowboy has another status for what it does not decode.",
		Row{Case: "a coding that is empty", On: OnlyH1, Mounts: Every, Differs: facts{"status": "400"}},
		Row{Case: "chunked twice", On: OnlyH1, Mounts: Every, Differs: facts{"status": "400"}},
		Row{Case: "gzip", On: OnlyH1, Mounts: Every, Differs: facts{"status": "400"}},
		Row{Case: "gzip and chunked", On: OnlyH1, Mounts: Every, Differs: facts{"status": "400"}},
		Row{Case: "identity", On: OnlyH1, Mounts: Every, Differs: facts{"status": "400"}},
	),
	because("Cowboy reads the line in its own way.",
		Row{Case: "a field before the line", On: []string{H1}, Mounts: Every, Differs: facts{"end": "whole", "next": "closed"}},
		Row{Case: "blank lines in front", On: []string{H1}, Mounts: Every, Differs: facts{"end": "whole", "handler": "returned", "next": "served", "status": "200"}},
		Row{Case: "blank lines in front", On: []string{TLSH1}, Mounts: Every, Differs: facts{"handler": "returned", "next": "served", "status": "200"}},
	),
	because("A coding on HTTP/1.0 is for nobody to rely on.",
		Row{Case: "chunked on 1.0", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "status": "400"}, Clause: "RFC 9112, 6.1", NetHTTP: facts{"handler": "returned", "status": "200"}},
	),
	because("Cowboy waits for the rest of a size that is none.",
		Row{Case: "chunked with a negative size", On: OnlyH1, Mounts: Every, Differs: facts{"end": "hung", "handler": "never returned", "next": "", "status": "-"}},
		Row{Case: "chunked with a size that is none", On: OnlyH1, Mounts: Every, Differs: facts{"end": "hung", "handler": "never returned", "next": "", "status": "-"}},
		Row{Case: "chunked with too large a size", On: OnlyH1, Mounts: Every, Differs: facts{"end": "hung", "handler": "never returned", "next": "", "status": "-"}},
	),
	because("Cowboy refuses it.",
		Row{Case: "chunked with lf", On: OnlyH1, Mounts: Every, Differs: facts{"body": `""`, "date": "false", "field.content-type": "-", "length": "0", "reason": "Bad Request", "status": "400"}},
		Row{Case: "chunked with no end of a chunk", On: OnlyH1, Mounts: Every, Differs: facts{"body": `""`, "date": "false", "field.content-type": "-", "length": "0", "reason": "Bad Request", "status": "400"}},
		Row{Case: "length twice", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
	),
	because("A handler that fails before its head is out is answered with 500, as Cowboy answers for its own.",
		Row{Case: "pipelined behind a panic", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
	),
)
