package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// bench is one run of the whole: what was built for it, and the servers that are up.
type bench struct {
	root  string   // of the repository
	work  string   // a folder of its own, removed in the end
	app   string   // the Go program of the contestants
	ebin  string   // the Erlang modules of the bench; empty if they could not be compiled
	paths []string // where Cowboy and its kin are
	nginx string   // empty if there is none

	files    string // served below /file/
	jsonFile string

	// For the profile: flags of erl, and options of bench_server.erl.
	emulator, beamOptions []string

	say io.Writer

	mu  sync.Mutex
	all []*process
}

func newBench(ctx context.Context, root string, say io.Writer) (*bench, error) {
	work, err := os.MkdirTemp("", "gwport-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{root: root, work: work, say: say, nginx: findNginx(root)}
	if err := b.prepare(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) error {
	raiseDescriptors()
	b.app, b.files, b.jsonFile = filepath.Join(b.work, "app"), filepath.Join(b.work, "files"), filepath.Join(b.work, "body.json")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.app, "./app")
	build.Dir = b.path("")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: building the Go program: %w\n%s", err, out)
	}
	if err := os.WriteFile(b.jsonFile, jsonBody(), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(b.files, 0o700); err != nil {
		return err
	}
	for name, size := range map[string]int{"100k": 100 * kb, "10m": 10 * mb} {
		if err := os.WriteFile(filepath.Join(b.files, name), []byte(strings.Repeat(patternLine, size/len(patternLine))), 0o600); err != nil {
			return err
		}
	}
	return b.compile(ctx)
}

// compile leaves ebin empty where there is no Erlang, or gwport's own half was not built.
func (b *bench) compile(ctx context.Context) error {
	b.paths = beamPaths(b.root)
	if _, err := exec.LookPath("erlc"); err != nil || !hasApp(b.paths, "gwport") || !hasApp(b.paths, "cowboy") {
		return nil
	}
	ebin := filepath.Join(b.work, "ebin")
	if err := os.Mkdir(ebin, 0o700); err != nil {
		return err
	}
	sources, err := filepath.Glob(b.path("erlang/*.erl"))
	if err != nil {
		return err
	}
	args := []string{"-o", ebin}
	for _, path := range b.paths {
		args = append(args, "-pa", path)
	}
	if out, err := exec.CommandContext(ctx, "erlc", append(args, sources...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("bench: compiling the Erlang modules: %w\n%s", err, out)
	}
	b.ebin = ebin
	return nil
}

// path is that of a file of the bench.
func (b *bench) path(name string) string { return filepath.Join(b.root, "test/bench", name) }

// beamPaths are all folders of compiled modules that rebar3 or .ci/setup made, without gwport's second copy with the
// tests in it.
func beamPaths(root string) []string {
	var paths []string
	for _, pattern := range []string{
		"_build/default/lib/*/ebin", "_build/default/checkouts/*/ebin", "_checkouts/*/ebin",
		"_build/test/lib/*/ebin", "_checkouts/.offline/usr/lib/rabbitmq/lib/*/plugins/jsx-*/ebin",
	} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // fails for a bad pattern only
		paths = append(paths, found...)
	}
	return slices.DeleteFunc(paths, func(p string) bool { return strings.Contains(p, "_build/test/lib/gwport/") })
}

func hasApp(paths []string, app string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		_, err := os.Stat(filepath.Join(p, app+".app"))
		return err == nil
	})
}

// enoughDescriptors are for 10,000 clients of a proxy.
const enoughDescriptors = 65536

// raiseDescriptors takes what the system allows, which for root is more than it was given; servers inherit it.
func raiseDescriptors() {
	want := syscall.Rlimit{Cur: enoughDescriptors, Max: enoughDescriptors}
	var have syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have) != nil {
		return
	}
	if have.Max >= want.Max || syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) != nil {
		have.Cur = have.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &have) // with less, some loads are n/a
	}
}

// descriptors is how many a process may have.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return int(min(limit.Max, 1<<30))
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
}

// run goes load by load. In each round every contestant has its turn, so that a slow minute of the machine hits all.
func (b *bench) run(ctx context.Context, p plan) ([]Run, error) {
	var runs []Run
	for i, l := range p.loads {
		fmt.Fprintf(b.say, "[%d/%d] %s\n", i+1, len(p.loads), l.title)
		more, err := b.runLoad(ctx, p, l)
		runs = append(runs, more...)
		if err != nil {
			return runs, err
		}
	}
	return runs, nil
}

func (b *bench) runLoad(ctx context.Context, p plan, l load) ([]Run, error) {
	defer b.endServers()
	var runs []Run
	up := make([]*server, len(p.contestants))
	for i, c := range p.contestants {
		s, why := b.ready(ctx, c, l)
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
			run := b.once(ctx, p, l, p.contestants[i], up[i], round)
			if ctx.Err() != nil {
				return runs, ctx.Err()
			}
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// ready starts a contestant and has it show that it answers rightly; why tells what is in the way.
func (b *bench) ready(ctx context.Context, c contestant, l load) (s *server, why string) {
	if why := c.reason(l.name); why != "" {
		return nil, why
	}
	s, err := c.start(ctx, b)
	if reason, ok := isNotHere(err); ok {
		return nil, reason
	}
	if err != nil {
		return nil, "it did not start: " + oneLine(err)
	}
	h2 := l.name == "h2c_hello"
	addr := s.addr
	if h2 {
		addr = s.h2
	}
	if err := l.check.run(ctx, "http://"+addr, h2); err != nil {
		return nil, "a wrong answer: " + oneLine(err) + " " + s.front.bad.String()
	}
	if l.warmUp {
		if err := l.drive(ctx, job{bench: b, load: l, server: s, duration: time.Second}, &Run{}); err != nil {
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

func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", " ")), " ")
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
