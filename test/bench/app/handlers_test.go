package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/okeuday/erlang_go/v2/erlang"
	"github.com/stretchr/testify/require"
)

func answer(t *testing.T, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	newHandler(t.TempDir()).ServeHTTP(rec, httptest.NewRequest(method, target, strings.NewReader(body)))
	return rec
}

func TestHandlers(t *testing.T) {
	require.Equal(t, "Hello, world!\n", answer(t, "GET", "/hello", "").Body.String())
	require.Equal(t, "burnt\n", answer(t, "GET", "/burn", "").Body.String())
	require.Equal(t, "slept\n", answer(t, "GET", "/sleep?ms=1", "").Body.String())
	require.JSONEq(t, `{"a":[1,"x"]}`, answer(t, "POST", "/json", `{"a": [1, "x"]}`).Body.String())
	require.Equal(t, fmt.Sprintf("%x\n", sha256.Sum256([]byte("abc"))), answer(t, "POST", "/upload", "abc").Body.String())
	require.Equal(t, http.StatusBadRequest, answer(t, "GET", "/gen?bytes=many", "").Code)
	require.Equal(t, http.StatusBadRequest, answer(t, "GET", "/fields?n=many", "").Code)
	require.Len(t, answer(t, "GET", "/fields?n=90", "").Header(), 91)
	require.Equal(t, http.StatusNotFound, answer(t, "GET", "/file/absent", "").Code)
}

func TestGenerate(t *testing.T) {
	for _, n := range []int{0, 1, len(block), len(block) + 1, 100_000} {
		rec := answer(t, "GET", fmt.Sprintf("/gen?bytes=%d", n), "")
		require.Equal(t, n, rec.Body.Len())
		require.Equal(t, fmt.Sprint(n), rec.Header().Get("Content-Length"))
	}
}

// The largest message of the loads comes back whole, and so does the next.
func TestEcho(t *testing.T) {
	srv := httptest.NewServer(newHandler(""))
	defer srv.Close()
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(srv.URL, "http")+"/ws", nil)
	require.NoError(t, err)
	defer conn.CloseNow()
	for _, message := range [][]byte{block[:16<<10], []byte("x")} {
		require.NoError(t, conn.Write(t.Context(), websocket.MessageBinary, message))
		kind, got, err := conn.Read(t.Context())
		require.NoError(t, err)
		require.Equal(t, websocket.MessageBinary, kind)
		require.Equal(t, message, got)
	}
}

func TestNaive(t *testing.T) {
	term, err := erlang.TermToBinary(erlang.OtpErlangTuple{
		lower("POST"), lower("/upload"), lower(""),
		erlang.OtpErlangList{Value: []any{erlang.OtpErlangTuple{lower("host"), lower("x")}}},
		lower("abc"),
	}, -1)
	require.NoError(t, err)
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(term))), term...)
	var out bytes.Buffer
	require.NoError(t, serveNaive(bytes.NewReader(append(frame, frame...)), &out, newHandler("")))
	for range 2 {
		reply, err := readPacket(&out)
		require.NoError(t, err)
		got, err := erlang.BinaryToTerm(reply)
		require.NoError(t, err)
		triple := got.(erlang.OtpErlangTuple)
		require.Len(t, triple, 3)
		require.EqualValues(t, 200, triple[0])
		require.Equal(t, fmt.Sprintf("%x\n", sha256.Sum256([]byte("abc"))), binaryOf(triple[2]))
	}
	require.Zero(t, out.Len())
}

func TestNaiveEndsWithWhatIsNoRequest(t *testing.T) {
	term, err := erlang.TermToBinary(int32(1), -1)
	require.NoError(t, err)
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(term))), term...)
	require.ErrorContains(t, serveNaive(bytes.NewReader(frame), &bytes.Buffer{}, nil), "no request")
	require.Error(t, serveNaive(bytes.NewReader([]byte{0, 0, 0, 9, 131}), &bytes.Buffer{}, nil))
}
