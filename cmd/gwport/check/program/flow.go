package program

import (
	"fmt"
	"math/rand/v2"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// Steps that measure what comes before what, with nobody reading, and checks that
// draw lots.

// oneWrite is the most that a program may hand over in one write, and defaultPipe
// what its pipe holds unless it has asked for more. That much of a body may have
// been on its way when something that goes first was asked for.
const (
	oneWrite    = 1<<20 - defaultPipe
	defaultPipe = 64 << 10
)

// within tells whether too much of bodies came before something, since the reading
// went on. They are counted when it arrives: whoever waits for it may be told much
// later.
func (p *player) within(what string) {
	at := p.h.PongAt
	if what == "its abort" {
		at = p.s.abortAt
	}
	n, most := p.h.Since(at), pipeSize(p.h.p.stdout)+oneWrite
	if n > most {
		peer.Fail(fmt.Sprintf("%d bytes of bodies before %s", n, what), fmt.Sprintf("at most %d, the pipe and one write", most))
	}
	p.t.saw("%d bytes of bodies before %s, at most %d are allowed", n, what, most)
}

// flow opens a stream with a body of 16,000,000 bytes, which is not kept, and waits
// until some of it has come.
func (p *player) flow(string) {
	const n = 16_000_000
	r := peer.Request{Path: fmt.Sprintf("/bytes/%d", n), Window: n}
	s := p.host().reserve(r)
	s.drop = true
	p.take(s, ask(r).Payload())
	s.AwaitBytes(1)
}

// flood sends 4 MiB for a stream that is closed: they are ignored, but read.
func (p *player) flood(string) {
	p.h.Flood(frames.New(frames.Chunk, p.named["closed"].ID, make([]byte, peer.MaxChunk)))
}

// checkRandomGrants gives credit in pieces of all sizes; the watch looks for a
// byte beyond it.
func checkRandomGrants(t *trial) {
	h := t.app(hello{})
	r := rand.New(rand.NewPCG(1, 2))
	const n = 400_000
	left := map[*stream]int{}
	for range 5 {
		left[h.open(peer.Request{Path: fmt.Sprintf("/bytes/%d", n), Window: r.IntN(3000)})] = n
	}
	for given := true; given; {
		given = false
		for s, more := range left {
			if more > 0 {
				grant := 1 + r.IntN(1<<r.IntN(17))
				s.SendTerm(frames.Credit, int64(grant))
				left[s], given = more-grant, true
			}
		}
		h.Ping()
	}
	for s := range left {
		s.expectResponse(200, pattern(n))
	}
	h.settle()
}

// checkGrantsAtHalf uses half of the window, no more, with an app that reads.
func checkGrantsAtHalf(t *trial) {
	h := t.app(hello{})
	s := h.open(peer.Request{Path: "/echo", Method: "PUT", Upload: true, Window: plenty})
	s.Read(0)
	h.AwaitOr("the first credit for a body that the app reads", func() bool { return s.Left > 0 })
	window := s.Room()
	s.Chunks((window + 1) / 2)
	before := window - (window+1)/2
	h.AwaitOr(fmt.Sprintf("credit again when half of a window of %d has been read (SHOULD)", window),
		func() bool { return s.Left > before })
	s.Send(frames.Fin, peer.Empty)
	s.response()
	h.settle()
}
