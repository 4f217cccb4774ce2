package check

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gwport/gwport/etf"
)

// The mirror of the checks: it plays the program's side of the wire against a
// host, and tells which of the rules that bind a host it keeps. test/mirror is the
// port program made of it, which the host under test starts as it would any.
//
// It lives in this package because it must read and write the wire with the same
// code as the checks do, which nobody else is to use; and that code is not the
// bridge's.
//
// What it does with a request is in the request's path (hostScripts). Beside
// that it watches: every frame of the host's is held against the rules that bind
// it always. What it finds is appended to a file, a line each, because many
// scripts end the port; hostReport makes the report of it.

// mirrorOptions say how the mirror greets.
type mirrorOptions struct {
	life                        string // how it greets, of the scripts; as any program if empty
	hold                        string // a socket, for the life that waits for its end
	window, maxHead, maxStreams int
	patience                    time.Duration
}

// mirror is the program's side of one port. One goroutine reads, another writes,
// and each stream has one that runs its script.
type mirror struct {
	side

	set mirrorOptions
	in  io.Reader
	out io.Writer
	rec *recorder

	held      bool // standard input is not read
	hello     hostHello
	greeted   bool   // hello has come
	ready     bool   // ours is on its way
	fault     *frame // the host's
	quits     bool   // a script wants the program to end
	ended     bool   // the end of standard input
	drained   bool   // the host drains
	drain     int64  // the number in our drain; -1: none yet
	highest   uint32
	streams   map[uint32]*mstream
	pongs     map[int64]int
	since     int      // bytes of bodies since a script has asked
	crowded   bool     // the crowd was there
	unread    *mstream // the first of two uploads
	otherRead bool     // the second is answered

	table   []hostScript
	scripts sync.WaitGroup // those that run
}

// hostHello is what the host said of itself.
type hostHello struct{ maxFrame, maxHead, maxStreams int64 }

// maxMirrorFrame is ready's max_frame.
const maxMirrorFrame = 1 << 20

func newMirror(o mirrorOptions, in io.Reader, out io.Writer, rec *recorder) *mirror {
	m := &mirror{
		set: o, in: in, out: out, rec: rec, drain: -1, highest: firstStream - 1,
		streams: make(map[uint32]*mstream), pongs: make(map[int64]int), table: hostScripts(),
	}
	m.init()
	return m
}

// serve plays until the host ends the port or the mirror has drained, and
// returns the exit code.
func (m *mirror) serve() int {
	go m.write(m.out, func() bool { return false })
	done := make(chan struct{})
	go func() {
		m.read()
		close(done)
	}()
	m.scripts.Add(1)
	go m.live()
	m.waitOver()
	m.scripts.Wait()
	m.closing()
	if m.fault != nil {
		return 1
	}
	return 0
}

// waitOver waits for what ends the program: the end of its input, a fault, or a
// drain whose streams have ended.
func (m *mirror) waitOver() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for !m.ended && !m.quits && m.fault == nil && (m.drain < 0 || m.open() > 0) {
		m.changed.Wait()
	}
}

// closing waits until all is written, and looks at what only the end can tell.
// Behind a fault that is the end of input: nothing may come before it.
func (m *mirror) closing() {
	m.await(m.set.patience, func() bool { return m.ended || m.isWritten() && m.fault == nil })
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.drained {
		m.rec.kept("D3")
	}
}

// open counts the streams that are not closed. The caller holds the lock.
func (m *mirror) open() (n int) {
	for _, s := range m.streams {
		if !s.closed() && !s.aborted {
			n++
		}
	}
	return n
}

// Reading

type heldReader struct{ m *mirror }

// Read waits while a script does not want anything read.
func (r heldReader) Read(b []byte) (int, error) {
	r.m.mu.Lock()
	for r.m.held {
		r.m.changed.Wait()
	}
	r.m.mu.Unlock()
	return r.m.in.Read(b)
}

// hold stops and continues the reading.
func (m *mirror) hold(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held = on
	m.changed.Broadcast()
}

func (m *mirror) read() {
	r := &frameReader{r: heldReader{m}, max: firstMaxFrame}
	for {
		b, err := r.next()
		m.mu.Lock()
		if err == nil {
			err = m.take(b)
		}
		if err != nil {
			m.ended = true
			m.watchEnd(err)
			m.changed.Broadcast()
			m.mu.Unlock()
			return
		}
		m.changed.Broadcast()
		m.mu.Unlock()
	}
}

// watchEnd tells the end of input, which may come anywhere [P5], from bytes that
// no frame begins with.
func (m *mirror) watchEnd(err error) {
	if wrong := (*lengthError)(nil); errors.As(err, &wrong) {
		m.broke("F2", fmt.Sprintf("a length of 10 to %d", maxMirrorFrame), "%v", err)
	}
}

// Waiting

// awaitOr ends the script, as failed, if what is expected does not come.
func (m *mirror) awaitOr(expected string, done func() bool) {
	if !m.await(m.set.patience, func() bool { return done() || m.ended }) || !m.holds(done) {
		panic(failure{m.nothing(), expected})
	}
}

// nothing says what came instead.
func (m *mirror) nothing() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.fault != nil:
		return m.fault.String()
	case m.ended:
		return "the end of standard input"
	}
	return fmt.Sprintf("nothing for %v", m.set.patience)
}

// quit ends the program, once all is written.
func (m *mirror) quit() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.quits = true
	m.changed.Broadcast()
}

// barrier returns when the host has answered a ping: it has taken what was sent
// before.
func (m *mirror) barrier() {
	m.mu.Lock()
	n := int64(1_000_000 + len(m.pongs))
	m.pongs[n] = 0
	m.mu.Unlock()
	m.sendTerm(kindPing, 0, n)
	m.awaitOr(fmt.Sprintf("pong %d", n), func() bool { return m.pongs[n] > 0 })
}

// expectFault waits for the host's fault.
func (m *mirror) expectFault(code int64) {
	expected := "fault " + named(faultNames, code)
	m.awaitOr(expected, func() bool { return m.fault != nil })
	if got, _ := m.fault.reason(); got != code {
		panic(failure{m.fault.String(), expected})
	}
}

// Greeting

// greet sends ready: what the mirror says of itself, changed as a life wants it.
func (m *mirror) greet(change func(etf.Map) etf.Map) {
	r := etf.Map{
		{Key: "version", Value: 1},
		{Key: "window", Value: m.set.window},
		{Key: "max_frame", Value: maxMirrorFrame},
		{Key: "max_head", Value: m.set.maxHead},
		{Key: "max_streams", Value: m.set.maxStreams},
		{Key: "capabilities", Value: etf.List{"later"}},
		{Key: "name", Value: "mirror"},
		{Key: "program_version", Value: "1"},
		{Key: "apps", Value: etf.List{"", mirrorApp}},
		{Key: "later", Value: etf.Map{{Key: "unknown", Value: 1.5}}},
	}
	if change != nil {
		r = change(r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ready = true
	m.queue(frame{kindReady, 0, payload(r)}.bytes())
}

// mirrorApp is the app's name, for hosts that name one.
const mirrorApp = "mirror"

// without is a map that lacks a key.
func without(r etf.Map, key string) etf.Map {
	return slices.DeleteFunc(r, func(p etf.Pair) bool { return p.Key == key })
}
