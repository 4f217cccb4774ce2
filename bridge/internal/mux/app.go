package mux

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// Config is what a Conn needs to know of its program.
type Config struct {
	// Ready is what the greeting says. The Conn keeps to its limits; its Window
	// is the credit that a half which arrives begins with.
	Ready wire.Ready

	// Window is the credit that such a half is kept at.
	Window int

	// WideWindow is the credit that it is kept at when its task has read some of it,
	// as long as all that are wider than Window are so by no more than WideBudget
	// bytes together.
	WideWindow, WideBudget int

	// AbandonedAfter is how long a task may go on behind the end of its stream before it
	// counts as abandoned. Many are told at once when a connection with many streams
	// breaks, and each takes a moment to end.
	AbandonedAfter time.Duration

	// MaxAbandoned is how many tasks may be abandoned. One more, and the Conn drains.
	MaxAbandoned int

	// SpareProcs is how many Ps more than usual the program may have while
	// tasks keep the wire waiting; 0: GOMAXPROCS is not touched.
	SpareProcs int

	// Evidence answers what the host asks for, in at most as many bytes as it takes;
	// it gives up when done is closed. It is called in a goroutine of its own, for
	// each kind of evidence one at a time. It may be nil if Ready has none.
	Evidence func(ask wire.Ask, done <-chan struct{}) (answer []byte, result wire.Result, text string)

	// OnDrain is called once, in a goroutine of its own, when the Conn begins to drain
	// and has told the host so. It may be nil.
	OnDrain func()

	// OnDevLine is called with each line for the host's log, where the host runs for
	// development, under the Conn's mutex. It may be nil.
	OnDevLine func(wire.Line)

	// OnFail is called once, at the end of the input or on a fault, before
	// anything else is done about it. It may be nil.
	OnFail func()
}

// An App is what the streams are for. Its methods are called by the reader, so
// that they must not wait.
type App interface {
	// Accept says what a stream is for, by the payload of its open, or why there
	// will be none. If the stream then is not opened for another reason, its
	// task is cancelled and not run.
	Accept(open []byte) (Opening, *Abort)

	// Cause makes of an abort what the stream's halves and its task are told.
	Cause(Abort) error
}

// An Opening is a stream that an App is willing to serve.
type Opening struct {
	Task   Task
	Window int   // credit that the half which we send begins with
	Length int64 // of all that will arrive; -1: unknown. With 0 that half has ended

	// Takeover: the task may take the stream over. The half that arrives then stays
	// open in spite of a Length of 0, and nothing arrives before [Stream.TakeOver].
	Takeover bool

	// Connect: the task may take the stream over behind the head of its answer. The half that
	// arrives is open as any other.
	Connect bool

	// OnDemand: nothing may arrive before it is asked for.
	OnDemand bool

	// Announce: the host must have been told, by entered, before the task runs [R5].
	Announce bool
}

// A Task is the work on one stream, in which it embeds the Stream.
type Task interface {
	stream() *Stream

	// Run does it, in a goroutine that it may end. It is not called if the
	// stream ends before its turn comes. It tells whether the task waits, without
	// a goroutine: then it is called again when [Stream.Wake] says so, or if that was
	// called meanwhile. A task whose stream has ended is to be woken, too, and may not
	// wait on.
	Run() (waits bool)

	// About says for the log what it is about. It must not wait.
	About() []wire.MetaPair

	// Cancel tells the task that its stream has ended early. It may be called
	// more than once, by any goroutine, before Run and after it; the first call
	// counts.
	Cancel(cause error)
}
