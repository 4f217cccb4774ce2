package check

import (
	"fmt"
	"slices"

	"github.com/gwport/gwport/etf"
)

// watchLog holds a line against D5.
func (h *host) watchLog(f frame, term any) {
	h.t.mu.Lock()
	h.t.seenLogs++
	h.t.mu.Unlock()
	if len(f.payload) > maxLog {
		h.t.violated("D5", "a payload of at most 65536 bytes", "%d", len(f.payload))
	}
	t, ok := term.(etf.Tuple)
	if !ok || len(t) != 3 || !isInt(t[0], 0, 7) || !isBinary(t[1]) || !isMeta(t[2]) {
		h.t.violated("D5", "{Level, Text, Meta}", "%.80s", fmt.Sprint(term))
	}
}

func isMeta(term any) bool {
	m, ok := term.(etf.Map)
	return ok && !slices.ContainsFunc(m, func(p etf.Pair) bool { return !isBinary(p.Key) || !isMetaValue(p) })
}

func isMetaValue(p etf.Pair) bool {
	_, isNumber := p.Value.(int64)
	if p.Key == etf.Binary("stream") || p.Key == etf.Binary("dropped") {
		return isNumber
	}
	_, isFloat := p.Value.(float64)
	return isNumber || isFloat || isBinary(p.Value) || p.Value == etf.Atom("true") || p.Value == etf.Atom("false")
}
