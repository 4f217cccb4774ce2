package bridge

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// EnvironOf returns a request's environ, made afresh. It takes requests of the
// bridge's and of any other net/http server, and what handlers around it have
// changed: after http.StripPrefix, what was stripped is in SCRIPT_NAME. The scheme
// is https where the client's connection is encrypted, and what a proxy says of it
// where the host trusts that.
func EnvironOf(r *http.Request) Environ {
	q := requestFrom(r)
	env := q.environ()
	env["gwport.input"] = io.Reader(r.Body)
	if r.Body == nil {
		env["gwport.input"] = io.Reader(http.NoBody)
	}
	env["gwport.errors"] = errorsOf(r.Context())
	env["gwport.async"] = false
	env["gwport.multithread"] = true
	env["gwport.multiprocess"] = true
	env["gwport.run_once"] = false
	return env
}

// requestFrom is the way back from a handler's request to a forwarded one.
func requestFrom(r *http.Request) *request {
	q := &request{wire.Request{
		Method: r.Method,
		Major:  r.ProtoMajor,
		Minor:  r.ProtoMinor,
		Scheme: "http",
		Length: r.ContentLength,
	}}
	q.Path, q.Query = targetOf(r)
	if r.TLS != nil {
		q.Scheme = "https"
	}
	if x := exchangeOf(r.Context()); x != nil && x.request.Proxied {
		q.Scheme = x.request.Scheme
	}
	q.Host, q.Port = splitHost(r.Host, q.Scheme)
	q.Peer = parseAddress(r.RemoteAddr)
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		q.Local = parseAddress(a.String())
	}
	q.Headers = pairsOf(r)
	q.PathInfo = pathInfoOf(r, q.Path)
	return q
}

// targetOf is the request's target as it was received. One in absolute form has
// an authority before it; a request that a test has made may have only a URL.
func targetOf(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if _, rest, ok := strings.Cut(uri, "://"); ok && !strings.HasPrefix(uri, "/") {
		uri = "/"
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			uri = rest[i:]
		}
	}
	if uri == "" {
		return r.URL.EscapedPath(), r.URL.RawQuery
	}
	path, query, _ = strings.Cut(uri, "?")
	return path, query
}

// splitHost parts a Host header into name and port; the port is the scheme's
// own where there is none.
func splitHost(host, scheme string) (name string, port int) {
	port = 80
	if scheme == "https" {
		port = 443
	}
	name, digits, err := net.SplitHostPort(host)
	if err != nil {
		return strings.ToLower(host), port
	}
	if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
		port = int(n)
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return strings.ToLower(name), port
}

func parseAddress(s string) wire.Address {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return wire.Address{} // a Unix socket
	}
	n, _ := strconv.ParseUint(port, 10, 16)
	return wire.Address{Host: host, Port: int(n)}
}

// pairsOf returns the header as pairs, with what net/http has taken out of it.
func pairsOf(r *http.Request) []wire.Pair {
	pairs := make([]wire.Pair, 0, len(r.Header)+2)
	if r.Host != "" {
		pairs = append(pairs, wire.Pair{Name: "host", Value: r.Host})
	}
	if len(r.TransferEncoding) > 0 {
		pairs = append(pairs, wire.Pair{Name: "transfer-encoding", Value: strings.Join(r.TransferEncoding, ", ")})
	}
	for name, values := range r.Header {
		for _, v := range values {
			pairs = append(pairs, wire.Pair{Name: name, Value: v})
		}
	}
	return pairs
}

// pathInfoOf counts the segments of PATH_INFO. A prefix that was stripped off
// URL.Path is SCRIPT_NAME; else the host has said how much its route matched;
// else all of the path is PATH_INFO.
func pathInfoOf(r *http.Request, path string) int {
	all := splitPath(path, len(path))
	if left := splitPath(r.URL.EscapedPath(), len(path)); left != all && strings.HasSuffix(all.rawInfo, left.rawInfo) {
		return countSegments(r.URL.EscapedPath())
	}
	if mount, ok := r.Context().Value(mountKey{}).(string); ok {
		return countSegments(path) - countSegments(mount)
	}
	if x := exchangeOf(r.Context()); x != nil {
		return x.request.PathInfo
	}
	return len(path)
}

// mountKey is the context's key for the path that an app is mounted at, where no host says so.
type mountKey struct{}

func countSegments(path string) int {
	if !strings.HasPrefix(path, "/") {
		return 0
	}
	segments, _ := resolve(path)
	return len(segments)
}

// errorsOf is where an app's errors go: to the host's log, with the stream's
// number, or to standard error.
func errorsOf(ctx context.Context) io.Writer {
	if x := exchangeOf(ctx); x != nil {
		return exchangeErrors{x}
	}
	return os.Stderr
}

// exchangeErrors writes lines of the log.
type exchangeErrors struct{ x *exchange }

// Write makes a line of the log of each line in p.
func (w exchangeErrors) Write(p []byte) (int, error) {
	for text := range strings.Lines(string(p)) {
		if text = strings.TrimRight(text, "\r\n"); text != "" {
			w.x.log(wire.LevelError, text)
		}
	}
	return len(p), nil
}
