package etf

import (
	"errors"
	"fmt"
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
//
// and nothing else: not nil, which could be four different things in Erlang,
// and no other slices, maps or structs. An error is returned, and dst as it
// was, for another type, for a float that is not finite, an atom that is not
// UTF-8 or over 255 characters, a Raw that is not exactly one term, an Improper
// that is none, and a term that is deeper than 65536 levels (such as a list
// within itself).
func Append(dst []byte, term any) ([]byte, error) {
	return Options{}.Append(dst, term)
}

func appendTerm(dst []byte, term any, depth int) ([]byte, error) {
	if n, ok := asInt(term); ok {
		return AppendInt(dst, n), nil
	}
	switch v := term.(type) {
	case Binary:
		return appendBytes(dst, v)
	case string:
		return appendBytes(dst, v)
	case []byte:
		return appendBytes(dst, v)
	case Atom:
		return appendAtom(dst, v)
	case bool:
		return AppendBool(dst, v), nil
	case float64:
		return appendFloat(dst, v)
	case float32:
		return appendFloat(dst, float64(v))
	case uint:
		return appendBigInt(dst, new(big.Int).SetUint64(uint64(v)))
	case uint64:
		return appendBigInt(dst, new(big.Int).SetUint64(v))
	case *big.Int:
		return appendBigInt(dst, v)
	case Raw:
		return appendRaw(dst, v)
	}
	if depth == maxDepth {
		return nil, &LimitError{"depth", maxDepth, depth + 1}
	}
	return appendHolder(dst, term, depth+1)
}

func appendHolder(dst []byte, term any, depth int) ([]byte, error) {
	switch v := term.(type) {
	case Tuple:
		if uint64(len(v)) > math.MaxUint32 {
			return nil, errSize
		}
		return appendAll(AppendTuple(dst, len(v)), v, depth)
	case List:
		return appendList(dst, v, depth)
	case Improper:
		return appendImproper(dst, v, depth)
	case Map:
		return appendMap(dst, v, depth)
	}
	return nil, fmt.Errorf("etf: cannot append a value of type %T", term)
}

var (
	errSize     = errors.New("etf: value is too long for the format")
	errFloat    = errors.New("etf: float that is not finite")
	errAtom     = errors.New("etf: name that no atom can have")
	errNilBig   = errors.New("etf: nil *big.Int")
	errImproper = errors.New("etf: improper list without elements, or with a list as its tail")
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

func appendAtom(dst []byte, name Atom) ([]byte, error) {
	s := string(name)
	if len(s) > maxAtom*utf8.UTFMax || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxAtom {
		return nil, errAtom
	}
	return AppendAtom(dst, s), nil
}

func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errFloat
	}
	return AppendFloat(dst, f), nil
}

func appendBigInt(dst []byte, n *big.Int) ([]byte, error) {
	if n == nil {
		return nil, errNilBig
	}
	if n.IsInt64() {
		return AppendInt(dst, n.Int64()), nil
	}
	digits := n.Bytes() // the most significant first
	if uint64(len(digits)) > math.MaxUint32 {
		return nil, errSize
	}
	if len(digits) <= math.MaxUint8 {
		dst = append(dst, tagSmallBig, byte(len(digits)))
	} else {
		dst = appendCount(dst, tagLargeBig, len(digits))
	}
	var sign byte
	if n.Sign() < 0 {
		sign = 1
	}
	dst = append(dst, sign)
	for i := len(digits) - 1; i >= 0; i-- {
		dst = append(dst, digits[i])
	}
	return dst, nil
}

// appendRaw looks before it copies: bytes that are no term would make garbage
// of the terms around them.
func appendRaw(dst []byte, v Raw) ([]byte, error) {
	r := Reader{data: string(v)}
	if err := r.Skip(); err != nil {
		return nil, err
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	return append(dst, v...), nil
}

func appendAll(dst []byte, terms []any, depth int) (_ []byte, err error) {
	for _, t := range terms {
		if dst, err = appendTerm(dst, t, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendList writes a list of bytes as a string, as Erlang does: it is a third
// of the size.
func appendList(dst []byte, v List, depth int) ([]byte, error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	if len(v) == 0 {
		return AppendNil(dst), nil
	}
	if isString(v) {
		dst = append(dst, tagString, byte(len(v)>>8), byte(len(v)))
		for _, t := range v {
			n, _ := asInt(t)
			dst = append(dst, byte(n))
		}
		return dst, nil
	}
	dst, err := appendAll(AppendList(dst, len(v)), v, depth)
	if err != nil {
		return nil, err
	}
	return AppendNil(dst), nil
}

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

func appendImproper(dst []byte, v Improper, depth int) ([]byte, error) {
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
	dst, err := appendAll(AppendList(dst, len(v.Elems)), v.Elems, depth)
	if err != nil {
		return nil, err
	}
	return appendTerm(dst, v.Tail, depth)
}

func appendMap(dst []byte, v Map, depth int) (_ []byte, err error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	dst = AppendMap(dst, len(v))
	for _, p := range v {
		if dst, err = appendTerm(dst, p.Key, depth); err != nil {
			return nil, err
		}
		if dst, err = appendTerm(dst, p.Value, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
