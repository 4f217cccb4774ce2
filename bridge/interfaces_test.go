package bridge_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// abilities are what a handler may ask its http.ResponseWriter for, by type assertion and through
// http.ResponseController.
var abilities = map[string]func(w http.ResponseWriter) bool{
	"Flusher":       func(w http.ResponseWriter) bool { _, ok := w.(http.Flusher); return ok },
	"FlushError":    func(w http.ResponseWriter) bool { _, ok := w.(interface{ FlushError() error }); return ok },
	"CloseNotifier": func(w http.ResponseWriter) bool { _, ok := w.(closeNotifier); return ok },
	"StringWriter":  func(w http.ResponseWriter) bool { _, ok := w.(io.StringWriter); return ok },
	"ReaderFrom":    func(w http.ResponseWriter) bool { _, ok := w.(io.ReaderFrom); return ok },
	"Hijacker":      func(w http.ResponseWriter) bool { _, ok := w.(http.Hijacker); return ok },
	"Pusher":        func(w http.ResponseWriter) bool { _, ok := w.(http.Pusher); return ok },
	"Unwrap":        func(w http.ResponseWriter) bool { _, ok := w.(interface{ Unwrap() http.ResponseWriter }); return ok },

	"Flush":           func(w http.ResponseWriter) bool { return http.NewResponseController(w).Flush() == nil },
	"SetReadDeadline": func(w http.ResponseWriter) bool { return http.NewResponseController(w).SetReadDeadline(later()) == nil },
	"SetWriteDeadline": func(w http.ResponseWriter) bool {
		return http.NewResponseController(w).SetWriteDeadline(later()) == nil
	},
	"EnableFullDuplex": func(w http.ResponseWriter) bool { return http.NewResponseController(w).EnableFullDuplex() == nil },
}

func later() time.Time { return time.Now().Add(time.Hour) }

// What net/http's writers can and ours cannot, and the other way round. erlang/doc/limits.md has the first.
var (
	lacking = map[string]map[string]bool{"HTTP1": {}, "HTTP2": {"Pusher": true}}
	beyond  = map[string]map[string]bool{"HTTP1": {}, "HTTP2": {"ReaderFrom": true, "Hijacker": true}}
)

func TestResponseWritersCanWhatNetHTTPsCan(t *testing.T) {
	page, err := os.ReadFile("../erlang/doc/limits.md")
	require.NoError(t, err)
	for protocol, version := range protocols {
		for name, has := range abilities {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				seen := make(chan bool, 1)
				handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { seen <- has(w) })
				newHostOf(t, &bridge.Server{Handler: handler}).Do(bridgetest.Request{Version: version})
				ours := within(t, seen)
				srv, transport := netHTTP(t, handler, version)
				overHTTP(t, srv, transport, "GET", nil)
				theirs := within(t, seen)
				switch {
				case lacking[protocol][name]:
					require.Equal(t, []bool{true, false}, []bool{theirs, ours})
					require.Contains(t, string(page), "`http."+name+"`")
				case beyond[protocol][name]:
					require.Equal(t, []bool{false, true}, []bool{theirs, ours})
				default:
					require.Equal(t, theirs, ours)
				}
			})
		}
	}
}

// gin's Context.Stream asks for it, and panics where it is not.
func TestCloseNotifierTellsThatTheClientHasLeft(t *testing.T) {
	waiting := make(chan struct{})
	told := make(chan error, 1)
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		closed := w.(closeNotifier).CloseNotify()
		require.Equal(t, closed, w.(closeNotifier).CloseNotify(), "there is one channel")
		select {
		case <-closed:
			t.Error("nobody has left yet")
		default:
		}
		close(waiting)
		<-closed
		told <- context.Cause(r.Context())
	})
	s := h.Open(bridgetest.Request{})
	within(t, waiting)
	s.Abort(bridge.CodeCancelled, "")
	require.ErrorIs(t, within(t, told), bridge.ErrClientGone)
	requireAbort(t, s, bridge.CodeCancelled)
}

func TestCloseNotifierDoesNotHoldAnythingBehindTheHandler(t *testing.T) {
	channels := make(chan (<-chan bool), 1)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { channels <- w.(closeNotifier).CloseNotify() })
	h.Do(bridgetest.Request{})
	within(t, within(t, channels))
}
