package check

import (
	"fmt"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Checks of section 6: opening streams.

func checkTypes(t *trial) {
	h := t.app(hello{})
	for _, typ := range []int{1, 2, 255, 1_000_000} {
		for _, method := range []string{"GET", "POST"} {
			s := h.open(request{path: "/status/200", openType: typ, method: method})
			s.expect(kindAbort)
			s.checkCode(codeRefused)
		}
	}
	s := h.reserve(request{})
	h.sendTerm(kindOpen, s.id, etf.Tuple{1, 0, "a call, whatever that is"})
	s.expectAbort(codeRefused)
	h.ping()
	h.settle()
}

// checkCode holds the code of the abort that ended the response.
func (s *stream) checkCode(code int64) {
	s.h.mu.Lock()
	got := s.lastCode
	s.h.mu.Unlock()
	if got != code {
		s.h.t.fail("abort "+named(codeNames, got)+s.where(), "abort "+named(codeNames, code))
	}
}

// checkOpenOrder has more than one thing wrong with an open: what is looked at
// first counts.
func checkOpenOrder(t *trial) {
	h := t.app(hello{})
	large := h.reserve(request{})
	if h.ready.maxHead <= 1<<20 {
		h.send(frame{kindOpen, large.id, make([]byte, h.ready.maxHead+1)})
		large.expectAbort(codeTooLarge) // size before payload
	}
	nobody := "gwport.check.no.such.app"
	h.open(request{app: nobody, openType: 1}).expectAbort(codeRefused)      // type before app
	h.open(request{app: nobody, lacks: "path"}).expectAbort(codeBadPayload) // payload before app
	h.ping()
	h.settle()
}

// checkLength sends bodies that are longer and shorter than their length.
func checkLength(t *trial) {
	h := t.app(hello{})
	r := request{path: "/sleep/60000", method: "PUT", length: 3}
	if h.ready.window < 4 {
		t.skip("the window is %d", h.ready.window)
	}
	longer := h.open(r)
	longer.chunk([]byte("abcd"))
	longer.expectAbort(codeBadLength)
	shorter := h.open(r)
	shorter.chunk([]byte("ab"))
	shorter.fin()
	shorter.expectAbort(codeBadLength)
	none := h.open(r)
	none.trailers()
	none.expectAbort(codeBadLength)
	h.settle()
}

func checkWindowRange(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/status/204", window: maxWindow}).expectResponse(204, "")
	h.open(request{path: "/status/204", window: maxWindow + 1}).expectAbort(codeBadPayload)
	h.open(request{path: "/status/204", window: -1}).expectAbort(codeBadPayload)
	h.ping()
	h.settle()
}

// checkNumbers sends an open with a number that cannot be, behind a good one
// with 300.
func checkNumbers(t *trial) {
	for _, id := range []uint32{257, 301, 2147483647, 300, 298, 256} {
		h := t.app(hello{})
		r := request{path: "/sleep/60000"}
		h.reserveAt(300, r)
		h.send(frame{kindOpen, 300, r.payload()})
		h.send(frame{kindOpen, id, r.payload()})
		h.expectFault(faultBadStream)
		h.stop()
	}
}

func checkReused(t *trial) {
	h := t.app(hello{})
	r := request{path: "/status/204"}
	s := h.open(r)
	s.response()
	h.send(frame{kindOpen, s.id, r.payload()})
	h.expectFault(faultBadStream)
}

func checkSkipped(t *trial) {
	h := t.app(hello{})
	for _, id := range []uint32{1000, 2000, 2147483646} {
		r := request{path: "/status/204"}
		s := h.reserveAt(id, r)
		h.send(frame{kindOpen, id, r.payload()})
		s.expectResponse(204, "")
	}
	h.everyFrame(500)
	h.everyFrame(1998)
	h.ping()
	h.settle()
}

// everyFrame sends every frame of a stream but open.
func (h *host) everyFrame(id uint32) {
	h.send(frame{kindChunk, id, []byte("x")})
	h.sendTerm(kindCredit, id, 1)
	h.sendTerm(kindCredit, id, 0)
	h.sendTerm(kindTrailers, id, etf.List{})
	h.send(frame{kindFin, id, empty})
	h.sendTerm(kindAbort, id, etf.Tuple{codeCancelled, ""})
}

func checkClosed(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/status/204"})
	s.response()
	h.everyFrame(s.id)
	h.ping()
	h.settle()
	s.expectNothing("nothing for a stream that is closed")
}

func checkNeverOpened(t *trial) {
	for _, f := range []frame{
		{kindChunk, firstStream, []byte("x")},
		{kindFin, 1000, empty},
		{kindTrailers, 1000, payload(etf.List{})},
		{kindCredit, 1000, payload(1)},
		{kindAbort, 1000, payload(etf.Tuple{0, ""})},
		{kindCredit, 2147483647, payload(1)},
		{kindAbort, 257, payload(etf.Tuple{0, ""})},
		{kindAbort, firstStream, []byte("no term")},
	} {
		h := t.greet(hello{})
		h.send(f)
		h.expectFault(faultBadStream)
		h.stop()
	}
}

func checkNoApp(t *trial) {
	h := t.greet(hello{})
	for _, method := range []string{"GET", "POST"} {
		s := h.open(request{method: method, path: "/", app: "gwport.check.no.such.app", window: plenty})
		if s.expect(kindAbort); s.isEntered() {
			t.fail("entered", "abort and no entered")
		}
		s.checkCode(codeNoApp)
	}
	h.ping()
	h.settle()
}

func (s *stream) isEntered() bool {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return s.entered
}

// mostStreams is how many the check of max_streams opens at most.
const mostStreams = 20_000

func checkMaxStreams(t *trial) {
	h := t.app(hello{})
	n := int(h.ready.maxStreams)
	if n > mostStreams {
		t.skip("max_streams of ready is %d, more than %d", n, mostStreams)
	}
	streams := make([]*stream, n)
	for i := range streams {
		streams[i] = h.open(request{path: "/sleep/600000"})
	}
	for _, method := range []string{"GET", "POST"} {
		s := h.open(request{path: "/status/204", method: method})
		s.expect(kindAbort)
		s.checkCode(codeRefused)
	}
	h.open(request{app: "gwport.check.no.such.app"}).expectAbort(codeNoApp) // looked at before
	h.ping()
	streams[n/2].abort(codeCancelled)
	streams[n/2].expectAbort(codeCancelled)
	h.open(request{path: "/status/204"}).expectResponse(204, "")
	for i, s := range streams {
		if i != n/2 {
			s.abort(codeCancelled)
		}
	}
	for i, s := range streams {
		if i != n/2 {
			s.expectAbort(codeCancelled)
		}
	}
	t.saw("%d streams, and one more refused", n)
	h.settle()
}

func checkEntered(t *trial) {
	h := t.app(hello{})
	for _, method := range []string{"POST", "PATCH", "PURGE", "get"} {
		s := h.open(request{path: "/sleep/10", method: method, window: plenty})
		s.expect(kindEntered)
		s.expectResponse(200, "slept")
	}
	h.settle()
}

func checkNotEntered(t *trial) {
	h := t.app(hello{})
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"} {
		r := h.open(request{path: "/sleep/1", method: method, window: plenty}).response()
		if r.how[0] == kindEntered || r.status != 200 {
			t.fail(fmt.Sprintf("%v with status %d", r.how[0], r.status), "no entered for "+method)
		}
	}
	h.settle()
}

func checkEnteredBatch(t *trial) {
	h := t.app(hello{})
	var streams []*stream
	var b []byte
	for range min(200, int(h.ready.maxStreams)) {
		r := request{path: "/sleep/20", method: "POST", window: plenty}
		s := h.reserve(r)
		streams = append(streams, s)
		b = append(b, frame{kindOpen, s.id, r.payload()}.bytes()...)
	}
	h.sendRaw(b)
	for _, s := range streams {
		s.expect(kindEntered)
		s.expectResponse(200, "slept")
	}
	t.saw("%d in one write", len(streams))
	h.settle()
}

// checkMaxHead is section 11's max_head of the program.
func checkMaxHead(t *trial) {
	h := t.app(hello{})
	if h.ready.maxHead > 64<<20 {
		t.skip("max_head is %d", h.ready.maxHead)
	}
	sized := func(size int64) request {
		r := request{path: "/status/204", headers: etf.List{etf.Tuple{"x-pad", ""}}}
		r.headers[0] = etf.Tuple{"x-pad", strings.Repeat("x", int(size)-len(r.payload()))}
		return r
	}
	if h.ready.maxHead < 1000 {
		t.skip("max_head is %d", h.ready.maxHead)
	}
	h.open(sized(h.ready.maxHead)).expectResponse(204, "")
	h.open(sized(h.ready.maxHead + 1)).expectAbort(codeTooLarge)
	h.ping()
	h.settle()
}
