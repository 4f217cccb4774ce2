package bridge

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// An Environ is one request's gateway variables (SPEC.md, section 10): a fresh
// map for each request, which middleware may change.
//
// Values of keys without a dot are strings. Those with one are
//
//	gwport.version                          [2]int{1, 0}
//	gwport.url_scheme                       string, "http" or "https"
//	gwport.script_name, gwport.path_info    string, not decoded
//	gwport.input                            io.Reader, the request's body
//	gwport.errors                           io.Writer, lines for the log
//	gwport.multithread, gwport.multiprocess bool, true: apps run side by side
//	gwport.async                            bool: an App may return a Deferred
//	gwport.run_once                         bool, false
//	gwport.wake                             interface{ Wake() }, where gwport.async is true
type Environ map[string]any

// String returns the string at key, or "".
func (e Environ) String(key string) string {
	s, _ := e[key].(string)
	return s
}

// Method is the request's method.
func (e Environ) Method() string { return e.String("REQUEST_METHOD") }

// Header returns a header of the request, by its usual name, or "".
func (e Environ) Header(name string) string {
	return e.String(headerKey(name))
}

// Input is the request's body.
func (e Environ) Input() io.Reader {
	if r, ok := e["gwport.input"].(io.Reader); ok {
		return r
	}
	return http.NoBody
}

// Wake returns a function that has the request's [Deferred] called again: as soon as that can
// be, but not by whoever calls the function, and once for however many calls meanwhile.
// It does not wait, anybody may call it at any time, and it does nothing when there is a
// Response or the request has ended. Whoever keeps it keeps the request, and should
// let go of it then: context.AfterFunc tells when. Where gwport.async is false it does nothing.
func (e Environ) Wake() func() {
	if w, ok := e["gwport.wake"].(interface{ Wake() }); ok {
		return w.Wake
	}
	return func() {}
}

// WakeOn has the request's [Deferred] called again when done has been closed, unless the App's
// context is done before, which every server sees to, and a test that calls ServeHTTP should.
// Nothing is to be sent on done. One goroutine waits for each channel, however many requests do.
func (e Environ) WakeOn(ctx context.Context, done <-chan struct{}) {
	watch(ctx, done, e.Wake())
}

// Errors is where an app may write lines for the log.
func (e Environ) Errors() io.Writer {
	if w, ok := e["gwport.errors"].(io.Writer); ok {
		return w
	}
	return os.Stderr
}

// environKeys is how many there are beside those of the header.
const environKeys = 21

// environ derives the variables that follow from the request alone. They are
// the same on both sides of the wire, held to it by test/vectors/environ.txt.
func (q *request) environ() Environ {
	p := splitPath(q.Path, q.PathInfo)
	env := make(Environ, environKeys+len(q.Headers)) // which costs less than to grow it
	env["REQUEST_METHOD"] = q.Method
	env["SCRIPT_NAME"] = p.script
	env["PATH_INFO"] = p.info
	env["QUERY_STRING"] = q.Query
	env["SERVER_NAME"] = q.serverName()
	env["SERVER_PORT"] = strconv.Itoa(q.Port)
	env["SERVER_PROTOCOL"] = q.protocol()
	env["REMOTE_ADDR"] = q.Peer.Host
	env["REMOTE_PORT"] = strconv.Itoa(q.Peer.Port)
	env["REQUEST_URI"] = q.uri()
	env["gwport.version"] = [2]int{1, 0}
	env["gwport.url_scheme"] = q.Scheme
	env["gwport.script_name"] = p.rawScript
	env["gwport.path_info"] = p.rawInfo
	for _, h := range q.Headers {
		env.addHeader(h.Name, h.Value)
	}
	return env
}

func (q *request) serverName() string {
	if q.Host == "" {
		return q.Local.Host
	}
	return q.Host
}

// protocol is HTTP/1.1 in CGI's spelling, where HTTP/2 has no minor number.
func (q *request) protocol() string {
	if q.Major >= 2 && q.Minor == 0 {
		return "HTTP/" + strconv.Itoa(q.Major)
	}
	return q.proto()
}

// addHeader adds a header's value to what is there of the same name [E3].
func (e Environ) addHeader(name, value string) {
	key := headerKey(name)
	if key == "" {
		return
	}
	if old, ok := e[key].(string); ok {
		sep := ", "
		if key == "HTTP_COOKIE" {
			sep = "; "
		}
		value = old + sep + value
	}
	e[key] = value
}

// headerKey is a header's key in the environ; empty if it has none [E2]: a name
// with an underscore would pose as another, and HTTP_PROXY is what many programs
// take for their proxy's address.
func headerKey(name string) string {
	switch strings.ToLower(name) {
	case "content-type":
		return "CONTENT_TYPE"
	case "content-length":
		return "CONTENT_LENGTH"
	case "proxy":
		return ""
	}
	key := make([]byte, 0, 64)
	key = append(key, "HTTP_"...)
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case c == '-':
			c = '_'
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return ""
		}
		key = append(key, c)
	}
	return string(key)
}
