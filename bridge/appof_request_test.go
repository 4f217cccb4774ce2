package bridge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

func TestHandlersAsAppsSeeTheRequest(t *testing.T) {
	seen := make(chan *http.Request, 1)
	app := bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r
	}))
	for _, req := range []bridgetest.Request{
		{
			Method: "PUT", Path: "/a%2Fb?q=1", Body: []byte("hello"), Scheme: "https", TLS: true, Host: "example.org",
			Headers: []bridge.Header{{Name: "content-length", Value: "5"}, {Name: "content-type", Value: "a/b"}, {Name: "x-y", Value: "z"}},
		},
		{
			Method: "POST", Path: "//x/../y", Chunked: true, Body: []byte("hello"), Version: [2]int{2, 0},
			Headers: []bridge.Header{
				{Name: "x-y", Value: "1"},
				{Name: "x-y", Value: "2"},
				{Name: "x_y", Value: "3"},
				{Name: "proxy", Value: "4"},
				{Name: "x-empty", Value: ""},
				{Name: "cookie", Value: "a=1"},
				{Name: "cookie", Value: "b=2"},
				{Name: "trailer", Value: "x-sum"},
			},
			Trailers: []bridge.Header{{Name: "x-sum", Value: "5"}},
		},
		{Version: [2]int{1, 0}, Headers: []bridge.Header{{Name: "connection", Value: "keep-alive"}}, Peer: "unix"},
	} {
		for _, app := range []bridge.App{app, validates(app)} {
			newHostOf(t, &bridge.Server{Handler: app}).Do(req)
			r, want := within(t, seen), requestOf(t, req)
			require.Equal(t, want.URL, r.URL)
			require.Equal(t, want.Header, r.Header)
			require.Equal(t, want.Host, r.Host)
			require.Equal(t, want.RemoteAddr, r.RemoteAddr)
			require.Equal(t, want.RequestURI, r.RequestURI)
			require.Equal(t, want.ContentLength, r.ContentLength)
			require.Equal(t, want.TransferEncoding, r.TransferEncoding)
			require.Equal(t, want.Proto, r.Proto)
			require.Equal(t, want.ProtoMajor, r.ProtoMajor)
			require.Equal(t, want.ProtoMinor, r.ProtoMinor)
			require.Equal(t, want.TLS, r.TLS)
			require.Equal(t, want.Close, r.Close)
			if len(req.Trailers) > 0 {
				require.Equal(t, http.Header{"X-Sum": {"5"}}, r.Trailer)
			}
		}
	}
}

// As under a mux and http.StripPrefix, which the App stands behind.
func TestHandlersAsAppsSeeWhatHandlersAroundThemHaveChanged(t *testing.T) {
	app := bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.URL.Path, " ", r.Pattern, " ", r.PathValue("rest"), " ", r.RequestURI)
	}))
	mux := http.NewServeMux()
	mux.Handle("/shop/{rest...}", http.StripPrefix("/shop", app))
	require.Equal(t, "/a/b /shop/{rest...} a/b /shop/a/b", string(newHostOf(t, &bridge.Server{Handler: mux}).Do(bridgetest.Request{Path: "/shop/a/b"}).Body))
}

func TestHandlersAsAppsSeeWhatMiddlewareHasChanged(t *testing.T) {
	seen := make(chan *http.Request, 1)
	app := bridge.Chain(bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r })),
		func(app bridge.App) bridge.App {
			return func(ctx context.Context, env bridge.Environ) bridge.Result {
				env["PATH_INFO"] = "/moved"
				env["QUERY_STRING"] = "x=y"
				env["HTTP_X_USER"] = "me"
				return app(ctx, env)
			}
		})
	newHostOf(t, &bridge.Server{Handler: app}).Do(bridgetest.Request{Path: "/here"})
	r := within(t, seen)
	require.Equal(t, "/moved", r.URL.Path)
	require.Equal(t, "x=y", r.URL.RawQuery)
	require.Equal(t, "me", r.Header.Get("X-User"))
}

// What middleware has moved from PATH_INFO to SCRIPT_NAME is not in the path that a handler sees, which is whole, but in its
// environ, whether or not the raw form was moved too.
func TestHandlersAsAppsKnowWhereMiddlewareHasMountedThem(t *testing.T) {
	seen := make(chan bridge.Environ, 1)
	handler := bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- bridge.EnvironOf(r) }))
	for name, raw := range map[string]string{"with its raw form": "/a%2Fb", "without": ""} {
		app := bridge.Chain(handler, func(app bridge.App) bridge.App {
			return func(ctx context.Context, env bridge.Environ) bridge.Result {
				script := "/a"
				if raw != "" {
					script, env["gwport.script_name"] = "/a/b", raw
				}
				env["SCRIPT_NAME"], env["PATH_INFO"] = script, env.String("PATH_INFO")[len(script):]
				return app(ctx, env)
			}
		})
		path := map[string]string{"/a%2Fb": "/a%2Fb/c", "": "/a/c"}[raw]
		newHostOf(t, &bridge.Server{Handler: app}).Do(bridgetest.Request{Path: path})
		env := within(t, seen)
		require.Equal(t, "/c", env.String("PATH_INFO"), name)
		require.Equal(t, path, env.String("gwport.script_name")+env.String("gwport.path_info"), name)
	}
}
