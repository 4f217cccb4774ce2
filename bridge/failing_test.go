package bridge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

func TestResponseShorterThanDeclaredIsSentAndBrokenOff(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		if r.URL.Path != "/nothing" {
			_, _ = io.WriteString(w, "hello")
		}
		if r.URL.Path == "/flushed" {
			w.(http.Flusher).Flush()
		}
	})
	for path, body := range map[string]string{"/": "hello", "/flushed": "hello", "/nothing": ""} {
		res := h.Do(bridgetest.Request{Path: path})
		require.Equal(t, 200, res.Status, path)
		require.Equal(t, "10", res.Header("Content-Length"))
		require.Equal(t, body, string(res.Body))
		require.Equal(t, bridge.CodeBadLength, res.Abort.Code)
		_, text, _ := logLine(t, h)
		require.Contains(t, text, fmt.Sprintf("body of %d bytes, declared were 10", len(body)))
	}
	require.Nil(t, h.Do(bridgetest.Request{Method: "HEAD"}).Abort)
}

// A client that leaves in the middle is no fault of the handler's, and not in the log.
func TestWhatAClientDidNotWaitForIsNotTooShort(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write(make([]byte, 100_000))
		<-r.Context().Done()
		if r.URL.Path == "/writes" {
			_, err := w.Write(make([]byte, 100_000))
			requireIs(err, context.Canceled)
		}
	})
	for _, path := range []string{"/writes", "/returns"} {
		s := h.Open(bridgetest.Request{Path: path, Window: 1 << 20})
		s.Expect(bridgetest.Head)
		s.Abort(bridge.CodeCancelled, "")
	}
	require.Eventually(t, func() bool { return !strings.Contains(string(bridge.Stacks(1<<20)), "(*exchange).Run") }, soon, time.Millisecond)
	h.Drain()
	for f, ok := h.Next(); ok; f, ok = h.Next() {
		require.NotEqual(t, bridgetest.Log, f.Kind, "%v", f.Payload)
	}
}

func TestHandlersThatFailDoNotTakeBackWhatTheyFlushed(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "partial")
		w.(http.Flusher).Flush()
		switch r.URL.Path {
		case "/panic":
			panic("boom")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/goexit":
			runtime.Goexit()
		case "/trailers":
			w.Header().Set(http.TrailerPrefix+"X", strings.Repeat("y", 100_000))
		case "/deadline":
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(-time.Second))
			_, err := w.Write(make([]byte, 100_000))
			requireIs(err, os.ErrDeadlineExceeded)
		}
	})
	for path, code := range map[string]bridge.Code{
		"/panic": bridge.CodeInternalError, "/goexit": bridge.CodeInternalError, "/abort": bridge.CodeCancelled,
		"/trailers": bridge.CodeTooLarge, "/deadline": bridge.CodeCancelled,
	} {
		var streams []*bridgetest.Stream
		for range 100 { // or the writer would be done before the handler fails
			streams = append(streams, h.Open(bridgetest.Request{Path: path}))
		}
		for _, s := range streams {
			s.Expect(bridgetest.Head)
			require.Equal(t, "partial", string(s.Expect(bridgetest.Chunk).Payload))
			requireAbort(t, s, code)
		}
	}
}

func TestHostMayAbortWhatIsAboutToFail(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	for range 200 {
		s := h.Open(bridgetest.Request{})
		s.Abort(bridge.CodeNoError, "")
		f := s.Next()
		for f.Kind != bridgetest.Abort {
			f = s.Next()
		}
	}
	h.Ping(1)
	require.Equal(t, bridge.CodeCancelled, h.Do(bridgetest.Request{}).Abort.Code)
}

// The one answer of a handler that panics is either what was flushed beside it or the 500.
func TestAGoroutineBesideAPanicSendsNoSecondHead(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		go func() {
			for range 100 {
				w.(http.Flusher).Flush()
			}
		}()
		panic("boom")
	})
	for range 2000 {
		s := h.Open(bridgetest.Request{})
		switch f := s.Next(); f.Kind {
		case bridgetest.Head:
			requireAbort(t, s, bridge.CodeInternalError)
		default:
			require.Equal(t, bridgetest.Reply, f.Kind)
		}
	}
}

func TestPanicsCostOneStream(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X", "y")
		_, _ = io.WriteString(w, "partial")
		switch r.URL.Path {
		case "/after":
			w.(http.Flusher).Flush()
			panic("boom")
		case "/before":
			panic("boom")
		case "/goexit":
			runtime.Goexit()
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/abort-after":
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/status":
			w.WriteHeader(0)
		}
	})
	for _, path := range []string{"/before", "/goexit"} {
		res := h.Do(bridgetest.Request{Path: path})
		require.Equal(t, 500, res.Status, path)
		require.Equal(t, "Internal Server Error\n", string(res.Body))
		require.Empty(t, res.Header("X"), "of the handler's header nothing is left")
		level, text, meta := logLine(t, h)
		require.EqualValues(t, 3, level)
		require.NotEmpty(t, text)
		require.Contains(t, metaOf(meta, "stack"), "ServeHTTP")
		require.NotNil(t, metaOf(meta, "stream"))
	}
	require.Equal(t, bridge.CodeInternalError, h.Do(bridgetest.Request{Path: "/after"}).Abort.Code)
	_, text, _ := logLine(t, h)
	require.Equal(t, "bridge: panic serving GET /after: boom", text)
	require.Equal(t, bridge.CodeCancelled, h.Do(bridgetest.Request{Path: "/abort"}).Abort.Code)
	require.Equal(t, bridge.CodeCancelled, h.Do(bridgetest.Request{Path: "/abort-after"}).Abort.Code)
	res := h.Do(bridgetest.Request{Path: "/before", Method: "HEAD"})
	require.Equal(t, 500, res.Status)
	require.Empty(t, res.Body)
	_, text, _ = logLine(t, h)
	require.Contains(t, text, "HEAD /before", "ErrAbortHandler is not logged")
}
