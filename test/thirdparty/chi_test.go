package thirdparty

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/stretchr/testify/require"
)

func init() { apps["chi"] = newChi }

func newChi(string) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RealIP) //lint:ignore SA1019 it is in use, and changes what later handlers see
	r.Use(middleware.Recoverer, middleware.Heartbeat("/alive"), middleware.GetHead,
		middleware.StripSlashes, middleware.Compress(5, "text/plain"))
	r.Get("/", text("root"))
	r.Get("/items/{id:[0-9]+}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "item %s by %s\n", chi.URLParam(r, "id"), chi.RouteContext(r.Context()).RoutePattern())
	})
	r.Get("/files/*", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, chi.URLParam(r, "*")) })
	r.Get("/ip", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) })
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("chi's own to answer") })
	r.Get("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r.Get("/lines", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for i := range 3 {
			fmt.Fprintf(w, "line %d\n", i)
			w.(http.Flusher).Flush()
		}
	})
	r.Get("/tee", func(w http.ResponseWriter, r *http.Request) {
		wrapped := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		var copied strings.Builder
		wrapped.Tee(&copied)
		fmt.Fprint(wrapped, "to both")
		fmt.Fprintf(w, " %d %d %s", wrapped.Status(), wrapped.BytesWritten(), copied.String())
	})
	r.With(middleware.Timeout(50*time.Millisecond)).Get("/slow", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	})
	r.With(middleware.BasicAuth("chi", map[string]string{"a": "b"})).Get("/secret", text("told"))
	r.With(middleware.ContentCharset("utf-8"), middleware.AllowContentType("text/plain")).Post("/charset", text("taken"))
	r.With(middleware.RequestSize(10)).Post("/small", echoBody)
	r.With(middleware.Throttle(1)).Get("/throttled", text("one at a time"))
	r.Route("/sub", func(r chi.Router) {
		r.Use(middleware.SetHeader("X-Sub", "yes"), middleware.NoCache)
		r.Get("/", text("sub"))
		r.Get("/{a}-{b}", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, chi.URLParam(r, "a"), " and ", chi.URLParam(r, "b"))
		})
		r.NotFound(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not below sub", 404) })
	})
	return r
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, s) }
}

func TestChi(t *testing.T) {
	compare(t, "chi", func(c *client) {
		c.get(200, "/")
		c.get(200, "/items/12")
		c.get(200, "/items/12/")
		c.get(404, "/items/x")
		c.get(200, "/files/a%2Fb//c")
		c.get(404, "/files/")
		c.get(200, "/alive")
		c.get(200, "/ip", "X-Real-IP", "192.0.2.1")
		c.get(500, "/panic")
		c.get(200, "/tee")
		c.get(504, "/slow")
		c.get(401, "/secret")
		c.get(200, "/secret", "Authorization", "Basic YTpi")
		c.get(200, "/lines")
		c.get(200, "/lines", "Accept-Encoding", "gzip")
		c.get(200, "/throttled")
		c.get(200, "/sub")
		c.get(200, "/sub/x-y")
		c.get(404, "/sub/x/y/z")
		c.note("HEAD", c.ask(200, request{method: "HEAD", path: "/items/12"}))
		c.note("POST to a GET", c.ask(405, request{method: "POST", path: "/items/12"}))
		c.note("utf-8", c.ask(200, request{
			method: "POST", path: "/charset",
			header: fields([]string{"Content-Type", "text/plain; charset=utf-8"}), body: strings.NewReader("x"),
		}))
		c.note("latin1", c.ask(415, request{
			method: "POST", path: "/charset",
			header: fields([]string{"Content-Type", "text/plain; charset=latin1"}), body: strings.NewReader("x"),
		}))
		c.note("small", c.ask(200, request{method: "POST", path: "/small", body: strings.NewReader("0123456789")}))
		c.note("too large", c.ask(413, request{method: "POST", path: "/small", body: strings.NewReader("0123456789x")}))
		c.note("abort", c.send(request{path: "/abort"}))
	})
}

// A line that a handler flushes is there before the next one is written.
func TestChiStreamsThroughItsCompression(t *testing.T) {
	compare(t, "chi", func(c *client) {
		response, err := c.Get(c.url("/lines"))
		require.NoError(c.t, err)
		defer response.Body.Close()
		line, err := bufio.NewReader(response.Body).ReadString('\n')
		require.NoError(c.t, err)
		c.note("first line", line)
	})
}
