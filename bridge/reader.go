package bridge

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
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
		f, err := c.in.next()
		if err == nil {
			err = c.handle(&f)
		}
		if err != nil {
			c.fail(inputError(err))
			return
		}
		// What one read has brought goes to the writer in one piece: for the
		// apps that must be announced first, this is the only wake-up.
		if !c.in.ready() {
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
	if f := (*FaultError)(nil); errors.As(err, &f) {
		return f
	}
	if errors.Is(err, io.EOF) {
		return ErrPortClosed
	}
	return fmt.Errorf("%w: read: %w", ErrPortClosed, err)
}

// greet takes the host's hello and answers it.
func (c *conn) greet() error {
	f, err := c.in.next()
	if err != nil {
		return err
	}
	if f.kind == kindFault {
		return c.onFault(f.payload)
	}
	if f.kind != kindHello {
		return fault(FaultBadGreeting, "the first frame is %s, expected hello", f.kind)
	}
	if err := checkVersion(f.payload); err != nil {
		return err
	}
	host, err := decodeHello(f.payload)
	if err != nil {
		return fault(FaultBadGreeting, "hello: %v", err)
	}
	if err := host.check(); err != nil {
		return err
	}
	c.in.maxFrame = c.set.maxFrame
	c.mu.Lock()
	defer c.mu.Unlock()
	c.host = host
	if !c.ended {
		c.out.ready(c.set)
	}
	return nil
}

// handle does what a frame asks for. An error ends the conn.
func (c *conn) handle(f *frame) error {
	if f.stream != 0 {
		return c.handleStream(f)
	}
	switch f.kind {
	case kindHello:
		return fault(FaultBadGreeting, "a second hello")
	case kindFault:
		return c.onFault(f.payload)
	case kindPing:
		return c.onPing(f.payload)
	case kindDrain:
		return c.onDrain(f.payload)
	}
	return c.onPong(f.payload)
}

func (c *conn) onFault(payload []byte) error {
	code, text, err := decodeReason(payload)
	if err != nil {
		return badPayload(kindFault, err)
	}
	return &FaultError{Code: FaultCode(code).known(), Text: text, Host: true}
}

func (c *conn) onPing(payload []byte) error {
	n, err := decodeInt(payload, 0, math.MaxInt32)
	if err != nil {
		return badPayload(kindPing, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.out.pong(n) {
		return fault(FaultFailed, "more than %d pings while the answers are not read", maxPongs)
	}
	return nil
}

// onPong: we send no pings, but the host may answer one all the same.
func (c *conn) onPong(payload []byte) error {
	if _, err := decodeInt(payload, 0, math.MaxInt32); err != nil {
		return badPayload(kindPong, err)
	}
	return nil
}

// onDrain is answered with a drain of our own [D2]. The number is about streams
// of ours, and we open none.
func (c *conn) onDrain(payload []byte) error {
	if _, err := decodeInt(payload, minStream-1, maxStream); err != nil {
		return badPayload(kindDrain, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drain.byHost = true
	c.startDrain()
	return nil
}

// badPayload is a wire fault where no stream is there to be blamed [F6].
func badPayload(k kind, err error) error {
	return fault(FaultBadFrame, "%s: %v", k, err)
}

func (c *conn) handleStream(f *frame) error {
	if f.kind == kindOpen {
		return c.onOpen(f)
	}
	if f.stream%2 != 0 || f.stream > c.highest {
		return fault(FaultBadStream, "%s for stream %d, which was never opened", f.kind, f.stream)
	}
	c.mu.Lock()
	s := c.streams[f.stream]
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
func (s *stream) handle(f *frame) (cause, wrong *AbortError) {
	switch f.kind {
	case kindChunk:
		return nil, s.onChunk(f.payload)
	case kindFin:
		if err := decodeEmpty(f.payload); err != nil {
			return nil, badStreamPayload(f.kind, err)
		}
		return nil, s.onEnd(nil)
	case kindTrailers:
		return nil, s.onTrailers(f.payload)
	case kindCredit:
		n, err := decodeInt(f.payload, math.MinInt64, math.MaxInt64)
		if err != nil {
			return nil, badStreamPayload(f.kind, err)
		}
		return nil, s.onCredit(n)
	default: // abort: the others are not the host's to send
		code, text, err := decodeReason(f.payload)
		if err != nil {
			return nil, badStreamPayload(f.kind, err)
		}
		return s.onAbort(Code(code), text), nil
	}
}

func (s *stream) onTrailers(payload []byte) *AbortError {
	if len(payload) > s.c.set.maxHead {
		return abort(CodeTooLarge, "trailers of %d bytes, expected at most %d", len(payload), s.c.set.maxHead)
	}
	trailers, err := decodePairs(string(payload))
	if err != nil {
		return badStreamPayload(kindTrailers, err)
	}
	return s.onEnd(trailers)
}

func badStreamPayload(k kind, err error) *AbortError {
	return abort(CodeBadPayload, "%s: %v", k, err)
}

// onOpen opens a stream, or refuses to.
func (c *conn) onOpen(f *frame) error {
	id := f.stream
	if id%2 != 0 || id <= c.highest {
		return fault(FaultBadStream, "open with %d, expected an even number above %d", id, c.highest)
	}
	o, h, wrong := c.opened(f.payload)
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
	if needsEntered(s.request.method) {
		s.entered = true
		c.out.addUrgent(s) // kicked at the end of what was read
	} else {
		s.start()
	}
	return nil
}

// opened reads what an open describes, or says what is wrong with it.
func (c *conn) opened(payload []byte) (o open, h http.Handler, wrong *AbortError) {
	if len(payload) > c.set.maxHead {
		return o, nil, abort(CodeTooLarge, "open of %d bytes, expected at most %d", len(payload), c.set.maxHead)
	}
	o, err := decodeOpen(string(payload))
	if err != nil {
		return o, nil, badStreamPayload(kindOpen, err)
	}
	if o.kind != openHTTP {
		return o, nil, abort(CodeRefused, "streams of type %d are not served", o.kind)
	}
	if h = c.set.apps.find(o.request.app); h == nil {
		return o, nil, abort(CodeNoApp, "no app %q", o.request.app)
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
