package thirdparty

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

func init() { apps["sockets"] = newSockets }

const socketPatience = 20 * time.Second

// largeMessage is the size of the largest message, and the limit of every reader.
const largeMessage = 16 << 20

// newSockets has both libraries' servers, as their own examples have them: what comes goes back.
func newSockets(string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/gorilla", func(w http.ResponseWriter, r *http.Request) {
		upgrader := gorilla.Upgrader{Subprotocols: []string{"echo"}, EnableCompression: r.URL.Query().Has("compress")}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer conn.Close()
		conn.SetReadLimit(largeMessage)
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, data) != nil {
				return
			}
		}
	})
	mux.HandleFunc("/coder", func(w http.ResponseWriter, r *http.Request) {
		options := &coder.AcceptOptions{Subprotocols: []string{"echo"}}
		if r.URL.Query().Has("compress") {
			options.CompressionMode = coder.CompressionContextTakeover
		}
		conn, err := coder.Accept(w, r, options)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(largeMessage)
		for {
			kind, data, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, data) != nil {
				return
			}
		}
	})
	return mux
}

// socketServers are the paths of the servers, and those of them that compress.
var socketServers = []string{"/gorilla", "/coder", "/gorilla?compress", "/coder?compress"}

// eachSocket runs a case against every library's server under net/http and both mounts.
func eachSocket(t *testing.T, run func(t *testing.T, url string)) {
	t.Helper()
	s := start(t)
	for _, server := range append([]string{reference}, ours...) {
		for _, path := range socketServers {
			t.Run(server+path, func(t *testing.T) { run(t, "ws://"+s.addrs[server]+path) })
		}
	}
}

// socketHeader names the app, and an origin that both libraries let in.
func socketHeader(header ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	h.Set("Host", "sockets.test")
	return h
}

func dialGorilla(t *testing.T, url string, header ...string) *gorilla.Conn {
	t.Helper()
	dialer := gorilla.Dialer{HandshakeTimeout: socketPatience, Subprotocols: []string{"other", "echo"}, EnableCompression: true}
	conn, res, err := dialer.Dial(url, socketHeader(header...))
	require.NoError(t, err, "%v", res)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(socketPatience)))
	require.NoError(t, conn.SetWriteDeadline(time.Now().Add(socketPatience)))
	return conn
}

// Messages of both kinds and of all sizes, empty and in fragments, come back as they were.
func TestSocketsCarryMessages(t *testing.T) {
	eachSocket(t, func(t *testing.T, url string) {
		conn := dialGorilla(t, url)
		require.Equal(t, "echo", conn.Subprotocol())
		for _, size := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20, largeMessage} {
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
		w, err := conn.NextWriter(gorilla.TextMessage)
		require.NoError(t, err)
		for i := range 100 {
			_, err := fmt.Fprint(w, strings.Repeat("x", i*100))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		_, data, err := conn.ReadMessage()
		require.NoError(t, err)
		require.Len(t, data, 495000)
	})
}

// A ping is answered, and a close with its code.
func TestSocketsHaveControlFrames(t *testing.T) {
	eachSocket(t, func(t *testing.T, url string) {
		conn := dialGorilla(t, url)
		pongs := make(chan string, 1)
		conn.SetPongHandler(func(text string) error {
			pongs <- text
			return nil
		})
		require.NoError(t, conn.WriteControl(gorilla.PingMessage, []byte("are you there"), time.Now().Add(socketPatience)))
		require.NoError(t, conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(4321, "done"), time.Now().Add(socketPatience)))
		_, _, err := conn.ReadMessage()
		require.Equal(t, "are you there", <-pongs)
		require.True(t, gorilla.IsCloseError(err, 4321), "%v", err)
	})
}

// The other library's client, which has its own way of ending.
func TestSocketsServeTheOtherClient(t *testing.T) {
	eachSocket(t, func(t *testing.T, url string) {
		ctx, cancel := context.WithTimeout(context.Background(), socketPatience)
		defer cancel()
		conn, _, err := coder.Dial(ctx, url, &coder.DialOptions{
			Host: "sockets.test", Subprotocols: []string{"echo"},
			CompressionMode: coder.CompressionContextTakeover,
		})
		require.NoError(t, err)
		defer conn.CloseNow()
		conn.SetReadLimit(largeMessage)
		sent := bytes.Repeat([]byte("message "), 1<<17)
		for range 10 {
			written := make(chan error, 1)
			go func() { written <- conn.Write(ctx, coder.MessageBinary, sent) }()
			kind, data, err := conn.Read(ctx)
			require.NoError(t, <-written)
			require.NoError(t, err)
			require.Equal(t, coder.MessageBinary, kind)
			require.True(t, bytes.Equal(sent, data))
		}
		require.NoError(t, conn.Close(coder.StatusNormalClosure, "bye"))
	})
}

// A page of another site is refused, and so is a request that is no handshake.
func TestSocketsRefuse(t *testing.T) {
	eachSocket(t, func(t *testing.T, url string) {
		_, res, err := gorilla.DefaultDialer.Dial(url, socketHeader("Origin", "http://elsewhere.test"))
		require.ErrorIs(t, err, gorilla.ErrBadHandshake)
		require.Equal(t, http.StatusForbidden, res.StatusCode)
		req := httptest.NewRequest("GET", strings.Replace(url, "ws://", "http://", 1), nil)
		req.RequestURI, req.Host = "", "sockets.test"
		res, err = http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUpgradeRequired}, res.StatusCode)
	})
}
