package check

import (
	"slices"

	"github.com/gwport/gwport/etf"
)

// hasOpaque finds what F5 forbids. Raw is what the codec makes of pids, ports,
// references, funs and bit strings.
func hasOpaque(term any) bool {
	switch v := term.(type) {
	case etf.Raw:
		return true
	case etf.Tuple:
		return slices.ContainsFunc(v, hasOpaque)
	case etf.List:
		return slices.ContainsFunc(v, hasOpaque)
	case etf.Improper:
		return slices.ContainsFunc(v.Elems, hasOpaque) || hasOpaque(v.Tail)
	case etf.Map:
		return slices.ContainsFunc(v, func(p etf.Pair) bool { return hasOpaque(p.Key) || hasOpaque(p.Value) })
	}
	return false
}

// shapes tells for each kind of the program's whether a payload is of its shape.
var shapes = map[kind]func(any) bool{
	kindReady:    func(term any) bool { _, ok := term.(etf.Map); return ok },
	kindFault:    isReason,
	kindPing:     func(term any) bool { return isInt(term, 0, maxCredit) },
	kindPong:     func(term any) bool { return isInt(term, 0, maxCredit) },
	kindDrain:    func(term any) bool { return isInt(term, noStream, maxStream) },
	kindLog:      func(any) bool { return true }, // D5 has a watch of its own
	kindEntered:  isEmpty,
	kindFin:      isEmpty,
	kindTrailers: isPairs,
	kindCredit:   func(term any) bool { return isInt(term, 1, maxCredit) },
	kindAbort:    isReason,
	kindInform:   func(term any) bool { return isHead(term, 2) },
	kindHead:     func(term any) bool { return isHead(term, 2) },
	kindReply:    func(term any) bool { return isHead(term, 3) },
}

func isInt(term any, least, most int64) bool {
	n, ok := term.(int64)
	return ok && n >= least && n <= most
}

func isBinary(term any) bool { _, ok := term.(etf.Binary); return ok }

func isEmpty(term any) bool { l, ok := term.(etf.List); return ok && len(l) == 0 }

func isReason(term any) bool {
	t, ok := term.(etf.Tuple)
	return ok && len(t) == 2 && isInt(t[0], 0, maxCredit) && isBinary(t[1])
}

func isPairs(term any) bool {
	l, ok := term.(etf.List)
	return ok && !slices.ContainsFunc(l, func(e any) bool {
		t, ok := e.(etf.Tuple)
		return !ok || len(t) != 2 || !isBinary(t[0]) || !isBinary(t[1])
	})
}

// isIodata tells a binary, and lists of bytes, binaries and such lists.
func isIodata(term any) bool { _, ok := appendIodata(nil, term); return ok }

func appendIodata(b []byte, term any) (_ []byte, ok bool) {
	switch v := term.(type) {
	case etf.Binary:
		return append(b, v...), true
	case etf.List:
		for _, e := range v {
			if n, isByte := e.(int64); isByte && isInt(n, 0, 255) {
				b = append(b, byte(n))
			} else if b, ok = appendIodata(b, e); !ok {
				return nil, false
			}
		}
		return b, true
	case etf.Improper:
		if b, ok = appendIodata(b, v.Elems); ok && isBinary(v.Tail) {
			return appendIodata(b, v.Tail)
		}
	}
	return nil, false
}

func isHead(term any, arity int) bool {
	t, ok := term.(etf.Tuple)
	if !ok || len(t) != arity || !isPairs(t[1]) || arity == 3 && !isIodata(t[2]) {
		return false
	}
	if pair, ok := t[0].(etf.Tuple); ok {
		return len(pair) == 2 && isInt(pair[0], 0, 1<<31) && isBinary(pair[1])
	}
	return isInt(t[0], 0, 1<<31)
}
