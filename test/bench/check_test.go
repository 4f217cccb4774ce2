package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each wrong answer is told from the right one.
func TestCheck(t *testing.T) {
	mux := http.NewServeMux()
	say := func(path string, status int, text string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Reply-1", "v")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		})
	}
	say("/right", 200, "hello")
	say("/status", 500, "hello")
	say("/short", 200, "hell")
	say("/other", 200, "jello")
	say("/json", 200, `{"b":2,"a":1}`)
	srv := httptest.NewServer(mux)
	defer srv.Close()

	for path, wrong := range map[string]string{"/right": "", "/status": "status 500", "/short": "4 bytes", "/other": "jello"} {
		err := check{path: path, prefix: "hello", length: 5}.run(t.Context(), srv.URL, false)
		if wrong == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, wrong)
		}
	}
	ask := func(c check) error { return c.run(t.Context(), srv.URL, false) }
	require.ErrorContains(t, ask(check{path: "/right", length: 5, reply: "v"}), "x-reply-2")
	require.NoError(t, ask(check{path: "/json", body: []byte(`{"a":1,"b":2}`), json: true}))
	require.ErrorContains(t, ask(check{path: "/json", body: []byte(`{"a":1}`), json: true}), "other JSON")
	require.NoError(t, ask(check{path: "/right", prefix: "hel", stream: true}))
	require.ErrorContains(t, ask(check{path: "/right", prefix: "hey", stream: true}), "begins with")
}

func TestBodiesAreAsLongAsTheirLoadsSay(t *testing.T) {
	require.InDelta(t, 2048, len(jsonBody()), 200)
	require.Len(t, uploadCheck().body, mb)
	require.Len(t, benchHeaders(), 24)
}
