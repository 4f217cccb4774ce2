package bridgetest

import (
	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/etf"
)

// A Stream is one stream, frame by frame.
type Stream struct {
	ID uint32
	h  *Host
	in *mailbox
}

// Open opens a stream.
func (h *Host) Open(r Request) *Stream {
	h.t.Helper()
	s := h.NewStream()
	h.Send(Frame{Kind: Open, Stream: s.ID, Payload: r.Open()})
	return s
}

// NewStream takes the next stream number and leaves the opening to the test.
func (h *Host) NewStream() *Stream {
	h.mu.Lock()
	id := h.next
	h.next += 2
	h.mu.Unlock()
	return &Stream{ID: id, h: h, in: h.mailbox(id)}
}

// Next returns the stream's next frame. At the end of the wire the test fails.
func (s *Stream) Next() Frame {
	s.h.t.Helper()
	f, ok := s.h.take(s.in, "one of the stream")
	if !ok {
		s.h.t.Fatal("bridgetest: the wire has ended, expected a frame of the stream")
	}
	return f
}

// Expect returns the stream's next frame, which must be of the kind.
func (s *Stream) Expect(k Kind) Frame {
	s.h.t.Helper()
	f := s.Next()
	if f.Kind != k {
		s.h.t.Fatalf("bridgetest: %v, expected %v: %q", f.Kind, k, f.Payload)
	}
	return f
}

// Pending tells how many frames of the stream have arrived and are not taken.
func (s *Stream) Pending() int {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return len(s.in.frames)
}

// Chunk sends a piece of the request's body, without asking for credit.
func (s *Stream) Chunk(b []byte) { s.h.Send(Frame{Kind: Chunk, Stream: s.ID, Payload: b}) }

// Fin ends the request.
func (s *Stream) Fin() { s.h.SendTerm(Fin, s.ID, etf.List{}) }

// Trailers ends the request with trailing fields.
func (s *Stream) Trailers(t []bridge.Header) { s.h.SendTerm(Trailers, s.ID, pairsTerm(t)) }

// Grant gives credit for n more bytes of the response.
func (s *Stream) Grant(n int) { s.h.SendTerm(Credit, s.ID, n) }

// Abort aborts the stream.
func (s *Stream) Abort(code bridge.Code, text string) {
	s.h.SendTerm(Abort, s.ID, etf.Tuple{int(code), text})
}
