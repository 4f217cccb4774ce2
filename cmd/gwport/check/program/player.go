package program

import (
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// player plays a script against the program: it is the host of one, greeted with
// the check app unless the script begins in another way, and has a stream at hand.
type player struct {
	t       *trial
	h       *host
	s       *stream
	named   map[string]*stream
	unnamed []*stream
	settled bool // the program has ended, or is no longer asked to
	quiet   bool
}

// play plays a script. At its end the program must drain, and end.
func play(t *trial, s peer.Script) {
	p := &player{t: t, named: map[string]*stream{}}
	for _, line := range s.Lines {
		peer.Play(p, line)
	}
	if !p.settled {
		p.host().settle()
	}
	if p.quiet {
		p.h.expectQuiet("nothing more of the stream")
	}
}

func (p *player) host() *host {
	if p.h == nil {
		p.begin(p.t.app(hello{}))
	}
	return p.h
}

// begin has another program at hand.
func (p *player) begin(h *host) {
	p.h, p.s, p.unnamed, p.settled = h, nil, nil, false
}

// With does something with the stream of a name, or with all that have none.
func (p *player) With(name string, do func()) {
	if name == "all" {
		for _, s := range p.unnamed {
			p.s = s
			do()
		}
		return
	}
	p.s = p.named[name]
	n := len(p.unnamed)
	do()
	if p.s != p.named[name] { // opened just now
		p.named[name], p.unnamed = p.s, p.unnamed[:n]
	}
}

// Number is what the program has announced, or has been seen.
func (p *player) Number(name string) (n int64, ok bool) {
	switch name {
	case "opened":
		return int64(len(p.unnamed)), true
	case "got":
		return p.s.Got, true
	case "grants":
		return int64(p.s.grants), true
	case "entered":
		return int64(p.s.enters), true
	}
	if name == "hijack" || name == "evidence" {
		return p.host().ready.limits[name], true
	}
	n, ok = p.host().ready.limits[name]
	return n, ok
}

// Step does a step.
func (p *player) Step(verb, args string) {
	do, ok := steps[verb]
	if !ok && p.h == nil {
		p.begin(p.t.app(hello{}))
	}
	status, err := strconv.ParseInt(verb, 10, 64)
	switch {
	case ok:
		do(p, args)
	case strings.HasPrefix(args, "/"):
		p.open(verb, args)
	case err == nil:
		p.expect(status, args)
	case !p.hand().Step(verb, args):
		panic("script: no step " + verb)
	}
}

// hand is what the steps have that a mirror has too.
func (p *player) hand() *peer.Hand {
	h := &peer.Hand{As: peer.Host, Side: &p.host().Side, Number: p.Number}
	if p.s != nil {
		h.At = &p.s.Stream
	}
	return h
}

func (p *player) num(text string) int64 { return p.hand().Num(text) }

// open opens a stream. The response's first credit is plenty unless it is said.
func (p *player) open(method, args string) {
	words := peer.Words(args)
	r := peer.Request{Method: method, Path: words[0], Window: plenty}
	numbers := map[string]*int{"window": &r.Window, "length": &r.Length, "type": &r.Type}
	at := (p.host().Highest + 2) &^ 1
	for _, word := range words[1:] {
		key, value, isPair := strings.Cut(word, "=")
		switch key {
		case "body":
			r.Upload = true
		case "window", "length", "type":
			*numbers[key] = int(p.num(value))
		case "app":
			r.App = value
		case "at":
			at = uint32(p.num(value))
		case "size": // of the open
			r.Headers = etf.List{etf.Tuple{"x-pad", ""}}
			pad := int(p.num(value)) - len(ask(r).Payload())
			r.Headers = etf.List{etf.Tuple{"x-pad", strings.Repeat("x", pad)}}
		case "no":
			r.Lacks = value
		case "continue":
			if r.Continue = !isPair; isPair {
				r.Extra = append(r.Extra, etf.Pair{Key: key, Value: peer.Term(value, p.Number)})
			}
		case "more":
			r.Extra = append(r.Extra, later...)
		default:
			r.Extra = append(r.Extra, etf.Pair{Key: strings.TrimPrefix(key, "+"), Value: peer.Term(value, p.Number)})
		}
	}
	p.take(p.h.reserveAt(at, r), ask(r).Payload())
}

// take opens a stream and has it at hand.
func (p *player) take(s *stream, payload []byte) {
	p.h.Send(frames.Open, s.ID, payload)
	p.s, p.unnamed = s, append(p.unnamed, s)
}

// expect waits for a whole response: with no body, with a text, with so many
// bytes, or with those that were sent.
func (p *player) expect(status int64, args string) {
	body := ""
	switch n, isPattern := strings.CutPrefix(args, "bytes "); {
	case isPattern:
		body = pattern(int(p.num(n)))
	case args == "echo":
		body = string(p.s.sent)
	case args != "":
		body = string(p.hand().Bytes(args))
	}
	p.s.expectResponse(status, body)
}

// hello reads what a host says of itself.
func (p *player) hello(args string) (h hello) {
	for _, word := range peer.Words(args) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "range":
			low, high, _ := strings.Cut(value, "-")
			h.minVersion, h.maxVersion = int(peer.Int64(low, nil)), int(peer.Int64(high, nil))
		case "more":
			h.set = append(h.set, later...)
		case "no":
			h.without = value
		case "size": // of the frame, in all
			h.set = etf.Map{{Key: "pad", Value: ""}}
			pad := int(peer.Int64(value, nil)) - frames.PortHead - len(h.payload())
			h.set = etf.Map{{Key: "pad", Value: strings.Repeat("x", pad)}}
		case "raw":
			h.raw = peer.Payload(peer.Term(value, nil))
		default:
			h.set = append(h.set, etf.Pair{Key: key, Value: peer.Term(value, nil)})
		}
	}
	return h
}

// later is what a later minor of the host might say besides.
var later = etf.Map{
	{Key: "later", Value: etf.Map{{Key: "deep", Value: etf.List{1, "x", etf.Tuple{}, 2.5}}}},
	{Key: "", Value: -1},
}

// ended waits for the program's end in some way, behind which nothing is to come.
func ended(wait func(p *player)) func(p *player, args string) {
	return func(p *player, _ string) {
		wait(p)
		p.settled = true
	}
}
