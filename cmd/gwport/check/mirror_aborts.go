package check

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Scripts of section 7.2: aborts, in the states of section 7.3.

func abortScripts() []hostScript {
	scripts := []hostScript{
		{path: "abort-ended", rule: "A2", name: "an abort behind the request's end is not answered", ask: ask{status: []int{500}}, run: func(s *mstream) {
			s.giveUp(codeInternal)
			s.nothingMore("A2")
		}},
		{path: "abort-late", rule: "A2", name: "an abort behind the head is answered, and breaks the response off", ask: waiting().cut(), run: func(s *mstream) {
			s.head(200)
			s.body(0, 100)
			s.giveUp(codeInternal)
			s.expectAbort(codeInternal)
			s.nothingMore("A2")
		}},
		{path: "abort-late-ended", rule: "A2", name: "the same behind the request's end is not answered", ask: ask{}.cut(), run: func(s *mstream) {
			s.head(200)
			s.body(0, 100)
			s.giveUp(codeInternal)
			s.nothingMore("A2")
		}},
		{path: "aborting", rule: "A3", name: "behind its own abort the host ignores the stream until it has ended", ask: waiting(badGateway...), run: func(s *mstream) {
			s.deaf()
			s.grant(0)
			s.expectAbort(codeBadCredit)
			s.rest()
			s.giveUp(codeBadCredit)
			s.nothingMore("A3")
		}},
		{path: "aborting-fin", rule: "A3", name: "the same, and a response that is finished all the same", ask: waiting(badGateway...), run: func(s *mstream) {
			s.deaf()
			s.grant(0)
			s.expectAbort(codeBadCredit)
			s.rest()
			s.fin()
			s.nothingMore("A3")
			s.m.everyFrame(s.id)
			s.m.barrier()
		}},
		{path: "left", rule: "A1", name: "a client that leaves behind its request: cancelled", ask: ask{method: "POST", body: 10, framing: "length", client: "left"}, run: func(s *mstream) {
			s.send(kindEntered, empty)
			s.read()
			s.request()
			s.head(200)
			s.expectAbort(codeCancelled)
			s.nothingMore("A1")
		}},
		{path: "abort-first", rule: "A4", name: "an abort replaces what is not written yet", ask: ask{
			method: "POST", body: 12_000_000, framing: "length", client: "left", args: fmt.Sprintf("--window=%d", maxWindow),
		}, run: scriptAbortFirst},
	}
	for _, code := range []int{0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 99_999, maxCredit} {
		ask := waiting(anyFailure...)
		rule := "A2"
		switch {
		case code > codePortClosed:
			ask, rule = waiting(http.StatusInternalServerError), "8" // as internal_error
		case code == codeCancelled:
			ask = waiting().unanswered()
		}
		scripts = append(scripts, hostScript{
			path: fmt.Sprintf("abort/%d", code), rule: rule, name: "an abort is answered with its own code: " + named(codeNames, int64(code)), ask: ask,
			run: func(s *mstream) {
				s.giveUp(code)
				s.expectAbort(int64(code))
				s.nothingMore("A2")
			},
		})
	}
	return scripts
}

// deaf keeps the mirror from answering an abort.
func (s *mstream) deaf() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.silent = true
}

// rest sends of the response what an aborting host still ignores.
func (s *mstream) rest() {
	s.send(kindEntered, empty)
	s.sendTerm(kindCredit, 0)
	s.sendTerm(kindInform, etf.Tuple{103, etf.List{}})
	s.head(200)
	s.send(kindChunk, []byte("some"))
	s.sendTerm(kindTrailers, 1)
	s.m.barrier()
}

// scriptAbortFirst aborts a large upload while nothing of it is read. What the
// host has not written by then must not come.
func scriptAbortFirst(s *mstream) {
	s.send(kindEntered, empty)
	s.awaitBytes(1 << 20)
	s.m.hold(true)
	s.giveUp(codeCancelled)
	s.m.flood()
	s.m.mu.Lock()
	s.m.since = 0
	s.m.mu.Unlock()
	s.m.hold(false)
	s.m.awaitOr("an abort, or the request's end", func() bool { return s.ended })
	if s.m.since > mostBehindAbort {
		s.fail(fmt.Sprintf("%d bytes behind the abort was read", s.m.since), fmt.Sprintf("at most %d", mostBehindAbort))
	}
}

// mostBehindAbort is what may stand in front of an abort's answer: what a host
// hands to the pipe at a time, and keeps in front of it.
const mostBehindAbort = 3 << 20

// flood writes 4 MiB of lines that are too long for a log, more than any buffer on
// the way, and waits until the host has read most of it.
func (m *mirror) flood() {
	line := frame{kindLog, 0, payload(etf.Tuple{7, strings.Repeat("l", maxLog), etf.Map{}})}.bytes()
	for range 64 {
		m.sendRaw(line)
	}
	m.awaitOr("4 MiB read from standard output while standard input is not read", m.isWritten)
}
