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
	{"gin", "GET /stream", both, noCloseNotifier},
	{"gin", "GET /events", both, noCloseNotifier},
	{"gin", "GET /left", both, noCloseNotifier},
	{"gorilla", "GET /flushed", both, noCloseNotifier},
	{"prometheus", "GET /writer", both, noCloseNotifier},
	{"chi", "abort", both, earlyAbort},
	{"proxy", "in-a-length", both, earlyAbort},
	{"proxy", "no-body", both, earlyAbort},
	{"proxy", "bad-chunk", both, lostPanic},
	{"proxy", "chunks", both, lostPanic},
	{"proxy", "in-a-chunk", both, lostPanic},
	{"httpbin", "/status/304", []string{"h2c"}, "net/http over HTTP/2 keeps a 304's content-type, we drop it"},
}

const (
	noCloseNotifier = "the ResponseWriter is no http.CloseNotifier"
	earlyAbort      = "http.ErrAbortHandler before the head is sent is answered, and not broken off"
	lostPanic       = "ReverseProxy does not find http.ServerContextKey, and ends a broken response as if it were whole"
)

// whyDifferent is empty for what must be the same.
func whyDifferent(app, protocol, note string) string {
	for _, k := range differences {
		if k.app == app && k.note == note && slices.Contains(k.protocols, protocol) {
			return k.why
		}
	}
	return ""
}
