package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The contestants of the profile: Cowboy's own handlers, and what is put in their place.
var profiled = []string{ownHandler, "cowboy_stream", "gwport_handler", "gwport_stream"}

const profileLoad = "hello_c64"

// A profile is what was seen of one contestant. All that is counted is per request.
type profile struct {
	name, title string
	na          string
	run         Run
	counts      map[string]float64 // of the BEAM
	switches    map[string]float64 // by kind of process
	states      map[string]float64 // microseconds of the BEAM's threads, by msacc's names
	syscalls    map[string]map[string]float64
	hot         string // perf's text
	goHot       string // pprof's text
	notes       []string
}

func (b *bench) profile(ctx context.Context, d time.Duration) ([]profile, error) {
	var all []profile
	for _, c := range contestants() {
		for _, name := range profiled {
			if c.name != name {
				continue
			}
			fmt.Fprintf(b.say, "%s\n", c.title)
			p := profile{name: c.name, title: c.title}
			b.look(ctx, c, &p, d)
			b.endServers()
			if err := ctx.Err(); err != nil {
				return all, err
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// look has a run for each of its instruments: most slow down what they look at.
func (b *bench) look(ctx context.Context, c contestant, p *profile, d time.Duration) {
	l := b.loadNamed(profileLoad)
	s, why := b.ready(ctx, c, l)
	if why != "" {
		p.na = why
		return
	}
	j := job{bench: b, load: l, server: s, duration: d}
	for _, instrument := range []struct {
		name string
		use  func(context.Context, job, *profile) error
	}{
		{"counters", lookAtCounts}, {"msacc", lookAtStates}, {"perf stat", lookAtSyscalls},
	} {
		fmt.Fprintf(b.say, "  %s\n", instrument.name)
		if err := instrument.use(ctx, j, p); err != nil {
			p.notes = append(p.notes, instrument.name+": "+oneLine(err))
		}
	}
	b.endServers()
	fmt.Fprintf(b.say, "  perf record, pprof\n")
	if err := b.lookInside(ctx, c, p, d); err != nil {
		p.notes = append(p.notes, "perf record, pprof: "+oneLine(err))
	}
}

// under runs the load, and f in the middle of it. Its requests are those of the whole run.
func under(ctx context.Context, j job, f func() error) (Run, error) {
	done := make(chan error, 1)
	go func() {
		err := wait(ctx, j.duration/4)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	run := Run{Load: j.load.name}
	m := startMeter(j.server.pids())
	err := j.load.drive(ctx, j, &run)
	m.stop(&run)
	if other := <-done; err == nil {
		err = other
	}
	return run, err
}

// half of a run is what instruments get, in its middle.
func (j job) half() string { return strconv.FormatInt((j.duration / 2).Milliseconds(), 10) }

// ask has the BEAM measure itself for half of a run.
func (j job) ask(ctx context.Context, what string) (map[string]float64, error) {
	if _, err := fmt.Fprintf(j.server.front.in, "%s %s\n", what, j.half()); err != nil {
		return nil, err
	}
	line, err := j.server.front.say(ctx, what)
	if err != nil {
		return nil, err
	}
	var values map[string]float64
	return values, json.Unmarshal([]byte(line), &values)
}

// perRequest divides what was counted in half of a run by the requests of that time.
func perRequest(values map[string]float64, run Run, d time.Duration) map[string]float64 {
	requests := run.Rate() * (d / 2).Seconds()
	out := map[string]float64{}
	for key, v := range values {
		if requests > 0 {
			out[key] = v / requests
		}
	}
	return out
}

func lookAtCounts(ctx context.Context, j job, p *profile) error {
	before := contextSwitches(tree(j.server.pids()))
	var counts map[string]float64
	run, err := under(ctx, j, func() (err error) {
		counts, err = j.ask(ctx, "counts")
		return err
	})
	if err != nil {
		return err
	}
	p.run, p.counts, p.switches = run, perRequest(counts, run, j.duration), map[string]float64{}
	for kind, n := range contextSwitches(tree(j.server.pids())) {
		p.switches[kind] = (n - before[kind]) / float64(max(1, run.Requests))
	}
	return nil
}

func lookAtStates(ctx context.Context, j job, p *profile) error {
	var states map[string]float64
	run, err := under(ctx, j, func() (err error) {
		states, err = j.ask(ctx, "msacc")
		return err
	})
	p.states = perRequest(states, run, j.duration)
	return err
}

// contextSwitches are those of all threads, given up and taken away.
func contextSwitches(pids []int) map[string]float64 {
	sum := map[string]float64{}
	for _, pid := range pids {
		s, err := readStat(pid)
		if err != nil {
			continue
		}
		threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/status") // fails for a bad pattern only
		for _, name := range threads {
			if text, err := os.ReadFile(name); err == nil {
				sum[s.kind] += parseSwitches(string(text))
			}
		}
	}
	return sum
}

func parseSwitches(status string) (n float64) {
	for line := range strings.Lines(status) {
		if key, value, _ := strings.Cut(line, ":"); strings.HasSuffix(key, "_ctxt_switches") {
			count, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			n += count
		}
	}
	return n
}
