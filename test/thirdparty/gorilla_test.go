package thirdparty

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/handlers"
)

func init() { apps["gorilla"] = newGorilla }

// lockedBuffer is a log that requests write to side by side.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func newGorilla(string) http.Handler {
	var written lockedBuffer
	mux := http.NewServeMux()
	mux.Handle("/methods", handlers.MethodHandler{"GET": text("got"), "PUT": text("put")})
	mux.Handle("/compressed", handlers.CompressHandler(text(strings.Repeat("long ", 2000))))
	mux.Handle("/copied", handlers.CompressHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", 50_000)))
	})))
	mux.Handle("/canonical", handlers.CanonicalHost("http://other.test", 302)(text("never")))
	mux.Handle("/kind", handlers.ContentTypeHandler(text("taken"), "text/plain"))
	mux.Handle("/behind", handlers.ProxyHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.RemoteAddr, r.Host, r.URL.Scheme)
	})))
	mux.Handle("/override", handlers.HTTPMethodOverrideHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.Method)
	})))
	mux.Handle("/cors", handlers.CORS(handlers.AllowedOrigins([]string{"http://a.test"}), handlers.AllowCredentials(),
		handlers.AllowedMethods([]string{"PUT"}))(text("shared")))
	mux.Handle("/panic", handlers.RecoveryHandler(handlers.RecoveryLogger(log.New(io.Discard, "", 0)))(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("gorilla's own to answer") })))
	mux.Handle("/echo", http.HandlerFunc(echoBody))
	// The logger's writer has the interfaces that it finds.
	mux.Handle("/flushed", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		fmt.Fprintln(w, interfaces(w))
	}))
	logged := handlers.CombinedLoggingHandler(&written, mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/log" {
			written.mu.Lock()
			defer written.mu.Unlock()
			_, _ = w.Write(written.buf.Bytes())
			return
		}
		logged.ServeHTTP(w, r)
	})
}

var logTime = regexp.MustCompile(`\[[^]]*\]`)

func TestGorilla(t *testing.T) {
	compare(t, "gorilla", func(c *client) {
		c.get(200, "/methods")
		c.note("PUT", c.ask(200, request{method: "PUT", path: "/methods"}))
		c.note("OPTIONS", c.ask(200, request{method: "OPTIONS", path: "/methods"}))
		c.note("DELETE", c.ask(405, request{method: "DELETE", path: "/methods"}))
		c.get(200, "/compressed")
		c.get(200, "/compressed", "Accept-Encoding", "gzip")
		c.get(200, "/compressed", "Accept-Encoding", "deflate")
		c.get(200, "/copied", "Accept-Encoding", "gzip")
		c.get(200, "/copied")
		c.get(302, "/canonical?a=b")
		c.get(200, "/behind", "X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "x.test")
		c.get(200, "/behind", "Forwarded", `for="[2001:db8::1]";proto=https`)
		c.get(200, "/cors", "Origin", "http://a.test")
		c.get(500, "/panic")
		c.get(200, "/flushed")
		c.get(404, "/a%20b?c", "Referer", `http://"quoted".test/`, "User-Agent", "tést")
		c.get(404, "/nothing", "Authorization", "Basic YTpi")
		c.note("preflight", c.ask(200, request{
			method: "OPTIONS", path: "/cors", header: fields([]string{"Origin", "http://a.test", "Access-Control-Request-Method", "PUT"}),
		}))
		kind := fields([]string{"Content-Type", "text/plain; charset=utf-8"})
		c.note("kind", c.ask(200, request{method: "POST", path: "/kind", header: kind, body: strings.NewReader("x")}))
		c.note("no kind", c.ask(415, request{method: "POST", path: "/kind", body: strings.NewReader("x")}))
		c.note("override", c.ask(200, request{
			method: "POST", path: "/override", header: fields([]string{"X-HTTP-Method-Override", "PATCH"}),
		}))
		c.note("form override", c.ask(200, request{
			method: "POST", path: "/override", body: strings.NewReader("_method=DELETE"),
			header: fields([]string{"Content-Type", "application/x-www-form-urlencoded"}),
		}))
		c.note("echo", c.ask(200, request{method: "POST", path: "/echo", body: strings.NewReader("x")}))
		c.note("log", logTime.ReplaceAllString(c.ask(200, request{path: "/log"}).Body, "[TIME]"))
	})
}
