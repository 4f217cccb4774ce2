package mux

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/etf"
)

// keep makes the conn keep back what is held for as long as the test lasts.
func (h *host) keep() {
	h.conn.mu.Lock()
	defer h.conn.mu.Unlock()
	h.conn.out.holdTimer = time.NewTimer(time.Hour)
	h.conn.out.held.push(&Stream{})
}

// queueHead queues the head of a response of so many bytes.
func (t *testTask) queueHead(whole int) {
	f := NewFrame(wire.KindHead, 100)
	f.B, _ = etf.Append(etf.AppendVersion(f.B), etf.Tuple{200, etf.List{}})
	f.Whole = whole
	_ = t.Out.Queue(f)
}

func TestAWholeResponseIsOneFrame(t *testing.T) {
	for name, bodies := range map[string][]string{
		"a write": {"hello"}, "several": {"he", "l", "lo"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, testApp{opening: Opening{Window: 5}, run: func(task *testTask) {
				defer task.Returned()
				task.queueHead(5)
				for _, body := range bodies {
					_, err := Send(&task.Out, body)
					require.NoError(t, err)
				}
				_ = task.end()
			}})
			h.keep()
			h.open(256)
			head, err := wire.DecodeHead(string(h.expect(wire.KindReply)))
			require.NoError(t, err)
			require.Equal(t, wire.Head{Status: 200, Headers: []wire.Pair{}, Body: "hello"}, head)
			h.requireNothingLeft()
		})
	}
}

// What ends otherwise is sent in parts, and so is what has waited long enough.
func TestAResponseThatIsNotWholeComesInParts(t *testing.T) {
	hello := func(whole int, end func(*testTask)) func(*testTask) {
		return func(task *testTask) {
			defer task.Returned()
			task.queueHead(whole)
			_, _ = Send(&task.Out, "hello")
			end(task)
		}
	}
	fin := func(task *testTask) { _ = task.end() }
	for name, c := range map[string]struct {
		window int32
		run    func(*testTask)
		end    wire.Kind
	}{
		"no length":      {5, hello(0, fin), wire.KindFin},
		"another length": {6, hello(6, fin), wire.KindFin},
		"a failure": {5, hello(5, func(task *testTask) {
			task.Fail(&Abort{Code: wire.CodeInternalError}, errors.New("failed"))
		}), wire.KindAbort},
		"a failure, and an end that comes too late": {5, hello(5, func(task *testTask) {
			failed := errors.New("failed")
			task.c.mu.Lock()
			task.Out.fail(&Abort{Code: wire.CodeInternalError}, failed)
			err := task.Out.err() // before the writer has come to the abort
			task.c.mu.Unlock()
			require.ErrorIs(t, err, failed)
			require.Error(t, task.end())
		}), wire.KindAbort},
		"trailers": {5, hello(5, func(task *testTask) {
			f := NewFrame(wire.KindTrailers, len(wire.EmptyPayload))
			f.B = append(f.B, wire.EmptyPayload...)
			_ = task.Out.Queue(f)
		}), wire.KindTrailers},
		"a flush": {5, hello(5, func(task *testTask) {
			task.Out.Flush()
			_, _ = task.In.Read(nil) // until the host has seen it
			fin(task)
		}), wire.KindFin},
		"its time": {5, hello(5, func(task *testTask) {
			task.Conn().releaseHeld()
			_, _ = task.In.Read(nil)
			fin(task)
		}), wire.KindFin},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, testApp{run: c.run, opening: Opening{Window: int(c.window), Length: -1}})
			h.keep()
			h.open(256)
			h.expect(wire.KindHead)
			require.Equal(t, "hello", string(h.expect(wire.KindChunk)))
			h.send(wire.KindFin, 256, etf.List{})
			h.expect(c.end)
			h.requireNothingLeft()
		})
	}
}

// The handler waits for credit, and the host for something of the body.
func TestAHeadIsNotHeldWithoutCreditForItsBody(t *testing.T) {
	h := newHost(t, testApp{opening: Opening{Window: 4}, run: func(task *testTask) {
		defer task.Returned()
		task.queueHead(5)
		_, _ = Send(&task.Out, "hello")
		_ = task.end()
	}})
	h.keep()
	h.open(256)
	h.expect(wire.KindHead)
	require.Equal(t, "hell", string(h.expect(wire.KindChunk)))
	h.send(wire.KindCredit, 256, 1)
	require.Equal(t, "o", string(h.expect(wire.KindChunk)))
	h.expect(wire.KindFin)
	h.requireNothingLeft()
}

func TestWhatIsHeldIsLetGo(t *testing.T) {
	h := newHost(t, testApp{opening: Opening{Window: 5, Length: -1}, run: func(task *testTask) {
		defer task.Returned()
		task.queueHead(5)
		_, _ = task.In.Read(nil)
	}})
	for id := uint32(256); id < 260; id += 2 { // the timer serves more than once
		h.open(id)
		h.expect(wire.KindHead)
		h.send(wire.KindAbort, id, etf.Tuple{2, ""})
		h.expect(wire.KindAbort)
	}
	h.requireNothingLeft()
}
