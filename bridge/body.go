package bridge

import (
	"io"
	"net/http"
	"sync"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// body is the request's body as the handler reads it. Reading is what gives the
// host credit for more.
type body struct {
	s *stream

	// mu makes Reads take turns. current is the chunk being read, and off how
	// far it is; they are the reader's own, so that copying needs no lock of
	// the conn's.
	mu      sync.Mutex
	current *buffer
	off     int
	taken   int // bytes read and not yet accounted for
	sawEOF  bool

	closed bool // guarded by the conn's mutex
}

// Read returns what has arrived, and waits only if nothing has. After an abort
// it returns the cause, never a bare EOF.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.next(len(p) == 0); err != nil {
		b.sawEOF = err == io.EOF
		return 0, b.s.told(err)
	}
	if b.current == nil {
		return 0, nil
	}
	n := copy(p, b.current.b[b.off:])
	b.off += n
	b.taken += n
	if b.off == len(b.current.b) {
		b.drop()
	}
	return n, nil
}

// next sees to it that there is a current chunk, if one is wanted: a Read of no
// bytes waits where it does under net/http, for the end on HTTP/2 and for the next
// chunk on HTTP/1, and not where HTTP/1 knows a length.
func (b *body) next(isForNone bool) error {
	s := b.s
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.buffered -= b.taken
	b.taken = 0
	for {
		switch {
		case b.closed && s.request.Major > 1 && (b.sawEOF || s.request.Length == 0):
			return io.EOF // which net/http's body forgets on HTTP/1 only
		case b.closed:
			return http.ErrBodyReadAfterClose
		case b.sawEOF:
			return io.EOF // whatever has become of the stream since
		case s.cause != nil:
			return s.cause
		}
		if err := s.readDeadline.err(); err != nil {
			return err
		}
		s.grantMore()
		switch {
		case b.current != nil:
			return nil
		case !s.arrived.empty():
			b.current = s.arrived.pop()
			return nil
		case s.remoteEnded:
			b.setTrailer()
			return io.EOF
		case isForNone && s.request.Major == 1 && s.received == s.request.Length:
			return io.EOF
		case isForNone && s.request.Major == 1 && s.request.Length >= 0:
			return nil
		}
		s.cond.Wait()
	}
}

// setTrailer shows the trailing fields to the handler that has read all before
// them: it is its goroutine that runs here.
func (b *body) setTrailer() {
	s := b.s
	if len(s.trailers) > 0 {
		s.request.mergeTrailer(s.response.req, s.trailers)
		s.trailers = nil
	}
}

func (b *body) drop() {
	b.current.free()
	b.current, b.off = nil, 0
}

// Close says that no more is wanted. The host is given no more credit, and ends
// its half when the response has ended.
func (b *body) Close() error {
	s := b.s
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	b.closed = true
	s.refuseBody()
	s.cond.Broadcast()
	return nil
}

// finish closes the body behind a handler that has returned.
func (b *body) finish() {
	_ = b.Close()
	b.mu.Lock() // of a Read that was left behind, and that Close has woken
	defer b.mu.Unlock()
	if b.current != nil {
		b.drop()
	}
}

// refuseBody drops what has arrived and what will.
func (s *stream) refuseBody() {
	s.unwanted = true
	s.arrived.clear()
}

// grantMore gives the host credit again when half of the window is free, so that
// it has some while the app reads on [C4]. What the length says will not come
// needs none.
func (s *stream) grantMore() {
	if s.remoteEnded || s.unwanted {
		return
	}
	free := s.c.set.window - s.sendable - s.buffered
	if free < max(1, s.c.set.window/2) {
		return
	}
	if s.request.Length >= 0 {
		free = int(min(int64(free), s.request.Length-s.received-int64(s.sendable)))
	}
	if free <= 0 {
		return
	}
	s.sendable += free
	s.grant += free
	s.c.out.addUrgent(s)
	s.c.out.kick()
}

// goAhead grants the first credit to a client that waits for 100 Continue, which
// is what makes the host send it. It tells whether there was such a client.
func (s *stream) goAhead() bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if !s.request.Expects || s.received > 0 || s.sendable > 0 || s.cause != nil {
		return false
	}
	s.grantMore()
	return true
}

// onChunk takes in a piece of the body. An error is the host's fault.
func (s *stream) onChunk(p []byte) *AbortError {
	n := len(p)
	switch {
	case n == 0 || n > wire.MaxChunk:
		return abort(CodeBadPayload, "chunk of %d bytes", n)
	case s.remoteEnded:
		return abort(CodeBadOrder, "chunk behind the end of the request")
	case n > s.sendable:
		return abort(CodeFlowExceeded, "chunk of %d bytes with credit for %d", n, s.sendable)
	}
	s.sendable -= n
	s.received += int64(n)
	if s.request.Length >= 0 && s.received > s.request.Length {
		return abort(CodeBadLength, "request body is longer than its length, %d", s.request.Length)
	}
	if s.unwanted {
		return nil
	}
	s.buffered += n
	s.store(p)
	s.cond.Broadcast()
	return nil
}

// store copies a chunk, into the last one's buffer first: chunks of a few bytes
// must not cost a buffer each, or a window of them would cost gigabytes.
func (s *stream) store(p []byte) {
	if last := s.arrived.last; last != nil {
		n := min(len(p), cap(last.b)-len(last.b))
		last.b = append(last.b, p[:n]...)
		p = p[n:]
	}
	if len(p) > 0 {
		b := newBuffer(len(p))
		b.b = append(b.b, p...)
		s.arrived.push(b)
	}
}

// onEnd is the end of the request half, with trailing fields or none.
func (s *stream) onEnd(trailers []wire.Pair) *AbortError {
	switch {
	case s.remoteEnded:
		return abort(CodeBadOrder, "a second end of the request")
	case s.request.Length > s.received:
		return abort(CodeBadLength, "request body of %d bytes ends after %d", s.request.Length, s.received)
	}
	s.trailers = trailers
	s.endRemote()
	return nil
}
