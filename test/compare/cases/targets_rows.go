package cases

import "slices"

// What Cowboy or a document makes of the targets.
var targetsForced = slices.Concat(
	because("Cowboy keeps path and query of the absolute form alone.",
		Row{Case: "absolute form", On: OnlyH1, Mounts: Every, Differs: facts{"saw.requesturi": "/a/b?c", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/a/b\" raw=\"\" force=false query=\"c\" fragment=\"\" omit=false", "saw.url.string": "/a/b?c"}},
		Row{Case: "absolute form with a port", On: OnlyH1, Mounts: Every, Differs: facts{"saw.requesturi": "/a", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/a\" raw=\"\" force=false query=\"\" fragment=\"\" omit=false", "saw.url.string": "/a"}},
		Row{Case: "absolute form with https", On: OnlyH1, Mounts: Every, Differs: facts{"saw.requesturi": "/a", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/a\" raw=\"\" force=false query=\"\" fragment=\"\" omit=false", "saw.url.string": "/a"}},
		Row{Case: "absolute form without a path", On: OnlyH1, Mounts: Every, Differs: facts{"saw.requesturi": "/", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/\" raw=\"\" force=false query=\"\" fragment=\"\" omit=false", "saw.url.string": "/"}},
	),
	because("Cowboy refuses such a host.",
		Row{Case: "absolute form of another host", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
	),
	because("Cowboy gives a malformed request of HTTP/2 to its handler, which can answer it but cannot reset it as malformed.",
		Row{Case: "bad escape", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "no slash", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "short escape", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "with a line break", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "with a nul", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
	),
	because("Cowboy does not tell an empty query from none.",
		Row{Case: "empty query", On: All, Mounts: Every, Differs: facts{"saw.requesturi": "/a", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/a\" raw=\"\" force=false query=\"\" fragment=\"\" omit=false", "saw.url.string": "/a"}},
		Row{Case: "empty query", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"saw.requesturi": "/a", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/a\" raw=\"\" force=false query=\"\" fragment=\"\" omit=false", "saw.url.string": "/a"}},
	),
	because("Cowboy cuts the fragment off.",
		Row{Case: "fragment", On: All, Mounts: Every, Differs: facts{"saw.requesturi": "/a", "saw.url": "scheme=\"\" opaque=\"\" user= host=\"\" path=\"/a\" raw=\"\" force=false query=\"\" fragment=\"\" omit=false", "saw.url.string": "/a"}},
	),
	because("Cowboy reads the line in its own way.",
		Row{Case: "with a space", On: OnlyH1, Mounts: Every, Differs: facts{"status": "505"}},
	),
)
