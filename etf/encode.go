package etf

import (
	"errors"
	"math"
	"math/big"
	"unicode/utf8"
)

// Append appends a term, without the version byte, in the form Erlang would
// give it. It takes what [Decode] returns, and besides
//
//	int, int8 ... int64, uint ... uint64   an integer
//	float32                                a float
//	string, []byte                         a binary
//	bool                                   the atom true or false
//	Raw                                    the term that it is
//
// and nothing else: not nil, which could be four different things in Erlang,
// and no other slices, maps or structs. An error is returned, and dst as it
// was, for another type, for a float that is not finite, an atom that is not
// UTF-8 or over 255 characters, a map that has a key twice, a Raw that is not
// exactly one term, an Improper that is none, a Bits, a Ref or a Fun that no
// Erlang reads, and a term that is deeper than 65536 levels (such as a list within
// itself).
func Append(dst []byte, term any) ([]byte, error) {
	return Options{}.Append(dst, term)
}

// A termWriter is one call of Append.
type termWriter struct {
	Options
	// keys is set when a map has been written whose keys are to be compared as
	// terms, which is done once for all.
	keys bool
}

func (e *termWriter) term(dst []byte, term any, depth int) ([]byte, error) {
	switch v := term.(type) {
	case int64:
		return AppendInt(dst, v), nil
	case Binary:
		return appendBytes(dst, v)
	case Atom:
		return appendAtom(dst, v, e.lax())
	case Tuple, List, Map, Improper, Fun, sortedMap:
		if depth == maxDepth {
			return nil, &LimitError{"depth", maxDepth, depth + 1, 0}
		}
		return e.holder(dst, term, depth+1)
	case string:
		return appendBytes(dst, v)
	case []byte:
		return appendBytes(dst, v)
	case bool:
		return AppendBool(dst, v), nil
	case float64:
		return appendFloat(dst, v, e.lax())
	case *big.Int:
		return appendBigInt(dst, v)
	}
	return e.rare(dst, term, depth)
}

func (e *termWriter) holder(dst []byte, term any, depth int) ([]byte, error) {
	switch v := term.(type) {
	case Tuple:
		if uint64(len(v)) > math.MaxUint32 {
			return nil, errSize
		}
		return e.all(AppendTuple(dst, len(v)), v, depth)
	case List:
		return e.list(dst, v, depth)
	case Map:
		return e.mapOf(dst, v, depth)
	case Improper:
		return e.improper(dst, v, depth)
	case sortedMap:
		return e.pairs(dst, v, depth)
	}
	return e.fun(dst, term.(Fun), depth)
}

var (
	errSize     = errors.New("etf: value is too long for the format")
	errFloat    = errors.New("etf: float that is not finite")
	errAtom     = errors.New("etf: name that no atom can have")
	errNil      = errors.New("etf: Options.Nil is a name that no atom can have")
	errEmpty    = errors.New("etf: no bytes where those of a term are wanted")
	errNilBig   = errors.New("etf: nil *big.Int")
	errImproper = errors.New("etf: improper list without elements, or with a list as its tail")
	errBits     = errors.New("etf: bit string that has no byte, or other than 1 to 7 bits in the last")
	errRef      = errors.New("etf: reference of other than one, two, three or five words")
	errFree     = errors.New("etf: fun of more than 255 free variables")
	errKeyTwice = errors.New("etf: " + msgKeyTwice)
)

// asInt takes in Go's own kinds of integers, where they fit an int64.
func asInt(term any) (int64, bool) {
	switch v := term.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v <= math.MaxInt64
	case uint:
		return int64(v), uint64(v) <= math.MaxInt64
	}
	return 0, false
}

func appendBytes[T ~string | ~[]byte](dst []byte, v T) ([]byte, error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	return AppendBinary(dst, v), nil
}

func appendAtom(dst []byte, name Atom, x lax) ([]byte, error) {
	if !isAtom(string(name), x) {
		return nil, errAtom
	}
	return AppendAtom(dst, string(name)), nil
}

// isAtom tells whether an atom can have that name.
func isAtom(s string, x lax) bool {
	if len(s) > maxAtom*utf8.UTFMax || len(s) > maxAtom && utf8.RuneCountInString(s) > maxAtom {
		return false
	}
	return x&laxAtoms != 0 || utf8.ValidString(s)
}

func appendFloat(dst []byte, f float64, x lax) ([]byte, error) {
	if x&laxFloats == 0 && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil, errFloat
	}
	return AppendFloat(dst, f), nil
}

func (e *termWriter) all(dst []byte, terms []any, depth int) (_ []byte, err error) {
	for _, t := range terms {
		if dst, err = e.term(dst, t, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// list writes a list of bytes as a string, as Erlang does: it is a third of the
// size.
func (e *termWriter) list(dst []byte, v List, depth int) ([]byte, error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	if len(v) == 0 {
		return AppendNil(dst), nil
	}
	if out, ok := appendString(dst, v); ok {
		return out, nil
	}
	dst, err := e.all(AppendList(dst, len(v)), v, depth)
	if err != nil {
		return nil, err
	}
	return AppendNil(dst), nil
}

// appendString gives up at the first element that is no byte.
func appendString(dst []byte, v List) (_ []byte, ok bool) {
	if len(v) > math.MaxUint16 {
		return nil, false
	}
	dst = append(dst, tagString, byte(len(v)>>8), byte(len(v)))
	for _, t := range v {
		n, ok := t.(int64)
		if !ok {
			n, ok = asInt(t)
		}
		if !ok || n < 0 || n > math.MaxUint8 {
			return nil, false
		}
		dst = append(dst, byte(n))
	}
	return dst, true
}

// isString tells whether a list is written as a string.
func isString(v List) bool {
	if len(v) > math.MaxUint16 {
		return false
	}
	for _, t := range v {
		if n, ok := asInt(t); !ok || n < 0 || n > math.MaxUint8 {
			return false
		}
	}
	return true
}

func (e *termWriter) improper(dst []byte, v Improper, depth int) ([]byte, error) {
	switch v.Tail.(type) {
	case List, Improper:
		return nil, errImproper
	}
	if len(v.Elems) == 0 {
		return nil, errImproper
	}
	if uint64(len(v.Elems)) > math.MaxUint32 {
		return nil, errSize
	}
	dst, err := e.all(AppendList(dst, len(v.Elems)), v.Elems, depth)
	if err != nil {
		return nil, err
	}
	return e.term(dst, v.Tail, depth)
}
