package mux

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// Stream is one stream of a Conn: a half that arrives, and a half that we send. The
// states of SPEC.md, section 7.3, are the ends of the two:
//
//	               Out.ended   In.ended
//	open           no          no
//	local ended    yes         no
//	remote ended   no          yes
//	closed         yes         yes, or cause is set
//
// There is no state for aborting: after an abort of ours, whatever arrives is
// ignored, just as it is for a stream that is closed and not in the conn's map.
//
// A task embeds it. All but the first group is guarded by the conn's mutex.
type Stream struct {
	c    *Conn
	id   uint32
	task Task

	In  In
	Out Out

	mayTake    bool // the task may take it over
	mayConnect bool // ... behind its head
	taken      bool // it has: both halves carry the bytes of a connection

	cond  sync.Cond   // who waits in a Read or a Write of this stream
	cause error       // set: aborted, by either side
	gone  atomic.Bool // cause is set, and will not change

	// The task's goroutine.
	running  bool
	returned bool        // the task has said so
	waits    bool        // it has none, until it is woken
	woken    bool        // it was, while it did not wait
	worker   *worker     // whose goroutine it is
	late     *time.Timer // finds out that the stream ended long before it
	wasLate  bool        // the stream ended because its time was over
	isShown  bool        // where it hangs is in the log

	// What waits for the writer, beside the frames of Out.
	isUrgent, inTurn bool
	announce         bool   // entered is to be said, and then the task starts
	abortion         *Abort // to be sent
}

func (s *Stream) stream() *Stream { return s }

// ID is the stream's number.
func (s *Stream) ID() uint32 { return s.id }

// Conn is what the stream is one of.
func (s *Stream) Conn() *Conn { return s.c }

// newStream makes a stream of an opening and puts it into the map.
func (c *Conn) newStream(id uint32, o *Opening) *Stream {
	s := o.Task.stream()
	s.c, s.id, s.task, s.mayTake, s.mayConnect = c, id, o.Task, o.Takeover, o.Connect
	s.cond.L = &c.mu
	s.In.open(s, o)
	s.Out.open(s, o)
	c.streams[id] = s
	return s
}

// start runs the task, unless the stream has ended meanwhile.
func (s *Stream) start() {
	if s.cause != nil || s.c.ended {
		return
	}
	s.c.tasks++
	s.run()
}

// run gives the task a goroutine.
func (s *Stream) run() {
	s.running = true
	s.c.workers.run(s)
}

// Wake has a task run again that waits. Of a task that does not, it is remembered.
func (s *Stream) Wake() {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if !s.waits {
		s.woken = true
		return
	}
	s.waits = false
	s.run()
}

// wait takes the goroutine from a task that is to wait. One that was woken meanwhile, or has
// lost its stream, gets the next: it counts as abandoned as long as it does not return.
func (s *Stream) wait() {
	if s.woken || s.cause != nil {
		s.woken = false
		s.run()
		return
	}
	s.waits, s.running, s.worker = true, false, nil
}

// shut ends both halves of the stream at once, without a word to the host:
// what waits in either direction is dropped, who waits is woken. The caller
// cancels the task, outside of the lock.
func (s *Stream) shut(cause error) {
	s.cause = cause
	s.gone.Store(true)
	s.announce = false
	s.In.shut()
	s.Out.shut()
	if s.taken { // its task may have left long ago
		s.In.deadline.stop()
		s.Out.deadline.stop()
	}
	s.cond.Broadcast()
	s.c.forget(s)
}

// Fail ends the stream from our side, behind what was flushed of the half that we
// send: that is the client's to see before its response breaks off. Its task is
// told the cause.
func (s *Stream) Fail(a *Abort, cause error) {
	s.c.mu.Lock()
	failed := s.Out.fail(a, cause)
	s.c.mu.Unlock()
	if failed {
		s.task.Cancel(cause)
	}
}

// abort ends the stream from our side, unless it has ended. An abort replaces
// what of the stream is not written [A4].
func (s *Stream) abort(a *Abort, cause error) {
	s.c.mu.Lock()
	aborted := s.abortLocked(a, cause)
	s.c.mu.Unlock()
	if aborted {
		s.task.Cancel(cause)
	}
}

func (s *Stream) abortLocked(a *Abort, cause error) bool {
	if s.closed() {
		return false
	}
	s.say(a)
	s.shut(cause)
	return true
}

// told passes on the error of a Read or a Write. Where it is the stream's cause, the
// task is cancelled with it here too: the goroutine that was woken by the abort may
// else run, and return, before the one that cancels.
func (s *Stream) told(err error) error {
	if err != nil && s.gone.Load() && err == s.cause {
		s.task.Cancel(err)
	}
	return err
}

// say queues an abort.
func (s *Stream) say(a *Abort) {
	s.abortion = a
	s.c.out.addUrgent(s)
	s.c.out.kick()
}

func (s *Stream) closed() bool { return s.Out.ended && s.In.ended }

// onAbort is the host's abort. It is answered at once, if our half has not
// ended [A2]: whatever the task does.
func (s *Stream) onAbort(code wire.Code, text string) error {
	cause := s.c.app.Cause(Abort{Code: code, Text: text})
	if !s.Out.ended {
		s.say(&Abort{Code: code})
	}
	s.wasLate = code == wire.CodeDeadline || code == wire.CodeHeadTimeout || code == wire.CodeIdleTimeout
	s.shut(cause)
	return cause
}

// takeUrgent moves the stream's marks into a batch.
func (s *Stream) takeUrgent(b *batch) {
	s.isUrgent = false
	if s.abortion != nil {
		var space [wire.MaxText + wire.ReasonRoom]byte
		payload := wire.AppendReason(space[:0], int(s.abortion.Code), s.abortion.Text)
		b.bytes = wire.AppendStreamFrame(b.bytes, wire.KindAbort, s.id, payload)
		s.abortion = nil
		return
	}
	if s.announce {
		s.announce = false
		b.bytes = wire.AppendStreamFrame(b.bytes, wire.KindEntered, s.id, wire.EmptyPayload)
		b.entering = append(b.entering, s)
	}
	if n := s.In.takeGrant(); n > 0 {
		var space [16]byte
		payload := wire.AppendIntPayload(space[:0], int64(n))
		b.bytes = wire.AppendStreamFrame(b.bytes, wire.KindCredit, s.id, payload)
	}
}

// Returned notes that the task's handler has returned, whatever the task still has to
// say: nobody reads on, unless the stream was taken over, and the stream is not abandoned,
// however it ends.
func (s *Stream) Returned() {
	s.c.mu.Lock()
	taken := s.taken
	if !taken {
		s.In.close()
	}
	s.setReturned()
	s.c.mu.Unlock()
	if !taken {
		s.In.release()
	}
}

func (s *Stream) setReturned() {
	s.returned = true
	if s.late != nil {
		s.late.Stop()
	}
	delete(s.c.abandoned, s)
}
