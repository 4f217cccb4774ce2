package mux

import (
	"errors"
	"io"
	"math"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// read is the conn's reader. It ends with the input, at the first fault, or when
// the conn has ended and its input is closed.
func (c *Conn) read() {
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
		// tasks that must be announced first, this is the only wake-up.
		if !c.in.Ready() {
			c.mu.Lock()
			if !c.out.empty() {
				c.out.kick()
			}
			c.mu.Unlock()
			c.reads.yield()
		}
	}
}

// inputError makes the end of the input what it means.
func inputError(err error) error {
	if f := (*wire.Fault)(nil); errors.As(err, &f) {
		return f
	}
	if errors.Is(err, io.EOF) {
		return &ClosedError{}
	}
	return &ClosedError{Op: "read", Err: err}
}

// greet takes the host's hello and answers it.
func (c *Conn) greet() error {
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
	c.in.MaxFrame = c.cfg.Ready.MaxFrame
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.Ready.Files = c.cfg.Ready.Files && host.Files
	host.Files = c.cfg.Ready.Files
	c.cfg.Ready.Hijack = c.cfg.Ready.Hijack && host.Hijack
	host.Hijack = c.cfg.Ready.Hijack
	c.cfg.Ready.Evidence = c.cfg.Ready.Evidence && host.Evidence
	host.Evidence = c.cfg.Ready.Evidence
	c.host = host
	if host.Dev {
		c.out.onLine = c.cfg.OnDevLine
	} else {
		c.logRate.limit.Store(int32(host.LogLines))
	}
	if !c.ended {
		c.out.ready(&c.cfg.Ready)
		c.logLevel.Store(int32(host.LogLevel))
	}
	return nil
}

// handle does what a frame asks for. An error ends the conn.
func (c *Conn) handle(f *wire.Frame) error {
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
	case wire.KindAsk:
		return c.onAsk(f.Payload)
	}
	return c.onPong(f.Payload)
}

func (c *Conn) onFault(payload []byte) error {
	code, text, err := wire.DecodeReason(payload)
	if err != nil {
		return badPayload(wire.KindFault, err)
	}
	return &wire.Fault{Code: wire.FaultCode(code).Known(), Text: text, Host: true}
}

func (c *Conn) onPing(payload []byte) error {
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
func (c *Conn) onPong(payload []byte) error {
	if _, err := wire.DecodeInt(payload, 0, math.MaxInt32); err != nil {
		return badPayload(wire.KindPong, err)
	}
	return nil
}

// onDrain is answered with a drain of our own [D2]. The number is about streams
// of ours, and we open none.
func (c *Conn) onDrain(payload []byte) error {
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

func (c *Conn) handleStream(f *wire.Frame) error {
	if f.Kind == wire.KindOpen {
		return c.onOpen(f)
	}
	if f.Kind == wire.KindTaken && !c.host.Files {
		return wire.Faultf(wire.FaultBadFrame, "taken, without the capability")
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
	wrong, cause := s.handle(f)
	if wrong != nil {
		if bad := c.app.Cause(*wrong); s.abortLocked(wrong, bad) {
			cause = bad
		}
	}
	c.mu.Unlock()
	if cause != nil {
		s.task.Cancel(cause)
	}
	return nil
}

// handle does what a frame asks of a live stream. It returns what is wrong
// with the frame if the stream is to be aborted for it, and the cause if that has
// ended the stream.
func (s *Stream) handle(f *wire.Frame) (wrong *Abort, cause error) {
	switch f.Kind {
	case wire.KindChunk:
		return s.In.onChunk(f.Payload), nil
	case wire.KindFin:
		if err := wire.DecodeEmpty(f.Payload); err != nil {
			return BadPayload(f.Kind, err), nil
		}
		return s.In.onEnd(nil), nil
	case wire.KindTrailers:
		return s.In.onTrailers(f.Payload), nil
	case wire.KindCredit:
		n, err := wire.DecodeInt(f.Payload, math.MinInt64, math.MaxInt64)
		if err != nil {
			return BadPayload(f.Kind, err), nil
		}
		return s.Out.onCredit(n), nil
	case wire.KindTaken:
		n, err := wire.DecodeInt(f.Payload, 0, math.MaxInt64)
		if err != nil {
			return BadPayload(f.Kind, err), nil
		}
		return s.Out.onTaken(n), nil
	default: // abort: the others are not the host's to send
		code, text, err := wire.DecodeReason(f.Payload)
		if err != nil {
			return BadPayload(f.Kind, err), nil
		}
		return nil, s.onAbort(wire.Code(code), text)
	}
}

// onOpen opens a stream, or refuses to.
func (c *Conn) onOpen(f *wire.Frame) error {
	id := f.Stream
	if id%2 != 0 || id <= c.highest {
		return wire.Faultf(wire.FaultBadStream, "open with %d, expected an even number above %d", id, c.highest)
	}
	o, wrong := c.accept(f.Payload)
	c.mu.Lock()
	refused := c.openLocked(id, &o, wrong)
	c.mu.Unlock()
	if refused != nil && o.Task != nil {
		o.Task.Cancel(c.app.Cause(*refused))
	}
	return nil
}

// accept asks the app what the stream is for.
func (c *Conn) accept(payload []byte) (Opening, *Abort) {
	if most := c.cfg.Ready.MaxHead; len(payload) > most {
		return Opening{}, Abortf(wire.CodeTooLarge, "open of %d bytes, expected at most %d", len(payload), most)
	}
	return c.app.Accept(payload)
}

// openLocked opens a stream, unless it is wrong or there is no place for it. It
// returns why the task is not to run.
func (c *Conn) openLocked(id uint32, o *Opening, wrong *Abort) *Abort {
	c.highest = id
	switch {
	case c.ended || c.drain.on:
		// It is above what our drain has named; the host places it elsewhere.
		return &Abort{Code: wire.CodeRefused}
	case wrong == nil && len(c.streams) >= c.cfg.Ready.MaxStreams:
		wrong = Abortf(wire.CodeRefused, "%d streams are open", len(c.streams))
	}
	if wrong != nil {
		(&Stream{c: c, id: id}).say(wrong)
		return wrong
	}
	s := c.newStream(id, o)
	if o.Announce {
		s.announce = true
		c.out.addUrgent(s) // kicked at the end of what was read
	} else {
		s.start()
	}
	return nil
}
