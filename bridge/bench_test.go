package bridge_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"testing"

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

func benchmarkConn(b *testing.B, handler http.Handler) {
	in, toProg, err := os.Pipe()
	require.NoError(b, err)
	fromProg, out, err := os.Pipe()
	require.NoError(b, err)
	served := make(chan error, 1)
	go func() { served <- (&bridge.Server{Handler: handler}).ServeConn(in, out) }()
	host := bridgetest.NewLoad(toProg, bufio.NewReaderSize(fromProg, 256<<10))
	require.NoError(b, host.Greet())
	b.ReportAllocs()
	b.ResetTimer()
	require.NoError(b, host.Run(b.N, 64))
	b.StopTimer()
	_ = toProg.Close()
	require.NoError(b, <-served)
	_ = fromProg.Close()
}
