package check

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// mstream is one stream of the mirror. The fields are guarded by its lock.
type mstream struct {
	m  *mirror
	id uint32
	mrequest
	script *hostScript // nil: the path names none

	// The host's half.
	credit int64 // body bytes that it still may send
	got    int64
	ended  bool // by open, fin, trailers or abort
	how    kind // which of them
	abort  *frame
	grants int
	quiet  string // the rule by which the host must not say anything more

	// Ours.
	window   int64 // what we still may send
	whole    int64 // the first of it
	over     bool
	aborted  bool
	generous bool // give back the credit of all that comes
	silent   bool // do not answer an abort
}

// closed tells whether both halves have ended.
func (s *mstream) closed() bool { return s.ended && s.over }

// fail ends the script as failed.
func (s *mstream) fail(seen, expected string) { panic(failure{seen, expected}) }

// What a script sends

func (s *mstream) send(k kind, b []byte) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.sendLocked(k, b)
}

// sendLocked sends a frame, and takes it into account where it is in order.
func (s *mstream) sendLocked(k kind, b []byte) {
	switch k {
	case kindChunk:
		s.window -= int64(len(b))
	case kindReply, kindFin, kindTrailers:
		s.over = true
	case kindAbort:
		s.over, s.aborted = true, true
	}
	s.m.queue(frame{k, s.id, b}.bytes())
}

func (s *mstream) sendTerm(k kind, term any) { s.send(k, payload(term)) }

func (s *mstream) reply(status int, body string) {
	s.sendTerm(kindReply, etf.Tuple{status, etf.List{}, body})
}

func (s *mstream) ok() { s.reply(200, "ok\n") }

func (s *mstream) head(status int, fields ...any) {
	s.sendTerm(kindHead, etf.Tuple{status, etf.List(fields)})
}

func field(name, value string) etf.Tuple { return etf.Tuple{name, value} }

func (s *mstream) fin() { s.send(kindFin, empty) }

func (s *mstream) giveUp(code int) { s.sendTerm(kindAbort, etf.Tuple{code, "mirror: because"}) }

// body sends a piece of the response as far as credit goes, and waits for more.
// The pieces continue the pattern from a byte on.
func (s *mstream) body(from, n int) {
	b := []byte(pattern(from + n))[from:]
	for len(b) > 0 {
		s.m.awaitOr(fmt.Sprintf("credit for %d more bytes of the response", len(b)), func() bool { return s.window > 0 })
		size := min(int64(len(b)), s.room(), maxChunk)
		s.send(kindChunk, b[:size])
		b = b[size:]
	}
}

func (s *mstream) room() int64 {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.window
}

// grant gives credit for the request, whatever n is.
func (s *mstream) grant(n int) {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.grantLocked(n)
}

func (s *mstream) grantLocked(n int) {
	s.credit += int64(max(n, 0))
	s.grants++
	s.m.queue(frame{kindCredit, s.id, payload(n)}.bytes())
}

// read gives back the credit of all that has come and will come.
func (s *mstream) read() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.generous = true
	if most := int64(max(s.m.set.window, 4096)); s.credit < most && !s.ended {
		s.grantLocked(int(most - s.credit))
	}
}

// What a script waits for

// request waits for the end of the request, which must not be an abort.
func (s *mstream) request() {
	s.m.awaitOr("the end of the request", func() bool { return s.ended })
	if s.abort != nil {
		s.fail(s.abort.String(), "fin")
	}
}

// expectAbort waits for the host's abort.
func (s *mstream) expectAbort(code int64) {
	expected := "abort " + named(codeNames, code)
	s.m.awaitOr(expected, func() bool { return s.abort != nil })
	if got, _ := s.abort.reason(); got != code {
		s.fail(s.abort.String(), expected)
	}
}

func (s *mstream) awaitBytes(n int64) {
	s.m.awaitOr(fmt.Sprintf("%d bytes of the request", n), func() bool { return s.got >= n })
}

// nothingMore holds the host to silence about the stream from here on, and returns
// when it has taken what was sent before: what breaks the silence breaks rule.
func (s *mstream) nothingMore(rule string) {
	s.m.mu.Lock()
	s.quiet = rule
	s.m.mu.Unlock()
	s.m.barrier()
}

// takeStream takes in a frame of the host's for a stream.
func (m *mirror) takeStream(f frame, term any) {
	s := m.streams[f.stream]
	m.holdTo("R3", s != nil, "frames for streams that the host has opened", "%v for stream %d", f, f.stream)
	if s == nil {
		return
	}
	s.watchState(f)
	switch f.kind {
	case kindChunk:
		s.watchChunk(f.payload)
	case kindFin, kindTrailers:
		s.watchEnd(f)
	case kindCredit:
		s.window += term.(int64)
		m.holdTo("C3", s.window <= maxCredit, "credit of at most 2147483647 in sum", "%d", s.window)
	case kindAbort:
		m.watchText(f)
		s.abort = &f
		s.end(f.kind)
		if !s.over && !s.silent { // [A2]
			code, _ := f.reason()
			s.sendLocked(kindAbort, payload(etf.Tuple{code, ""}))
		}
	}
}

// watchState is about frames that no longer may come.
func (s *mstream) watchState(f frame) {
	m := s.m
	if s.quiet != "" {
		m.broke(s.quiet, "nothing more of the stream", "%v", f)
	}
	switch {
	case f.kind == kindAbort:
		m.holdTo("A1", s.abort == nil, "one abort a stream", "%v", f)
	case s.abort != nil:
		m.broke("A4", "nothing behind the host's own abort", "%v", f)
	case f.kind != kindCredit:
		m.holdTo("S1", !s.ended, "nothing but abort and credit behind the request's end", "%v behind %v", f, s.how)
	}
	if s.abort == nil && f.kind == kindAbort {
		m.rec.kept("A4")
	}
}

// watchChunk is C1, R7 and O1 for the request.
func (s *mstream) watchChunk(b []byte) {
	m := s.m
	s.credit -= int64(len(b))
	m.since += len(b)
	m.holdTo("C1", s.credit >= 0, "no byte beyond the credit", "%d of them", -s.credit)
	if s.isPatterned() {
		m.holdTo("O1", isPattern(b, s.got), "the request's bytes in their order", "others from byte %d on", s.got)
	}
	s.got += int64(len(b))
	if s.length >= 0 {
		m.holdTo("R7", s.got <= s.length, fmt.Sprintf("%d bytes, as length says", s.length), "%d", s.got)
	}
	if s.generous && !s.over {
		s.grantLocked(len(b))
	}
}

// isPattern tells the bytes of a pattern, from one of them on.
func isPattern(b []byte, from int64) bool {
	for i, c := range b {
		if c != byte((from+int64(i))%251) {
			return false
		}
	}
	return true
}

// isPatterned tells the bodies of which we know what is in them.
func (s *mstream) isPatterned() bool { return s.script != nil && s.script.ask.body > 0 }

func (s *mstream) watchEnd(f frame) {
	m := s.m
	if f.kind == kindTrailers {
		m.holdTo("G4", len(f.payload) <= m.set.maxHead, fmt.Sprintf("trailers of at most %d bytes", m.set.maxHead), "%d", len(f.payload))
	}
	if s.length >= 0 {
		m.holdTo("R7", s.got == s.length, fmt.Sprintf("%v behind %d bytes, as length says", f.kind, s.length), "it behind %d", s.got)
	}
	s.end(f.kind)
}

func (s *mstream) end(how kind) {
	if !s.ended {
		s.how = how
	}
	s.ended = true
}
