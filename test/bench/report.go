package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// writeReport makes RESULTS.md. plot is the name of the picture's file, if there is one.
func writeReport(w io.Writer, res *Results, plot string) error {
	p := &printer{w: w}
	p.heading("What it costs to answer a request", res, "")
	p.line(howToRead)
	if plot != "" {
		p.line("\n![Requests per second of the main rows, by contestant](%s)", plot)
	}
	p.rows(res, "Requests per second, as a share of Cowboy's own handler and of the proxy", Run.Rate)
	p.rows(res, "CPU per request, as a multiple of Cowboy's own handler and of the proxy", Run.CPUPerRequest)
	for _, l := range loads() {
		p.load(res, l)
	}
	p.growth(res)
	return p.err
}

// heading says what was run, where, and with what.
func (p *printer) heading(title string, res *Results, more string) {
	p.line("# %s", title)
	p.line("")
	p.line("Made by `%s` on %s; do not edit.%s", res.Command, res.Started, more)
	p.line("")
	p.line("| | |")
	p.line("|---|---|")
	for _, f := range slices.Concat(res.Machine, res.Versions) {
		p.line("| %s | %s |", f.Name, f.Value)
	}
	p.line("")
}

const howToRead = `Contestants take turns, and every figure is the median of the rounds with the lowest and the highest
in parentheses. Ratios compare within one round. Where their spread crosses 1, the rounds do not agree on who is faster, and
the ratio says "no difference shown". CPU is user and system time, in microseconds per request, of all processes but the
client; memory is the most that was resident (nginx's processes share some of theirs, which counts more than once). Where a
process may not have the descriptors that 10,000 connections need, there are fewer, as the tables tell. Client and servers
share the processors. On a machine with few of them only ratios travel. A WebSocket's requests are messages that have come
back. n/a stands with its reason.`

// A printer remembers the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// measured leaves out what could not be.
func measured(runs []Run) []Run {
	return slices.DeleteFunc(slices.Clone(runs), func(r Run) bool { return r.NA != "" })
}

// rows is an overview: the ratios to Cowboy's own handler and to the proxy for each load and contestant.
func (p *printer) rows(res *Results, title string, of func(Run) float64) {
	names := res.contestants()
	if len(names) < 2 || !slices.ContainsFunc(names, func(c contestant) bool { return c.name == ownHandler }) {
		return
	}
	p.line("\n## %s\n", title)
	head, rule := "| load |", "|---|"
	for _, c := range names {
		head += " " + c.title + " |"
		rule += "--:|"
	}
	p.line("%s", head)
	p.line("%s", rule)
	for _, l := range loads() {
		if each(measured(res.of(l.name, ownHandler)), of).N == 0 {
			continue
		}
		row := "| " + l.title + " |"
		for _, c := range names {
			row += " " + res.both(l.name, c.name, of) + " |"
		}
		p.line("%s", row)
	}
	p.line("\n≈ marks ratios whose spread crosses 1. In parentheses: the ratio to the proxy with 32 kept connections.")
}

// both has the ratio to Cowboy's own handler and, in parentheses, the one to the proxy, if that was measured.
func (res *Results) both(load, contestant string, of func(Run) float64) string {
	runs := measured(res.of(load, contestant))
	text := cell(ratios(runs, measured(res.of(load, ownHandler)), of))
	if toProxy := ratios(runs, measured(res.of(load, gunProxy)), of); contestant != gunProxy && toProxy.N > 0 {
		text += " (" + cell(toProxy) + ")"
	}
	return text
}

func cell(s Spread) string {
	switch {
	case s.N == 0:
		return "n/a"
	case s.Min == 1 && s.Max == 1:
		return "1"
	case s.N > 1 && !s.shown():
		return fmt.Sprintf("≈ %.2f", s.Median)
	}
	return fmt.Sprintf("%.2f", s.Median)
}

// contestants are those that the results name, in the usual order.
func (res *Results) contestants() []contestant {
	return slices.DeleteFunc(contestants(), func(c contestant) bool {
		return !slices.ContainsFunc(res.Runs, func(r Run) bool { return r.Contestant == c.name })
	})
}

func (p *printer) load(res *Results, l load) {
	if !slices.ContainsFunc(res.Runs, func(r Run) bool { return r.Load == l.name }) {
		return
	}
	p.line("\n## %s\n", l.title)
	head := "| | req/s | p50 ms | p99 ms | CPU µs | BEAM | Go | nginx | BEAM MiB | Go MiB | nginx MiB |" +
		" to Cowboy's handler | to gun (32) |"
	for _, c := range l.extra {
		head += " " + c.title + " |"
	}
	p.line("%s", head)
	p.line("|---|%s", strings.Repeat("--:|", 12+len(l.extra)))
	var notes []string
	for _, c := range res.contestants() {
		runs := res.of(l.name, c.name)
		good := measured(runs)
		for _, r := range runs {
			if note := r.note(c); note != "" && !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
		if len(good) == 0 {
			p.line("| %s | n/a |%s", c.title, strings.Repeat(" |", 11+len(l.extra)))
			continue
		}
		p.line("%s", row(res, l, c, good))
	}
	for _, note := range notes {
		p.line("\n%s", note)
	}
}

// note is what must not get lost among the figures.
func (r Run) note(c contestant) string {
	switch {
	case r.NA != "" && r.Round == 0:
		return c.title + ": n/a, " + r.NA + "."
	case r.NA != "":
		return fmt.Sprintf("%s: round %d failed, %s.", c.title, r.Round, r.NA)
	case r.Errors != "":
		return fmt.Sprintf("%s: round %d had errors: %s.", c.title, r.Round, r.Errors)
	}
	return ""
}

func row(res *Results, l load, c contestant, runs []Run) string {
	cells := []string{
		c.title, number(each(runs, Run.Rate), "%.0f"),
		number(each(runs, func(r Run) float64 { return r.P50 / 1000 }), "%.2f"),
		number(each(runs, func(r Run) float64 { return r.P99 / 1000 }), "%.2f"),
		number(each(runs, Run.CPUPerRequest), "%.1f"),
	}
	for _, kind := range kinds {
		cells = append(cells, middle(each(runs, func(r Run) float64 { return r.CPU[kind] / float64(max(1, r.Requests)) })))
	}
	for _, kind := range kinds {
		cells = append(cells, middle(each(runs, func(r Run) float64 { return float64(r.RSS[kind]) / (1 << 20) })))
	}
	for _, base := range []string{ownHandler, gunProxy} {
		text := "1"
		if c.name != base {
			text = ratioText(ratios(runs, measured(res.of(l.name, base)), Run.Rate))
		}
		cells = append(cells, text)
	}
	for _, col := range l.extra {
		cells = append(cells, number(extra(runs, col.key), col.format))
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// extra may be zero, unlike the others.
func extra(runs []Run, key string) Spread {
	var values []float64
	for _, r := range runs {
		if v, ok := r.Extra[key]; ok {
			values = append(values, v)
		}
	}
	return spreadOf(values)
}

func number(s Spread, format string) string {
	if s.N == 0 {
		return "–"
	}
	text := fmt.Sprintf(format, s.Median)
	if s.N > 1 {
		text += fmt.Sprintf(" ("+format+"–"+format+")", s.Min, s.Max)
	}
	return text
}

func middle(s Spread) string {
	if s.N == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", s.Median)
}
