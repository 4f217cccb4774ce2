package mux

import (
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// slowPipe is an output that the host has read when the test says so.
type slowPipe struct {
	io.WriteCloser
	taken atomic.Bool
}

func (p *slowPipe) Taken() bool { return p.taken.Load() }

// drained is a host whose conn has drained, and has written all.
func drained(t *testing.T) (h *host, out *slowPipe) {
	in, w := io.Pipe()
	r, pipe := io.Pipe()
	out = &slowPipe{WriteCloser: pipe}
	h = serveHost(t, New(testConfig(), testApp{}, in, out), w, r)
	h.send(wire.KindDrain, 0, 255)
	h.expect(wire.KindDrain)
	<-h.conn.Done()
	return h, out
}

// What the host writes before it has read the last frames is read, lest its write
// fails.
func TestADrainedConnReadsOnUntilTheHostHasReadAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, out := drained(t)
		for range 3 {
			time.Sleep(StopGrace / 4)
			h.send(wire.KindPing, 0, 1)
		}
		require.Empty(t, h.done)
		out.taken.Store(true)
		require.NoError(t, <-h.done)
	})
}

// It does so for a bounded time.
func TestADrainedConnDoesNotWaitForAHostThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h, _ := drained(t)
		require.NoError(t, <-h.done)
		require.Equal(t, StopGrace, time.Since(began))
	})
}

// A host that has closed the wire reads nothing any more.
func TestADrainedConnDoesNotWaitForAHostThatHasClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h, _ := drained(t)
		require.NoError(t, h.w.Close())
		require.NoError(t, <-h.done)
		require.Less(t, time.Since(began), StopGrace)
	})
}
