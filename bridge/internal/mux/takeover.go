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
	f := NewFrame(wire.KindTakeover, len(wire.EmptyPayload))
	f.B = append(f.B, wire.EmptyPayload...)
	s.Out.push(f)
	return nil
}

// Leave ends both halves of a stream that was taken over, behind what was queued: the
// host sends that to its client before it closes the connection [U5]. Who reads or writes
// is told the cause; the task is not cancelled.
func (s *Stream) Leave(cause error) {
	s.c.mu.Lock()
	s.Out.fail(&Abort{Code: wire.CodeNoError}, cause)
	s.In.close()
	s.c.mu.Unlock()
	s.In.release()
}
