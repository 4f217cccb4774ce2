package bridgetest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/etf"
)

// A Request is what a host forwards. The zero value is GET / HTTP/1.1 of
// http://localhost, without a body.
type Request struct {
	Method   string // GET if empty
	Path     string // as received; "/" if empty. What follows a ? is the query
	Version  [2]int // {1, 1} if zero
	Scheme   string // http if empty
	Host     string // localhost if empty
	Port     int    // the scheme's own if 0
	Peer     string // 127.0.0.1 if empty; "unix" for a Unix socket's client
	Headers  []bridge.Header
	NoHost   bool // no host header is added
	PathInfo int  // segments behind the route: all if 0, none if -1

	Body    []byte
	Chunked bool // the body's length is not told
	// Trailers end the request if there are any.
	Trailers []bridge.Header
	Continue bool

	App     string
	Timeout time.Duration // none if 0
	Cert    []byte
	TLS     bool // the client's connection is encrypted; Scheme alone is a name
	Proxied bool // Scheme is the word of a proxy that the host trusts
	Files   bool // files may be part of the response
	Upgrade bool // the client's connection can be taken over

	// Protocol is what an extended CONNECT of HTTP/2 asks for.
	Protocol string

	// Window is the first credit of the response: 256 KiB if 0, none if -1.
	Window int
}

// Term is the request's map, as section 6 of SPEC.md has it, with its keys in the order
// in which the BEAM writes them.
func (r Request) Term() etf.Map {
	path, query, _ := strings.Cut(orText(r.Path, "/"), "?")
	scheme, host := orText(r.Scheme, "http"), orText(r.Host, "localhost")
	version, port, peer := r.Version, r.Port, orText(r.Peer, "127.0.0.1")
	if version == [2]int{} {
		version = [2]int{1, 1}
	}
	if port == 0 {
		port = map[string]int{"http": 80, "https": 443}[scheme]
	}
	if peer == "unix" {
		peer = ""
	}
	headers := r.Headers
	if !r.NoHost {
		headers = append([]bridge.Header{{Name: "host", Value: host}}, headers...)
	}
	m := etf.Map{
		{Key: "method", Value: orText(r.Method, "GET")},
		{Key: "path", Value: path},
		{Key: "query", Value: query},
		{Key: "version", Value: etf.Tuple{version[0], version[1]}},
		{Key: "scheme", Value: scheme},
		{Key: "host", Value: host},
		{Key: "port", Value: port},
		{Key: "peer", Value: etf.Tuple{peer, 50000}},
		{Key: "local", Value: etf.Tuple{"127.0.0.1", port}},
		{Key: "headers", Value: pairsTerm(headers)},
		{Key: "path_info", Value: r.pathInfo(path)},
	}
	m = r.addOptional(m)
	slices.SortFunc(m, func(a, b etf.Pair) int { return cmp.Compare(a.Key.(string), b.Key.(string)) })
	return m
}

// Open is the payload of the open that forwards the request.
func (r Request) Open() []byte {
	return term(etf.Tuple{0, r.window(), r.Term()})
}

func (r Request) addOptional(m etf.Map) etf.Map {
	add := func(key string, value any) { m = append(m, etf.Pair{Key: key, Value: value}) }
	if !r.Chunked {
		add("length", len(r.Body))
	}
	if r.Continue {
		add("continue", true)
	}
	if r.App != "" {
		add("app", r.App)
	}
	if r.Timeout != 0 {
		add("timeout", r.Timeout.Milliseconds())
	}
	if r.Cert != nil {
		add("cert", r.Cert)
	}
	if r.TLS {
		add("tls", true)
	}
	if r.Proxied {
		add("proxied", true)
	}
	if r.Files {
		add("file", true)
	}
	if r.Upgrade {
		add("upgrade", true)
	}
	if r.Protocol != "" {
		add("protocol", r.Protocol)
	}
	return m
}

func (r Request) pathInfo(path string) int {
	switch r.PathInfo {
	case 0:
		return len(path) // there are not as many
	case -1:
		return 0
	}
	return r.PathInfo
}

func (r Request) window() int {
	switch r.Window {
	case 0:
		return 256 << 10
	case -1:
		return 0
	}
	return r.Window
}

func pairsTerm(headers []bridge.Header) etf.List {
	l := etf.List{}
	for _, h := range headers {
		l = append(l, etf.Tuple{h.Name, h.Value})
	}
	return l
}

func orText(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}
