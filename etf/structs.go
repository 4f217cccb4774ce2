package etf

import (
	"errors"
	"fmt"
	"reflect"
)

// A structure reads and writes the structs of one type.
type structure struct {
	*description
	lookup *lookup
	always bool // no field is ever left out
	tag    []byte
}

func (m *maker) structure(c *coder, _ form) {
	desc, err := describe(c.typ)
	if err != nil {
		unsupported(c, err.Error())
		return
	}
	s := &structure{description: desc, always: desc.rest == nil}
	names := make([]string, len(desc.fields))
	for i := range desc.fields {
		f := &desc.fields[i]
		f.c = m.coder(f.typ, f.form)
		f.zero = zeroOf(f.typ)
		f.bytes = AppendBinary(nil, f.name)
		if f.atoms, err = appendAtom(nil, Atom(f.name)); err != nil {
			unsupported(c, "field "+f.name+": "+bare(err))
			return
		}
		s.always = s.always && !f.omitempty && !f.omitzero && len(f.hops) == 0
		names[i] = f.name
	}
	if desc.rest != nil {
		desc.rest.c = m.coder(desc.rest.typ, desc.rest.form)
	}
	s.lookup = makeLookup(names)
	s.layouts(c)
	c.empty = func(ptr) bool { return false }
	c.reset = s.reset
}

func (s *structure) layouts(c *coder) {
	switch s.layout {
	case layoutMap:
		c.dec, c.enc = s.decMap, s.encMap
	case layoutProplist:
		c.dec, c.enc = s.decProplist, s.encProplist
	case layoutRecord:
		tag, err := appendAtom(nil, Atom(s.record))
		if err != nil {
			unsupported(c, "record "+s.record+": "+bare(err))
			return
		}
		s.tag = tag
		c.dec, c.enc = s.decTuple, s.encTuple
	case layoutTuple:
		c.dec, c.enc = s.decTuple, s.encTuple
	}
}

// zeroOf tells whether a value is zero, by its own IsZero method if it has one.
func zeroOf(t reflect.Type) func(p ptr) bool {
	type isZero interface{ IsZero() bool }
	if reflect.PointerTo(t).Implements(reflect.TypeFor[isZero]()) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
		return func(p ptr) bool { return pointerAt(t, p).Interface().(isZero).IsZero() }
	}
	return func(p ptr) bool { return pointerAt(t, p).Elem().IsZero() }
}

// reach is where the field is, or nil if a pointer on the way to it is nil. With
// make, no pointer stays nil.
func (f *field) reach(p ptr, make bool) ptr {
	for _, h := range f.hops {
		q := at[ptr](add(p, h.off))
		if *q == nil {
			if !make {
				return nil
			}
			*q = addressIn(reflect.New(h.elem))
		}
		p = *q
	}
	return add(p, f.off)
}

func (s *structure) reset(p ptr) {
	for i := range s.fields {
		s.fields[i].reset(p)
	}
	if s.rest != nil {
		s.rest.reset(p)
	}
}

func (f *field) reset(p ptr) {
	if q := f.reach(p, false); q != nil {
		f.c.reset(q)
	}
}

// marks has which fields a term named.
type marks struct {
	few  uint64
	many []uint64
}

// mark notes field i of n, and tells whether it had been noted.
func (m *marks) mark(i, n int) (again bool) {
	word := &m.few
	if i >= 64 {
		if m.many == nil {
			m.many = make([]uint64, n/64)
		}
		word = &m.many[i/64-1]
	}
	bit := uint64(1) << (i % 64)
	again = *word&bit != 0
	*word |= bit
	return again
}

func (m *marks) has(i int) bool {
	if i >= 64 {
		return m.many != nil && m.many[i/64-1]&(1<<(i%64)) != 0
	}
	return m.few&(1<<i) != 0
}

// absent empties the fields that the term did not name, where that is wanted.
func (s *structure) absent(d *decoder, p ptr, m *marks) {
	if d.fresh == 0 {
		return
	}
	for i := range s.fields {
		if !m.has(i) {
			s.fields[i].reset(p)
		}
	}
}

func (s *structure) decMap(d *decoder, p ptr) error {
	kids, err := d.holder(KindMap)
	if err != nil {
		return err
	}
	first, others, m := d.off, 0, marks{}
	for range kids / 2 {
		start := d.off
		name, known, err := d.name()
		if err != nil {
			return err
		}
		i := -1
		if known {
			i = s.lookup.find(name)
		}
		if i < 0 {
			if others++; others == 1 && s.rest != nil {
				s.rest.c.reset(s.rest.reach(p, true))
			}
			if err := s.unknown(d, p, start); err != nil {
				return err
			}
			continue
		}
		if m.mark(i, len(s.fields)) && !d.opt.AllowDuplicateKeys {
			return syntax(start, msgKeyTwice)
		}
		if err := s.fields[i].dec(d, p); err != nil {
			return err
		}
	}
	d.leave()
	if others == 0 && s.rest != nil {
		s.rest.c.reset(s.rest.reach(p, true))
	}
	if others > 1 && !d.opt.AllowDuplicateKeys {
		if err := uniqueAmong(d.s, first, kids/2); err != nil {
			return err
		}
	}
	s.absent(d, p, &m)
	return nil
}

func (f *field) dec(d *decoder, p ptr) error {
	q := add(p, f.off)
	if len(f.hops) > 0 {
		q = f.reach(p, true)
	}
	if err := f.c.dec(d, q); err != nil {
		return d.in("."+f.name, err)
	}
	return nil
}

// unknown reads a pair whose key is no field's.
func (s *structure) unknown(d *decoder, p ptr, start int) error {
	d.off = start
	if s.rest != nil {
		return s.keepPair(d, s.rest.reach(p, true))
	}
	if err := d.skip(); err != nil {
		return err
	}
	if d.opt.RefuseUnknown {
		return &placedError{start, errors.New("key that no field has")}
	}
	return d.skip()
}

// uniqueAmong looks for a key that is twice among the n pairs at i, which are
// known to be good. Those of known fields have been looked at, but are no trouble.
func uniqueAmong(s string, i, n int) error {
	seen := make(map[mapKey]struct{})
	for range n {
		k, next, err := key(s, i)
		if err != nil {
			return err
		}
		if _, twice := seen[k]; twice {
			return syntax(i, msgKeyTwice)
		}
		seen[k] = struct{}{}
		r := Reader{data: s, off: next}
		if err := r.Skip(); err != nil {
			return err
		}
		i = r.off
	}
	return nil
}

// keepPair puts a pair into the inline map at p.
func (s *structure) keepPair(d *decoder, p ptr) error {
	if s.rest.typ == reflect.TypeFor[Map]() {
		key, err := d.any()
		if err != nil {
			return err
		}
		value, err := d.any()
		if err != nil {
			return err
		}
		rest := at[Map](p)
		*rest = append(*rest, Pair{key, value})
		return nil
	}
	return s.rest.c.pair(d, p)
}

func (s *structure) decTuple(d *decoder, p ptr) error {
	off := d.off
	arity, err := d.holder(KindTuple)
	if err != nil {
		return err
	}
	want := len(s.fields)
	if s.layout == layoutRecord {
		want++
	}
	if arity != want {
		return &placedError{off, wrongArity(arity, want)}
	}
	if s.layout == layoutRecord {
		off = d.off
		if name, err := d.atom(); err != nil {
			return err
		} else if name != s.record {
			return &placedError{off, fmt.Errorf("tuple is no record %s", s.record)}
		}
	}
	for i := range s.fields {
		if err := s.fields[i].dec(d, p); err != nil {
			return err
		}
	}
	d.leave()
	return nil
}

// decProplist reads a list of pairs and of atoms, each of which stands for a pair
// with true. The first of several with the same key counts, as proplists has it.
func (s *structure) decProplist(d *decoder, p ptr) error {
	if d.kind() == KindMap {
		return s.decMap(d, p)
	}
	n, str, err := d.list()
	if err != nil {
		return err
	}
	if str != "" && n > 0 {
		return &placedError{d.off - n, errProperty}
	}
	if s.rest != nil {
		s.rest.c.reset(s.rest.reach(p, true))
	}
	m := marks{}
	for i := range n {
		if err := s.property(d, p, &m); err != nil {
			if len(d.path) == 0 {
				return d.in(index(i), err)
			}
			return err
		}
	}
	s.absent(d, p, &m)
	return d.endList(str)
}

var errProperty = errors.New("element of a proplist that is no pair with an atom or a binary, and no atom")

func (s *structure) property(d *decoder, p ptr, m *marks) error {
	start := d.off
	pair := d.kind() == KindTuple
	if pair {
		arity, err := d.holder(KindTuple)
		if err != nil {
			return err
		}
		if arity != 2 {
			return &placedError{start, errProperty}
		}
	}
	from := d.off
	name, known, err := d.name()
	if err != nil {
		return err
	}
	i := -1
	if known {
		i = s.lookup.find(name)
	}
	switch {
	case !known && !pair:
		return &placedError{start, errProperty}
	case !pair:
		err = s.bareAtom(d, p, i, name, start, m)
	case i >= 0 && m.mark(i, len(s.fields)):
		err = d.skip()
	case i >= 0:
		err = s.fields[i].dec(d, p)
	default:
		err = s.unknown(d, p, from)
	}
	if pair {
		d.leave()
	}
	return err
}

// bareAtom reads an atom in a proplist, which is a pair with true.
func (s *structure) bareAtom(d *decoder, p ptr, i int, name string, start int, m *marks) error {
	if i < 0 {
		if d.opt.RefuseUnknown {
			return &placedError{start, errors.New("key that no field has")}
		}
		if s.rest != nil && s.rest.typ == reflect.TypeFor[Map]() {
			rest := at[Map](s.rest.reach(p, true))
			*rest = append(*rest, Pair{Atom(d.keep(name)), Atom("true")})
		}
		return nil
	}
	if m.mark(i, len(s.fields)) {
		return nil
	}
	data, end := d.s, d.off
	defer func() { d.s, d.off = data, end }()
	d.s, d.off = atomTrue, 0
	if err := s.fields[i].dec(d, p); err != nil {
		return &placedError{start, bareKind(err)}
	}
	return nil
}

var atomTrue = string(AppendAtom(nil, "true"))
