package mux

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOnlyARowOfLateYieldsCounts(t *testing.T) {
	var y yields
	now := time.Now()
	for _, d := range []time.Duration{lateYield, lateYield - 1, lateYield} {
		require.False(t, y.took(now, d), "with a short one between two that are late")
	}
	require.True(t, y.took(now, lateYield))
}

func TestNoYieldFollowsLateOnes(t *testing.T) {
	var y yields
	start := time.Now()
	y.took(start, lateYield)
	require.Zero(t, y.noYieldTo)
	y.took(start, lateYield)
	require.Equal(t, start.Add(lateYield+yieldPause), y.noYieldTo)

	y.row = 1
	y.noYieldTo = time.Now().Add(time.Hour)
	y.yield()
	require.Equal(t, 1, y.row, "no yield, which would have been a short one")
	y.noYieldTo = time.Now()
	y.yield()
	require.Zero(t, y.row)
}

func TestWhoAsksForPsDoesNotWait(t *testing.T) {
	s := newSpares(1)
	s.ask()
	s.ask()
	require.Len(t, s.late, 1)
}
