package mux

import (
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// outbox is what waits for the writer, guarded by the conn's mutex. It is in
// three parts, taken in this order:
//
//   - control: frames without a stream, encoded;
//   - urgent: streams with an entered, a grant or an abort to send. These are
//     marks on the stream and not frames, so that grants add up, an abort
//     replaces what was not sent [A4], and no stream takes memory for them;
//   - turns: streams with frames of their response, each a chunk at a time. Those with
//     few bytes go before those with many, which are in bulk: a small answer does not
//     wait for a chunk of each large one. Of the latter there is one in each write.
type outbox struct {
	wake   sync.Cond // the writer waits here
	logged sync.Cond // whoever waits for a line of the log to be written

	isWaiting bool // the writer is at wake
	greeted   bool // ready is in control or was; log lines may follow
	faulted   bool // a fault is in control or was; nothing may follow

	control []byte
	pongs   int // in control, and other answers that nobody waited to give

	onLine   func(wire.Line) // sees each line of the log; nil: nobody does
	logs     []byte          // log frames, written behind control
	dropped  int             // lines that did not fit
	logCount uint64          // lines ever queued
	logsGone uint64          // lines ever written

	evidence []byte // the frames of a part of it, which is one at a time

	urgent streamQueue
	turns  streamQueue
	bulk   streamQueue

	held      streamQueue // streams that are no one's turn yet, and some that were since
	holdTimer *time.Timer // lets them go; nil: not set
}

// streamQueue is a queue of streams. A stream is in urgent once at most, and in one of
// turns and bulk.
type streamQueue struct {
	streams []*Stream
	head    int
}

func (q *streamQueue) push(s *Stream) { q.streams = append(q.streams, s) }

func (q *streamQueue) empty() bool { return q.head == len(q.streams) }

// pop takes the first stream. The space of those that were taken is used again
// once the queue is empty, or half of it is such space.
func (q *streamQueue) pop() *Stream {
	s := q.streams[q.head]
	q.streams[q.head] = nil
	q.head++
	switch {
	case q.empty():
		q.streams, q.head = q.streams[:0], 0
	case q.head > 64 && q.head > len(q.streams)/2:
		n := copy(q.streams, q.streams[q.head:])
		clear(q.streams[n:])
		q.streams, q.head = q.streams[:n], 0
	}
	return s
}

func (o *outbox) empty() bool {
	return len(o.control) == 0 && (len(o.logs) == 0 || !o.greeted) && len(o.evidence) == 0 &&
		o.urgent.empty() && o.turns.empty() && o.bulk.empty()
}

// kick wakes the writer if it sleeps.
func (o *outbox) kick() {
	if o.isWaiting {
		o.wake.Signal()
	}
}

// addUrgent marks a stream as having something urgent. The caller kicks.
func (o *outbox) addUrgent(s *Stream) {
	if !s.isUrgent {
		s.isUrgent = true
		o.urgent.push(s)
	}
}

// addTurn marks a stream as having frames of its response.
func (o *outbox) addTurn(s *Stream) {
	if !s.inTurn {
		s.inTurn = true
		o.queueTurn(s)
	}
	o.kick()
}

func (o *outbox) queueTurn(s *Stream) {
	if s.Out.isBulk() {
		o.bulk.push(s)
	} else {
		o.turns.push(s)
	}
}

func (o *outbox) ready(y *wire.Ready) {
	b, at := wire.BeginFrame(o.control, wire.KindReady)
	o.control = wire.EndFrame(y.AppendPayload(b), at)
	o.greeted = true
	o.kick()
}

// fault is the last frame. Lines of the log that wait go before it.
func (o *outbox) fault(f *wire.Fault) {
	o.faulted = true
	if o.greeted {
		o.control = append(o.control, o.logs...)
	}
	o.logs = o.logs[:0]
	b, at := wire.BeginFrame(o.control, wire.KindFault)
	o.control = wire.EndFrame(wire.AppendReason(b, int(f.Code), f.Text), at)
	o.kick()
}

func (o *outbox) drain(highest uint32) {
	o.integer(wire.KindDrain, int64(highest))
}

// pong answers a ping; it tells whether there was room for the answer.
func (o *outbox) pong(n int64) bool {
	o.integer(wire.KindPong, n)
	return o.hasRoom()
}

// hasRoom counts an answer that is in control, and tells whether there was room for it.
func (o *outbox) hasRoom() bool {
	o.pongs++
	return o.pongs <= maxPongs
}

func (o *outbox) integer(k wire.Kind, n int64) {
	b, at := wire.BeginFrame(o.control, k)
	o.control = wire.EndFrame(wire.AppendIntPayload(b, n), at)
	o.kick()
}

// log queues a line, or counts it as dropped. It returns the line's number, or 0.
func (o *outbox) log(l wire.Line) uint64 {
	if o.onLine != nil {
		o.onLine(l)
	}
	if o.faulted {
		return 0
	}
	if len(o.logs) >= logBudget {
		o.dropped++
		return 0
	}
	if o.dropped > 0 {
		l.Meta = append(l.Meta, wire.MetaPair{Key: MetaDropped, Value: o.dropped})
		o.dropped = 0
	}
	b, at := wire.BeginFrame(o.logs, wire.KindLog)
	o.logs = wire.EndFrame(l.AppendPayload(b), at)
	o.logCount++
	o.kick()
	return o.logCount
}
