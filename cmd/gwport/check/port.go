package check

import (
	"fmt"
)

// The frames without a stream: the greeting, ping, fault and drain.

// sendHello sends the greeting.
func (h *host) sendHello() { h.send(frame{kindHello, 0, h.hello.payload()}) }

// awaitReady waits for ready.
func (h *host) awaitReady() {
	h.awaitOr("ready", func() bool { return h.first != nil })
	if h.first.kind != kindReady {
		h.t.fail(h.first.String(), "ready")
	}
	r, err := readReady(h.first.payload)
	if err != nil {
		h.t.fail("ready with "+err.Error(), "ready as section 5 describes it")
	}
	h.ready = r
}

// ping sends a ping and waits for its answer: the program lives, and has read
// all that was sent before.
func (h *host) ping() {
	n := h.nextPing()
	h.sendTerm(kindPing, 0, n)
	h.awaitOr(fmt.Sprintf("pong %d", n), func() bool { return h.pongs[n] > 0 })
}

func (h *host) nextPing() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := int64(1_000_000 + len(h.pongs))
	h.pongs[n] = 0
	return n
}

// expectFault waits for the program's fault, and for its end.
func (h *host) expectFault(code int64) string {
	expected := "fault " + named(faultNames, code)
	h.awaitOr(expected, func() bool { return h.fault != nil })
	got, text := h.fault.reason()
	if got != code {
		h.t.fail(h.fault.String(), expected)
	}
	h.expectEnd("the program's end behind its fault")
	return text
}

// expectEnd waits for the end of standard output and of the program.
func (h *host) expectEnd(expected string) {
	h.awaitOr(expected, func() bool { return h.ended })
	if !h.p.waitExit(h.t.set.patience) {
		h.t.fail("standard output closed, and the program still running after "+h.t.set.patience.String(), expected)
	}
}

// expectClean is expectEnd for a program that drains [D2].
func (h *host) expectClean() {
	h.expectEnd("the end of standard output and of the program")
	if h.readErr != nil || h.fault != nil {
		h.t.fail(h.nothing(h.patience()), "the end of standard output behind a whole frame, and no fault")
	}
	if code := h.p.cmd.ProcessState.ExitCode(); code != 0 {
		h.t.fail("exit "+h.p.ending(), "exit 0")
	}
}

// settle drains the program and waits for its end: all that it will ever say has
// arrived then, so that what must not come can be looked for without waiting.
func (h *host) settle() {
	h.sendTerm(kindDrain, 0, noStream)
	h.awaitOr("the program's drain", func() bool { return h.drained >= 0 })
	h.expectClean()
}
