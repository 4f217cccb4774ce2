package check

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gwport/gwport/etf"
)

// mrequest is what the mirror keeps of a request.
type mrequest struct {
	method, path, app string
	length            int64 // -1: not known
	goAhead           bool
	headers           etf.List
}

// takeOpen takes in an open: R1, R2, R4, G4, D3 and section 6.
func (m *mirror) takeOpen(f frame, t etf.Tuple) {
	m.holdTo("R2", f.stream%2 == 0 && f.stream > m.highest, fmt.Sprintf("an even number above %d", m.highest), "open of stream %d", f.stream)
	m.holdTo("D3", !m.drained, "no open behind drain", "open of stream %d", f.stream)
	m.holdTo("G4", len(f.payload) <= m.set.maxHead, fmt.Sprintf("an open of at most %d bytes, ready's max_head", m.set.maxHead), "%d", len(f.payload))
	m.holdTo("R1", isInt(t[0], 0, 0), "type 0", "%v", t[0])
	m.holdTo("C2", isInt(t[1], 0, maxWindow), "a window of 0 to 16777216", "%v", t[1])
	request, ok := t[2].(etf.Map)
	m.holdTo("6", ok, "a request that is a map", "%.80s", fmt.Sprint(t[2]))
	if m.drain >= 0 && int64(f.stream) > m.drain {
		m.highest = max(m.highest, f.stream)
		m.streams[f.stream] = &mstream{m: m, id: f.stream, silent: true, ended: true, over: true}
		return // [D1]
	}
	window, _ := t[1].(int64)
	s := &mstream{m: m, id: f.stream, mrequest: m.readRequest(request), window: window, whole: window}
	s.start()
}

// start makes the stream known and runs its script.
func (s *mstream) start() {
	m := s.m
	m.highest = max(m.highest, s.id)
	m.streams[s.id] = s
	m.rec.kept("12") // ready has a key and a capability that nobody knows
	if s.length == 0 {
		s.end(kindOpen)
	} else if !s.goAhead {
		s.credit = int64(m.set.window)
	}
	live, most := m.open(), min(m.hello.maxStreams, int64(m.set.maxStreams))
	m.holdTo("R4", int64(live) <= most, fmt.Sprintf("at most %d streams, the smaller max_streams", most), "%d", live)
	m.holdTo("R4", s.app == "" || s.app == mirrorApp, "an app that ready names", "%q", s.app)
	name := strings.TrimPrefix(s.path, "/")
	s.script = m.scriptOf(name)
	m.scripts.Add(1)
	go s.run(name)
}

// requestKeys tells for each key of a request whether a value is of its shape.
var requestKeys = map[string]func(any) bool{
	"method": func(v any) bool { b, ok := v.(etf.Binary); return ok && isToken(string(b)) },
	"path": func(v any) bool {
		b, ok := v.(etf.Binary)
		return ok && (b == "*" || strings.HasPrefix(string(b), "/"))
	},
	"query":     isBinary,
	"version":   isHTTPVersion,
	"scheme":    func(v any) bool { return v == etf.Binary("http") || v == etf.Binary("https") },
	"host":      func(v any) bool { b, ok := v.(etf.Binary); return ok && strings.ToLower(string(b)) == string(b) },
	"port":      func(v any) bool { return isInt(v, 0, 65_535) },
	"peer":      isEndpoint,
	"local":     isEndpoint,
	"headers":   isRequestFields,
	"path_info": func(v any) bool { return isInt(v, 0, maxCredit) },
}

var optionalKeys = map[string]func(any) bool{
	"length":   func(v any) bool { return isInt(v, 0, 1<<62) },
	"continue": func(v any) bool { return v == etf.Atom("true") },
	"app":      isBinary,
	"timeout":  func(v any) bool { return isInt(v, 0, 1<<62) },
	"cert":     isBinary,
}

// readRequest holds a request against section 6.
func (m *mirror) readRequest(request etf.Map) (r mrequest) {
	m.watchKeys("a request", request)
	for key, isShape := range requestKeys {
		v, there := request.Get(etf.Binary(key))
		m.holdTo("6", there && isShape(v), key+" of its shape", "%.80s", fmt.Sprint(v))
	}
	for key, isShape := range optionalKeys {
		if v, there := request.Get(etf.Binary(key)); there {
			m.holdTo("6", isShape(v), key+" of its shape", "%.80s", fmt.Sprint(v))
		}
	}
	text := func(key string) string {
		v, _ := request.Get(etf.Binary(key))
		b, _ := v.(etf.Binary)
		return string(b)
	}
	r.method, r.path, r.app = text("method"), text("path"), text("app")
	r.length = -1
	if v, there := request.Get(etf.Binary("length")); there {
		r.length, _ = v.(int64)
	}
	_, r.goAhead = request.Get(etf.Binary("continue"))
	headers, _ := request.Get(etf.Binary("headers"))
	r.headers, _ = headers.(etf.List)
	m.holdTo("6", !r.goAhead || r.length != 0, "no continue with length 0", "both")
	m.watchLengthField(r)
	return r
}

// watchLengthField holds length against the header of that name.
func (m *mirror) watchLengthField(r mrequest) {
	for _, e := range r.headers {
		if t, ok := e.(etf.Tuple); ok && len(t) == 2 && t[0] == etf.Binary("content-length") {
			m.holdTo("6", t[1] == etf.Binary(fmt.Sprint(r.length)), "length as content-length has it", "%d and %v", r.length, t[1])
		}
	}
}

func isHTTPVersion(v any) bool {
	t, ok := v.(etf.Tuple)
	return ok && len(t) == 2 && isInt(t[0], 1, 2) && isInt(t[1], 0, 1)
}

// isEndpoint tells {Address, Port}.
func isEndpoint(v any) bool {
	t, ok := v.(etf.Tuple)
	if !ok || len(t) != 2 || !isInt(t[1], 0, 65_535) {
		return false
	}
	address, ok := t[0].(etf.Binary)
	_, err := netip.ParseAddr(string(address))
	return ok && (address == "" || err == nil)
}

func isRequestFields(v any) bool {
	if !isPairs(v) {
		return false
	}
	host := false
	for _, e := range v.(etf.List) {
		name, value := string(e.(etf.Tuple)[0].(etf.Binary)), string(e.(etf.Tuple)[1].(etf.Binary))
		if name != strings.ToLower(name) || strings.ContainsAny(name+value, "\r\n\x00") {
			return false
		}
		host = host || name == "host"
	}
	return host
}
