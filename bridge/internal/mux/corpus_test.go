package mux

import (
	"bytes"
	"context"
	"errors"
	"io"
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

// corpusApp looks at opens as the bridge does.
type corpusApp struct{ testApp }

func (a corpusApp) Accept(payload []byte) (Opening, *Abort) {
	o, err := wire.DecodeOpen(string(payload))
	switch {
	case err != nil:
		return Opening{}, BadPayload(wire.KindOpen, err)
	case o.Type != wire.TypeHTTP:
		return Opening{}, Abortf(wire.CodeRefused, "of type %d", o.Type)
	}
	return a.testApp.Accept(payload)
}

// corpusConn is a conn behind its greeting, with stream 256 open unless the case
// opens one. No app of it does anything.
func corpusConn(t *testing.T, c corpus.Case) *Conn {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	app := corpusApp{testApp{run: func(*testTask) { <-ctx.Done() }}}
	conn := New(testConfig(), app, bytes.NewReader(c.Bytes), io.Discard)
	conn.in.MaxFrame = c.Max
	conn.host.Evidence = true
	if len(c.Frames) == 0 || c.Frames[0].Kind != "open" {
		conn.highest = wire.MinStream
		conn.newStream(wire.MinStream, &Opening{Task: &testTask{run: app.run}, Length: -1})
	}
	return conn
}

// verdict handles a frame, and says of what became of it what the corpus would.
func (c *Conn) verdict(f *wire.Frame) string {
	kind := f.Kind
	var err error
	if kind == wire.KindHello {
		err = (&Conn{cfg: c.cfg, in: wire.NewInput(bytes.NewReader(wire.AppendPortFrame(nil, f.Kind, f.Payload)))}).greet()
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
		case s.abortion == nil || kind == wire.KindAbort && s.abortion.Code != wire.CodeBadPayload:
		case s.abortion.Code == wire.CodeBadPayload:
			return "bad-payload"
		default:
			return "abort " + s.abortion.Code.String()
		}
	}
	return "ok"
}

// ending says what the reader makes of what there is behind so many frames.
func (c *Conn) ending(frames int) string {
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
