package bridge

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// The response half: what a handler writes, on its way to the writer. Body bytes
// are queued against credit and never without it, so that what a stream can
// hold in memory is bounded by the window that the host has given it [C1].

// awaitCredit waits until the stream has some.
func (s *stream) awaitCredit() error {
	for {
		if err := s.ended(); err != nil {
			return err
		}
		if s.credit > 0 {
			return nil
		}
		s.cond.Wait()
	}
}

// reserve takes up to n bytes of credit, and at least one. What they are needed
// for is copied outside of the lock.
func (s *stream) reserve(n int) (int, error) {
	s.c.mu.Lock()
	err := s.awaitCredit()
	if err == nil {
		n = min(n, s.credit)
		s.credit -= n
	}
	s.c.mu.Unlock()
	if err != nil {
		return 0, s.told(err)
	}
	return n, nil
}

// queueChunk queues a chunk that stands in its frame already, and takes it over.
// Only where credit is short are its bytes copied.
func (s *stream) queueChunk(f *buffer) error {
	s.c.mu.Lock()
	err := s.awaitCredit()
	if n := f.payload(); err == nil && n <= s.credit {
		s.credit -= n
		s.push(f)
		s.c.mu.Unlock()
		return nil
	}
	s.c.mu.Unlock()
	if err == nil {
		_, err = send(s, f.b[wire.ChunkRoom:])
	}
	f.free()
	return s.told(err)
}

// queue queues a frame that costs no credit, or whose credit is taken.
func (s *stream) queue(f *buffer) error {
	s.c.mu.Lock()
	err := s.ended()
	if err == nil {
		s.push(f)
	}
	s.c.mu.Unlock()
	if err != nil {
		f.free()
	}
	return s.told(err)
}

// tryReserve takes n bytes of credit if there are so many.
func (s *stream) tryReserve(n int) (bool, error) {
	s.c.mu.Lock()
	err := s.ended()
	enough := err == nil && n <= s.credit
	if enough {
		s.credit -= n
	}
	s.c.mu.Unlock()
	return enough, s.told(err)
}

// ended is why no more can be sent. As with a net.Conn, the deadline is one for
// all that is sent after it, and not only for who waits.
func (s *stream) ended() error {
	if s.cause != nil {
		return s.cause
	}
	return s.writeDeadline.err()
}

// push queues a frame. Small chunks join the one before, as long as that is not
// written: a handler that flushes each byte would else hold a buffer for each.
func (s *stream) push(f *buffer) {
	if last := s.out.last; last != nil && f.kind == wire.KindChunk && last.kind == wire.KindChunk && f.payload() <= last.room() {
		last.b = append(last.b, f.b[wire.ChunkRoom:]...)
		f.free()
		return
	}
	s.out.push(f)
	s.c.out.addTurn(s)
}

// broken returns the cause if the stream was aborted.
func (s *stream) broken() error {
	s.c.mu.Lock()
	cause := s.cause
	s.c.mu.Unlock()
	if cause == nil {
		return nil
	}
	return s.told(cause)
}

// fail ends the stream from our side, behind what the handler has flushed: that
// is the client's to see before its response breaks off.
func (s *stream) fail(cause *AbortError) {
	s.c.mu.Lock()
	switch {
	case s.closed() || s.failure != nil:
		cause = nil
	case s.out.empty():
		s.abortLocked(cause)
	default:
		s.failure = cause
		f := newFrame(wire.KindAbort, len(cause.Text)+wire.ReasonRoom)
		f.b = wire.AppendReason(f.b, int(cause.Code), cause.Text)
		s.push(f)
	}
	s.c.mu.Unlock()
	if cause != nil {
		s.cancel(cause)
	}
}

func (s *stream) setReadDeadline(t time.Time) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.readDeadline.set(t, &s.cond)
	return nil
}

func (s *stream) setWriteDeadline(t time.Time) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.writeDeadline.set(t, &s.cond)
	return nil
}

// onCredit is a grant of the host's.
func (s *stream) onCredit(n int64) *AbortError {
	if s.localEnded {
		return nil // [C5]
	}
	if n < 1 || n > wire.MaxCredit-int64(s.credit) {
		return abort(CodeBadCredit, "a grant of %d on top of %d", n, s.credit)
	}
	s.credit += int(n)
	s.cond.Broadcast()
	return nil
}
