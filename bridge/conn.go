package bridge

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// conn is one wire and all that lives on it. It owns two goroutines: one reads,
// one writes. The reader never waits for a handler, nor for the writer (SPEC.md
// [O2]); handlers have goroutines of their own, and wait for credit.
//
// One mutex guards the conn and its streams. It is held for moments only: no
// I/O, no copying of more than a chunk, no call into a handler or a context.
type conn struct {
	set *settings
	r   io.Reader
	in  *wire.Input
	w   io.Writer

	// server is what handlers find under http.ServerContextKey.
	server *http.Server

	// host is what hello said; the reader writes it once, before any stream.
	host wire.Hello

	// onFail is called once, at the end of the input or on a fault, before
	// anything else is done about it.
	onFail func()

	mu      sync.Mutex
	streams map[uint32]*stream // the live ones
	highest uint32             // stream number ever opened
	drain   drainState
	out     outbox
	workers workers

	handlers  int // goroutines that run one
	abandoned int // those of them whose streams have long ended

	ended bool  // nothing new is read, taken or started
	err   error // why; nil after a drain

	done    chan struct{} // closed when ended
	left    chan struct{} // closed when ended, and the last handler has gone
	written chan struct{} // closed when the writer has gone
	unread  chan struct{} // closed when the reader has
}

func newConn(set *settings, r io.Reader, w io.Writer) *conn {
	c := &conn{
		set:     set,
		r:       r,
		in:      wire.NewInput(r),
		w:       w,
		streams: make(map[uint32]*stream),
		highest: wire.MinStream - 1,
		done:    make(chan struct{}),
		left:    make(chan struct{}),
		written: make(chan struct{}),
		unread:  make(chan struct{}),
	}
	c.server = newHTTPServer(c)
	c.out.wake.L = &c.mu
	c.out.logged.L = &c.mu
	return c
}

// ServeConn serves one wire over any pair of pipes, and returns when it has
// ended: nil after a drain, or when the host closed it with no request under
// way, ErrPortClosed when there were some, a [*FaultError] when one side broke
// the protocol. r and w are closed in the end if they can be, which is also
// what frees the goroutine that reads.
//
// Handlers that still run are given half a second to notice that their
// contexts are cancelled. ServeConn never ends the process; [Server.Serve] does.
func (s *Server) ServeConn(r io.Reader, w io.Writer) error {
	set, err := s.settings()
	if err != nil {
		return err
	}
	return newConn(set, r, w).serve()
}

func (c *conn) serve() error {
	go c.read()
	go c.write()
	<-c.done
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	c.await(c.written, grace)
	c.await(c.left, grace)
	closeIfCloser(c.w)
	if c.isOwnDrain() {
		c.await(c.unread, grace)
	}
	closeIfCloser(c.r)
	return serveError(c.err)
}

// isOwnDrain tells whether the host may still open streams that it has not been
// told in time are not taken. They are to be read, and ignored: to a pipe that
// nobody reads any more the host's write would fail, and with it the port, with
// whatever of our last frames the host has not read.
func (c *conn) isOwnDrain() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err == nil && c.drain.on && !c.drain.byHost
}

// await waits for what may take until the grace is over, and no longer.
func (c *conn) await(what <-chan struct{}, grace *time.Timer) {
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
func (c *conn) fail(err error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	if c.onFail != nil {
		c.onFail()
	}
	if f := (*wire.Fault)(nil); errors.As(err, &f) && !f.Host {
		c.out.fault(f)
	}
	c.ended = true // or a drain would take the last stream's end for its own
	lost := c.loseStreams()
	if len(lost) == 0 && isEOF(err) {
		err = nil
	}
	c.end(err)
	c.mu.Unlock()
	for _, s := range lost {
		s.cancel(s.cause)
	}
}

// isEOF tells the end of the input from a failure of the wire.
func isEOF(err error) bool { return errors.Is(err, ErrPortClosed) }

// loseStreams ends all streams without a word to the host.
func (c *conn) loseStreams() []*stream {
	lost := make([]*stream, 0, len(c.streams))
	for _, s := range c.streams {
		s.shut(&AbortError{Code: CodePortClosed})
		lost = append(lost, s)
	}
	return lost
}

// end marks the conn as ended. The writer writes what is left for it to write.
func (c *conn) end(err error) {
	c.ended, c.err = true, err
	c.drain.stop()
	c.workers.stop()
	close(c.done)
	if c.handlers == 0 {
		close(c.left)
	}
	c.out.wake.Broadcast()
	c.out.logged.Broadcast()
}

// enter accounts for a handler that starts, leave for one that has gone.
func (c *conn) enter(s *stream) {
	s.running = true
	c.handlers++
}

func (c *conn) leave(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.readDeadline.stop()
	s.writeDeadline.stop()
	c.handlers--
	if c.ended && c.handlers == 0 {
		close(c.left)
	}
}

// forget drops a stream whose halves have both ended. A handler that is still at
// it after a while is abandoned.
func (c *conn) forget(s *stream) {
	delete(c.streams, s.id)
	if s.running && !s.returned && s.late == nil {
		s.late = time.AfterFunc(abandonedAfter, func() { c.abandon(s) })
	}
	c.endIfDrained()
}

// abandon counts a handler that goes on without its stream, because nothing can
// stop it.
func (c *conn) abandon(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.returned || c.ended {
		return
	}
	s.abandoned = true
	c.abandoned++
	c.boundAbandoned()
}

func (c *conn) boundAbandoned() {
	if c.abandoned <= c.set.maxAbandoned || c.drain.on {
		return
	}
	c.out.log(wire.Line{
		Level: wire.LevelError,
		Text:  "bridge: draining, because too many handlers go on after their requests have ended",
		Meta:  []wire.MetaPair{{Key: "abandoned", Value: c.abandoned}},
	})
	c.startDrain()
}
