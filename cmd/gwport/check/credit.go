package check

import (
	"fmt"
	"math/rand/v2"
)

// Checks of section 7.4: credit.

// checkByteByByte is the starving peer: each byte of credit brings a byte.
func checkByteByByte(t *trial) {
	h := t.app(hello{})
	const n = 60
	s := h.open(request{path: fmt.Sprintf("/bytes/%d", n)})
	for i := range n {
		s.grant(1)
		s.awaitBytes(int64(i + 1))
	}
	s.expectResponse(200, pattern(n))
	h.settle()
}

func checkStarved(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/bytes/100000", window: 10})
	s.awaitBytes(10)
	h.ping()
	s.grant(5)
	s.awaitBytes(15)
	s.abort(codeCancelled)
	s.expectAbort(codeCancelled)
	h.settle()
}

func checkGenerous(t *trial) {
	h := t.app(hello{})
	const n = 5_000_000
	s := h.open(request{path: fmt.Sprintf("/bytes/%d", n), window: maxWindow})
	s.expectResponse(200, pattern(n))
	h.settle()
}

// checkReplyOverCredit asks for bodies that would fit into a reply, with less
// credit than they have bytes.
func checkReplyOverCredit(t *trial) {
	h := t.app(hello{})
	for _, n := range []int{1, 100, 1000, 10_000} {
		s := h.open(request{path: fmt.Sprintf("/bytes/%d", n), window: n - 1})
		s.awaitBytes(int64(n - 1))
		s.grant(1)
		s.expectResponse(200, pattern(n))
	}
	h.settle()
}

// checkRandomGrants gives credit in pieces of all sizes; the watch looks for a
// byte beyond it.
func checkRandomGrants(t *trial) {
	h := t.app(hello{})
	r := rand.New(rand.NewPCG(1, 2))
	const n = 400_000
	var streams []*stream
	for range 5 {
		streams = append(streams, h.open(request{path: fmt.Sprintf("/bytes/%d", n), window: r.IntN(3000)}))
	}
	given := make([]int, len(streams))
	for {
		open := false
		for i, s := range streams {
			if given[i] >= n {
				continue
			}
			open = true
			grant := 1 + r.IntN(1<<r.IntN(17))
			given[i] += grant
			s.grant(grant)
		}
		if !open {
			break
		}
		h.ping()
	}
	for _, s := range streams {
		s.expectResponse(200, pattern(n))
	}
	h.settle()
}

// checkFirstWindow uses ready's window up, to the byte, with an app that does
// not read.
func checkFirstWindow(t *trial) {
	h := t.app(hello{})
	s := h.sleeper()
	for left := s.left(); left > 0; left -= maxChunk {
		s.chunk(make([]byte, min(left, maxChunk)))
	}
	h.ping()
	s.abort(codeCancelled)
	s.expectAbort(codeCancelled)
	t.saw("a window of %d", h.ready.window)
	h.settle()
}

// checkCheat sends a byte more than that.
func checkCheat(t *trial) {
	h := t.app(hello{})
	other := h.upload()
	s := h.sleeper()
	for left := s.left(); left > 0; left -= maxChunk {
		s.chunk(make([]byte, min(left, maxChunk)))
	}
	s.chunk([]byte("x"))
	s.expectAbort(codeFlowExceeded)
	s.abort(codeFlowExceeded)
	other.send([]byte("lives"))
	other.fin()
	other.expectResponse(200, "lives")
	h.settle()
}

func checkContinue(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/sleep/50", method: "PUT", upload: true, goAhead: true, window: plenty})
	s.expectResponse(200, "slept")
	s.abort(codeNoError)
	h.settle()
	if s.grants > 0 {
		t.fail(fmt.Sprintf("credit for %d bytes", s.credit), "no credit for a body with continue that the app does not read")
	}
}

func checkContinueCheat(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/sleep/60000", method: "PUT", upload: true, goAhead: true})
	s.chunk([]byte("x"))
	s.expectAbort(codeFlowExceeded)
	s.abort(codeFlowExceeded)
	h.settle()
}

func checkGoAhead(t *trial) {
	h := t.app(hello{})
	for _, length := range []int{0, 9} { // unknown, known
		s := h.open(request{
			path: "/echo", method: "PUT", upload: length == 0, length: length, goAhead: true, window: plenty,
		})
		s.send([]byte("go ahead!"))
		if w := h.ready.window; w > 0 && s.granted > w {
			t.fail(fmt.Sprintf("a first grant of %d", s.granted), fmt.Sprintf("at most the window, %d", w))
		}
		s.fin()
		s.expectResponse(200, "go ahead!")
	}
	h.settle()
}

func checkBadGrants(t *trial) {
	h := t.app(hello{})
	for _, c := range []struct {
		window int
		grants []int
		bad    bool
	}{
		{1000, []int{maxCredit - 1000}, false},
		{1000, []int{maxCredit - 1000, 1}, true},
		{1000, []int{maxCredit}, true},
		{0, []int{maxCredit}, false},
		{0, []int{maxCredit, 1}, true},
		{0, []int{0}, true},
		{1000, []int{5, 0}, true},
		{1000, []int{-1}, true},
		{0, []int{1 << 31}, true},
		{0, []int{1 << 40}, true},
	} {
		s := h.open(request{path: "/sleep/60000", window: c.window})
		for _, n := range c.grants {
			s.grant(n)
		}
		code := codeBadCredit
		if !c.bad {
			code = codeCancelled
			s.abort(code)
		}
		t.with(fmt.Sprintf("grants %d on a window of %d", c.grants, c.window), func() { s.expectAbort(int64(code)) })
	}
	h.settle()
}

// checkGrantsAtHalf uses half of the window, no more, with an app that reads.
func checkGrantsAtHalf(t *trial) {
	h := t.app(hello{})
	s := h.upload()
	s.giveAll()
	h.awaitOr("the first credit for a body that the app reads", func() bool { return s.credit > 0 })
	window := s.left()
	for left := (window + 1) / 2; left > 0; left -= maxChunk {
		s.chunk(make([]byte, min(left, maxChunk)))
	}
	before := window - (window+1)/2
	h.awaitOr(fmt.Sprintf("credit again when half of a window of %d has been read (SHOULD)", window),
		func() bool { return s.credit > before })
	s.fin()
	s.response()
	h.settle()
}

// checkLongUpload goes many times around the window.
func checkLongUpload(t *trial) {
	h := t.app(hello{})
	body := []byte(pattern(1_000_000))
	s := h.upload()
	s.giveAll()
	s.send(body)
	s.fin()
	s.expectResponse(200, string(body))
	t.saw("%d grants", s.grants)
	h.settle()
}

func checkLateCredit(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/ignore", method: "PUT", upload: true, window: plenty})
	s.expectResponse(200, "ignored")
	for _, n := range []int{1, 0, maxCredit, maxCredit} {
		s.grant(n)
	}
	h.ping()
	s.abort(codeNoError)
	h.settle()
	h.expectQuiet("nothing, because credit for a half that has ended is ignored")
}

func checkFreeFrames(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/status/404"}).expectResponse(404, "")
	h.open(request{path: "/bytes/0"}).expectResponse(200, "")
	h.open(request{path: "/status/204", method: "POST"}).expectResponse(204, "")
	h.settle()
}
