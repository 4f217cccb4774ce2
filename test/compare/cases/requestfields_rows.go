package cases

import "slices"

// What Cowboy or a document makes of the request fields.
var requestFieldsForced = slices.Concat(
	because("Cowboy gives a malformed request of HTTP/2 to its handler, which can answer it but cannot reset it as malformed.",
		Row{Case: "a name with a bracket", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a name with a space", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a name with utf-8", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a value with a control byte", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a value with a field inside", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a value with cr", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a value with del", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a value with lf", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "a value with nul", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
	),
	because("Cowboy resets a stream with fields of the connection in it.",
		Row{Case: "connection in a frame", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "next": "", "status": "-"}},
		Row{Case: "keep-alive in a frame", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "next": "", "status": "-"}},
		Row{Case: "te of another kind in a frame", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "next": "", "status": "-"}},
		Row{Case: "transfer-encoding in a frame", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "next": "", "status": "-"}},
		Row{Case: "upgrade in a frame", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "next": "", "status": "-"}},
	),
	because("Cowboy joins the fields of cookies.",
		Row{Case: "cookies in several fields", On: OnlyH1, Mounts: Every, Differs: facts{"saw.header.Cookie": "a=1; b=2; a=3"}},
	),
	because("Cowboy refuses it.",
		Row{Case: "folded", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
	),
	because("Cowboy reads the line in its own way.",
		Row{Case: "lines that end in lf", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "505"}},
	),
)
