package mux

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

func newOutbox() *outbox {
	o := &outbox{greeted: true}
	o.wake.L, o.logged.L = &sync.Mutex{}, &sync.Mutex{}
	return o
}

func TestLinesBeyondTheBudgetAreDroppedAndCounted(t *testing.T) {
	o := newOutbox()
	text := strings.Repeat("x", 1000)
	taken := 0
	for o.log(wire.Line{Level: wire.LevelInfo, Text: text}) > 0 {
		taken++
	}
	require.GreaterOrEqual(t, len(o.logs), logBudget)
	require.Less(t, len(o.logs), logBudget+wire.MaxLog+wire.PortHead)
	require.Zero(t, o.log(wire.Line{Level: wire.LevelInfo, Text: text}))
	require.Equal(t, 2, o.dropped)

	var b batch
	o.takeControl(&b)
	require.EqualValues(t, taken, b.logs)
	require.NotZero(t, o.log(wire.Line{Level: wire.LevelInfo, Text: text}), "there is room again")
	require.Contains(t, string(o.logs), "droppeda\x02")
	require.Zero(t, o.dropped)
}

func TestLinesWaitForTheGreeting(t *testing.T) {
	o := newOutbox()
	o.greeted = false
	require.NotZero(t, o.log(wire.Line{Level: wire.LevelInfo, Text: "early"}))
	require.True(t, o.empty())
	var b batch
	o.takeControl(&b)
	require.Empty(t, b.bytes)
	o.greeted = true
	require.False(t, o.empty())
	o.takeControl(&b)
	require.Contains(t, string(b.bytes), "early")
}

func TestNothingIsLoggedBehindAFault(t *testing.T) {
	o := newOutbox()
	require.NotZero(t, o.log(wire.Line{Level: wire.LevelInfo, Text: "before"}))
	o.fault(&wire.Fault{Code: wire.FaultFailed, Text: "broken"})
	require.Zero(t, o.log(wire.Line{Level: wire.LevelInfo, Text: "behind"}))
	var b batch
	o.takeControl(&b)
	require.Regexp(t, "(?s)before.*broken$", string(b.bytes))
	require.True(t, o.empty())
}

func TestStreamQueueKeepsItsOrderAndItsSize(t *testing.T) {
	var q streamQueue
	var want []uint32
	id := uint32(0)
	for round := range 1000 {
		for range round % 7 {
			q.push(&Stream{id: id})
			want = append(want, id)
			id++
		}
		for range round % 6 {
			if !q.empty() {
				require.Equal(t, want[0], q.pop().id)
				want = want[1:]
			}
		}
	}
	for !q.empty() {
		require.Equal(t, want[0], q.pop().id)
		want = want[1:]
	}
	require.Empty(t, want)
	require.Less(t, cap(q.streams), 4096)
}
