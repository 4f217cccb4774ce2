package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
)

// bench is one run of the whole: what was built for it, and the servers that are up.
type bench struct {
	source
	before *source // an earlier one to compare with; nil if there is none
	work   string  // a folder of its own, removed in the end
	ebin   string  // the Erlang modules of the bench; empty if they could not be compiled
	nginx  string  // empty if there is none

	files    string // served below /file/
	jsonFile string
	cert     string // for loads over TLS; its key is in the same file

	// For the profile: flags of erl, and options of bench_server.erl.
	emulator, beamOptions []string

	say io.Writer

	mu  sync.Mutex
	all []*process
}

// source is a copy of the repository whose halves of gwport are measured.
type source struct {
	root  string
	app   string   // the Go program of the contestants, built with its bridge
	paths []string // where its gwport is, and Cowboy and its kin
}

// newBench builds what the contestants run. before is the root of an earlier tree, or empty.
func newBench(ctx context.Context, root, before string, say io.Writer) (*bench, error) {
	work, err := os.MkdirTemp("", "gwport-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{source: source{root: root}, work: work, say: say, nginx: findNginx(root)}
	if before != "" {
		b.before = &source{root: before}
	}
	if err := b.prepare(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) keep(p *process) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, p)
}

// endServers ends all that were started since the last time.
func (b *bench) endServers() {
	b.mu.Lock()
	all := b.all
	b.all = nil
	b.mu.Unlock()
	endAll(all)
}

func (b *bench) close() {
	b.endServers()
	_ = os.RemoveAll(b.work)
}

// A plan is what is to be run.
type plan struct {
	contestants []contestant
	loads       []load
	rounds      int
	duration    time.Duration // of the main rows
	// mixed: each round has servers of its own, see inRound.
	mixed bool
}

// inRound is the load as it is in that round of the plan. Where the code of a BEAM lies in memory is decided when it
// is loaded and makes up to a tenth of what a small request costs, as long as the node runs. Two trees are compared
// by nodes that each round starts anew and has load their modules in another order.
func (p plan) inRound(l load, round int) load {
	if p.mixed {
		l.fresh, l.order = true, round
	}
	return l
}

// run goes load by load, and hands over the runs of each. In each round every contestant has its turn, so that a slow
// minute of the machine hits all.
func (b *bench) run(ctx context.Context, p plan, keep func(load, []Run) error) error {
	fmt.Fprintf(b.say, "bench: %d loads, about %.0f minutes\n", len(p.loads), math.Ceil(p.estimate().Minutes()))
	for i, l := range p.loads {
		fmt.Fprintf(b.say, "[%d/%d] %s\n", i+1, len(p.loads), l.title)
		runs, err := b.runLoad(ctx, p, l)
		if err != nil {
			return err
		}
		if err := keep(l, runs); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) runLoad(ctx context.Context, p plan, l load) ([]Run, error) {
	defer b.endServers()
	var runs []Run
	list := p.takingPart(l)
	up := make([]*server, len(list))
	for i, c := range list {
		s, why := b.ready(ctx, c, p.inRound(c.asked(l), 1))
		if ctx.Err() != nil {
			return runs, ctx.Err()
		}
		if why != "" {
			fmt.Fprintf(b.say, "  %-15s n/a: %s\n", c.name, why)
			runs = append(runs, Run{Load: l.name, Contestant: c.name, NA: why})
			continue
		}
		up[i] = s
	}
	for round := 1; round <= p.rounds; round++ {
		for k := range up {
			// Another one begins each time: the first after a pause may have it easier.
			i := (k + round - 1) % len(up)
			if up[i] == nil {
				continue
			}
			runs = append(runs, b.turn(ctx, p, p.inRound(list[i].asked(l), round), list[i], &up[i], round))
			if ctx.Err() != nil {
				return runs, ctx.Err()
			}
		}
	}
	return runs, nil
}

// turn is one run, on a server that has run before or, for loads that leave something behind, on one of its own.
func (b *bench) turn(ctx context.Context, p plan, l load, c contestant, s **server, round int) Run {
	if l.fresh && round > 1 {
		endAll((*s).processes)
		another, why := b.ready(ctx, c, l)
		if why != "" {
			return Run{Load: l.name, Contestant: c.name, Round: round, NA: why}
		}
		*s = another
	}
	return b.once(ctx, p, l, c, *s, round)
}

// ready starts a contestant and has it show that it answers rightly; why tells what is in the way.
func (b *bench) ready(ctx context.Context, c contestant, l load) (s *server, why string) {
	if why := c.reason(l.name); why != "" {
		return nil, why
	}
	s, err := c.start(ctx, b, l)
	if reason, ok := isNotHere(err); ok {
		return nil, reason
	}
	if err != nil {
		return nil, "it did not start: " + oneLine(err)
	}
	if err := l.check.run(ctx, s.base(l.over), l.over); err != nil {
		return nil, "a wrong answer: " + oneLine(err) + " " + s.front.bad.String()
	}
	if l.warmUp {
		if err := l.drive(ctx, job{bench: b, load: l, server: s, duration: time.Second, crowd: c.crowd(l)}, &Run{}); err != nil {
			return nil, "the warm-up failed: " + oneLine(err)
		}
	}
	return s, ""
}

// settle is for what a turn left behind: closed connections, garbage.
const settle = 150 * time.Millisecond

func (b *bench) once(ctx context.Context, p plan, l load, c contestant, s *server, round int) Run {
	run := Run{Load: l.name, Contestant: c.name, Round: round}
	_ = wait(ctx, settle) // if it was cut short, the run will say so
	m := startMeter(s.pids())
	err := l.drive(ctx, job{b, l, s, m, l.duration(p.duration), c.crowd(l)}, &run)
	m.stop(&run)
	if l.cpuOff {
		run.CPU = nil
	}
	if err != nil {
		run.NA = oneLine(err)
	}
	fmt.Fprintf(b.say, "  %-15s %d  %s\n", c.name, round, run.short())
	return run
}

// duration is at least as long as the clients can be told.
func (l load) duration(main time.Duration) time.Duration {
	return max(time.Second, time.Duration(math.Ceil(main.Seconds()*l.share))*time.Second)
}

func (r Run) short() string {
	if r.NA != "" {
		return "failed: " + r.NA
	}
	text := fmt.Sprintf("%9.1f req/s  p99 %8.2f ms  %8.1f µs CPU", r.Rate(), r.P99/1000, r.CPUPerRequest())
	if r.Errors != "" {
		text += "  errors: " + r.Errors
	}
	return text
}

// lineLimit keeps a node's crash report out of a table's notes; its beginning says what was wrong.
const lineLimit = 400

func oneLine(err error) string {
	line := []rune(strings.Join(strings.Fields(err.Error()), " "))
	if len(line) > lineLimit {
		return string(line[:lineLimit]) + " …"
	}
	return string(line)
}

// crowd is how many of the load's connections the contestant gets: a proxy needs two descriptors for each, and a
// process may not have that many.
func (c contestant) crowd(l load) int {
	spare := descriptors() - 128
	if c.twoSockets {
		spare /= 2
	}
	return min(l.conns, max(1, spare))
}
