package apps

import (
	"context"
	"strings"
	"testing"

	"github.com/gwport/gwport/bridge"
	"github.com/stretchr/testify/require"
)

func TestGateway_counts_and_redirects(t *testing.T) {
	app := newGateway()
	require.Contains(t, ask(app, "GET", "/gateway").Body.String(), "Count: <output>0</output>")
	w := ask(app, "POST", "/gateway")
	require.Equal(t, 303, w.Code)
	require.Equal(t, "/gateway", w.Header().Get("Location"))
	require.Contains(t, ask(app, "GET", "/gateway").Body.String(), "Count: <output>1</output>")
	w = ask(app, "DELETE", "/gateway")
	require.Equal(t, 405, w.Code)
	require.Equal(t, "GET, HEAD, POST", w.Header().Get("Allow"))
}

func TestGateway_middlewares_add_their_headers(t *testing.T) {
	app := newGateway()
	w := ask(app, "GET", "/gateway", "X-Request-Id", "abc-123")
	require.Equal(t, "abc-123", w.Header().Get("X-Request-Id"))
	require.Regexp(t, `^app;dur=\d+\.\d{3}$`, w.Header().Get("Server-Timing"))

	first, second := ask(app, "GET", "/gateway"), ask(app, "GET", "/gateway")
	require.NotEmpty(t, first.Header().Get("X-Request-Id"))
	require.NotEqual(t, first.Header().Get("X-Request-Id"), second.Header().Get("X-Request-Id"))
}

func TestRequestID_is_the_clients_only_if_harmless(t *testing.T) {
	var seen any
	app := requestID(func(_ context.Context, env bridge.Environ) bridge.Result {
		seen = env["HTTP_X_REQUEST_ID"]
		return bridge.Text(200, "")
	})
	for id, kept := range map[string]bool{
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
		"Az-09": true, "": false, "a b": false, "a\r\nb": false, "ä": false,
	} {
		res := app(t.Context(), bridge.Environ{"HTTP_X_REQUEST_ID": id}).(bridge.Response)
		sent := res.Headers[len(res.Headers)-1].Value
		require.Equal(t, sent, seen)
		require.Equal(t, kept, sent == id, "%q", id)
		require.True(t, plainID(sent))
	}
}
