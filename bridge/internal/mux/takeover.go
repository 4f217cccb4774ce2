package mux

import (
	"errors"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// A stream that is taken over carries the bytes of a connection in both halves, in place
// of a body and a response (SPEC.md, section 14).

// ErrNoTakeover is what TakeOver returns for a stream that is not offered, or has begun to
// answer.
var ErrNoTakeover = errors.New("bridge: the stream cannot be taken over")

// TakeOver makes both halves those of a connection, and waits until the host has handed it
// over: its first grant says so [U2]. From then on In may be read and chunks be sent for as
// long as neither half has ended, whether or not the task has returned.
func (s *Stream) TakeOver() error {
	s.c.mu.Lock()
	err := s.takeOver()
	if err == nil {
		err = s.Out.awaitCredit()
	}
	if err == nil {
		s.In.grantMore()
	}
	s.c.mu.Unlock()
	return s.told(err)
}

func (s *Stream) takeOver() error {
	switch err := s.Out.err(); {
	case err != nil:
		return err
	case !s.mayTake || s.taken || s.Out.ended:
		return ErrNoTakeover
	}
	s.taken = true
	s.In.length, s.Out.flow = -1, 0
	s.Out.push(takeoverFrame())
	return nil
}

func takeoverFrame() *Buffer {
	f := NewFrame(wire.KindTakeover, len(wire.EmptyPayload))
	f.B = append(f.B, wire.EmptyPayload...)
	return f
}

// Keep takes a stream over whose head is still to come: Connect says it to the host. Until
// then its halves are a body and a response, and outlive their task as those of a connection do.
func (s *Stream) Keep() error {
	s.c.mu.Lock()
	err := s.Out.err()
	if err == nil && (!s.mayConnect || s.taken || s.Out.ended) {
		err = ErrNoTakeover
	}
	s.taken = s.taken || err == nil
	s.c.mu.Unlock()
	return s.told(err)
}

// Connect sends the head of a stream that was kept, and makes both halves those of a
// connection behind it [U7]. It takes the head over.
func (s *Stream) Connect(head *Buffer) error {
	s.c.mu.Lock()
	err := s.Out.err()
	if err == nil {
		s.Out.push(head)
		s.Out.push(takeoverFrame())
	}
	s.c.mu.Unlock()
	if err != nil {
		head.Free()
	}
	return s.told(err)
}

// Leave ends both halves of a stream that was taken over, behind what was queued: the
// host sends that to its client before it closes the connection [U5]. Who reads or writes
// is told the cause; the task is not cancelled. Without an abort the half that we send has
// its end already.
func (s *Stream) Leave(a *Abort, cause error) {
	s.c.mu.Lock()
	if a != nil {
		s.Out.fail(a, cause)
	}
	s.In.close()
	s.c.mu.Unlock()
	s.In.release()
}
