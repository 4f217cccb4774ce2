// Package host plays the program's side of the wire against a host, and tells
// which of the rules that bind a host it keeps. test/mirror is the port program
// made of it, which the host under test starts as it would any.
//
// What it does with a request is in the request's path, which names a script.
// Beside that it watches: every frame of the host's is held against the rules that
// bind it always. What it finds is appended to a file, a line each, because many
// scripts end the port; Read makes the report of it.
package host

import (
	"io"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// Options say how the mirror greets.
type Options struct {
	Life                        string // how it greets, of the scripts; as any program if empty
	Hold                        string // a socket, for the life that waits for its end
	Window, MaxHead, MaxStreams int
	Patience                    time.Duration
}

// mirror is the program's side of one port. Beside the goroutines of its side,
// each stream has one that runs its script.
type mirror struct {
	peer.Side

	set   Options
	rec   *recorder
	watch *peer.Watch

	hello     map[string]int64 // the host's limits
	ready     bool             // ours is on its way
	quits     bool             // a script wants the program to end
	drained   bool             // the host drains
	drain     int64            // the number in our drain; -1: none yet
	streams   map[uint32]*stream
	crowded   bool    // the crowd was there
	unread    *stream // the first of two uploads
	otherRead bool    // the second is answered

	scripts sync.WaitGroup // those that run
}

// maxFrame is ready's max_frame.
const maxFrame = 1 << 20

// linger is how long the mirror reads on behind a drain, so that the host has read
// its last frames when it is gone [D2].
const linger = 100 * time.Millisecond

// app is the app's name, for hosts that name one.
const app = "mirror"

func newMirror(o Options, rec *recorder) *mirror {
	m := &mirror{set: o, rec: rec, drain: -1, hello: map[string]int64{}, streams: make(map[uint32]*stream)}
	m.Init()
	m.From = "standard input"
	m.Patience = func() time.Duration { return o.Patience }
	m.Stops = func() bool { return false }
	m.watch = &peer.Watch{Side: &m.Side, Of: peer.Host, Player: watcher{m}, MaxFrame: maxFrame, MaxHead: o.MaxHead}
	return m
}

// Serve plays until the host ends the port or the mirror has drained, and returns
// the exit code. What it sees it appends to the file.
func Serve(o Options, in io.Reader, out, file io.Writer) int {
	m := newMirror(o, newRecorder(file))
	go m.Write(out)
	go m.Read(in, m.watch)
	m.scripts.Add(1)
	go m.live()
	m.waitOver()
	m.scripts.Wait()
	m.closing()
	if m.Fault != nil {
		return 1
	}
	return 0
}

// waitOver waits for what ends the program: the end of its input, a fault, or a
// drain whose streams have ended.
func (m *mirror) waitOver() {
	m.Wait(func() bool { return m.Ended || m.quits || m.Fault != nil || m.drain >= 0 && m.open() == 0 })
}

// closing waits until all is written, and looks at what only the end can tell.
// Behind a fault that is the end of input: nothing may come before it.
func (m *mirror) closing() {
	m.Await(m.set.Patience, func() bool { return m.Ended || m.IsWritten() && m.Fault == nil })
	if m.Holds(func() bool { return m.drained }) {
		m.rec.kept("D3")
	}
	if m.Holds(func() bool { return m.drain >= 0 }) {
		m.Await(linger, func() bool { return m.Ended })
	}
}

// open counts the streams that are not closed. The caller holds the lock.
func (m *mirror) open() (n int) {
	for _, s := range m.streams {
		if !(s.Sent && s.HasEnded()) && !s.GaveUp {
			n++
		}
	}
	return n
}

// live greets as the mirror's life wants it.
func (m *mirror) live() {
	defer m.scripts.Done()
	if s := scriptOf(m.set.Life, true); s != nil {
		m.rec.verdict(s.Path, peer.Try(func() { s.play(&player{m: m}) }))
		return
	}
	m.awaitHello()
	m.greet(nil, "")
}

// awaitHello waits for the greeting.
func (m *mirror) awaitHello() {
	m.Await(m.set.Patience, func() bool { return m.watch.First != nil || m.Ended })
}

// greet sends ready: what the mirror says of itself, with other values for some
// keys, and without a key.
func (m *mirror) greet(values etf.Map, without string) {
	r := peer.Set(etf.Map{
		{Key: "version", Value: 1},
		{Key: "window", Value: m.set.Window},
		{Key: "max_frame", Value: maxFrame},
		{Key: "max_head", Value: m.set.MaxHead},
		{Key: "max_streams", Value: m.set.MaxStreams},
		{Key: "capabilities", Value: etf.List{"later"}},
		{Key: "name", Value: "mirror"},
		{Key: "program_version", Value: "1"},
		{Key: "apps", Value: etf.List{"", app}},
		{Key: "later", Value: etf.Map{{Key: "unknown", Value: 1.5}}},
	}, values)
	if without != "" {
		r = peer.Without(r, without)
	}
	m.Locked(func() {
		m.ready = true
		m.Queue(frames.Ready, 0, r)
	})
}

// say says drain, once. The caller holds the lock.
func (m *mirror) say(highest uint32) {
	if m.drain < 0 {
		m.drain = int64(max(highest, peer.NoStream))
		m.Queue(frames.Drain, 0, m.drain)
	}
}
