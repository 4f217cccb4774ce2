package thirdparty

import (
	"context"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func init() { apps["proxy"] = newProxy }

func newProxy(backend string) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: backend})
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		// A connection for each request: which one was kept when a backend dies is chance.
		Transport: &http.Transport{DisableKeepAlives: true},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	mux := http.NewServeMux()
	mux.Handle("/", proxy)
	nowhere := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})
	nowhere.ErrorLog = proxy.ErrorLog
	mux.Handle("/nowhere/", nowhere)
	return mux
}

func TestReverseProxy(t *testing.T) {
	compare(t, "proxy", func(c *client) {
		c.get(200, "/echo?a=b;c&d=%zz", "X-Forwarded-For", "192.0.2.1", "Te", "trailers")
		if c.protocol == "h1" {
			c.get(200, "/echo", "Connection", "X-Hop", "X-Hop", "1")
			c.note("upgrade", c.ask(101, request{path: "/upgrade", header: fields(upgrade)}))
		}
		c.get(200, "/hints")
		c.get(200, "/trailers", "Te", "trailers")
		c.get(200, "/events")
		c.get(404, "/nothing")
		c.get(502, "/nowhere/")
		c.note("HEAD", c.ask(200, request{method: "HEAD", path: "/echo"}))
		c.note("upload", c.ask(200, request{method: "POST", path: "/echo", body: strings.NewReader(strings.Repeat("x", 1<<20))}))
		c.note("chunked upload", c.ask(200, request{
			method: "POST", path: "/echo", body: io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20))),
		}))
	})
}

// However a backend dies, the client sees what it sees of net/http, and never a short response that looks whole.
func TestReverseProxyWhoseBackendDies(t *testing.T) {
	compare(t, "proxy", func(c *client) {
		for _, name := range slices.Sorted(maps.Keys(deaths)) {
			c.note(name, c.send(request{path: "/dies/" + name}))
			// Nothing is left behind for the next request.
			c.note("after "+name, c.ask(200, request{method: "POST", path: "/echo", body: strings.NewReader("alive")}))
		}
	})
}

// A client's leaving reaches the backend.
func TestReverseProxyWhoseClientLeaves(t *testing.T) {
	compare(t, "proxy", func(c *client) {
		require.ErrorIs(c.t, c.leaves(func(ctx context.Context) error {
			req, err := http.NewRequestWithContext(ctx, "GET", c.url("/slow"), nil)
			if err != nil {
				return err
			}
			_, err = c.Do(req)
			return err
		}), context.Canceled)
	})
}
