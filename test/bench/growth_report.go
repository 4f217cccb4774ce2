package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const growthText = `How the cost of a request, in microseconds of CPU of all processes but the client, grows with a number. In
parentheses is how it grew since the line before: n^1 is in proportion, n^0 not at all. What is small beside the fixed cost of a
request grows by less than in proportion; nothing may stay above n^1.`

// growth has a table for each series that was run.
func (p *printer) growth(res *Results) {
	var written bool
	for _, s := range allSeries {
		loads := res.stepsOf(s)
		if len(loads) == 0 {
			continue
		}
		if !written {
			p.line("\n## Growth\n\n%s", growthText)
			written = true
		}
		p.series(res, s, loads, "CPU µs of "+s.title, Run.CPUPerRequest)
		if s == openStreams {
			p.series(res, s, slices.DeleteFunc(loads, func(l load) bool { return l.step.n < manyStreams }),
				"Memory of an idle SSE stream, KiB of all processes", func(r Run) float64 { return r.Extra["all_rss"] })
		}
	}
}

// manyStreams and more have enough memory for what is resident to tell the memory of one.
const manyStreams = 1000

func (res *Results) stepsOf(s *series) []load {
	return slices.DeleteFunc(growthLoads(), func(l load) bool {
		return l.step.series != s || !slices.ContainsFunc(res.Runs, func(r Run) bool { return r.Load == l.name })
	})
}

func (p *printer) series(res *Results, s *series, loads []load, title string, of func(Run) float64) {
	names := slices.DeleteFunc(res.contestants(), func(c contestant) bool { return !slices.Contains(s.who, c.name) })
	p.line("\n### %s\n", title)
	head := "| " + s.unit + " |"
	for _, c := range names {
		head += " " + c.title + " |"
	}
	p.line("%s", head)
	p.line("|--:|%s", strings.Repeat("--:|", len(names)))
	before := make([]point, len(names))
	for _, l := range loads {
		row := fmt.Sprintf("| %d |", l.step.n)
		for i, c := range names {
			now := point{float64(l.step.n), each(measured(res.of(l.name, c.name)), of).Median}
			row += " " + now.since(before[i]) + " |"
			before[i] = now
		}
		p.line("%s", row)
	}
	for _, note := range res.notesOf(loads, names) {
		p.line("\n%s", note)
	}
}

// notesOf are what must not get lost among the figures, each once.
func (res *Results) notesOf(loads []load, names []contestant) []string {
	var notes []string
	for _, l := range loads {
		for _, c := range names {
			for _, r := range res.of(l.name, c.name) {
				if note := r.note(c); note != "" {
					notes = append(notes, fmt.Sprintf("%d %s: %s", l.step.n, l.step.series.unit, note))
				}
			}
		}
	}
	return notes
}

// A point is what was measured at a step; zero is nothing.
type point struct{ n, cost float64 }

// exponent e says that the cost grew as n^e from one point to the other.
func (p point) exponent(before point) float64 {
	return math.Log(p.cost/before.cost) / math.Log(p.n/before.n)
}

func (p point) since(before point) string {
	switch {
	case p.cost <= 0:
		return "n/a"
	case before.cost <= 0:
		return fmt.Sprintf("%.1f", p.cost)
	}
	// Nothing is worth two decimals and a sign.
	e := math.Round(p.exponent(before)*100) / 100
	if e == 0 {
		e = 0
	}
	return fmt.Sprintf("%.1f (n^%.2f)", p.cost, e)
}
