package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	look = 50 * time.Millisecond
	// A pool that is not whole by then has not recovered.
	recoverLimit = 30 * time.Second
	pauseTime    = time.Second
)

// A fault is done to one of the pool's programs, or to the pool. What it gives are the programs that have to be gone
// before all is well again.
type fault struct {
	name string
	do   func(f *faults, program int) (gone []int, err error)
}

var faultKinds = []fault{
	{"kill -9", func(_ *faults, program int) ([]int, error) {
		return []int{program}, send(program, syscall.SIGKILL)
	}},
	// It is found by the ping that it does not answer.
	{"stop", func(_ *faults, program int) ([]int, error) {
		return []int{program}, send(program, syscall.SIGSTOP)
	}},
	// It goes on before that.
	{"pause", func(_ *faults, program int) ([]int, error) {
		if err := send(program, syscall.SIGSTOP); err != nil {
			return nil, err
		}
		time.Sleep(pauseTime)
		return nil, send(program, syscall.SIGCONT)
	}},
	{"drain", func(_ *faults, program int) ([]int, error) {
		return []int{program}, send(program, syscall.SIGTERM)
	}},
	// New programs take the place of all.
	{"reload", func(f *faults, _ int) ([]int, error) {
		before, err := f.node.programs()
		if err != nil {
			return nil, err
		}
		return before, f.told("reload")
	}},
	{"resize", func(f *faults, _ int) ([]int, error) { return nil, f.resize() }},
}

// send: a program may have ended meanwhile, of an earlier fault.
func send(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("soak: signal %v to program %d: %w", s, pid, err)
	}
	return nil
}

// told has the node do something that may go wrong.
func (f *faults) told(words ...string) error {
	answer, err := f.node.ask(words...)
	if err == nil && !slices.Equal(answer, []string{"ok"}) {
		err = fmt.Errorf("the node says %q", answer)
	}
	return err
}

// resize gives the pool one port more, or one less.
func (f *faults) resize() error {
	f.mu.Lock()
	f.ports = 2*f.first + 1 - f.ports
	ports := f.ports
	f.mu.Unlock()
	return f.told("resize", strconv.Itoa(ports))
}

// faults makes them, one after the other, and waits for each to be over.
type faults struct {
	node   *node
	tally  *tally
	mounts int
	every  time.Duration

	first int // ports that the pool had in the beginning

	mu      sync.Mutex
	ports   int // that the pool is to have
	counts  map[string]int
	last    time.Time
	longest time.Duration // between two of them
	worst   time.Duration // recovery
	worstOf string
	errs    []error
}

// run makes faults until the context ends, each kind as often as any other, in an order that is the seed's. One is due some
// time after the last began, whatever has become of that.
func (f *faults) run(ctx context.Context, rnd *rand.Rand) {
	f.counts, f.last = make(map[string]int), time.Now()
	var wg sync.WaitGroup
	for deck := []int(nil); ; deck = deck[1:] {
		if len(deck) == 0 {
			deck = rnd.Perm(len(faultKinds))
		}
		kind, chosen := &faultKinds[deck[0]], int(rnd.Uint32()>>1)
		due := f.last.Add(f.every)
		// A node under load may take a while to say which programs there are, and is asked before they are needed.
		if !wait(ctx, due.Add(-f.every/2)) {
			break
		}
		programs, err := f.node.programs()
		if !wait(ctx, due) {
			break
		}
		programs = slices.DeleteFunc(programs, func(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
		if err == nil && len(programs) == 0 { // all have ended since
			programs, err = f.node.programs()
		}
		f.began()
		wg.Go(func() { f.one(kind, chosen, programs, err) })
	}
	wg.Wait()
	f.began()
}

func wait(ctx context.Context, until time.Time) bool {
	select {
	case <-time.After(time.Until(until)):
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *faults) began() {
	now := time.Now()
	f.longest, f.last = max(f.longest, now.Sub(f.last)), now
}

func (f *faults) one(kind *fault, chosen int, programs []int, err error) {
	if err == nil && len(programs) == 0 {
		err = errors.New("soak: there is no program to do it to")
	}
	if err != nil {
		f.failed(kind, err)
		return
	}
	began := time.Now()
	gone, err := kind.do(f, programs[chosen%len(programs)])
	if err == nil {
		err = f.recovered(gone)
	}
	if err != nil {
		f.failed(kind, err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[kind.name]++
	if took := time.Since(began); took > f.worst {
		f.worst, f.worstOf = took, kind.name
	}
}

func (f *faults) failed(kind *fault, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, fmt.Errorf("%s: %w", kind.name, err))
}

// recovered waits until the pool has all its ports, none of them one of those, and a request that began since the fault has
// a whole answer on each mount.
func (f *faults) recovered(gone []int) error {
	since := time.Now()
	for time.Since(since) < recoverLimit {
		programs, err := f.node.programs()
		if err != nil {
			return err
		}
		isLeft := slices.ContainsFunc(gone, func(pid int) bool { return slices.Contains(programs, pid) })
		if len(programs) == f.size() && !isLeft && f.tally.servedSince(since, f.mounts) {
			return nil
		}
		time.Sleep(look)
	}
	return fmt.Errorf("the pool has not recovered within %v", recoverLimit)
}

// whole waits for the pool's first programs.
func (f *faults) whole() error {
	for since := time.Now(); time.Since(since) < recoverLimit; time.Sleep(look) {
		programs, err := f.node.programs()
		if err != nil || len(programs) == f.size() {
			return err
		}
	}
	return fmt.Errorf("soak: the pool does not have its ports within %v", recoverLimit)
}

func (f *faults) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ports
}
