package bridge_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// A host that sends anything at all. Each byte of the input chooses a frame, or a
// part of one; the program must neither panic nor hang, nor write what is no
// frame, and must end when the input does.
func FuzzConn(f *testing.F) {
	f.Add([]byte{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100})
	f.Add([]byte{1, 1, 7, 8, 9, 3, 2, 1, 200, 201})
	f.Add(bytes.Repeat([]byte{3, 4, 5, 6, 7}, 50))
	f.Add([]byte{2, 3, 4, 5, 2, 19, 6, 18, 8})
	withBody := bridgetest.Request{Method: "POST", Body: []byte("abc"), TLS: true, Window: 100}.Open()
	plain := bridgetest.Request{Method: "POST", Window: 1}.Open()
	f.Fuzz(func(t *testing.T, choices []byte) {
		wire := helloFrame()
		next := uint32(256)
		add := func(kind bridgetest.Kind, stream uint32, payload []byte) {
			wire = bridgetest.Frame{Kind: kind, Stream: stream, Payload: payload}.Append(wire)
		}
		for i := range choices {
			stream := 256 + 2*(uint32(choices[i])/16%8)
			switch choices[i] % 16 {
			case 2:
				add(bridgetest.Open, next, withBody)
				next += 2
			case 3, 4:
				add(bridgetest.Chunk, stream, make([]byte, 1+int(choices[i])%3))
			case 5:
				add(bridgetest.Fin, stream, payloadOf(etf.List{}))
			case 6:
				add(bridgetest.Trailers, stream, payloadOf(etf.List{etf.Tuple{"a", "b"}}))
			case 7, 8:
				add(bridgetest.Credit, stream, payloadOf(int(choices[i])))
			case 9:
				add(bridgetest.Abort, stream, payloadOf(etf.Tuple{int(choices[i]), "x"}))
			case 10:
				add(bridgetest.Ping, 0, payloadOf(1))
			case 11:
				add(bridgetest.Drain, 0, payloadOf(255))
			case 12:
				add(bridgetest.Kind(choices[i]), stream, choices[i:min(i+9, len(choices))])
			case 13:
				wire = append(wire, choices[i:min(i+3, len(choices))]...)
			default:
				add(bridgetest.Open, next, plain)
				next += 2
			}
		}
		requireEnds(t, wire)
	})
}

// payloadOf is a term as a payload.
func payloadOf(term any) []byte {
	b, err := etf.Append(etf.AppendVersion(nil), term)
	requireIs(err, nil)
	return b
}

func helloFrame() []byte {
	return bridgetest.Frame{Kind: bridgetest.Hello, Payload: payloadOf(helloTerm())}.Append(nil)
}

// requireEnds runs a program on the input and looks at what it writes.
func requireEnds(t *testing.T, wire []byte) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		n, _ := io.Copy(w, r.Body)
		_, _ = fmt.Fprint(w, n, bridge.EnvironOf(r).Method())
	})
	fromProg, out := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = (&bridge.Server{Handler: handler, MaxStreams: 5, Window: 4}).ServeConn(bytes.NewReader(wire), out)
	}()
	read := make(chan error, 1)
	go func() { read <- readAllFrames(fromProg) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "the program hangs")
	}
	require.NoError(t, <-read)
}

func readAllFrames(r io.Reader) error {
	for {
		f, err := bridgetest.ReadFrame(r)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case f.Kind.String() == fmt.Sprintf("kind %d", f.Kind):
			return fmt.Errorf("unknown %v", f.Kind)
		}
	}
}
