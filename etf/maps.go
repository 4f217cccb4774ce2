package etf

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
)

// A mapping reads and writes the Go maps of one type.
type mapping struct {
	typ        reflect.Type
	key, value *coder
	decKey     func(d *decoder, p ptr) error
	// cost is how many bytes a pair takes besides the 16 that are counted for
	// each term: a key and a value are made, and then moved into the map.
	cost int
}

func (m *maker) mapping(c *coder, f form) {
	s := &mapping{typ: c.typ, key: m.coder(c.typ.Key(), form{}), value: m.coder(c.typ.Elem(), form{})}
	s.cost = max(0, 2*int(c.typ.Key().Size()+c.typ.Elem().Size())-2*16)
	// The coder of a key may be one that is still being made.
	s.decKey = func(d *decoder, p ptr) error { return s.key.dec(d, p) }
	if t := c.typ.Key(); t.Kind() == reflect.String && !isDynamic(t) && !hasText(t) {
		s.decKey = decName
	}
	c.pair = s.pair
	c.dec, c.enc = s.decMap, s.encMap
	if f.proplist {
		c.dec, c.enc = s.decProplist, s.encProplist
	}
	c.empty = func(p ptr) bool { return pointerAt(c.typ, p).Elem().Len() == 0 }
	c.reset = func(p ptr) { pointerAt(c.typ, p).Elem().Clear() }
}

// decName reads a key that is a Go string: an atom or a binary.
func decName(d *decoder, p ptr) error {
	off := d.off
	name, known, err := d.name()
	if err != nil {
		return err
	}
	if !known {
		return d.refuse(KindBinary)
	}
	if !d.opt.AllowInvalidUTF8 {
		if err := isText(off, name); err != nil {
			return err
		}
	}
	*at[string](p) = d.keep(name)
	return nil
}

// empty makes the map at p one without pairs.
func (s *mapping) emptied(p ptr) {
	v := pointerAt(s.typ, p).Elem()
	if v.IsNil() {
		v.Set(reflect.MakeMap(s.typ))
		return
	}
	v.Clear()
}

func (s *mapping) decMap(d *decoder, p ptr) error {
	kids, err := d.holder(KindMap)
	if err != nil {
		return err
	}
	s.emptied(p)
	for range kids / 2 {
		if err := s.pair(d, p, false); err != nil {
			return err
		}
	}
	d.leave()
	return nil
}

var (
	errNoKey = &MismatchError{"key that no Go map can have"}
	bigType  = reflect.TypeFor[*big.Int]()
)

// pair reads a key and a value. With first, a key that is there already is passed
// over.
func (s *mapping) pair(d *decoder, p ptr, first bool) error {
	start := d.off
	if err := d.spend(s.cost); err != nil {
		return err
	}
	key := reflect.New(s.typ.Key())
	if err := s.decKey(d, addressIn(key)); err != nil {
		return err
	}
	if !d.isKey(key.Elem()) {
		return &placedError{start, errNoKey}
	}
	v := pointerAt(s.typ, p).Elem()
	if first && v.MapIndex(key.Elem()).IsValid() {
		return d.skip()
	}
	value := reflect.New(s.typ.Elem())
	if err := s.value.dec(d, addressIn(value)); err != nil {
		return d.in(keyStep(key.Elem()), err)
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(s.typ))
	}
	before := v.Len()
	v.SetMapIndex(key.Elem(), value.Elem())
	if v.Len() == before && !d.opt.AllowDuplicateKeys {
		return syntax(start, msgKeyTwice)
	}
	return nil
}

// isKey tells whether a Go map finds a key again that is k.
func (d *decoder) isKey(k reflect.Value) bool {
	if !k.Comparable() || k.Kind() == reflect.Interface && !k.IsNil() && k.Elem().Type() == bigType {
		return false
	}
	return d.lax&laxFloats == 0 || k.Equal(k) // NaN equals nothing
}

// keyStep is a step of a path into a map. Keys of strangers can be long.
func keyStep(key reflect.Value) string {
	text := fmt.Sprintf("%.40q", fmt.Sprint(key.Interface()))
	return "[" + text + "]"
}

// decProplist reads a list of pairs, the first of which counts where a key is
// there twice, and of atoms, which are pairs with true.
func (s *mapping) decProplist(d *decoder, p ptr) error {
	if d.kind() == KindMap {
		return s.decMap(d, p)
	}
	n, str, err := d.proplist()
	if err != nil {
		return err
	}
	s.emptied(p)
	read := func() error { return s.pair(d, p, true) }
	for i := range n {
		if err := d.property(read); err != nil {
			return d.in(index(i), err)
		}
	}
	return d.endList(str)
}

// span is where a pair stands among those written.
type span struct{ start, value, end int }

// encPairs writes the pairs one after the other, each behind head, in the order
// of the bytes of their keys: the same map gives the same bytes.
func (s *mapping) encPairs(e *encoder, dst []byte, v reflect.Value, head []byte) (_ []byte, err error) {
	base := len(dst)
	spans := make([]span, 0, v.Len())
	key, value := reflect.New(s.typ.Key()), reflect.New(s.typ.Elem())
	for it := v.MapRange(); it.Next(); {
		key.Elem().SetIterKey(it)
		value.Elem().SetIterValue(it)
		dst = append(dst, head...)
		sp := span{start: len(dst) - len(head)}
		if dst, err = s.key.enc(e, dst, addressIn(key)); err != nil {
			return nil, e.in(keyStep(key.Elem()), err)
		}
		sp.value = len(dst)
		if dst, err = s.value.enc(e, dst, addressIn(value)); err != nil {
			return nil, e.in(keyStep(key.Elem()), err)
		}
		sp.end = len(dst)
		spans = append(spans, sp)
	}
	if len(spans) < 2 {
		return dst, nil
	}
	slices.SortFunc(spans, func(a, b span) int { return bytes.Compare(dst[a.start:a.value], dst[b.start:b.value]) })
	unsorted := bytes.Clone(dst[base:])
	dst = dst[:base]
	for i, sp := range spans {
		if i > 0 && bytes.Equal(unsorted[sp.start-base:sp.value-base], keyOf(unsorted, spans[i-1], base)) {
			return nil, errTwice
		}
		dst = append(dst, unsorted[sp.start-base:sp.end-base]...)
	}
	return dst, nil
}

var errTwice = errors.New("two keys of a Go map that are the same term")

func keyOf(b []byte, s span, base int) []byte { return b[s.start-base : s.value-base] }

func (s *mapping) encMap(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	v := pointerAt(s.typ, p).Elem()
	if dst, err = e.enter(AppendMap(dst, v.Len())); err != nil {
		return nil, err
	}
	dst, err = s.encPairs(e, dst, v, nil)
	e.depth--
	return dst, err
}

func (s *mapping) encProplist(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	v := pointerAt(s.typ, p).Elem()
	if v.Len() == 0 {
		return AppendNil(dst), nil
	}
	if dst, err = e.listHeader(dst, v.Len()); err != nil {
		return nil, err
	}
	if dst, err = s.encPairs(e, dst, v, AppendTuple(nil, 2)); err != nil {
		return nil, err
	}
	e.depth--
	return AppendNil(dst), nil
}
