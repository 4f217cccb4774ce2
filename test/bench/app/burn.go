package main

import (
	"net/http"
	"runtime"
	"time"
)

// newBurn answers after as many turns of a loop as take a millisecond on an idle processor: work, not a clock, because
// a request that waits for the processor must not get away with less of it.
func newBurn() http.HandlerFunc {
	turns := calibrate()
	return func(w http.ResponseWriter, _ *http.Request) {
		runtime.KeepAlive(spin(turns))
		text(w, "burnt\n")
	}
}

func burnFor(w http.ResponseWriter, r *http.Request) {
	for end := time.Now().Add(milliseconds(r)); time.Now().Before(end) && r.Context().Err() == nil; {
		runtime.KeepAlive(spin(10000))
	}
	text(w, "burnt\n")
}

// calibrate takes the fastest of some tries: nothing else has run then, with some luck.
func calibrate() int {
	const turns = 1_000_000
	fastest := time.Hour
	for range 20 {
		start := time.Now()
		runtime.KeepAlive(spin(turns))
		fastest = min(fastest, time.Since(start))
	}
	return int(turns * time.Millisecond / fastest)
}

// spin has a result, which has to be kept, or the compiler would leave it out.
//
//go:noinline
func spin(turns int) (x int) {
	for range turns {
		x = (x*75 + 74) & 0xffff
	}
	return x
}
