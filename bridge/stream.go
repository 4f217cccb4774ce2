package bridge

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// stream is one request and its reply. The states of SPEC.md, section 7.3, are
// its two halves' ends:
//
//	               localEnded   remoteEnded
//	open           no           no
//	local ended    yes          no
//	remote ended   no           yes
//	closed         yes          yes, or cause is set
//
// There is no state for aborting: after an abort of ours, whatever arrives is
// ignored, just as it is for a stream that is closed and not in the conn's map.
//
// All fields but the first group are guarded by the conn's mutex.
type stream struct {
	c        *conn
	id       uint32
	request  request
	handler  http.Handler
	ctx      context.Context
	cancel   context.CancelCauseFunc
	body     body
	response response

	cond  sync.Cond   // who waits in a Read or a Write of this stream
	cause *AbortError // set: aborted, by either side

	// The handler's goroutine.
	running   bool
	returned  bool        // ServeHTTP has
	abandoned bool        // the stream ended before it, by more than abandonedAfter
	late      *time.Timer // finds that out

	// The request half.
	remoteEnded  bool
	unwanted     bool // nobody will read what arrives
	arrived      bufferQueue
	sendable     int   // bytes the host may still send
	buffered     int   // bytes that have arrived and are not read
	received     int64 // bytes ever
	trailers     []wire.Pair
	readDeadline deadline

	// The response half.
	window        int // the credit that came with open
	credit        int
	localEnded    bool        // the end is written, or replaced by an abort
	failure       *AbortError // the abort that is queued behind what was flushed
	writeDeadline deadline

	// What waits for the writer.
	isUrgent, inTurn bool
	entered          bool        // to be said, and then the app starts
	grant            int         // credit for the host
	abortion         *AbortError // to be sent
	out              bufferQueue
}

// newStream makes the stream of an open and puts it into the map.
func (c *conn) newStream(id uint32, o *wire.Open, h http.Handler) *stream {
	s := &stream{
		c:        c,
		id:       id,
		request:  request{o.Request},
		handler:  h,
		window:   o.Window,
		credit:   o.Window,
		sendable: c.set.firstWindow,
	}
	s.cond.L = &c.mu
	s.body.s = s
	s.remoteEnded = s.request.Length == 0
	if s.request.Expects {
		s.sendable = 0
	}
	s.newContext()
	c.streams[id] = s
	return s
}

// newContext makes the context that the handler sees. Its deadline is counted
// from here: the host has sent what is left, and no clocks are compared.
func (s *stream) newContext() {
	s.ctx, s.cancel = context.WithCancelCause(streamContext{s})
	if !s.request.Timed {
		return
	}
	cancel := s.cancel
	ctx, stop := context.WithDeadlineCause(s.ctx, time.Now().Add(s.request.Timeout), ErrDeadline)
	s.ctx, s.cancel = ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// start runs the app, unless the stream has ended meanwhile.
func (s *stream) start() {
	if s.cause != nil || s.c.ended {
		return
	}
	s.c.enter(s)
	s.c.workers.run(s)
}

// shut ends both halves of the stream at once, without a word to the host:
// what waits in either direction is dropped, who waits is woken. The caller
// cancels the context, outside of the lock.
func (s *stream) shut(cause *AbortError) {
	s.cause = cause
	s.localEnded, s.remoteEnded = true, true
	s.entered, s.grant = false, 0
	s.arrived.clear()
	s.out.clear()
	s.cond.Broadcast()
	s.c.forget(s)
}

// abort ends the stream from our side, unless it has ended. An abort replaces
// what of the stream is not written [A4].
func (s *stream) abort(cause *AbortError) {
	s.c.mu.Lock()
	aborted := s.abortLocked(cause)
	s.c.mu.Unlock()
	if aborted {
		s.cancel(cause)
	}
}

func (s *stream) abortLocked(cause *AbortError) bool {
	if s.closed() {
		return false
	}
	s.say(cause)
	s.shut(cause)
	return true
}

// told passes on the error of a Read or a Write. Where it is an abort, the context is
// cancelled with it here too: the goroutine that was woken by the abort may else
// run, and return, before the one that cancels.
func (s *stream) told(err error) error {
	if cause, ok := err.(*AbortError); ok {
		s.cancel(cause)
	}
	return err
}

// say queues an abort.
func (s *stream) say(cause *AbortError) {
	s.abortion = cause
	s.c.out.addUrgent(s)
	s.c.out.kick()
}

func (s *stream) closed() bool { return s.localEnded && s.remoteEnded }

// onAbort is the host's abort. It is answered at once, if our half has not
// ended [A2]: whatever the app does.
func (s *stream) onAbort(code Code, text string) *AbortError {
	cause := &AbortError{Code: Code(wire.Code(code).Known()), Text: text}
	if !s.localEnded {
		s.say(&AbortError{Code: code})
	}
	s.shut(cause)
	return cause
}

// endRemote is the end of the request half.
func (s *stream) endRemote() {
	s.remoteEnded = true
	s.cond.Broadcast()
	if s.localEnded {
		s.c.forget(s)
	}
}

// endLocal is called when the end of the response half has been taken to be
// written. What of the request is still to come is the host's to break off
// [S2]; until it does, it is discarded.
func (s *stream) endLocal() {
	s.localEnded = true
	s.refuseBody()
	if s.remoteEnded {
		s.c.forget(s)
	}
}

// takeUrgent moves the stream's marks into a batch.
func (s *stream) takeUrgent(b *batch) {
	s.isUrgent = false
	if s.abortion != nil {
		var space [wire.MaxText + wire.ReasonRoom]byte
		payload := wire.AppendReason(space[:0], int(s.abortion.Code), s.abortion.Text)
		b.bytes = wire.AppendStreamFrame(b.bytes, wire.KindAbort, s.id, payload)
		s.abortion = nil
		return
	}
	if s.entered {
		s.entered = false
		b.bytes = wire.AppendStreamFrame(b.bytes, wire.KindEntered, s.id, wire.EmptyPayload)
		b.entering = append(b.entering, s)
	}
	if s.grant > 0 {
		var space [16]byte
		payload := wire.AppendIntPayload(space[:0], int64(s.grant))
		b.bytes = wire.AppendStreamFrame(b.bytes, wire.KindCredit, s.id, payload)
		s.grant = 0
	}
}

// takeTurn moves frames into a batch, up to a chunk and what ends the half right
// behind it. It tells whether there are more.
func (s *stream) takeTurn(b *batch) bool {
	for chunks := 0; !s.out.empty(); {
		if s.out.first.kind == wire.KindChunk {
			if chunks == 1 {
				return true
			}
			chunks++
		}
		f := s.out.pop()
		f.seal(s.id)
		b.frames = append(b.frames, f)
		b.size += len(f.b)
		if f.kind == wire.KindAbort {
			s.shut(s.failure)
			return false
		}
		if f.kind == wire.KindFin || f.kind == wire.KindTrailers || f.kind == wire.KindReply {
			s.endLocal()
		}
	}
	return false
}
