package apps

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestEcho_keeps_type_and_length(t *testing.T) {
	for ct, want := range map[string]string{"": "application/octet-stream", "text/html": "text/html"} {
		r := httptest.NewRequest("POST", "/echo", strings.NewReader("some bytes"))
		if ct != "" {
			r.Header.Set("Content-Type", ct)
		}
		w := httptest.NewRecorder()
		echo(w, r)
		require.Equal(t, "some bytes", w.Body.String())
		require.Equal(t, want, w.Header().Get("Content-Type"))
		require.Equal(t, "10", w.Header().Get("Content-Length"))
		require.Equal(t, "sandbox", w.Header().Get("Content-Security-Policy"))
	}
}

// Each piece comes back before the next is sent, so nothing waits for the body's end.
func TestEcho_answers_while_it_reads(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(echo))
	defer srv.Close()
	body, send := io.Pipe()
	go func() { _, _ = io.WriteString(send, "first") }() // a request's head goes out with its first bytes
	res, err := http.Post(srv.URL+"/echo", "text/plain", body)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, "first", readN(t, res.Body, 5))
	for _, s := range []string{"second", "third"} {
		_, err := io.WriteString(send, s)
		require.NoError(t, err)
		require.Equal(t, s, readN(t, res.Body, len(s)))
	}
	require.NoError(t, send.Close())
	rest, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Empty(t, rest)
}

func readN(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	require.NoError(t, err)
	return string(b)
}

func TestEcho_of_half_a_body_is_not_a_whole_response(t *testing.T) {
	body := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("client left")))
	r := httptest.NewRequest("POST", "/echo", body)
	w := httptest.NewRecorder()
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { echo(w, r) })
	require.Equal(t, "half", w.Body.String())
}

func TestEcho_of_nothing_is_nothing(t *testing.T) {
	w := ask(http.HandlerFunc(echo), "GET", "/echo")
	require.Equal(t, 200, w.Code)
	require.Empty(t, w.Body.String())
}
