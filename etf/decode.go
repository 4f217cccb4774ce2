package etf

import "errors"

// Decode returns the term in data as Go values; the types stand at [Atom]. The
// data is copied once, and may be used again.
//
// What [Valid] refuses with these limits, Decode refuses with the same error
// before it allocates anything but the copy, and it refuses nothing else.
func Decode(data []byte, lim Limits) (any, error) {
	return Options{Limits: lim}.Decode(data)
}

// decode calls itself once for each level. Valid has bounded them, and seen to
// it that all counts are true, so that what they say can be allocated.
func decode(r *Reader) (any, error) {
	switch r.Kind() {
	case KindInteger:
		return decodeInt(r)
	case KindFloat:
		return r.Float()
	case KindAtom:
		name, err := r.Atom()
		return Atom(name), err
	case KindBinary:
		b, err := r.Binary()
		return Binary(b), err
	case KindTuple:
		n, err := r.Tuple()
		if err != nil {
			return nil, err
		}
		elems, err := decodeN(r, make([]any, 0, n), n)
		return Tuple(elems), err
	case KindList:
		return decodeList(r)
	case KindMap:
		return decodeMap(r)
	default:
		start := r.off
		err := r.Skip()
		return Raw(r.data[start:r.off]), err
	}
}

func decodeInt(r *Reader) (any, error) {
	start := r.off
	n, err := r.Int()
	if tooBig := (*LimitError)(nil); !errors.As(err, &tooBig) {
		return n, err
	}
	if err := r.Skip(); err != nil {
		return nil, err
	}
	return bigAt(r.data, start, r.off).big(), nil
}

func decodeN(r *Reader, elems []any, n int) ([]any, error) {
	for range n {
		v, err := decode(r)
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	return elems, nil
}

// emptyList is every empty list. It is shared, because one byte asks for it, and
// what it costs otherwise is a slice of 24.
var emptyList any = List{}

// decodeList puts a list together that was written in pieces, [1|[2,3]]. Erlang
// does not write it so, but reads it, and knows no difference.
func decodeList(r *Reader) (any, error) {
	if r.tag() == tagNil {
		return emptyList, r.EndList()
	}
	elems := []any{}
	for r.Kind() == KindList {
		n, err := r.List()
		if err != nil {
			return nil, err
		}
		if len(elems) == 0 {
			elems = make([]any, 0, n)
		}
		if elems, err = decodeN(r, elems, n); err != nil {
			return nil, err
		}
		if r.str == 1 || r.tag() == tagNil {
			return List(elems), r.EndList()
		}
	}
	tail, err := decode(r)
	if err != nil {
		return nil, err
	}
	if len(elems) == 0 { // LIST_EXT of no elements is its tail
		return tail, nil
	}
	return Improper{List(elems), tail}, nil
}

func decodeMap(r *Reader) (any, error) {
	n, err := r.Map()
	if err != nil {
		return nil, err
	}
	m := make(Map, 0, n)
	for range n {
		var p Pair
		if p.Key, err = decode(r); err != nil {
			return nil, err
		}
		if p.Value, err = decode(r); err != nil {
			return nil, err
		}
		m = append(m, p)
	}
	return m, nil
}
