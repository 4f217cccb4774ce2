package mux

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/etf"
)

// soon is how long a test waits for what it cannot be told of.
const soon = 30 * time.Second

// testApp is an App whose tasks know bytes and no HTTP. It does not look at what an
// open describes.
type testApp struct {
	opening Opening // of each stream, but for the task
	run     func(*testTask)
	tasks   chan *testTask // if it is there, each task is sent
}

func (a testApp) Accept([]byte) (Opening, *Abort) {
	o := a.opening
	task := &testTask{run: a.run, told: make(chan error, 10)}
	o.Task = task
	if a.tasks != nil {
		a.tasks <- task
	}
	return o, nil
}

func (testApp) Cause(a Abort) error { return &testError{a} }

// testError is what the tests' tasks are told.
type testError struct{ Abort }

func (e *testError) Error() string { return e.Code.String() }

type testTask struct {
	Stream
	run   func(*testTask)
	told  chan error
	waits bool // what Run returns
}

func (t *testTask) Run() bool {
	t.run(t)
	return t.waits
}

func (t *testTask) About() []wire.MetaPair { return nil }

func (t *testTask) Cancel(cause error) {
	select {
	case t.told <- cause:
	default:
	}
}

// end ends the half that the task sends.
func (t *testTask) end() error {
	f := NewFrame(wire.KindFin, len(wire.EmptyPayload))
	f.B = append(f.B, wire.EmptyPayload...)
	return t.Out.Queue(f)
}

func testConfig() Config {
	return Config{
		Ready:          wire.Ready{Window: wire.MaxChunk, MaxFrame: wire.MinMaxFrame, MaxHead: 65_536, MaxStreams: 3},
		Window:         wire.MaxChunk,
		MaxAbandoned:   10,
		AbandonedAfter: time.Second,
		Evidence: func(wire.Ask, <-chan struct{}) ([]byte, wire.Result, string) {
			return nil, wire.ResultDone, ""
		},
	}
}

// host is the other end of a Conn.
type host struct {
	t    *testing.T
	conn *Conn
	w    *io.PipeWriter
	r    io.Reader
	done chan error
}

func newHost(t *testing.T, app testApp) *host {
	t.Helper()
	return newHostWith(t, testConfig(), app)
}

func newHostWith(t *testing.T, cfg Config, app testApp) *host {
	t.Helper()
	in, w := io.Pipe()
	r, out := io.Pipe()
	return serveHost(t, New(cfg, app, in, out), w, r)
}

// serveHost serves the conn, and has greeted it.
func serveHost(t *testing.T, conn *Conn, w *io.PipeWriter, r io.Reader) *host {
	t.Helper()
	h := &host{t, conn, w, r, make(chan error, 1)}
	go func() { h.done <- h.conn.Serve() }()
	t.Cleanup(func() { _ = w.Close() })
	h.send(wire.KindHello, 0, etf.Map{
		{Key: "versions", Value: etf.Tuple{1, 1}},
		{Key: "max_frame", Value: wire.MinMaxFrame},
		{Key: "max_head", Value: 100},
		{Key: "max_streams", Value: 10},
		{Key: "capabilities", Value: etf.List{}},
		{Key: "options", Value: etf.Map{}},
	})
	h.expect(wire.KindReady)
	return h
}

// send sends a frame. Bytes are its payload as they are, anything else is a term.
func (h *host) send(k wire.Kind, stream uint32, term any) {
	h.t.Helper()
	payload, ok := term.([]byte)
	if !ok {
		var err error
		payload, err = etf.Append(etf.AppendVersion(nil), term)
		require.NoError(h.t, err)
	}
	b := wire.AppendPortFrame(nil, k, payload)
	if stream != 0 {
		b = wire.AppendStreamFrame(nil, k, stream, payload)
	}
	_, err := h.w.Write(b)
	require.NoError(h.t, err)
}

// open opens a stream with a payload that nobody reads.
func (h *host) open(id uint32) { h.send(wire.KindOpen, id, []byte("any bytes")) }

// expect reads the conn's next frame and returns its payload.
func (h *host) expect(k wire.Kind) []byte {
	h.t.Helper()
	var length [4]byte
	_, err := io.ReadFull(h.r, length[:])
	require.NoError(h.t, err)
	b := make([]byte, int(length[1])<<16|int(length[2])<<8|int(length[3]))
	_, err = io.ReadFull(h.r, b)
	require.NoError(h.t, err)
	require.Equal(h.t, k, wire.Kind(b[4]))
	if b[2] == 2 {
		return b[wire.PortHead:]
	}
	return b[wire.StreamHead:]
}

// within waits for a channel.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// requireNothingLeft ends the wire and looks at what the conn still holds.
func (h *host) requireNothingLeft() {
	h.t.Helper()
	_ = h.w.Close()
	_, err := io.Copy(io.Discard, h.r)
	require.NoError(h.t, err)
	within(h.t, h.done)
	h.conn.mu.Lock()
	defer h.conn.mu.Unlock()
	require.Empty(h.t, h.conn.streams)
	require.Zero(h.t, h.conn.tasks)
	require.Empty(h.t, h.conn.abandoned)
	require.True(h.t, h.conn.out.urgent.empty() && h.conn.out.turns.empty() && h.conn.out.bulk.empty())
}

// copyBack sends what arrives, and ends when that does: what a connection that was taken
// over would do.
func copyBack(t *testTask) {
	defer t.Returned()
	p := make([]byte, 7)
	for {
		n, err := t.In.Read(p)
		if err == io.EOF {
			_ = t.end()
			return
		}
		if err != nil {
			return
		}
		if _, err := Send(&t.Out, p[:n]); err != nil {
			return
		}
	}
}

func TestHalvesCarryBytes(t *testing.T) {
	h := newHost(t, testApp{run: copyBack, opening: Opening{Window: 1000, Length: -1}})
	h.open(256)
	h.send(wire.KindChunk, 256, []byte("ping"))
	require.Equal(t, "ping", string(h.expect(wire.KindChunk)))
	h.send(wire.KindChunk, 256, []byte("again"))
	require.Equal(t, "again", string(h.expect(wire.KindChunk)))
	h.send(wire.KindFin, 256, etf.List{})
	h.expect(wire.KindFin)
	h.requireNothingLeft()
}

func TestStreamsAreForgottenHoweverTheyEnd(t *testing.T) {
	waits := func(t *testTask) {
		_, _ = t.In.Read(make([]byte, 1))
		t.Returned()
	}
	for name, c := range map[string]struct {
		run func(*testTask)
		end func(h *host)
	}{
		"the host aborts": {waits, func(h *host) {
			h.send(wire.KindAbort, 256, etf.Tuple{2, "left"})
			h.expect(wire.KindAbort)
		}},
		"the host breaks a rule": {waits, func(h *host) {
			h.send(wire.KindCredit, 256, 0)
			h.expect(wire.KindAbort)
		}},
		"the task fails": {
			func(t *testTask) { t.Fail(&Abort{Code: wire.CodeInternalError}, errors.New("failed")) },
			func(h *host) { h.expect(wire.KindAbort) },
		},
		"the task fails behind a chunk": {func(t *testTask) {
			_, _ = Send(&t.Out, "x")
			t.Fail(&Abort{Code: wire.CodeInternalError}, errors.New("failed"))
		}, func(h *host) {
			h.expect(wire.KindChunk)
			h.expect(wire.KindAbort)
		}},
		"the task ends, and the host then": {func(t *testTask) { _ = t.end() }, func(h *host) {
			h.expect(wire.KindFin)
			h.send(wire.KindAbort, 256, etf.Tuple{0, ""})
		}},
		"the input ends": {waits, func(*host) {}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, testApp{run: c.run, opening: Opening{Window: 1000, Length: -1}})
			h.open(256)
			c.end(h)
			h.requireNothingLeft()
		})
	}
}

func TestATaskIsToldTheCauseThatItsHalvesAre(t *testing.T) {
	errs := make(chan error, 2)
	tasks := make(chan *testTask, 1)
	h := newHost(t, testApp{tasks: tasks, opening: Opening{Length: -1}, run: func(t *testTask) {
		_, err := t.In.Read(make([]byte, 1))
		errs <- err
		_, err = t.Out.Reserve(1)
		errs <- err
	}})
	h.open(256)
	h.send(wire.KindAbort, 256, etf.Tuple{5, "idle"})
	cause := within(t, (<-tasks).told)
	require.Equal(t, &testError{Abort{Code: wire.CodeIdleTimeout, Text: "idle"}}, cause)
	require.Same(t, cause, within(t, errs))
	require.Same(t, cause, within(t, errs))
	h.expect(wire.KindAbort)
	h.requireNothingLeft()
}

func TestATaskThatFindsNoPlaceIsCancelledAndNotRun(t *testing.T) {
	tasks, ran := make(chan *testTask, 4), make(chan struct{}, 4)
	h := newHost(t, testApp{tasks: tasks, opening: Opening{Length: -1}, run: func(t *testTask) {
		ran <- struct{}{}
		_, _ = t.In.Read(make([]byte, 1))
	}})
	for id := uint32(256); id < 264; id += 2 {
		h.open(id) // one more than there may be
	}
	h.expect(wire.KindAbort)
	for range 3 {
		within(t, ran)
		require.Empty(t, (<-tasks).told)
	}
	require.ErrorContains(t, within(t, (<-tasks).told), "refused")
	require.Empty(t, ran)
	h.requireNothingLeft()
}
