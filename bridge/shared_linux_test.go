package bridge_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

const (
	leastShared = 48 << 10
	sharedFile  = 8 << 20
)

// How a body goes whose length is declared: by the wire, by a part of a file that it shares, or
// by a file of its own.
func TestABodyGoesByItsSize(t *testing.T) {
	defer bridge.HoldShared(time.Minute)()
	for n, want := range map[int]string{
		leastShared - 1:    "wire",
		leastShared:        "shared",
		leastGenerated - 1: "shared",
		leastGenerated:     "own",
	} {
		for _, piece := range []int{20_000, 32 << 10, n} {
			nothingInUse(t)
			body, how := noise(n), "wire"
			h := fileHost(t, generates(body, piece), "file")
			s := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
			got := []byte(nil)
			f := s.Next()
			for f.Kind != bridgetest.Reply && f.Kind != bridgetest.Fin {
				switch f = s.Next(); f.Kind {
				case bridgetest.Chunk:
					got = append(got, f.Payload...)
				case bridgetest.File:
					file, offset, length := openedPart(t, f)
					if how = "own"; bridge.MemoryInUse() == sharedFile {
						how = "shared"
					}
					part, err := io.ReadAll(io.NewSectionReader(file, offset, length))
					require.NoError(t, err)
					require.NoError(t, file.Close())
					got = append(got, part...)
					h.SendTerm(bridgetest.Taken, s.ID, length)
				}
			}
			if f.Kind == bridgetest.Fin { // not of a Reply, which has all in one
				require.True(t, bytes.Equal(body, got), "%d bytes", n)
			}
			require.Equal(t, want, how, "%d bytes in pieces of %d", n, piece)
		}
	}
}

// Who waits for what the client does with the beginning, or has flushed it, waits for no end.
func TestTheBeginningOfABodyIsNotKeptBack(t *testing.T) {
	for name, flush := range map[string]bool{"waits": false, "flushes": true} {
		t.Run(name, func(t *testing.T) {
			want, seen := noise(100_000), make(chan struct{})
			if flush {
				defer bridge.HoldShared(time.Minute)()
			}
			h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Header().Set("Content-Length", "100000")
				_, _ = w.Write(want[:60_000])
				if flush {
					w.(http.Flusher).Flush()
				}
				<-seen
				_, _ = w.Write(want[60_000:])
			}, "file")
			s := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
			s.Expect(bridgetest.Head)
			got := []byte(nil)
			for len(got) < 60_000 {
				got = append(got, s.Expect(bridgetest.Chunk).Payload...)
			}
			close(seen)
			for f := s.Next(); f.Kind != bridgetest.Fin; f = s.Next() {
				require.Equal(t, bridgetest.Chunk, f.Kind)
				got = append(got, f.Payload...)
			}
			require.True(t, bytes.Equal(want, got))
			nothingInUse(t)
		})
	}
}

func TestWhatTheHostDoesNotTakeOfAPartComesAsBytes(t *testing.T) {
	defer bridge.HoldShared(time.Minute)()
	want := noise(100_000)
	for _, taken := range []int64{0, 1, 7_777, 99_999} {
		h := fileHost(t, generates(want, 100_000), "file")
		got, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 1 << 20}),
			func(int, int64) int64 { return taken })
		require.True(t, bytes.Equal(want, got))
		require.Equal(t, 1, files)
	}
	nothingInUse(t)
}

// However a body ends before it is complete, what there is of it is sent before, and its place
// is given up.
func TestABodyThatEndsEarlyLeavesItsPart(t *testing.T) {
	for name, end := range map[string]func(w http.ResponseWriter){
		"too short": func(http.ResponseWriter) {},
		"panic":     func(http.ResponseWriter) { panic("a test's") },
		"abort":     func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			defer bridge.HoldShared(time.Minute)()
			want := noise(64 << 10)
			h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Header().Set("Content-Length", "100000")
				_, _ = w.Write(want)
				end(w)
			}, "file")
			s := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
			s.Expect(bridgetest.Head)
			got := []byte(nil)
			f := s.Next()
			for ; f.Kind == bridgetest.Chunk; f = s.Next() {
				got = append(got, f.Payload...)
			}
			require.Equal(t, bridgetest.Abort, f.Kind)
			require.True(t, bytes.Equal(want, got))
			s.Abort(bridge.CodeCancelled, "")
			nothingInUse(t)
		})
	}
}

// Slow clients hold the files of which they have parts, of 32 MiB; then bodies go by the wire.
func TestSoManyFilesAreShared(t *testing.T) {
	defer bridge.HoldShared(time.Minute)()
	nothingInUse(t)
	body := noise(200_000)
	h := fileHost(t, generates(body, len(body)), "file")
	var streams []*bridgetest.Stream
	for range 4 * (sharedFile / len(body)) {
		s := h.Open(bridgetest.Request{Files: true})
		s.Expect(bridgetest.Head)
		s.Expect(bridgetest.File)
		streams = append(streams, s)
	}
	require.EqualValues(t, 32<<20, bridge.MemoryInUse())
	require.Equal(t, 4, memoryFiles(t))
	one := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
	one.Expect(bridgetest.Head)
	one.Expect(bridgetest.Chunk)
	for _, s := range streams {
		s.Abort(bridge.CodeCancelled, "")
	}
	one.Abort(bridge.CodeCancelled, "")
	require.Eventually(t, func() bool { return bridge.MemoryInUse() == 0 }, 10*time.Second, time.Millisecond)
	next := h.Open(bridgetest.Request{Files: true})
	next.Expect(bridgetest.Head)
	next.Expect(bridgetest.File)
	next.Abort(bridge.CodeCancelled, "")
}

// A program that has nothing to send holds no file for it.
func TestASharedFileGoesWhenNobodyUsesIt(t *testing.T) {
	defer bridge.HoldShared(time.Minute)()
	h := fileHost(t, generates(noise(100_000), 100_000), "file")
	_, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 1 << 20}), whole)
	require.Equal(t, 1, files)
	require.Positive(t, memoryFiles(t))
	require.Eventually(t, func() bool { return memoryFiles(t) == 0 }, 10*time.Second, 10*time.Millisecond)
}
