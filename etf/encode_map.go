package etf

import "math"

func (e *termWriter) mapOf(dst []byte, v Map, depth int) ([]byte, error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	if twice, sure := hasKeyTwice(v); !sure {
		e.keys = true
	} else if twice && !e.AllowDuplicateKeys {
		return nil, errKeyTwice
	}
	if e.Deterministic && len(v) > 1 {
		s := sorter{left: math.MaxInt, whole: true}
		sorted := s.pairs(v)
		if s.left < 0 {
			return nil, &LimitError{Limit: "depth", Max: maxDepth, Got: maxDepth + 1}
		}
		return e.pairs(dst, sorted, depth)
	}
	return e.pairs(dst, sortedMap(v), depth)
}

// pairs writes a map as it stands. What a sorter has sorted is so in its keys too.
func (e *termWriter) pairs(dst []byte, v sortedMap, depth int) (_ []byte, err error) {
	dst = AppendMap(dst, len(v))
	for _, p := range v {
		if dst, err = e.term(dst, p.Key, depth); err != nil {
			return nil, err
		}
		if dst, err = e.term(dst, p.Value, depth); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// hasKeyTwice compares the keys as Go values. It is not sure of it if they are
// many, or of other kinds than the common ones.
func hasKeyTwice(v Map) (twice, sure bool) {
	if len(v) > fewKeys {
		return false, false
	}
	for i := range v {
		switch v[i].Key.(type) {
		case Binary, Atom, int64:
		default:
			return false, len(v) < 2
		}
		for j := range i {
			if v[i].Key == v[j].Key {
				return true, true
			}
		}
	}
	return false, true
}

// uniqueKeys is for what hasKeyTwice was not sure of. It looks at what has been
// written.
func (e *termWriter) uniqueKeys(written []byte) error {
	if !e.keys || e.AllowDuplicateKeys {
		return nil
	}
	if uniqueKeys(string(written), 0) != nil {
		return errKeyTwice
	}
	return nil
}
