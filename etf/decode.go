package etf

import "math"

// Decode returns the term in data as Go values; the types stand at [Atom]. The
// data is copied once, and may be used again. The term's strings are parts of
// that copy, and its elements of few larger slices, so that a part of a term
// keeps the memory of all of it.
//
// What [Valid] refuses with these limits, Decode refuses with the same error
// before it allocates anything but the copy, and it refuses nothing else.
func Decode(data []byte, lim Limits) (any, error) {
	return Options{Limits: lim}.Decode(data)
}

// A termReader makes values of a term that check has accepted: each length is true,
// each count can be allocated, and the depth is one that recursion can go. It
// looks at nothing again, and so has no errors.
type termReader struct {
	s string
	i int
	// What is left of the slices that elements and pairs are cut from, and of
	// how many more will be asked for in all.
	elems     []any
	pairs     []Pair
	elemsLeft int
	pairsLeft int
	names     [16]named
	rows
}

// named is a name that was met before, with the value that has been made of it.
type named struct {
	text  string
	value any
}

// slab is how many elements are allocated at a time, if so many are to come: with
// the eight bytes that the runtime adds, 8 KiB.
const slab = 511

func (d *termReader) term() any {
	s, i := d.s, d.i
	switch s[i] {
	case tagSmallInt:
		d.i = i + 2
		return int64(s[i+1]) // the runtime has those made
	case tagInt:
		d.i = i + 5
		return d.integer(int64(int32(be32(s, i+1))))
	case tagBinary:
		d.i = i + 5 + int(be32(s, i+1))
		return d.binary(s[i+5 : d.i])
	case tagSmallAtomUTF8:
		d.i = i + 2 + int(s[i+1])
		return d.atom(s[i+2 : d.i])
	case tagSmallTuple:
		d.i = i + 2
		if s[i+1] == 0 {
			return emptyTuple
		}
		return d.tuple(d.all(int(s[i+1])))
	case tagLargeTuple:
		d.i = i + 5
		return d.tuple(d.all(int(be32(s, i+1))))
	case tagNil:
		d.i = i + 1
		return emptyList
	case tagList, tagString:
		return d.pieces()
	case tagMap:
		d.i = i + 5
		return d.mapOf(int(be32(s, i+1)))
	case tagNewFloat:
		d.i = i + 9
		return d.float(math.Float64frombits(be64(s, i+1)))
	}
	return d.rare()
}

// What is empty is shared, because a byte or two ask for it, and what it costs
// otherwise is a slice of 24.
var (
	noElems        = []any{}
	emptyList  any = List{}
	emptyTuple any = Tuple{}
	emptyMap   any = Map{}
)

// atom makes no value twice for names that come again soon, as true and the keys
// of maps do.
func (d *termReader) atom(name string) any {
	if name == "" {
		return Atom("")
	}
	h := (uint(len(name)) + 5*uint(name[0]) + 3*uint(name[len(name)-1])) % uint(len(d.names))
	if n := &d.names[h]; n.text == name {
		return n.value
	}
	value := any(Atom(name))
	d.names[h] = named{name, value}
	return value
}

// room returns n elements that nobody else has.
func (d *termReader) room(n int) []any {
	if n == 0 {
		return noElems
	}
	d.elemsLeft -= n
	if n > slab/2 {
		return make([]any, n)
	}
	if n > len(d.elems) {
		d.elems = make([]any, n+min(slab-n, d.elemsLeft))
	}
	room := d.elems[:n:n]
	d.elems = d.elems[n:]
	return room
}

// all reads n terms.
func (d *termReader) all(n int) []any {
	elems := d.room(n)
	for j := range elems {
		elems[j] = d.term()
	}
	return elems
}

// pieces puts a list together that was written in pieces, [1|[2,3]]. Erlang does
// not write it so, but reads it, and knows no difference.
func (d *termReader) pieces() any {
	elems, next := d.piece()
	for next == tagList || next == tagString {
		var more []any
		more, next = d.piece()
		elems = append(elems, more...)
	}
	if next == tagNil {
		d.i++
	}
	if next == tagNil || next == endOfString {
		if len(elems) == 0 {
			return emptyList
		}
		return d.list(elems)
	}
	tail := d.term()
	if len(elems) == 0 { // LIST_EXT of no elements is its tail
		return tail
	}
	return Improper{List(elems), tail}
}

// endOfString is no tag.
const endOfString = 0

// piece reads a list up to its tail, whose tag it returns: behind a
// string, which has none, endOfString.
func (d *termReader) piece() (elems []any, next byte) {
	s, i := d.s, d.i
	if s[i] == tagList {
		d.i = i + 5
		elems = d.all(int(be32(s, i+1)))
		return elems, s[d.i]
	}
	n := int(be16(s, i+1))
	elems = d.room(n)
	for j := range elems {
		elems[j] = int64(s[i+3+j])
	}
	d.i = i + 3 + n
	return elems, endOfString
}

func (d *termReader) mapOf(n int) any {
	if n == 0 {
		return emptyMap
	}
	d.pairsLeft -= n
	if n > len(d.pairs) {
		d.pairs = make([]Pair, n+min(max(slab/8-n, 0), d.pairsLeft))
	}
	m := d.pairs[:n:n]
	d.pairs = d.pairs[n:]
	for j := range m {
		m[j].Key = d.term()
		m[j].Value = d.term()
	}
	return d.rows.pairs(m)
}
