package bridge_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

const fileSize = 300_000

// bigFile has a size that pays for itself.
func bigFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "big.bin")
	require.NoError(t, os.WriteFile(name, make([]byte, fileSize), 0o600))
	return name
}

func fileHost(t *testing.T, h http.HandlerFunc, capabilities ...string) *bridgetest.Host {
	t.Helper()
	leavesNothing(t)
	return bridgetest.NewWith(t, &bridge.Server{Handler: h}, bridgetest.Config{Capabilities: capabilities})
}

// expectFile returns offset and length of the file that the stream's next frame names.
func expectFile(t *testing.T, s *bridgetest.Stream) (offset, length int64) {
	t.Helper()
	piece, ok := s.Expect(bridgetest.File).Term().(etf.Tuple)
	require.True(t, ok)
	require.Len(t, piece, 5)
	return piece[3].(int64), piece[4].(int64)
}

func TestFilesAreNamedWhereTheHostTakesThem(t *testing.T) {
	name := bigFile(t)
	returned := make(chan int64, 1)
	h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer func() { _ = f.Close() }()
		w.Header().Set("Content-Type", "application/octet-stream")
		n, _ := io.Copy(w, f)
		returned <- n
	}, "file", "later")
	require.Equal(t, etf.List{etf.Binary("file")}, readyOf(t, h, "capabilities"))
	s := h.Open(bridgetest.Request{Files: true})
	s.Expect(bridgetest.Head)
	offset, length := expectFile(t, s)
	require.Equal(t, []int64{0, fileSize}, []int64{offset, length})
	h.Ping(1)
	require.Empty(t, returned, "the handler waits until the host is through")
	h.SendTerm(bridgetest.Taken, s.ID, fileSize)
	require.EqualValues(t, fileSize, <-returned)
	s.Expect(bridgetest.Fin)
}

func readyOf(t *testing.T, h *bridgetest.Host, key string) any {
	t.Helper()
	v, ok := h.Ready().Get(etf.Binary(key))
	require.True(t, ok)
	return v
}

func TestWhatTheHostHasNotTakenComesAsBytes(t *testing.T) {
	name := bigFile(t)
	h := fileHost(t, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }, "file")
	for _, taken := range []int{0, 1, 123_456} {
		s := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
		s.Expect(bridgetest.Head)
		expectFile(t, s)
		h.SendTerm(bridgetest.Taken, s.ID, taken)
		got := taken
		f := s.Next()
		for ; f.Kind == bridgetest.Chunk; f = s.Next() {
			got += len(f.Payload)
		}
		require.Equal(t, bridgetest.Fin, f.Kind)
		require.Equal(t, fileSize, got)
	}
}

func TestARangeIsAPartOfAFile(t *testing.T) {
	name := bigFile(t)
	h := fileHost(t, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }, "file")
	s := h.Open(bridgetest.Request{Files: true, Headers: []bridge.Header{{Name: "range", Value: "bytes=10-262200"}}})
	s.Expect(bridgetest.Head)
	offset, length := expectFile(t, s)
	require.Equal(t, []int64{10, 262_191}, []int64{offset, length})
	h.SendTerm(bridgetest.Taken, s.ID, length)
	s.Expect(bridgetest.Fin)
}

func TestNoFileIsNamedWhereTheHostTakesNone(t *testing.T) {
	name := bigFile(t)
	serve := func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) }
	t.Run("by the capability", func(t *testing.T) {
		h := fileHost(t, serve)
		require.Len(t, h.Do(bridgetest.Request{}).Body, fileSize)
		require.Len(t, h.Do(bridgetest.Request{Files: true}).Body, fileSize)
	})
	t.Run("by the request", func(t *testing.T) {
		h := fileHost(t, serve, "file")
		require.Len(t, h.Do(bridgetest.Request{}).Body, fileSize)
		require.Empty(t, h.Do(bridgetest.Request{Method: "HEAD", Files: true}).Body)
	})
}

func TestAnAbortEndsTheWaitForAFile(t *testing.T) {
	name := bigFile(t)
	returned := make(chan error, 1)
	h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer func() { _ = f.Close() }()
		w.Header().Set("Content-Type", "text/plain")
		_, err = io.Copy(w, f)
		returned <- err
	}, "file")
	s := h.Open(bridgetest.Request{Files: true})
	s.Expect(bridgetest.Head)
	expectFile(t, s)
	s.Abort(bridge.CodeCancelled, "")
	require.ErrorIs(t, <-returned, bridge.ErrAborted)
}

func TestTakenOutOfPlaceCostsItsStream(t *testing.T) {
	name := bigFile(t)
	h := fileHost(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-r.Context().Done()
			return
		}
		http.ServeFile(w, r, name)
	}, "file")
	s := h.Open(bridgetest.Request{Path: "/wait", Files: true})
	h.SendTerm(bridgetest.Taken, s.ID, 1)
	requireAbort(t, s, bridge.CodeBadOrder)
	s = h.Open(bridgetest.Request{Files: true})
	s.Expect(bridgetest.Head)
	expectFile(t, s)
	h.SendTerm(bridgetest.Taken, s.ID, fileSize+1)
	requireAbort(t, s, bridge.CodeBadPayload)
}

func TestTakenWithoutTheCapabilityEndsThePort(t *testing.T) {
	h := fileHost(t, func(http.ResponseWriter, *http.Request) {})
	h.SendTerm(bridgetest.Taken, 256, 1)
	f, ok := h.Next()
	require.True(t, ok)
	require.Equal(t, bridgetest.Fault, f.Kind)
	require.Error(t, h.Wait())
}
