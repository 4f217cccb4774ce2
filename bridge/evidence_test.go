package bridge_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// What a host asks for (SPEC.md, section 16).
const (
	stacks = iota
	heap
	cpu
)

// The results.
const (
	done = iota
	failed
	busy
	unknown
	tooLarge
)

const plenty = 16 << 20

// newCurious is a host that asks for evidence.
func newCurious(t *testing.T, h http.HandlerFunc) *bridgetest.Host {
	t.Helper()
	leavesNothing(t)
	host := bridgetest.NewWith(t, &bridge.Server{Handler: h}, bridgetest.Config{Capabilities: []string{"evidence"}})
	v, _ := host.Ready().Get(etf.Binary("capabilities"))
	require.Contains(t, v, etf.Binary("evidence"))
	return host
}

func ask(h *bridgetest.Host, number, what, ms, most int) {
	h.SendTerm(bridgetest.Ask, 0, etf.Tuple{number, what, ms, most})
}

// evidenceOf waits for the end of an answer, and returns what came of it.
func evidenceOf(t *testing.T, h *bridgetest.Host, number int) (b []byte, result int64, text string) {
	t.Helper()
	for {
		f, ok := h.Next()
		require.True(t, ok, "the wire has ended")
		v, _ := f.Term().(etf.Tuple)
		if f.Kind != bridgetest.Part && f.Kind != bridgetest.Answered || v[0] != int64(number) {
			continue
		}
		if f.Kind == bridgetest.Answered {
			return b, v[1].(int64), string(v[2].(etf.Binary))
		}
		part := v[1].(etf.Binary)
		require.NotEmpty(t, part)
		require.LessOrEqual(t, len(part), 32<<10)
		b = append(b, part...)
	}
}

// pprofReads runs the tool that people would.
func pprofReads(t *testing.T, profile []byte, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "profile")
	require.NoError(t, os.WriteFile(file, profile, 0o600))
	out, err := exec.Command("go", append(append([]string{"tool", "pprof"}, args...), file)...).Output()
	require.NoError(t, err)
	return string(out)
}

func TestStacksAreThoseOfHandlersToo(t *testing.T) {
	release := make(chan struct{})
	h := newCurious(t, func(http.ResponseWriter, *http.Request) { waitHere(release) })
	s := h.Open(bridgetest.Request{})
	h.Ping(1)
	ask(h, 1, stacks, 0, plenty)
	b, result, _ := evidenceOf(t, h, 1)
	require.EqualValues(t, done, result)
	require.Contains(t, string(b), "bridge_test.waitHere")
	close(release)
	s.Expect(bridgetest.Reply)
}

func waitHere(release chan struct{}) { <-release }

func TestProfilesAreWhatPprofReads(t *testing.T) {
	h := newCurious(t, ok)
	ask(h, 1, heap, 0, plenty)
	b, result, _ := evidenceOf(t, h, 1)
	require.EqualValues(t, done, result)
	require.Contains(t, pprofReads(t, b, "-raw"), "inuse_space/bytes")

	ask(h, 2, cpu, 10, plenty)
	b, result, _ = evidenceOf(t, h, 2)
	require.EqualValues(t, done, result)
	require.Contains(t, pprofReads(t, b, "-raw"), "cpu/nanoseconds")
}

func TestAnAnswerIsNoLargerThanAskedFor(t *testing.T) {
	h := newCurious(t, ok)
	for what, name := range []string{"stacks", "heap", "cpu"} {
		ask(h, what+1, what, 1, 10)
		b, result, text := evidenceOf(t, h, what+1)
		require.EqualValues(t, tooLarge, result, name)
		require.Empty(t, b)
		require.Contains(t, text, "10 bytes")
	}
}

// The bound is on both sides of its edge.
func TestBytesThatAreJustEnough(t *testing.T) {
	const most = 1000
	w := bridge.NewBounded(most)
	for range 2 {
		n, err := w.Write(make([]byte, most/2))
		require.NoError(t, err)
		require.Equal(t, most/2, n)
	}
	_, err := w.Write([]byte{1})
	require.ErrorContains(t, err, "bridge: more than 1000 bytes")

	all := bridge.Stacks(plenty)
	require.Greater(t, len(bridge.Stacks(len(all)/2)), len(all)/2, "more than asked for, which is how it is told")
}

func TestTwoProfilesAtOnce(t *testing.T) {
	h := newCurious(t, ok)
	ask(h, 1, cpu, 600_000, plenty)
	ask(h, 2, cpu, 1, plenty)
	_, result, text := evidenceOf(t, h, 2)
	require.EqualValues(t, busy, result)
	require.NotEmpty(t, text)
	// Another kind of evidence is to be had meanwhile, and so is a response.
	ask(h, 3, stacks, 0, plenty)
	_, result, _ = evidenceOf(t, h, 3)
	require.EqualValues(t, done, result)
	h.Open(bridgetest.Request{}).Expect(bridgetest.Reply)
	// The end of the wire ends the profile: leavesNothing would see it.
}

func TestAProgramThatProfilesItselfIsBusy(t *testing.T) {
	h := newCurious(t, ok)
	require.NoError(t, pprof.StartCPUProfile(io.Discard))
	defer pprof.StopCPUProfile()
	ask(h, 1, cpu, 1, plenty)
	_, result, text := evidenceOf(t, h, 1)
	require.EqualValues(t, busy, result)
	require.Contains(t, text, "in use")
}

func TestADrainDoesNotWaitForAnAnswer(t *testing.T) {
	h := newCurious(t, ok)
	ask(h, 1, cpu, 600_000, plenty)
	h.Drain()
	require.NoError(t, h.Wait())
}

func TestEvidenceOfALaterPageIsUnknown(t *testing.T) {
	h := newCurious(t, ok)
	for number, what := range []int{3, 1 << 30} {
		ask(h, number+1, what, 0, 1)
		_, result, _ := evidenceOf(t, h, number+1)
		require.EqualValues(t, unknown, result)
	}
}

func TestAsksAreHeldAgainstTheirLimits(t *testing.T) {
	for name, v := range map[string]any{
		"no tuple":        1,
		"another arity":   etf.Tuple{1, 0, 0},
		"number 0":        etf.Tuple{0, 0, 0, 1},
		"number too high": etf.Tuple{1 << 31, 0, 0, 1},
		"what below 0":    etf.Tuple{1, -1, 0, 1},
		"time below 0":    etf.Tuple{1, 2, -1, 1},
		"time too long":   etf.Tuple{1, 2, 600_001, 1},
		"most 0":          etf.Tuple{1, 0, 0, 0},
		"most too high":   etf.Tuple{1, 0, 0, 1<<30 + 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := newCurious(t, ok)
			h.SendTerm(bridgetest.Ask, 0, v)
			requireBadAsk(t, h, "ask: ")
		})
	}
	t.Run("the number of before", func(t *testing.T) {
		h := newCurious(t, ok)
		ask(h, 7, 3, 600_000, 1<<30) // the edges that are taken
		ask(h, 7, 3, 0, 1)
		requireBadAsk(t, h, "expected one above 7")
	})
	t.Run("without the capability", func(t *testing.T) {
		h := newHost(t, ok)
		ask(h, 1, stacks, 0, 1)
		requireBadAsk(t, h, "without the capability")
	})
}

func requireBadAsk(t *testing.T, h *bridgetest.Host, text string) {
	t.Helper()
	var fault *bridge.FaultError
	require.ErrorAs(t, h.Wait(), &fault)
	require.Equal(t, bridge.FaultBadFrame, fault.Code)
	require.Contains(t, fault.Text, text)
}

// A large answer comes in parts, which do not keep a ping waiting, nor a stream.
func TestALargeAnswerKeepsNobodyWaiting(t *testing.T) {
	var entered sync.WaitGroup
	release := make(chan struct{})
	h := newCurious(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.Method == "DELETE" {
			entered.Done()
			<-release
		}
	})
	var waiting []*bridgetest.Stream
	entered.Add(300)
	for range 300 {
		waiting = append(waiting, h.Open(bridgetest.Request{Method: "DELETE"}))
	}
	entered.Wait()
	ask(h, 1, stacks, 0, plenty)
	h.Open(bridgetest.Request{}).Expect(bridgetest.Reply)
	b, result, _ := evidenceOf(t, h, 1)
	require.EqualValues(t, done, result)
	require.Greater(t, len(b), 100<<10)
	require.GreaterOrEqual(t, bytes.Count(b, []byte("bridge.(*exchange).Run")), 300)
	close(release)
	for _, s := range waiting {
		s.Expect(bridgetest.Reply)
	}
}
