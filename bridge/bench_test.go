package bridge_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// BenchmarkConn measures whole exchanges through pipes, 64 at a time, with a
// host that does as little as possible.
func BenchmarkConn(b *testing.B) {
	b.Run("hello", func(b *testing.B) {
		benchmarkConn(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "Hello, world!")
		}))
	})
	b.Run("app", func(b *testing.B) {
		benchmarkConn(b, bridge.App(func(context.Context, bridge.Environ) bridge.Result {
			return bridge.Text(200, "Hello, world!")
		}))
	})
	page := make([]byte, 100_000)
	b.Run("page", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		benchmarkConn(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write(page)
		}))
	})
}

// BenchmarkWaiting says what a request that waits takes of the program's memory: one of 10,000 on
// one wire, which do nothing else.
func BenchmarkWaiting(b *testing.B) {
	waits := bridge.Deferred(func() bridge.Result { return bridge.Wait{} })
	closed := make(chan struct{})
	for _, c := range []struct {
		name string
		wait func(*atomic.Int32) http.Handler
	}{
		{"handler", func(waiting *atomic.Int32) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				waiting.Add(1)
				<-r.Context().Done()
			})
		}},
		{"app", func(waiting *atomic.Int32) http.Handler {
			return bridge.App(func(ctx context.Context, _ bridge.Environ) bridge.Result {
				waiting.Add(1)
				<-ctx.Done()
				return bridge.Text(200, "")
			})
		}},
		{"woken", func(waiting *atomic.Int32) http.Handler {
			return bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
				waiting.Add(1)
				wake := env.Wake()
				context.AfterFunc(ctx, func() { wake() }) // keeps it, as whoever calls it would
				return waits
			})
		}},
		{"channel", func(waiting *atomic.Int32) http.Handler {
			return bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
				waiting.Add(1)
				env.WakeOn(ctx, closed)
				return waits
			})
		}},
		{"polled", func(waiting *atomic.Int32) http.Handler {
			return bridge.App(func(context.Context, bridge.Environ) bridge.Result {
				waiting.Add(1)
				return bridge.Deferred(func() bridge.Result { return nil })
			})
		}},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkWaiting(b, c.wait) })
	}
}

func benchmarkWaiting(b *testing.B, handler func(*atomic.Int32) http.Handler) {
	const requests = bridge.DefaultMaxStreams
	var taken uint64
	for b.Loop() {
		var waiting atomic.Int32
		host, end := startLoad(b, handler(&waiting))
		before := memoryInUse()
		require.NoError(b, host.Open(requests))
		for waiting.Load() < requests {
			time.Sleep(time.Millisecond)
		}
		taken += memoryInUse() - before
		require.ErrorIs(b, end(), bridge.ErrPortClosed)
	}
	b.ReportMetric(float64(taken)/float64(b.N)/requests, "B/request")
	b.ReportMetric(0, "ns/op")
}

// memoryInUse is that of live objects and of stacks. A garbage collection shrinks the stacks that
// were larger before, at most by half, and what it frees is free behind the next one.
func memoryInUse() uint64 {
	var m runtime.MemStats
	for range 5 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func benchmarkConn(b *testing.B, handler http.Handler) {
	host, end := startLoad(b, handler)
	b.ReportAllocs()
	b.ResetTimer()
	require.NoError(b, host.Run(b.N, 64))
	b.StopTimer()
	require.NoError(b, end())
}

// startLoad starts a program with a host. End closes its input, and returns what it has ended with.
func startLoad(b *testing.B, handler http.Handler) (host *bridgetest.Load, end func() error) {
	in, toProg, err := os.Pipe()
	require.NoError(b, err)
	fromProg, out, err := os.Pipe()
	require.NoError(b, err)
	served := make(chan error, 1)
	go func() { served <- (&bridge.Server{Handler: handler}).ServeConn(in, out) }()
	host = bridgetest.NewLoad(toProg, bufio.NewReaderSize(fromProg, 256<<10))
	require.NoError(b, host.Greet())
	return host, func() error {
		_ = toProg.Close()
		defer fromProg.Close()
		return <-served
	}
}
