package check

import (
	"io"
	"sync"
	"time"
)

// side is what both sides of the wire are made of: host, which plays the BEAM's,
// and mirror, which plays the program's. A lock guards all that a side knows, and
// each change wakes who waits for one.
type side struct {
	mu      sync.Mutex
	changed sync.Cond // something has arrived, or time is up
	unsent  [][]byte
	writing bool
}

// init must be called before the side is used, because a sync.Cond needs its lock.
func (s *side) init() { s.changed.L = &s.mu }

// await waits until done, which is asked under the lock, or until patience is at
// an end.
func (s *side) await(patience time.Duration, done func() bool) bool {
	late := false
	timer := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !done() && !late {
		s.changed.Wait()
	}
	return done()
}

// holds asks done under the lock.
func (s *side) holds(done func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return done()
}

// send sends a frame, whatever it is. Sending never waits.
func (s *side) send(f frame) { s.sendRaw(f.bytes()) }

// sendTerm sends a frame whose payload is a term.
func (s *side) sendTerm(k kind, stream uint32, term any) { s.send(frame{k, stream, payload(term)}) }

// sendRaw sends bytes in a write of their own.
func (s *side) sendRaw(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(b)
}

// queue is sendRaw for who has the lock.
func (s *side) queue(b []byte) {
	s.unsent = append(s.unsent, b)
	s.changed.Broadcast()
}

// write is the goroutine that writes, until over, which is asked under the lock.
// That nobody reads is no failure: some checks want the other side to end.
func (s *side) write(to io.Writer, over func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.unsent) == 0 && !over() {
			s.changed.Wait()
		}
		if over() {
			return
		}
		b := s.unsent[0]
		s.unsent, s.writing = s.unsent[1:], true
		s.mu.Unlock()
		_, err := to.Write(b)
		s.mu.Lock()
		s.writing = false
		if err != nil {
			s.unsent = nil
		}
		s.changed.Broadcast()
	}
}

// isWritten tells whether all that was sent is in the pipe.
func (s *side) isWritten() bool { return len(s.unsent) == 0 && !s.writing }
