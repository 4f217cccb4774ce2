package mux

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// Conn is one wire and all that lives on it. It owns two goroutines: one reads,
// one writes. The reader never waits for a task, nor for the writer (SPEC.md
// [O2]); tasks have goroutines of their own, and wait for credit.
//
// One mutex guards the conn and its streams. It is held for moments only: no
// I/O, no copying of more than a chunk, no call into a task or the app but for Cause.
type Conn struct {
	cfg Config
	app App
	r   io.Reader
	in  *wire.Input
	w   io.Writer

	// host is what hello said; the reader writes it once, before any stream.
	host     wire.Hello
	logLevel atomic.Int32 // of host, for records that belong to no stream
	logRate  lineRate

	mu      sync.Mutex
	streams map[uint32]*Stream // the live ones
	highest uint32             // stream number ever opened
	drain   drainState
	out     outbox
	workers workers

	asks   asks
	spares *spares
	reads  yields // the reader's
	writes yields // the writer's

	wideLeft int // of the budget for windows that are wider than at first

	tasks     int              // that run, or wait
	abandoned map[*Stream]bool // those of them whose streams have long ended
	overruns  overruns

	ended bool  // nothing new is read, taken or started
	err   error // why; nil after a drain

	done    chan struct{} // closed when ended
	left    chan struct{} // closed when ended, and the last task has gone
	written chan struct{} // closed when the writer has gone
	unread  chan struct{} // closed when the reader has
}

// New makes a Conn of a pair of pipes. Serve is yet to be called.
func New(cfg Config, app App, r io.Reader, w io.Writer) *Conn {
	c := &Conn{
		cfg:       cfg,
		app:       app,
		r:         r,
		in:        wire.NewInput(r),
		w:         w,
		spares:    newSpares(cfg.SpareProcs),
		streams:   make(map[uint32]*Stream),
		abandoned: make(map[*Stream]bool),
		highest:   wire.MinStream - 1,

		wideLeft: cfg.WideBudget,
		done:     make(chan struct{}),
		left:     make(chan struct{}),
		written:  make(chan struct{}),
		unread:   make(chan struct{}),
	}
	c.logLevel.Store(notGreeted)
	c.logRate.limit.Store(wire.AllLines)
	c.out.wake.L = &c.mu
	c.out.logged.L = &c.mu
	return c
}

// Hello is what the host has said of itself, for tasks. Of capabilities it has those
// that are in force.
func (c *Conn) Hello() *wire.Hello { return &c.host }

// Done is closed when nothing new is read, taken or started.
func (c *Conn) Done() <-chan struct{} { return c.done }

// A Taker is an output that tells whether its other end has read all that was
// written.
type Taker interface {
	Taken() bool
}

// Serve returns when the wire has ended: nil after a drain, or when the host closed
// it with no stream open, a *ClosedError when there were some, a *wire.Fault when
// one side broke the protocol. The pipes are closed in the end if they can be,
// which is also what frees the goroutine that reads.
//
// Tasks that still run are given StopGrace to notice that they are cancelled.
func (c *Conn) Serve() error {
	go c.read()
	go c.write()
	go c.spares.run(c.done)
	<-c.done
	grace := time.NewTimer(StopGrace)
	defer grace.Stop()
	c.await(c.written, grace)
	c.await(c.left, grace)
	c.awaitTaken(grace)
	closeIfCloser(c.w)
	if c.isOwnDrain() {
		c.await(c.unread, grace)
	}
	closeIfCloser(c.r)
	return c.err
}

// isOwnDrain tells whether the host may still open streams that it has not been
// told in time are not taken. They are to be read, and ignored, see awaitTaken.
func (c *Conn) isOwnDrain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && c.drain.on && !c.drain.byHost
}

// awaitTaken waits, behind a drain, for the host to read our last frames [D2].
// Meanwhile it may write, be it credit for what it has read before: to a pipe that
// nobody reads any more that would fail, and its port would end with whatever it
// has not read.
func (c *Conn) awaitTaken(grace *time.Timer) {
	w, ok := c.w.(Taker)
	if !ok || c.err != nil {
		return
	}
	for !w.Taken() {
		select {
		case <-c.unread:
			return
		case <-grace.C:
			grace.Reset(0)
			return
		case <-time.After(takenPause):
		}
	}
}

// await waits for what may take until the grace is over, and no longer.
func (c *Conn) await(what <-chan struct{}, grace *time.Timer) {
	select {
	case <-what:
	case <-grace.C:
		grace.Reset(0) // over, for whoever waits next
	}
}

func closeIfCloser(v any) {
	if closer, ok := v.(io.Closer); ok {
		_ = closer.Close()
	}
}

// fail ends the conn. A fault of ours is told to the host, if it still can be;
// every stream ends as if the host had aborted it with port_closed [P5].
func (c *Conn) fail(err error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	if c.cfg.OnFail != nil {
		c.cfg.OnFail()
	}
	if f := (*wire.Fault)(nil); errors.As(err, &f) && !f.Host {
		c.tellDropped() // nothing follows a fault
		c.out.fault(f)
	}
	c.ended = true // or a drain would take the last stream's end for its own
	lost := c.loseStreams()
	if len(lost) == 0 && isClosed(err) {
		err = nil
	}
	c.end(err)
	c.mu.Unlock()
	for _, s := range lost {
		s.task.Cancel(s.cause)
	}
}

// loseStreams ends all streams without a word to the host.
func (c *Conn) loseStreams() []*Stream {
	lost := make([]*Stream, 0, len(c.streams))
	for _, s := range c.streams {
		s.shut(c.app.Cause(Abort{Code: wire.CodePortClosed}))
		lost = append(lost, s)
	}
	return lost
}

// end marks the conn as ended. The writer writes what is left for it to write.
func (c *Conn) end(err error) {
	c.ended, c.err = true, err
	c.tellDropped()
	c.drain.stop()
	c.workers.stop()
	close(c.done)
	if c.tasks == 0 {
		close(c.left)
	}
	c.out.wake.Broadcast()
	c.out.logged.Broadcast()
}

// leave accounts for a task that has gone, or waits, and tells whether its worker, if there is
// still one, is to wait for the next.
func (c *Conn) leave(s *Stream, w *worker, hasWorker, waits bool) (rests bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waits {
		rests = !c.ended && c.workers.rest(w)
		s.wait()
		return rests
	}
	if !s.taken {
		s.In.deadline.stop()
		s.Out.deadline.stop()
	}
	c.tasks--
	if c.ended {
		if c.tasks == 0 {
			close(c.left)
		}
		return false
	}
	return hasWorker && c.workers.rest(w)
}

// forget drops a stream whose halves have both ended. A task that is still at
// it after a while is abandoned.
func (c *Conn) forget(s *Stream) {
	delete(c.streams, s.id)
	if s.running && !s.returned && s.late == nil {
		s.late = time.AfterFunc(c.cfg.AbandonedAfter, func() { c.abandon(s) })
	}
	c.endIfDrained()
}
