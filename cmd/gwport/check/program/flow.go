package program

import (
	"fmt"
	"math/rand/v2"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// Checks that measure what comes before what, with nobody reading, and those that
// draw lots.

// flow opens a stream with a large body, and waits until some of it has come.
func (h *host) flow(n int) *stream {
	r := peer.Request{Path: fmt.Sprintf("/bytes/%d", n), Window: n}
	s := h.reserve(r)
	s.drop = true
	h.Send(frames.Open, s.ID, ask(r).Payload())
	s.AwaitBytes(1)
	return s
}

// closed is a stream that is: what is sent for it is ignored, but read.
func (h *host) closed() frames.Frame {
	s := h.open(peer.Request{Path: "/status/204"})
	s.response()
	return frames.New(frames.Chunk, s.ID, make([]byte, peer.MaxChunk))
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
		peer.Fail(fmt.Sprintf("%d bytes of bodies before %s", n, what), fmt.Sprintf("at most %d, the pipe and one write", most))
	}
	h.t.saw("%d bytes of bodies before %s, at most %d are allowed", n, what, most)
}

// checkAbortReplaces has the program write more than the pipe holds, and aborts
// while nothing is read: what is not written by then must not come.
func checkAbortReplaces(t *trial) {
	h := t.app(hello{})
	closed := h.closed()
	s := h.flow(16_000_000)
	h.Hold(true)
	s.GiveUp(frames.Cancelled)
	h.Flood(closed)
	before := h.Hold(false)
	s.expectAbort(frames.Cancelled)
	h.expectWithin(s.abortAt-before, "its abort")
	h.settle()
}

// checkReadsAlways does not read, and has the program read all the same.
func checkReadsAlways(t *trial) {
	h := t.app(hello{})
	closed := h.closed()
	s := h.flow(16_000_000)
	h.Hold(true)
	h.Flood(closed)
	h.Hold(false)
	s.expectResponse(200, "")
	if s.Got != 16_000_000 {
		peer.Fail(fmt.Sprintf("%d bytes", s.Got), "16000000 bytes")
	}
	h.settle()
}

// checkPingFirst pings while bodies flow, with nobody reading until the program
// has read the ping.
func checkPingFirst(t *trial) {
	h := t.app(hello{})
	closed := h.closed()
	var streams []*stream
	for range 4 {
		streams = append(streams, h.flow(16_000_000))
	}
	h.Hold(true)
	n := h.NextPing()
	h.SendTerm(frames.Ping, 0, n)
	h.Flood(closed)
	before := h.Hold(false)
	h.AwaitOr("pong", func() bool { return h.Pongs[n] > 0 })
	h.expectWithin(h.PongAt-before, "the pong")
	for _, s := range streams {
		s.response()
	}
	h.settle()
}

// checkFaultIsLast has the program end the port while bodies are on their way.
func checkFaultIsLast(t *trial) {
	h := t.app(hello{})
	s := h.flow(16_000_000)
	h.Send(frames.Open, s.ID, peer.Request{Path: "/"}.Payload())
	h.expectFault(frames.BadStream)
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
