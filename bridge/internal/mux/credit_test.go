package mux

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

func TestCreditThatArrivesIsUsedUpByteByByte(t *testing.T) {
	f := inflow{window: 10, sendable: 10}
	require.True(t, f.arrive(4))
	require.True(t, f.arrive(6), "all of it")
	require.False(t, f.arrive(1), "and no more")
	require.Equal(t, inflow{window: 10, buffered: 10}, f, "what was refused is not counted")
}

func TestCreditIsGrantedWhenHalfOfTheWindowIsFree(t *testing.T) {
	f := inflow{window: 10, sendable: 10}
	require.Zero(t, f.grant(-1), "all of it is there")
	require.True(t, f.arrive(10))
	require.Zero(t, f.grant(-1), "nothing is read")
	f.read(4)
	require.Zero(t, f.grant(-1), "less than half is free")
	f.read(1)
	require.EqualValues(t, 5, f.grant(-1))
	require.Zero(t, f.grant(-1), "and once")
	require.Equal(t, inflow{window: 10, sendable: 5, buffered: 5}, f)
}

func TestCreditOfAHalfWithoutAFirstWindowIsTheWindow(t *testing.T) {
	f := inflow{window: 10}
	require.EqualValues(t, 10, f.grant(-1))
	require.Equal(t, inflow{window: 10, sendable: 10}, f)
}

// With a window of 1 half of it is none: a grant of nothing would be a fault.
func TestTheSmallestWindowIsGrantedByteByByte(t *testing.T) {
	f := inflow{window: 1}
	require.EqualValues(t, 1, f.grant(-1))
	require.Zero(t, f.grant(-1))
	require.True(t, f.arrive(1))
	require.Zero(t, f.grant(-1))
	f.read(1)
	require.EqualValues(t, 1, f.grant(-1))
}

func TestNoCreditIsGrantedForWhatWillNotCome(t *testing.T) {
	for left, want := range map[int64]int{0: 0, 1: 1, 9: 9, 10: 10, 11: 10, -1: 10} {
		f := inflow{window: 10}
		require.EqualValues(t, want, f.grant(left), "%d bytes are still to come", left)
	}
	f := inflow{window: 10, sendable: 3}
	require.Zero(t, f.grant(3), "for which there is credit")
	require.EqualValues(t, 1, f.grant(4))
}

func TestCreditForSendingIsTakenAndGranted(t *testing.T) {
	f := outflow(5)
	require.Equal(t, 3, f.take(3))
	require.Equal(t, 2, f.take(3), "what is there")
	require.Zero(t, f.take(1))
	require.True(t, f.grant(4))
	require.False(t, f.takeAll(5), "not in part")
	require.True(t, f.takeAll(4))
	require.True(t, f.takeAll(0))
	require.Zero(t, f)
}

func TestGrantsHaveEdges(t *testing.T) {
	for _, c := range []struct {
		have outflow
		n    int64
		ok   bool
	}{
		{0, 0, false},
		{0, -1, false},
		{0, 1, true},
		{0, wire.MaxCredit, true},
		{0, wire.MaxCredit + 1, false},
		{1, wire.MaxCredit, false},
		{1, wire.MaxCredit - 1, true},
		{wire.MaxCredit, 1, false},
		{0, 1<<63 - 1, false},
		{5, -1 << 63, false},
	} {
		f := c.have
		require.Equal(t, c.ok, f.grant(c.n), "%d on top of %d", c.n, c.have)
		if !c.ok {
			require.Equal(t, c.have, f)
		}
	}
}
