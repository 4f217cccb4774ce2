package apps

import (
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
)

func (f *faults) panic(http.ResponseWriter, *http.Request) {
	panic("faults: a panic before the head")
}

func (f *faults) panicLate(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	n := p.int("bytes", 10)
	if p.bad(w) {
		return
	}
	_, _ = io.Copy(w, newLines(int64(n)))
	_ = http.NewResponseController(w).Flush()
	panic("faults: a panic after the head")
}

func (f *faults) exit(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	code := p.int("code", 3)
	if p.bad(w) {
		return
	}
	os.Exit(code)
}

// fatal ends the program in a way that no recover can stop.
func (f *faults) fatal(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	bytes := p.int("bytes", 0)
	if p.bad(w) {
		return
	}
	switch p.Get("kind") {
	case "", "mutex":
		new(sync.Mutex).Unlock()
	case "map":
		concurrentMapWrites()
	case "goroutine":
		// The panic's own text can be as long as a trace of many goroutines.
		go panic("faults: a panic that nobody recovers " + strings.Repeat("x", bytes))
		select {}
	case "stack":
		panic(deeper(0)) // which is never reached
	default:
		http.Error(w, "faults: kind is mutex, map, goroutine or stack", http.StatusBadRequest)
	}
}

// concurrentMapWrites does not return: the runtime notices two writers sooner or later, and these do not stop. With one
// thread it might never notice, since writes to a map are not preempted by the scheduler, only by the kernel.
func concurrentMapWrites() {
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	m := map[int]int{}
	for range 4 {
		go func() {
			for i := 0; ; i++ {
				m[i%8] = i
			}
		}()
	}
	select {}
}

//lint:ignore SA5007 a stack that overflows is what it is for
func deeper(n int) int { return deeper(n+1) + 1 }
