package check

import (
	"fmt"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Scripts of section 7.4: credit.

func creditScripts() []hostScript {
	starved := ask{method: "POST", body: 40, framing: "length", status: fine, args: "--window=0"}
	scripts := []hostScript{
		{path: "byte-grants", rule: "C1", name: "a byte of the request for each byte of credit", ask: starved, run: func(s *mstream) {
			s.send(kindEntered, empty)
			for i := range 40 {
				s.grant(1)
				s.awaitBytes(int64(i + 1))
			}
			s.request()
			s.ok()
		}},
		{path: "odd-grants", rule: "C1", name: "never a byte beyond credit, over grants of all sizes", ask: ask{method: "POST", body: 400_000, framing: "chunked", status: fine, args: "--window=0"}, run: scriptOddGrants},
		{path: "starves", rule: "C2", name: "the first credit of a request is ready's window, and is used to the byte", ask: ask{method: "POST", body: 4000, framing: "length", status: fine, args: "--window=1000"}, run: func(s *mstream) {
			s.awaitBytes(1000)
			s.m.barrier()
			s.grant(3000)
			s.request()
			s.ok()
		}},
		{path: "continue", rule: "C2", name: "with continue the first grant is the go-ahead", ask: ask{method: "POST", body: 1000, framing: "continue", status: fine, informs: 1}, run: func(s *mstream) {
			s.m.barrier()
			if !s.goAhead {
				s.fail("no continue in the request", "continue, which the client asks for")
			}
			s.read()
			s.request()
			s.ok()
		}},
		{path: "continue-unread", rule: "C4", name: "with continue and no grant the client is not told to go on", ask: ask{method: "POST", body: 1000, framing: "continue", client: "waits", status: fine}, run: func(s *mstream) {
			s.m.barrier()
			s.ok()
			s.expectAbort(codeNoError)
		}},
		{path: "continue-behind-head", rule: "C4", name: "a first grant behind the head is no go-ahead", ask: ask{method: "POST", body: 1000, framing: "continue", client: "waits", status: fine}, run: func(s *mstream) {
			s.head(200)
			s.grant(1000)
			s.fin()
			s.expectAbort(codeNoError)
		}},
		{path: "beyond", rule: "C3", name: "a byte beyond credit is flow_exceeded, and not delivered", ask: smallWindow(waiting().cut()), run: func(s *mstream) {
			s.head(200)
			s.overdraw()
			s.expectAbort(codeFlowExceeded)
		}},
		{path: "reply-beyond", rule: "C3", name: "so is a reply's body", ask: smallWindow(ask{status: badGateway}), run: func(s *mstream) {
			s.reply(200, strings.Repeat("x", int(s.whole)+1))
		}},
		{path: "to-the-byte", rule: "C3", name: "a chunk of all the credit is taken", ask: smallWindow(ask{status: fine, answer: pattern(1000)}), run: func(s *mstream) {
			s.head(200)
			s.send(kindChunk, []byte(pattern(1000)))
			s.fin()
		}},
		{path: "half", rule: "C4", name: "a grant when half of the window is free (SHOULD)", ask: ask{status: fine}, run: func(s *mstream) {
			s.head(200)
			s.body(0, int(s.whole+1)/2)
			left := s.whole - (s.whole+1)/2
			s.m.awaitOr("credit for the half that the client has taken", func() bool { return s.window > left })
			s.fin()
		}},
		{path: "long", rule: "C4", name: "grants as long as the client reads", ask: ask{status: fine, answer: pattern(3_000_000)}, run: func(s *mstream) {
			s.head(200)
			s.body(0, 3_000_000)
			s.fin()
		}},
		{path: "long-small-window", rule: "C4", name: "the same with a window of 1000", ask: smallWindow(ask{status: fine, answer: pattern(20_000)}), run: func(s *mstream) {
			s.head(200)
			s.body(0, 20_000)
			s.fin()
		}},
		{path: "late-grants", rule: "C5", name: "credit for a request that has ended is ignored", ask: ask{method: "POST", body: 100, framing: "length", status: fine}, run: func(s *mstream) {
			s.read()
			s.request()
			for _, n := range []int{1, 0, maxCredit, maxCredit, -1} {
				s.grant(n)
			}
			s.m.barrier()
			s.ok()
			s.nothingMore("C5")
		}},
		{path: "free-heads", rule: "C6", name: "heads and trailers cost no credit", ask: smallWindow(ask{status: fine, informs: 1}), run: func(s *mstream) {
			large := field("x-large", strings.Repeat("l", 1500))
			s.sendTerm(kindInform, etf.Tuple{103, etf.List{large}})
			s.head(200, large)
			s.sendTerm(kindTrailers, etf.List{large})
		}},
	}
	for _, grants := range [][]int{{0}, {-1}, {1 << 31}, {1 << 40}, {maxCredit, maxCredit}} {
		scripts = append(scripts, hostScript{
			path: "grants/" + strings.ReplaceAll(strings.Trim(fmt.Sprint(grants), "[]"), " ", "+"), rule: "C3",
			name: fmt.Sprintf("grants of %d: bad_credit", grants), ask: waiting(badGateway...),
			run: func(s *mstream) {
				for _, n := range grants {
					s.grant(n)
				}
				s.expectAbort(codeBadCredit)
			},
		})
	}
	return scripts
}

func smallWindow(a ask) ask {
	a.host = "window=1000"
	return a
}

// overdraw sends a byte more than there is credit for, in one chunk if that can
// be.
func (s *mstream) overdraw() {
	for n := s.room() + 1; n > 0; n -= maxChunk {
		s.send(kindChunk, make([]byte, min(n, maxChunk)))
	}
}

func scriptOddGrants(s *mstream) {
	s.send(kindEntered, empty)
	for i := 0; ; i++ {
		s.grant(1 + (i*i*7919)%70_000)
		s.m.awaitOr("the credit used up, or the request's end", func() bool { return s.credit <= 0 || s.ended })
		if s.m.holds(func() bool { return s.ended }) {
			break
		}
	}
	s.request()
	s.ok()
}
