package etf

import "reflect"

// The Go types of terms, as [Decode] returns them:
//
//	integer       int64, or *big.Int where that is too small
//	float         float64
//	atom          Atom, true and false included
//	binary        Binary
//	tuple         Tuple
//	list          List, also where Erlang wrote a string
//	improper list Improper
//	map           Map
//	all others    Raw
//
// Equal terms have equal Go values, in the sense of reflect.DeepEqual; only
// maps are compared in the order of their pairs.
type (
	// Atom is an atom's name, in UTF-8.
	Atom string
	// Binary is a binary: any bytes.
	Binary string
	// Tuple is a tuple.
	Tuple []any
	// List is a proper list.
	List []any
	// Map is a map, in the order in which it was written.
	Map []Pair
	// Raw is one whole term in the external format, without the version byte.
	// Decode keeps pids, ports, references, funs and bit strings so, and
	// Append writes them back byte for byte.
	Raw string
)

// Pair is a key of a map and its value.
type Pair struct {
	Key, Value any
}

// Improper is a list that does not end in the empty list: [1, 2 | 3]. Elems is
// not empty, and Tail is no list.
type Improper struct {
	Elems List
	Tail  any
}

// Get returns the value of the first key that equals key, which must be of the
// type that Decode gives: Binary("host"), int64(1).
func (m Map) Get(key any) (value any, ok bool) {
	for _, p := range m {
		// Not ==, which panics for a key that is a list.
		if reflect.DeepEqual(p.Key, key) {
			return p.Value, true
		}
	}
	return nil, false
}
