package check

import (
	"fmt"
	"math"
	"time"

	"github.com/gwport/gwport/etf"
)

// Checks of sections 7.5, 9 and 12: that nobody is in another's way, and how a
// port ends.

// checkStarvedOthers has streams without credit beside one that has some.
func checkStarvedOthers(t *trial) {
	h := t.app(hello{})
	var starved []*stream
	for range min(20, int(h.ready.maxStreams)-1) {
		starved = append(starved, h.open(request{path: "/bytes/1000000"}))
	}
	s := h.open(request{path: "/bytes/1000000", window: 1_000_000})
	s.expectResponse(200, pattern(1_000_000))
	for _, s := range starved {
		s.abort(codeCancelled)
		s.expectAbort(codeCancelled)
	}
	h.settle()
}

// checkUnreadOthers has apps that do not read the bodies that are sent to them.
func checkUnreadOthers(t *trial) {
	h := t.app(hello{})
	var unread []*stream
	for range min(20, int(h.ready.maxStreams)-1) {
		s := h.sleeper()
		for left := s.left(); left > 0; left -= maxChunk {
			s.chunk(make([]byte, min(left, maxChunk)))
		}
		unread = append(unread, s)
	}
	s := h.upload()
	s.giveAll()
	s.send([]byte(pattern(300_000)))
	s.fin()
	s.expectResponse(200, pattern(300_000))
	for _, s := range unread {
		s.abort(codeCancelled)
		s.expectAbort(codeCancelled)
	}
	h.settle()
}

// checkReadsAlways does not read, and has the program read all the same.
func checkReadsAlways(t *trial) {
	h := t.app(hello{})
	closed := h.open(request{path: "/status/204"})
	closed.response()
	s := h.flow(16_000_000)
	h.pause()
	h.flood(closed)
	h.resume()
	s.expectResponse(200, "")
	if s.bytes != 16_000_000 {
		t.fail(fmt.Sprintf("%d bytes", s.bytes), "16000000 bytes")
	}
	h.settle()
}

// checkSlowPeer reads a few kilobytes at a time.
func checkSlowPeer(t *trial) {
	h := t.app(hello{})
	h.mu.Lock()
	h.slow = true
	h.mu.Unlock()
	var streams []*stream
	for range 4 {
		streams = append(streams, h.open(request{path: "/bytes/300000", window: 300_000}))
	}
	h.open(request{path: "/sleep/1", window: plenty}).expectResponse(200, "slept")
	h.ping()
	for _, s := range streams {
		s.expectResponse(200, pattern(300_000))
	}
	h.settle()
}

// checkPingFirst pings while bodies flow, with nobody reading until the program
// has read the ping.
func checkPingFirst(t *trial) {
	h := t.app(hello{})
	closed := h.open(request{path: "/status/204"})
	closed.response()
	var streams []*stream
	for range 4 {
		streams = append(streams, h.flow(16_000_000))
	}
	h.pause()
	n := h.nextPing()
	h.sendTerm(kindPing, 0, n)
	h.flood(closed)
	before := h.resume()
	h.awaitOr("pong", func() bool { return h.pongs[n] > 0 })
	h.expectWithin(h.pongAt-before, "the pong")
	for _, s := range streams {
		s.response()
	}
	h.settle()
}

func checkPongs(t *trial) {
	h := t.greet(hello{})
	for _, n := range []int64{0, 1, 255, 256, math.MaxInt32} {
		h.mu.Lock()
		h.pongs[n] = 0
		h.mu.Unlock()
		h.sendTerm(kindPing, 0, n)
		h.awaitOr(fmt.Sprintf("pong %d", n), func() bool { return h.pongs[n] == 1 })
	}
	h.settle()
}

func checkDrainIdle(t *trial) {
	h := t.greet(hello{})
	h.settle()
	if h.drained != noStream {
		t.fail(fmt.Sprintf("drain %d", h.drained), "drain 255, because no stream was opened")
	}
}

// checkDrainLive drains with a stream under way, and opens another behind it.
func checkDrainLive(t *trial) {
	h := t.app(hello{})
	s := h.upload()
	s.send([]byte("before"))
	s.awaitBytes(6)
	h.sendTerm(kindDrain, 0, noStream)
	h.awaitOr("the program's drain", func() bool { return h.drained >= 0 })
	if h.drained != int64(s.id) {
		t.fail(fmt.Sprintf("drain %d", h.drained), fmt.Sprintf("drain %d, the highest stream", s.id))
	}
	late := h.open(request{path: "/status/200", method: "POST", upload: true, window: plenty})
	h.everyFrame(late.id)
	h.sendTerm(kindDrain, 0, noStream) // answered once
	s.send([]byte(" and behind"))
	h.ping()
	s.fin()
	s.expectResponse(200, "before and behind")
	h.expectClean()
	late.expectNothing("nothing about a stream above the drain's number")
}

func checkDrainTimeout(t *trial) {
	h := t.app(hello{drainTimeout: 100})
	streams := []*stream{h.open(request{path: "/sleep/60000"}), h.sleeper(), h.open(request{path: "/bytes/100000"})}
	h.ping()
	h.sendTerm(kindDrain, 0, noStream)
	for _, s := range streams {
		s.expectAbort(codePortClosed)
		s.abort(codePortClosed)
	}
	h.expectClean()
}

// checkDrainAborted drains with a stream that the program has aborted, and the
// host has not answered.
func checkDrainAborted(t *trial) {
	h := t.app(hello{drainTimeout: 600_000})
	s := h.sleeper()
	s.badGrant()
	h.settle()
}

// checkDrainFlushes drains while a body is on its way.
func checkDrainFlushes(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/bytes/2000000", window: 2_000_000})
	h.sendTerm(kindDrain, 0, noStream)
	s.expectResponse(200, pattern(2_000_000))
	h.expectClean()
}

// checkFailLogs has the app fail, about which most programs have something to
// say.
func checkFailLogs(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/fail", window: plenty}).response()
	h.settle()
}

// checkLaterHost greets as a later minor of the host would, and asks for all that
// there is with unknown keys.
func checkLaterHost(t *trial) {
	h := t.app(hello{maxVersion: 3, extra: later, swap: etf.Map{{Key: "capabilities", Value: etf.List{"later"}}}})
	s := h.open(request{path: "/echo", method: "POST", upload: true, window: plenty, extra: later})
	s.send([]byte("abc"))
	s.fin()
	s.expectResponse(200, "abc")
	h.settle()
}

// checkThousands opens as many streams as there may be, at most 2,000.
func checkThousands(t *trial) {
	h := t.app(hello{})
	n := min(2000, int(h.ready.maxStreams))
	began := time.Now()
	streams := make([]*stream, n)
	for i := range streams {
		streams[i] = h.open(request{path: "/sleep/50", window: plenty, method: []string{"GET", "POST"}[i%2]})
	}
	for _, s := range streams {
		s.expectResponse(200, "slept")
	}
	t.saw("%d of /sleep/50 in %v", n, time.Since(began).Round(time.Millisecond))
	h.settle()
}
