package thirdparty

import (
	"context"
	"maps"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() { apps["pprof"] = newPprof }

func newPprof(string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// Profiles are of different processes: what is compared is what they are, not what is in them.
func TestPprof(t *testing.T) {
	compare(t, "pprof", func(c *client) {
		begins := map[string]string{
			"/debug/pprof/":                            "<html>",
			"/debug/pprof/cmdline":                     "/",
			"/debug/pprof/symbol":                      "num_symbols: 1",
			"/debug/pprof/heap?gc=1":                   "\x1f\x8b",
			"/debug/pprof/heap?debug=1":                "heap profile: ",
			"/debug/pprof/goroutine?debug=2":           "goroutine ",
			"/debug/pprof/allocs?seconds=1":            "\x1f\x8b",
			"/debug/pprof/profile?seconds=1":           "\x1f\x8b",
			"/debug/pprof/trace?seconds=0.1":           "go 1.",
			"/debug/pprof/threadcreate?debug=1":        "threadcreate profile: ",
			"/debug/pprof/goroutine?seconds=1&debug=1": "seconds and debug",
			"/debug/pprof/nonesuch":                    "Unknown profile",
		}
		for _, path := range slices.Sorted(maps.Keys(begins)) {
			begin := begins[path]
			a := c.send(request{path: path})
			require.True(c.t, strings.HasPrefix(a.Body, begin) || c.server != reference, "%s: %.100q", path, a.Body)
			a.Body = map[bool]string{true: "as it should begin", false: a.Body}[strings.HasPrefix(a.Body, begin)]
			c.note(path, a)
		}
		c.note("symbols", c.ask(200, request{method: "POST", path: "/debug/pprof/symbol", body: strings.NewReader("0x1")}))
	})
}

// A profile that is under way does not outlive its client: the next one can begin.
func TestPprofEndsWithItsClient(t *testing.T) {
	compare(t, "pprof", func(c *client) {
		ctx, cancel := context.WithTimeout(c.t.Context(), 200*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", c.url("/debug/pprof/profile?seconds=60"), nil)
		require.NoError(c.t, err)
		_, err = c.Do(req)
		require.Error(c.t, err)
		require.Eventually(c.t, func() bool {
			return c.send(request{path: "/debug/pprof/profile?seconds=1"}).Status == 200
		}, requestLimit, 50*time.Millisecond)
		c.note("the next", "begins")
	})
}
