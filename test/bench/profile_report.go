package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const howProfiled = `For each contestant: one run for the counters, one for msacc, one for the system calls of each kind of
process, and one for the samples. All but the first slow down what they look at, so read the figures beside each other, not
added up. msacc's times are of the clock: a thread that the system does not let run goes on being in its state, and "other"
has the schedulers' busy waiting in it. The gap divides the BEAM's CPU by them.`

// writeProfile makes PROFILE.md.
func writeProfile(w io.Writer, res *Results, all []profile) error {
	p := &printer{w: w}
	p.heading("Where the time of a hello goes", res, " Hello, 64 connections.")
	p.line(howProfiled)
	p.gaps(all)
	p.perRequest(all)
	for _, one := range all {
		p.details(one)
	}
	return p.err
}

// parts are microseconds of CPU per request, by what they were spent on: other processes whole, and the BEAM's divided
// as its threads' waking time was. msacc's own times would count those that a thread waited for a processor.
func (p profile) parts() map[string]float64 {
	var awake float64
	for state, us := range p.states {
		if state != "sleep" {
			awake += us
		}
	}
	parts := map[string]float64{}
	for kind, us := range p.run.CPU {
		per := us / float64(max(1, p.run.Requests))
		if kind != "BEAM" {
			parts[kind] = per
			continue
		}
		for state, us := range p.states {
			if state != "sleep" && awake > 0 {
				parts["BEAM "+state] = per * us / awake
			}
		}
	}
	return parts
}

// A gap is what one part costs more than in another contestant.
type gap struct {
	part   string
	micros float64
}

func gaps(p, base profile) []gap {
	var list []gap
	theirs := base.parts()
	for part, us := range p.parts() {
		list = append(list, gap{part, us - theirs[part]})
	}
	slices.SortFunc(list, func(a, b gap) int {
		return cmp.Or(cmp.Compare(b.micros, a.micros), cmp.Compare(a.part, b.part))
	})
	return list
}

func (p *printer) gaps(all []profile) {
	base := slices.IndexFunc(all, func(one profile) bool { return one.name == ownHandler && one.na == "" })
	if base < 0 {
		return
	}
	p.line("\n## The gap to Cowboy's own handler\n")
	p.line("| | req/s | CPU µs | first | second | third |")
	p.line("|---|--:|--:|---|---|---|")
	for _, one := range all {
		cells := []string{one.title, "n/a", "", "", "", ""}
		if one.na == "" {
			cells[1], cells[2] = fmt.Sprintf("%.0f", one.run.Rate()), fmt.Sprintf("%.1f", one.run.CPUPerRequest())
		}
		if one.na == "" && one.name != ownHandler {
			for i, g := range gaps(one, all[base]) {
				if i < 3 && g.micros > 0 {
					cells[3+i] = fmt.Sprintf("%s +%.1f µs", g.part, g.micros)
				}
			}
		}
		p.line("| %s |", strings.Join(cells, " | "))
	}
}

func (p *printer) perRequest(all []profile) {
	p.line("\n## Per request\n")
	head, rule := "| |", "|---|"
	for _, one := range all {
		head, rule = head+" "+one.title+" |", rule+"--:|"
	}
	p.line("%s", head)
	p.line("%s", rule)
	table := func(prefix, format string, of func(profile) map[string]float64) {
		keys := map[string]bool{}
		for _, one := range all {
			for key, v := range of(one) {
				// A system call that nobody made needs no row.
				keys[key] = keys[key] || v >= 0.001
			}
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if keys[key] {
				p.line("| %s%s |%s", prefix, strings.ReplaceAll(key, "_", " "), cells(all, format, key, of))
			}
		}
	}
	table("CPU µs, ", "%.1f", func(one profile) map[string]float64 {
		per := map[string]float64{}
		for kind, us := range one.run.CPU {
			per[kind] = us / float64(max(1, one.run.Requests))
		}
		return per
	})
	table("context switches, ", "%.2f", func(one profile) map[string]float64 { return one.switches })
	table("BEAM, ", "%.2f", func(one profile) map[string]float64 { return one.counts })
	table("BEAM threads µs, ", "%.2f", func(one profile) map[string]float64 { return one.states })
	for _, kind := range kinds {
		table("system calls of "+kind+", ", "%.3f", func(one profile) map[string]float64 { return one.syscalls[kind] })
	}
}

// cells are a row's, by contestant.
func cells(all []profile, format, key string, of func(profile) map[string]float64) string {
	var row strings.Builder
	for _, one := range all {
		text := "–"
		if v, ok := of(one)[key]; ok {
			text = fmt.Sprintf(format, v)
		}
		row.WriteString(" " + text + " |")
	}
	return row.String()
}

func (p *printer) details(one profile) {
	p.line("\n## %s", one.title)
	if one.na != "" {
		p.line("\nn/a: %s", one.na)
	}
	for _, note := range one.notes {
		p.line("\n%s", note)
	}
	if one.hot != "" {
		p.line("\nSamples by the clock, all processes (perf):\n\n```\n%s```", one.hot)
	}
	if one.goHot != "" {
		p.line("\nThe Go program (pprof):\n\n```\n%s```", one.goHot)
	}
}
