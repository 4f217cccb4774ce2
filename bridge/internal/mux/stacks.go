package mux

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
)

// stacks are those of all goroutines, or the first maxStacks bytes of them.
func stacks() []byte {
	for size := 256 << 10; ; size = min(8*size, maxStacks) {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < len(b) || size == maxStacks {
			return b[:n]
		}
	}
}

// stackOf finds the stack of a goroutine among all, and behind it those of the ones that
// it has started, for which it may be waiting.
func stackOf(all []byte, goroutine uint64) string {
	own := fmt.Appendf(nil, "goroutine %d [", goroutine)
	startedBy := fmt.Appendf(nil, " in goroutine %d\n", goroutine)
	var stack, others []byte
	for block := range bytes.SplitSeq(all, []byte("\n\n")) {
		switch {
		case bytes.HasPrefix(block, own):
			stack = block
		case bytes.Contains(block, startedBy) && len(others) < maxOthers:
			others = append(append(others, "\n\n"...), block...)
		}
	}
	if stack == nil {
		return fmt.Sprintf("goroutine %d is not among the first %d bytes of all stacks", goroutine, maxStacks)
	}
	return string(append(stack[:len(stack):len(stack)], others...))
}

// goroutineNumber is what a stack of the calling goroutine begins with. There is no other
// way to learn it.
func goroutineNumber() uint64 {
	var space [64]byte
	text := bytes.TrimPrefix(space[:runtime.Stack(space[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	n, _ := strconv.ParseUint(string(digits), 10, 64)
	return n
}
