package cases

import "slices"

// What Cowboy or a document makes of the hosts.
var hostsForced = slices.Concat(
	because("Cowboy answers to what has no version at once.",
		Row{Case: "0.9", On: []string{H1}, Mounts: Every, Differs: facts{"end": "whole", "next": "closed", "status": "400"}},
	),
	because("Cowboy reads the line in its own way.",
		Row{Case: "1.2", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "505"}},
		Row{Case: "protocol that is none", On: OnlyH1, Mounts: Every, Differs: facts{"status": "505"}},
	),
	because("Cowboy gives no way to end an HTTP/2 connection behind a response.",
		Row{Case: "handler closes", On: OnlyH2, Mounts: Every, Differs: facts{"next": "served"}},
	),
	because("Cowboy gives the authority in lower case, and without the port that the scheme implies.",
		Row{Case: "in capitals", On: OnlyH2, Mounts: Every, Differs: facts{"saw.host": "example.test"}},
		Row{Case: "with port 443", On: []string{TLSH2}, Mounts: Every, Differs: facts{"saw.host": "example.test"}},
		Row{Case: "with port 80", On: []string{H2C}, Mounts: Every, Differs: facts{"saw.host": "example.test"}},
	),
	because("Cowboy refuses such a host.",
		Row{Case: "none", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "handler": "not entered", "next": "", "status": "-"}},
		Row{Case: "with a port that is none", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "refused", "handler": "-", "status": "-"}},
		Row{Case: "with a port that is none", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "handler": "not entered", "next": "", "status": "-"}},
		Row{Case: "with a port that is none", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
		Row{Case: "with a slash", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "handler": "not entered", "next": "", "status": "-"}},
		Row{Case: "with a space", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "handler": "not entered", "next": "", "status": "-"}},
		Row{Case: "with an empty port", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "refused", "handler": "-", "status": "-"}},
		Row{Case: "with an empty port", On: OnlyH2, Mounts: Every, Differs: facts{"end": "reset", "handler": "not entered", "next": "", "status": "-"}},
		Row{Case: "with an empty port", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
		Row{Case: "with port 65536", On: OnlyH1, Mounts: Every, Differs: facts{"handler": "not entered", "next": "closed", "status": "400"}},
	),
	because("Cowboy gives a malformed request of HTTP/2 to its handler, which can answer it but cannot reset it as malformed.",
		Row{Case: "scheme of another kind", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
		Row{Case: "scheme that is none", On: OnlyH2, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "400"}},
	),
)

// What gwport has decided for itself of the same.
var hostsChosen = slices.Concat(
	chosen("The host that a request is for is told once.",
		readme, "`r.Header` has no `Host`",
		Row{Case: "authority and another host", On: OnlyH2, Mounts: Every, Differs: facts{"saw.header.Host": "-"}, NetHTTP: facts{"saw.header.Host": "other.test"}},
		Row{Case: "authority and the same host", On: OnlyH2, Mounts: Every, Differs: facts{"saw.header.Host": "-"}, NetHTTP: facts{"saw.header.Host": "example.test"}},
		Row{Case: "host alone", On: OnlyH2, Mounts: Every, Differs: facts{"saw.header.Host": "-"}, NetHTTP: facts{"saw.header.Host": "example.test"}},
	),
	chosen("A port has 16 bits.",
		spec, "to 65,535 for a port",
		Row{Case: "with port 65536", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"end": "refused", "handler": "-", "status": "-"}, NetHTTP: facts{"end": "whole", "handler": "returned", "status": "200"}},
		Row{Case: "with port 65536", On: OnlyH2, Mounts: Every, Differs: facts{"handler": "not entered", "status": "400"}, NetHTTP: facts{"handler": "returned", "status": "200"}},
	),
	chosen("Cowboy takes an upgrade to HTTP/2 at its word, and the request is one of that.",
		spec, "`{1,0}`, `{1,1}`, `{2,0}`: of the client's connection",
		Row{Case: "upgrade to h2c", On: []string{H1}, Mounts: Every, Differs: facts{"body": "\"\"", "date": "false", "field.content-type": "-", "field.upgrade": "h2c", "framing": "none", "length": "-", "reason": "Switching Protocols", "saw.header.Connection": "-", "saw.header.Http2-Settings": "-", "saw.header.Upgrade": "-", "saw.nobody": "false", "saw.proto": "HTTP/2.0 2.0", "status": "101"}, NetHTTP: facts{"body": "\"hello\"", "date": "true", "field.content-type": "text/plain; charset=utf-8", "field.upgrade": "-", "framing": "length", "length": "5", "reason": "OK", "saw.header.Connection": "Upgrade, HTTP2-Settings", "saw.header.Http2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA", "saw.header.Upgrade": "h2c", "saw.nobody": "true", "saw.proto": "HTTP/1.1 1.1", "status": "200"}},
	),
)
