package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

// A verdict has the suite's names.
type verdict string

const (
	passed        verdict = "OK"
	nonStrict     verdict = "NON-STRICT"
	informational verdict = "INFORMATIONAL"
	unimplemented verdict = "UNIMPLEMENTED" // no compression agreed
	failed        verdict = "FAILED"
	wrongCode     verdict = "WRONG CODE"
	unclean       verdict = "UNCLEAN"
	failedByUs    verdict = "FAILED BY CLIENT" // the server has left it to the client to end the connection
)

// A result is what is compared: how the server behaved, how the connection was closed, and with which code.
type result struct {
	behavior, closing verdict
	code              int // 0 without one
}

func (r result) String() string {
	if r.closing == passed || r.closing == informational {
		return fmt.Sprintf("%s, code %d", r.behavior, r.code)
	}
	return fmt.Sprintf("%s, closed %s, code %d", r.behavior, r.closing, r.code)
}

// good says whether the server has done nothing wrong.
func (r result) good() bool {
	return r.behavior != failed && (r.closing == passed || r.closing == informational)
}

// How long a client waits: for a whole case, and for a server to do what it need not do at once.
const (
	caseLimit = 2 * time.Minute
	quiet     = 3 * time.Second
)

// A session is a case that is played.
type session struct {
	*client
	limit time.Duration
	got   []event

	weClosed    bool // this side's close frame went first
	theyClosed  bool
	reason      string // the server's, with the code
	code        int
	ended       bool // so is the connection
	whyBehavior string
}

// play plays a case, and gives what it found and why, if that is not good.
func play(addr, path string, t *testCase, limit time.Duration) (result, string) {
	c, err := dial(addr, path, t.offers, limit)
	if err != nil {
		return result{behavior: failed, closing: failed}, err.Error()
	}
	defer c.Close()
	s := &session{client: c, limit: limit}
	switch {
	case t.offers != "" && c.deflate == nil:
		s.closeNow(normal)
		s.finish()
		return result{behavior: unimplemented, closing: s.closingOf(orderly), code: s.code}, ""
	case t.play != nil:
		s.whyBehavior = t.play(s)
	default:
		s.sendAll(t.frames, t.chop)
	}
	s.weClosed = s.weClosed || t.closing.sent
	if t.closing.byUs && !t.closing.sent {
		s.await(t)
		s.closeNow(normal)
	}
	s.finish()
	return s.judge(t)
}

// sendAll writes frames. A server may have ended the connection by then: what it has sent is what counts.
func (s *session) sendAll(frames []frame, chop int) {
	var bytes []byte
	for _, f := range frames {
		if bytes = f.append(bytes); chop < 0 {
			s.write(bytes, 0)
			bytes = bytes[:0]
		}
	}
	s.write(bytes, chop)
}

func (s *session) write(bytes []byte, chop int) {
	if chop <= 0 {
		chop = max(1, len(bytes))
	}
	for piece := range slices.Chunk(bytes, chop) {
		if _, err := s.Write(piece); err != nil {
			return
		}
	}
}

// take is the next event, and false if there is none, or it is the server's close.
func (s *session) take() (event, bool) {
	e, ok := <-s.events
	return e, s.saw(e, ok)
}

func (s *session) saw(e event, ok bool) bool {
	switch {
	case !ok:
		s.ended = true
	case e.what == sawClose:
		s.theyClosed, s.reason = true, e.data
		if len(e.data) >= 2 {
			s.code = int(e.data[0])<<8 | int(e.data[1])
		}
	default:
		s.got = append(s.got, e)
		return true
	}
	return false
}

// await takes what has to come.
func (s *session) await(t *testCase) {
	for len(s.got) < len(t.strict) && !s.theyClosed && !s.ended {
		s.take()
	}
}

// goesOn waits for the server's end of the connection, and notes that there was none.
func (s *session) goesOn() bool {
	select {
	case e, ok := <-s.events:
		s.saw(e, ok)
	case <-time.After(quiet):
		s.got = append(s.got, event{what: sawWait})
	}
	return !s.theyClosed && !s.ended
}

// closeNow begins the closing handshake, unless the server has.
func (s *session) closeNow(code int) {
	if !s.theyClosed && !s.ended {
		s.sendAll([]frame{closeOf(code, "")}, 0)
		s.weClosed = true
	}
}

// finish waits until the server ends the connection, and answers its close.
func (s *session) finish() {
	reply := !s.weClosed
	for !s.ended {
		s.take()
		if s.theyClosed && reply {
			reply = false
			s.sendAll([]frame{newFrame(opClose, s.reason)}, 0)
		}
	}
}

func (s *session) judge(t *testCase) (result, string) {
	r := result{behavior: failed, closing: s.closingOf(t.closing), code: s.code}
	why := s.whyBehavior
	switch {
	case why != "":
	case t.closing.undefined:
		return result{behavior: informational, closing: informational, code: s.code}, ""
	case slices.Equal(s.got, t.strict):
		r.behavior = passed
	case slices.ContainsFunc(t.loose, func(events []event) bool { return slices.Equal(s.got, events) }):
		r.behavior = nonStrict
	default:
		why = compareEvents(s.got, t.strict)
	}
	if r.behavior == passed && s.deflate != nil && s.deflate.loose {
		r.behavior = nonStrict
	}
	if why == "" && r.closing != passed && r.closing != wrongCode {
		why = fmt.Sprintf("close by client: %t, by server: %t, end %v", s.weClosed, s.theyClosed, s.end)
	}
	return r, why
}

func (s *session) closingOf(want closing) verdict {
	switch {
	case want.byUs != s.weClosed:
		return failed
	case want.clean && !s.theyClosed:
		return unclean
	case s.theyClosed && s.code != 0 && !slices.Contains(want.codes, s.code):
		return wrongCode
	case isTimeout(s.end):
		return failedByUs
	default:
		return passed
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// compareEvents says where events differ, which they do.
func compareEvents(got, want []event) string {
	if len(got) != len(want) {
		return "it has seen " + show(got) + ", not " + show(want)
	}
	i := 0
	for got[i] == want[i] {
		i++
	}
	one, other := got[i], want[i]
	if one.what != other.what || len(one.data) != len(other.data) {
		return "it has seen " + show(got[i:i+1]) + ", not " + show(want[i:i+1])
	}
	at := 0
	for one.data[at] == other.data[at] {
		at++
	}
	return fmt.Sprintf("octet %d of %s has become %#x", at, show(want[i:i+1]), one.data[at])
}

// show is what has been seen, shortened.
func show(events []event) string {
	if len(events) > 12 {
		return fmt.Sprintf("%d events", len(events))
	}
	text := "["
	for i, e := range events {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s of %d bytes %.40q", e.what, len(e.data), e.data)
	}
	return text + "]"
}
