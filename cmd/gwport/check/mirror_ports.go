package check

import (
	"strings"

	"github.com/gwport/gwport/etf"
)

// Scripts of sections 7.5, 8, 9 and 11: many streams, and the port's life.

func portScripts() []hostScript {
	return []hostScript{
		{path: "unread", rule: "O2", name: "an upload that is not read does not stop another", ask: ask{method: "POST", body: 300_000, framing: "length", times: 2, status: fine}, run: scriptUnread},
		{path: "many", rule: "O2", name: "200 streams at a time", ask: ask{times: 200, status: fine}, run: crowd(200)},
		{path: "unread-input", rule: "O2", name: "a host reads while nobody reads what it writes", ask: ask{method: "POST", body: 2_000_000, framing: "length", status: fine, args: "--window=4000000"}, run: func(s *mstream) {
			s.send(kindEntered, empty)
			s.m.hold(true)
			s.m.flood()
			s.m.hold(false)
			s.request()
			s.ok()
		}},
		{path: "fault/5", rule: "8", name: "a fault of the program's ends its port", ask: ending(badGateway...), run: faults(5)},
		{path: "fault/99", rule: "8", name: "so does one with an unknown code", ask: ending(badGateway...), run: faults(99)},
		{path: "drains-own", rule: "D1", name: "a program that drains answers what it has named", ask: ask{times: 2, ends: true, status: fine}, run: scriptDrainsOwn},
		{path: "drained", rule: "D3", name: "a host that drains waits for what is under way, and opens nothing", ask: ask{client: "drain", ends: true, status: fine, answer: pattern(600_000)}, run: func(s *mstream) {
			s.head(200)
			s.m.awaitOr("drain, of which the host is told", func() bool { return s.m.drained })
			s.body(0, 600_000)
			s.m.barrier()
			s.fin()
		}},
		{path: "pings", rule: "D4", name: "each ping is answered once, with its integer", ask: ask{status: fine}, run: scriptPings},
		{path: "log", rule: "D5", name: "lines of the log are taken, with what belongs to them", ask: ask{status: fine}, run: func(s *mstream) {
			for level := range 8 {
				s.m.sendTerm(kindLog, 0, etf.Tuple{level, "mirror: a line", etf.Map{{Key: "stream", Value: s.id}, {Key: "n", Value: 1.5}, {Key: "yes", Value: true}}})
			}
			s.m.barrier()
			s.ok()
		}},
		{path: "log-large", rule: "D5", name: "a line of more than 65536 bytes costs nobody else", ask: ask{status: fine}, run: func(s *mstream) {
			s.m.sendTerm(kindLog, 0, etf.Tuple{7, strings.Repeat("l", maxLog-logEmpty+1), etf.Map{}})
			s.m.barrier()
			s.ok()
		}},
		{path: "log-odd", rule: "D5", name: "so does a line of another shape", ask: ask{status: fine}, run: func(s *mstream) {
			s.m.sendTerm(kindLog, 0, 1)
			s.m.barrier()
			s.ok()
		}},
		{path: "head-431", rule: "11", name: "a request over ready's max_head is 431, and not opened", ask: ask{args: "--max-head=1000", header: 2000, status: []int{431}}},
		{path: "head-largest", rule: "11", name: "a head of hello's max_head is taken", ask: smallHead(ask{status: fine}), run: func(s *mstream) {
			s.send(kindHead, padded(int(s.m.hello.maxHead)))
			s.fin()
		}},
		{path: "head-over", rule: "11", name: "a head over max_head is 502, and too_large", ask: smallHead(waiting(badGateway...)), run: func(s *mstream) {
			s.send(kindHead, padded(int(s.m.hello.maxHead)+1))
			s.expectAbort(codeTooLarge)
		}},
		{path: "inform-over", rule: "11", name: "so is an inform", ask: smallHead(waiting(badGateway...)), run: func(s *mstream) {
			s.send(kindInform, padded(int(s.m.hello.maxHead)+1))
			s.expectAbort(codeTooLarge)
		}},
		{path: "trailers-over", rule: "11", name: "trailers over max_head break the response off", ask: smallHead(waiting().cut()), run: func(s *mstream) {
			s.head(200)
			s.sendTerm(kindTrailers, etf.List{field("x-pad", strings.Repeat("x", int(s.m.hello.maxHead)))})
			s.expectAbort(codeTooLarge)
		}},
	}
}

func smallHead(a ask) ask {
	a.host = "max_head=2048"
	return a
}

// padded is a head's payload of exactly so many bytes.
func padded(size int) []byte {
	term := func(n int) []byte { return payload(etf.Tuple{200, etf.List{field("x-pad", strings.Repeat("x", n))}}) }
	return term(size - len(term(0)))
}

// scriptUnread reads the second of two uploads, and the first only then.
func scriptUnread(s *mstream) {
	s.send(kindEntered, empty)
	s.m.mu.Lock()
	first := s.m.unread == nil
	if first {
		s.m.unread = s
	}
	s.m.mu.Unlock()
	if first {
		s.m.awaitOr("another request served while this one is not read", func() bool { return s.m.otherRead })
	}
	s.read()
	s.request()
	s.ok()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.otherRead = true
	s.m.changed.Broadcast()
}

func faults(code int) func(*mstream) {
	return func(s *mstream) {
		s.m.sendTerm(kindFault, 0, etf.Tuple{code, "mirror: cannot go on"})
		s.m.quit()
	}
}

// scriptDrainsOwn drains when both of its streams are there, and answers them.
func scriptDrainsOwn(s *mstream) {
	crowd2 := func() bool { return s.m.open() >= 2 || s.m.drain >= 0 }
	s.m.awaitOr("two streams", crowd2)
	s.m.mu.Lock()
	s.m.drainLocked(s.m.highest)
	s.m.mu.Unlock()
	s.m.barrier()
	s.ok()
}

func scriptPings(s *mstream) {
	const n = 50
	s.m.mu.Lock()
	for i := range int64(n) {
		s.m.pongs[i] = 0
		s.m.queue(frame{kindPing, 0, payload(i)}.bytes())
	}
	s.m.mu.Unlock()
	s.m.barrier()
	s.m.awaitOr("50 pongs", func() bool {
		for i := range int64(n) {
			if s.m.pongs[i] != 1 {
				return false
			}
		}
		return true
	})
	s.ok()
}
