package bridge

import "time"

// The wire's fixed limits (SPEC.md, section 11).
const (
	// WireVersion is the version of SPEC.md that this package speaks.
	WireVersion = 1

	// stopGrace is how long the program may live after the end of its input
	// [P5]. Handlers are told at once; the process ends itself a little
	// earlier, because the host counts too.
	stopGrace  = 500 * time.Millisecond
	stopMargin = 50 * time.Millisecond
)

// Limits of our own, that the wire knows nothing of.
const (
	// maxPongs is how many pings may wait for their answer. A host that sends
	// more without reading would make us keep them all: that is a wire fault.
	maxPongs = 4_096

	// logBudget is how many bytes of log lines may wait for the writer. Lines
	// beyond it are dropped and counted, so that logging can neither block the
	// program nor fill its memory.
	logBudget = 256 << 10

	// maxAttrs is how many attributes of a record are sent; the rest are left out.
	maxAttrs = 1_000

	// logWait is how long an error record waits to be written, so that
	// os.Exit right behind it does not lose it.
	logWait = 100 * time.Millisecond

	// stderrTimeout bounds a write to the host's standard error socket [P3].
	stderrTimeout = 100 * time.Millisecond

	// firstBuffer and lastBuffer bound what of a response is kept back before
	// its head is sent: a response that ends within lastBuffer bytes gets a
	// Content-Length and travels as one frame. Memory grows only with use.
	firstBuffer = 4 << 10
	lastBuffer  = 16 << 10

	// sniffLen is how much of a body decides its Content-Type.
	sniffLen = 512

	// maxIdleWorkers is how many goroutines are kept for handlers to come. More
	// are made as they are needed, and end when their handlers have.
	maxIdleWorkers = 256

	// abandonedAfter is how long a handler may go on behind the end of its stream
	// before it counts as abandoned (Server.MaxAbandoned). Many are told at once
	// when a connection with many streams breaks, and each takes a moment to end.
	abandonedAfter = time.Second

	// maxServerBody is how much of a body is read of a request that is for the
	// server itself (OPTIONS *).
	maxServerBody = 4 << 10

	// batchSize is about how much one write carries. It bounds how long a pong
	// can wait behind bodies, and is twice what a pipe holds.
	batchSize = 128 << 10
)

// Defaults of Server.
const (
	// DefaultWindow is how many bytes of a request's body the host may send
	// before the handler has read any.
	DefaultWindow = 65_536

	// DefaultMaxStreams is how many requests may be under way at once.
	DefaultMaxStreams = 10_000

	// DefaultMaxHead bounds a request's head (as a term).
	DefaultMaxHead = 65_536

	// DefaultMaxFrame bounds a frame to this program.
	DefaultMaxFrame = 1 << 20

	// DefaultMaxAbandoned is how many handlers may outlive their streams by a second.
	DefaultMaxAbandoned = 1_000
)
