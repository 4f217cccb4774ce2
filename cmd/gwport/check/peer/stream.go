package peer

import (
	"fmt"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// Stream is one stream, as both players see it: the half that the other side
// sends, and ours. The fields are guarded by the side's lock.
type Stream struct {
	*Side
	ID uint32

	// Theirs.
	isRequest bool
	state     state
	last      frames.Kind   // what ended it, or began it
	Abort     *frames.Frame // by which they ended it
	Given     int64         // credit for it, ever
	Got       int64         // bytes of its body
	Taken     bool          // it is a connection's, and so is ours
	Length    int64         // what they have said that its body has; -1: nothing

	// Ours.
	Left     int64 // credit at hand
	Sent     bool  // it has ended
	GaveUp   bool  // by an abort
	generous bool  // give back the credit of all that comes
}

// Begin says in which state their half is when the stream is opened.
func (s *Stream) Begin(isRequest, hasBody bool) {
	s.isRequest, s.Length = isRequest, -1
	switch {
	case !isRequest:
		s.state = fresh
	case hasBody:
		s.state, s.last = flowing, frames.Open
	default:
		s.state, s.last = ended, frames.Open
	}
}

// HasEnded tells whether their half has.
func (s *Stream) HasEnded() bool { return s.state&(ended|aborted) != 0 }

// HasHead tells whether the head of their half has come.
func (s *Stream) HasHead() bool { return s.state&(fresh|begun) == 0 }

// End ends their half without a word.
func (s *Stream) End() { s.state = ended }

// How is the kind that began or ended their half.
func (s *Stream) How() frames.Kind { return s.last }

// follows moves their half on.
func (s *Stream) follows(f frames.Frame) {
	next := s.state
	switch f.Kind {
	case frames.Entered, frames.Inform:
		next = max(s.state, begun)
	case frames.Head:
		next = max(s.state, flowing)
	case frames.Takeover:
		if !s.HasHead() {
			s.Given = s.Got // which takes the credit back
		}
		next, s.Taken = max(s.state, raw), true
	case frames.Reply, frames.Fin, frames.Trailers:
		next = max(s.state, ended)
	case frames.Abort:
		next, s.Abort = aborted, &f
	}
	if next != s.state {
		s.state, s.last = next, f.Kind
	}
}

// of names the stream in the report on a program. A mirror's script has one stream.
func (s *Stream) of() string {
	if s.isRequest {
		return ""
	}
	return fmt.Sprintf(" of stream %d", s.ID)
}

// where says besides where their half was when a frame came.
func (s *Stream) where() string {
	if s.HasHead() {
		return s.of() + " behind " + s.last.String()
	}
	return s.of() + " before the head"
}

// wants tells whether credit for their half may be of use.
func (s *Stream) wants() bool { return !s.HasEnded() && !(s.isRequest && s.Sent) }

// leaves tells whether nobody wants the rest of a request's body.
func (s *Stream) leaves() bool { return !s.isRequest && s.HasEnded() }

// Sending

// Send sends a frame, and takes it into account.
func (s *Stream) Send(k frames.Kind, payload []byte) {
	s.Locked(func() {
		s.account(k, len(payload))
		s.queue(frames.New(k, s.ID, payload).Append(nil))
	})
}

func (s *Stream) account(k frames.Kind, n int) {
	switch k {
	case frames.Chunk:
		s.Left -= int64(n)
	case frames.Reply, frames.Fin, frames.Trailers:
		s.Sent = true
	case frames.Abort:
		s.Sent, s.GaveUp = true, true
	}
}

// SendTerm is Send with a term as payload. A credit's counts as given, whatever
// it is.
func (s *Stream) SendTerm(k frames.Kind, term any) {
	if n, ok := term.(int64); ok && k == frames.Credit {
		s.Locked(func() { s.grant(n) })
		return
	}
	s.Send(k, Payload(term))
}

func (s *Stream) grant(n int64) {
	s.Given += max(n, 0)
	s.Queue(frames.Credit, s.ID, n)
}

// Read gives credit for all that comes from now on, and so that there is the least
// at hand; if that is 0, for what has come.
func (s *Stream) Read(least int64) {
	s.Locked(func() {
		s.generous = true
		n := s.Got
		if least > 0 {
			n = least - (s.Given - s.Got)
		}
		if n > 0 && !s.HasEnded() {
			s.grant(n)
		}
	})
}

// GiveUp sends an abort.
func (s *Stream) GiveUp(code int) { s.SendTerm(frames.Abort, etf.Tuple{code, ""}) }

// Body sends a body, as far as credit goes, and waits for more of it. It leaves
// off when the other half has ended, because nobody wants the rest.
func (s *Stream) Body(b []byte) {
	for len(b) > 0 {
		s.AwaitOr(fmt.Sprintf("credit for %d more bytes of the body", len(b)), func() bool { return s.Left > 0 || s.leaves() })
		if s.Holds(s.leaves) {
			return
		}
		n := min(int64(len(b)), s.Room(), MaxChunk)
		s.Send(frames.Chunk, b[:n])
		b = b[n:]
	}
}

// Chunks sends so many bytes, without asking for credit.
func (s *Stream) Chunks(n int64) {
	for ; n > 0; n -= MaxChunk {
		s.Send(frames.Chunk, make([]byte, min(n, MaxChunk)))
	}
}

// Room is the credit at hand.
func (s *Stream) Room() int64 {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	return s.Left
}

// Waiting

// AwaitBytes waits until so many bytes of the body have come.
func (s *Stream) AwaitBytes(n int64) {
	s.AwaitOr(fmt.Sprintf("%d bytes of the body", n), func() bool { return s.Got >= n })
}
