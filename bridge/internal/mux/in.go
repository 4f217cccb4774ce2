package mux

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// ErrClosed is what reading a half returns behind Close.
var ErrClosed = errors.New("bridge: half is closed to its reader")

// In is the half of a stream that arrives. Reading it is what gives the host credit
// for more.
type In struct {
	s *Stream

	// mu makes Reads take turns. current is the chunk being read, and off how
	// far it is; they are the reader's own, so that copying needs no lock of
	// the conn's.
	mu      sync.Mutex
	current *Buffer
	off     int
	taken   int // bytes read and not yet accounted for
	sawEOF  bool

	// What follows is guarded by the conn's mutex.
	ended    bool
	closed   bool // by its reader
	unwanted bool // nobody will read what arrives
	onDemand bool // the first credit waits for somebody who asks
	arrived  bufferQueue
	flow     inflow
	wide     int   // by so much the window is wider than it was at first
	grant    int32 // credit that waits for the writer
	length   int64 // of all there will be; -1: unknown
	received int64 // bytes ever
	trailers []wire.Pair
	deadline *deadline
}

func (h *In) open(s *Stream, o *Opening) {
	h.s, h.length, h.onDemand = s, o.Length, o.OnDemand || o.Takeover
	h.ended = o.Length == 0 && !o.Takeover
	h.flow = inflow{window: int32(s.c.cfg.Window), sendable: int32(s.c.cfg.Ready.Window)}
	if h.onDemand {
		h.flow.sendable = 0
	}
}

// Read returns what has arrived, and waits only if nothing has; so does a Read of no
// bytes. After an abort it returns the cause, never a bare EOF, unless it has
// returned that before.
func (h *In) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.next(true); err != nil {
		return 0, err
	}
	n := copy(p, h.current.B[h.off:])
	h.off += n
	h.taken += n
	if h.off == len(h.current.B) {
		h.drop()
	}
	return n, nil
}

// Poll is a Read of no bytes that does not wait. It knows the end by the length, too.
func (h *In) Poll() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next(false)
}

// next sees to it that there is a current chunk, and, where nothing has arrived, waits
// for one.
func (h *In) next(waits bool) error {
	err := h.await(waits)
	h.sawEOF = h.sawEOF || err == io.EOF
	return h.s.told(err)
}

func (h *In) await(waits bool) error {
	s := h.s
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	h.flow.read(h.taken)
	h.taken = 0
	for {
		switch {
		case h.closed:
			return ErrClosed
		case h.sawEOF:
			return io.EOF // whatever has become of the stream since
		case s.cause != nil:
			return s.cause
		}
		if err := h.deadline.err(); err != nil {
			return err
		}
		h.grantMore()
		switch {
		case h.current != nil:
			return nil
		case !h.arrived.empty():
			h.current = h.arrived.pop()
			return nil
		case h.ended, !waits && h.received == h.length:
			h.narrow()
			return io.EOF
		case !waits:
			return nil
		}
		s.cond.Wait()
	}
}

func (h *In) drop() {
	h.current.Free()
	h.current, h.off = nil, 0
}

// AtEnd tells whether somebody has read to the end.
func (h *In) AtEnd() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sawEOF
}

// TakeTrailers returns the fields that came with the end, the first time.
func (h *In) TakeTrailers() []wire.Pair {
	h.s.c.mu.Lock()
	defer h.s.c.mu.Unlock()
	trailers := h.trailers
	h.trailers = nil
	return trailers
}

// Close says that no more is wanted. The host is given no more credit, and ends
// its half when ours has ended.
func (h *In) Close() {
	h.s.c.mu.Lock()
	defer h.s.c.mu.Unlock()
	h.close()
}

func (h *In) close() {
	h.closed = true
	h.refuse()
	h.s.cond.Broadcast()
}

// release gives back what is being read of a half that is closed.
func (h *In) release() {
	h.mu.Lock() // of a Read that was left behind, and that close has woken
	defer h.mu.Unlock()
	if h.current != nil {
		h.drop()
	}
}

// SetDeadline bounds the waiting of Reads; the zero time is none.
func (h *In) SetDeadline(t time.Time) {
	h.s.c.mu.Lock()
	defer h.s.c.mu.Unlock()
	h.deadline = h.deadline.set(t, &h.s.cond)
}

// refuse drops what has arrived and what will.
func (h *In) refuse() {
	h.unwanted = true
	h.arrived.clear()
	h.narrow()
}

// grantMore gives the host credit again where some is due. What the length says will
// not come needs none.
func (h *In) grantMore() {
	if h.ended || h.unwanted {
		return
	}
	left := int64(-1)
	if h.length >= 0 {
		left = h.length - h.received
	}
	if h.flow.isDue() {
		h.widen(left)
	}
	n := h.flow.grant(left)
	if n == 0 {
		return
	}
	h.grant += n
	h.s.c.out.addUrgent(h.s)
	h.s.c.out.kick()
}

// Demand grants the first credit of a half that was opened on demand. It tells
// whether it was the first to ask.
func (h *In) Demand() bool {
	h.s.c.mu.Lock()
	defer h.s.c.mu.Unlock()
	if !h.onDemand || h.received > 0 || h.flow.sendable > 0 || h.s.cause != nil {
		return false
	}
	h.grantMore()
	return true
}

// takeGrant is for the writer.
func (h *In) takeGrant() int {
	n := int(h.grant)
	h.grant = 0
	return n
}

// onChunk takes in a chunk. An abort is for a fault of the host's.
func (h *In) onChunk(p []byte) *Abort {
	n := len(p)
	switch {
	case n == 0 || n > wire.MaxChunk:
		return Abortf(wire.CodeBadPayload, "chunk of %d bytes", n)
	case h.ended:
		return Abortf(wire.CodeBadOrder, "chunk behind the end of the request")
	case !h.flow.arrive(n):
		return Abortf(wire.CodeFlowExceeded, "chunk of %d bytes with credit for %d", n, h.flow.sendable)
	}
	h.received += int64(n)
	if h.length >= 0 && h.received > h.length {
		return Abortf(wire.CodeBadLength, "request body is longer than its length, %d", h.length)
	}
	if h.unwanted {
		return nil
	}
	h.store(p)
	h.s.cond.Broadcast()
	return nil
}

// store copies a chunk, into the last one's buffer first: chunks of a few bytes
// must not cost a buffer each, or a window of them would cost gigabytes.
func (h *In) store(p []byte) {
	if last := h.arrived.last; last != nil {
		n := min(len(p), cap(last.B)-len(last.B))
		last.B = append(last.B, p[:n]...)
		p = p[n:]
	}
	if len(p) > 0 {
		b := NewBuffer(len(p))
		b.B = append(b.B, p...)
		h.arrived.push(b)
	}
}

// onEnd is the end of the half, with trailing fields or none.
func (h *In) onEnd(trailers []wire.Pair) *Abort {
	switch {
	case h.ended:
		return Abortf(wire.CodeBadOrder, "a second end of the request")
	case h.length > h.received:
		return Abortf(wire.CodeBadLength, "request body of %d bytes ends after %d", h.length, h.received)
	}
	h.trailers = trailers
	h.ended = true
	h.s.cond.Broadcast()
	if h.s.Out.ended {
		h.s.c.forget(h.s)
	}
	return nil
}

func (h *In) onTrailers(payload []byte) *Abort {
	if h.s.taken {
		return Abortf(wire.CodeBadOrder, "trailers behind takeover")
	}
	if most := h.s.c.cfg.Ready.MaxHead; len(payload) > most {
		return Abortf(wire.CodeTooLarge, "trailers of %d bytes, expected at most %d", len(payload), most)
	}
	trailers, err := wire.DecodePairs(string(payload))
	if err != nil {
		return BadPayload(wire.KindTrailers, err)
	}
	return h.onEnd(trailers)
}

// shut ends the half with its stream.
func (h *In) shut() {
	h.ended, h.grant = true, 0
	h.arrived.clear()
	h.narrow()
}
