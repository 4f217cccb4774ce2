package thirdparty

import "slices"

// A difference is a note that is known not to be net/http's today.
type known struct {
	app, note string
	protocols []string
	why       string
}

var both = protocols

// differences hold for both mounts. One that is no longer there fails its case, so that the list cannot outlive it.
var differences = []known{
	{"chi", "abort", both, earlyAbort},
	{"connect", "connect unary panic", both, earlyAbort},
	{"connect", "json unary panic", both, earlyAbort},
	{"connect", "get unary panic", both, earlyAbort},
	{"connect", "zipped unary panic", both, earlyAbort},
	{"connect", "web unary panic", both, earlyAbort},
	{"connect", "grpc unary panic", both, earlyAbort},
	{"proxy", "in-a-length", both, earlyAbort},
	{"proxy", "no-body", both, earlyAbort},
}

const earlyAbort = "http.ErrAbortHandler before the head is sent is answered, and not broken off"

// notYet are differences by what will end them, which README's Limits name.
var notYet = []known{
	{"httpbin", "websocket", both, "no Hijack"},
	{"proxy", "upgrade", both, "no Hijack"},
}

// whyDifferent is empty for what must be the same.
func whyDifferent(app, protocol, note string) string {
	for _, k := range slices.Concat(differences, notYet) {
		if k.app == app && k.note == note && slices.Contains(k.protocols, protocol) {
			return k.why
		}
	}
	return ""
}
