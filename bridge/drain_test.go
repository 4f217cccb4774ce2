package bridge_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// nextKind returns the next frame without a stream that is no line of the log.
func nextKind(t *testing.T, h *bridgetest.Host) (bridgetest.Frame, bool) {
	t.Helper()
	for {
		f, ok := h.Next()
		if !ok || f.Kind != bridgetest.Log {
			return f, ok
		}
	}
}

func TestDrainFinishesWhatRunsAndTakesNothingNew(t *testing.T) {
	release := make(chan struct{})
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = io.WriteString(w, "done")
	})
	s := h.Open(bridgetest.Request{})
	h.Ping(1)
	h.Drain()
	f, _ := nextKind(t, h)
	require.Equal(t, bridgetest.Drain, f.Kind)
	require.EqualValues(t, s.ID, f.Term(), "the highest that was taken")

	late := h.Open(bridgetest.Request{})
	late.Chunk([]byte("x"))
	h.Ping(2)
	require.Zero(t, late.Pending(), "what comes later is ignored")

	h.Drain() // again; it is not answered twice
	close(release)
	s.Expect(bridgetest.Reply)
	_, ok := nextKind(t, h)
	require.False(t, ok, "standard output is closed")
	require.NoError(t, h.Wait())
}

func TestDrainOfAnIdleProgramNames255(t *testing.T) {
	h := newHost(t, ok)
	h.Drain()
	f, _ := nextKind(t, h)
	require.EqualValues(t, 255, f.Term())
	require.NoError(t, h.Wait())
}

func TestDrainTimeoutAbortsWhatIsLeft(t *testing.T) {
	leavesNothing(t)
	handler, causes := held()
	h := bridgetest.NewWith(t, &bridge.Server{Handler: handler}, bridgetest.Config{DrainTimeout: time.Millisecond})
	s := h.Open(bridgetest.Request{})
	h.Ping(1)
	h.Drain()
	requireAbort(t, s, bridge.CodePortClosed)
	cause := within(t, causes)
	require.ErrorIs(t, cause, bridge.ErrDrain)
	require.ErrorIs(t, cause, bridge.ErrPortClosed)
	require.NoError(t, h.Wait())
}

// abandoning is a program of which two handlers, one more than it allows, have lost
// their streams. What it sends from then on comes by the channel.
func abandoning(t *testing.T, release chan struct{}) <-chan bridgetest.Frame {
	in, toProg := io.Pipe()
	fromProg, out := io.Pipe()
	server := &bridge.Server{MaxAbandoned: 1, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })}
	done := make(chan error, 1)
	go func() { done <- server.ServeConn(in, out) }()
	t.Cleanup(func() {
		close(release)
		_ = toProg.Close()
		require.NoError(t, <-done)
	})
	require.NoError(t, bridgetest.NewLoad(toProg, fromProg).Greet())
	frames := make(chan bridgetest.Frame, 10)
	go func() {
		defer close(frames)
		for {
			f, err := bridgetest.ReadFrame(fromProg)
			if err != nil {
				return
			}
			frames <- f
		}
	}()
	for id := uint32(256); id <= 258; id += 2 {
		_, _ = toProg.Write(bridgetest.Frame{Kind: bridgetest.Open, Stream: id, Payload: bridgetest.Request{}.Open()}.Append(nil))
		_, _ = toProg.Write(bridgetest.Frame{Kind: bridgetest.Abort, Stream: id, Payload: []byte("\x83h\x02a\x02m\x00\x00\x00\x00")}.Append(nil))
		require.Equal(t, bridgetest.Abort, (<-frames).Kind)
	}
	synctest.Wait()
	return frames
}

// The time in these is synctest's own: nobody waits.

func TestHandlersAreAbandonedASecondAfterTheirStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frames := abandoning(t, make(chan struct{}))
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		require.Empty(t, frames)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Len(t, frames, 4)
		kinds := make(map[bridgetest.Kind]int)
		var hang []etf.Map
		for range 4 {
			f := <-frames
			kinds[f.Kind]++
			if line, ok := f.Term().(etf.Tuple); ok && len(kinds) > 0 {
				meta := line[2].(etf.Map)
				if metaOf(meta, "abandoned") != nil {
					require.Contains(t, string(line[1].(etf.Binary)), "draining")
					require.EqualValues(t, 2, metaOf(meta, "abandoned"))
					require.Len(t, hang, 2, "where they hang is said before")
					continue
				}
				hang = append(hang, meta)
			}
		}
		require.Equal(t, map[bridgetest.Kind]int{bridgetest.Drain: 1, bridgetest.Log: 3}, kinds)
		for _, meta := range hang {
			require.Contains(t, string(metaOf(meta, "stack").(etf.Binary)), "bridge_test.abandoning.func1")
		}
	})
}

func TestHandlersThatEndWithinASecondAreNotAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{}, 1)
		frames := abandoning(t, release)
		time.Sleep(time.Second - time.Nanosecond)
		release <- struct{}{} // one of the two
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, frames)
	})
}

// A connection that breaks ends many streams at once.
func TestManyHandlersThatEndAtOnceAreNotAbandoned(t *testing.T) {
	handler, causes := held()
	h := newHostOf(t, &bridge.Server{MaxAbandoned: 10, Handler: handler})
	var streams []*bridgetest.Stream
	for range 1500 {
		streams = append(streams, h.Open(bridgetest.Request{}))
	}
	h.Ping(1)
	for _, s := range streams {
		s.Abort(bridge.CodeCancelled, "")
	}
	for range streams {
		within(t, causes)
	}
	h.Ping(2)
	require.Equal(t, bridge.CodeCancelled, abortOf(h.Open(bridgetest.Request{})), "nothing drains")
}

// abortOf ends a stream and returns the code that the program answers with.
func abortOf(s *bridgetest.Stream) bridge.Code {
	s.Abort(bridge.CodeCancelled, "")
	return bridge.Code(s.Expect(bridgetest.Abort).Term().(etf.Tuple)[0].(int64))
}

// wire is a program whose output the test reads when it wants to.
type wire struct {
	t    *testing.T
	in   io.WriteCloser
	out  io.ReadCloser
	done chan error
}

func newWire(t *testing.T, handler http.HandlerFunc) *wire {
	t.Helper()
	leavesNothing(t)
	in, toProg := newPipe(t)
	fromProg, out := newPipe(t)
	w := &wire{t, toProg, fromProg, make(chan error, 1)}
	go func() { w.done <- (&bridge.Server{Handler: handler}).ServeConn(in, out) }()
	t.Cleanup(func() {
		_ = toProg.Close()
		_ = fromProg.Close()
		within(t, w.done)
	})
	load := bridgetest.NewLoad(toProg, fromProg)
	require.NoError(t, load.Greet())
	return w
}

func (w *wire) send(f bridgetest.Frame) {
	_, err := w.in.Write(f.Append(nil))
	require.NoError(w.t, err)
}

func (w *wire) open(id uint32, r bridgetest.Request) {
	w.send(bridgetest.Frame{Kind: bridgetest.Open, Stream: id, Payload: r.Open()})
}

func (w *wire) next() bridgetest.Frame {
	f, err := bridgetest.ReadFrame(w.out)
	require.NoError(w.t, err)
	return f
}

func TestPongDoesNotWaitForBodies(t *testing.T) {
	full := make(chan struct{}, 100)
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 200_000))
		full <- struct{}{}
	})
	// Nobody reads: the writer stands in a write, and 10 MB wait behind it.
	for i := range uint32(50) {
		w.open(256+2*i, bridgetest.Request{})
	}
	for range 50 {
		within(t, full)
	}
	w.send(bridgetest.Frame{Kind: bridgetest.Ping, Payload: []byte("\x83a\x07")})
	before := 0
	for f := w.next(); f.Kind != bridgetest.Pong; f = w.next() {
		before += len(f.Payload)
	}
	// What was written, what the writer had in hand, and what it had taken when the ping came.
	require.Less(t, before, 3*128<<10+3*65536)
}

func TestStreamsTakeTurns(t *testing.T) {
	full := make(chan struct{}, 3)
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 200_000))
		full <- struct{}{}
	})
	for i := range uint32(3) {
		w.open(256+2*i, bridgetest.Request{})
	}
	for range 3 {
		within(t, full)
	}
	var last []uint32
	for ends := 0; ends < 3; {
		switch f := w.next(); f.Kind {
		case bridgetest.Chunk:
			last = append(last, f.Stream)
		case bridgetest.Fin:
			ends++
		}
	}
	longest, run := 0, 0
	for i := range last {
		if run++; i > 0 && last[i] != last[i-1] {
			run = 1
		}
		longest = max(longest, run)
	}
	// A stream alone may have sent the first chunks before the others had any.
	require.LessOrEqual(t, longest, 4)
}

func TestAbortReplacesWhatIsNotWritten(t *testing.T) {
	full := make(chan struct{}, 2)
	w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 250_000))
		full <- struct{}{}
	})
	w.open(256, bridgetest.Request{})
	within(t, full)
	w.open(258, bridgetest.Request{})
	within(t, full)
	w.send(bridgetest.Frame{Kind: bridgetest.Abort, Stream: 258, Payload: []byte("\x83h\x02a\x02m\x00\x00\x00\x00")})
	got := map[uint32]int{}
	for {
		f := w.next()
		if f.Kind == bridgetest.Chunk {
			got[f.Stream] += len(f.Payload)
		}
		if f.Stream == 258 && f.Kind == bridgetest.Abort {
			break
		}
	}
	require.Less(t, got[258], 250_000)
}

func TestHostThatDoesNotReadItsPongsIsAFault(t *testing.T) {
	w := newWire(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 200_000)) })
	w.open(256, bridgetest.Request{}) // fills the pipe
	ping := bridgetest.Frame{Kind: bridgetest.Ping, Payload: []byte("\x83a\x07")}.Append(nil)
	for range 50_000 { // more than the pipe and the writer's hands can hold
		if _, err := w.in.Write(ping); err != nil {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, w.out) }()
	err := within(t, w.done)
	w.done <- nil
	var fault *bridge.FaultError
	require.ErrorAs(t, err, &fault)
	require.Equal(t, bridge.FaultFailed, fault.Code)
}

func TestLateCancelIsSeenThroughDerivedContexts(t *testing.T) {
	type key struct{}
	causes := make(chan error, 1)
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, 1))
		defer cancel()
		<-ctx.Done()
		causes <- context.Cause(ctx)
	})
	s := h.Open(bridgetest.Request{})
	s.Abort(bridge.CodeCancelled, "")
	require.ErrorIs(t, within(t, causes), bridge.ErrClientGone)
}
