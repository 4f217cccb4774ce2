package mux

import "github.com/gwport/gwport/bridge/internal/wire"

// inflow is the credit of a half that arrives (SPEC.md, section 7.4), as the one
// who gives it keeps it.
type inflow struct {
	window   int32 // what is given again and again; its reader is behind by no more
	sendable int32 // bytes the other side may still send
	buffered int32 // bytes that have arrived and are not read
}

// arrive counts n bytes that have come. It is false if there was no credit for them.
func (f *inflow) arrive(n int) bool {
	if n > int(f.sendable) {
		return false
	}
	f.sendable -= int32(n)
	f.buffered += int32(n)
	return true
}

// read counts n bytes that have found their reader.
func (f *inflow) read(n int) { f.buffered -= int32(n) }

func (f *inflow) free() int32 { return f.window - f.sendable - f.buffered }

// isDue tells whether half of the window is free.
func (f *inflow) isDue() bool { return f.free() >= max(1, f.window/2) }

// grant is what is to be granted now, and counts it: all that is free, once half of
// the window is, so that the other side has some while the reader reads on [C4].
// Where it is known that left bytes are still to come, more needs no credit; -1
// stands for not known.
func (f *inflow) grant(left int64) int32 {
	free := f.free()
	if !f.isDue() {
		return 0
	}
	if left >= 0 {
		free = int32(min(int64(free), left-int64(f.sendable)))
	}
	if free <= 0 {
		return 0
	}
	f.sendable += free
	return free
}

// outflow is the credit of a half that we send: bytes that may be sent now.
type outflow int

// grant adds the other side's grant. It is false if that is none, or if there were
// more credit then than there may be [C3].
func (f *outflow) grant(n int64) bool {
	if n < 1 || n > wire.MaxCredit-int64(*f) {
		return false
	}
	*f += outflow(n)
	return true
}

// take takes up to n bytes, and returns how many.
func (f *outflow) take(n int) int {
	n = min(n, int(*f))
	*f -= outflow(n)
	return n
}

// takeAll takes n bytes, or none.
func (f *outflow) takeAll(n int) bool {
	if n > int(*f) {
		return false
	}
	*f -= outflow(n)
	return true
}
