package mux

import (
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/etf"
)

// readAll reads to the end.
func readAll(t *testTask) {
	_, _ = io.Copy(io.Discard, &t.In)
	t.Returned()
	_ = t.end()
}

// newWideHost has wide windows of four chunks, and so much of a budget.
func newWideHost(t *testing.T, budget int, app testApp) *host {
	t.Helper()
	h := newHost(t, app)
	h.conn.mu.Lock()
	defer h.conn.mu.Unlock()
	h.conn.cfg.WideWindow, h.conn.wideLeft = 4*wire.MaxChunk, budget
	return h
}

// upload opens a stream, sends half of the first window, and returns what is granted
// when that was read.
func (h *host) upload(id uint32) int64 {
	h.t.Helper()
	h.open(id)
	h.send(wire.KindChunk, id, make([]byte, wire.MaxChunk/2))
	n, err := wire.DecodeInt(h.expect(wire.KindCredit), 1, math.MaxInt32)
	require.NoError(h.t, err)
	return n
}

func (h *host) requireBudget(n int) {
	h.t.Helper()
	h.requireNothingLeft()
	require.Equal(h.t, n, h.conn.wideLeft)
}

const (
	asBefore = wire.MaxChunk / 2
	widened  = 4*wire.MaxChunk - wire.MaxChunk/2
)

func TestAHalfThatIsReadHasAWiderWindowWithinTheBudget(t *testing.T) {
	const budget = 6 * wire.MaxChunk // for two
	h := newWideHost(t, budget, testApp{run: readAll, opening: Opening{Length: -1}})
	require.EqualValues(t, widened, h.upload(256))
	require.EqualValues(t, widened, h.upload(258))
	require.EqualValues(t, asBefore, h.upload(260))
	h.send(wire.KindFin, 256, etf.List{})
	h.expect(wire.KindFin)
	require.EqualValues(t, widened, h.upload(262), "what has been read gives it back")
	h.requireBudget(budget)
}

func TestOfABudgetThatLacksAByteThereIsNoWiderWindow(t *testing.T) {
	const budget = 3*wire.MaxChunk - 1
	h := newWideHost(t, budget, testApp{run: readAll, opening: Opening{Length: -1}})
	require.EqualValues(t, asBefore, h.upload(256))
	h.requireBudget(budget)
}

// One with a first window's bytes left would not use more.
func TestAShortBodyLeavesTheBudgetToOthers(t *testing.T) {
	const budget = 3 * wire.MaxChunk
	for length, want := range map[int64]int64{
		wire.MaxChunk/2 + wire.MaxChunk:     wire.MaxChunk / 2,
		wire.MaxChunk/2 + wire.MaxChunk + 1: wire.MaxChunk/2 + 1,
	} {
		h := newWideHost(t, budget, testApp{run: readAll, opening: Opening{Length: length}})
		require.Equal(t, want, h.upload(256))
		h.conn.mu.Lock()
		require.Equal(t, want > wire.MaxChunk/2, h.conn.wideLeft == 0)
		h.conn.mu.Unlock()
		h.requireBudget(budget)
	}
}

func TestAWiderWindowIsGivenBackHoweverItsHalfEnds(t *testing.T) {
	const budget = 3 * wire.MaxChunk
	returns := func(t *testTask) {
		_, _ = io.ReadFull(&t.In, make([]byte, wire.MaxChunk/2+1))
		t.Returned()
		_ = t.end()
	}
	for name, c := range map[string]struct {
		run func(*testTask)
		end func(h *host)
	}{
		"the input ends": {readAll, func(*host) {}},
		"the host aborts": {readAll, func(h *host) {
			h.send(wire.KindAbort, 256, etf.Tuple{2, ""})
			h.expect(wire.KindAbort)
		}},
		"the task returns": {returns, func(h *host) {
			h.send(wire.KindChunk, 256, make([]byte, wire.MaxChunk))
			h.expect(wire.KindFin)
			h.send(wire.KindChunk, 256, make([]byte, wire.MaxChunk)) // which is dropped
			h.send(wire.KindAbort, 256, etf.Tuple{0, ""})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newWideHost(t, budget, testApp{run: c.run, opening: Opening{Length: -1}})
			require.EqualValues(t, widened, h.upload(256))
			c.end(h)
			h.requireBudget(budget)
		})
	}
}
