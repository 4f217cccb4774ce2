package erlanggo

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/gwport/gwport/etf"
	"github.com/okeuday/erlang_go/v2/erlang"
)

// maxDepth bounds values that hold themselves, as etf does.
const maxDepth = 1 << 16

var errDepth = errors.New("erlanggo: value of more than 65536 levels")

// FromTerm turns a term as etf.Decode has it into the value that erlang.BinaryToTerm has for it. The package comment
// says which terms have none; for those, and for what is no term, there is an error.
func FromTerm(term any) (any, error) {
	return fromTerm(term, 0)
}

func fromTerm(term any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch v := term.(type) {
	case int64:
		return fromInt(v), nil
	case *big.Int, float64:
		return v, nil
	case etf.Atom:
		return fromAtom(v), nil
	case etf.Binary:
		return erlang.OtpErlangBinary{Value: []byte(v), Bits: 8}, nil
	case etf.Bits:
		return erlang.OtpErlangBinary{Value: []byte(v.Bytes), Bits: v.Last}, nil
	case etf.Tuple:
		elems, err := fromTerms(v, depth)
		return erlang.OtpErlangTuple(elems), err
	case etf.List:
		return fromList(v, depth)
	case etf.Improper:
		elems, err := fromTerms(append(v.Elems[:len(v.Elems):len(v.Elems)], v.Tail), depth)
		return erlang.OtpErlangList{Value: elems, Improper: true}, err
	case etf.Map:
		return fromMap(v, depth)
	}
	return fromNode(term)
}

func fromInt(n int64) any {
	switch {
	case n >= 0 && n <= math.MaxUint8:
		return uint8(n)
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return int32(n)
	}
	return big.NewInt(n)
}

func fromAtom(name etf.Atom) any {
	switch name {
	case "true":
		return true
	case "false":
		return false
	case "undefined":
		return nil
	}
	return erlang.OtpErlangAtomUTF8(name)
}

func fromTerms(terms []any, depth int) ([]any, error) {
	values := make([]any, len(terms))
	for i, t := range terms {
		var err error
		if values[i], err = fromTerm(t, depth+1); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// fromList gives a string where Erlang writes a list of bytes as one.
func fromList(list etf.List, depth int) (any, error) {
	if len(list) > 0 && len(list) <= math.MaxUint16 {
		text := make([]byte, 0, len(list))
		for _, t := range list {
			n, ok := t.(int64)
			if !ok || n < 0 || n > math.MaxUint8 {
				break
			}
			text = append(text, byte(n))
		}
		if len(text) == len(list) {
			return string(text), nil
		}
	}
	elems, err := fromTerms(list, depth)
	return erlang.OtpErlangList{Value: elems}, err
}

func fromMap(m etf.Map, depth int) (any, error) {
	values := make(erlang.OtpErlangMap, len(m))
	for _, p := range m {
		key, err := fromTerm(p.Key, depth+1)
		if err != nil {
			return nil, err
		}
		if key != nil && !reflect.ValueOf(key).Comparable() || isBig(key) {
			return nil, fmt.Errorf("erlanggo: map with the key %.40s: erlang_go has no value for it", etf.Text(p.Key))
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("erlanggo: map with the key %.40s: it is the same as another to erlang_go", etf.Text(p.Key))
		}
		if values[key], err = fromTerm(p.Value, depth+1); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func isBig(v any) bool {
	_, ok := v.(*big.Int)
	return ok
}

// ToTerm turns a value that erlang.TermToBinary takes into the term that it is, as etf.Decode has it. The pairs of a map
// are in no order. There is an error for a value of another type, and for one that is no term.
func ToTerm(v any) (any, error) {
	return toTerm(v, 0)
}

func toTerm(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case nil:
		return etf.Atom("undefined"), nil
	case bool:
		return etf.Atom(fmt.Sprint(v)), nil
	case float32:
		return finite(float64(v))
	case float64:
		return finite(v)
	case string:
		return bytesList(v), nil
	case erlang.OtpErlangAtom:
		return latin1(v)
	case erlang.OtpErlangAtomUTF8:
		return whole(etf.Atom(v))
	case []byte:
		return etf.Binary(v), nil
	case erlang.OtpErlangBinary:
		return toBinary(v)
	case erlang.OtpErlangList:
		return toList(v, depth)
	case erlang.OtpErlangMap:
		return toMap(v, depth)
	case map[any]any:
		return toMap(v, depth)
	}
	if elems, ok := tuple(v); ok {
		terms, err := toTerms(elems, depth)
		return etf.Tuple(terms), err
	}
	return toRare(v)
}

func toTerms(values []any, depth int) ([]any, error) {
	terms := make([]any, len(values))
	for i, v := range values {
		var err error
		if terms[i], err = toTerm(v, depth+1); err != nil {
			return nil, err
		}
	}
	return terms, nil
}

// toList joins a list whose tail is a list with it: to Erlang that is one.
func toList(l erlang.OtpErlangList, depth int) (any, error) {
	terms, err := toTerms(l.Value, depth)
	if err != nil || !l.Improper {
		return etf.List(terms), err
	}
	if len(terms) < 2 {
		return nil, errors.New("erlanggo: improper list of fewer than two values")
	}
	elems, last := terms[:len(terms)-1], terms[len(terms)-1]
	switch tail := last.(type) {
	case etf.List:
		return append(etf.List(elems), tail...), nil
	case etf.Improper:
		return etf.Improper{Elems: append(elems, tail.Elems...), Tail: tail.Tail}, nil
	}
	return etf.Improper{Elems: elems, Tail: last}, nil
}

func toMap(values map[any]any, depth int) (any, error) {
	m := make(etf.Map, 0, len(values))
	for k, v := range values {
		key, err := toTerm(k, depth+1)
		if err != nil {
			return nil, err
		}
		value, err := toTerm(v, depth+1)
		if err != nil {
			return nil, err
		}
		m = append(m, etf.Pair{Key: key, Value: value})
	}
	return m, nil
}
