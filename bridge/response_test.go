package bridge_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// Handlers whose responses must be those that they have under net/http.

// seen is a response as a client sees it.

// protocols are the two whose rules for fields differ.

// netHTTP is net/http's own server for the handler, and how to ask it by the protocol.

// Answers of net/http's own on HTTP/2 that its own client does not take, because

// the length that they declare is not that of the body.

func TestSmallResponsesAreOneFrame(t *testing.T) {
	const most = 16 << 10
	for _, n := range []int{0, 1, 255, 4 << 10, most} {
		h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, n)) })
		res := h.Do(bridgetest.Request{})
		require.True(t, res.Whole, "%d bytes", n)
		require.Equal(t, fmt.Sprint(n), res.Header("Content-Length"))
		require.Len(t, res.Body, n)
	}
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, most+1)) })
	res := h.Do(bridgetest.Request{})
	require.False(t, res.Whole)
	require.Empty(t, res.Header("Content-Length"))
	require.Len(t, res.Body, most+1)
}

// One that is declared may be longer. Whether it is one frame depends on who is faster, its
// handler or the writer, so there are several of each.
func TestDeclaredResponsesMayBeOneFrame(t *testing.T) {
	const most = 112 << 10
	whole := func(n, window int, version [2]int) (wholes int) {
		h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(n))
			for left := n; left > 0; left -= min(left, 30_000) {
				_, _ = w.Write(make([]byte, min(left, 30_000)))
			}
		})
		for range 20 {
			res := h.Do(bridgetest.Request{Window: window, Version: version})
			require.Equal(t, fmt.Sprint(n), res.Header("Content-Length"))
			require.Len(t, res.Body, n)
			if res.Whole {
				wholes++
			}
		}
		return wholes
	}
	h1, h2 := [2]int{1, 1}, [2]int{2, 0}
	require.NotZero(t, whole(20_000, 200_000, h1))
	require.NotZero(t, whole(most, 200_000, h1))
	require.NotZero(t, whole(most, most, h1))
	require.Zero(t, whole(most+1, 200_000, h1))
	require.Zero(t, whole(most, most-1, h1))
	require.Zero(t, whole(20_000, 200_000, h2))
}

// A handler that goes on behind a part of its body, or all of it, keeps nothing from its client.
func TestADeclaredResponseIsSentBeforeItsHandlerReturns(t *testing.T) {
	for _, n := range []int{20_000, 40_000, 100_000} {
		done := make(chan struct{})
		h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(make([]byte, n))
			<-done
			_, _ = w.Write(make([]byte, 100_000-n))
		})
		s := h.Open(bridgetest.Request{Window: 100_000})
		s.Expect(bridgetest.Head)
		for got := 0; got < n; {
			got += len(s.Expect(bridgetest.Chunk).Payload)
		}
		close(done)
		for got := n; got < 100_000; {
			got += len(s.Expect(bridgetest.Chunk).Payload)
		}
		s.Expect(bridgetest.Fin)
	}
}

func TestReplyLargerThanCreditComesInParts(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	require.True(t, h.Do(bridgetest.Request{Window: 5}).Whole)
	s := h.Open(bridgetest.Request{Window: 4})
	s.Expect(bridgetest.Head)
	require.Equal(t, "hell", string(s.Expect(bridgetest.Chunk).Payload))
	s.Grant(1)
	require.Equal(t, "o", string(s.Expect(bridgetest.Chunk).Payload))
	s.Expect(bridgetest.Fin)
}

func TestBodylessResponsesNeedNoCredit(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100_000)) })
	s := h.Open(bridgetest.Request{Method: "HEAD", Window: -1})
	s.Expect(bridgetest.Head)
	s.Expect(bridgetest.Fin)
}

func TestHeadsBeyondTheHostsLimitBreakTheResponse(t *testing.T) {
	// The rest of a head's payload is counted as 32 bytes, and a pair as 12 with its name and value.
	for over, frame := range map[int]bridgetest.Kind{0: bridgetest.Reply, 1: bridgetest.Abort} {
		leavesNothing(t)
		h := bridgetest.NewWith(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("y", 1000-32-13+over))
			w.Header()["Content-Length"] = nil
		})}, bridgetest.Config{MaxHead: 1000})
		s := h.Open(bridgetest.Request{})
		f := s.Expect(frame)
		if over > 0 {
			code, _ := reason(t, f)
			require.Equal(t, int(bridge.CodeTooLarge), code)
			_, text, _ := logLine(t, h)
			require.Contains(t, text, "head of 1001 bytes, expected at most 1000")
		}
	}
}

func TestTrailersBeyondTheHostsLimitBreakTheResponse(t *testing.T) {
	for over, frame := range map[int]bridgetest.Kind{0: bridgetest.Trailers, 1: bridgetest.Abort} {
		leavesNothing(t)
		h := bridgetest.NewWith(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.Header().Set(http.TrailerPrefix+"X", strings.Repeat("y", 1000-16-13+over))
		})}, bridgetest.Config{MaxHead: 1000})
		s := h.Open(bridgetest.Request{})
		f := s.Next()
		if f.Kind == bridgetest.Head { // an abort replaces it if it is not written yet
			f = s.Next()
		}
		require.Equal(t, frame, f.Kind)
	}
}

// What a handler gets wrong in a field costs the field and not the answer. The

// status and the body are compared with net/http's where its own client takes the answer.

// A body that is to be delimited by the end of its connection.

func TestInformationalResponses(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.Header().Set("Content-Length", "1")
		for range 17 {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.WriteHeader(http.StatusContinue) // is the host's to send
		_, _ = io.WriteString(w, "x")
	})
	res := h.Do(bridgetest.Request{})
	require.Len(t, res.Informs, 16, "and no more than the host takes")
	require.Equal(t, bridgetest.Informational{Status: 103, Headers: []bridge.Header{{Name: "Link", Value: "</a.css>"}}}, res.Informs[0])
	require.Equal(t, "</a.css>", res.Header("Link"))
	require.Equal(t, "x", string(res.Body))
}

func TestSwitchingProtocolsIsRefused(t *testing.T) {
	errs := make(chan error, 1)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusSwitchingProtocols)
		_, err := io.WriteString(w, "x")
		errs <- err
	})
	require.Equal(t, bridge.CodeBadResponse, h.Do(bridgetest.Request{}).Abort.Code)
	require.ErrorIs(t, within(t, errs), bridge.ErrAborted)
}

// net/http sends what there is, and cuts the connection.

// An abort replaces what its sender has not written [A4]; the bridge sends its own behind what the

// handler has flushed, however busy the writer is.

// The failure waits for the writer, and the host may be first to end the stream.

func TestSuperfluousWriteHeaderIsLoggedWithItsCaller(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusTeapot)
	})
	require.Equal(t, 202, h.Do(bridgetest.Request{}).Status)
	_, text, _ := logLine(t, h)
	require.Contains(t, text, "superfluous response.WriteHeader call from")
	require.Contains(t, text, "response_test.go:")
}

func TestWritesAfterTheHandlerHasReturnedFail(t *testing.T) {
	writers := make(chan http.ResponseWriter, 1)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) { writers <- w })
	h.Do(bridgetest.Request{})
	w := <-writers
	_, err := w.Write([]byte("x"))
	require.Error(t, err)
	require.Error(t, http.NewResponseController(w).Flush())
	w.WriteHeader(200) // is logged
	_, text, _ := logLine(t, h)
	require.Contains(t, text, "after the handler has returned")
}

func TestWritesAfterAnAbortReturnTheCause(t *testing.T) {
	errs := make(chan error, 3)
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := w.Write(make([]byte, 100_000)) // waits for credit
		errs <- err
		_, err = io.WriteString(w, "x")
		errs <- err
		errs <- http.NewResponseController(w).Flush()
	})
	s := h.Open(bridgetest.Request{Window: 10})
	s.Expect(bridgetest.Head)
	s.Expect(bridgetest.Chunk)
	s.Abort(bridge.CodeCancelled, "")
	for range 3 {
		require.ErrorIs(t, within(t, errs), bridge.ErrClientGone)
	}
	requireAbort(t, s, bridge.CodeCancelled)
}

func TestWriteDeadlineEndsTheWaitingForCredit(t *testing.T) {
	errs := make(chan error, 2)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		errs <- rc.SetWriteDeadline(time.Now().Add(time.Millisecond))
		_, err := w.Write(make([]byte, 100_000))
		errs <- err
	})
	s := h.Open(bridgetest.Request{Window: 10})
	require.NoError(t, within(t, errs))
	require.ErrorIs(t, within(t, errs), os.ErrDeadlineExceeded)
	// The body has a hole, so there is no clean end. The abort replaces what was not written yet.
	f := s.Next()
	for f.Kind == bridgetest.Head || f.Kind == bridgetest.Chunk {
		f = s.Next()
	}
	require.Equal(t, bridgetest.Abort, f.Kind)
}

func TestReadDeadlineEndsTheWaitingForTheBody(t *testing.T) {
	errs := make(chan error, 1)
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := r.Body.Read(make([]byte, 1))
		errs <- err
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	require.ErrorIs(t, within(t, errs), os.ErrDeadlineExceeded)
	s.Expect(bridgetest.Reply)
	s.Abort(bridge.CodeNoError, "")
}

func TestResponseControllerKnowsWhatThereIs(t *testing.T) {
	errs := make(chan error, 2)
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		errs <- rc.EnableFullDuplex()
		_, _, err := rc.Hijack()
		errs <- err
	})
	h.Do(bridgetest.Request{})
	require.NoError(t, within(t, errs))
	require.ErrorIs(t, within(t, errs), http.ErrNotSupported)
}
