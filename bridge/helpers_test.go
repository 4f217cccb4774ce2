package bridge_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// soon is how long a test waits for what it cannot be told of.
const soon = 30 * time.Second

// newHost starts a program with one handler, and checks at the end that it has
// left no goroutine behind.
func newHost(t testing.TB, h http.HandlerFunc) *bridgetest.Host {
	t.Helper()
	return newHostOf(t, &bridge.Server{Handler: h})
}

func newHostOf(t testing.TB, s *bridge.Server) *bridgetest.Host {
	t.Helper()
	leavesNothing(t)
	return bridgetest.New(t, s)
}

// leavesNothing checks at the end of the test that no goroutine is left of it,
// but for the one that Eventually makes to look.
func leavesNothing(t testing.TB) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		if !t.Failed() {
			require.Eventually(t, func() bool { return runtime.NumGoroutine()-1 <= before }, soon, time.Millisecond,
				"goroutines are left")
		}
	})
}

// reason takes {Code, Text} apart, the payload of abort and fault.
func reason(t testing.TB, f bridgetest.Frame) (code int, text string) {
	t.Helper()
	tuple, ok := f.Term().(etf.Tuple)
	require.True(t, ok, "%v", f.Term())
	require.Len(t, tuple, 2)
	return int(tuple[0].(int64)), string(tuple[1].(etf.Binary))
}

// requireAbort checks that the stream's next frame aborts it with the code.
func requireAbort(t testing.TB, s *bridgetest.Stream, code bridge.Code) {
	t.Helper()
	got, text := reason(t, s.Expect(bridgetest.Abort))
	require.Equal(t, code, bridge.Code(got), text)
}

// requireFault checks that the program ends the port with the code.
func requireFault(t testing.TB, h *bridgetest.Host, code bridge.FaultCode) {
	t.Helper()
	for {
		f, ok := h.Next()
		require.True(t, ok, "the wire has ended without a fault")
		if f.Kind != bridgetest.Fault {
			continue
		}
		got, text := reason(t, f)
		require.Equal(t, code, bridge.FaultCode(got), text)
		break
	}
	_, ok := h.Next()
	require.False(t, ok, "fault is the last frame")
	var err *bridge.FaultError
	require.ErrorAs(t, h.Wait(), &err)
	require.Equal(t, code, err.Code)
	require.False(t, err.Host)
}

// logLine returns the next line of the log.
func logLine(t testing.TB, h *bridgetest.Host) (level int64, text string, meta etf.Map) {
	t.Helper()
	for {
		f, ok := h.Next()
		require.True(t, ok, "the wire has ended without a line of the log")
		if f.Kind == bridgetest.Log {
			tuple := f.Term().(etf.Tuple)
			return tuple[0].(int64), string(tuple[1].(etf.Binary)), tuple[2].(etf.Map)
		}
	}
}

// metaOf returns a value of a line's metadata.
func metaOf(m etf.Map, key string) any {
	v, _ := m.Get(etf.Binary(key))
	return v
}

// within waits for a channel.
func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}
