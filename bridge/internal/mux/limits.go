package mux

import "time"

// StopGrace is how long the program may live after the end of its input [P5].
const StopGrace = 500 * time.Millisecond

// Limits of our own, that the wire knows nothing of.
const (
	// maxPongs is how many pings may wait for their answer. A host that sends
	// more without reading would make us keep them all: that is a wire fault.
	maxPongs = 4_096

	// logBudget is how many bytes of log lines may wait for the writer. Lines
	// beyond it are dropped and counted, so that logging can neither block the
	// program nor fill its memory.
	logBudget = 256 << 10

	// logWait is how long an error record waits to be written, so that
	// os.Exit right behind it does not lose it.
	logWait = 100 * time.Millisecond

	// maxIdleWorkers is how many goroutines are kept for tasks to come. More
	// are made as they are needed, and end when their tasks have.
	maxIdleWorkers = 256

	// abandonedAfter is how long a task may go on behind the end of its stream
	// before it counts as abandoned (Config.MaxAbandoned). Many are told at once
	// when a connection with many streams breaks, and each takes a moment to end.
	abandonedAfter = time.Second

	// batchSize is about how much one write carries. It bounds how long a pong
	// can wait behind bodies, and is twice what a pipe holds.
	batchSize = 128 << 10
)
