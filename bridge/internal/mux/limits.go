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

	// maxStacks is how many bytes of all stacks are searched for that of a task, and
	// maxOthers about how many there may be of those that it has started.
	maxStacks = 16 << 20
	maxOthers = 16 << 10

	// maxShown is how many tasks are logged with their stacks at a time, and
	// lookPause is how long it takes until there are more.
	maxShown  = 10
	lookPause = time.Second

	// MaxWhole is how long a body may be that goes in one frame with its head. A
	// window has room for it, and beyond it one frame costs the host as much as
	// chunks do.
	MaxWhole = 112 << 10

	// holdTime is how long a head may wait for the body with which it goes as one
	// frame: far less than anybody notices, and more than a handler needs that has
	// the body at hand.
	holdTime = time.Millisecond

	// hastyPieces is how many pieces have joined a chunk when it is written that tell
	// of a handler which does not wait between its flushes. gatheredSize is enough for
	// a frame of its next ones, and gatheredPieces of them have it wait.
	hastyPieces    = 8
	gatheredSize   = 4 << 10
	gatheredPieces = 128

	// takenPause is how often it is looked whether the host has read the last frames.
	takenPause = time.Millisecond

	// batchSize is about how much one write carries. It bounds how long a pong
	// can wait behind bodies, and is twice what a pipe holds.
	batchSize = 128 << 10

	// bulkSize is the size of a turn that waits for smaller ones: more than what a
	// handler's answer has gathered before it is sent.
	bulkSize = 32 << 10

	// lateYield is how long a yield takes where others keep the wire
	// waiting: most of the 10 ms for which Go lets a goroutine compute. lateRow of
	// them one after another are no accident, such as a processor that another
	// process has had.
	lateYield = 8 * time.Millisecond
	lateRow   = 2

	// yieldPause is how long reader or writer then do without a yield, which would put
	// the wire behind handlers.
	yieldPause = 20 * time.Millisecond

	// firstSpares is how many Ps are lent first: for the reader, for the writer and
	// short handlers, and for two more of those that compute. If that is too few they
	// become twice as many, up to Config.SpareProcs.
	firstSpares = 4

	// shortHold is for how long they are lent. When they are needed again within
	// as long, the time doubles up to longHold.
	shortHold = 5 * time.Second
	longHold  = 80 * time.Second
)
