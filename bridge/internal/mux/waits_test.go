package mux

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// A task that waits has no worker, and runs again once for each time that it is woken, or once for
// all that came while it ran.
func TestATaskWaitsWithoutAWorker(t *testing.T) {
	runs, goOn := make(chan *testTask), make(chan bool)
	h := newHost(t, testApp{run: func(t *testTask) {
		runs <- t
		if t.waits = <-goOn; !t.waits {
			t.Returned()
			_ = t.end()
		}
	}})
	h.open(256)
	task := within(t, runs)
	task.Wake()
	task.Wake()
	goOn <- true
	require.Same(t, task, within(t, runs), "it was woken while it ran")
	goOn <- true
	require.Eventually(t, func() bool {
		h.conn.mu.Lock()
		defer h.conn.mu.Unlock()
		return task.Stream.waits && task.worker == nil && len(h.conn.workers.idle) == 1 && h.conn.tasks == 1
	}, soon, 1e6)
	task.Wake()
	within(t, runs)
	goOn <- false
	h.expect(wire.KindFin)
	h.requireNothingLeft()
	task.Wake() // which is nothing to it any more
}

// Nobody has to wake a task that says it waits when its stream has ended already: it would
// count as abandoned, and have no goroutine to be shown.
func TestATaskWhoseStreamHasEndedDoesNotWait(t *testing.T) {
	runs, goOn := make(chan *testTask), make(chan bool)
	h := newHost(t, testApp{run: func(t *testTask) {
		runs <- t
		if t.waits = <-goOn; !t.waits {
			t.Returned()
		}
	}})
	h.open(256)
	task := within(t, runs)
	h.send(wire.KindAbort, 256, []byte("\x83h\x02a\x01m\x00\x00\x00\x00"))
	h.expect(wire.KindAbort)
	within(t, task.told)
	goOn <- true
	require.Same(t, task, within(t, runs))
	goOn <- false
	h.requireNothingLeft()
}

// The end of the wire waits for those that wait, which Cancel tells.
func TestTheEndOfTheWireWaitsForThoseThatWait(t *testing.T) {
	runs, goOn := make(chan *testTask), make(chan bool)
	h := newHost(t, testApp{run: func(t *testTask) {
		runs <- t
		if t.waits = <-goOn; !t.waits {
			t.Returned()
		}
	}})
	h.open(256)
	task := within(t, runs)
	goOn <- true
	_ = h.w.Close()
	within(t, task.told)
	within(t, h.conn.Done())
	select {
	case <-h.conn.left:
		require.Fail(t, "it has not gone")
	default:
	}
	task.Wake()
	within(t, runs)
	goOn <- false
	within(t, h.conn.left)
	h.requireNothingLeft()
}
