package mux

import "github.com/gwport/gwport/bridge/internal/wire"

// batch is what one write carries, and what is to be done after it.
type batch struct {
	bytes    []byte
	frames   []*Buffer // follow bytes
	size     int       // of the frames
	entering []*Stream // their tasks start when the write has returned [R5]
	logs     uint64    // lines of the log up to here are in it
}

// write is the conn's writer. It writes all that is ready at once, because a
// wake-up on the other side costs more than a request's bytes do.
func (c *Conn) write() {
	defer close(c.written)
	var b batch
	for c.take(&b) {
		err := c.flush(&b)
		c.afterWrite(&b, err)
		if err != nil {
			c.fail(&ClosedError{Op: "write", Err: err})
			return
		}
	}
}

// take waits for something to write and takes it. It returns false at the end.
func (c *Conn) take(b *batch) bool {
	c.mu.Lock()
	for c.out.empty() {
		if c.ended {
			c.mu.Unlock()
			return false
		}
		c.out.isWaiting = true
		c.out.wake.Wait()
		c.out.isWaiting = false
	}
	c.mu.Unlock()
	if c.writes.yield() {
		c.spares.ask()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended && isClosed(c.err) {
		return false // nobody is there to read it
	}
	c.out.takeControl(b)
	if c.ended && c.err != nil {
		c.out.discard() // after a fault, which is in control, nothing follows
		return len(b.bytes) > 0
	}
	c.out.takeEvidence(b)
	for !c.out.urgent.empty() {
		c.out.urgent.pop().takeUrgent(b)
	}
	c.out.takeTurns(b)
	return true
}

// takeTurns takes those of few bytes, with room left for one of many, and then these.
func (o *outbox) takeTurns(b *batch) {
	room := batchSize
	if !o.bulk.empty() {
		room -= wire.MaxChunk
	}
	for !o.turns.empty() && len(b.bytes)+b.size < room {
		s := o.turns.pop()
		if s.Out.isBulk() { // it was not when it was queued
			o.bulk.push(s)
			continue
		}
		o.takeTurn(s, b)
	}
	for !o.bulk.empty() && len(b.bytes)+b.size < batchSize {
		o.takeTurn(o.bulk.pop(), b)
	}
}

func (o *outbox) takeTurn(s *Stream, b *batch) {
	if s.Out.takeTurn(b) {
		o.queueTurn(s)
	} else {
		s.inTurn = false
	}
}

// takeControl takes the frames without a stream.
func (o *outbox) takeControl(b *batch) {
	b.bytes = append(b.bytes[:0], o.control...)
	o.control = o.control[:0]
	o.pongs = 0
	if o.greeted {
		b.bytes = append(b.bytes, o.logs...)
		b.logs = o.logCount
		o.logs = o.logs[:0]
	}
}

func (o *outbox) discard() {
	for !o.urgent.empty() {
		o.urgent.pop()
	}
	for _, q := range []*streamQueue{&o.turns, &o.bulk} {
		for !q.empty() {
			q.pop().Out.waiting.clear()
		}
	}
}

// flush writes the batch, in one write if that costs no copying of a chunk that
// stands alone.
func (c *Conn) flush(b *batch) error {
	if len(b.bytes) == 0 && len(b.frames) == 1 {
		_, err := c.w.Write(b.frames[0].written())
		return err
	}
	for _, f := range b.frames {
		b.bytes = append(b.bytes, f.written()...)
	}
	if len(b.bytes) == 0 {
		return nil
	}
	_, err := c.w.Write(b.bytes)
	return err
}

// afterWrite frees what was written, and starts the tasks whose entered is out.
func (c *Conn) afterWrite(b *batch, err error) {
	for i, f := range b.frames {
		f.Free()
		b.frames[i] = nil
	}
	b.frames, b.size = b.frames[:0], 0
	// Only the writer changes logsGone, so that it needs no lock to read it.
	if len(b.entering) == 0 && c.out.logsGone == b.logs {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.logsGone != b.logs {
		c.out.logsGone = b.logs
		c.out.logged.Broadcast()
	}
	for i, s := range b.entering {
		if err == nil {
			s.start()
		}
		b.entering[i] = nil
	}
	b.entering = b.entering[:0]
}
