package program

import (
	"fmt"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// steps are those of scripts beside frames, requests and responses. What each
// does test/corpus/README.md says.
var steps = map[string]func(p *player, args string){
	// The program.
	"app":    func(p *player, args string) { p.begin(p.t.app(p.hello(args))) },
	"greet":  func(p *player, args string) { p.begin(p.t.greet(p.hello(args))) },
	"start":  func(p *player, args string) { p.begin(p.t.start(p.hello(args))) },
	"hello":  func(p *player, _ string) { p.h.sendHello() },
	"ready":  func(p *player, _ string) { p.h.awaitReady() },
	"skip":   (*player).skip,
	"close":  func(p *player, _ string) { p.h.closeInput() },
	"term":   func(p *player, _ string) { terminate(p.h.p.cmd) },
	"gone":   ended(func(p *player) { p.t.expectGone(p.h) }),
	"clean":  ended(func(p *player) { p.h.expectClean() }),
	"settle": ended(func(p *player) { p.h.settle() }),
	"exit":   ended(func(p *player) { p.t.expectExit(p.h) }),
	"kill":   ended(func(p *player) { p.h.stop() }),
	"fault":  (*player).fault,
	"failed": func(p *player, _ string) {
		if p.h.p.cmd.ProcessState.ExitCode() == 0 {
			peer.Fail("exit 0", "another exit status behind a fault")
		}
	},
	"drain":  func(p *player, _ string) { p.h.drain() },
	"drains": (*player).drains,
	"slow":   func(p *player, _ string) { p.host().Slow() },
	"quiet":  func(p *player, _ string) { p.quiet = true },
	"check":  (*player).check,
	"saw":    (*player).saw,

	// Frames.
	"ping":    (*player).ping,
	"asks":    func(p *player, args string) { p.asks(p.num(args)) },
	"ponged":  func(p *player, args string) { p.pong(p.num(args)) },
	"flow":    (*player).flow,
	"inquire": (*player).inquire,
	"told":    (*player).told,
	"flood":   (*player).flood,
	"within":  (*player).within,

	// What is sent of a stream.
	"opens":     (*player).opens,
	"too-large": (*player).tooLarge,
	"sleeper":   func(p *player, _ string) { p.open("PUT", "/sleep/60000 body") },
	"upload":    func(p *player, _ string) { p.open("PUT", "/echo body") },
	"body":      func(p *player, args string) { p.body(p.hand().Bytes(args)) },
	"try":       func(p *player, args string) { b := p.hand().Bytes(args); p.body(b[:min(int(p.s.Room()), len(b))]) },
	"fill":      func(p *player, _ string) { p.s.fill() },
	"read":      func(p *player, _ string) { p.s.Read(0) },
	"bad-grant": func(p *player, _ string) { p.s.SendTerm(frames.Credit, int64(0)); p.s.expectAbort(frames.BadCredit) },

	// What is to come of it.
	"gets":     (*player).gets,
	"aborted":  (*player).aborted,
	"answer":   (*player).answer,
	"answered": func(p *player, args string) { p.s.expectStatus(p.num("0"+args), "an answer, with status "+args) },
	"fails":    (*player).fails,
	"granted":  (*player).granted,
	"echoed":   (*player).echoed,
	"tunnel":   (*player).tunnel,
	"nothing":  func(p *player, _ string) { p.s.expectNothing("nothing about a stream above the drain's number") },
}

// skip NAME over N, and skip NAME under N, is the end of a check that would take
// too much, or for which there is too little.
func (p *player) skip(args string) {
	words := peer.Words(args)
	n, limit := p.num(words[0]), p.num(words[2])
	if words[1] == "over" && n > limit || words[1] == "under" && n < limit {
		skip("%s is %d", words[0], n)
	}
}

// fault waits for a fault of a code, with some words in its text.
func (p *player) fault(args string) {
	words := peer.Words(args)
	text := p.h.expectFault(peer.CodeOf(frames.Fault, words[0]))
	p.settled = true
	for _, word := range words[1:] {
		if !strings.Contains(text, word) {
			peer.Fail(fmt.Sprintf("%q", text), "a sentence that names both ranges, "+strings.Join(words[1:], ", "))
		}
		p.t.saw("%q", text)
	}
}

// drains waits for the program's drain, with a number, or that of the stream at
// hand.
func (p *player) drains(args string) {
	p.h.awaitDrain("drain")
	want := p.h.drained
	switch args {
	case "":
	case "here":
		want = int64(p.s.ID)
	default:
		want = p.num(args)
	}
	if p.h.drained != want {
		peer.Fail(fmt.Sprintf("drain %d", p.h.drained), fmt.Sprintf("drain %d, the highest stream or 255", want))
	}
}

// check holds a number against what it should be.
func (p *player) check(args string) {
	name, rest, _ := strings.Cut(args, " ")
	want, expected, _ := strings.Cut(rest, " ")
	if got, _ := p.Number(name); got != p.num(want) {
		peer.Fail(fmt.Sprintf("%s %d", name, got), expected)
	}
}

func (p *player) saw(text string) {
	for _, name := range []string{"window", "grants", "opened", "max_streams"} {
		if place := "{" + name + "}"; strings.Contains(text, place) {
			text = strings.ReplaceAll(text, place, fmt.Sprint(p.num(name)))
		}
	}
	p.t.saw("%s", text)
}

// ping is answered once. Without an integer it has one of its own.
func (p *player) ping(args string) {
	if args == "" {
		p.host().Ping()
		return
	}
	n := p.num(args)
	p.asks(n)
	p.pong(n)
}

// asks sends a ping and does not wait.
func (p *player) asks(n int64) {
	p.host().Locked(func() { p.h.Pongs[n] = 0 })
	p.h.SendTerm(frames.Ping, 0, n)
}

func (p *player) pong(n int64) {
	p.h.AwaitOr(fmt.Sprintf("pong %d", n), func() bool { return p.h.Pongs[n] == 1 })
}

// opens opens a stream with a payload of one's own.
func (p *player) opens(args string) {
	p.take(p.host().reserve(peer.Request{}), p.hand().Payload(frames.Open, args))
}

// tooLarge opens one with a payload that is larger than the program takes, if
// that is not too much to send.
func (p *player) tooLarge(string) {
	if n := p.host().ready.limits["max_head"]; n <= 1<<20 {
		p.take(p.h.reserve(peer.Request{}), make([]byte, n+1))
		p.s.expectAbort(frames.TooLarge)
	}
}

func (p *player) body(b []byte) {
	p.s.sent = append(p.s.sent, b...)
	p.s.Body(b)
}

// gets waits for the next frame of the stream, a kind, or abort and its code.
func (p *player) gets(args string) {
	kind, code, _ := strings.Cut(args, " ")
	k := peer.KindOf(kind)
	want := int64(0)
	if k == frames.Abort {
		want = peer.CodeOf(k, code)
	}
	p.s.expect(k, want)
}

// aborted waits for an abort of a code; or for any, because of something.
func (p *player) aborted(args string) {
	if because, isAny := strings.CutPrefix(args, "because "); isAny {
		_, last := p.s.response()
		if last.Kind != frames.Abort {
			peer.Fail(last.String(), "abort, because "+because)
		}
		return
	}
	p.s.expectAbort(peer.CodeOf(frames.Abort, args))
}

// answer waits for any end of the response; or for one that is no abort, or an
// abort of this code.
func (p *player) answer(args string) {
	_, last := p.s.response()
	code, ok := strings.CutPrefix(args, "or ")
	if got, _ := last.Reason(); ok && last.Kind == frames.Abort && got != peer.CodeOf(frames.Abort, code) {
		peer.Fail(last.String(), "an answer, or abort "+code)
	}
}

// fails waits for what an app that fails may come to [S7].
func (p *player) fails(string) {
	status, last := p.s.response()
	ok := status == 500
	if last.Kind == frames.Abort {
		code, _ := last.Reason()
		ok = code == frames.Internal
	}
	if !ok {
		peer.Fail(last.String(), "a reply with 500, or abort internal_error")
	}
}

// echoed waits until what was sent has come back, all of it and nothing else.
func (p *player) echoed(string) {
	p.s.AwaitBytes(int64(len(p.s.sent)))
	p.s.Mu.Lock()
	defer p.s.Mu.Unlock()
	if string(p.s.body) != string(p.s.sent) {
		peer.Fail(fmt.Sprintf("%d bytes, %.40q", len(p.s.body), p.s.body), fmt.Sprintf("the %d that were sent, %.40q", len(p.s.sent), p.s.sent))
	}
}

// tunnel waits for the head of a tunnel, and for takeover. A program need not know the key
// by which it is asked for one.
func (p *player) tunnel(string) {
	p.s.expect(frames.Entered, 0)
	f := p.s.next("head" + p.s.where())
	if (f.Kind == frames.Head || f.Kind == frames.Reply) && f.Status() == 501 {
		skip("protocol is not known: status 501")
	}
	if f.Kind != frames.Head {
		peer.Fail(f.String()+p.s.where(), "head"+p.s.where())
	}
	p.s.expect(frames.Takeover, 0)
}

// granted looks at the first credit for a body whose client waits to be told to
// go on.
func (p *player) granted(string) {
	if w := p.h.ready.limits["window"]; w > 0 && p.s.granted > w {
		peer.Fail(fmt.Sprintf("a first grant of %d", p.s.granted), fmt.Sprintf("at most the window, %d", w))
	}
}
