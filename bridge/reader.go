package bridge

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// read is the conn's reader. It ends with the input, at the first fault, or when
// the conn has ended and its input is closed.
func (c *conn) read() {
	defer close(c.unread)
	if err := c.greet(); err != nil {
		c.fail(inputError(err))
		return
	}
	for {
		f, err := c.in.Next()
		if err == nil {
			err = c.handle(&f)
		}
		if err != nil {
			c.fail(inputError(err))
			return
		}
		// What one read has brought goes to the writer in one piece: for the
		// apps that must be announced first, this is the only wake-up.
		if !c.in.Ready() {
			c.mu.Lock()
			if !c.out.empty() {
				c.out.kick()
			}
			c.mu.Unlock()
		}
	}
}

// inputError makes the end of the input what it means.
func inputError(err error) error {
	if f := (*wire.Fault)(nil); errors.As(err, &f) {
		return f
	}
	if errors.Is(err, io.EOF) {
		return ErrPortClosed
	}
	return fmt.Errorf("%w: read: %w", ErrPortClosed, err)
}

// greet takes the host's hello and answers it.
func (c *conn) greet() error {
	f, err := c.in.Next()
	if err != nil {
		return err
	}
	if f.Kind == wire.KindFault {
		return c.onFault(f.Payload)
	}
	if f.Kind != wire.KindHello {
		return wire.Faultf(wire.FaultBadGreeting, "the first frame is %s, expected hello", f.Kind)
	}
	if err := wire.CheckVersion(f.Payload); err != nil {
		return err
	}
	host, err := wire.DecodeHello(f.Payload)
	if err != nil {
		return wire.Faultf(wire.FaultBadGreeting, "hello: %v", err)
	}
	if err := host.Check(); err != nil {
		return err
	}
	c.in.MaxFrame = c.set.maxFrame
	c.mu.Lock()
	defer c.mu.Unlock()
	c.host = host
	if !c.ended {
		c.out.ready(c.set.ready())
	}
	return nil
}

// handle does what a frame asks for. An error ends the conn.
func (c *conn) handle(f *wire.Frame) error {
	if f.Stream != 0 {
		return c.handleStream(f)
	}
	switch f.Kind {
	case wire.KindHello:
		return wire.Faultf(wire.FaultBadGreeting, "a second hello")
	case wire.KindFault:
		return c.onFault(f.Payload)
	case wire.KindPing:
		return c.onPing(f.Payload)
	case wire.KindDrain:
		return c.onDrain(f.Payload)
	}
	return c.onPong(f.Payload)
}

func (c *conn) onFault(payload []byte) error {
	code, text, err := wire.DecodeReason(payload)
	if err != nil {
		return badPayload(wire.KindFault, err)
	}
	return &wire.Fault{Code: wire.FaultCode(code).Known(), Text: text, Host: true}
}

func (c *conn) onPing(payload []byte) error {
	n, err := wire.DecodeInt(payload, 0, math.MaxInt32)
	if err != nil {
		return badPayload(wire.KindPing, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.out.pong(n) {
		return wire.Faultf(wire.FaultFailed, "more than %d pings while the answers are not read", maxPongs)
	}
	return nil
}

// onPong: we send no pings, but the host may answer one all the same.
func (c *conn) onPong(payload []byte) error {
	if _, err := wire.DecodeInt(payload, 0, math.MaxInt32); err != nil {
		return badPayload(wire.KindPong, err)
	}
	return nil
}

// onDrain is answered with a drain of our own [D2]. The number is about streams
// of ours, and we open none.
func (c *conn) onDrain(payload []byte) error {
	if _, err := wire.DecodeInt(payload, wire.MinStream-1, wire.MaxStream); err != nil {
		return badPayload(wire.KindDrain, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drain.byHost = true
	c.startDrain()
	return nil
}

// badPayload is a wire fault where no stream is there to be blamed [F6].
func badPayload(k wire.Kind, err error) error {
	return wire.Faultf(wire.FaultBadFrame, "%s: %v", k, err)
}

func (c *conn) handleStream(f *wire.Frame) error {
	if f.Kind == wire.KindOpen {
		return c.onOpen(f)
	}
	if f.Stream%2 != 0 || f.Stream > c.highest {
		return wire.Faultf(wire.FaultBadStream, "%s for stream %d, which was never opened", f.Kind, f.Stream)
	}
	c.mu.Lock()
	s := c.streams[f.Stream]
	if s == nil { // closed [R3]
		c.mu.Unlock()
		return nil
	}
	cause, wrong := s.handle(f)
	if wrong != nil && s.abortLocked(wrong) {
		cause = wrong
	}
	c.mu.Unlock()
	if cause != nil {
		s.cancel(cause)
	}
	return nil
}

// handle does what a frame asks of a live stream. It returns the cause if that
// has ended the stream, and what is wrong with the frame if the stream is to be
// aborted for it.
func (s *stream) handle(f *wire.Frame) (cause, wrong *AbortError) {
	switch f.Kind {
	case wire.KindChunk:
		return nil, s.onChunk(f.Payload)
	case wire.KindFin:
		if err := wire.DecodeEmpty(f.Payload); err != nil {
			return nil, badStreamPayload(f.Kind, err)
		}
		return nil, s.onEnd(nil)
	case wire.KindTrailers:
		return nil, s.onTrailers(f.Payload)
	case wire.KindCredit:
		n, err := wire.DecodeInt(f.Payload, math.MinInt64, math.MaxInt64)
		if err != nil {
			return nil, badStreamPayload(f.Kind, err)
		}
		return nil, s.onCredit(n)
	default: // abort: the others are not the host's to send
		code, text, err := wire.DecodeReason(f.Payload)
		if err != nil {
			return nil, badStreamPayload(f.Kind, err)
		}
		return s.onAbort(Code(code), text), nil
	}
}

func (s *stream) onTrailers(payload []byte) *AbortError {
	if len(payload) > s.c.set.maxHead {
		return abort(CodeTooLarge, "trailers of %d bytes, expected at most %d", len(payload), s.c.set.maxHead)
	}
	trailers, err := wire.DecodePairs(string(payload))
	if err != nil {
		return badStreamPayload(wire.KindTrailers, err)
	}
	return s.onEnd(trailers)
}

func badStreamPayload(k wire.Kind, err error) *AbortError {
	return abort(CodeBadPayload, "%s: %v", k, err)
}

// onOpen opens a stream, or refuses to.
func (c *conn) onOpen(f *wire.Frame) error {
	id := f.Stream
	if id%2 != 0 || id <= c.highest {
		return wire.Faultf(wire.FaultBadStream, "open with %d, expected an even number above %d", id, c.highest)
	}
	o, h, wrong := c.opened(f.Payload)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.highest = id
	switch {
	case c.ended || c.drain.on:
		return nil // it is above what our drain has named; the host places it elsewhere
	case wrong == nil && len(c.streams) >= c.set.maxStreams:
		wrong = abort(CodeRefused, "%d streams are open", len(c.streams))
	}
	if wrong != nil {
		(&stream{c: c, id: id}).say(wrong)
		return nil
	}
	s := c.newStream(id, &o, h)
	if needsEntered(s.request.Method) {
		s.entered = true
		c.out.addUrgent(s) // kicked at the end of what was read
	} else {
		s.start()
	}
	return nil
}

// opened reads what an open describes, or says what is wrong with it.
func (c *conn) opened(payload []byte) (o wire.Open, h http.Handler, wrong *AbortError) {
	if len(payload) > c.set.maxHead {
		return o, nil, abort(CodeTooLarge, "open of %d bytes, expected at most %d", len(payload), c.set.maxHead)
	}
	o, err := wire.DecodeOpen(string(payload))
	if err != nil {
		return o, nil, badStreamPayload(wire.KindOpen, err)
	}
	if o.Type != wire.TypeHTTP {
		return o, nil, abort(CodeRefused, "streams of type %d are not served", o.Type)
	}
	if h = c.set.apps.find(o.Request.App); h == nil {
		return o, nil, abort(CodeNoApp, "no app %q", o.Request.App)
	}
	return o, h, nil
}

// needsEntered tells the methods whose requests may not be sent twice [R5].
func needsEntered(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return false
	}
	return true
}
