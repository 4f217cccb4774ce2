package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/test/soak/pattern"
)

const (
	lostAfter = 5 * time.Second // behind the deadline
	warmUp    = 3 * time.Second // clients without faults, before the figures that the last ones are compared with
	goneLimit = 5 * time.Second

	fullRun     = 10 * time.Minute
	fewest      = 10 // faults of each kind in a full run
	mostBetween = 5 * time.Second
)

// A result is what a soak has found.
type result struct {
	wrong, lost, doubled int
	faults               map[string]int
	grown                []string
	behind               []int // OS processes that have outlived the BEAM
	problems             []error
}

func (r *result) verdict() error {
	all := append([]error(nil), r.problems...)
	if r.wrong+r.lost+r.doubled > 0 {
		all = append(all, fmt.Errorf("soak: wrong %d, lost %d, doubled %d", r.wrong, r.lost, r.doubled))
	}
	if len(r.grown) > 0 {
		all = append(all, fmt.Errorf("soak: there is more at the end than there was: %s", strings.Join(r.grown, ", ")))
	}
	if len(r.behind) > 0 {
		all = append(all, fmt.Errorf("soak: processes %v outlive the BEAM", r.behind))
	}
	return errors.Join(all...)
}

// A run of one.
type run struct {
	*options
	node   *node
	tally  *tally
	work   string
	nextID atomic.Uint64
}

func soak(out io.Writer, t tree, o *options) (*result, error) {
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	fmt.Fprintf(out, "seed %d, %v of faults, one each %v\n", o.seed, o.duration, o.every)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	work, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, fmt.Errorf("soak: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // it is in the system's own folder for such things
	if err := errors.Join(t.build(ctx, work), writeFile(filepath.Join(work, "file"))); err != nil {
		return nil, err
	}
	n, err := startNode(t, work, o)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	r := &run{options: o, node: n, tally: newTally(), work: work}
	return r.all(ctx, out)
}

func writeFile(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, pattern.New(fileID, fileSize))
	return errors.Join(err, f.Close())
}

func (r *run) all(ctx context.Context, out io.Writer) (*result, error) {
	f := &faults{node: r.node, tally: r.tally, mounts: len(r.node.listeners), every: r.every, first: r.ports, ports: r.ports}
	if err := f.whole(); err != nil {
		return nil, err
	}
	r.serve(ctx, warmUp, 0, func(ctx context.Context) { <-ctx.Done() })
	before, err := r.node.settled(r.work, nil)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	r.serve(ctx, r.duration, 1, func(ctx context.Context) {
		f.run(ctx, rand.New(rand.NewPCG(r.seed, 0)))
	})
	took := time.Since(began)
	if f.size() != f.first {
		if err := errors.Join(f.resize(), f.whole()); err != nil {
			return nil, err
		}
	}
	after, err := r.node.settled(r.work, before)
	if err != nil {
		return nil, err
	}
	if err := r.tally.audit(filepath.Join(r.work, "ledger")); err != nil {
		return nil, err
	}
	tree := below(r.node.cmd.Process.Pid)
	r.node.stop()
	found := &result{
		wrong: r.tally.sum(wrong), lost: r.tally.sum(lost), doubled: r.tally.doubled, faults: f.counts,
		grown: after.grown(before), behind: outlived(tree), problems: append(f.errs, r.enough(f)...),
	}
	r.print(out, took, f, found)
	after.print(out, before)
	return found, nil
}

// serve has all clients ask while the rest is done, and waits for the last answers.
func (r *run) serve(ctx context.Context, d time.Duration, phase uint64, rest func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var clients sync.WaitGroup
	asking := make(chan struct{})
	for mount, address := range r.node.listeners {
		shared := newH2()
		defer shared.CloseIdleConnections()
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			for i := range kinds {
				for number := range kinds[i].count {
					c := &client{run: r, kind: &kinds[i], mount: mount, address: address, protocol: protocol}
					c.transport = &h2{address, shared}
					if protocol == "HTTP/1.1" {
						c.transport = &h1{address: address}
					}
					// What each asks for is the seed's alone, however fast the others are.
					c.rnd = rand.New(rand.NewPCG(r.seed^phase, hash(mount, protocol, kinds[i].name, fmt.Sprint(number))))
					clients.Go(func() { c.ask(asking) })
				}
			}
		}
	}
	rest(ctx)
	close(asking)
	clients.Wait()
}

func hash(words ...string) uint64 {
	sum := uint64(14695981039346656037)
	for _, b := range []byte(strings.Join(words, "/")) {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return sum
}

// A client asks for one thing after another.
type client struct {
	*run
	kind                     *kind
	mount, address, protocol string
	transport                transport
	rnd                      *rand.Rand
}

func (c *client) ask(until <-chan struct{}) {
	for {
		select {
		case <-until:
			c.transport.done(false)
			return
		case <-time.After(time.Duration(c.rnd.Int64N(int64(2 * c.kind.pause)))):
		}
		one := c.kind.next(c.rnd, c.nextID.Add(1))
		began := time.Now()
		o, err := one.ask(context.Background(), c.transport, c.address, c.deadline+lostAfter)
		what := fmt.Sprintf("%s by %s of %s, %s %s, %d bytes, after %v",
			c.kind.name, c.mount, c.protocol, one.method, one.path, one.size, time.Since(began).Round(time.Millisecond))
		c.tally.add(c.kind.name, c.mount, what, &one, began, o, err)
	}
}

// outlived gives those that are still there when the BEAM has gone, and had their time.
func outlived(pids []int) []int {
	var behind []int
	for limit := time.Now().Add(goneLimit); ; time.Sleep(look) {
		behind = nil
		for _, pid := range pids {
			if _, state := status(pid); state != "" && state != "Z" {
				behind = append(behind, pid)
			}
		}
		if len(behind) == 0 || time.Now().After(limit) {
			return behind
		}
	}
}

// enough holds a run to what a full one promises.
func (r *run) enough(f *faults) []error {
	var missing []error
	if f.longest > mostBetween && r.every < mostBetween {
		missing = append(missing, fmt.Errorf("soak: %v went by without a fault", f.longest))
	}
	for i := range faultKinds {
		if name := faultKinds[i].name; r.duration >= fullRun && f.counts[name] < fewest {
			missing = append(missing, fmt.Errorf("soak: %s was done %d times only", name, f.counts[name]))
		}
	}
	return missing
}

func (r *run) print(out io.Writer, took time.Duration, f *faults, found *result) {
	for _, line := range r.tally.told {
		fmt.Fprintln(out, line)
	}
	r.tally.print(out)
	all, parts := 0, []string(nil)
	for i := range faultKinds {
		name := faultKinds[i].name
		all += f.counts[name]
		parts = append(parts, fmt.Sprintf("%s %d", name, f.counts[name]))
	}
	fmt.Fprintf(out, "faults %d in %v, at most %v from one to the next: %s\n",
		all, took.Round(time.Second), f.longest.Round(time.Millisecond), strings.Join(parts, ", "))
	fmt.Fprintf(out, "wrong %d\nlost %d\ndoubled %d\n", found.wrong, found.lost, found.doubled)
	fmt.Fprintf(out, "worst recovery %v (%s)\n", f.worst.Round(time.Millisecond), f.worstOf)
}
