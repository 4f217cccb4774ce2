package program

import (
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// host is the BEAM's side of one running program.
type host struct {
	peer.Side

	t     *trial
	p     *process
	hello hello
	ready ready
	watch *peer.Watch

	streams  map[uint32]*stream
	asks     map[int64]*asked
	firstAt  time.Time
	drained  int64 // the number in the program's drain; -1: none yet
	quits    bool  // the program may be gone: nothing is held against it any more
	stdinEnd bool  // to be closed when all is written

	stopped sync.Once
}

func newHost(t *trial, p *process, hi hello) *host {
	h := &host{t: t, p: p, hello: hi, streams: make(map[uint32]*stream), asks: make(map[int64]*asked), drained: -1}
	h.Init()
	h.From, h.Patience = "standard output", h.patience
	h.Stops = func() bool { return h.quits || h.stdinEnd && h.IsQueueEmpty() }
	h.watch = &peer.Watch{
		Side: &h.Side, Of: peer.Program, Player: watcher{h}, MaxFrame: max(hi.maxFrame(), peer.MinMaxFrame), MaxHead: hi.maxHead(),
	}
	go h.Read(p.stdout, h.watch)
	go func() {
		h.Write(p.stdin)
		_ = p.stdin.Close()
	}()
	return h
}

// stop kills the program.
func (h *host) stop() {
	h.stopped.Do(func() {
		h.Locked(func() { h.quits = true })
		h.Hold(false)
		h.p.stop()
		h.Locked(func() { h.Ended = true })
	})
}

// patience is how long the next thing is waited for.
func (h *host) patience() time.Duration {
	h.Mu.Lock()
	defer h.Mu.Unlock()
	if h.watch.First == nil {
		return h.t.set.start
	}
	return h.t.set.patience
}

// closeInput closes the program's standard input behind what is sent.
func (h *host) closeInput() { h.Locked(func() { h.stdinEnd = true }) }

// sendHello sends the greeting.
func (h *host) sendHello() { h.Send(frames.Hello, 0, h.hello.payload()) }

// awaitReady waits for ready.
func (h *host) awaitReady() {
	h.AwaitOr("ready", func() bool { return h.watch.First != nil })
	if h.watch.First.Kind != frames.Ready {
		peer.Fail(h.watch.First.String(), "ready")
	}
	r, err := readReady(h.watch.First.Payload)
	if err != nil {
		peer.Fail("ready with "+err.Error(), "ready as section 5 describes it")
	}
	h.ready = r
}

// expectFault waits for the program's fault, and for its end.
func (h *host) expectFault(code int64) string {
	text := h.ExpectFault(code)
	h.expectEnd("the program's end behind its fault")
	return text
}

// expectEnd waits for the end of standard output and of the program.
func (h *host) expectEnd(expected string) {
	h.AwaitOr(expected, func() bool { return h.Ended })
	if !h.p.waitExit(h.t.set.patience) {
		peer.Fail("standard output closed, and the program still running after "+h.t.set.patience.String(), expected)
	}
}

// expectClean is expectEnd for a program that drains [D2].
func (h *host) expectClean() {
	h.expectEnd("the end of standard output and of the program")
	if h.ReadErr != nil || h.Fault != nil {
		peer.Fail(h.Nothing(h.patience()), "the end of standard output behind a whole frame, and no fault")
	}
	if code := h.p.cmd.ProcessState.ExitCode(); code != 0 {
		peer.Fail("exit "+h.p.ending(), "exit 0")
	}
}

// drain has the program drain.
func (h *host) drain() {
	h.SendTerm(frames.Drain, 0, peer.NoStream)
	h.awaitDrain("the program's drain")
}

func (h *host) awaitDrain(expected string) {
	h.AwaitOr(expected, func() bool { return h.drained >= 0 })
}

// settle drains the program and waits for its end: all that it will ever say has
// arrived then, so that what must not come can be looked for without waiting.
func (h *host) settle() {
	h.drain()
	h.expectClean()
}
