package host

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// requestKeys tells for each key of a request whether a value is of its shape.
var requestKeys = map[string]peer.Shape{
	"method": func(v any) bool { b, ok := v.(etf.Binary); return ok && peer.IsToken(string(b)) },
	"path": func(v any) bool {
		b, ok := v.(etf.Binary)
		return ok && (b == "*" || strings.HasPrefix(string(b), "/"))
	},
	"query":     peer.IsBinary,
	"version":   isHTTPVersion,
	"scheme":    func(v any) bool { return v == etf.Binary("http") || v == etf.Binary("https") },
	"host":      func(v any) bool { b, ok := v.(etf.Binary); return ok && strings.ToLower(string(b)) == string(b) },
	"port":      peer.Int(0, 65_535),
	"peer":      isEndpoint,
	"local":     isEndpoint,
	"headers":   isRequestFields,
	"path_info": peer.Int(0, peer.MaxCredit),
}

var optionalKeys = map[string]peer.Shape{
	"length":   peer.Int(0, 1<<62),
	"continue": func(v any) bool { return v == etf.Atom("true") },
	"app":      peer.IsBinary,
	"timeout":  peer.Int(0, 1<<62),
	"cert":     peer.IsBinary,
	"upgrade":  func(v any) bool { return v == etf.Atom("true") },
	"protocol": isProtocol,
}

// request holds a request against section 6, and keeps what the mirror needs of
// it.
func (m watcher) request(s *stream, request etf.Map) {
	m.keys("a request", request)
	for key, isShape := range requestKeys {
		v, there := request.Get(etf.Binary(key))
		m.watch.Hold("6", there && isShape(v), key+" of its shape", "%.80s", fmt.Sprint(v))
	}
	for key, isShape := range optionalKeys {
		m.optional("6", key, request, key, isShape)
	}
	s.path, s.app = peer.Text(request, "path"), peer.Text(request, "app")
	_, s.goAhead = request.Get(etf.Binary("continue"))
	length, isKnown := request.Get(etf.Binary("length"))
	s.Begin(true, length != int64(0))
	if isKnown {
		s.Length, _ = length.(int64)
	}
	if s.Length != 0 && !s.goAhead {
		s.Given = int64(m.set.Window)
	}
	m.watch.Hold("6", !s.goAhead || s.Length != 0, "no continue with length 0", "both")
	headers, _ := request.Get(etf.Binary("headers"))
	fields, _ := headers.(etf.List)
	for _, e := range fields {
		if t, ok := e.(etf.Tuple); ok && len(t) == 2 && t[0] == etf.Binary("content-length") {
			m.watch.Hold("6", t[1] == etf.Binary(fmt.Sprint(s.Length)), "length as content-length has it", "%d and %v", s.Length, t[1])
		}
	}
}

func isProtocol(v any) bool {
	b, ok := v.(etf.Binary)
	name, version, hasVersion := strings.Cut(string(b), "/")
	return ok && peer.IsToken(name) && (!hasVersion || peer.IsToken(version))
}

func isHTTPVersion(v any) bool {
	t, ok := v.(etf.Tuple)
	return ok && len(t) == 2 && peer.IsInt(t[0], 1, 2) && peer.IsInt(t[1], 0, 1)
}

// isEndpoint tells {Address, Port}.
func isEndpoint(v any) bool {
	t, ok := v.(etf.Tuple)
	if !ok || len(t) != 2 || !peer.IsInt(t[1], 0, 65_535) {
		return false
	}
	address, ok := t[0].(etf.Binary)
	_, err := netip.ParseAddr(string(address))
	return ok && (address == "" || err == nil)
}

func isRequestFields(v any) bool {
	if !peer.IsPairs(v) {
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
