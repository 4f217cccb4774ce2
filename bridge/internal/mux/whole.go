package mux

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// A response whose head says how long it is may be written in pieces and still go as
// one frame, a reply: to everybody on its way that is one message instead of five.
// Whether it does is found out when the writer comes to it. So nobody waits for a
// handler that is slow, or has flushed: what it has written by then goes as head and
// chunks. For others the head is kept back a moment, or the writer would be faster
// than they are.

// holds tells whether what waits is not to be written yet, now that f is the last of
// it. There is credit for all of the body, or the handler would wait for what the host
// grants when it has seen something of it.
func (h *Out) holds(f *Buffer) bool {
	if f.Whole > 0 && f.Whole <= int(h.flow) && !h.s.inTurn {
		h.held = true
		h.s.c.hold(h.s)
	}
	return h.held && (f.Kind == wire.KindHead || f.Kind == wire.KindChunk)
}

// release lets the writer have what waits.
func (h *Out) release() {
	h.held = false
	if h.paced {
		h.paced = false
		h.s.cond.Broadcast()
	}
	if !h.waiting.empty() {
		h.s.c.out.addTurn(h.s)
	}
}

// Flush sees to it that what was queued is written now.
func (h *Out) Flush() {
	h.s.c.mu.Lock()
	defer h.s.c.mu.Unlock()
	if h.held {
		h.release()
	}
}

// hold keeps a stream back for holdTime at most. One timer serves all that are held
// meanwhile, so some are let go earlier.
func (c *Conn) hold(s *Stream) {
	switch {
	case c.out.holdTimer == nil:
		c.out.holdTimer = time.AfterFunc(holdTime, c.releaseHeld)
	case c.out.held.empty():
		c.out.holdTimer.Reset(holdTime)
	}
	c.out.held.push(s)
}

func (c *Conn) releaseHeld() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.out.held.empty() {
		if s := c.out.held.pop(); s.Out.held || s.Out.paced {
			s.Out.release()
		}
	}
}

// isWhole tells whether a whole response waits that may go as a reply: head, chunks
// and fin.
func (h *Out) isWhole() bool {
	head := h.waiting.first
	if head == nil || head.Whole == 0 || h.waiting.last.Kind != wire.KindFin {
		return false
	}
	left := head.Whole
	for f := head.next; f.Kind == wire.KindChunk; f = f.next {
		left -= f.Payload()
	}
	return left == 0
}

// takeWhole moves it into a batch.
func (h *Out) takeWhole(b *batch) {
	head := h.waiting.pop()
	head.Kind = wire.KindReply
	head.B = wire.BeginReply(head.B, wire.ChunkRoom, head.Whole)
	wire.AppendStreamHead(head.B[:0], head.Kind, h.s.id, head.Payload()+head.Whole)
	b.add(head)
	for h.waiting.first.Kind == wire.KindChunk {
		f := h.waiting.pop()
		f.tail = true
		b.add(f)
	}
	h.waiting.pop().Free()
	h.end()
}

func (b *batch) add(f *Buffer) {
	b.frames = append(b.frames, f)
	b.size += len(f.written())
}
