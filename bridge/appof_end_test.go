package bridge_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// The head goes out when the handler flushes it, and not when there is a body.
func TestFlushedHeadsOfHandlersAsAppsAreSent(t *testing.T) {
	next := make(chan struct{})
	h := newHostOf(t, &bridge.Server{Handler: bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "x")
	}))})
	s := h.Open(bridgetest.Request{})
	s.Expect(bridgetest.Head)
	close(next)
	s.Expect(bridgetest.Chunk)
	s.Expect(bridgetest.Fin)
}

// A handler that streams goes on at HEAD, too, until it returns.
func TestContextsOfHandlersAsAppsEndWithTheHandler(t *testing.T) {
	errs := make(chan error, 1)
	h := newHostOf(t, &bridge.Server{Handler: bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			_, _ = w.Write(make([]byte, 10_000))
			_ = http.NewResponseController(w).Flush()
		}
		errs <- r.Context().Err()
	}))})
	for _, method := range []string{"GET", "HEAD"} {
		h.Do(bridgetest.Request{Method: method})
		require.NoError(t, within(t, errs), method)
	}
}

func TestHandlersAsAppsAreToldThatTheClientLeft(t *testing.T) {
	errs := make(chan error, 3)
	h := newHostOf(t, &bridge.Server{Handler: bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		closed := w.(closeNotifier).CloseNotify()
		_ = http.NewResponseController(w).Flush()
		<-closed
		errs <- context.Cause(r.Context())
		_, err := w.Write(make([]byte, 100_000))
		errs <- err
		errs <- http.NewResponseController(w).Flush()
	}))})
	s := h.Open(bridgetest.Request{})
	s.Expect(bridgetest.Head)
	s.Abort(bridge.CodeCancelled, "")
	for range 3 {
		require.ErrorIs(t, within(t, errs), bridge.ErrClientGone)
	}
	requireAbort(t, s, bridge.CodeCancelled)
	h.Ping(1)
	require.Zero(t, s.Pending())
	h.CloseInput()
	_, ok := h.Next()
	require.False(t, ok, "nothing of it is logged")
}

// A Response that middleware drops does not hold its handler for ever.
func TestHandlersAsAppsEndWithTheRequestThatDroppedThem(t *testing.T) {
	errs := make(chan error, 1)
	drop := func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			app(ctx, env)
			return bridge.Text(200, "other")
		}
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 100_000)))
		errs <- err
	})
	h := newHostOf(t, &bridge.Server{Handler: bridge.Chain(bridge.AppOf(handler), drop)})
	require.Equal(t, "other", string(h.Do(bridgetest.Request{}).Body))
	require.Error(t, within(t, errs))
}

func TestPanicsOfHandlersAsAppsComeOut(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		if r.URL.Path == "/after" {
			_ = http.NewResponseController(w).Flush()
		}
		panic("boom")
	}))})
	require.Equal(t, 500, h.Do(bridgetest.Request{}).Status)
	_, text, _ := logLine(t, h)
	require.Contains(t, text, "boom")
	require.Equal(t, bridge.CodeInternalError, h.Do(bridgetest.Request{Path: "/after"}).Abort.Code)
	_, text, _ = logLine(t, h)
	require.Contains(t, text, "boom")
}

func TestClosingTheBodyOfAHandlerAsAnAppCancelsIt(t *testing.T) {
	gone := make(chan error, 1)
	app := bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		_, err := io.WriteString(w, "y")
		gone <- err
	}))
	env := bridge.EnvironOf(httptest.NewRequest("GET", "/", nil))
	res := app(context.Background(), env).(bridge.Response)
	require.NoError(t, res.Body.(io.Closer).Close())
	require.Error(t, within(t, gone))
}
