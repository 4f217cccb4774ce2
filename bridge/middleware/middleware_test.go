package middleware_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/bridge/middleware"
)

func TestWrongOptionsAreNamed(t *testing.T) {
	hello := answering(bridge.Text(200, "hello"))
	for sentence, m := range map[string]bridge.Middleware{
		`RequestID.Field is "X_Id": expected the name of a field`:         middleware.RequestID{Field: "X_Id"}.Around,
		`RequestID.Field is "X Id": expected the name of a field`:         middleware.RequestID{Field: "X Id"}.Around,
		`ServerTiming.Name is "a b": expected a token`:                    middleware.ServerTiming{Name: "a b"}.Around,
		`Gzip.Level is 10: expected 0 to 9`:                               middleware.Gzip{Level: 10}.Around,
		`Gzip.Types is "text": expected a media type`:                     middleware.Gzip{Types: []string{"text"}}.Around,
		`Gzip.Types is "*+": expected a media type`:                       middleware.Gzip{Types: []string{"*+"}}.Around,
		`Gzip.Types is "*/*": expected a media type`:                      middleware.Gzip{Types: []string{"*/*"}}.Around,
		`Gzip.Types is "text/*+x": expected a media`:                      middleware.Gzip{Types: []string{"text/*+x"}}.Around,
		`Prefix.At is "shop": expected a path`:                            middleware.Prefix{At: "shop", App: hello}.Around,
		`Prefix.At is "/shop/": expected a path`:                          middleware.Prefix{At: "/shop/", App: hello}.Around,
		`Prefix.App is (bridge.App)(nil): expected an App`:                middleware.Prefix{At: "/shop"}.Around,
		`MethodOverride.Methods is "put": expected a method in capitals`:  middleware.MethodOverride{Methods: []string{"put"}}.Around,
		`MethodOverride.Field is "": `:                                    nil, // which stands for the default
		`BasicAuth has no Users and no Check`:                             middleware.BasicAuth{}.Around,
		`BasicAuth has Users and Check`:                                   middleware.BasicAuth{Users: map[string]string{"a": "b"}, Check: nobody}.Around,
		`BasicAuth.Users is "a:b": expected names without a colon`:        middleware.BasicAuth{Users: map[string]string{"a:b": "c"}}.Around,
		`BasicAuth.Realm is "\"": expected characters of ASCII`:           middleware.BasicAuth{Realm: `"`, Check: nobody}.Around,
		`CORS.Origins is []string(nil): expected origins`:                 middleware.CORS{}.Around,
		`CORS.Origins is "https://a.example/": expected an origin`:        middleware.CORS{Origins: []string{"https://a.example/"}}.Around,
		`CORS.Origins is "null": expected an origin`:                      middleware.CORS{Origins: []string{"null"}}.Around,
		`CORS.Origins is "https://*.example": expected an origin`:         middleware.CORS{Origins: []string{"https://*.example"}}.Around,
		`CORS.Credentials is true: expected origins by name, and not "*"`: middleware.CORS{Origins: []string{"*"}, Credentials: true}.Around,
		`CORS.Methods is "A B": expected tokens`:                          middleware.CORS{Origins: []string{"*"}, Methods: []string{"A B"}}.Around,
		`CORS.MaxAge is -1: expected seconds`:                             middleware.CORS{Origins: []string{"*"}, MaxAge: -1}.Around,
	} {
		if m == nil {
			require.NotPanics(t, func() { middleware.MethodOverride{}.Around(hello) })
			continue
		}
		func() {
			defer func() {
				text, _ := recover().(string)
				require.True(t, strings.HasPrefix(text, "middleware: "+sentence), "%q, and not %q", text, sentence)
			}()
			bridge.Chain(hello, m)
		}()
	}
}

func nobody(context.Context, string, string) bool { return false }

func TestRequestIDIsTheClientsOnlyIfAcceptedAndHarmless(t *testing.T) {
	var seen string
	app := func(_ context.Context, env bridge.Environ) bridge.Result {
		seen = env.String("HTTP_X_REQUEST_ID")
		return bridge.Text(200, "")
	}
	for id, isPlain := range map[string]bool{
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"Az-09._": true, "": false, "a b": false, "a\tb": false, "\u00e4": false, "a;b": false,
	} {
		for _, accept := range []bool{false, true} {
			res := call(t, middleware.RequestID{Accept: accept}.Around(app), "X-Request-Id", id)
			sent := joined(res.Headers, "x-request-id")
			require.Equal(t, sent, seen)
			require.Equal(t, accept && isPlain, sent == id, "%q", id)
			require.Regexp(t, `^[A-Za-z0-9._-]{1,64}$`, sent)
		}
	}
	first, second := call(t, middleware.RequestID{}.Around(app)), call(t, middleware.RequestID{}.Around(app))
	require.NotEqual(t, joined(first.Headers, "x-request-id"), joined(second.Headers, "x-request-id"))
}

func TestServerTimingIsSaidBesideTheApps(t *testing.T) {
	app := answering(bridge.Response{Status: 200, Headers: []bridge.Header{{Name: "server-timing", Value: "db;dur=1"}}})
	res := call(t, bridge.Chain(app, middleware.ServerTiming{}.Around, middleware.ServerTiming{Name: "inner"}.Around))
	require.Regexp(t, `^db;dur=1, inner;dur=\d+\.\d{3}, app;dur=\d+\.\d{3}$`, joined(res.Headers, "server-timing"))
}

func TestBasicAuthAsksItsCheck(t *testing.T) {
	app := answering(bridge.Text(200, "hello"))
	m := middleware.BasicAuth{Check: func(_ context.Context, user, password string) bool { return user == "joe" && password == "secret" }}
	require.Equal(t, 200, call(t, m.Around(app), "Authorization", "Basic am9lOnNlY3JldA==").Status)
	require.Equal(t, 401, call(t, m.Around(app), "Authorization", "Basic am9lOnNlY3JlVA==").Status)
}

// In a program, with a handler that knows nothing of Apps.
func TestAllOfThemAroundAHandler(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte(strings.Repeat(r.Method+" "+r.URL.Path+" "+r.Header.Get("X-User")+"\n", 500)))
	})
	app := bridge.Chain(bridge.AppOf(handler), middleware.RequestID{}.Around, middleware.ServerTiming{}.Around,
		middleware.CORS{Origins: []string{"https://a.example"}}.Around,
		middleware.BasicAuth{Users: map[string]string{"joe": "secret"}, Field: "X-User"}.Around,
		middleware.MethodOverride{}.Around, middleware.Gzip{}.Around, middleware.Conditional{}.Around,
		middleware.Prefix{At: "/none", App: answering(bridge.Text(200, ""))}.Around)
	h := bridgetest.New(t, &bridge.Server{Handler: app})
	headers := []bridge.Header{
		{Name: "authorization", Value: "Basic am9lOnNlY3JldA=="},
		{Name: "accept-encoding", Value: "gzip"},
		{Name: "origin", Value: "https://a.example"},
	}
	res := h.Do(bridgetest.Request{Method: "POST", Path: "/x", Headers: append(headers, bridge.Header{Name: "x-http-method-override", Value: "PUT"})})
	require.Equal(t, 200, res.Status)
	require.Equal(t, strings.Repeat("PUT /x joe\n", 500), unzip(t, string(res.Body)))
	for _, name := range []string{"x-request-id", "server-timing", "access-control-allow-origin"} {
		require.NotEmpty(t, joined(res.Headers, name), name)
	}
	require.Equal(t, `W/"v1"`, joined(res.Headers, "etag"))
	require.Equal(t, "Accept-Encoding, Origin", joined(res.Headers, "vary"))
	res = h.Do(bridgetest.Request{Path: "/x", Headers: append(headers, bridge.Header{Name: "if-none-match", Value: `W/"v1"`})})
	require.Equal(t, 304, res.Status)
	require.Empty(t, res.Body)
	require.Empty(t, joined(res.Headers, "content-type"))
	require.Equal(t, 401, h.Do(bridgetest.Request{Path: "/x"}).Status)
}
