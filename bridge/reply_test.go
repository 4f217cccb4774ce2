package bridge_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// A host takes a reply of max_head and the stream's first window (SPEC.md,
// section 5). Credit that comes later makes no larger one.
func TestRepliesKeepToTheFirstWindow(t *testing.T) {
	for _, c := range []struct {
		window, body int
		whole        bool
	}{{-1, 500, true}, {-1, 2000, false}, {4000, 2000, true}, {4000, 4900, false}} {
		granted := make(chan struct{})
		app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-granted
			_, _ = w.Write(make([]byte, c.body))
		})
		leavesNothing(t)
		h := bridgetest.NewWith(t, &bridge.Server{Handler: app}, bridgetest.Config{MaxHead: 1000})
		s := h.Open(bridgetest.Request{Window: c.window})
		s.Grant(10_000)
		h.Ping(1)
		close(granted)
		f := s.Next()
		require.Equal(t, c.whole, f.Kind == bridgetest.Reply, "%v for %d bytes, window %d", f.Kind, c.body, c.window)
		require.LessOrEqual(t, len(f.Payload), 1000+max(c.window, 0))
	}
}
