package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
		err := check{path: path, prefix: "hello", length: 5}.run(t.Context(), srv.URL, http1)
		if wrong == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, wrong)
		}
	}
	ask := func(c check) error { return c.run(t.Context(), srv.URL, http1) }
	require.ErrorContains(t, ask(check{path: "/right", length: 5, reply: "v"}), "x-reply-2")
	require.NoError(t, ask(check{path: "/json", body: []byte(`{"a":1,"b":2}`), json: true}))
	require.ErrorContains(t, ask(check{path: "/json", body: []byte(`{"a":1}`), json: true}), "other JSON")
	require.NoError(t, ask(check{path: "/right", prefix: "hel", stream: true}))
	require.ErrorContains(t, ask(check{path: "/right", prefix: "hey", stream: true}), "begins with")
}

// Each protocol gets an answer in that protocol.
func TestProtocols(t *testing.T) {
	say := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, " ", r.TLS != nil) })
	plain, secured := httptest.NewUnstartedServer(say), httptest.NewUnstartedServer(say)
	plain.Config.Protocols = new(http.Protocols)
	plain.Config.Protocols.SetHTTP1(true)
	plain.Config.Protocols.SetUnencryptedHTTP2(true)
	plain.Start()
	defer plain.Close()
	secured.EnableHTTP2 = true
	secured.StartTLS()
	defer secured.Close()
	for over, want := range map[protocol]string{
		http1: "HTTP/1.1 false", http2: "HTTP/2.0 false", http1TLS: "HTTP/1.1 true", http2TLS: "HTTP/2.0 true",
	} {
		url := plain.URL
		if over.tls() {
			url = secured.URL
		}
		require.NoError(t, check{path: "/", prefix: want, length: int64(len(want))}.run(t.Context(), url, over))
	}
}

func TestTheCertificateIsGoodForItsAddress(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cert.pem")
	require.NoError(t, writeCertificate(name))
	pair, err := tls.LoadX509KeyPair(name, name)
	require.NoError(t, err)
	require.NoError(t, pair.Leaf.VerifyHostname("127.0.0.1"))
}

func TestMemoryPerStream(t *testing.T) {
	run := Run{Requests: 1024, Extra: map[string]float64{}}
	memoryPerStream(&run, map[string]int64{"BEAM": 10 << 20, "Go": 5 << 20}, map[string]int64{"BEAM": 30 << 20, "Go": 13 << 20})
	require.Equal(t, map[string]float64{"beam_rss": 20, "go_rss": 8, "all_rss": 28}, run.Extra)
}

func TestBodiesAreAsLongAsTheirLoadsSay(t *testing.T) {
	require.InDelta(t, 2048, len(jsonBody()), 200)
	require.Len(t, uploadCheck().body, mb)
	require.Len(t, benchHeaders(24), 24)
}
