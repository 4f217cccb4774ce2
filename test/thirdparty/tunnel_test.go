package thirdparty

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gwport/gwport/test/cowboy"
)

// offersConnect is what a listener has to be told.
const offersConnect = "#{enable_connect_protocol => true}"

// A tunnel is a stream of HTTP/2 that an extended CONNECT (RFC 8441) has opened.
type tunnel struct {
	res *http.Response
	out *io.PipeWriter
}

func (c *tunnel) Read(p []byte) (int, error)  { return c.res.Body.Read(p) }
func (c *tunnel) Write(p []byte) (int, error) { return c.out.Write(p) }

// CloseWrite is END_STREAM.
func (c *tunnel) CloseWrite() error { return c.out.Close() }

// reset is what closing the body of a response that has not ended does.
func (c *tunnel) reset() { _ = c.res.Body.Close() }

func newTransport(t *testing.T) *http2.Transport {
	t.Helper()
	transport := &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, addr string, config *tls.Config) (net.Conn, error) {
			if config.RootCAs == nil {
				return (&net.Dialer{}).DialContext(ctx, network, addr)
			}
			return (&tls.Dialer{Config: config}).DialContext(ctx, network, addr)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// askTunnel asks for a tunnel, over the transport's connection.
func askTunnel(t *testing.T, transport *http2.Transport, url, host, protocol string, header http.Header) (*tunnel, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), socketPatience)
	t.Cleanup(cancel)
	body, out := io.Pipe()
	t.Cleanup(func() { _ = out.Close() })
	req, err := http.NewRequestWithContext(ctx, http.MethodConnect, url, body)
	if err != nil {
		return nil, err
	}
	req.Host, req.Header = host, header.Clone()
	req.Header.Set(":protocol", protocol)
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return &tunnel{res, out}, nil
}

// openTunnel opens one for plain bytes.
func openTunnel(t *testing.T, addr, path string) *tunnel {
	t.Helper()
	c, err := askTunnel(t, newTransport(t), "http://"+addr+path, "hijack.test", "bytes", http.Header{})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, c.res.StatusCode)
	return c
}

// dialTunnel is gorilla's client, whose handshake and messages go over a stream of HTTP/2.
func dialTunnel(t *testing.T, transport *http2.Transport, url string) *gorilla.Conn {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	go translateClient(t, transport, url, far)
	dialer := gorilla.Dialer{
		HandshakeTimeout: socketPatience, Subprotocols: []string{"other", "echo"}, EnableCompression: true,
		NetDial: func(string, string) (net.Conn, error) { return near, nil },
	}
	conn, _, err := dialer.Dial("ws://sockets.test/", nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// translateClient is between a client on HTTP/1.1 and a server on HTTP/2, as a proxy might be.
func translateClient(t *testing.T, transport *http2.Transport, url string, client net.Conn) {
	defer client.Close()
	asked := bufio.NewReader(client)
	req, err := http.ReadRequest(asked)
	if err != nil {
		return
	}
	key := req.Header.Get("Sec-Websocket-Key")
	for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Key"} {
		req.Header.Del(name)
	}
	c, err := askTunnel(t, transport, url, "sockets.test", "websocket", req.Header)
	if err != nil {
		fmt.Fprintf(client, "HTTP/1.1 502 %v\r\n\r\n", err)
		return
	}
	if c.res.StatusCode != http.StatusOK {
		fmt.Fprintf(client, "HTTP/1.1 %s\r\n\r\n", c.res.Status)
		return
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(client, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	_ = c.res.Header.Write(client)
	_, _ = io.WriteString(client, "\r\n")
	go func() {
		_, _ = io.Copy(c, asked)
		_ = c.CloseWrite()
	}()
	_, _ = io.Copy(client, c)
}

// eachTunnel runs a case under both mounts.
func eachTunnel(t *testing.T, run func(t *testing.T, addr string)) {
	t.Helper()
	s := start(t)
	for _, mount := range ours {
		t.Run(mount, func(t *testing.T) { run(t, s.addrs[mount]) })
	}
}

// Both libraries' servers, as they are, have the messages of clients on HTTP/2, several on a connection.
func TestSocketsOverHTTP2(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		transport := newTransport(t)
		for _, path := range socketServers {
			t.Run(path, func(t *testing.T) {
				conn := dialTunnel(t, transport, "http://"+addr+path)
				require.Equal(t, "echo", conn.Subprotocol())
				for _, size := range []int{0, 1, 126, 65536, 1 << 20, largeMessage} {
					for _, kind := range []int{gorilla.TextMessage, gorilla.BinaryMessage} {
						sent := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
						written := make(chan error, 1)
						go func() { written <- conn.WriteMessage(kind, sent) }()
						got, data, err := conn.ReadMessage()
						require.NoError(t, <-written)
						require.NoError(t, err, "%d bytes", size)
						require.Equal(t, kind, got)
						require.True(t, bytes.Equal(sent, data), "%d bytes", size)
					}
				}
				pongs := make(chan string, 1)
				conn.SetPongHandler(func(text string) error {
					pongs <- text
					return nil
				})
				require.NoError(t, conn.WriteControl(gorilla.PingMessage, []byte("there?"), time.Now().Add(socketPatience)))
				require.NoError(t, conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(4321, "done"), time.Now().Add(socketPatience)))
				_, _, err := conn.ReadMessage()
				require.Equal(t, "there?", <-pongs)
				require.True(t, gorilla.IsCloseError(err, 4321), "%v", err)
			})
		}
	})
}

// The head is HTTP/2's own: nothing of the handshake that the handler has seen is in it.
func TestTheAnswerToAnExtendedConnect(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		ask := func(path string, more ...string) *http.Response {
			header := http.Header{"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Protocol": {"echo"}}
			for i := 0; i < len(more); i += 2 {
				header.Set(more[i], more[i+1])
			}
			c, err := askTunnel(t, newTransport(t), "http://"+addr+path, "sockets.test", "websocket", header)
			require.NoError(t, err)
			return c.res
		}
		for _, path := range socketServers {
			res := ask(path)
			require.Equal(t, http.StatusOK, res.StatusCode)
			for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Accept", "Sec-Websocket-Key", "Content-Length"} {
				require.NotContains(t, res.Header, name)
			}
			require.Equal(t, "echo", res.Header.Get("Sec-Websocket-Protocol"))
			require.Equal(t, http.StatusForbidden, ask(path, "Origin", "http://elsewhere.test").StatusCode)
		}
		require.Equal(t, http.StatusNotFound, ask("/nothing").StatusCode)
		declined, err := askTunnel(t, newTransport(t), "http://"+addr+"/a?b", "told.test", "bytes", http.Header{})
		require.NoError(t, err)
		require.Equal(t, http.StatusNotImplemented, declined.res.StatusCode, "a 200 would have opened a tunnel")
		require.Equal(t, "GET HTTP/2.0 [] [bytes] /a?b 0", declined.res.Header.Get("Told"))
	})
}

// Each direction of a stream ends by itself, as those of a connection do.
func TestTunnelsCarryBytesAndCloseHalves(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		c := openTunnel(t, addr, "/echo")
		for _, size := range []int{1, 1000, 100_000, 5_000_000} {
			sent := strings.Repeat("0123456789", size/10+1)[:size]
			go func() { _, _ = io.WriteString(c, sent) }()
			got := make([]byte, size)
			_, err := io.ReadFull(c, got)
			require.NoError(t, err)
			require.Equal(t, sent, string(got))
		}
		require.NoError(t, c.CloseWrite())
		rest, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Empty(t, rest)
		require.Equal(t, "<nil>", lastOf(t, addr))

		c = openTunnel(t, addr, "/length")
		_, err = c.Write(make([]byte, 1_000_000))
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "1000000 <nil>", string(got))
		require.Contains(t, lastOf(t, addr), "127.0.0.1:")

		c = openTunnel(t, addr, "/half")
		got, err = io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "all", string(got))
		_, err = io.WriteString(c, "more")
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		require.Equal(t, "more <nil>", lastOf(t, addr))
	})
}

// mostTunneled is what may stand between handler and client on HTTP/2: windows, and what Cowboy keeps of a stream.
const mostTunneled = mostWaiting + 8<<20

// Who is faster is held up, in either direction.
func TestTunnelsHoldUpWhoIsFaster(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		c := openTunnel(t, addr, "/fill")
		var late bool
		var total int
		_, err := fmt.Sscan(lastOf(t, addr), &late, &total)
		require.NoError(t, err)
		require.True(t, late)
		require.Less(t, total, mostTunneled)
		t.Logf("%d bytes were taken of a handler whose client does not read", total)
		got, err := io.Copy(io.Discard, c)
		require.NoError(t, err)
		require.EqualValues(t, total, got)

		c = openTunnel(t, addr, "/deaf")
		deaf := make([]byte, 4)
		_, err = io.ReadFull(c, deaf)
		require.NoError(t, err)
		sent := make(chan int, 1)
		progress := make(chan int, 1<<16)
		stop := make(chan bool)
		go func() {
			n, piece := 0, make([]byte, 10_000)
			for {
				select {
				case <-stop:
					sent <- n
					return
				default:
				}
				m, err := c.Write(piece)
				if n += m; err != nil {
					sent <- n
					return
				}
				progress <- n
			}
		}()
		taken := 0
		for quiet := false; !quiet; {
			select {
			case taken = <-progress:
			case <-time.After(500 * time.Millisecond):
				quiet = true
			}
		}
		require.Less(t, taken, mostTunneled)
		t.Logf("%d bytes were taken of a client whose handler does not read", taken)
		close(stop)
		getHijack(t, addr, "/go")
		total = <-sent
		require.NoError(t, c.CloseWrite())
		require.Equal(t, fmt.Sprint(true, total, nil), lastOf(t, addr))
	})
}

// A client that resets its stream, or whose connection is lost, is one that has left.
func TestTunnelsEndWithTheirClient(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		openTunnel(t, addr, "/watch").reset()
		require.Contains(t, lastOf(t, addr), "*net.OpError")
		c := openTunnel(t, addr, "/watch")
		require.NoError(t, c.CloseWrite())
		require.Equal(t, "*errors.errorString EOF", lastOf(t, addr))
	})
}

func TestTunnelsOverTLS(t *testing.T) {
	s := start(t)
	for _, mount := range ours {
		transport := newTransport(t)
		transport.TLSClientConfig = &tls.Config{RootCAs: s.cowboy.Roots}
		for _, path := range socketServers {
			conn := dialTunnel(t, transport, "https://"+s.cowboy.Addr(cowboy.Mount(mount), true)+path)
			sent := bytes.Repeat([]byte("x"), 1<<20)
			written := make(chan error, 1)
			go func() { written <- conn.WriteMessage(gorilla.BinaryMessage, sent) }()
			_, data, err := conn.ReadMessage()
			require.NoError(t, err)
			require.NoError(t, <-written)
			require.True(t, bytes.Equal(sent, data))
		}
	}
}

// startTunnels starts a BEAM of the test's own.
func startTunnels(t *testing.T, serve, pool, mounts string) *cowboy.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	self, err := os.Executable()
	require.NoError(t, err)
	server, err := cowboy.Start(ctx, cowboy.Options{
		Program: []string{self, serve, "nowhere"}, Pool: pool, Mounts: mounts, Listener: offersConnect,
	})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return server
}

// A tunnel that is silent for the route's idle_timeout is reset; one that is not is told of a drain; one whose program
// dies is reset, which is no end of what was sent.
func TestTunnelsEndWithTheirPool(t *testing.T) {
	server := startTunnels(t, serveArgument, "#{drain_timeout => 500}", "[{'_', #{idle_timeout => 1000}}]")
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	open := func() (all []*tunnel) {
		for _, mount := range ours {
			all = append(all, openTunnel(t, server.Addr(cowboy.Mount(mount), false), "/echo"))
		}
		return all
	}
	isReset := func(c *tunnel) {
		rest, err := io.ReadAll(c)
		require.Empty(t, rest)
		require.ErrorAs(t, err, new(http2.StreamError))
	}
	for _, c := range open() {
		isReset(c)
	}
	counted, err := server.Eval(ctx, "{ok, #{responses := #{2 := N}, failures := F}} = gwport:counts(app), {N, F}")
	require.NoError(t, err)
	require.Equal(t, "{2,#{idle_timeout => 2}}", string(counted), "one tunnel by each mount")
	logs := func(text string) {
		require.Eventually(t, func() bool { return strings.Count(server.Log(), text) == 2 }, socketPatience, 10*time.Millisecond, text)
	}
	logs("gwport: CONNECT /echo ended: idle_timeout")

	killed := open()
	_, err = server.Eval(ctx, `{ok, [#{os_pid := Pid} | _]} = gwport:info(app), os:cmd("kill -9 " ++ integer_to_list(Pid))`)
	require.NoError(t, err)
	for _, c := range killed {
		isReset(c)
	}
	logs("gwport: CONNECT /echo ended: port_died")
	require.Eventually(t, func() bool {
		state, err := server.Eval(ctx, "{ok, [#{state := State} | _]} = gwport:info(app), State")
		return err == nil && string(state) == "serving"
	}, socketPatience, 10*time.Millisecond)

	drained := open()
	_, err = server.Eval(ctx, "supervisor:terminate_child(gwport_sup, {gwport, app})")
	require.NoError(t, err)
	for _, c := range drained {
		rest, err := io.ReadAll(c)
		require.Equal(t, "draining", string(rest))
		require.ErrorAs(t, err, new(http2.StreamError), "there is no word of the handler's that it was all")
	}
	require.NotContains(t, server.Log(), "enable_connect_protocol")
}

// newTold says what a request is, and answers what comes.
func newTold(string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Told", fmt.Sprint(r.Method, " ", r.Proto, " ", r.Header[":protocol"], " ", r.Header["Upgrade"], " ", r.RequestURI, " ", r.ContentLength))
		_ = http.NewResponseController(w).Flush()
		b := make([]byte, 100)
		for {
			n, err := r.Body.Read(b)
			if n > 0 {
				_, _ = w.Write(b[:n])
				_ = http.NewResponseController(w).Flush()
			}
			if err != nil || bytes.ContainsRune(b[:n], '.') {
				return
			}
		}
	})
}

func init() { apps["told"] = newTold }

// With RawConnect a handler has what net/http gives it: the two directions are body and response.
func TestRawTunnels(t *testing.T) {
	server := startTunnels(t, serveRawArgument, "#{}", "[{'_', #{}}]")
	for _, mount := range ours {
		c, err := askTunnel(t, newTransport(t), "http://"+server.Addr(cowboy.Mount(mount), false)+"/a?b", "told.test", "websocket", http.Header{})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, c.res.StatusCode)
		require.Equal(t, "CONNECT HTTP/2.0 [websocket] [] /a?b -1", c.res.Header.Get("Told"))
		for _, text := range []string{"one", "two", "three."} {
			_, err = io.WriteString(c, text)
			require.NoError(t, err)
			got := make([]byte, len(text))
			_, err = io.ReadFull(c, got)
			require.NoError(t, err)
			require.Equal(t, text, string(got))
		}
		rest, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Empty(t, rest)
	}
}

// mostDiscarded is what is taken of a client behind the end of its tunnel.
const mostDiscarded = 262144

// A client whose tunnel the handler has closed is given the end of it, and time to end its own direction; if it goes on
// sending, no more than so many bytes.
func TestAClosedTunnelWaitsForItsClient(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		closed := func() *frames {
			c := newFrames(t, addr, "/watch")
			c.send(1, false) // behind which the handler closes
			c.until(hasEnded)
			require.Equal(t, "<nil> <nil>", lastOf(t, addr))
			return c
		}
		c := closed()
		c.send(mostDiscarded, false)
		c.ping()
		require.False(t, c.isReset)
		c.send(1, false)
		c.until(func(http2.Frame) bool { return c.isReset })

		c = closed()
		c.send(mostDiscarded, true)
		c.ping()
		require.False(t, c.isReset)
	})
}

func hasEnded(f http2.Frame) bool {
	data, is := f.(*http2.DataFrame)
	return is && data.StreamEnded()
}

// frames are those of a connection with one tunnel, whose client sees each of them.
type frames struct {
	*http2.Framer
	t            *testing.T
	stream, conn int // what may be sent
	isReset      bool
}

func newFrames(t *testing.T, addr, path string) *frames {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(socketPatience)))
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	c := &frames{Framer: http2.NewFramer(conn, conn), t: t, stream: 65535, conn: 65535}
	require.NoError(t, c.WriteSettings())
	c.until(func(f http2.Frame) bool { return f.Header().Type == http2.FrameSettings }) // which offers it
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{
		{":method", "CONNECT"}, {":protocol", "bytes"}, {":scheme", "http"}, {":authority", "hijack.test"}, {":path", path},
	} {
		require.NoError(t, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	require.NoError(t, c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
	c.until(func(f http2.Frame) bool { return f.Header().Type == http2.FrameHeaders })
	return c
}

// until reads frames, up to one that is wanted.
func (c *frames) until(is func(http2.Frame) bool) {
	c.t.Helper()
	for {
		f, err := c.ReadFrame()
		require.NoError(c.t, err)
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				require.NoError(c.t, c.WriteSettingsAck())
			}
		case *http2.WindowUpdateFrame:
			if f.StreamID == 0 {
				c.conn += int(f.Increment)
			} else {
				c.stream += int(f.Increment)
			}
		case *http2.RSTStreamFrame:
			require.Equal(c.t, http2.ErrCodeNo, f.ErrCode)
			c.isReset = true
		}
		if is(f) {
			return
		}
	}
}

// send sends so many bytes of the stream, as its windows allow.
func (c *frames) send(n int, last bool) {
	c.t.Helper()
	for n > 0 {
		size := min(n, c.stream, c.conn, 16384)
		if size == 0 {
			c.until(func(f http2.Frame) bool { return f.Header().Type == http2.FrameWindowUpdate })
			continue
		}
		n -= size
		c.stream, c.conn = c.stream-size, c.conn-size
		require.NoError(c.t, c.WriteData(1, last && n == 0, make([]byte, size)))
	}
}

// ping waits until the server has seen what was sent before.
func (c *frames) ping() {
	c.t.Helper()
	require.NoError(c.t, c.WritePing(false, [8]byte{1}))
	c.until(func(f http2.Frame) bool {
		pong, is := f.(*http2.PingFrame)
		return is && pong.IsAck()
	})
}

// Node's HTTP/2 is another implementation of it; its session ends when all of its streams have.
func TestSocketsOverHTTP2FromNode(t *testing.T) {
	eachTunnel(t, func(t *testing.T, addr string) {
		for _, path := range socketServers {
			ctx, cancel := context.WithTimeout(context.Background(), nodeRunLimit)
			defer cancel()
			out, err := exec.CommandContext(ctx, "node", "node/tunnel.js", addr, "sockets.test", path).Output()
			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{"offered": true, "status": 200, "protocol": "echo", "ended": true, "code": 0, "came": "%x"}`,
				"\x81\x0fhello from node\x88\x02\x10\xe1"), string(out), path)
		}
	})
}
