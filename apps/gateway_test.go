package apps

import (
	"testing"

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

func TestGateway_is_compressed_and_has_a_tag(t *testing.T) {
	app := newGateway()
	w := ask(app, "GET", "/gateway", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
	tag := w.Header().Get("ETag")
	require.Regexp(t, `^W/"`, tag)
	w = ask(app, "GET", "/gateway", "If-None-Match", tag)
	require.Equal(t, 304, w.Code)
	require.Empty(t, w.Body.String())
	ask(app, "POST", "/gateway")
	require.Equal(t, 200, ask(app, "GET", "/gateway", "If-None-Match", tag).Code)
}
