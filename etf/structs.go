package etf

import (
	"errors"
	"reflect"
)

// A structure reads and writes the structs of one type.
type structure struct {
	*description
	lookup *lookup
	always bool   // no field is ever left out
	head   []byte // the name of a record, as a term
}

func (m *maker) structure(c *coder, form form) {
	desc, err := describe(c.typ)
	if err == nil && form.proplist {
		err = desc.asProplist()
	}
	if err != nil {
		unsupported(c, err.Error())
		return
	}
	c.keeps = desc.keeps(c.typ, nil)
	s := &structure{description: desc, always: desc.rest == nil}
	names := make([]string, len(desc.fields))
	for i := range desc.fields {
		f := &desc.fields[i]
		f.c = m.coder(f.typ, f.form)
		c.keeps = c.keeps || f.c.keeps
		f.zero = zeroOf(f.typ)
		f.bytes = AppendBinary(nil, f.name)
		if f.atoms, err = appendAtom(nil, Atom(f.name), 0); err != nil {
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

// asProplist has the option of a field speak of the struct in it.
func (desc *description) asProplist() error {
	if desc.layout == layoutTuple || desc.layout == layoutRecord {
		return errors.New("the option proplist is not for a struct that is a tuple")
	}
	desc.layout = layoutProplist
	return nil
}

func (s *structure) layouts(c *coder) {
	switch s.layout {
	case layoutMap:
		c.dec, c.enc = s.decMap, s.encMap
	case layoutProplist:
		c.dec, c.enc = s.decProplist, s.encProplist
	case layoutRecord:
		tag, err := appendAtom(nil, Atom(s.record), 0)
		if err != nil {
			unsupported(c, "record "+s.record+": "+bare(err))
			return
		}
		s.head = tag
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

// reach is where the field is, or nil if a pointer on the way to it is nil.
func (f *field) reach(p ptr) ptr {
	for _, h := range f.hops {
		if p = *at[ptr](add(p, h.off)); p == nil {
			return nil
		}
	}
	return add(p, f.off)
}

// reachable is reach where no pointer stays nil.
func (f *field) reachable(d *decoder, p ptr) (ptr, error) {
	for _, h := range f.hops {
		q := at[ptr](add(p, h.off))
		if *q == nil {
			if err := d.spend(int(h.elem.Size())); err != nil {
				return nil, err
			}
			*q = addressIn(reflect.New(h.elem))
		}
		p = *q
	}
	return add(p, f.off), nil
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
	if q := f.reach(p); q != nil {
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
