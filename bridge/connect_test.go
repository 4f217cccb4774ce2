package bridge_test

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// extended is the request of a client on HTTP/2 that asks for a protocol.
func extended(protocol string) bridgetest.Request {
	return bridgetest.Request{
		Method: "CONNECT", Path: "/chat?x", Version: [2]int{2, 0}, Chunked: true, Protocol: protocol,
		Headers: []bridge.Header{{Name: "sec-websocket-version", Value: "13"}},
	}
}

// connected is a stream whose handler has taken it over, before anything was written.
func connected(t *testing.T, r bridgetest.Request) (*bridgetest.Host, *bridgetest.Stream, net.Conn) {
	t.Helper()
	conns := make(chan net.Conn, 1)
	h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		conns <- conn
	})}, "hijack")
	s := h.Open(r)
	s.Expect(bridgetest.Entered)
	return h, s, within(t, conns)
}

// headOf is a head's status, and its fields as lines.
func headOf(f bridgetest.Frame) (status int64, fields string) {
	t := f.Term().(etf.Tuple)
	var lines []string
	for _, e := range t[1].(etf.List) {
		p := e.(etf.Tuple)
		lines = append(lines, string(p[0].(etf.Binary))+": "+string(p[1].(etf.Binary)))
	}
	return t[0].(int64), strings.Join(lines, "\n")
}

func TestExtendedConnectIsAnUpgradeToHandlers(t *testing.T) {
	type seen struct {
		method, proto, uri, upgrade, connection, key, raw string
		length                                            int64
		noBody                                            bool
	}
	for name, c := range map[string]struct {
		protocol     string
		raw          bool
		capabilities []string
		want         seen
	}{
		"websocket":              {"websocket", false, []string{"hijack"}, seen{"GET", "HTTP/2.0", "/chat?x", "websocket", "Upgrade", "16 bytes", "", 0, true}},
		"another protocol":       {"bytes", false, []string{"hijack"}, seen{"GET", "HTTP/2.0", "/chat?x", "bytes", "Upgrade", "", "", 0, true}},
		"raw":                    {"websocket", true, []string{"hijack"}, seen{"CONNECT", "HTTP/2.0", "/chat?x", "", "", "", "websocket", -1, false}},
		"without the capability": {"websocket", false, nil, seen{"CONNECT", "HTTP/2.0", "/chat?x", "", "", "", "websocket", -1, false}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan seen, 1)
			h := hijackHost(t, &bridge.Server{RawConnect: c.raw, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				key := r.Header.Get("Sec-WebSocket-Key")
				if b, err := base64.StdEncoding.DecodeString(key); err == nil && len(b) == 16 {
					key = "16 bytes"
				}
				got <- seen{
					r.Method, r.Proto, r.RequestURI, r.Header.Get("Upgrade"), r.Header.Get("Connection"), key,
					strings.Join(r.Header[":protocol"], ","), r.ContentLength, r.Body == http.NoBody,
				}
			})}, c.capabilities...)
			s := h.Open(extended(c.protocol))
			require.Equal(t, c.want, within(t, got))
			s.Expect(bridgetest.Entered)
			status := s.Expect(bridgetest.Reply).Term().(etf.Tuple)[0].(int64)
			if c.want.method == "GET" {
				require.EqualValues(t, http.StatusNotImplemented, status, "a 200 would open a tunnel")
			} else {
				require.EqualValues(t, http.StatusOK, status)
			}
		})
	}
}

// The head that a handler writes, in whatever pieces, is the stream's, and what stands behind it is not.
func TestTheHeadOfATunnelIsReadOffWhatIsWritten(t *testing.T) {
	const text = "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" +
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: abc\r\n" +
		"Content-Length: 5\r\nSec-WebSocket-Protocol: echo\r\nX-A: 1\r\nx-a: 2\r\n\r\nfirst\r\n\r\nbytes"
	for _, size := range []int{1, 7, len(text)} {
		h, s, conn := connected(t, extended("websocket"))
		for rest := text; rest != ""; {
			n, err := io.WriteString(conn, rest[:min(size, len(rest))])
			require.NoError(t, err)
			require.Equal(t, min(size, len(rest)), n)
			rest = rest[n:]
		}
		status, fields := headOf(s.Expect(bridgetest.Inform))
		require.EqualValues(t, 103, status)
		require.Equal(t, "Link: </a>", fields)
		status, fields = headOf(s.Expect(bridgetest.Head))
		require.EqualValues(t, http.StatusOK, status)
		require.Equal(t, "Sec-Websocket-Protocol: echo\nX-A: 1\nX-A: 2", fields)
		s.Expect(bridgetest.Takeover)
		const behind = "first\r\n\r\nbytes"
		var got []byte
		for len(got) < len(behind) {
			got = append(got, s.Expect(bridgetest.Chunk).Payload...)
		}
		require.Equal(t, behind, string(got))
		s.Chunk([]byte("hello"))
		b := make([]byte, 10)
		n, err := conn.Read(b)
		require.NoError(t, err)
		require.Equal(t, "hello", string(b[:n]))
		closer := conn.(interface{ CloseWrite() error })
		require.NoError(t, closer.CloseWrite())
		s.Expect(bridgetest.Fin)
		s.Chunk([]byte("more"))
		n, err = conn.Read(b)
		require.NoError(t, err, "the other direction goes on")
		require.Equal(t, "more", string(b[:n]))
		s.Fin()
		_, err = conn.Read(b)
		require.Equal(t, io.EOF, err)
		require.NoError(t, conn.Close())
		h.Drain()
		require.NoError(t, h.Wait())
	}
}

// An answer of another status is no tunnel: what follows it is its body, which Close ends.
func TestAHeadThatDeclinesATunnel(t *testing.T) {
	for text, want := range map[string]int64{
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno": http.StatusForbidden,
		"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nno":                             http.StatusNotImplemented,
	} {
		_, s, conn := connected(t, extended("websocket"))
		_, err := io.WriteString(conn, text)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		status, fields := headOf(s.Expect(bridgetest.Head))
		require.Equal(t, want, status)
		require.Contains(t, fields, "Content-Length: ")
		require.Equal(t, "no", string(s.Expect(bridgetest.Chunk).Payload))
		s.Expect(bridgetest.Fin)
		_, err = conn.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
	}
}

func TestWhatIsNoHeadOfATunnelEndsItsStream(t *testing.T) {
	for name, text := range map[string]string{
		"not a head":     "\x81\x05hello\r\n\r\n",
		"no status":      "HTTP/1.1 OK\r\n\r\n",
		"status of four": "HTTP/1.1 2000\r\n\r\n",
		"bad field":      "HTTP/1.1 101 x\r\nno colon\r\n\r\n",
		"in chunks":      "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"too long":       "HTTP/1.1 101 " + strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, s, conn := connected(t, extended("websocket"))
			_, err := io.WriteString(conn, text)
			require.Error(t, err)
			require.Equal(t, bridge.CodeBadResponse, codeOf(s.Expect(bridgetest.Abort)))
		})
	}
}

// A head may be as long as the host takes one, which is 65,536 bytes as it is sent there.
func TestTheLengthOfATunnelsHead(t *testing.T) {
	const begin, end = "HTTP/1.1 101 x\r\nX: ", "\r\n\r\n"
	write := func(length int) (*bridgetest.Stream, error) {
		_, s, conn := connected(t, extended("websocket"))
		_, err := io.WriteString(conn, begin+strings.Repeat("x", length-len(begin)-len(end))+end)
		return s, err
	}
	s, err := write(65_514)
	require.NoError(t, err)
	s.Expect(bridgetest.Head)
	s.Expect(bridgetest.Takeover)
	s, err = write(65_515)
	require.Error(t, err)
	require.Equal(t, bridge.CodeBadResponse, codeOf(s.Expect(bridgetest.Abort)))
}

// Before its head a tunnel has nothing that could end in order.
func TestATunnelThatEndsBeforeItsHead(t *testing.T) {
	_, s, conn := connected(t, extended("websocket"))
	require.Error(t, conn.(interface{ CloseWrite() error }).CloseWrite())
	require.NoError(t, conn.Close())
	require.Equal(t, bridge.CodeCancelled, codeOf(s.Expect(bridgetest.Abort)))

	_, s, conn = connected(t, extended("websocket"))
	s.Abort(bridge.CodeCancelled, "")
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, bridge.ErrClientGone)
	_, err = io.WriteString(conn, "HTTP/1.1 101 x\r\n\r\n")
	require.ErrorIs(t, err, bridge.ErrClientGone)
}

// A handler that has given its head before it took the stream over, as coder/websocket has it.
func TestATunnelWhoseHeadWasFixed(t *testing.T) {
	errs := make(chan error, 1)
	h := hijackHost(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Sec-WebSocket-Protocol", "echo")
		w.Header()["Date"] = nil
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _, err = http.NewResponseController(w).Hijack()
		}
		if errors.Is(err, http.ErrHijacked) {
			_, err = io.WriteString(conn, "first")
		}
		_ = conn.Close()
		errs <- err
	})}, "hijack")
	s := h.Open(extended("websocket"))
	require.NoError(t, within(t, errs))
	s.Expect(bridgetest.Entered)
	status, fields := headOf(s.Expect(bridgetest.Head))
	require.EqualValues(t, http.StatusOK, status)
	require.Equal(t, "Sec-Websocket-Protocol: echo", fields)
	s.Expect(bridgetest.Takeover)
	require.Equal(t, "first", string(s.Expect(bridgetest.Chunk).Payload))
	require.Equal(t, bridge.CodeNoError, codeOf(s.Expect(bridgetest.Abort)))
	h.Drain()
	require.NoError(t, h.Wait())
}

// A Write that waits when its connection is closed has not sent all, be it of a tunnel or of an answer that declines.
func TestCloseWakesAWriteToATunnel(t *testing.T) {
	for head, want := range map[string]bridge.Code{
		"HTTP/1.1 101 x\r\n\r\n": bridge.CodeNoError,
		"HTTP/1.1 403 x\r\n\r\n": bridge.CodeCancelled,
	} {
		r := extended("bytes")
		r.Window = 10
		_, s, conn := connected(t, r)
		errs := make(chan error, 1)
		_, err := io.WriteString(conn, head)
		require.NoError(t, err)
		go func() {
			_, err := conn.Write(make([]byte, 100))
			errs <- err
		}()
		s.Expect(bridgetest.Head)
		f := s.Next()
		if f.Kind == bridgetest.Takeover {
			f = s.Next()
		}
		require.Equal(t, bridgetest.Chunk, f.Kind)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(-time.Second)))
		require.NoError(t, conn.Close())
		require.ErrorIs(t, within(t, errs), net.ErrClosed)
		require.Equal(t, want, codeOf(s.Expect(bridgetest.Abort)))
	}
}
