package mux

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// usualPs is how many Ps there are by default, which the test has from here on and
// leaves behind.
func usualPs(t *testing.T) int {
	t.Helper()
	t.Setenv("GOMAXPROCS", "")
	runtime.SetDefaultGOMAXPROCS()
	t.Cleanup(runtime.SetDefaultGOMAXPROCS)
	return runtime.GOMAXPROCS(0)
}

func requirePs(t *testing.T, n int) {
	t.Helper()
	require.Equal(t, n, runtime.GOMAXPROCS(0))
}

func TestPsAreLentUpToTheMost(t *testing.T) {
	usual := usualPs(t)
	s := newSpares(9)
	for _, n := range []int{firstSpares, 2 * firstSpares, 9, 9} {
		s.lend()
		requirePs(t, usual+n)
	}
	s.takeBack()
	requirePs(t, usual)
	s.takeBack()
	requirePs(t, usual)
}

func TestOnePIsLentWhereThatIsTheMost(t *testing.T) {
	usual := usualPs(t)
	s := newSpares(1)
	s.lend()
	s.lend()
	requirePs(t, usual+1)
}

func TestPsThatAreNeededAgainSoonAreLentAtOnceAndForLonger(t *testing.T) {
	usual := usualPs(t)
	s := newSpares(8)
	s.lend()
	s.lend()
	require.Equal(t, shortHold, s.hold)
	s.takeBack()
	s.lend()
	requirePs(t, usual+2*firstSpares)
	require.Equal(t, 2*shortHold, s.hold)
	for range 10 {
		s.takeBack()
		s.lend()
	}
	require.Equal(t, longHold, s.hold)

	s.takeBack()
	s.back = s.back.Add(-longHold)
	s.lend()
	requirePs(t, usual+firstSpares)
	require.Equal(t, shortHold, s.hold)
}

func TestNothingIsLentWhereTheEnvironmentHasSetGOMAXPROCS(t *testing.T) {
	usualPs(t)
	t.Setenv("GOMAXPROCS", "1")
	require.Zero(t, newSpares(8).most)
}

func TestNothingIsLentWhereTheProgramHasSetGOMAXPROCS(t *testing.T) {
	usual := usualPs(t)
	runtime.GOMAXPROCS(usual + 1)
	s := newSpares(8)
	s.lend()
	requirePs(t, usual+1)

	runtime.SetDefaultGOMAXPROCS() // for good
	s.lend()
	requirePs(t, usual)
}

func TestANumberThatTheProgramSetsMeanwhileStays(t *testing.T) {
	usual := usualPs(t)
	for name, then := range map[string]func(*spares){"lend": (*spares).lend, "takeBack": (*spares).takeBack} {
		t.Run(name, func(t *testing.T) {
			runtime.SetDefaultGOMAXPROCS()
			s := newSpares(8)
			s.lend()
			runtime.GOMAXPROCS(usual + 7)
			then(s)
			requirePs(t, usual+7)
			s.takeBack()
			s.lend()
			requirePs(t, usual+7)
		})
	}
}

func TestPsAreTakenBackInTime(t *testing.T) {
	usual := usualPs(t)
	s := newSpares(8)
	done := make(chan struct{})
	s.lend()
	s.timeout.Reset(time.Millisecond)
	go s.run(done)
	defer close(done)
	require.Eventually(t, func() bool { return runtime.GOMAXPROCS(0) == usual }, soon, time.Millisecond)
}

// Tasks that compute on each P make the wire late. With more Ps it is not, and when it
// has ended there are as many as before.
func TestTasksThatComputeMakeSpares(t *testing.T) {
	usual := usualPs(t)
	cfg := testConfig()
	cfg.Ready.MaxStreams, cfg.SpareProcs = 2*usual, 8
	var over atomic.Bool
	h := newHostWith(t, cfg, testApp{opening: Opening{Window: 1}, run: func(task *testTask) {
		for !over.Load() {
		}
		_ = task.end()
	}})
	for i := range 2 * usual {
		h.open(wire.MinStream + uint32(2*i))
	}
	started := time.Now()
	for runtime.GOMAXPROCS(0) == usual {
		require.Less(t, time.Since(started), soon)
		h.send(wire.KindPing, 0, 1)
		h.expect(wire.KindPong)
	}
	over.Store(true)
	for range 2 * usual {
		h.expect(wire.KindFin)
	}
	h.requireNothingLeft()
	require.Eventually(t, func() bool { return runtime.GOMAXPROCS(0) == usual }, soon, time.Millisecond)
}
