package mux

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// Out is the half of a stream that we send: frames on their way to the writer. Bytes
// of a body are queued against credit and never without it, so that what a stream
// can hold in memory is bounded by the window that the host has given it [C1].
//
// The errors of its methods are the stream's cause, or os.ErrDeadlineExceeded.
//
// All of it is guarded by the conn's mutex.
type Out struct {
	s *Stream

	ended    bool // the end is written, or replaced by an abort
	flow     outflow
	waiting  bufferQueue // for the writer
	held     bool        // what waits is kept back, for more of it is likely to come
	paced    bool        // so is it where too many small pieces have come
	failure  error       // the cause, if an abort is queued behind what was flushed
	deadline *deadline

	file  int64 // length of a file that the host has not answered for; 0: none
	taken int64 // its answer
}

func (h *Out) open(s *Stream, o *Opening) {
	h.s, h.flow = s, outflow(o.Window)
}

// err is why no more can be sent. As with a net.Conn, the deadline is one for
// all that is sent after it, and not only for who waits.
func (h *Out) err() error {
	switch {
	case h.s.cause != nil:
		return h.s.cause
	case h.failure != nil:
		return h.failure // nothing goes behind the abort
	}
	return h.deadline.err()
}

// awaitCredit waits until there is some.
func (h *Out) awaitCredit() error {
	for {
		if err := h.err(); err != nil {
			return err
		}
		if h.flow > 0 {
			return nil
		}
		h.s.cond.Wait()
	}
}

// Reserve waits for credit, and takes up to n bytes of it and at least one. What they
// are needed for is copied outside of the lock.
func (h *Out) Reserve(n int) (int, error) {
	h.s.c.mu.Lock()
	err := h.awaitCredit()
	if err == nil {
		n = h.flow.take(n)
	}
	h.s.c.mu.Unlock()
	if err != nil {
		return 0, h.s.told(err)
	}
	return n, nil
}

// Queue takes a frame over that costs no credit, or whose credit is reserved. One
// that ends the half is the last.
func (h *Out) Queue(f *Buffer) error {
	h.s.c.mu.Lock()
	err := h.err()
	if err != nil {
		f.Free()
	} else {
		h.push(f)
		err = h.awaitPace()
	}
	h.s.c.mu.Unlock()
	return h.s.told(err)
}

// QueueReply takes over a reply whose body has n bytes, and queues it if there is credit
// for all of them. It tells whether it has; if not, and without an error, the response
// has to be sent in pieces.
func (h *Out) QueueReply(f *Buffer, n int) (bool, error) {
	h.s.c.mu.Lock()
	err := h.err()
	queued := err == nil && h.flow.takeAll(n)
	if queued {
		h.push(f)
	}
	h.s.c.mu.Unlock()
	if !queued {
		f.Free()
	}
	return queued, h.s.told(err)
}

// QueueChunk takes over a chunk that stands in its frame already, and waits for its
// credit. Only where that is short are its bytes copied.
func (h *Out) QueueChunk(f *Buffer) error {
	h.s.c.mu.Lock()
	err := h.awaitCredit()
	if err == nil && h.flow.takeAll(f.Payload()) {
		h.push(f)
		err = h.awaitPace()
		h.s.c.mu.Unlock()
		return h.s.told(err)
	}
	h.s.c.mu.Unlock()
	if err == nil {
		_, err = Send(h, f.B[wire.ChunkRoom:])
	}
	f.Free()
	return h.s.told(err)
}

// QueueFile takes over the frame of a file with n bytes, and waits until the host is
// through with it. It returns how many of them the host has taken; the rest is to be
// sent in chunks. Nothing else may be queued meanwhile.
func (h *Out) QueueFile(f *Buffer, n int64) (int64, error) {
	h.s.c.mu.Lock()
	err := h.err()
	if err == nil {
		h.file = n
		h.push(f)
		err = h.awaitTaken()
	} else {
		f.Free()
	}
	taken := h.taken
	h.s.c.mu.Unlock()
	if err != nil {
		return 0, h.s.told(err)
	}
	return taken, nil
}

func (h *Out) awaitTaken() error {
	for h.file > 0 {
		if err := h.err(); err != nil {
			return err
		}
		h.s.cond.Wait()
	}
	return nil
}

// A Sender is where chunks go: an Out, or what stands in for one.
type Sender interface {
	Reserve(n int) (int, error)
	Queue(f *Buffer) error
}

// Send queues bytes of a body, as credit comes. It returns how many it has queued.
func Send[T ~[]byte | ~string](to Sender, p T) (sent int, err error) {
	for sent < len(p) {
		n, err := to.Reserve(min(len(p)-sent, wire.MaxChunk))
		if err != nil {
			return sent, err
		}
		f := NewFrame(wire.KindChunk, n)
		f.B = append(f.B, p[sent:sent+n]...)
		if err := to.Queue(f); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// push queues a frame. Small chunks join the one before, as long as that is not
// written: a handler that flushes each byte would else hold a buffer for each.
func (h *Out) push(f *Buffer) {
	if f.Kind != wire.KindChunk {
		h.waiting.push(f)
	} else if last := h.roomFor(f.Payload()); last != nil {
		last.B = append(last.B, f.B[wire.ChunkRoom:]...)
		last.pieces++
		f.Free()
		f = last
	} else {
		h.waiting.push(f)
	}
	if !h.holds(f) && !h.gathers(f) {
		h.release()
	}
}

// Broken is the cause if the stream was aborted. It takes no lock, since every Write asks.
func (h *Out) Broken() error {
	if !h.s.gone.Load() {
		return nil
	}
	return h.s.told(h.s.cause)
}

// fail ends the stream, behind what waits. It tells whether it has not ended anyway.
func (h *Out) fail(a *Abort, cause error) bool {
	switch {
	case h.s.closed() || h.failure != nil:
		return false
	case h.waiting.empty():
		return h.s.abortLocked(a, cause)
	}
	h.failure = cause
	f := NewFrame(wire.KindAbort, len(a.Text)+wire.ReasonRoom)
	f.B = wire.AppendReason(f.B, int(a.Code), a.Text)
	h.push(f)
	return true
}

// SetDeadline bounds what is sent after it; the zero time is none.
func (h *Out) SetDeadline(t time.Time) {
	h.s.c.mu.Lock()
	defer h.s.c.mu.Unlock()
	h.deadline = h.deadline.set(t, &h.s.cond)
}

// onCredit is a grant of the host's.
func (h *Out) onCredit(n int64) *Abort {
	if h.ended {
		return nil // [C5]
	}
	if !h.flow.grant(n) {
		return Abortf(wire.CodeBadCredit, "a grant of %d on top of %d", n, h.flow)
	}
	h.s.cond.Broadcast()
	return nil
}

// onTaken is the host's word that it is through with a file.
func (h *Out) onTaken(n int64) *Abort {
	switch {
	case h.file == 0:
		return Abortf(wire.CodeBadOrder, "taken, and no file was sent")
	case n > h.file:
		return Abortf(wire.CodeBadPayload, "%d bytes taken of a file of %d", n, h.file)
	}
	h.file, h.taken = 0, n
	h.s.cond.Broadcast()
	return nil
}

// isBulk tells whether the next turn is one of many bytes.
func (h *Out) isBulk() bool {
	first := h.waiting.first
	if first == nil {
		return false
	}
	n := first.Payload() + first.Whole
	if first.next != nil {
		n += first.next.Payload()
	}
	return n >= bulkSize
}

// takeTurn moves frames into a batch, up to a chunk and what ends the half right
// behind it, or a whole response. It tells whether there are more.
func (h *Out) takeTurn(b *batch) bool {
	if h.isWhole() {
		h.takeWhole(b)
		return false
	}
	for chunks := 0; !h.waiting.empty(); {
		if h.waiting.first.Kind == wire.KindChunk {
			if chunks == 1 {
				return true
			}
			chunks++
		}
		f := h.waiting.pop()
		if h.s.closed() { // by an end that the abort stood behind
			f.Free()
			continue
		}
		if f.isHasty() {
			h.pace()
		}
		f.seal(h.s.id)
		b.add(f)
		switch f.Kind {
		case wire.KindAbort:
			h.s.shut(h.failure)
			return false
		case wire.KindFin, wire.KindTrailers, wire.KindReply:
			h.end()
		}
	}
	return false
}

// end is called when the end of the half has been taken to be written. What of the
// other half is still to come is the host's to break off [S2]; until it does, it
// is discarded. In a stream that was taken over the other direction goes on [U4].
func (h *Out) end() {
	h.ended = true
	if !h.s.taken {
		h.s.In.refuse()
	}
	if h.s.In.ended {
		h.s.c.forget(h.s)
	}
}

// shut ends the half with its stream.
func (h *Out) shut() {
	h.ended, h.held, h.paced = true, false, false
	h.waiting.clear()
}
