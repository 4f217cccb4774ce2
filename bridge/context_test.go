package bridge_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// A proxy tells a truncated upstream by breaking its own response off, but only where the context
// says that there is a server to do so.
func TestTruncatedUpstreamIsNotAWholeResponse(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of it")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	for _, version := range [][2]int{{1, 1}, {2, 0}} {
		res := newHostOf(t, &bridge.Server{Handler: proxy}).Do(bridgetest.Request{Version: version})
		require.NotNil(t, res.Abort, "HTTP/%d: status %d, %q", version[0], res.Status, res.Body)
		require.Equal(t, bridge.CodeCancelled, res.Abort.Code)
	}
}

// What a handler may ask of its context, of net/http's server and of ours.
func TestContextHasWhatNetHTTPPutsThere(t *testing.T) {
	type values struct {
		server, hasHandler bool
		local              string
		deadline           bool
		err                error
	}
	seen := make(chan values, 1)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var v values
		srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
		v.server, v.hasHandler = ok && srv != nil, ok && srv.Handler != nil
		if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			v.local = a.Network()
		}
		_, v.deadline = r.Context().Deadline()
		v.err = r.Context().Err()
		seen <- v
	})
	srv := httptest.NewServer(handler)
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	_ = res.Body.Close()
	want := within(t, seen)
	require.True(t, want.server)
	newHostOf(t, &bridge.Server{Handler: handler}).Do(bridgetest.Request{})
	require.Equal(t, want, within(t, seen))
}

func TestServerOfTheContextIsOneAndDrainsTheProgram(t *testing.T) {
	servers := make(chan *http.Server, 2)
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
		servers <- r.Context().Value(http.ServerContextKey).(*http.Server)
	})
	h.Do(bridgetest.Request{})
	h.Do(bridgetest.Request{})
	srv := within(t, servers)
	require.Same(t, srv, within(t, servers))
	require.NoError(t, srv.Shutdown(context.Background()))
	f, _ := nextKind(t, h)
	require.Equal(t, bridgetest.Drain, f.Kind)
	require.NoError(t, h.Wait())
}

// A handler may say more where the host runs for development, which the host tells in its greeting.
func TestTheHostSaysWhetherItRunsForDevelopment(t *testing.T) {
	for name, c := range map[string]struct {
		options etf.Map
		dev     bool
	}{
		"not said": {etf.Map{}, false},
		"true":     {etf.Map{{Key: "dev", Value: etf.Atom("true")}}, true},
		"false":    {etf.Map{{Key: "dev", Value: etf.Atom("false")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := bridgetest.Start(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, bridge.Dev(r.Context()))
			})})
			m := helloTerm()
			m[5].Value = c.options
			h.SendTerm(bridgetest.Hello, 0, m)
			_, _ = h.Next()
			require.Equal(t, fmt.Sprint(c.dev), string(h.Do(bridgetest.Request{}).Body))
		})
	}
	require.False(t, bridge.Dev(t.Context()))
}
