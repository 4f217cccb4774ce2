package host

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// watcher has what only a host can break, beside what the watch of package peer
// finds.
type watcher struct{ *mirror }

func (m watcher) Kept(rule string) { m.rec.kept(rule) }

func (m watcher) Broke(rule, seen, expected string) { m.rec.broke(rule, seen, expected) }

// Early is about the greeting: hello first and once, and then nothing that is no
// fault until ready is on its way.
func (m watcher) Early(f frames.Frame) {
	m.watch.Hold("G1", (m.watch.First == nil) == (f.Kind == frames.Hello), "hello as the first frame, and once", "%v", f)
	if f.Kind != frames.Hello && f.Kind != frames.Fault {
		m.watch.Hold("G2", m.ready, "nothing but hello, and fault, before ready", "%v", f)
	}
}

func (m watcher) Stream(id uint32) *peer.Stream {
	if s := m.streams[id]; s != nil {
		return &s.Stream
	}
	return nil
}

// TakePort takes in a frame without a stream.
func (m watcher) TakePort(f frames.Frame, term any) {
	switch f.Kind {
	case frames.Hello:
		m.takeHello(term.(etf.Map))
	case frames.Drain:
		m.watch.Hold("D1", term == int64(peer.NoStream) && !m.drained, "drain 255, which is what a host sends, once", "drain %v", term)
		m.drained = true
		m.say(m.Highest)
	}
}

// Before is about silence that a script has asked for.
func (m watcher) Before(p *peer.Stream, f frames.Frame) {
	if s := m.streams[p.ID]; s.quiet != "" {
		m.Broke(s.quiet, f.String(), "nothing more of the stream")
	}
}

// Take takes in a frame of a stream: O1 and R7 of chunks, and the answer to an
// abort [A2].
func (m watcher) Take(p *peer.Stream, f frames.Frame, _ any) {
	s := m.streams[p.ID]
	switch f.Kind {
	case frames.Chunk:
		n := int64(len(f.Payload))
		if s.script != nil && s.script.ask.body > 0 {
			m.watch.Hold("O1", string(f.Payload) == string(peer.Pattern(int(s.Got-n), int(n))), "the request's bytes in their order", "others from byte %d on", s.Got-n)
		}
		if s.Length >= 0 {
			m.watch.Hold("R7", s.Got <= s.Length, fmt.Sprintf("%d bytes, as length says", s.Length), "%d", s.Got)
		}
	case frames.Abort:
		if code, _ := f.Reason(); !s.Sent && !s.silent {
			s.Sent, s.GaveUp = true, true
			m.Queue(frames.Abort, s.ID, etf.Tuple{code, ""})
		}
	}
}

// takeHello holds the greeting against section 5.
func (m watcher) takeHello(hello etf.Map) {
	m.keys("hello", hello)
	for _, key := range []string{"max_frame", "max_head", "max_streams"} {
		v, _ := hello.Get(etf.Binary(key))
		m.watch.Hold("5", peer.IsInt(v, 1, peer.MaxCredit), key+" in hello, an integer", "%v", v)
		m.hello[key], _ = v.(int64)
	}
	m.watch.Hold("5", m.hello["max_frame"] >= max(peer.MinMaxFrame, m.hello["max_head"]+64),
		"a max_frame of at least 65551, and max_head and 64", "%d with a max_head of %d", m.hello["max_frame"], m.hello["max_head"])
	versions, _ := hello.Get(etf.Binary("versions"))
	m.watch.Hold("5", isRange(versions), "versions in hello, {Min, Max}", "%v", versions)
	_, err := peer.Binaries(hello, "capabilities")
	m.watch.Hold("5", err == nil, "capabilities in hello, a list of binaries", "%v", err)
	term, _ := hello.Get(etf.Binary("options"))
	options, ok := term.(etf.Map)
	m.watch.Hold("5", ok, "options in hello, a map", "%v", term)
	m.keys("hello's options", options)
	m.optional("5", "drain_timeout in hello", options, "drain_timeout", peer.Int(0, peer.MaxCredit))
	m.optional("5", "dev in hello", options, "dev", isBool)
	m.optional("5", "pool in hello", hello, "pool", peer.IsBinary)
}

// optional holds a key that may be missing against its shape.
func (m watcher) optional(rule, what string, in etf.Map, key string, shape peer.Shape) {
	if v, there := in.Get(etf.Binary(key)); there {
		m.watch.Hold(rule, shape(v), what+" of its shape", "%.80s", fmt.Sprint(v))
	}
}

func isBool(term any) bool { return term == etf.Atom("true") || term == etf.Atom("false") }

// isRange tells {Min, Max}.
func isRange(term any) bool {
	t, ok := term.(etf.Tuple)
	return ok && len(t) == 2 && peer.IsInt(t[0], 1, 255) && peer.IsInt(t[1], t[0].(int64), 255)
}

// keys is F7, but for keys that are there twice, which the decoder has found.
func (m watcher) keys(what string, keys etf.Map) {
	for _, p := range keys {
		m.watch.Hold("F7", peer.IsBinary(p.Key), "keys that are binaries, each once", "%v in %s", p.Key, what)
	}
}

// TakeOpen takes in an open: R1, R2, R4, G4, D3 and section 6.
func (m watcher) TakeOpen(f frames.Frame, t etf.Tuple) {
	m.watch.Hold("R2", f.Stream%2 == 0 && f.Stream > m.Highest, fmt.Sprintf("an even number above %d", m.Highest), "open of stream %d", f.Stream)
	m.watch.Hold("D3", !m.drained, "no open behind drain", "open of stream %d", f.Stream)
	m.watch.Hold("G4", len(f.Payload) <= m.set.MaxHead, fmt.Sprintf("an open of at most %d bytes, ready's max_head", m.set.MaxHead), "%d", len(f.Payload))
	m.watch.Hold("R1", peer.IsInt(t[0], 0, 0), "type 0", "%v", t[0])
	m.watch.Hold("C2", peer.IsInt(t[1], 0, peer.MaxWindow), "a window of 0 to 16777216", "%v", t[1])
	request, ok := t[2].(etf.Map)
	m.watch.Hold("6", ok, "a request that is a map", "%.80s", fmt.Sprint(t[2]))
	m.Highest = max(m.Highest, f.Stream)
	s := &stream{m: m.mirror}
	s.Side, s.ID = &m.Side, f.Stream
	m.streams[f.Stream] = s
	if m.drain >= 0 && int64(f.Stream) > m.drain { // [D1]
		s.Begin(true, false)
		s.silent, s.Sent = true, true
		return
	}
	s.Left, _ = t[1].(int64)
	s.whole = s.Left
	m.request(s, request)
	m.start(s)
}

// start runs a stream's script.
func (m watcher) start(s *stream) {
	m.rec.kept("12") // ready has a key and a capability that nobody knows
	most := min(m.hello["max_streams"], int64(m.set.MaxStreams))
	m.watch.Hold("R4", int64(m.open()) <= most, fmt.Sprintf("at most %d streams, the smaller max_streams", most), "%d", m.open())
	m.watch.Hold("R4", s.app == "" || s.app == app, "an app that ready names", "%q", s.app)
	s.script = scriptOf(strings.TrimPrefix(s.path, "/"), false)
	m.scripts.Add(1)
	go s.run()
}

// WatchEnvironment is P2 and P3.
func WatchEnvironment(file io.Writer, versions, socket string) {
	rec := newRecorder(file)
	if !regexp.MustCompile(`^[1-9][0-9]*(-[1-9][0-9]*)?$`).MatchString(versions) {
		rec.broke("P2", fmt.Sprintf("%q", versions), "GWPORT as 1, or 1-3")
	}
	rec.kept("P2")
	if socket == "" {
		return
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		rec.broke("P3", err.Error(), "a connection to GWPORT_STDERR")
		return
	}
	_ = c.Close()
	rec.kept("P3")
}
