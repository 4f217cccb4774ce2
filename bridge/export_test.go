package bridge

import "io"

// MemoryInUse is how many bytes of files in memory are reserved for bodies.
func MemoryInUse() int64 { return memoryInUse.Load() }

// Stacks are those of all goroutines, or more than most bytes of them.
var Stacks = stacks

// NewBounded takes so many bytes.
func NewBounded(most int) io.Writer { return &bounded{most: most} }
