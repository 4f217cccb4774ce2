package mux

import (
	"runtime"
	"time"
)

// yields lets handlers that are ready run before the reader or the writer, which it belongs to, makes a
// system call.
//
// Before a write, because most handlers are done in a few microseconds, and one write then carries
// what all of them have answered. Before a read, because a goroutine that waits in a system call
// has its P with it, and what is ready to run there waits until another thread has been woken and
// has found it.
//
// While handlers compute there is no P that is free, and each yield would take until one of them has had
// its 10 ms. So when some were late there are none for a while.
type yields struct {
	row       int       // late ones, one after another
	noYieldTo time.Time // none before
}

// yield lets others run. It tells whether a row of yields was late.
func (y *yields) yield() bool {
	start := time.Now()
	if start.Before(y.noYieldTo) {
		return false
	}
	runtime.Gosched()
	return y.took(start, time.Since(start))
}

func (y *yields) took(start time.Time, d time.Duration) bool {
	if d < lateYield {
		y.row = 0
		return false
	}
	if y.row++; y.row < lateRow {
		return false
	}
	y.row = 0
	y.noYieldTo = start.Add(d + yieldPause)
	return true
}
