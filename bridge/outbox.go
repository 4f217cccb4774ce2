package bridge

import (
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/gwport/gwport/etf"
)

// outbox is what waits for the writer, guarded by the conn's mutex. It is in
// three parts, taken in this order:
//
//   - control: frames without a stream, encoded;
//   - urgent: streams with an entered, a grant or an abort to send. These are
//     marks on the stream and not frames, so that grants add up, an abort
//     replaces what was not sent [A4], and no stream takes memory for them;
//   - turns: streams with frames of their response, each a chunk at a time.
type outbox struct {
	wake   sync.Cond // the writer waits here
	logged sync.Cond // whoever waits for a line of the log to be written

	isWaiting bool // the writer is at wake
	greeted   bool // ready is in control or was; log lines may follow

	control []byte
	pongs   int // in control

	logs     []byte // log frames, written behind control
	dropped  int    // lines that did not fit
	logCount uint64 // lines ever queued
	logsGone uint64 // lines ever written

	urgent streamQueue
	turns  streamQueue
}

// streamQueue is a queue of streams. Each stream has one link for each of the
// two queues it can be in.
type streamQueue struct {
	streams []*stream
	head    int
}

func (q *streamQueue) push(s *stream) { q.streams = append(q.streams, s) }

func (q *streamQueue) empty() bool { return q.head == len(q.streams) }

// pop takes the first stream. The space of those that were taken is used again
// once the queue is empty, or half of it is such space.
func (q *streamQueue) pop() *stream {
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
	return len(o.control) == 0 && (len(o.logs) == 0 || !o.greeted) && o.urgent.empty() && o.turns.empty()
}

// kick wakes the writer if it sleeps.
func (o *outbox) kick() {
	if o.isWaiting {
		o.wake.Signal()
	}
}

// addUrgent marks a stream as having something urgent. The caller kicks.
func (o *outbox) addUrgent(s *stream) {
	if !s.isUrgent {
		s.isUrgent = true
		o.urgent.push(s)
	}
}

// addTurn marks a stream as having frames of its response.
func (o *outbox) addTurn(s *stream) {
	if !s.inTurn {
		s.inTurn = true
		o.turns.push(s)
	}
	o.kick()
}

func (o *outbox) ready(s *settings) {
	b, at := beginFrame(o.control, kindReady)
	o.control = endFrame(s.appendReady(b), at)
	o.greeted = true
	o.kick()
}

func (o *outbox) fault(f *FaultError) {
	b, at := beginFrame(o.control, kindFault)
	o.control = endFrame(appendReason(b, int(f.Code), f.Text), at)
	o.kick()
}

func (o *outbox) drain(highest uint32) {
	o.integer(kindDrain, int64(highest))
}

// pong answers a ping; it tells whether there was room for the answer.
func (o *outbox) pong(n int64) bool {
	o.pongs++
	o.integer(kindPong, n)
	return o.pongs <= maxPongs
}

func (o *outbox) integer(k kind, n int64) {
	b, at := beginFrame(o.control, k)
	o.control = endFrame(appendIntPayload(b, n), at)
	o.kick()
}

// log queues a line, or counts it as dropped. It returns the line's number.
func (o *outbox) log(l line) uint64 {
	if len(o.logs) >= logBudget {
		o.dropped++
		return 0
	}
	if o.dropped > 0 {
		l.meta = append(l.meta, metaPair{"dropped", o.dropped})
		o.dropped = 0
	}
	b, at := beginFrame(o.logs, kindLog)
	o.logs = endFrame(l.appendPayload(b), at)
	o.logCount++
	o.kick()
	return o.logCount
}

// line is one line for the host's log (SPEC.md [D5]).
type line struct {
	level level
	text  string
	meta  []metaPair
	given int // attributes that were given for meta, be it for keys that are there
}

// metaPair has a value that is an int, int64, float64, bool or string.
type metaPair struct {
	key   string
	value any
}

// level is one of RFC 5424.
type level int

const (
	levelError   level = 3
	levelWarning level = 4
	levelInfo    level = 6
	levelDebug   level = 7
)

// appendPayload appends the line as a payload of at most maxLog bytes. What is
// too much is cut, values first: a line says most in its text.
func (l *line) appendPayload(dst []byte) []byte {
	const frameOfLine = 64 // tuple, level, map, and their headers
	left := maxLog - frameOfLine
	text := cut(l.text, left)
	left -= len(text)
	dst = etf.AppendInt(etf.AppendTuple(etf.AppendVersion(dst), 3), int64(l.level))
	dst = etf.AppendBinary(dst, text)
	n := 0
	for i, m := range l.meta {
		size := 2*5 + len(m.key) + 9
		if s, ok := m.value.(string); ok {
			s = cut(s, max(left-size, 0))
			l.meta[i].value = s
			size += len(s)
		}
		if left -= size; left < 0 {
			break
		}
		n++
	}
	dst = etf.AppendMap(dst, n)
	for _, m := range l.meta[:n] {
		dst = appendMetaValue(etf.AppendBinary(dst, m.key), m.value)
	}
	return dst
}

func appendMetaValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int:
		return etf.AppendInt(dst, int64(v))
	case int64:
		return etf.AppendInt(dst, v)
	case float64:
		return etf.AppendFloat(dst, v)
	case bool:
		return etf.AppendBool(dst, v)
	case string:
		return etf.AppendBinary(dst, v)
	}
	panic("bridge: a log line's value is of a type that has no place on the wire")
}

// cut shortens s to n bytes, and says so where there is room to.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	note := " [" + strconv.Itoa(len(s)-n) + "+ bytes cut]"
	if n < len(note) {
		return prefix(s, n)
	}
	return prefix(s, n-len(note)) + note
}

// prefix is at most the first n bytes of s; it does not end inside a character.
func prefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}
