package check

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// Checks of section 7.2: abort.

func checkFail(t *trial) {
	h := t.app(hello{})
	for _, method := range []string{"GET", "POST", "PUT"} {
		s := h.open(request{path: "/fail", method: method, upload: method != "GET", window: plenty})
		r := s.response()
		if r.last.kind == kindAbort {
			s.checkCode(codeInternal)
		} else if r.status != 500 {
			t.fail(r.last.String(), "a reply with 500, or abort internal_error")
		}
		if method != "GET" {
			s.abort(codeNoError)
		}
	}
	h.open(request{path: "/status/204"}).expectResponse(204, "")
	h.settle()
}

// checkAbortAnswered aborts streams whose apps sleep, wait for credit, wait for
// a body, or have answered in part.
func checkAbortAnswered(t *trial) {
	h := t.app(hello{})
	sleeping := h.open(request{path: "/sleep/60000"})
	uploading := h.sleeper()
	starved := h.open(request{path: "/bytes/1000000", window: 10})
	starved.awaitBytes(10)
	reading := h.open(request{path: "/echo", method: "PUT", upload: true, window: plenty})
	entered := h.open(request{path: "/sleep/60000", method: "POST", upload: true})
	entered.expect(kindEntered)
	half := h.upload()
	half.send([]byte("x"))
	half.awaitBytes(1)
	r := request{path: "/sleep/60000", method: "POST"}
	atOnce := h.reserve(r)
	h.sendRaw(append(frame{kindOpen, atOnce.id, r.payload()}.bytes(),
		frame{kindAbort, atOnce.id, payload(etf.Tuple{codeCancelled, ""})}.bytes()...))
	atOnce.expectAbort(codeCancelled)
	for _, s := range []*stream{sleeping, uploading, starved, reading, entered, half} {
		s.abort(codeCancelled)
		s.expectAbort(codeCancelled)
		s.abort(codeCancelled) // a host that behaves does not; it is not answered
	}
	h.settle()
	h.expectQuiet("one answer")
}

func checkAbortCodes(t *trial) {
	h := t.app(hello{})
	for _, code := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} {
		s := h.sleeper()
		s.abort(code)
		s.expectAbort(int64(code))
	}
	h.settle()
}

func checkUnknownCodes(t *trial) {
	h := t.app(hello{})
	for _, code := range []int{16, 99, 255, 2147483647} {
		s := h.sleeper()
		s.abort(code)
		s.expectAbort(int64(code))
	}
	h.ping()
	h.settle()
}

// checkFaultIsLast has the program end the port while bodies are on their way.
func checkFaultIsLast(t *trial) {
	h := t.app(hello{})
	s := h.flow(16_000_000)
	h.send(frame{kindOpen, s.id, request{path: "/"}.payload()})
	h.expectFault(faultBadStream)
}

func checkUnknownFault(t *trial) {
	h := t.greet(hello{})
	h.sendTerm(kindFault, 0, etf.Tuple{99, "a code of later"})
	t.expectGone(h, h.closeInput)
}

func checkAbortSleeps(t *trial) {
	h := t.app(hello{drainTimeout: 60_000})
	s := h.open(request{path: "/sleep/600000"})
	h.ping()
	s.abort(codeCancelled)
	s.expectAbort(codeCancelled)
	h.settle() // not before the drain timeout, had the app slept on as a live stream
}

// checkAbortReplaces has the program write more than the pipe holds, and aborts
// while nothing is read: what is not written by then must not come.
func checkAbortReplaces(t *trial) {
	h := t.app(hello{})
	closed := h.open(request{path: "/status/204"})
	closed.response()
	s := h.flow(16_000_000)
	h.pause()
	s.abort(codeCancelled)
	h.flood(closed)
	before := h.resume()
	s.expectAbort(codeCancelled)
	h.expectWithin(s.abortAt-before, "its abort")
	h.settle()
}

// oneWrite is the most that a program may hand over in one write, and defaultPipe
// what its pipe holds unless it has asked for more. That much of a body may have
// been on its way when something that goes first was asked for.
const (
	oneWrite    = 1<<20 - defaultPipe
	defaultPipe = 64 << 10
)

// expectWithin tells whether too much of bodies, n bytes, came before something.
// They are counted when it arrives: whoever waits for it may be told much later.
// Less than none is none: it was there before anybody looked.
func (h *host) expectWithin(n int64, what string) {
	n = max(n, 0)
	most := pipeSize(h.p.stdout) + oneWrite
	if n > most {
		h.t.fail(fmt.Sprintf("%d bytes of bodies before %s", n, what), fmt.Sprintf("at most %d, the pipe and one write", most))
	}
	h.t.saw("%d bytes of bodies before %s, at most %d are allowed", n, what, most)
}

// flow opens a stream with a large body, and waits until some of it has come.
func (h *host) flow(n int) *stream {
	r := request{path: fmt.Sprintf("/bytes/%d", n), window: n}
	s := h.reserve(r)
	s.drop = true
	h.send(frame{kindOpen, s.id, r.payload()})
	s.awaitBytes(1)
	return s
}

// flood writes 4 MiB that are to be ignored, more than any buffer on the way: a
// program that has taken them has read what was sent before.
func (h *host) flood(closed *stream) {
	f := frame{kindChunk, closed.id, make([]byte, maxChunk)}.bytes()
	for range 64 {
		h.sendRaw(f)
	}
	h.awaitOr("4 MiB read from standard input while standard output is not read", h.isWritten)
}
