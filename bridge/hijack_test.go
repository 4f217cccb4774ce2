package bridge_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// hijackHost is a host that hands connections over, and what the handler made of the first.
func hijackHost(t *testing.T, server *bridge.Server, capabilities ...string) *bridgetest.Host {
	t.Helper()
	return bridgetest.NewWith(t, server, bridgetest.Config{Capabilities: capabilities, DrainTimeout: time.Minute})
}

// takeOver gives the connection of a handler that has taken it over, with credit for 100 bytes.
func takeOver(t *testing.T) (*bridgetest.Host, *bridgetest.Stream, net.Conn) {
	t.Helper()
	conns := make(chan net.Conn, 1)
	h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		conns <- conn
	})}, "hijack")
	s := h.Open(bridgetest.Request{Upgrade: true})
	s.Expect(bridgetest.Takeover)
	h.Ping(1)
	s.Grant(100)
	require.Equal(t, int64(65536), s.Expect(bridgetest.Credit).Term(), "what the client may send")
	return h, s, within(t, conns)
}

func TestHijackCarriesBytesBothWays(t *testing.T) {
	h, s, conn := takeOver(t)
	require.Contains(t, h.Ready(), etf.Pair{Key: etf.Binary("capabilities"), Value: etf.List{etf.Binary("hijack")}})
	require.Equal(t, "127.0.0.1:50000", conn.RemoteAddr().String())
	require.Equal(t, "127.0.0.1:80", conn.LocalAddr().String())
	_, err := io.WriteString(conn, "HTTP/1.1 101 Anything\r\n\r\n")
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 101 Anything\r\n\r\n", string(s.Expect(bridgetest.Chunk).Payload))
	s.Chunk([]byte("hello"))
	got := make([]byte, 10)
	n, err := conn.Read(got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got[:n]))
	s.Fin()
	_, err = conn.Read(got)
	require.Equal(t, io.EOF, err)
	_, err = io.WriteString(conn, "still")
	require.NoError(t, err)
	require.Equal(t, "still", string(s.Expect(bridgetest.Chunk).Payload))
	require.NoError(t, conn.Close())
	require.Equal(t, bridge.CodeNoError, codeOf(s.Expect(bridgetest.Abort)))
}

func TestHijackClosesOneDirection(t *testing.T) {
	_, s, conn := takeOver(t)
	closer := conn.(interface{ CloseWrite() error })
	require.NoError(t, closer.CloseWrite())
	require.NoError(t, closer.CloseWrite(), "once is enough")
	s.Expect(bridgetest.Fin)
	_, err := io.WriteString(conn, "x")
	require.ErrorIs(t, err, io.ErrClosedPipe)
	s.Chunk(make([]byte, 50_000))
	_, err = io.ReadFull(conn, make([]byte, 50_000))
	require.NoError(t, err)
	errs := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		errs <- err
	}()
	require.Positive(t, s.Expect(bridgetest.Credit).Term(), "there is credit behind the end of the other direction")
	s.Fin()
	require.Equal(t, io.EOF, within(t, errs))
	require.NoError(t, conn.Close())
}

func TestHijackedConnHasDeadlines(t *testing.T) {
	_, s, conn := takeOver(t)
	isLate := func(err error) {
		timeout := net.Error(nil)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorAs(t, err, &timeout)
		require.True(t, timeout.Timeout())
	}
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Millisecond)))
	_, err := conn.Read(make([]byte, 1))
	isLate(err)
	n, err := conn.Write(make([]byte, 101))
	isLate(err)
	require.LessOrEqual(t, n, 100)
	require.NoError(t, conn.SetDeadline(time.Time{}))
	s.Chunk([]byte("x"))
	_, err = conn.Read(make([]byte, 1))
	require.NoError(t, err)
	s.Grant(101)
	_, err = conn.Write(make([]byte, 101))
	require.NoError(t, err)
}

func TestHijackedConnTellsWhyItHasEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(h *bridgetest.Host, s *bridgetest.Stream, conn net.Conn)
		want error
	}{
		"the client has left": {func(_ *bridgetest.Host, s *bridgetest.Stream, _ net.Conn) { s.Abort(bridge.CodeCancelled, "") }, bridge.ErrClientGone},
		"the port has ended":  {func(h *bridgetest.Host, _ *bridgetest.Stream, _ net.Conn) { h.CloseInput() }, bridge.ErrPortClosed},
		"it was closed":       {func(_ *bridgetest.Host, _ *bridgetest.Stream, conn net.Conn) { _ = conn.Close() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			h, s, conn := takeOver(t)
			errs := make(chan error, 2)
			go func() {
				_, err := conn.Read(make([]byte, 1))
				errs <- err
			}()
			go func() {
				_, err := conn.Write(make([]byte, 1000))
				errs <- err
			}()
			s.Expect(bridgetest.Chunk)
			c.end(h, s, conn)
			for range 2 {
				require.ErrorIs(t, within(t, errs), c.want)
			}
			op := (*net.OpError)(nil)
			_, err := conn.Write([]byte("x"))
			require.ErrorAs(t, err, &op)
			require.Equal(t, "write", op.Op)
		})
	}
}

func TestHijackIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		request      bridgetest.Request
		capabilities []string
		before       func(w http.ResponseWriter)
		want         error
	}{
		"without an offer":       {bridgetest.Request{}, []string{"hijack"}, nil, http.ErrNotSupported},
		"without the capability": {bridgetest.Request{Upgrade: true}, nil, nil, http.ErrNotSupported},
		"behind a flush": {bridgetest.Request{Upgrade: true}, []string{"hijack"}, func(w http.ResponseWriter) {
			_ = http.NewResponseController(w).Flush()
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			errs := make(chan error, 1)
			h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.before != nil {
					c.before(w)
				}
				_, _, err := http.NewResponseController(w).Hijack()
				errs <- err
			})}, c.capabilities...)
			s := h.Open(c.request)
			err := within(t, errs)
			require.Error(t, err)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			s.Next() // a reply, or the head
		})
	}
}

// What the handler has fixed is the beginning of what is sent, as coder/websocket has it.
func TestHijackSendsTheHeadThatWasFixed(t *testing.T) {
	errs := make(chan error, 3)
	h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Upgrade", "bytes")
		w.Header()["Date"] = nil
		w.WriteHeader(http.StatusSwitchingProtocols)
		rc := http.NewResponseController(w)
		errs <- rc.Flush()
		_, rw, err := rc.Hijack()
		if err == nil {
			_, _ = rw.WriteString("first")
			err = rw.Flush()
		}
		errs <- err
		_, err = w.Write([]byte("x"))
		if errors.Is(err, http.ErrHijacked) {
			_, _, err = rc.Hijack()
		}
		errs <- err
	})}, "hijack")
	s := h.Open(bridgetest.Request{Upgrade: true})
	s.Expect(bridgetest.Takeover)
	s.Grant(1000)
	require.NoError(t, within(t, errs))
	require.NoError(t, within(t, errs))
	require.ErrorIs(t, within(t, errs), http.ErrHijacked)
	const text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: bytes\r\n\r\nfirst"
	var got []byte
	for len(got) < len(text) {
		if f := s.Next(); f.Kind == bridgetest.Chunk {
			got = append(got, f.Payload...)
		}
	}
	require.Equal(t, text, string(got))
	s.Abort(bridge.CodeCancelled, "")
}

// A drain waits for a connection, and its handler is told.
func TestHijackedConnHearsOfADrain(t *testing.T) {
	started := make(chan bool, 1)
	h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		r.Context().Value(http.ServerContextKey).(*http.Server).RegisterOnShutdown(func() {
			_, _ = io.WriteString(conn, "bye")
			_ = conn.Close()
		})
		started <- true
	})}, "hijack")
	s := h.Open(bridgetest.Request{Upgrade: true})
	s.Expect(bridgetest.Takeover)
	s.Grant(100)
	within(t, started)
	s.Expect(bridgetest.Credit)
	h.Drain()
	require.Equal(t, "bye", string(s.Expect(bridgetest.Chunk).Payload))
	require.Equal(t, bridge.CodeNoError, codeOf(s.Expect(bridgetest.Abort)))
	require.NoError(t, h.Wait())
}

// A handler that was offered a connection and answers sees a request without a body.
func TestAnOfferThatIsNotTakenIsAnOrdinaryRequest(t *testing.T) {
	h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(w, r.Body)
		if n == 0 && err == nil && r.Body == http.NoBody && r.ContentLength == 0 {
			_, _ = io.WriteString(w, "nothing")
		}
		_ = bufio.NewWriter(w).Flush()
	})}, "hijack")
	s := h.Open(bridgetest.Request{Upgrade: true})
	require.Equal(t, "nothing", string(s.Expect(bridgetest.Reply).Term().(etf.Tuple)[2].(etf.Binary)))
	s.Abort(bridge.CodeNoError, "")
	h.Drain()
	require.NoError(t, h.Wait())
}

func codeOf(f bridgetest.Frame) bridge.Code {
	code, _ := f.Reason()
	return bridge.Code(code)
}
