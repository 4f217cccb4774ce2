package host

import (
	"cmp"
	"fmt"
	"net"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// player plays a script with a stream; that of a life has none.
type player struct {
	m *mirror
	s *stream
}

// emptyLog and emptyHead are how large a line of the log and a head with a field
// are without their text; more than 255 bytes of it do not change that.
var (
	emptyLog  = len(peer.Payload(etf.Tuple{7, "", etf.Map{}}))
	emptyHead = len(peer.Payload(etf.Tuple{200, etf.List{etf.Tuple{"x-pad", ""}}}))
)

// Number is what the host has announced, and so on.
func (p *player) Number(name string) (n int64, ok bool) {
	switch name {
	case "here":
		return int64(p.s.ID), true
	case "window":
		return p.s.whole, true
	case "empty_log":
		return int64(emptyLog), true
	case "empty_head":
		return int64(emptyHead), true
	}
	p.m.Mu.Lock()
	defer p.m.Mu.Unlock()
	n, ok = p.m.hello[name]
	return n, ok
}

// With is for scripts of several streams; a mirror's have one.
func (p *player) With(string, func()) { panic("script: a mirror has one stream") }

// Step does a step.
func (p *player) Step(verb, args string) {
	if do, ok := steps[verb]; ok {
		do(p, args)
		return
	}
	h := &peer.Hand{As: peer.Program, Side: &p.m.Side, Number: p.Number}
	if p.s != nil {
		h.At = &p.s.Stream
	}
	if !h.Step(verb, args) {
		panic("script: no step " + verb)
	}
}

// steps are those beside the ones that both sides have. What each does
// test/corpus/README.md says.
var steps = map[string]func(p *player, args string){
	"greeted": func(p *player, _ string) { p.m.awaitHello() },
	"greet":   (*player).greet,
	"fault":   func(p *player, args string) { p.m.ExpectFault(peer.CodeOf(frames.Fault, args)) },
	"over": func(p *player, _ string) {
		p.m.AwaitOr("a fault, or the end of input", func() bool { return p.m.Fault != nil || p.m.Ended })
	},
	"quit":   func(p *player, _ string) { p.m.Locked(func() { p.m.quits = true }) },
	"drain":  func(p *player, _ string) { p.m.Locked(func() { p.m.say(p.m.Highest) }) },
	"passes": (*player).passes,
	"drained": func(p *player, _ string) {
		p.m.AwaitOr("drain, of which the host is told", func() bool { return p.m.drained })
	},
	"flood": func(p *player, _ string) { p.m.flood() },

	"ok":       func(p *player, _ string) { p.s.ok() },
	"part":     func(p *player, args string) { p.s.part(int(peer.Int64(args, p.Number))) },
	"wholes":   func(p *player, _ string) { p.s.part(2*int(p.s.whole) + 10_000) }, // without its credit back it would stand still
	"overdraw": func(p *player, _ string) { p.s.Chunks(p.s.Room() + 1) },
	"read":     func(p *player, _ string) { p.s.Read(int64(max(p.m.set.Window, 4096))) },
	"deaf":     func(p *player, _ string) { p.s.Locked(func() { p.s.silent = true }) },

	"request":   func(p *player, args string) { p.s.request(peer.Int64(cmp.Or(args, "-1"), p.Number)) },
	"aborted":   func(p *player, args string) { p.s.expectAbort(args) },
	"quiet":     func(p *player, args string) { p.s.nothingMore(args) },
	"crowd":     (*player).crowd,
	"little":    (*player).little,
	"continues": (*player).continues,
}

// greet says ready, with other values for some keys, and without one.
func (p *player) greet(args string) {
	values, without := etf.Map{}, ""
	for _, word := range peer.Words(args) {
		key, value, _ := strings.Cut(word, "=")
		if key == "no" {
			without = value
		} else {
			values = append(values, etf.Pair{Key: key, Value: peer.Term(value, nil)})
		}
	}
	p.m.greet(values, without)
}

// crowd waits until so many streams are there at a time, or have been.
func (p *player) crowd(args string) {
	n := int(peer.Int64(args, nil))
	p.m.AwaitOr(fmt.Sprintf("%d streams at a time", n), func() bool {
		p.m.crowded = p.m.crowded || p.m.open() >= n
		return p.m.crowded
	})
}

func (p *player) continues(string) {
	if !p.s.goAhead {
		peer.Fail("no continue in the request", "continue, which the client asks for")
	}
}

// passes drains, and takes no stream.
func (p *player) passes(string) {
	p.m.Locked(func() {
		p.s.Sent, p.s.silent = true, true
		p.s.End()
		p.m.say(peer.NoStream)
	})
}

// mostBehindAbort is what may stand in front of an abort's answer: what a host
// hands to the pipe at a time, and keeps in front of it.
const mostBehindAbort = 3 << 20

// little waits for the end of the request, in front of which not much more may have
// come since the reading went on.
func (p *player) little(string) {
	p.s.AwaitOr("an abort, or the request's end", p.s.HasEnded)
	n := int64(0)
	p.m.Locked(func() { n = p.m.Since(p.m.Arrived) })
	if n > mostBehindAbort {
		peer.Fail(fmt.Sprintf("%d bytes behind the abort was read", n), fmt.Sprintf("at most %d", mostBehindAbort))
	}
}

// flood writes 4 MiB of lines that are too long for a log, more than any buffer on
// the way, and waits until the host has read most of it.
func (m *mirror) flood() {
	line := peer.Payload(etf.Tuple{7, strings.Repeat("l", peer.MaxLog), etf.Map{}})
	m.Flood(frames.New(frames.Log, 0, line))
}

// inCode are the scripts that are code, by their paths.
var inCode = map[string]func(p *player){
	"held":       func(p *player) { p.m.heldLife() },
	"odd-grants": func(p *player) { p.s.oddGrants() },
	"half":       func(p *player) { p.s.half() },
	"unread":     func(p *player) { p.s.unread() },
	"pings":      func(p *player) { p.s.pings() },
}

// heldLife greets when it is told to, by the end of a connection: what comes
// before is too early.
func (m *mirror) heldLife() {
	m.awaitHello()
	c, err := net.Dial("unix", m.set.Hold)
	if err != nil {
		peer.Fail(err.Error(), "a socket at --hold that takes a connection")
	}
	_, _ = c.Read(make([]byte, 1))
	_ = c.Close()
	m.rec.kept("G2")
	m.greet(nil, "")
}

func (s *stream) oddGrants() {
	s.Send(frames.Entered, peer.Empty)
	for i := int64(0); !s.Holds(s.HasEnded); i++ {
		s.SendTerm(frames.Credit, 1+(i*i*7919)%70_000)
		s.AwaitOr("the credit used up, or the request's end", func() bool { return s.Got >= s.Given || s.HasEnded() })
	}
	s.request(-1)
	s.ok()
}

func (s *stream) half() {
	s.SendTerm(frames.Head, etf.Tuple{200, etf.List{}})
	s.part(int(s.whole+1) / 2)
	left := s.whole - (s.whole+1)/2
	s.AwaitOr("credit for the half that the client has taken", func() bool { return s.Left > left })
	s.Send(frames.Fin, peer.Empty)
}

// unread reads the second of two uploads, and the first only then.
func (s *stream) unread() {
	s.Send(frames.Entered, peer.Empty)
	first := false
	s.Locked(func() {
		if first = s.m.unread == nil; first {
			s.m.unread = s
		}
	})
	if first {
		s.AwaitOr("another request served while this one is not read", func() bool { return s.m.otherRead })
	}
	s.Read(int64(max(s.m.set.Window, 4096)))
	s.request(-1)
	s.ok()
	s.Locked(func() { s.m.otherRead = true })
}

func (s *stream) pings() {
	const n = 50
	s.Locked(func() {
		for i := range int64(n) {
			s.Pongs[i] = 0
			s.Queue(frames.Ping, 0, i)
		}
	})
	s.Ping()
	s.AwaitOr("50 pongs", func() bool {
		for i := range int64(n) {
			if s.Pongs[i] != 1 {
				return false
			}
		}
		return true
	})
	s.ok()
}
