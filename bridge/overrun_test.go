package bridge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// lines are the lines of the log that are there.
func lines(t *testing.T, frames <-chan bridgetest.Frame) (all []etf.Tuple) {
	t.Helper()
	synctest.Wait()
	for len(frames) > 0 {
		f := <-frames
		require.Equal(t, bridgetest.Log, f.Kind)
		all = append(all, f.Term().(etf.Tuple))
	}
	return all
}

// overrunning is a program whose handlers do not heed that their requests are over; n of
// them are aborted with a code.
func overrunning(t *testing.T, server *bridge.Server, n int, code byte) (frames <-chan bridgetest.Frame, toProg io.Writer) {
	t.Helper()
	in, to := io.Pipe()
	fromProg, out := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- server.ServeConn(in, out) }()
	t.Cleanup(func() {
		_ = to.Close()
		require.NoError(t, <-done)
	})
	require.NoError(t, bridgetest.NewLoad(to, fromProg).Greet())
	all := make(chan bridgetest.Frame, 1000)
	go func() {
		for {
			f, err := bridgetest.ReadFrame(fromProg)
			if err != nil {
				return
			}
			all <- f
		}
	}()
	for i := range n {
		id := uint32(256 + 2*i)
		open := bridgetest.Request{Method: "GET", Path: `/a"b` + strings.Repeat("c", 2000)}.Open()
		_, _ = to.Write(bridgetest.Frame{Kind: bridgetest.Open, Stream: id, Payload: open}.Append(nil))
		reason := []byte("\x83h\x02a" + string(code) + "m\x00\x00\x00\x00")
		_, _ = to.Write(bridgetest.Frame{Kind: bridgetest.Abort, Stream: id, Payload: reason}.Append(nil))
		require.Equal(t, bridgetest.Abort, (<-all).Kind)
	}
	synctest.Wait()
	return all, to
}

func hangHere(release chan struct{}) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			hangThere(release)
		}()
		<-done
	})
}

func hangThere(release chan struct{}) { <-release }

// A handler whose time is over is given AbandonedAfter, and not a nanosecond more.
func TestTheStackOfAHandlerWhoseTimeIsOverIsLogged(t *testing.T) {
	for name, c := range map[string]struct {
		code byte
		set  time.Duration
		want time.Duration
	}{
		"deadline":     {3, 0, bridge.DefaultAbandonedAfter},
		"head timeout": {4, time.Millisecond, time.Millisecond},
		"idle timeout": {5, time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				defer close(release)
				frames, _ := overrunning(t, &bridge.Server{AbandonedAfter: c.set, Handler: hangHere(release)}, 1, c.code)
				time.Sleep(c.want - time.Nanosecond)
				require.Empty(t, lines(t, frames))
				time.Sleep(time.Nanosecond)
				all := lines(t, frames)
				require.Len(t, all, 1)
				require.EqualValues(t, 4, all[0][0], "a warning")
				require.Contains(t, string(all[0][1].(etf.Binary)), "after the time of its request was over")
				meta := all[0][2].(etf.Map)
				require.EqualValues(t, 256, metaOf(meta, "stream"))
				require.Equal(t, etf.Binary("GET"), metaOf(meta, "method"))
				path := string(metaOf(meta, "path").(etf.Binary))
				require.True(t, strings.HasPrefix(path, `/a"bccc`))
				require.Len(t, path, 1024)
				stack := string(metaOf(meta, "stack").(etf.Binary))
				require.True(t, strings.HasPrefix(stack, "goroutine "))
				require.Contains(t, stack, "hangHere")
				require.Contains(t, stack, "bridge_test.hangThere", "what it waits for")
				require.NotContains(t, stack, "overrunning", "and nothing else")

				time.Sleep(time.Hour)
				require.Empty(t, lines(t, frames), "it is said once")
			})
		})
	}
}

// Handlers may go on when their client has left: many finish what they are at.
func TestTheStackOfAHandlerWhoseClientHasLeftIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		frames, _ := overrunning(t, &bridge.Server{Handler: hangHere(release)}, 1, 2)
		time.Sleep(time.Hour)
		require.Empty(t, lines(t, frames))
	})
}

func TestAHandlerThatEndsInTimeIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		frames, _ := overrunning(t, &bridge.Server{Handler: hangHere(release)}, 1, 3)
		time.Sleep(time.Second - time.Nanosecond)
		close(release)
		time.Sleep(time.Hour)
		require.Empty(t, lines(t, frames))
	})
}

// Ten stacks are logged at a time, and how many others there are.
func TestOfManyHandlersWhoseTimeIsOverSomeAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, want := range map[int][]int{10: {10, 0}, 11: {10, 1}} {
			release := make(chan struct{})
			server := &bridge.Server{MaxAbandoned: 1000, AbandonedAfter: time.Minute, Handler: hangHere(release)}
			frames, _ := overrunning(t, server, n, 3)
			time.Sleep(time.Minute)
			shown, others := 0, 0
			for range 3 { // of the first that was late there may be a line of its own
				for _, line := range lines(t, frames) {
					if n := metaOf(line[2].(etf.Map), "others"); n != nil {
						others += int(n.(int64))
					} else {
						shown++
					}
				}
				time.Sleep(time.Second)
			}
			require.Equal(t, n, shown+others)
			require.GreaterOrEqual(t, shown, want[0])
			require.LessOrEqual(t, others, want[1])
			close(release)
		}
	})
}

func TestAbandonedAfterHasEdges(t *testing.T) {
	serve := func(d time.Duration) error {
		r, w := newPipe(t)
		_ = w.Close()
		return (&bridge.Server{Handler: http.HandlerFunc(ok), AbandonedAfter: d}).ServeConn(r, w)
	}
	for _, d := range []time.Duration{0, time.Millisecond, time.Hour} {
		require.NoError(t, serve(d), "%v", d)
	}
	for _, d := range []time.Duration{-1, time.Millisecond - 1, time.Hour + 1} {
		require.ErrorContains(t, serve(d), "Server.AbandonedAfter", "%v", d)
	}
}
