package bridge

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// A host that sends anything at all. Each byte of the input chooses a frame, or a
// part of one; the program must neither panic nor hang, nor write what is no
// frame, and must end when the input does.
func FuzzConn(f *testing.F) {
	f.Add([]byte{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100})
	f.Add([]byte{1, 1, 7, 8, 9, 3, 2, 1, 200, 201})
	f.Add(bytes.Repeat([]byte{3, 4, 5, 6, 7}, 50))
	request := openPayload(f, 0, 100, without(without(requestTerm(), "cert"), "continue"))
	plain := openPayload(f, 0, 1, with(without(without(without(requestTerm(), "cert"), "continue"), "app"), "length", 0))
	f.Fuzz(func(t *testing.T, choices []byte) {
		wire := helloFrame(t)
		next := uint32(minStream)
		for i := 0; i < len(choices); i++ {
			stream := minStream + 2*(uint32(choices[i])/16%8)
			switch choices[i] % 16 {
			case 0, 1:
				wire = appendStreamFrame(wire, kindOpen, next, []byte(plain))
				next += 2
			case 2:
				wire = appendStreamFrame(wire, kindOpen, next, []byte(request))
				next += 2
			case 3, 4:
				wire = appendStreamFrame(wire, kindChunk, stream, make([]byte, 1+int(choices[i])%3))
			case 5:
				wire = appendStreamFrame(wire, kindFin, stream, emptyPayload)
			case 6:
				wire = appendStreamFrame(wire, kindTrailers, stream, []byte("\x83l\x00\x00\x00\x01h\x02m\x00\x00\x00\x01am\x00\x00\x00\x01bj"))
			case 7, 8:
				wire = appendStreamFrame(wire, kindCredit, stream, appendIntPayload(nil, int64(choices[i])))
			case 9:
				wire = appendStreamFrame(wire, kindAbort, stream, appendReason(nil, int(choices[i]), "x"))
			case 10:
				wire = appendPortFrame(wire, kindPing, appendIntPayload(nil, 1))
			case 11:
				wire = appendPortFrame(wire, kindDrain, appendIntPayload(nil, 255))
			case 12:
				wire = appendStreamFrame(wire, kind(choices[i]), stream, choices[i:min(i+9, len(choices))])
			case 13:
				wire = append(wire, choices[i:min(i+3, len(choices))]...)
			default:
				wire = appendStreamFrame(wire, kindOpen, next, []byte(plain))
				next += 2
			}
		}
		requireEnds(t, wire)
	})
}

func helloFrame(t testing.TB) []byte {
	t.Helper()
	b, err := etf.Append(etf.AppendVersion(nil), etf.Map{
		{Key: "versions", Value: etf.Tuple{1, 1}},
		{Key: "max_frame", Value: 1 << 20},
		{Key: "max_head", Value: 65536},
		{Key: "max_streams", Value: 1000},
		{Key: "capabilities", Value: etf.List{}},
		{Key: "options", Value: etf.Map{}},
	})
	require.NoError(t, err)
	return appendPortFrame(nil, kindHello, b)
}

// requireEnds runs a program on the input and looks at what it writes.
func requireEnds(t *testing.T, wire []byte) {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		n, _ := io.Copy(w, r.Body)
		_, _ = fmt.Fprint(w, n, EnvironOf(r).Method())
	})
	set, err := (&Server{Handler: handler, MaxStreams: 5, Window: 4}).settings()
	require.NoError(t, err)
	fromProg, out := io.Pipe()
	c := newConn(set, bytes.NewReader(wire), out)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.serve()
	}()
	read := make(chan error, 1)
	go func() { read <- readAllFrames(fromProg) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "the program hangs")
	}
	require.NoError(t, <-read)
	require.Empty(t, c.streams)
}

func readAllFrames(r io.Reader) error {
	var head [9]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		if head[4] != tagVersion || kindRules[head[8]].name == "" {
			return fmt.Errorf("not a frame: % x", head)
		}
		n := int64(head[2])<<8 | int64(head[3]) | int64(head[1])<<16
		if _, err := io.CopyN(io.Discard, r, n-5); err != nil {
			return err
		}
	}
}
