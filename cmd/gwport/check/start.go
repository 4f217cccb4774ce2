package check

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Checks of section 2: how a program is started and ended.

func checkExchanges(t *trial) {
	h := t.app(hello{})
	for _, path := range []string{"/echo", "/bytes/1000", "/sleep/1", "/status/404", "/ignore", "/fail", "/no-such-path"} {
		h.open(request{path: path, window: plenty}).response()
	}
	h.settle()
}

// checkByHand starts the program as a person would.
func checkByHand(t *trial) {
	p, err := newProcess(t.set.command, t.set.dir)
	if err != nil {
		panic(cannotStart{err})
	}
	defer p.stop()
	said := make(chan struct{})
	go func() {
		b := make([]byte, 1)
		if n, _ := io.ReadFull(p.stdout, b); n > 0 {
			close(said)
		}
	}()
	patience := time.After(t.set.start)
	for {
		select {
		case <-p.exited:
			t.saw("it ends: %s", strings.TrimSpace(p.own.last()))
			return
		case <-said:
			return
		case <-patience:
			if p.own.last() == "" {
				t.fail(fmt.Sprintf("nothing for %v", t.set.start), "a word on standard error, or the end, instead of waiting (SHOULD)")
			}
			return
		}
	}
}

func checkStderr(t *trial) {
	h := t.greet(hello{})
	select {
	case <-h.p.stderr.connected:
	case <-time.After(t.set.patience / 10):
		t.skip("the program has not connected to GWPORT_STDERR when it says ready, which it need not")
	}
	h.settle()
}

// stopGrace is P5's; what a machine under load needs to tell is not counted.
const (
	stopGrace  = 500 * time.Millisecond
	stopMargin = 500 * time.Millisecond
)

func checkEndOfInput(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/sleep/60000", window: plenty})
	h.open(request{path: "/sleep/60000", method: "PUT", upload: true, window: plenty})
	h.open(request{path: "/echo", method: "PUT", upload: true})
	h.open(request{path: "/bytes/1000000"})
	h.ping()
	t.expectGone(h, func() { h.closeInput() })
}

// expectGone measures how long the program lives on.
func (t *trial) expectGone(h *host, end func()) {
	began := time.Now()
	end()
	expected := fmt.Sprintf("the program gone within %v (and %v for measuring)", stopGrace, stopMargin)
	if !h.p.waitExit(stopGrace + stopMargin) {
		t.fail(fmt.Sprintf("still running after %v", stopGrace+stopMargin), expected)
	}
	t.saw("gone after %v", h.p.at.Sub(began).Round(time.Millisecond))
}

func checkEndOfInputIdle(t *trial) {
	h := t.greet(hello{})
	t.expectGone(h, h.closeInput)
}

// checkEndInDrain ends the input of a program that drains.
func checkEndInDrain(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/sleep/60000"})
	h.sendTerm(kindDrain, 0, noStream)
	h.awaitOr("the program's drain", func() bool { return h.drained >= 0 })
	t.expectGone(h, h.closeInput)
}

func checkExitIdle(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/status/204"}).expectResponse(204, "")
	h.closeInput()
	h.expectClean()
}

func checkExitFault(t *trial) {
	h := t.greet(hello{})
	h.sendTerm(kindPing, 0, -1)
	h.expectFault(faultBadFrame)
	if h.p.cmd.ProcessState.ExitCode() == 0 {
		t.fail("exit 0", "another exit status behind a fault")
	}
}

// checkTerminateEarly sends SIGTERM to a program that is not greeted. Whether it
// has got so far as to see to signals itself, it ends.
func checkTerminateEarly(t *trial) {
	h := t.start(hello{})
	terminate(h.p.cmd)
	if !h.p.waitExit(t.set.start) {
		t.fail(fmt.Sprintf("still running after %v", t.set.start), "the program's exit")
	}
}

func checkEndBeforeHello(t *trial) {
	h := t.start(hello{})
	if !h.await(t.set.start, func() bool { return h.isWritten() }) {
		t.fail(h.nothing(t.set.start), "the program's start")
	}
	h.closeInput()
	if !h.p.waitExit(t.set.start) {
		t.fail(fmt.Sprintf("still running after %v", t.set.start), "the program's end")
	}
}

func checkEndInFrame(t *trial) {
	h := t.greet(hello{})
	h.sendRaw(frame{kindPing, 0, payload(7)}.bytes()[:9])
	t.expectGone(h, h.closeInput)
}

func checkTerminate(t *trial) {
	h := t.greet(hello{})
	terminate(h.p.cmd)
	h.awaitOr("drain", func() bool { return h.drained >= 0 })
	h.expectClean()
}

func checkTerminateLive(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/echo", method: "PUT", upload: true, window: plenty})
	s.send([]byte("before"))
	s.awaitBytes(6)
	terminate(h.p.cmd)
	h.awaitOr("drain", func() bool { return h.drained >= 0 })
	if h.drained != int64(s.id) {
		t.fail(fmt.Sprintf("drain %d", h.drained), fmt.Sprintf("drain %d, the highest stream", s.id))
	}
	late := h.open(request{path: "/status/200", window: plenty})
	s.send([]byte(" and behind"))
	s.fin()
	s.expectResponse(200, "before and behind")
	h.expectClean()
	late.expectNothing("nothing about a stream above the drain's number")
}
