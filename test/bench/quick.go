package main

import (
	"regexp"
	"slices"
)

// What -quick runs: a row for each thing that a change of gwport may make faster or slower.
var (
	quickLoads = []string{
		"hello_c64", "hello_c1", "gen_100k", "file_100k", "upload_1m", "burn_1ms", "hello_burn4",
	}
	quickContestants = []string{
		ownHandler, "cowboy_static", "gwport_handler", "gwport_stream", "gwport_handler_before", "gwport_stream_before",
		gunProxy, "nethttp",
	}
	// The goal of a row is set by one of the others there.
	quickSkips = map[string]*regexp.Regexp{
		"cowboy_static": regexp.MustCompile(`^gen_`),
		"nethttp":       regexp.MustCompile(`^(hello_c|gen_|file_|upload_|burn_)`),
	}
)

// hurry leaves what takes four minutes, with -duration 1s, and two more with -before.
func (p *plan) hurry() {
	p.loads = slices.DeleteFunc(p.loads, func(l load) bool { return !slices.Contains(quickLoads, l.name) })
	p.contestants = slices.DeleteFunc(p.contestants, func(c contestant) bool { return !slices.Contains(quickContestants, c.name) })
	for i, c := range p.contestants {
		if skips, ok := quickSkips[c.name]; ok {
			p.contestants[i].skips = skips
		}
	}
}
