package bridgetest

import (
	"bufio"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/etf"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// Config is what a host says of itself in hello. The zero value is the usual
// host.
type Config struct {
	MinVersion, MaxVersion int           // 1 if 0
	MaxFrame               int           // 1 MiB if 0
	MaxHead                int           // 64 KiB if 0
	MaxStreams             int           // 1000 if 0
	DrainTimeout           time.Duration // not said if 0
	Capabilities           []string
	Dev                    bool // the host runs for development
}

// A Host is the host's side of one wire, with a program behind it that runs in
// the same process.
type Host struct {
	t      testing.TB
	toProg *os.File
	served chan struct{}
	err    error // of ServeConn, once served is closed

	mu      sync.Mutex
	next    uint32
	streams map[uint32]*mailbox
	port    *mailbox // frames without a stream
	ready   Frame
}

// New starts a program with the server's handlers and greets it. At the end of
// the test the wire is closed, and the program must end.
func New(t testing.TB, s *bridge.Server) *Host {
	t.Helper()
	return NewWith(t, s, Config{})
}

// NewWith is New for a host that is not the usual one.
func NewWith(t testing.TB, s *bridge.Server, c Config) *Host {
	t.Helper()
	h := Start(t, s)
	h.Send(Frame{Kind: Hello, Payload: c.hello()})
	f, ok := h.Next()
	if !ok || f.Kind != Ready {
		t.Fatalf("bridgetest: the program's first frame is %v, expected ready: %v", f.Kind, f.Term())
	}
	h.ready = f
	return h
}

// Start starts a program and leaves the greeting to the test.
func Start(t testing.TB, s *bridge.Server) *Host {
	t.Helper()
	in, toProg, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromProg, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{
		t:       t,
		toProg:  toProg,
		served:  make(chan struct{}),
		next:    256,
		streams: make(map[uint32]*mailbox),
		port:    newMailbox(),
	}
	go func() {
		defer close(h.served)
		h.err = s.ServeConn(in, out)
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		h.read(fromProg)
	}()
	t.Cleanup(func() {
		h.CloseInput()
		h.Wait()
		<-read
		_ = fromProg.Close()
	})
	return h
}

func (c Config) hello() []byte {
	or := func(v, byDefault int) int {
		if v == 0 {
			return byDefault
		}
		return v
	}
	options := etf.Map{}
	if c.DrainTimeout != 0 {
		options = append(options, etf.Pair{Key: "drain_timeout", Value: c.DrainTimeout.Milliseconds()})
	}
	if c.Dev {
		options = append(options, etf.Pair{Key: "dev", Value: etf.Atom("true")})
	}
	return term(etf.Map{
		{Key: "versions", Value: etf.Tuple{or(c.MinVersion, 1), or(c.MaxVersion, 1)}},
		{Key: "max_frame", Value: or(c.MaxFrame, 1<<20)},
		{Key: "max_head", Value: or(c.MaxHead, 64<<10)},
		{Key: "max_streams", Value: or(c.MaxStreams, 1000)},
		{Key: "capabilities", Value: names(c.Capabilities)},
		{Key: "options", Value: options},
		{Key: "pool", Value: "bridgetest"},
	})
}

func names(of []string) etf.List {
	l := etf.List{}
	for _, name := range of {
		l = append(l, name)
	}
	return l
}

// read sorts the program's frames into mailboxes, until there are no more.
func (h *Host) read(from *os.File) {
	r := bufio.NewReaderSize(from, 128<<10)
	for {
		f, err := ReadFrame(r)
		if err != nil {
			break
		}
		h.mailbox(f.Stream).put(f)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.port.close()
	for _, m := range h.streams {
		m.close()
	}
}

func (h *Host) mailbox(stream uint32) *mailbox {
	if stream == 0 {
		return h.port
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.streams[stream]
	if m == nil {
		m = newMailbox()
		h.streams[stream] = m
		if h.port.isClosed() {
			m.close()
		}
	}
	return m
}

// Ready returns the program's greeting.
func (h *Host) Ready() etf.Map {
	m, _ := h.ready.Term().(etf.Map)
	return m
}

// Send sends a frame, whatever it is.
func (h *Host) Send(f Frame) {
	h.SendRaw(f.Append(nil))
}

// SendRaw sends bytes, whatever they are. That the program has ended is no
// error: some tests want it to.
func (h *Host) SendRaw(b []byte) {
	_, _ = h.toProg.Write(b)
}

// SendTerm sends a frame whose payload is a term.
func (h *Host) SendTerm(k Kind, stream uint32, payload any) {
	h.Send(Frame{Kind: k, Stream: stream, Payload: term(payload)})
}

// Next returns the next frame without a stream. It is not ok at the end of the
// wire.
func (h *Host) Next() (f Frame, ok bool) {
	h.t.Helper()
	return h.take(h.port, "a frame without a stream")
}

func (h *Host) take(m *mailbox, what string) (Frame, bool) {
	h.t.Helper()
	f, ok, late := m.take()
	if late {
		h.t.Fatalf("bridgetest: no frame within %v, expected %s", patience, what)
	}
	return f, ok
}

// Ping sends a ping and waits for the answer, which means that the program has
// taken all that was sent before.
func (h *Host) Ping(n int) {
	h.t.Helper()
	h.SendTerm(Ping, 0, n)
	for {
		f, ok := h.Next()
		if !ok {
			h.t.Fatal("bridgetest: the wire has ended, expected a pong")
		}
		if f.Kind == Pong && f.Term() == int64(n) {
			return
		}
	}
}

// Drain tells the program to drain.
func (h *Host) Drain() { h.SendTerm(Drain, 0, 255) }

// CloseInput closes the program's standard input.
func (h *Host) CloseInput() { _ = h.toProg.Close() }

// Wait waits for ServeConn to return, and returns its error.
func (h *Host) Wait() error {
	h.t.Helper()
	select {
	case <-h.served:
		return h.err
	case <-time.After(patience):
		h.t.Errorf("bridgetest: the program has not ended within %v", patience)
		return nil
	}
}
