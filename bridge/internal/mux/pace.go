package mux

import "github.com/gwport/gwport/bridge/internal/wire"

// A handler that flushes a few bytes at a time, and does so faster than the writer
// writes, costs everybody on the way of each frame as much as a large one would, and
// has a processor for itself. It is told by what has gathered when the writer comes
// to it: a chunk of many pieces that is small all the same. What it flushes next is
// gathered for holdTime, unless it is enough for a frame before. So its first bytes
// are not late, nor are those of a handler that waits between its flushes.

// isHasty tells whether a chunk that is written now is of many small pieces.
func (b *Buffer) isHasty() bool {
	return b.Kind == wire.KindChunk && b.pieces >= hastyPieces && b.Payload() < gatheredSize
}

// pace has what is queued next wait.
func (h *Out) pace() {
	h.paced = true
	h.s.c.hold(h.s)
}

// gathers tells whether f is to wait for more.
func (h *Out) gathers(f *Buffer) bool {
	return h.paced && f == h.waiting.first && f.Kind == wire.KindChunk && f.Payload() < gatheredSize
}

// roomFor is the chunk that n more bytes may join, if that waits: what is gathered
// stands in one frame.
func (h *Out) roomFor(n int) *Buffer {
	last := h.waiting.last
	switch {
	case last == nil || last.Kind != wire.KindChunk:
		return nil
	case n <= last.room():
		return last
	case !h.gathers(last) || last.Payload()+n > gatheredSize:
		return nil
	}
	h.waiting.pop()
	larger := NewFrame(wire.KindChunk, gatheredSize)
	larger.B = append(larger.B, last.B[wire.ChunkRoom:]...)
	larger.pieces = last.pieces
	last.Free()
	h.waiting.push(larger)
	return larger
}

// awaitPace lets a handler wait that has queued many pieces which are gathered. What ends
// the half ends the waiting, with an error.
func (h *Out) awaitPace() error {
	for h.paced && h.waiting.last != nil && h.waiting.last.pieces >= gatheredPieces {
		h.s.cond.Wait()
		if err := h.err(); err != nil {
			return err
		}
	}
	return nil
}
