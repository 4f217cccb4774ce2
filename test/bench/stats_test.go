package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	require.Equal(t, Spread{}, spreadOf(nil))
	require.Equal(t, Spread{2, 1, 9, 3}, spreadOf([]float64{9, 1, 2}))
	require.Equal(t, Spread{2.5, 1, 9, 4}, spreadOf([]float64{9, 1, 2, 3}))
}

func TestRatioSaysWhenItShowsNothing(t *testing.T) {
	for _, test := range []struct {
		s    Spread
		want string
	}{
		{Spread{}, "–"},
		{Spread{1.5, 1.5, 1.5, 1}, "1.50 (one round)"},
		{Spread{1.5, 1.1, 1.8, 3}, "1.50 (1.10–1.80)"},
		{Spread{0.5, 0.4, 0.9, 3}, "0.50 (0.40–0.90)"},
		{Spread{1.5, 0.9, 1.8, 3}, "1.50 (0.90–1.80: no difference shown)"},
		{Spread{1, 1, 1.2, 3}, "1.00 (1.00–1.20: no difference shown)"},
	} {
		require.Equal(t, test.want, ratioText(test.s))
	}
}

// The machine was half as fast in the second round, for both.
func TestRatiosAreWithinARound(t *testing.T) {
	run := func(round int, n int64) Run { return Run{Round: round, Requests: n, Seconds: 1} }
	s := ratios([]Run{run(1, 200), run(2, 100), run(3, 50)}, []Run{run(1, 100), run(2, 50)}, Run.Rate)
	require.Equal(t, Spread{2, 2, 2, 2}, s)
}

func TestPercentile(t *testing.T) {
	require.Zero(t, percentile([]int{}, 0.5))
	require.Equal(t, 7, percentile([]int{7}, 0.99))
	require.Equal(t, 3, percentile([]int{1, 2, 3, 4}, 0.5))
	require.Equal(t, 4, percentile([]int{1, 2, 3, 4}, 1))
}
