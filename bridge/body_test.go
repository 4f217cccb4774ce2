package bridge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

func TestAbortedBodiesReturnTheCauseAndNeverEOF(t *testing.T) {
	errs := make(chan error, 2)
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		errs <- err
		_, err = r.Body.Read(make([]byte, 1))
		errs <- err
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	s.Chunk([]byte("half of i"))
	s.Abort(bridge.CodeCancelled, "left")
	for range 2 {
		err := within(t, errs)
		require.ErrorIs(t, err, bridge.ErrClientGone)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "as under net/http")
		require.False(t, errors.Is(err, io.EOF))
	}
}

func TestBodiesAreClosedBehindTheHandler(t *testing.T) {
	bodies := make(chan io.ReadCloser, 1)
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) { bodies <- r.Body })
	h.Do(bridgetest.Request{Method: "POST", Body: []byte("unread")})
	h.Ping(1)
	_, err := (<-bodies).Read(make([]byte, 1))
	require.ErrorIs(t, err, http.ErrBodyReadAfterClose)
}

func TestReadThatIsLeftBehindEnds(t *testing.T) {
	errs := make(chan error, 1)
	reading := make(chan struct{})
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
		go func() {
			close(reading)
			_, err := io.ReadAll(r.Body)
			errs <- err
		}()
		<-reading
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	s.Expect(bridgetest.Reply)
	require.ErrorIs(t, within(t, errs), http.ErrBodyReadAfterClose)
	s.Abort(bridge.CodeNoError, "")
}

func TestClosedBodyIsGivenNoMoreCredit(t *testing.T) {
	next := make(chan struct{})
	h := newHostOf(t, &bridge.Server{Window: 10, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.Body.Close()
		_, err := r.Body.Read(make([]byte, 1))
		requireIs(err, http.ErrBodyReadAfterClose)
		<-next
	})})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	s.Chunk(make([]byte, 10))
	h.Ping(1)
	require.Zero(t, s.Pending())
	close(next)
	s.Expect(bridgetest.Reply)
	s.Abort(bridge.CodeNoError, "")
}

// What net/http makes of a body, on HTTP/1 and on HTTP/2, where NoBody is not used.
func TestBodyIsNoBodyWhereNetHTTPHasIt(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := r.Body.Read(nil)
		_, _ = fmt.Fprint(w, n, err)
		n, err = r.Body.Read(make([]byte, 10))
		_, _ = fmt.Fprint(w, r.Body == http.NoBody, r.ContentLength, r.TransferEncoding, n, n > 0 || err == io.EOF, r.GetBody == nil)
		_, err = io.Copy(io.Discard, r.Body)
		requireIs(err, nil)
		n, err = r.Body.Read(nil)
		_, _ = fmt.Fprint(w, n, err)
		_ = r.Body.Close()
		_ = r.Body.Close()
		n, err = r.Body.Read(nil)
		_, _ = fmt.Fprint(w, n, err)
		n, err = r.Body.Read(make([]byte, 10))
		_, _ = fmt.Fprint(w, n, err == io.EOF)
	})
	for protocol, version := range protocols {
		h := newHostOf(t, &bridge.Server{Handler: handler})
		srv, transport := netHTTP(t, handler, version)
		for name, body := range map[string]io.Reader{"none": nil, "length": strings.NewReader("x"), "unknown": onlyReader{strings.NewReader("x")}} {
			req, err := http.NewRequestWithContext(context.Background(), "PUT", srv.URL, body)
			require.NoError(t, err)
			res, err := transport.RoundTrip(req)
			require.NoError(t, err)
			want, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			_ = res.Body.Close()
			ours := bridgetest.Request{Method: "PUT", Version: version, Chunked: name == "unknown"}
			if name != "none" {
				ours.Body = []byte("x")
			}
			got := h.Do(ours)
			require.Equal(t, string(want), string(got.Body), protocol+" "+name)
		}
	}
}

func TestFirstReadIsTheGoAheadFor100Continue(t *testing.T) {
	read := make(chan struct{})
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		<-read
		_, _ = io.Copy(w, r.Body)
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Body: []byte("hello"), Continue: true})
	h.Ping(1)
	require.Zero(t, s.Pending(), "no credit before the handler reads")
	close(read)
	require.EqualValues(t, 5, s.Expect(bridgetest.Credit).Term(), "and no more than the length")
	s.Chunk([]byte("hello"))
	s.Fin()
	s.Expect(bridgetest.Reply)

	res := h.Do(bridgetest.Request{Method: "PUT", Chunked: true, Continue: true, Body: []byte("hello")})
	require.Equal(t, "hello", string(res.Body))
}

// With the default a body that is being read is given a wider window.
func TestAWindowThatIsChosenStaysAsItIs(t *testing.T) {
	for window, grant := range map[int]int{
		0:                    262_144 - 32_768,
		bridge.DefaultWindow: 32_768,
	} {
		app := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		leavesNothing(t)
		h := bridgetest.NewWith(t, &bridge.Server{Handler: app, Window: window}, bridgetest.Config{})
		s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
		s.Chunk(make([]byte, 32_768))
		require.EqualValues(t, grant, s.Expect(bridgetest.Credit).Term())
		s.Fin()
		s.Expect(bridgetest.Reply)
	}
}

// What its windows are wider by has a bound, and 42 of them fit in it.
func TestWiderWindowsHaveABudget(t *testing.T) {
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	var grants []int
	for range 43 {
		s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
		s.Chunk(make([]byte, 32_768))
		n, ok := s.Expect(bridgetest.Credit).Term().(int64)
		require.True(t, ok)
		grants = append(grants, int(n))
		defer func() {
			s.Fin()
			s.Expect(bridgetest.Reply)
		}()
	}
	require.Equal(t, append(slices.Repeat([]int{262_144 - 32_768}, 42), 32_768), grants)
}

func TestHandlerMaySayContinueItself(t *testing.T) {
	next := make(chan struct{})
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusContinue)
		w.WriteHeader(http.StatusContinue)
		<-next
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true, Continue: true})
	require.EqualValues(t, 65536, s.Expect(bridgetest.Credit).Term())
	require.EqualValues(t, 100, s.Expect(bridgetest.Inform).Term().(etf.Tuple)[0], "the second one is a second 100")
	close(next)
	s.Expect(bridgetest.Reply)
	s.Abort(bridge.CodeNoError, "")
}

func TestContinueWithoutAnExpectationIsSentAsItIs(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "b")
		w.WriteHeader(http.StatusContinue)
	})
	res := h.Do(bridgetest.Request{})
	require.Equal(t, []bridgetest.Informational{{Status: 100, Headers: []bridge.Header{{Name: "X-A", Value: "b"}}}}, res.Informs)
	require.Equal(t, 200, res.Status)
}

func TestWithoutAWindowTheBodyWaitsForTheFirstRead(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Window: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})})
	require.Equal(t, int64(0), metaOf(h.Ready(), "window"))
	require.Equal(t, "hello", string(h.Do(bridgetest.Request{Method: "PUT", Body: []byte("hello")}).Body))
}

func TestTrailersOfTheRequest(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%v ", r.Trailer)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%v %v", r.Trailer, r.Header["Trailer"])
	})
	res := h.Do(bridgetest.Request{
		Method: "PUT", Chunked: true, Body: []byte("x"),
		Headers:  []bridge.Header{{Name: "trailer", Value: "x-sum"}},
		Trailers: []bridge.Header{{Name: "x-sum", Value: "1"}, {Name: "x-more", Value: "2"}},
	})
	require.Equal(t, "map[X-Sum:[]] map[X-More:[2] X-Sum:[1]] []", string(res.Body))
}

func TestTrailersOfTheRequestAreTakenAsNetHTTPTakesThem(t *testing.T) {
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%v ", r.Trailer)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%v %v", r.Trailer, r.Header["Trailer"])
	})
	ask := func(version [2]int, announced string) bridgetest.Response {
		return h.Do(bridgetest.Request{
			Method: "PUT", Chunked: true, Body: []byte("x"), Version: version,
			Headers:  []bridge.Header{{Name: "trailer", Value: announced}},
			Trailers: []bridge.Header{{Name: "x-sum", Value: "1"}, {Name: "x-more", Value: "2"}},
		})
	}
	http1, http2 := [2]int{1, 1}, [2]int{2, 0}
	require.Equal(t, "map[X-Sum:[]] map[X-Sum:[1]] []", string(ask(http2, "x-sum").Body), "only what was announced")
	require.Equal(t, "map[X-A:[]] map[X-A:[]] []", string(ask(http2, "content-length, x-a").Body))
	require.Equal(t, 400, ask(http1, "content-length").Status)
	require.Equal(t, 400, ask(http1, "x-sum, trailer").Status)

	// Without a body there is nothing to trail; HTTP/2 takes the field all the same.
	bare := bridgetest.Request{Headers: []bridge.Header{{Name: "trailer", Value: "x-sum"}}}
	require.Equal(t, "map[] map[] [x-sum]", string(h.Do(bare).Body))
	bare.Version = http2
	require.Equal(t, "map[X-Sum:[]] map[X-Sum:[]] []", string(h.Do(bare).Body))
}

func TestTrailersOfTheRequestHaveTheirLimit(t *testing.T) {
	for over, want := range map[int]bridgetest.Kind{0: bridgetest.Reply, 1: bridgetest.Abort} {
		h := newHostOf(t, &bridge.Server{MaxHead: 1000, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		})})
		s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
		s.Trailers([]bridge.Header{{Name: "x", Value: string(bytes.Repeat([]byte("y"), 1000-20+over))}})
		s.Expect(want)
	}
}

// A window of tiny chunks must not cost a buffer for each.
func TestTinyChunksAreGathered(t *testing.T) {
	start := make(chan struct{})
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		<-start
		_, _ = io.Copy(w, r.Body)
	})
	s := h.Open(bridgetest.Request{Method: "PUT", Chunked: true})
	var sent []byte
	for i := range 5000 {
		s.Chunk([]byte{byte(i)})
		sent = append(sent, byte(i))
	}
	s.Fin()
	close(start)
	require.Equal(t, etf.Binary(sent), s.Expect(bridgetest.Reply).Term().(etf.Tuple)[2])
}

// Whatever the windows, chunks and grants: what arrives is what was sent, no byte
// is sent without credit, and neither side is left waiting for ever.
func TestCreditInBothDirections(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		window := []int{-1, 1, 2, 3, 100, 65536}[rnd.IntN(6)]
		body := make([]byte, rnd.IntN(2000)+rnd.IntN(2)*rnd.IntN(100_000))
		if window > 0 && window < 100 {
			body = body[:min(len(body), 500)]
		}
		for i := range body {
			body[i] = byte(rnd.Uint32())
		}
		chunked := rnd.IntN(2) == 0
		readSize := 1 + rnd.IntN(5000)
		t.Run(fmt.Sprintf("seed %d, window %d, %d bytes", seed, window, len(body)), func(t *testing.T) {
			h := newHostOf(t, &bridge.Server{Window: window, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, err := io.CopyBuffer(onlyWriter{w}, onlyReader{r.Body}, make([]byte, readSize))
				requireIs(err, nil)
			})})
			p := &peer{s: h.Open(bridgetest.Request{Method: "PUT", Body: body, Chunked: chunked, Window: -1}), rnd: rnd, t: t}
			p.uploads(body, max(window, 0), chunked)
			require.Equal(t, body, p.got[:len(body)])
			require.Len(t, p.got, len(body))
		})
	}
}

type onlyWriter struct{ io.Writer }

// peer is a host that gives and takes credit in odd pieces.
type peer struct {
	t    *testing.T
	s    *bridgetest.Stream
	rnd  *rand.Rand
	got  []byte
	mine int // credit we may use
	ours int // credit we have given
}

func (p *peer) uploads(body []byte, window int, chunked bool) {
	p.mine = window
	left, ended := body, !chunked && len(body) == 0
	for {
		for len(left) > 0 && p.mine > 0 {
			n := 1 + p.rnd.IntN(min(len(left), p.mine, 65536))
			p.s.Chunk(left[:n])
			left, p.mine = left[n:], p.mine-n
		}
		if len(left) == 0 && !ended {
			ended = true
			p.s.Fin()
		}
		if p.ours == 0 {
			p.ours = 1 + p.rnd.IntN(1+p.rnd.IntN(70_000))
			p.s.Grant(p.ours)
		}
		switch f := p.s.Next(); f.Kind {
		case bridgetest.Credit:
			p.mine += int(f.Term().(int64))
		case bridgetest.Chunk:
			p.take(f.Payload)
		case bridgetest.Reply:
			p.take([]byte(f.Term().(etf.Tuple)[2].(etf.Binary)))
			return
		case bridgetest.Fin:
			return
		default:
			require.Equal(p.t, bridgetest.Head, f.Kind)
		}
	}
}

func (p *peer) take(b []byte) {
	p.got = append(p.got, b...)
	p.ours -= len(b)
	require.GreaterOrEqual(p.t, p.ours, 0, "bytes beyond credit")
}
