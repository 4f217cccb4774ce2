package check

import (
	"fmt"
	"slices"
)

// Checks of section 7.1: the two halves of a stream.

// upload opens /echo with a body of unknown length.
func (h *host) upload() *stream {
	return h.open(request{path: "/echo", method: "PUT", upload: true, window: plenty})
}

func checkRequestEnds(t *trial) {
	h := t.app(hello{})
	h.open(request{path: "/echo", window: plenty}).expectResponse(200, "")
	for _, body := range []string{"", "abc"} {
		s := h.upload()
		s.send([]byte(body))
		s.fin()
		s.expectResponse(200, body)
		s = h.upload()
		s.send([]byte(body))
		s.trailers()
		s.expectResponse(200, body)
	}
	s := h.open(request{path: "/echo", method: "PUT", length: 3, window: plenty})
	s.send([]byte("abc"))
	s.fin()
	s.expectResponse(200, "abc")
	h.settle()
}

// checkBadOrder ends the request twice, in every way.
func checkBadOrder(t *trial) {
	h := t.app(hello{})
	again := []func(*stream){func(s *stream) { s.chunk([]byte("x")) }, (*stream).fin, (*stream).trailers}
	for _, end := range []func(*stream){(*stream).fin, (*stream).trailers} {
		for _, more := range again {
			s := h.sleeper()
			end(s)
			more(s)
			s.expectAbort(codeBadOrder)
		}
	}
	for _, more := range again {
		s := h.open(request{path: "/sleep/60000"}) // ended by open
		more(s)
		s.expectAbort(codeBadOrder)
	}
	h.ping()
	h.settle()
}

// checkUploadStopped is the program whose answer comes before the end of the
// request.
func checkUploadStopped(t *trial) {
	h := t.app(hello{})
	for _, sent := range []int{0, 1, int(min(h.ready.window, 1000))} {
		s := h.open(request{path: "/ignore", method: "PUT", upload: true, window: plenty})
		if sent > 0 && h.ready.window > 0 {
			s.chunk(make([]byte, sent))
		}
		s.expectResponse(200, "ignored")
		s.abort(codeNoError)
	}
	h.settle()
	h.expectQuiet("no answer to abort no_error, because the response has ended")
}

// expectQuiet looks at all streams of a program that has ended.
func (h *host) expectQuiet(expected string) {
	h.mu.Lock()
	all := make([]*stream, 0, len(h.streams))
	for _, s := range h.streams {
		all = append(all, s)
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b *stream) int { return int(a.id) - int(b.id) })
	for _, s := range all {
		s.expectNothing(expected)
	}
}

func checkDiscards(t *trial) {
	h := t.app(hello{})
	s := h.open(request{path: "/ignore", method: "PUT", upload: true, window: plenty})
	s.expectResponse(200, "ignored")
	for left := s.left(); left > 0; left -= maxChunk {
		s.chunk(make([]byte, min(left, maxChunk)))
	}
	h.ping()
	s.fin() // as a host may have sent that did not see the reply yet
	h.ping()
	h.settle()
	h.expectQuiet("the rest of the request discarded")
}

func checkFullDuplex(t *trial) {
	h := t.app(hello{})
	s := h.upload()
	for i := range 5 {
		s.send([]byte("ping "))
		s.awaitBytes(int64(5 * (i + 1)))
	}
	s.fin()
	s.expectResponse(200, "ping ping ping ping ping ")
	h.settle()
}

// checkBodiless is S4: those responses end, whatever the app has written.
func checkBodiless(t *trial) {
	h := t.app(hello{})
	for _, r := range []request{
		{method: "HEAD", path: "/bytes/1000", window: plenty},
		{method: "HEAD", path: "/bytes/100000", window: 200_000},
		{method: "HEAD", path: "/sleep/1", window: plenty},
		{path: "/status/204"},
		{path: "/status/304"},
		{method: "HEAD", path: "/status/404", window: plenty},
	} {
		if got := h.open(r).response(); got.last.kind == kindAbort {
			t.fail(got.last.String(), "an answer to "+r.verb()+" "+r.path)
		}
	}
	h.settle()
}

// checkLengths has bodies small and large come to what their heads say.
func checkLengths(t *trial) {
	h := t.app(hello{})
	for _, n := range []int{0, 1, 4095, 4096, 16_384, 16_385, 65_536, 65_537, 300_000} {
		s := h.open(request{path: fmt.Sprintf("/bytes/%d", n), window: plenty})
		s.giveAll()
		s.expectResponse(200, pattern(n))
	}
	h.settle()
}

func checkStatuses(t *trial) {
	h := t.app(hello{})
	for _, status := range []int64{200, 201, 301, 404, 418, 500, 503, 599} {
		r := h.open(request{path: fmt.Sprintf("/status/%d", status), window: plenty}).response()
		if r.status != status {
			t.fail(fmt.Sprintf("status %d", r.status), fmt.Sprintf("status %d", status))
		}
	}
	h.settle()
}
