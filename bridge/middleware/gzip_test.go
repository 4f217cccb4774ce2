package middleware_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/bridge/middleware"
)

// answering is an App that has one answer.
func answering(res bridge.Response) bridge.App {
	return func(context.Context, bridge.Environ) bridge.Result { return res }
}

func texts(body io.Reader) bridge.Response {
	return bridge.Response{Status: 200, Headers: []bridge.Header{{Name: "Content-Type", Value: "text/plain"}}, Body: body}
}

// call calls an App for a request of these fields, by name and value in turn.
func call(t *testing.T, app bridge.App, fields ...string) bridge.Response {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return app(t.Context(), bridge.EnvironOf(r)).(bridge.Response)
}

func TestGzipFlushesEachBlock(t *testing.T) {
	in, out := io.Pipe()
	res := call(t, bridge.Chain(answering(texts(in)), middleware.Gzip{}.Around), "Accept-Encoding", "gzip")
	var decoder *gzip.Reader
	for _, block := range []string{"one", strings.Repeat("two", 30000), "three"} {
		go func() { _, _ = io.WriteString(out, block) }()
		if decoder == nil {
			var err error
			decoder, err = gzip.NewReader(res.Body)
			require.NoError(t, err)
		}
		got := make([]byte, len(block)) // which would wait for ever, were it not flushed
		_, err := io.ReadFull(decoder, got)
		require.NoError(t, err)
		require.Equal(t, block, string(got))
	}
	go out.Close()
	rest, err := io.ReadAll(decoder)
	require.NoError(t, err)
	require.Empty(t, rest)
}

func TestGzipOfABodyThatFailsHasNoEnd(t *testing.T) {
	in, out := io.Pipe()
	res := call(t, bridge.Chain(answering(texts(in)), middleware.Gzip{}.Around), "Accept-Encoding", "gzip")
	failing := errors.New("failing")
	go func() {
		_, _ = io.WriteString(out, "so far")
		_ = out.CloseWithError(failing)
	}()
	b, err := io.ReadAll(res.Body)
	require.ErrorIs(t, err, failing)
	decoder, err := gzip.NewReader(strings.NewReader(string(b)))
	require.NoError(t, err)
	text, err := io.ReadAll(decoder)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, "so far", string(text))
}

func TestGzipOfABodyThatIsClosedIsNotRead(t *testing.T) {
	body := &blocks{left: []string{"one", "two"}}
	res := call(t, bridge.Chain(answering(texts(body)), middleware.Gzip{}.Around), "Accept-Encoding", "gzip")
	_, err := res.Body.Read(make([]byte, 1))
	require.NoError(t, err)
	require.NoError(t, res.Body.(io.Closer).Close())
	require.EqualValues(t, 1, body.closed.Load())
	require.Equal(t, []string{"two"}, body.left)
	_, err = io.ReadAll(res.Body) // what was made of the first
	require.Error(t, err)
	require.Equal(t, []string{"two"}, body.left)
}

func TestGzipLeavesTrailers(t *testing.T) {
	app := texts(&blocks{left: []string{"one", "two"}})
	app.Trailers = func() []bridge.Header { return []bridge.Header{{Name: "x-sum", Value: "3"}} }
	h := bridgetest.New(t, &bridge.Server{Handler: bridge.Chain(answering(app), middleware.Gzip{}.Around)})
	res := h.Do(bridgetest.Request{Version: [2]int{2, 0}, Headers: []bridge.Header{{Name: "accept-encoding", Value: "gzip"}}})
	require.Equal(t, []bridge.Header{{Name: "X-Sum", Value: "3"}}, res.Trailers)
	require.Equal(t, "onetwo", unzip(t, string(res.Body)))
}

func unzip(t *testing.T, s string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(s))
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}

// A client of net/http's asks for gzip, and decodes it, unasked.
func TestGzipIsDecodedByAClient(t *testing.T) {
	text := strings.Repeat("a text that is there again and again\n", 10000)
	flushed := make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/whole", bridge.Chain(answering(bridge.Text(200, text)), middleware.Gzip{}.Around))
	mux.Handle("/handler", bridge.Chain(bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		require.NoError(t, http.NewResponseController(w).Flush())
		<-flushed
		_, _ = io.WriteString(w, text)
	})), middleware.Gzip{}.Around))
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, path := range []string{"/whole", "/handler"} {
		res, err := server.Client().Get(server.URL + path)
		require.NoError(t, err)
		if path == "/handler" {
			close(flushed) // the head has come without a body
		}
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.True(t, res.Uncompressed)
		require.Equal(t, text, string(b))
	}
}

// Writers are used again: none is in two hands.
func TestGzipSparesAreNobodyElses(t *testing.T) {
	app := middleware.Gzip{MinSize: -1}.Around(func(_ context.Context, env bridge.Environ) bridge.Result {
		return texts(&blocks{left: []string{env.String("QUERY_STRING"), env.String("QUERY_STRING")}})
	})
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		all.Go(func() {
			for range 50 {
				res := app(t.Context(), bridge.Environ{"QUERY_STRING": name, "HTTP_ACCEPT_ENCODING": "gzip"}).(bridge.Response)
				b, err := io.ReadAll(res.Body)
				if err != nil || unzip(t, string(b)) != name+name {
					t.Errorf("not %s twice: %v", name, err)
				}
				_ = res.Body.(io.Closer).Close()
			}
		})
	}
	all.Wait()
}
