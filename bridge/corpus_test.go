package bridge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/test/corpus"
)

// The frames of the wire's corpus (test/corpus), read by a conn's own reader and
// handled as frames of a stream that is open.
func TestFramesOfTheCorpus(t *testing.T) {
	cases, err := corpus.Frames()
	require.NoError(t, err)
	tried := 0
	for _, c := range cases {
		if !c.For("program") {
			continue
		}
		tried++
		t.Run(c.Name, func(t *testing.T) {
			conn := corpusConn(t, c)
			for _, want := range c.Frames {
				f, err := conn.in.Next()
				require.NoError(t, err)
				require.Equal(t, want.Kind, f.Kind.String())
				require.Equal(t, want.Stream, f.Stream)
				require.Equal(t, string(want.Payload), string(f.Payload))
				if got := conn.verdict(&f); got != "ok" {
					require.Equal(t, c.Verdict, got)
					return
				}
			}
			require.Equal(t, c.Verdict, conn.ending(len(c.Frames)))
		})
	}
	require.GreaterOrEqual(t, tried, 100)
}

// corpusConn is a conn behind its greeting, with stream 256 open unless the case
// opens one. No app of it does anything.
func corpusConn(t *testing.T, c corpus.Case) *conn {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	idle := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-ctx.Done() })
	set, err := (&Server{Handler: idle}).settings()
	require.NoError(t, err)
	conn := newConn(set, bytes.NewReader(c.Bytes), io.Discard)
	conn.in.MaxFrame = c.Max
	if len(c.Frames) == 0 || c.Frames[0].Kind != "open" {
		conn.highest = wire.MinStream
		conn.newStream(wire.MinStream, &wire.Open{Request: wire.Request{Method: "PUT", Length: -1}}, idle)
	}
	return conn
}

// verdict handles a frame, and says of what became of it what the corpus would.
func (c *conn) verdict(f *wire.Frame) string {
	kind := f.Kind
	var err error
	if kind == wire.KindHello {
		err = (&conn{set: c.set, in: wire.NewInput(bytes.NewReader(wire.AppendPortFrame(nil, f.Kind, f.Payload)))}).greet()
	} else {
		err = c.handle(f)
	}
	if fault := (*wire.Fault)(nil); errors.As(err, &fault) && !fault.Host {
		if fault.Code == wire.FaultBadFrame {
			return "bad-payload"
		}
		return "wire-fault " + fault.Code.String()
	}
	for !c.out.urgent.empty() {
		s := c.out.urgent.pop()
		switch {
		case s.abortion == nil || kind == wire.KindAbort && s.abortion.Code != CodeBadPayload:
		case s.abortion.Code == CodeBadPayload:
			return "bad-payload"
		default:
			return "abort " + s.abortion.Code.String()
		}
	}
	return "ok"
}

// ending says what the reader makes of what there is behind so many frames.
func (c *conn) ending(frames int) string {
	_, err := c.in.Next()
	fault := (*wire.Fault)(nil)
	switch {
	case errors.As(err, &fault):
		return "wire-fault " + fault.Code.String()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "need-more"
	case frames == 0:
		return "need-more" // of nothing
	}
	return "ok"
}
