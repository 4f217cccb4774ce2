package bridge

import (
	"fmt"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// What the host may ask for while requests are served, and is told whatever they do
// (SPEC.md, section 16): stacks and profiles, in at most as many bytes as it takes.

// evidence is what a conn calls for it.
func evidence(ask wire.Ask, done <-chan struct{}) ([]byte, wire.Result, string) {
	b := bounded{most: ask.Most}
	var err error
	switch ask.What {
	case wire.EvidenceStacks:
		b.bytes = stacks(ask.Most)
		b.isOver = len(b.bytes) > ask.Most
	case wire.EvidenceHeap:
		err = pprof.Lookup("heap").WriteTo(&b, 0)
	case wire.EvidenceCPU:
		if err := pprof.StartCPUProfile(&b); err != nil {
			return nil, wire.ResultBusy, err.Error() // the program profiles itself
		}
		pause(ask.Time, done)
		pprof.StopCPUProfile()
	}
	switch {
	case b.isOver:
		return nil, wire.ResultTooLarge, fmt.Sprintf("it is larger than the %d bytes that were asked for", ask.Most)
	case err != nil:
		return nil, wire.ResultFailed, err.Error()
	}
	return b.bytes, wire.ResultDone, ""
}

func pause(d time.Duration, done <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-done:
	}
}

// stacks are those of all goroutines, or more than most bytes of them. The world
// stands still for each try, so that there are few.
func stacks(most int) []byte {
	for size := 256 << 10; ; size *= 8 {
		b := make([]byte, min(size, most+1))
		if n := runtime.Stack(b, true); n < len(b) || n > most {
			return b[:n]
		}
	}
}

// bounded keeps so many bytes, and forgets all if there are more.
type bounded struct {
	bytes  []byte
	most   int
	isOver bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.isOver = b.isOver || len(p) > b.most-len(b.bytes); b.isOver {
		b.bytes = nil
		return 0, fmt.Errorf("bridge: more than %d bytes", b.most)
	}
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}
