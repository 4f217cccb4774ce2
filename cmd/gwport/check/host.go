package check

import (
	"fmt"
	"sync"
	"time"
)

// host is the BEAM's side of one running program. One goroutine reads all that
// the program writes, hands it to the watch and sorts it by streams; another
// writes what is sent, so that sending never waits.
type host struct {
	side

	t     *trial
	p     *process
	hello hello
	ready ready

	streams  map[uint32]*stream
	highest  uint32 // ever opened
	first    *frame // the program's first frame
	firstAt  time.Time
	fault    *frame
	drained  int64 // the number in the program's drain; -1: none yet
	pongs    map[int64]int
	pongAt   int64 // how many bytes of bodies had come before the last pong
	bytes    int64 // of bodies, ever
	ended    bool  // the end of standard output
	readErr  error // why, if it was not between two frames
	held     bool  // standard output is not read
	slow     bool  // it is read a little at a time
	quits    bool  // the program may be gone: nothing is held against it any more
	stdinEnd bool  // to be closed when all is written

	stopped sync.Once
}

func newHost(t *trial, p *process, h hello) *host {
	hst := &host{
		t: t, p: p, hello: h, streams: make(map[uint32]*stream), highest: firstStream - 1,
		drained: -1, pongs: make(map[int64]int),
	}
	hst.init()
	go hst.read()
	go hst.feed()
	return hst
}

// stop kills the program.
func (h *host) stop() {
	h.stopped.Do(func() {
		h.mu.Lock()
		h.quits, h.held = true, false
		h.changed.Broadcast()
		h.mu.Unlock()
		h.p.stop()
		h.mu.Lock()
		h.ended = true
		h.changed.Broadcast()
		h.mu.Unlock()
	})
}

// awaitOr fails the check if what is expected does not come.
func (h *host) awaitOr(expected string, done func() bool) {
	patience := h.patience()
	if !h.await(patience, func() bool { return done() || h.ended }) || !h.holds(done) {
		h.t.fail(h.nothing(patience), expected)
	}
}

// patience is how long the next thing is waited for.
func (h *host) patience() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first == nil {
		return h.t.set.start
	}
	return h.t.set.patience
}

// nothing says what came instead of what was expected.
func (h *host) nothing(patience time.Duration) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.fault != nil:
		return h.fault.String()
	case h.readErr != nil:
		return fmt.Sprintf("the end of standard output within a frame: %v", h.readErr)
	case h.ended:
		return "the end of standard output"
	}
	return fmt.Sprintf("nothing for %v", patience)
}

// Sending

// closeInput closes the program's standard input behind what is sent.
func (h *host) closeInput() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stdinEnd = true
	h.changed.Broadcast()
}

// feed is the goroutine that writes.
func (h *host) feed() {
	h.write(h.p.stdin, func() bool { return h.quits || h.stdinEnd && len(h.unsent) == 0 })
	_ = h.p.stdin.Close()
}
