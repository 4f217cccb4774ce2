package bridge

import (
	"io"
	"time"
)

// MemoryInUse is how many bytes of files in memory are reserved for bodies.
func MemoryInUse() int64 { return memoryInUse.Load() }

// RetireShared lets the file go that bodies share, if nobody does, as its idle time would.
func RetireShared() {
	shared.mu.Lock()
	f := shared.file
	if f != nil {
		f.seen = f.used
	}
	shared.mu.Unlock()
	if f != nil {
		f.retire()
	}
}

// HoldShared sets how long a body may take to be complete, and returns what undoes that.
func HoldShared(d time.Duration) (undo func()) {
	before := sharedHold
	sharedHold = d
	return func() { sharedHold = before }
}

// Stacks are those of all goroutines, or more than most bytes of them.
var Stacks = stacks

// NewBounded takes so many bytes.
func NewBounded(most int) io.Writer { return &bounded{most: most} }
