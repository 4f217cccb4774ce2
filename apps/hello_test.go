package apps

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHello(t *testing.T) {
	for path, want := range map[string]string{
		"/hello":                      "Hello from Go\n",
		"/hello?name=":                "Hello from Go\n",
		"/hello?name=Mike":            "Hello Mike from Go\n",
		"/hello?name=%3Cb%3E%26":      "Hello <b>& from Go\n", // plain text needs no escaping, and says that it is
		"/hello/further?name=J%C3%B6": "Hello Jö from Go\n",
	} {
		w := ask(http.HandlerFunc(hello), "GET", path)
		require.Equal(t, 200, w.Code)
		require.Equal(t, want, w.Body.String())
		require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	}
}
