package etf

import "slices"

// sortedMap is a map whose keys are in the order they are printed in, and, if it
// is part of a key, so are those of the maps within it.
type sortedMap []Pair

// A sorter sorts maps by their keys. left is how many terms within keys it may
// still look at: a term that is a part of itself twice has no end of them, and
// one that is a part of others many times has more than memory holds.
type sorter struct {
	left int
	// whole says that a key which is too deep is as bad as too many terms. Without
	// it, what is below the deepest level stays as it is.
	whole bool
}

// pairs sorts a map by its keys as OTP does in maps of up to 32 keys: it is
// the order of terms, with all integers before all floats. (Where OTP has a map
// of more keys in an order of its own making, this is the same.) A map whose keys
// are more than the sorter may look at stays as it is, and one of a single pair.
func (s *sorter) pairs(m Map) sortedMap {
	if len(m) < 2 {
		return sortedMap(m)
	}
	pairs := make(sortedMap, len(m))
	for i, p := range m {
		pairs[i] = Pair{s.inside(p.Key, 0), p.Value}
		if s.left < 0 {
			return sortedMap(m)
		}
	}
	slices.SortStableFunc(pairs, func(a, b Pair) int { return compareTerms(a.Key, b.Key, 0) })
	return pairs
}

// inside sorts the maps within a key, each of them once, so that to compare
// two keys needs no more than to go over them. What it returns is of no use once
// left is below 0.
func (s *sorter) inside(term any, depth int) any {
	if s.left--; depth > maxDepth && s.whole {
		s.left = -1
	}
	if depth > maxDepth || s.left < 0 {
		return term
	}
	switch v := term.(type) {
	case Tuple:
		return Tuple(s.all(v, depth))
	case List:
		return List(s.all(v, depth))
	case Improper:
		return Improper{s.all(v.Elems, depth), s.inside(v.Tail, depth+1)}
	case Fun:
		v.Free = s.all(v.Free, depth)
		return v
	case Raw:
		if t, ok := v.decode(); ok {
			return s.inside(t, depth+1)
		}
	case Map:
		return s.mapWithin(v, depth)
	}
	return term
}

// mapWithin sorts a map that is in a key.
func (s *sorter) mapWithin(m Map, depth int) sortedMap {
	if len(m) > s.left {
		s.left = -1
		return nil
	}
	pairs := make(sortedMap, len(m))
	for i := range pairs {
		pairs[i] = Pair{s.inside(m[i].Key, depth+1), s.inside(m[i].Value, depth+1)}
		if s.left < 0 {
			return nil
		}
	}
	slices.SortStableFunc(pairs, func(a, b Pair) int { return compareTerms(a.Key, b.Key, depth+1) })
	return pairs
}

func (s *sorter) all(terms []any, depth int) []any {
	if len(terms) > s.left {
		s.left = -1
		return nil
	}
	sorted := make([]any, len(terms))
	for i, t := range terms {
		if sorted[i] = s.inside(t, depth+1); s.left < 0 {
			return nil
		}
	}
	return sorted
}
