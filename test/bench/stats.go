package main

import (
	"cmp"
	"fmt"
	"slices"
)

// A Spread is the middle and the ends of what was measured several times.
type Spread struct {
	Median, Min, Max float64
	N                int
}

func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	median := sorted[mid]
	if len(sorted)%2 == 0 {
		median = (sorted[mid-1] + sorted[mid]) / 2
	}
	return Spread{median, sorted[0], sorted[len(sorted)-1], len(sorted)}
}

// shown tells whether the spread lies on one side of 1: else the rounds do not agree on who is faster.
func (s Spread) shown() bool { return s.N > 1 && (s.Min > 1 || s.Max < 1) }

// ratios compares round by round: what slows the machine down slows both.
func ratios(runs, base []Run, of func(Run) float64) Spread {
	var values []float64
	for _, r := range runs {
		for _, b := range base {
			if b.Round == r.Round && of(b) > 0 && of(r) > 0 {
				values = append(values, of(r)/of(b))
			}
		}
	}
	return spreadOf(values)
}

// ratioText is a ratio with its spread, and says when it shows nothing.
func ratioText(s Spread) string {
	switch {
	case s.N == 0:
		return "–"
	case s.N == 1:
		return fmt.Sprintf("%.2f (one round)", s.Median)
	case !s.shown():
		return fmt.Sprintf("%.2f (%.2f–%.2f: no difference shown)", s.Median, s.Min, s.Max)
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

// each collects a figure of several runs; runs without it do not count.
func each(runs []Run, of func(Run) float64) Spread {
	var values []float64
	for _, r := range runs {
		if v := of(r); v > 0 {
			values = append(values, v)
		}
	}
	return spreadOf(values)
}

// percentile wants its values sorted.
func percentile[T cmp.Ordered](sorted []T, p float64) T {
	var zero T
	if len(sorted) == 0 {
		return zero
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))]
}
