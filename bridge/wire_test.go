package bridge_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

func newPipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	return r, w
}

// held is a handler that waits for its context and passes on the cause.
func held() (http.HandlerFunc, chan error) {
	causes := make(chan error, 100)
	return func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		causes <- context.Cause(r.Context())
	}, causes
}

func TestStreamNumbersThatCannotBeAreFaults(t *testing.T) {
	request := etf.Tuple{0, 1000, bridgetest.Request{}.Term()}
	for name, send := range map[string]func(h *bridgetest.Host){
		"odd open": func(h *bridgetest.Host) { h.SendTerm(bridgetest.Open, 257, request) },
		"open twice": func(h *bridgetest.Host) {
			h.SendTerm(bridgetest.Open, 300, request)
			h.SendTerm(bridgetest.Open, 300, request)
		},
		"open of a skipped one": func(h *bridgetest.Host) {
			h.SendTerm(bridgetest.Open, 300, request)
			h.SendTerm(bridgetest.Open, 298, request)
		},
		"chunk never opened": func(h *bridgetest.Host) {
			h.Send(bridgetest.Frame{Kind: bridgetest.Chunk, Stream: 256, Payload: []byte("x")})
		},
		"credit for an odd one": func(h *bridgetest.Host) {
			h.SendTerm(bridgetest.Open, 300, request)
			h.SendTerm(bridgetest.Credit, 257, 1)
		},
		"abort above": func(h *bridgetest.Host) {
			h.SendTerm(bridgetest.Open, 300, request)
			h.SendTerm(bridgetest.Abort, 302, etf.Tuple{0, ""})
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, ok)
			send(h)
			requireFault(t, h, bridge.FaultBadStream)
		})
	}
}

func TestBadFramesAreFaults(t *testing.T) {
	for name, b := range map[string]string{
		"length 9":         "\x00\x00\x00\x09123456789",
		"length 1 GB":      "\x40\x00\x00\x00",
		"text":             "Hello, stdout\n",
		"pong of a binary": "\x00\x00\x00\x11\x83h\x02a\x04m\x00\x00\x00\x07\x83m\x00\x00\x00\x01x",
		"ping above 2^31":  "\x00\x00\x00\x0f\x83h\x02a\x03m\x00\x00\x00\x05\x83b\xff\xff\xff\xff",
		"drain of 254":     "\x00\x00\x00\x0d\x83h\x02a\x05m\x00\x00\x00\x03\x83a\xfe",
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, ok)
			h.SendRaw([]byte(b))
			requireFault(t, h, bridge.FaultBadFrame)
		})
	}
}

func TestFramesUpToMaxFrameAreTaken(t *testing.T) {
	for _, over := range []int{0, 1} {
		h := newHostOf(t, &bridge.Server{Handler: ok, MaxFrame: 70000})
		s := h.Open(bridgetest.Request{Method: "POST", Chunked: true})
		h.Send(bridgetest.Frame{Kind: bridgetest.Fin, Stream: s.ID, Payload: make([]byte, 70000-15+over)})
		if over > 0 {
			requireFault(t, h, bridge.FaultBadFrame)
			continue
		}
		h.Ping(1) // it lives; the stream alone has paid
	}
}

func TestFramesForClosedStreamsAreIgnored(t *testing.T) {
	h := newHost(t, ok)
	s := h.Open(bridgetest.Request{})
	s.Expect(bridgetest.Reply)
	skipped := h.NewStream()
	h.Do(bridgetest.Request{})
	for _, s := range []*bridgetest.Stream{s, skipped} {
		s.Chunk([]byte("x"))
		s.Grant(1)
		s.Fin()
		s.Abort(bridge.CodeCancelled, "")
		h.Send(bridgetest.Frame{Kind: bridgetest.Credit, Stream: s.ID, Payload: []byte("garbage")})
	}
	h.Ping(1)
	require.Zero(t, s.Pending()+skipped.Pending())
}

func TestBadPayloadsCostOneStream(t *testing.T) {
	handler, causes := held()
	for name, c := range map[string]struct {
		kind    bridgetest.Kind
		payload []byte
	}{
		"chunk empty":       {bridgetest.Chunk, nil},
		"chunk too large":   {bridgetest.Chunk, make([]byte, 65537)},
		"fin with more":     {bridgetest.Fin, []byte("\x83jj")},
		"fin of a binary":   {bridgetest.Fin, []byte("\x83m\x00\x00\x00\x00")},
		"trailers no list":  {bridgetest.Trailers, []byte("\x83a\x01")},
		"trailers bad pair": {bridgetest.Trailers, []byte("\x83l\x00\x00\x00\x01h\x02a\x01a\x01j")},
		"credit a binary":   {bridgetest.Credit, []byte("\x83m\x00\x00\x00\x00")},
		"credit nothing":    {bridgetest.Credit, nil},
		"abort no tuple":    {bridgetest.Abort, []byte("\x83a\x01")},
		"abort of three":    {bridgetest.Abort, []byte("\x83h\x03a\x01m\x00\x00\x00\x00a\x01")},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostOf(t, &bridge.Server{Handler: handler, Window: 100000})
			s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
			h.Send(bridgetest.Frame{Kind: c.kind, Stream: s.ID, Payload: c.payload})
			requireAbort(t, s, bridge.CodeBadPayload)
			require.ErrorIs(t, within(t, causes), bridge.ErrAborted)
			h.Ping(1)
		})
	}
	t.Run("open", func(t *testing.T) {
		h := newHost(t, ok)
		s := h.NewStream()
		h.SendTerm(bridgetest.Open, s.ID, etf.Tuple{0, 0, etf.Map{}})
		requireAbort(t, s, bridge.CodeBadPayload)
	})
}

func TestFramesOutOfOrderCostOneStream(t *testing.T) {
	handler, causes := held()
	after := map[string]func(s *bridgetest.Stream){
		"chunk":    func(s *bridgetest.Stream) { s.Chunk([]byte("x")) },
		"fin":      func(s *bridgetest.Stream) { s.Fin() },
		"trailers": func(s *bridgetest.Stream) { s.Trailers(nil) },
	}
	for name, send := range after {
		t.Run(name+" behind fin", func(t *testing.T) {
			h := newHost(t, handler)
			s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
			s.Fin()
			send(s)
			requireAbort(t, s, bridge.CodeBadOrder)
			within(t, causes)
		})
		t.Run(name+" without a body", func(t *testing.T) {
			h := newHost(t, handler)
			s := h.Open(bridgetest.Request{})
			send(s)
			requireAbort(t, s, bridge.CodeBadOrder)
			within(t, causes)
		})
	}
}

func TestBodyMustBeOfItsLength(t *testing.T) {
	handler, causes := held()
	t.Run("longer", func(t *testing.T) {
		h := newHost(t, handler)
		s := h.Open(bridgetest.Request{Method: "PUT", Body: []byte("abc")})
		s.Chunk([]byte("abcd"))
		requireAbort(t, s, bridge.CodeBadLength)
		within(t, causes)
	})
	t.Run("shorter", func(t *testing.T) {
		h := newHost(t, handler)
		s := h.Open(bridgetest.Request{Method: "PUT", Body: []byte("abc")})
		s.Chunk([]byte("ab"))
		s.Fin()
		requireAbort(t, s, bridge.CodeBadLength)
		within(t, causes)
	})
}

func TestBytesBeyondCreditCostOneStream(t *testing.T) {
	read := make(chan []byte, 1)
	h := newHostOf(t, &bridge.Server{Window: 10, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		b, _ := io.ReadAll(r.Body)
		read <- b
	})})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	s.Chunk(make([]byte, 10))
	h.Ping(1)
	require.Zero(t, s.Pending(), "what credit allows is taken")
	s.Chunk([]byte("x"))
	requireAbort(t, s, bridge.CodeFlowExceeded)
	require.Empty(t, within(t, read), "nothing is delivered")
}

func TestGrantsHaveTheirLimit(t *testing.T) {
	handler, causes := held()
	for name, c := range map[string]struct {
		grants []int
		bad    bool
	}{
		"all there can be":  {[]int{1<<31 - 1 - 1000}, false},
		"one more":          {[]int{1<<31 - 1 - 1000, 1}, true},
		"none":              {[]int{0}, true},
		"less than none":    {[]int{-1}, true},
		"more than one fit": {[]int{1<<31 - 1}, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, handler)
			s := h.Open(bridgetest.Request{Window: 1000})
			for _, n := range c.grants {
				s.Grant(n)
			}
			if c.bad {
				requireAbort(t, s, bridge.CodeBadCredit)
				within(t, causes)
				return
			}
			h.Ping(1)
			require.Zero(t, s.Pending())
			s.Abort(bridge.CodeCancelled, "")
			requireAbort(t, s, bridge.CodeCancelled)
			within(t, causes)
		})
	}
}

func TestLargeHeadsOfRequestsAreRefused(t *testing.T) {
	for _, over := range []int{0, 1} {
		h := newHostOf(t, &bridge.Server{Handler: ok, MaxHead: 1000})
		r := bridgetest.Request{Headers: []bridge.Header{{Name: "x", Value: ""}}}
		size := func() int {
			b, err := etf.Append(etf.AppendVersion(nil), etf.Tuple{0, 256 << 10, r.Term()})
			require.NoError(t, err)
			return len(b)
		}
		r.Headers[0].Value = strings.Repeat("y", 1000-size()+over)
		require.Equal(t, 1000+over, size())
		s := h.Open(r)
		if over > 0 {
			requireAbort(t, s, bridge.CodeTooLarge)
		} else {
			s.Expect(bridgetest.Reply)
		}
	}
}

func TestStreamsAreRefusedBeyondTheirNumber(t *testing.T) {
	handler, causes := held()
	h := newHostOf(t, &bridge.Server{Handler: handler, MaxStreams: 2})
	a, b := h.Open(bridgetest.Request{}), h.Open(bridgetest.Request{})
	c := h.Open(bridgetest.Request{Method: "POST"})
	requireAbort(t, c, bridge.CodeRefused)
	a.Abort(bridge.CodeCancelled, "")
	requireAbort(t, a, bridge.CodeCancelled)
	within(t, causes)
	d := h.Open(bridgetest.Request{})
	h.Ping(1)
	require.Zero(t, d.Pending()+b.Pending(), "there is room again")
}

func TestOtherTypesOfStreamsAreRefused(t *testing.T) {
	h := newHost(t, ok)
	for _, kind := range []int{1, 2, 255} {
		s := h.NewStream()
		h.SendTerm(bridgetest.Open, s.ID, etf.Tuple{kind, 0, etf.List{"call"}})
		requireAbort(t, s, bridge.CodeRefused)
	}
}

func TestAppsAreChosenByName(t *testing.T) {
	say := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	two := map[string]http.Handler{"a": say("a"), "b": say("b")}
	for name, c := range map[string]struct {
		server bridge.Server
		app    string
		want   string // empty: no_app
	}{
		"only":                   {bridge.Server{Handler: say("x")}, "", "x"},
		"only, asked by name":    {bridge.Server{Handler: say("x")}, "a", ""},
		"one of two":             {bridge.Server{Apps: two}, "b", "b"},
		"none of two":            {bridge.Server{Apps: two}, "", ""},
		"another than the two":   {bridge.Server{Apps: two}, "c", ""},
		"handler beside them":    {bridge.Server{Apps: two, Handler: say("x")}, "", "x"},
		"the only one, unasked":  {bridge.Server{Apps: map[string]http.Handler{"a": say("a")}}, "", "a"},
		"the only one, misnamed": {bridge.Server{Apps: map[string]http.Handler{"a": say("a")}}, "b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostOf(t, &c.server)
			if c.want == "" {
				requireAbort(t, h.Open(bridgetest.Request{Method: "POST", App: c.app}), bridge.CodeNoApp)
				return
			}
			require.Equal(t, c.want, string(h.Do(bridgetest.Request{App: c.app}).Body))
		})
	}
}

func TestEnteredIsSaidBeforeTheAppRunsAndOnlyWhereItMatters(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Method) })
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"} {
		require.False(t, h.Do(bridgetest.Request{Method: method}).Entered, method)
	}
	for _, method := range []string{"POST", "PATCH", "CONNECT", "get", "PURGE"} {
		s := h.Open(bridgetest.Request{Method: method})
		require.Equal(t, emptyList, string(s.Expect(bridgetest.Entered).Payload))
		s.Expect(bridgetest.Reply)
	}
}

const emptyList = "\x83j"

func TestAbortIsAnsweredWhateverTheAppDoes(t *testing.T) {
	release := make(chan struct{})
	h := newHost(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	s := h.Open(bridgetest.Request{})
	s.Abort(bridge.CodeIdleTimeout, "slow")
	requireAbort(t, s, bridge.CodeIdleTimeout)
	s.Abort(bridge.CodeIdleTimeout, "again")
	h.Ping(1)
	require.Zero(t, s.Pending(), "and only once")
}

func TestAbortOfAnUnknownCodeIsAnsweredWithTheSame(t *testing.T) {
	handler, causes := held()
	h := newHost(t, handler)
	s := h.Open(bridgetest.Request{})
	s.Abort(99, "new")
	code, _ := reason(t, s.Expect(bridgetest.Abort))
	require.Equal(t, 99, code)
	var err *bridge.AbortError
	require.ErrorAs(t, within(t, causes), &err)
	require.Equal(t, bridge.CodeInternalError, err.Code)
}

func TestAbortAfterTheEndOfTheResponseIsNotAnswered(t *testing.T) {
	h := newHost(t, ok)
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	s.Expect(bridgetest.Reply)
	s.Chunk(make([]byte, 100)) // is under way, and discarded
	s.Abort(bridge.CodeNoError, "")
	h.Ping(1)
	require.Zero(t, s.Pending())
}

func TestCausesSayWhy(t *testing.T) {
	for code, is := range map[bridge.Code]error{
		bridge.CodeCancelled:   bridge.ErrClientGone,
		bridge.CodeDeadline:    bridge.ErrDeadline,
		bridge.CodePortClosed:  bridge.ErrPortClosed,
		bridge.CodeIdleTimeout: bridge.ErrAborted,
	} {
		handler, causes := held()
		h := newHost(t, handler)
		s := h.Open(bridgetest.Request{})
		s.Abort(code, "because")
		cause := within(t, causes)
		require.ErrorIs(t, cause, is)
		require.ErrorIs(t, cause, bridge.ErrAborted)
		require.ErrorContains(t, cause, code.String()+": because")
		require.Equal(t, code == bridge.CodeDeadline, errors.Is(cause, context.DeadlineExceeded))
	}
}

// The handler of a request that is out of time has most likely stopped half way: what it leaves is not an
// answer, even if the host's own abort comes later.
func TestTimeoutIsTheContextsDeadline(t *testing.T) {
	handler, causes := held()
	h := newHost(t, handler)
	s := h.Open(bridgetest.Request{Timeout: time.Millisecond})
	cause := within(t, causes)
	require.ErrorIs(t, cause, bridge.ErrDeadline)
	require.ErrorIs(t, cause, context.DeadlineExceeded)
	requireAbort(t, s, bridge.CodeDeadline)
}

func TestEndOfInputCancelsEverything(t *testing.T) {
	handler, causes := held()
	h := newHost(t, handler)
	h.Open(bridgetest.Request{})
	h.Open(bridgetest.Request{})
	h.Ping(1)
	h.CloseInput()
	require.ErrorIs(t, h.Wait(), bridge.ErrPortClosed)
	for range 2 {
		require.ErrorIs(t, within(t, causes), bridge.ErrPortClosed)
	}
}

func TestEndOfInputWithNothingUnderWayIsNoError(t *testing.T) {
	h := newHost(t, ok)
	h.Do(bridgetest.Request{})
	h.CloseInput()
	require.NoError(t, h.Wait())
}

func TestServeConnDoesNotWaitForHandlersThatStay(t *testing.T) {
	release := make(chan struct{})
	h := newHost(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	h.Open(bridgetest.Request{})
	h.Ping(1)
	h.CloseInput()
	require.ErrorIs(t, h.Wait(), bridge.ErrPortClosed)
}
