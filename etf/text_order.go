package etf

import (
	"cmp"
	"math"
	"math/big"
	"strings"
)

// rank is a kind's place in the order of terms.
func rank(term any) int {
	if _, ok := asInt(term); ok {
		return rankInteger
	}
	switch v := term.(type) {
	case uint, uint64, *big.Int:
		return rankInteger
	case float32, float64:
		return rankFloat
	case Atom, bool:
		return rankAtom
	case Tuple:
		return rankTuple
	case sortedMap:
		return rankMap
	case List:
		if len(v) == 0 {
			return rankNil
		}
		return rankList
	case Improper:
		return rankList
	case Binary, string, []byte:
		return rankBits
	case Bits:
		return rankBits
	case Ref:
		return rankRef
	case Fun, Export:
		return rankFun
	case Port:
		return rankPort
	case Pid:
		return rankPid
	}
	return rankNone
}

const (
	rankNone = iota
	rankInteger
	rankFloat
	rankAtom
	rankRef
	rankFun
	rankPort
	rankPid
	rankTuple
	rankMap
	rankNil
	rankList
	rankBits
)

// compareTerms compares two parts of keys. It calls itself once for each level.
func compareTerms(a, b any, depth int) int {
	r := rank(a)
	if c := cmp.Compare(r, rank(b)); c != 0 || depth > maxDepth {
		return c
	}
	switch r {
	case rankInteger:
		return compareInts(a, b)
	case rankFloat:
		return compareFloats(asFloat(a), asFloat(b))
	case rankAtom:
		return strings.Compare(atomName(a), atomName(b))
	case rankTuple:
		x, y := a.(Tuple), b.(Tuple)
		if c := cmp.Compare(len(x), len(y)); c != 0 {
			return c
		}
		return compareAll(x, y, depth)
	case rankMap:
		return compareMaps(a.(sortedMap), b.(sortedMap), depth)
	case rankList:
		return compareLists(a, b, depth)
	case rankBits:
		return compareBits(a, b)
	case rankFun:
		return compareFuns(a, b, depth)
	case rankRef:
		return compareRefs(a.(Ref), b.(Ref))
	case rankPort:
		return comparePorts(a.(Port), b.(Port))
	case rankPid:
		return comparePids(a.(Pid), b.(Pid))
	}
	return 0
}

func compareInts(a, b any) int {
	x, small := asInt(a)
	y, ok := asInt(b)
	if small && ok {
		return cmp.Compare(x, y)
	}
	return asBig(a).Cmp(asBig(b))
}

func asBig(n any) *big.Int {
	switch v := n.(type) {
	case *big.Int:
		if v != nil {
			return v
		}
	case uint64:
		return new(big.Int).SetUint64(v)
	case uint:
		return new(big.Int).SetUint64(uint64(v))
	}
	i, _ := asInt(n)
	return big.NewInt(i)
}

// compareFloats has an order for 0.0 and -0.0 too, which are two keys since OTP 27,
// and for NaNs of other bits.
func compareFloats(a, b float64) int {
	switch c := cmp.Compare(a, b); {
	case c != 0:
		return c
	case a == 0:
		return cmp.Compare(math.Copysign(1, a), math.Copysign(1, b))
	}
	return cmp.Compare(math.Float64bits(a), math.Float64bits(b))
}

func asFloat(f any) float64 {
	if v, ok := f.(float32); ok {
		return float64(v)
	}
	v, _ := f.(float64)
	return v
}

func atomName(a any) string {
	if v, ok := a.(bool); ok {
		if v {
			return "true"
		}
		return "false"
	}
	v, _ := a.(Atom)
	return string(v)
}

func compareAll(a, b []any, depth int) int {
	for i := range min(len(a), len(b)) {
		if c := compareTerms(a[i], b[i], depth+1); c != 0 {
			return c
		}
	}
	return 0
}

// compareMaps compares sizes, then keys, then values.
func compareMaps(a, b sortedMap, depth int) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	for i := range a {
		if c := compareTerms(a[i].Key, b[i].Key, depth+1); c != 0 {
			return c
		}
	}
	for i := range a {
		if c := compareTerms(a[i].Value, b[i].Value, depth+1); c != 0 {
			return c
		}
	}
	return 0
}

// compareLists compares element by element. Where one ends, its tail, which is []
// in a proper list, stands against what is left of the other, which is a list.
func compareLists(a, b any, depth int) int {
	x, xTail := cells(a)
	y, yTail := cells(b)
	if c := compareAll(x, y, depth); c != 0 {
		return c
	}
	switch {
	case len(x) < len(y):
		return cmp.Compare(rank(xTail), rankList)
	case len(x) > len(y):
		return cmp.Compare(rankList, rank(yTail))
	}
	return compareTerms(xTail, yTail, depth+1)
}

func cells(list any) (elems []any, tail any) {
	switch v := list.(type) {
	case List:
		return v, emptyList
	case Improper:
		return v.Elems, v.Tail
	}
	return nil, emptyList
}

// compareBits compares bit by bit. The bits behind the last are zero in what
// asBits returns, so that only the lengths can tell a binary from its beginning.
func compareBits(a, b any) int {
	x, xBits := asBits(a)
	y, yBits := asBits(b)
	if c := strings.Compare(x, y); c != 0 {
		return c
	}
	return cmp.Compare(xBits, yBits)
}

func asBits(b any) (bytes string, bits int) {
	switch v := b.(type) {
	case Binary:
		return string(v), 8 * len(v)
	case string:
		return v, 8 * len(v)
	case []byte:
		return string(v), 8 * len(v)
	case Bits:
		return string(v.Bytes), 8*(len(v.Bytes)-1) + int(v.Last)
	}
	return "", 0
}
