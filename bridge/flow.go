package bridge

// The response half: what a handler writes, on its way to the writer. Body bytes
// are queued against credit and never without it, so that what a stream can
// hold in memory is bounded by the window that the host has given it [C1].

// awaitCredit waits until the stream has some.
func (s *stream) awaitCredit() error {
	for {
		if s.cause != nil {
			return s.cause
		}
		if err := s.writeDeadline.err(); err != nil {
			return err
		}
		if s.credit > 0 {
			return nil
		}
		s.cond.Wait()
	}
}

// send queues body bytes, as credit comes. It returns how many it has queued.
func send[T ~[]byte | ~string](s *stream, p T) (sent int, err error) {
	for sent < len(p) {
		n, err := s.reserve(min(len(p)-sent, maxChunk))
		if err != nil {
			return sent, err
		}
		f := newFrame(kindChunk, n)
		f.b = append(f.b, p[sent:sent+n]...)
		if err := s.queue(f); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

// reserve takes up to n bytes of credit, and at least one. What they are needed
// for is copied outside of the lock.
func (s *stream) reserve(n int) (int, error) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if err := s.awaitCredit(); err != nil {
		return 0, err
	}
	n = min(n, s.credit)
	s.credit -= n
	return n, nil
}

// sendBuffer queues a chunk that stands in its frame already, and takes it over.
// Only where credit is short are its bytes copied.
func (s *stream) sendBuffer(f *buffer) error {
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
		_, err = send(s, f.b[chunkRoom:])
	}
	f.free()
	return err
}

// queue queues a frame that costs no credit, or whose credit is taken.
func (s *stream) queue(f *buffer) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.cause != nil {
		f.free()
		return s.cause
	}
	s.push(f)
	return nil
}

// tryReserve takes n bytes of credit if there are so many.
func (s *stream) tryReserve(n int) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if n > s.credit {
		return false
	}
	s.credit -= n
	return true
}

// push queues a frame. Small chunks join the one before, as long as that is not
// written: a handler that flushes each byte would else hold a buffer for each.
func (s *stream) push(f *buffer) {
	if last := s.out.last; last != nil && f.kind == kindChunk && last.kind == kindChunk && f.payload() <= last.room() {
		last.b = append(last.b, f.b[chunkRoom:]...)
		f.free()
		return
	}
	s.out.push(f)
	s.c.out.addTurn(s)
}

// aborted returns the cause if the stream was aborted.
func (s *stream) aborted() error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if s.cause != nil {
		return s.cause
	}
	return nil
}

// onCredit is a grant of the host's.
func (s *stream) onCredit(n int64) *AbortError {
	if s.localEnded {
		return nil // [C5]
	}
	if n < 1 || n > maxCredit-int64(s.credit) {
		return abort(CodeBadCredit, "a grant of %d on top of %d", n, s.credit)
	}
	s.credit += int(n)
	s.cond.Broadcast()
	return nil
}
