package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gwport/gwport/etf"
)

// A Shape tells whether a term is of a shape.
type Shape func(any) bool

// Int are the integers from one to another.
func Int(least, most int64) Shape {
	return func(term any) bool { return IsInt(term, least, most) }
}

// IsInt tells an integer from one to another.
func IsInt(term any, least, most int64) bool {
	n, ok := term.(int64)
	return ok && n >= least && n <= most
}

// IsBinary tells a binary.
func IsBinary(term any) bool { _, ok := term.(etf.Binary); return ok }

// IsToken tells a token of RFC 9110.
func IsToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func isAny(any) bool { return true }

func isMap(term any) bool { _, ok := term.(etf.Map); return ok }

func isTriple(term any) bool { t, ok := term.(etf.Tuple); return ok && len(t) == 3 }

func isEmpty(term any) bool { l, ok := term.(etf.List); return ok && len(l) == 0 }

func isReason(term any) bool {
	t, ok := term.(etf.Tuple)
	return ok && len(t) == 2 && IsInt(t[0], 0, MaxCredit) && IsBinary(t[1])
}

// The largest there are of the capability evidence.
const (
	maxPart     = 32 << 10
	maxEvidence = 1 << 30
	maxTime     = 600_000
)

func isAsk(term any) bool {
	t, ok := term.(etf.Tuple)
	return ok && len(t) == 4 && IsInt(t[0], 1, MaxCredit) && IsInt(t[1], 0, MaxCredit) && IsInt(t[2], 0, maxTime) && IsInt(t[3], 1, maxEvidence)
}

func isPart(term any) bool {
	t, ok := term.(etf.Tuple)
	if !ok || len(t) != 2 || !IsInt(t[0], 1, MaxCredit) {
		return false
	}
	b, ok := t[1].(etf.Binary)
	return ok && len(b) >= 1 && len(b) <= maxPart
}

func isAnswered(term any) bool {
	t, ok := term.(etf.Tuple)
	if !ok || len(t) != 3 || !IsInt(t[0], 1, MaxCredit) || !IsInt(t[1], 0, MaxCredit) {
		return false
	}
	b, ok := t[2].(etf.Binary)
	return ok && len(b) <= maxText
}

// IsPairs tells a list of {Name, Value}.
func IsPairs(term any) bool {
	l, ok := term.(etf.List)
	return ok && !slices.ContainsFunc(l, func(e any) bool {
		t, ok := e.(etf.Tuple)
		return !ok || len(t) != 2 || !IsBinary(t[0]) || !IsBinary(t[1])
	})
}

// AppendIodata appends the bytes of a binary, or of a list of bytes, binaries and
// such lists.
func AppendIodata(b []byte, term any) (_ []byte, ok bool) {
	switch v := term.(type) {
	case etf.Binary:
		return append(b, v...), true
	case etf.List:
		for _, e := range v {
			if n, isByte := e.(int64); isByte && IsInt(n, 0, 255) {
				b = append(b, byte(n))
			} else if b, ok = AppendIodata(b, e); !ok {
				return nil, false
			}
		}
		return b, true
	case etf.Improper:
		if b, ok = AppendIodata(b, v.Elems); ok && IsBinary(v.Tail) {
			return AppendIodata(b, v.Tail)
		}
	}
	return nil, false
}

// head is the shape of inform, head and reply.
func head(arity int) Shape {
	return func(term any) bool {
		t, ok := term.(etf.Tuple)
		if !ok || len(t) != arity || !IsPairs(t[1]) {
			return false
		}
		if _, isBody := AppendIodata(nil, t[arity-1]); arity == 3 && !isBody {
			return false
		}
		if pair, ok := t[0].(etf.Tuple); ok {
			return len(pair) == 2 && IsInt(pair[0], 0, 1<<31) && IsBinary(pair[1])
		}
		return IsInt(t[0], 0, 1<<31)
	}
}

// Binaries reads a key whose value is a list of binaries.
func Binaries(m etf.Map, key string) ([]string, error) {
	v, _ := m.Get(etf.Binary(key))
	l, ok := v.(etf.List)
	if !ok {
		return nil, fmt.Errorf("%s is %v", key, v)
	}
	var texts []string
	for _, e := range l {
		b, ok := e.(etf.Binary)
		if !ok {
			return nil, fmt.Errorf("%s has %v in it", key, e)
		}
		texts = append(texts, string(b))
	}
	return texts, nil
}
