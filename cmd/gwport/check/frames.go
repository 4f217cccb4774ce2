package check

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Checks of section 3: frames and payloads.

func checkManyAtOnce(t *trial) {
	h := t.app(hello{})
	var b []byte
	var streams []*stream
	for range 50 {
		r := request{path: "/echo", method: "PUT", upload: true, window: plenty}
		s := h.reserve(r)
		streams = append(streams, s)
		b = append(b, frame{kindOpen, s.id, r.payload()}.bytes()...)
		if h.ready.window >= 3 {
			b = append(b, frame{kindChunk, s.id, []byte("abc")}.bytes()...)
		}
		b = append(b, frame{kindFin, s.id, empty}.bytes()...)
	}
	h.sendRaw(b)
	want := ""
	if h.ready.window >= 3 {
		want = "abc"
	}
	for _, s := range streams {
		s.expectResponse(200, want)
	}
	h.settle()
}

func checkSingleBytes(t *trial) {
	h := t.app(hello{})
	r := request{path: "/echo", method: "PUT", upload: true, window: plenty}
	s := h.reserve(r)
	b := frame{kindOpen, s.id, r.payload()}.bytes()
	if h.ready.window >= 3 {
		b = append(b, frame{kindChunk, s.id, []byte("abc")}.bytes()...)
	}
	for _, c := range append(b, frame{kindFin, s.id, empty}.bytes()...) {
		h.sendRaw([]byte{c})
	}
	s.response()
	h.ping()
	h.settle()
}

// expectFaults sends each of some bytes to a program of its own, which must end
// with a fault.
func (t *trial) expectFaults(code int64, cases ...string) {
	for _, b := range cases {
		h := t.greet(hello{})
		h.sendRaw([]byte(b))
		t.with(shown(b), func() { h.expectFault(code) })
		h.stop()
	}
}

// shown is the beginning of some bytes.
func shown[T ~string | ~[]byte](b T) string { return fmt.Sprintf("% x", b[:min(len(b), 24)]) }

func checkShortLengths(t *trial) {
	t.expectFaults(faultBadFrame, "\x00\x00\x00\x00", "\x00\x00\x00\x09\x83h\x02a\x03m\x00\x00\x00", "\x00\x00\x00\x01\x83")
}

// checkLongLengths sends lengths only: they are to be refused on sight.
func checkLongLengths(t *trial) {
	t.expectFaults(faultBadFrame, "\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\x80\x00\x00\x00")
	h := t.greet(hello{})
	h.sendRaw(binary.BigEndian.AppendUint32(nil, uint32(h.ready.maxFrame)+1))
	h.expectFault(faultBadFrame)
}

// checkMaxFrame sends the largest frame there may be. Nothing that makes sense
// is so large, so it goes to a stream that is closed.
func checkMaxFrame(t *trial) {
	h := t.app(hello{})
	if h.ready.maxFrame > 256<<20 {
		t.skip("max_frame is %d", h.ready.maxFrame)
	}
	s := h.open(request{path: "/status/204"})
	s.response()
	h.send(frame{kindTrailers, s.id, make([]byte, h.ready.maxFrame-streamHead)})
	h.ping()
	h.settle()
}

// checkFirstMaxFrame is the limit before the greeting.
func checkFirstMaxFrame(t *trial) {
	padded := func(size int) []byte {
		pad := func(n int) []byte {
			return hello{extra: etf.Map{{Key: "pad", Value: strings.Repeat("x", n)}}}.payload()
		}
		return pad(size - len(pad(0)))
	}
	h := t.start(hello{raw: padded(firstMaxFrame - portHead)})
	h.sendHello()
	h.awaitReady()
	h.settle()
	h = t.start(hello{})
	h.sendRaw(binary.BigEndian.AppendUint32(nil, firstMaxFrame+1))
	h.expectFault(faultBadFrame)
}

func checkEnvelopes(t *trial) {
	var cases []string
	for _, b := range []string{
		"\x82h\x02a\x03m\x00\x00\x00\x03\x83a\x07",              // another version
		"\x83P\x00\x00\x00\x0d\x78\x9c\x03\x00\x00\x00\x00\x01", // compressed
		"\x83l\x00\x00\x00\x02a\x03m\x00\x00\x00\x02\x83a\x07j", // a list
		"\x83h\x01a\x03a\x03a\x03a\x03",                         // one element
		"\x83h\x04a\x03a\x03m\x00\x00\x00\x03\x83a\x07j",        // four
		"\x83i\x00\x00\x00\x02a\x03m\x00\x00\x00\x03\x83a\x07",  // LARGE_TUPLE_EXT
		"\x83h\x02b\x00\x00\x00\x03m\x00\x00\x00\x03\x83a\x07",  // kind as INTEGER_EXT
		"\x83h\x03a\x12a\xffm\x00\x00\x00\x03abc",               // stream as SMALL_INTEGER_EXT
		"\x83h\x03a\x12b\x00\x00\x00\xffm\x00\x00\x00\x03abc",   // stream 255
		"\x83h\x03a\x12b\x80\x00\x00\x00m\x00\x00\x00\x03abc",   // stream -2^31
		"\x83h\x02a\x03k\x00\x03\x83a\x07\x00\x00\x00",          // STRING_EXT as payload
		"\x83h\x02a\x03m\x00\x00\x00\x04\x83a\x07",              // payload longer than the frame
		"\x83h\x02a\x03m\x00\x00\x00\x02\x83a\x07",              // and shorter
		"\x83h\x03a\x13b\x00\x00\x01\x00m\x00",                  // a stream's head cut off
	} {
		cases = append(cases, string(framed([]byte(b))))
	}
	t.expectFaults(faultBadFrame, cases...)
}

func checkUnknownKinds(t *trial) {
	t.expectFaults(faultBadFrame,
		string(frame{7, 0, payload(7)}.bytes()),
		string(frame{15, 0, payload(7)}.bytes()),
		string(frame{255, 0, payload(7)}.bytes()),
		string(frame{26, firstStream, payload(7)}.bytes()),
		string(frame{255, firstStream, payload(7)}.bytes()))
}

// checkProgramsKinds sends what only a program sends.
func checkProgramsKinds(t *trial) {
	t.expectFaults(faultBadFrame,
		string(frame{kindReady, 0, payload(etf.Map{})}.bytes()),
		string(frame{kindLog, 0, payload(etf.Tuple{6, "", etf.Map{}})}.bytes()),
		string(frame{kindEntered, firstStream, empty}.bytes()),
		string(frame{kindInform, firstStream, payload(etf.Tuple{103, etf.List{}})}.bytes()),
		string(frame{kindHead, firstStream, payload(etf.Tuple{200, etf.List{}})}.bytes()),
		string(frame{kindReply, firstStream, payload(etf.Tuple{200, etf.List{}, ""})}.bytes()))
}

func checkMisplacedStreams(t *trial) {
	t.expectFaults(faultBadFrame,
		string(frame{kindPing, firstStream, payload(7)}.bytes()),
		string(frame{kindDrain, firstStream, payload(noStream)}.bytes()),
		string(frame{kindChunk, 0, []byte("abc")}.bytes()),
		string(frame{kindOpen, 0, request{path: "/"}.payload()}.bytes()),
		string(frame{kindAbort, 0, payload(etf.Tuple{0, ""})}.bytes()))
}
