package etf

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
)

// uniqueKeys goes over the term at s[i], which walk has found to be good, and
// tells whether each key of each map in it is there once. binary_to_term
// refuses such a map, and a reader that keeps the first of two values and one
// that keeps the last would see different terms.
//
// It compares keys as Erlang's =:= does, whatever bytes they are written as: 1
// is the same key in one byte and in four. Funs are the exception: they are
// compared byte by byte.
func uniqueKeys(s string, i int) error {
	var space [fewKeys]mapKey
	_, err := uniqueIn(s, i, space[:0])
	return err
}

// fewKeys is up to how many keys of a map are compared with each other one by
// one. A larger map has a table.
const fewKeys = 32

const msgKeyTwice = "key that is in its map twice"

// mapKey is a key as what it is, not as it is written: two are equal exactly if
// the terms are.
type mapKey struct {
	kind byte
	text string
}

// The kinds of a mapKey. The text of a natural and of a negative number is its
// digits to the base 256, the least first, without zeros at the end; that of a
// composite is its canonical form.
const (
	keyNatural   = 'n'
	keyNegative  = '-'
	keyFloat     = 'f'
	keyAtom      = 'a'
	keyBinary    = 'b'
	keyOpaque    = 'o'
	keyComposite = 'c'
)

// uniqueIn goes over one term and finds its end. room is where keys may be kept
// meanwhile, behind those that are there.
func uniqueIn(s string, i int, room []mapKey) (next int, err error) {
	next, kids, err := scan(s, i, laxAll)
	if err != nil {
		return 0, err
	}
	if s[i] == tagMap {
		return uniquePairs(s, next, kids/2, room)
	}
	for ; err == nil && kids > 0; kids-- {
		next, err = uniqueIn(s, next, room)
	}
	return next, err
}

// uniquePairs goes over the n pairs of a map, the first of which is at i.
func uniquePairs(s string, i, n int, room []mapKey) (next int, err error) {
	var table map[mapKey]struct{}
	if n > fewKeys {
		table = make(map[mapKey]struct{})
	}
	base := len(room)
	for range n {
		k, after, err := key(s, i)
		if err != nil {
			return 0, err
		}
		if _, twice := table[k]; twice || slices.Contains(room[base:], k) {
			return 0, syntax(i, msgKeyTwice)
		}
		if table != nil {
			table[k] = struct{}{}
		} else {
			room = append(room, k)
		}
		if i, err = uniqueIn(s, after, room); err != nil {
			return 0, err
		}
	}
	return i, nil
}

// key reads the term at s[i] as a key. Nothing is allocated for a binary, for an
// atom in ASCII, and for a small integer.
func key(s string, i int) (k mapKey, next int, err error) {
	if i < len(s) && (s[i] == tagSmallAtomUTF8 || s[i] == tagAtomUTF8) { // walk has seen its characters
		name, next, err := atomText(s, i)
		return mapKey{keyAtom, name}, next, err
	}
	next, _, err = scan(s, i, laxAll)
	if err != nil {
		return k, 0, err
	}
	switch kinds[s[i]] {
	case KindBinary:
		return mapKey{keyBinary, s[i+5 : next]}, next, nil
	case KindAtom:
		r := Reader{data: s, off: i, lax: laxAll}
		name, err := r.Atom()
		return mapKey{keyAtom, name}, next, err
	case KindInteger:
		return intKey(s, i, next), next, nil
	case KindFloat:
		r := Reader{data: s, off: i, lax: laxAll}
		f, err := r.Float()
		if math.IsNaN(f) { // what it is are its bits
			return mapKey{keyFloat, s[i+1 : next]}, next, err
		}
		return mapKey{keyFloat, strconv.FormatFloat(f, 'x', -1, 64)}, next, err
	case KindOther:
		return opaqueKey(s, i)
	}
	form, next, err := canonical(nil, s, i)
	return mapKey{keyComposite, string(form)}, next, err
}

func intKey(s string, i, next int) mapKey {
	var b bigInt
	switch s[i] {
	case tagSmallInt:
		b.digits = s[i+1 : next]
	case tagInt:
		n := int64(int32(be32(s, i+1)))
		b.negative = n < 0
		b.digits = string(binary.LittleEndian.AppendUint64(nil, uint64(max(n, -n))))
	default:
		b = bigAt(s, i, next)
	}
	k := mapKey{keyNatural, strings.TrimRight(b.digits, "\x00")}
	if b.negative && k.text != "" { // a negative zero is the zero
		k.kind = keyNegative
	}
	return k
}

// opaqueKey reads a term that a Reader cannot take apart, as what it would be
// written as: one value has one form. To Erlang a reference's missing words are
// zeros.
func opaqueKey(s string, i int) (k mapKey, next int, err error) {
	if s[i] == tagNewFun {
		// Its free values are compared as they are written.
		next, err = uniqueIn(s, i, nil)
		return mapKey{keyOpaque, s[i:max(i, next)]}, next, err
	}
	d := termReader{s: s, i: i}
	switch v := d.term().(type) {
	case Binary:
		return mapKey{keyBinary, string(v)}, d.i, nil
	case Ref:
		v.Len = uint8(len(v.Words))
		form, err := appendRef(nil, v, laxAll)
		return mapKey{keyOpaque, string(form)}, d.i, err
	default:
		form, err := ours.Append(nil, v)
		return mapKey{keyOpaque, string(form)}, d.i, err
	}
}

// canonical appends a term so that two are equal exactly if their bytes are:
// each kind begins with a letter of its own and says where it ends. It calls
// itself once for each level.
func canonical(dst []byte, s string, i int) (_ []byte, next int, err error) {
	switch kinds[s[i]] {
	case KindTuple:
		next, kids, err := scan(s, i, laxAll)
		if err != nil {
			return nil, 0, err
		}
		dst = binary.AppendUvarint(append(dst, 't'), uint64(kids))
		return canonicalAll(dst, s, next, kids)
	case KindList:
		return canonicalList(dst, s, i)
	case KindMap:
		return canonicalMap(dst, s, i)
	}
	k, next, err := key(s, i)
	return appendKey(dst, k), next, err
}

func appendKey(dst []byte, k mapKey) []byte {
	dst = binary.AppendUvarint(append(dst, k.kind), uint64(len(k.text)))
	return append(dst, k.text...)
}

func canonicalAll(dst []byte, s string, i, n int) (_ []byte, next int, err error) {
	for ; n > 0; n-- {
		if dst, i, err = canonical(dst, s, i); err != nil {
			return nil, 0, err
		}
	}
	return dst, i, nil
}

// canonicalList writes a list cell by cell, as it is to Erlang however it was
// cut into pieces: each element behind an 'l', then the tail, which is 'e' for
// the empty list.
func canonicalList(dst []byte, s string, i int) (_ []byte, next int, err error) {
	next, kids, err := scan(s, i, laxAll)
	switch {
	case err != nil:
		return nil, 0, err
	case s[i] == tagNil:
		return append(dst, 'e'), next, nil
	case s[i] == tagString:
		for j := i + 3; j < next; j++ {
			dst = appendKey(append(dst, 'l'), mapKey{keyNatural, strings.TrimRight(s[j:j+1], "\x00")})
		}
		return append(dst, 'e'), next, nil
	}
	for ; kids > 1; kids-- {
		if dst, next, err = canonical(append(dst, 'l'), s, next); err != nil {
			return nil, 0, err
		}
	}
	return canonical(dst, s, next)
}

// canonicalMap writes the pairs in the order of their bytes.
func canonicalMap(dst []byte, s string, i int) (_ []byte, next int, err error) {
	next, kids, err := scan(s, i, laxAll)
	if err != nil {
		return nil, 0, err
	}
	type pair struct{ key, value string }
	pairs := make([]pair, 0, min(kids/2, 1024))
	for range kids / 2 {
		var k, v []byte
		if k, next, err = canonical(nil, s, next); err != nil {
			return nil, 0, err
		}
		if v, next, err = canonical(nil, s, next); err != nil {
			return nil, 0, err
		}
		pairs = append(pairs, pair{string(k), string(v)})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	dst = binary.AppendUvarint(append(dst, 'm'), uint64(len(pairs)))
	for j, p := range pairs {
		if j > 0 && pairs[j-1].key == p.key {
			return nil, 0, syntax(i, msgKeyTwice)
		}
		dst = append(append(dst, p.key...), p.value...)
	}
	return dst, next, nil
}
