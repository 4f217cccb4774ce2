package mux

import (
	"os"
	"runtime"
	"time"
)

// spares lends the program Ps, as the Go runtime calls what a goroutine needs to run,
// while handlers that use the CPU keep the wire waiting.
//
// Go has as many Ps as the program may use processors, and a goroutine that computes
// has one for 10 ms at a time. The reader loses its own whenever it waits for the
// host, and then queues for another behind all goroutines that want to compute: with
// four of those on two processors, a request of microseconds takes tens of
// milliseconds. With a few more Ps the kernel decides who runs, and it prefers threads
// that have waited, as the reader's has. They are not there always, because a program
// that does not compute pays for them: the runtime looks for work in each.
//
// How late the wire is, the writer learns by the way: its yield before a write queues
// where the reader does (see yields).
//
// To set GOMAXPROCS ends Go's own updates of it from the limits of the container. So it
// is done only where those are in force, and taking the Ps back is asking for the
// default, which brings the updates back. Where the environment or the program has set
// it, nothing is lent, ever; only that the program has set the very number that Go had
// chosen cannot be seen.
//
// The writer calls ask; all else belongs to the goroutine of run, because changing
// the number of Ps waits for a garbage collection under way.
type spares struct {
	most int // that are lent; 0: none ever

	late chan struct{} // the writer's yields are

	lent    int // now
	usual   int // Ps without them
	before  int // lent the last time
	back    time.Time
	hold    time.Duration
	timeout *time.Timer // takes back
}

func newSpares(most int) *spares {
	if os.Getenv("GOMAXPROCS") != "" {
		most = 0
	}
	s := &spares{most: most, late: make(chan struct{}, 1), timeout: time.NewTimer(longHold)}
	s.timeout.Stop()
	return s
}

// ask says that the wire is late, and waits for nobody.
func (s *spares) ask() {
	select {
	case s.late <- struct{}{}:
	default:
	}
}

// run lends and takes back, until done is closed.
func (s *spares) run(done <-chan struct{}) {
	if s.most == 0 {
		return
	}
	for {
		select {
		case <-s.late:
			s.lend()
		case <-s.timeout.C:
			s.takeBack()
		case <-done:
			s.takeBack()
			return
		}
	}
}

// lend lends Ps, or twice as many as are lent, and sets the time when they are taken
// back. Whether they are needed still shows only then; who needs them again soon has
// them at once, and for longer.
func (s *spares) lend() {
	n := 2 * s.lent
	if s.lent == 0 {
		if !usesDefault() {
			s.most = 0
			return
		}
		s.usual = runtime.GOMAXPROCS(0)
		n = s.again()
	}
	if n = min(n, s.most); n > s.lent && s.isOurs() {
		runtime.GOMAXPROCS(s.usual + n)
		s.lent = n
	}
	s.timeout.Reset(s.hold)
}

// again is how many Ps are lent where none are.
func (s *spares) again() int {
	if s.before == 0 || time.Since(s.back) > s.hold {
		s.hold = shortHold
		return firstSpares
	}
	s.hold = min(2*s.hold, longHold)
	return s.before
}

// takeBack takes back what is lent.
func (s *spares) takeBack() {
	if s.lent == 0 {
		return
	}
	if s.isOurs() {
		runtime.SetDefaultGOMAXPROCS()
	}
	s.before, s.lent, s.back = s.lent, 0, time.Now()
}

// isOurs tells whether the program has left the number of Ps alone since it was
// changed. If not, it is the program's from now on.
func (s *spares) isOurs() bool {
	if runtime.GOMAXPROCS(0) != s.usual+s.lent {
		s.most = 0
	}
	return s.most > 0
}

// usesDefault tells whether the number of Ps is the one that Go has chosen, as far as
// can be seen: asking for the default changes nothing then. If it does, what was there
// is put back.
func usesDefault() bool {
	n := runtime.GOMAXPROCS(0)
	runtime.SetDefaultGOMAXPROCS()
	if runtime.GOMAXPROCS(0) == n {
		return true
	}
	runtime.GOMAXPROCS(n)
	return false
}
