package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gwport/gwport/etf"
)

// The watch holds every frame that the program writes, in whatever check,
// against the rules that bind it always. What it finds is a failure of the rule
// itself, not of the check that was under way.

// watched is what the watch keeps of a stream.
type watched struct {
	method   string
	window   int64 // credit ever given for the response
	first    int64 // of it that came with open
	granted  int64 // by the program's first credit
	entered  bool
	headed   bool // head has come
	ended    bool // the response half has
	aborted  bool // by the program
	informs  int
	lastCode int64 // of its abort
	abortAt  int64 // how many bytes of bodies, of all streams, had come before it
	length   int64 // content-length that binds the chunks; -1 or 0 and headed not: none
}

// take takes in one frame. An error is the end of reading. The caller holds the
// lock.
func (h *host) take(b []byte) error {
	h.t.sawFrame()
	f, ok := parseEnvelope(b)
	if !ok {
		h.t.violated("F3", "an envelope of the layout of F3", "% x", b[:min(len(b), 16)])
		return fmt.Errorf("not an envelope: % x", b[:min(len(b), 16)])
	}
	f.payload = slices.Clone(f.payload)
	if h.fault != nil {
		h.t.violated("8", "nothing behind fault", "%v", f)
	}
	switch _, known := kindNames[f.kind]; {
	case !known, f.kind == kindHello, f.kind == kindOpen:
		h.t.violated("F8", "a kind that a program sends", "%v", f)
		return nil
	case f.kind.hasStream() != (f.stream != 0):
		h.t.violated("F8", "a stream number where, and only where, section 4 has one", "%v with stream %d", f.kind, f.stream)
		return nil
	}
	term, ok := h.watchPayload(f)
	if !ok {
		return nil
	}
	if f.stream == 0 {
		h.takePort(f, term)
		return nil
	}
	s := h.streams[f.stream]
	if s == nil {
		h.t.violated("R3", "frames for streams that the host has opened", "%v for stream %d", f, f.stream)
		return nil
	}
	h.takeStream(s, f, term)
	return nil
}

// watchLengths tells what no frame begins with from text on standard output.
func (h *host) watchLengths(err error) {
	wrong := (*lengthError)(nil)
	if !errors.As(err, &wrong) {
		return
	}
	if isText(wrong.bytes) {
		h.t.violated("P1", "nothing but frames on standard output", "%q", wrong.bytes)
	} else {
		h.t.violated("F2", fmt.Sprintf("a length of 10 to %d", h.hello.maxFrame()), "%v", err)
	}
}

func isText(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' && c != '\n' && c != '\t' && c != '\r' || c > '~' })
}

// watchPayload decodes a payload and holds it against F4 and F5.
func (h *host) watchPayload(f frame) (any, bool) {
	if f.kind == kindChunk {
		if n := len(f.payload); n == 0 || n > maxChunk {
			h.t.violated("F4", "1 to 65536 bytes in a chunk", "%v", f)
		}
		return nil, true
	}
	term, err := decode(f.payload)
	switch {
	case err != nil && len(f.payload) > 1 && f.payload[1] == 80:
		h.t.violated("F5", "no compressed term", "%v: %v", f.kind, err)
	case err != nil && strings.Contains(err.Error(), "MaxDepth"):
		h.t.violated("F5", "at most 32 levels", "%v: %v", f.kind, err)
	case err != nil:
		h.t.violated("F4", "a payload that is one term", "%v: %v", f.kind, err)
	case hasOpaque(term):
		h.t.violated("F5", "no pid, port, reference or fun", "%v: %v", f.kind, term)
	case !shapes[f.kind](term):
		h.t.violated("F4", "a payload as section 4 describes it", "%v with %.80s", f.kind, fmt.Sprint(term))
	default:
		return term, true
	}
	return nil, false
}

// takePort takes in a frame without a stream.
func (h *host) takePort(f frame, term any) {
	if h.first == nil {
		h.first, h.firstAt = &f, time.Now()
		if f.kind != kindReady && f.kind != kindFault {
			h.t.violated("G1", "ready or fault as the first frame", "%v", f)
		}
	} else if f.kind == kindReady {
		h.t.violated("G1", "one ready", "a second one")
	}
	switch f.kind {
	case kindFault:
		h.fault = &f
		h.watchText(f)
	case kindPing:
		h.queue(frame{kindPong, 0, f.payload}.bytes())
	case kindPong:
		n := term.(int64)
		if _, asked := h.pongs[n]; !asked {
			h.t.violated("D4", "the integer of a ping", "pong %d", n)
		}
		h.pongs[n]++
		h.pongAt = h.bytes
	case kindDrain:
		if h.drained >= 0 {
			h.t.violated("D2", "one drain", "another")
		}
		h.drained = term.(int64)
		if h.drained > int64(h.highest) && h.drained != noStream {
			h.t.violated("D1", fmt.Sprintf("a number of at most %d, the highest opened", h.highest), "drain %d", h.drained)
		}
	case kindLog:
		h.watchLog(f, term)
	}
}

func (h *host) watchText(f frame) {
	if _, text := f.reason(); len(text) > maxText {
		h.t.violated("8", "a text of at most 1024 bytes", "%v with one of %d", f.kind, len(text))
	}
}

// takeStream takes in a frame of a stream.
func (h *host) takeStream(s *stream, f frame, term any) {
	if h.drained >= 0 && int64(s.id) > h.drained {
		h.t.violated("D1", fmt.Sprintf("nothing of streams above %d, the number in drain", h.drained), "%v%s", f, s.where())
	}
	if s.aborted {
		rule, expected := "A4", "nothing behind the program's own abort"
		if f.kind == kindAbort {
			rule, expected = "A1", "one abort a stream"
		}
		h.t.violated(rule, expected, "%v%s", f, s.where())
	}
	switch f.kind {
	case kindCredit:
		s.credit += term.(int64)
		if s.grants++; s.grants == 1 {
			s.granted = term.(int64)
		}
		if s.ended {
			h.t.violated("S2", "no credit behind the end of the response", "%d%s", term, s.where())
		}
		if s.credit > maxCredit {
			h.t.violated("C3", "credit of at most 2147483647 in sum", "%d", s.credit)
		}
		return
	case kindChunk:
		h.watchChunk(s, f)
		return
	case kindAbort:
		h.watchText(f)
		s.lastCode, _ = f.reason()
		s.aborted, s.ended, s.abortAt = true, true, h.bytes
	default:
		h.watchOrder(s, f, term)
	}
	s.frames = append(s.frames, f)
}

// watchChunk is S1 and C1 for chunks.
func (h *host) watchChunk(s *stream, f frame) {
	if !s.headed || s.ended {
		h.t.violated("S1", "head, chunks, and fin or trailers", "%v before the head or behind the end%s", f, s.where())
	}
	h.watchBytes(s, f.payload)
}

func (h *host) watchBytes(s *stream, b []byte) {
	s.bytes += int64(len(b))
	h.bytes += int64(len(b))
	if s.bytes > s.window {
		h.t.violated("C1", fmt.Sprintf("at most %d bytes, which is the credit", s.window), "%d bytes%s", s.bytes, s.where())
	}
	if !s.drop {
		s.body = append(s.body, b...)
	}
	if s.generous && len(b) > 0 && !s.ended {
		s.grantLocked(len(b))
	}
}

// watchOrder is S1, R5 and what heads must keep to.
func (h *host) watchOrder(s *stream, f frame, term any) {
	if s.ended {
		h.t.violated("S1", "nothing but abort behind the end of the response", "%v%s", f, s.where())
	}
	switch f.kind {
	case kindEntered:
		if s.entered || s.headed || s.informs > 0 {
			h.t.violated("R5", "entered once, before the response", "another or a late one%s", s.where())
		}
		if !needsEntered(s.method) {
			h.t.violated("R5", "no entered for "+s.method, "entered%s", s.where())
		}
		s.entered = true
		return
	case kindFin, kindTrailers:
		if !s.headed {
			h.t.violated("S1", "head, chunks, and fin or trailers", "%v before the head%s", f, s.where())
		}
		h.watchLength(s)
		s.ended = true
	case kindInform, kindHead, kindReply:
		h.watchHead(s, f, term.(etf.Tuple))
	}
	if needsEntered(s.method) && !s.entered {
		h.t.violated("R5", "entered before the response to "+s.method, "%v%s", f, s.where())
	}
	if f.kind == kindTrailers && len(f.payload) > h.hello.maxHead() {
		h.t.violated("G4", fmt.Sprintf("trailers of at most max_head, %d bytes", h.hello.maxHead()), "%d", len(f.payload))
	}
}

func needsEntered(method string) bool {
	return !slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, method)
}
