package etf

import "reflect"

// The Go types of terms, as [Decode] returns them:
//
//	integer       int64, or *big.Int where that is too small
//	float         float64
//	atom          Atom, true and false included
//	binary        Binary
//	bit string    Bits, where it is not whole bytes
//	tuple         Tuple
//	list          List, also where Erlang wrote a string
//	improper list Improper
//	map           Map
//	pid           Pid
//	port          Port
//	reference     Ref
//	fun M:F/A     Export
//	fun           Fun
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
	// Append writes it as it is. Decode returns none but a LOCAL_EXT, and that
	// only where [Options] allow it.
	Raw string
)

// Data returns the term behind a version byte, which is what [Unmarshal], [Decode]
// and their like take.
func (t Raw) Data() []byte { return withVersion(t) }

func withVersion[T ~string | ~[]byte](term T) []byte {
	return append(AppendVersion(make([]byte, 0, 1+len(term))), term...)
}

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

// Bits is a bit string that is not whole bytes, as <<5:3>>; one that is decodes
// to a [Binary]. It can be compared with ==.
type Bits struct {
	// Bytes has the bits from the highest of the first byte on. It is not
	// empty. The bits of the last byte that do not count are 0.
	Bytes Binary
	// Last is how many bits of the last byte count, 1 to 7.
	Last uint8
}

// Pid is a process identifier. It can be compared with ==.
type Pid struct {
	Node       Atom
	ID, Serial uint32
	Creation   uint32 // of the node: two that bear the same name differ in it
}

// Port is a port identifier. It can be compared with ==.
type Port struct {
	Node     Atom
	ID       uint64
	Creation uint32
}

// Ref is a reference. It can be compared with ==.
type Ref struct {
	Node     Atom
	Creation uint32
	// Words are the reference's own numbers, in the order of the format. Those
	// from Len on are 0.
	Words [5]uint32
	// Len is how many of Words there are, 1, 2, 3 or 5. Erlang itself makes
	// references of three words, and of five where they are aliases.
	Len uint8
}

// Export is an external fun, as fun lists:map/2. It can be compared with ==.
type Export struct {
	Module, Function Atom
	Arity            uint8
}

// Fun is a fun that a module's code has, with the values that it closed over.
// It means something to an Erlang node that has the same code, and is to be
// carried there, not looked into.
type Fun struct {
	Module   Atom
	Arity    uint8
	Uniq     [16]byte // of the code
	Index    uint32   // within the module
	OldIndex int32
	OldUniq  int32
	Pid      Pid  // the process that made it
	Free     List // the values, 255 at the most
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
