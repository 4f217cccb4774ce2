package check

import (
	"fmt"
	"slices"

	"github.com/gwport/gwport/etf"
)

// The mirror's watch holds every frame of the host's against the rules that bind
// a host always. The callers of all of this hold the mirror's lock.

// hostShapes tells for each kind of the host's whether a payload is of its shape.
var hostShapes = map[kind]func(any) bool{
	kindHello:    func(term any) bool { _, ok := term.(etf.Map); return ok },
	kindFault:    isReason,
	kindPing:     func(term any) bool { return isInt(term, 0, maxCredit) },
	kindPong:     func(term any) bool { return isInt(term, 0, maxCredit) },
	kindDrain:    func(term any) bool { return isInt(term, noStream, maxStream) },
	kindOpen:     func(term any) bool { t, ok := term.(etf.Tuple); return ok && len(t) == 3 },
	kindFin:      isEmpty,
	kindTrailers: isPairs,
	kindCredit:   func(term any) bool { return isInt(term, 1, maxCredit) },
	kindAbort:    isReason,
}

// broke notes that the host has broken a rule of the watch.
func (m *mirror) broke(rule, expected, format string, args ...any) {
	m.rec.broke(rule, fmt.Sprintf(format, args...), expected)
}

// holdTo notes that a rule has been looked at, and broken unless ok.
func (m *mirror) holdTo(rule string, ok bool, expected, format string, args ...any) {
	if !ok {
		m.broke(rule, expected, format, args...)
	}
	m.rec.kept(rule)
}

// take takes in one frame. An error is the end of reading.
func (m *mirror) take(b []byte) error {
	m.rec.kept("F2")
	f, ok := parseEnvelope(b)
	m.holdTo("F3", ok, "an envelope of the layout of F3", "% x", b[:min(len(b), 16)])
	if !ok {
		return fmt.Errorf("not an envelope: % x", b[:min(len(b), 16)])
	}
	f.payload = slices.Clone(f.payload)
	m.holdTo("8", m.fault == nil, "nothing behind fault", "%v", f)
	shape, known := hostShapes[f.kind]
	known = known || f.kind == kindChunk
	m.holdTo("F8", known && f.kind.hasStream() == (f.stream != 0),
		"a kind that a host sends, with a stream number where section 4 has one", "%v with stream %d", f.kind, f.stream)
	m.watchPlace(f)
	if !known || f.kind.hasStream() != (f.stream != 0) {
		return nil
	}
	term, ok := m.watchPayload(f, shape)
	switch {
	case !ok:
	case f.stream == 0:
		m.takePort(f, term)
	case f.kind == kindOpen:
		m.takeOpen(f, term.(etf.Tuple))
	default:
		m.takeStream(f, term)
	}
	return nil
}

// watchPlace is about the greeting: hello first and once, and then nothing that
// is no fault until ready is on its way.
func (m *mirror) watchPlace(f frame) {
	m.holdTo("G1", m.greeted != (f.kind == kindHello), "hello as the first frame, and once", "%v", f)
	if f.kind != kindHello && f.kind != kindFault {
		m.holdTo("G2", m.ready, "nothing but hello, and fault, before ready", "%v", f)
	}
}

// watchPayload decodes a payload and holds it against F4, F5 and F7.
func (m *mirror) watchPayload(f frame, shape func(any) bool) (any, bool) {
	if f.kind == kindChunk {
		m.holdTo("F4", len(f.payload) >= 1 && len(f.payload) <= maxChunk, "1 to 65536 bytes in a chunk", "%v", f)
		return nil, true
	}
	if wrong := oddTag(f.payload); wrong != "" {
		m.broke("F5", "the tags of F5 and no others", "%v with %s", f.kind, wrong)
		return nil, false
	}
	term, err := decode(f.payload)
	if isKeyTwice(err) {
		m.broke("F7", "keys that are binaries, each once", "%v: %v", f.kind, err)
		return nil, false
	}
	if err != nil {
		m.broke("F4", "a payload that is one term", "%v: %v", f.kind, err)
		return nil, false
	}
	m.rec.kept("F5")
	m.holdTo("F4", shape(term), "a payload as section 4 describes it", "%v with %.80s", f.kind, fmt.Sprint(term))
	return term, shape(term)
}

// takePort takes in a frame without a stream.
func (m *mirror) takePort(f frame, term any) {
	switch f.kind {
	case kindHello:
		m.takeHello(term.(etf.Map))
	case kindFault:
		m.fault = &f
		m.watchText(f)
	case kindPing:
		m.queue(frame{kindPong, 0, f.payload}.bytes())
	case kindPong:
		n := term.(int64)
		_, asked := m.pongs[n]
		m.holdTo("D4", asked && m.pongs[n] == 0, "the integer of a ping, once", "pong %d", n)
		m.pongs[n]++
	case kindDrain:
		m.holdTo("D1", term == int64(noStream) && !m.drained, "drain 255, which is what a host sends, once", "drain %v", term)
		m.drained = true
		m.drainLocked(m.highest)
	}
}

// drainLocked says drain, once.
func (m *mirror) drainLocked(highest uint32) {
	if m.drain < 0 {
		m.drain = int64(max(highest, noStream))
		m.queue(frame{kindDrain, 0, payload(m.drain)}.bytes())
	}
}

func (m *mirror) watchText(f frame) {
	_, text := f.reason()
	m.holdTo("8", len(text) <= maxText, "a text of at most 1024 bytes", "%v with one of %d", f.kind, len(text))
}

// takeHello holds the greeting against section 5.
func (m *mirror) takeHello(hello etf.Map) {
	m.greeted = true
	m.watchKeys("hello", hello)
	for key, to := range map[string]*int64{
		"max_frame": &m.hello.maxFrame, "max_head": &m.hello.maxHead, "max_streams": &m.hello.maxStreams,
	} {
		v, _ := hello.Get(etf.Binary(key))
		m.holdTo("5", isInt(v, 1, maxCredit), key+" in hello, an integer", "%v", v)
		*to, _ = v.(int64)
	}
	m.holdTo("5", m.hello.maxFrame >= max(minMaxFrame, m.hello.maxHead+64),
		"a max_frame of at least 65551, and max_head and 64", "%d with a max_head of %d", m.hello.maxFrame, m.hello.maxHead)
	versions, _ := hello.Get(etf.Binary("versions"))
	m.holdTo("5", isRange(versions), "versions in hello, {Min, Max}", "%v", versions)
	_, err := binaries(hello, "capabilities")
	m.holdTo("5", err == nil, "capabilities in hello, a list of binaries", "%v", err)
	options, _ := hello.Get(etf.Binary("options"))
	m.watchOptions(options)
	if pool, there := hello.Get(etf.Binary("pool")); there {
		m.holdTo("5", isBinary(pool), "pool in hello, a binary", "%v", pool)
	}
}

// minMaxFrame is the least max_frame there is.
const minMaxFrame = 65_551

func (m *mirror) watchOptions(term any) {
	options, ok := term.(etf.Map)
	m.holdTo("5", ok, "options in hello, a map", "%v", term)
	if !ok {
		return
	}
	m.watchKeys("hello's options", options)
	if v, there := options.Get(etf.Binary("drain_timeout")); there {
		m.holdTo("5", isInt(v, 0, maxCredit), "drain_timeout in hello, an integer", "%v", v)
	}
}

// isRange tells {Min, Max}.
func isRange(term any) bool {
	t, ok := term.(etf.Tuple)
	if !ok || len(t) != 2 || !isInt(t[0], 1, 255) {
		return false
	}
	return isInt(t[1], t[0].(int64), 255)
}

// watchKeys is F7, but for keys that are there twice, which decode has found.
func (m *mirror) watchKeys(what string, keys etf.Map) {
	for _, p := range keys {
		m.holdTo("F7", isBinary(p.Key), "keys that are binaries, each once", "%v in %s", p.Key, what)
	}
}
