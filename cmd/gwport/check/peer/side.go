// Package peer is what both players of gwport check are made of: the host that a
// program is checked by (package program), and the program that a host is checked
// by (package host). It has the wire with its buffers, the watch that holds all
// that the other side writes against the rules that bind always, and the scripts.
package peer

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
)

// Side is one side of a wire. A lock guards all that a side knows, and each change
// wakes who waits for one. One goroutine reads, another writes, so that sending
// never waits.
type Side struct {
	Mu    sync.Mutex
	Stops func() bool // that nothing is written any more, asked under the lock
	From  string      // what is read from: standard output, or standard input

	Patience func() time.Duration // for what must come

	Fault     *frames.Frame // the other side's
	Ended     bool          // the end of what it writes
	ReadErr   error         // why, if it was not between two frames
	Pongs     map[int64]int
	PongAt    int64 // how many bytes of bodies had come before the last pong
	Arrived   int64 // bytes of bodies, of all streams
	mark      int64 // of them, when the reading last stopped or went on
	Highest   uint32
	slow      bool // what it writes is read a little at a time
	held      bool // it is not read
	changed   sync.Cond
	unsent    [][]byte
	isWriting bool
	gathers   bool // what is sent is kept until Flush
	gathered  []byte
}

// Init must be called before the side is used, because a sync.Cond needs its lock.
func (s *Side) Init() {
	s.changed.L = &s.Mu
	s.Pongs, s.Highest = make(map[int64]int), frames.FirstStream-1
}

// Changed wakes who waits. The caller holds the lock.
func (s *Side) Changed() { s.changed.Broadcast() }

// Locked does something under the lock, which may be what somebody waits for.
func (s *Side) Locked(do func()) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	do()
	s.changed.Broadcast()
}

// Holds asks done under the lock.
func (s *Side) Holds(done func() bool) bool {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	return done()
}

// Wait waits for done, which is asked under the lock, however long it takes.
func (s *Side) Wait(done func() bool) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for !done() {
		s.changed.Wait()
	}
}

// Await waits until done, or until patience is at an end.
func (s *Side) Await(patience time.Duration, done func() bool) bool {
	late := false
	timer := time.AfterFunc(patience, func() { s.Locked(func() { late = true }) })
	defer timer.Stop()
	s.Wait(func() bool { return done() || late })
	return s.Holds(done)
}

// AwaitOr fails the check if what is expected does not come.
func (s *Side) AwaitOr(expected string, done func() bool) {
	patience := s.Patience()
	if !s.Await(patience, func() bool { return done() || s.Ended }) || !s.Holds(done) {
		Fail(s.Nothing(patience), expected)
	}
}

// Nothing says what came instead of what was expected.
func (s *Side) Nothing(patience time.Duration) string {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	switch {
	case s.Fault != nil:
		return s.Fault.String()
	case s.ReadErr != nil:
		return fmt.Sprintf("the end of %s within a frame: %v", s.From, s.ReadErr)
	case s.Ended:
		return "the end of " + s.From
	}
	return fmt.Sprintf("nothing for %v", patience)
}

// Send sends a frame, whatever it is. Sending never waits.
func (s *Side) Send(k frames.Kind, stream uint32, payload []byte) {
	s.SendRaw(frames.New(k, stream, payload).Append(nil))
}

// SendTerm sends a frame whose payload is a term.
func (s *Side) SendTerm(k frames.Kind, stream uint32, term any) { s.Send(k, stream, Payload(term)) }

// SendRaw sends bytes in a write of their own.
func (s *Side) SendRaw(b []byte) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.queue(b)
}

func (s *Side) queue(b []byte) {
	if s.gathers {
		s.gathered = append(s.gathered, b...)
		return
	}
	s.unsent = append(s.unsent, b)
	s.changed.Broadcast()
}

// Gather keeps what is sent from here on for Flush, which sends it in one write, or
// in single bytes.
func (s *Side) Gather() { s.Locked(func() { s.gathers = true }) }

// Flush sends what was gathered.
func (s *Side) Flush(inBytes bool) {
	s.Locked(func() {
		b := s.gathered
		s.gathers, s.gathered = false, nil
		for n := len(b); len(b) > 0; b = b[n:] {
			if inBytes {
				n = 1
			}
			s.queue(b[:n:n])
		}
	})
}

// Queue is SendTerm for who has the lock.
func (s *Side) Queue(k frames.Kind, stream uint32, term any) {
	s.queue(frames.New(k, stream, Payload(term)).Append(nil))
}

// Write is the goroutine that writes. That nobody reads is no failure: some checks
// want the other side to end.
func (s *Side) Write(to io.Writer) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for {
		for len(s.unsent) == 0 && !s.Stops() {
			s.changed.Wait()
		}
		if s.Stops() {
			return
		}
		b := s.unsent[0]
		s.unsent, s.isWriting = s.unsent[1:], true
		s.Mu.Unlock()
		_, err := to.Write(b)
		s.Mu.Lock()
		s.isWriting = false
		if err != nil {
			s.unsent = nil
		}
		s.changed.Broadcast()
	}
}

// IsQueueEmpty tells whether all that was sent has been taken to be written.
func (s *Side) IsQueueEmpty() bool { return len(s.unsent) == 0 }

// IsWritten tells whether it is in the pipe.
func (s *Side) IsWritten() bool { return len(s.unsent) == 0 && !s.isWriting }

// Flood sends a frame 64 times. Of 65,536 bytes that is 4 MiB, more than any
// buffer on the way: who has read most of it has read what was sent before.
func (s *Side) Flood(f frames.Frame) {
	for range 64 {
		s.Send(f.Kind, f.Stream, f.Payload)
	}
	s.AwaitOr("4 MiB read by who is not read from", s.IsWritten)
}

// NextPing returns the integer of a ping that is to be sent.
func (s *Side) NextPing() (n int64) {
	s.Locked(func() {
		n = int64(1_000_000 + len(s.Pongs))
		s.Pongs[n] = 0
	})
	return n
}

// Ping sends a ping and waits for its answer: the other side lives, and has taken
// all that was sent before.
func (s *Side) Ping() {
	n := s.NextPing()
	s.SendTerm(frames.Ping, 0, n)
	s.AwaitOr(fmt.Sprintf("pong %d", n), func() bool { return s.Pongs[n] > 0 })
}

// ExpectFault waits for the other side's fault, and returns its text. A code of -1
// is any.
func (s *Side) ExpectFault(code int64) string {
	expected := "a fault"
	if code >= 0 {
		expected = frames.NameCode(frames.Fault, code)
	}
	s.AwaitOr(expected, func() bool { return s.Fault != nil })
	got, text := s.Fault.Reason()
	if code >= 0 && got != code {
		Fail(s.Fault.String(), expected)
	}
	return text
}
