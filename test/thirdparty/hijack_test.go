package thirdparty

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

func init() { apps["hijack"] = newHijack }

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n"

// newHijack takes connections over for a protocol of plain bytes. What became of the last one is at /last.
func newHijack(string) http.Handler {
	last, goOn := make(chan string, 100), make(chan bool, 100)
	mux := http.NewServeMux()
	mux.HandleFunc("/go", func(http.ResponseWriter, *http.Request) { goOn <- true })
	mux.HandleFunc("/last", func(w http.ResponseWriter, r *http.Request) {
		select {
		case text := <-last:
			fmt.Fprint(w, text)
		case <-r.Context().Done():
		}
	})
	for path, run := range map[string]func(net.Conn, *bufio.ReadWriter) string{
		"/echo":   echoConn,
		"/length": lengthConn,
		"/half":   halfConn,
		"/fill":   fillConn,
		"/deaf":   func(conn net.Conn, rw *bufio.ReadWriter) string { return deafConn(conn, rw, goOn) },
		"/watch":  watchConn,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				http.Error(w, err.Error(), http.StatusNotImplemented)
				return
			}
			if _, err := io.WriteString(conn, switching); err != nil {
				last <- err.Error()
				return
			}
			if path == "/echo" {
				srv := r.Context().Value(http.ServerContextKey).(*http.Server)
				srv.RegisterOnShutdown(func() { _, _ = io.WriteString(conn, "draining") })
			}
			go func() { // behind the handler, as libraries do it
				defer conn.Close()
				last <- run(conn, rw)
			}()
		})
	}
	return mux
}

func echoConn(conn net.Conn, rw *bufio.ReadWriter) string {
	_, err := io.Copy(conn, rw)
	return fmt.Sprint(err)
}

// lengthConn answers when the client has closed its side.
func lengthConn(conn net.Conn, rw *bufio.ReadWriter) string {
	n, err := io.Copy(io.Discard, rw)
	fmt.Fprintf(conn, "%d %v", n, err)
	return conn.RemoteAddr().String()
}

// halfConn closes its side and reads on.
func halfConn(conn net.Conn, rw *bufio.ReadWriter) string {
	_, _ = io.WriteString(conn, "all")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return err.Error()
	}
	b, err := io.ReadAll(rw)
	return fmt.Sprintf("%s %v", b, err)
}

// fillConn writes for as long as somebody takes it, and says how much that was.
func fillConn(conn net.Conn, _ *bufio.ReadWriter) string {
	piece, total := make([]byte, 10_000), 0
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := conn.Write(piece)
		if total += n; err != nil {
			return fmt.Sprintf("%t %d", errors.Is(err, os.ErrDeadlineExceeded), total)
		}
	}
}

// deafConn reads nothing until its first Read is late and somebody tells it to go on, and then all.
func deafConn(conn net.Conn, rw *bufio.ReadWriter, goOn <-chan bool) string {
	_ = conn.SetReadDeadline(time.Now().Add(-time.Second))
	_, err := rw.ReadByte()
	late := errors.Is(err, os.ErrDeadlineExceeded)
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		return err.Error()
	}
	_, _ = io.WriteString(conn, "deaf")
	<-goOn
	_ = conn.SetReadDeadline(time.Time{})
	n, err := io.Copy(io.Discard, conn)
	return fmt.Sprint(late, n, err)
}

// watchConn tells how the connection has ended.
func watchConn(conn net.Conn, rw *bufio.ReadWriter) string {
	_, err := rw.ReadByte()
	return fmt.Sprintf("%T %v", err, err)
}

// askUpgrade asks for a connection, with what the client sends behind its head at once.
func askUpgrade(t *testing.T, addr, path, early string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(socketPatience)))
	_, err = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: hijack.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: bytes\r\n\r\n"+early)
	require.NoError(t, err)
	return conn.(*net.TCPConn)
}

func upgraded(t *testing.T, addr, path, early string) *net.TCPConn {
	t.Helper()
	conn := askUpgrade(t, addr, path, early)
	expect(t, conn, switching)
	return conn
}

func expect(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	n, err := io.ReadFull(conn, got)
	require.Equal(t, text, string(got[:n]))
	require.NoError(t, err)
}

// lastOf is what became of the last connection.
func lastOf(t *testing.T, addr string) string { return getHijack(t, addr, "/last") }

func getHijack(t *testing.T, addr, path string) string {
	t.Helper()
	req, err := http.NewRequest("GET", "http://"+addr+path, nil)
	require.NoError(t, err)
	req.Host = "hijack.test"
	res, err := (&http.Client{Timeout: socketPatience}).Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(body)
}

func eachHijack(t *testing.T, run func(t *testing.T, addr string)) {
	t.Helper()
	s := start(t)
	for _, server := range append([]string{reference}, ours...) {
		t.Run(server, func(t *testing.T) { run(t, s.addrs[server]) })
	}
}

// The head is the handler's, byte for byte, and early bytes are the first that it reads.
func TestHijackedConnectionsCarryBytes(t *testing.T) {
	eachHijack(t, func(t *testing.T, addr string) {
		conn := upgraded(t, addr, "/echo", "early bytes")
		expect(t, conn, "early bytes")
		for _, size := range []int{1, 1000, 100_000, 5_000_000} {
			sent := strings.Repeat("0123456789", size/10+1)[:size]
			go func() { _, _ = io.WriteString(conn, sent) }()
			expect(t, conn, sent)
		}
		require.NoError(t, conn.CloseWrite())
		rest, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, "<nil>", lastOf(t, addr))
	})
}

// Each direction ends by itself.
func TestHijackedConnectionsCloseHalves(t *testing.T) {
	eachHijack(t, func(t *testing.T, addr string) {
		conn := upgraded(t, addr, "/length", "")
		_, err := conn.Write(make([]byte, 1_000_000))
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		got, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, "1000000 <nil>", string(got))
		require.Equal(t, conn.LocalAddr().String(), lastOf(t, addr), "the client's address")

		conn = upgraded(t, addr, "/half", "")
		got, err = io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, "all", string(got))
		_, err = io.WriteString(conn, "more")
		require.NoError(t, err)
		require.NoError(t, conn.CloseWrite())
		require.Equal(t, "more <nil>", lastOf(t, addr))
	})
}

// mostWaiting is what may stand between a handler that writes and a client that does not read, and the other way
// round: windows, and the buffers of two sockets.
const mostWaiting = 12 << 20

// A client that does not read stops the handler's Write, and a handler that does not read stops the client's.
func TestHijackedConnectionsHoldUpWhoIsFaster(t *testing.T) {
	eachHijack(t, func(t *testing.T, addr string) {
		conn := upgraded(t, addr, "/fill", "")
		var late bool
		var total int
		_, err := fmt.Sscan(lastOf(t, addr), &late, &total)
		require.NoError(t, err)
		require.True(t, late)
		require.Less(t, total, mostWaiting)
		t.Logf("%d bytes were taken of a handler whose client does not read", total)
		got, err := io.Copy(io.Discard, conn)
		require.NoError(t, err)
		require.EqualValues(t, total, got)

		conn = upgraded(t, addr, "/deaf", "")
		expect(t, conn, "deaf")
		require.NoError(t, conn.SetWriteDeadline(time.Now().Add(500*time.Millisecond)))
		sent, err := conn.Write(make([]byte, 4*mostWaiting))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Less(t, sent, mostWaiting)
		t.Logf("%d bytes were taken of a client whose handler does not read", sent)
		require.NoError(t, conn.CloseWrite())
		getHijack(t, addr, "/go")
		require.Equal(t, fmt.Sprint(true, sent, nil), lastOf(t, addr))
	})
}

// A handler hears of a client that is gone.
func TestHijackedConnectionsEndWithTheirClient(t *testing.T) {
	eachHijack(t, func(t *testing.T, addr string) {
		require.NoError(t, upgraded(t, addr, "/watch", "").Close())
		require.Equal(t, "*errors.errorString EOF", lastOf(t, addr))
		conn := upgraded(t, addr, "/watch", "")
		require.NoError(t, conn.SetLinger(0))
		require.NoError(t, conn.Close())
		require.Contains(t, lastOf(t, addr), "*net.OpError")
	})
}

// Where there is nothing to take over, the error says so, and the response is an ordinary one.
func TestHijackNeedsAnUpgrade(t *testing.T) {
	s := start(t)
	for _, mount := range ours {
		for _, head := range []string{
			"GET /echo HTTP/1.1\r\n", "GET /echo HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n",
			"GET /echo HTTP/1.1\r\nUpgrade: bytes\r\n", "GET /echo HTTP/1.1\r\nConnection: upgrade\r\n",
			"POST /echo HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: bytes\r\nContent-Length: 1\r\n",
		} {
			conn, err := net.Dial("tcp", s.addrs[mount])
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(socketPatience)))
			_, err = io.WriteString(conn, head+"Host: hijack.test\r\n\r\nx")
			require.NoError(t, err)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err, head)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusNotImplemented, res.StatusCode, head)
			require.Contains(t, string(body), "gwport_pipeline_h")
		}
	}
}

// The connection of a request that asked for an upgrade and got an answer serves the next one.
func TestAnUpgradeThatIsDeclinedLeavesTheConnection(t *testing.T) {
	s := start(t)
	for _, mount := range ours {
		conn := askUpgrade(t, s.addrs[mount], "/nothing", "")
		r := bufio.NewReader(conn)
		for range 3 {
			res, err := http.ReadResponse(r, nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, res.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusNotFound, res.StatusCode)
			_, err = io.WriteString(conn, "GET /nothing HTTP/1.1\r\nHost: hijack.test\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n")
			require.NoError(t, err)
		}
	}
}

// Cowboy before 2.18 takes early bytes with a line break in them for a request.
func TestEarlyBytesThatLookLikeARequest(t *testing.T) {
	s := start(t)
	vsn, err := s.cowboy.Eval(context.Background(), `{ok, V} = application:get_key(cowboy, vsn), [A, B | _] = string:lexemes(V, "."),
		{list_to_integer(A), list_to_integer(B)} >= {2, 18}`)
	require.NoError(t, err)
	for _, mount := range ours {
		conn := askUpgrade(t, s.addrs[mount], "/echo", "a line\r\nand another\r\n")
		if string(vsn) == "true" {
			expect(t, conn, switching+"a line\r\nand another\r\n")
			continue
		}
		got, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Contains(t, string(got), "HTTP/1.1 400 Bad Request")
	}
}

func TestSocketsOverTLS(t *testing.T) {
	s := start(t)
	for _, mount := range ours {
		for _, path := range socketServers {
			dialer := gorilla.Dialer{HandshakeTimeout: socketPatience, TLSClientConfig: &tls.Config{RootCAs: s.cowboy.Roots}}
			conn, res, err := dialer.Dial("wss://"+s.cowboy.Addr(cowboy.Mount(mount), true)+path, socketHeader())
			require.NoError(t, err, "%v", res)
			defer conn.Close()
			sent := bytes.Repeat([]byte("x"), 1<<20)
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(socketPatience)))
			written := make(chan error, 1)
			go func() { written <- conn.WriteMessage(gorilla.BinaryMessage, sent) }()
			_, data, err := conn.ReadMessage()
			require.NoError(t, err)
			require.NoError(t, <-written)
			require.True(t, bytes.Equal(sent, data))
		}
	}
}

// A connection that is silent for the route's idle_timeout is closed; one that is not is told of a drain, by what
// net/http has for it, and ends with the pool.
func TestHijackedConnectionsEndWithTheirPool(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	self, err := os.Executable()
	require.NoError(t, err)
	server, err := cowboy.Start(ctx, cowboy.Options{
		Program: []string{self, serveArgument, "nowhere"},
		Pool:    "#{drain_timeout => 500}", Mounts: "[{'_', #{idle_timeout => 1000}}]",
	})
	require.NoError(t, err)
	defer server.Stop()
	silent := make(map[string]*net.TCPConn)
	for _, mount := range ours {
		silent[mount] = upgraded(t, server.Addr(cowboy.Mount(mount), false), "/echo", "")
	}
	for _, conn := range silent {
		rest, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Empty(t, rest)
	}
	counted, err := server.Eval(ctx, "{ok, #{responses := #{1 := N}, failures := F}} = gwport:counts(app), {N, F}")
	require.NoError(t, err)
	require.Equal(t, "{2,#{idle_timeout => 2}}", string(counted), "one connection by each mount")
	require.Contains(t, server.Log(), "gwport: GET /echo ended: idle_timeout")
	for _, mount := range ours {
		require.Contains(t, lastOf(t, server.Addr(cowboy.Mount(mount), false)), "idle_timeout")
		silent[mount] = upgraded(t, server.Addr(cowboy.Mount(mount), false), "/echo", "")
	}
	_, err = server.Eval(ctx, "supervisor:terminate_child(gwport_sup, {gwport, app})")
	require.NoError(t, err)
	for _, conn := range silent {
		rest, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, "draining", string(rest))
	}
	for _, mount := range ours {
		told := "connections of listener " + mount + "_clear over, as for WebSocket, and clients on HTTP/2 are not offered that"
		require.Equal(t, 1, strings.Count(server.Log(), told), "each has had two connections taken over")
	}
}
