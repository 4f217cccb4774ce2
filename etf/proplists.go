package etf

var errProperty = &MismatchError{"element of a proplist that is no pair, and no atom"}

// proplist reads the beginning of one as list does; the bytes of a string are no properties.
func (d *decoder) proplist() (n int, str string, err error) {
	n, str, err = d.list()
	if err == nil && str != "" && n > 0 {
		err = &placedError{d.off - n, errProperty}
	}
	return n, str, err
}

// property reads an element of a proplist, which is a pair, or an atom that stands
// for a pair with true: read reads a key and a value, which come next when it is
// called.
func (d *decoder) property(read func() error) error {
	start := d.off
	switch d.kind() {
	case KindAtom:
		return d.bareAtom(read)
	case KindTuple:
		arity, err := d.holder(KindTuple)
		if err != nil {
			return err
		}
		if arity != 2 {
			return &placedError{start, errProperty}
		}
		if err := read(); err != nil {
			return err
		}
		d.leave()
		return nil
	}
	return &placedError{start, errProperty}
}

// bareAtom has read find an atom with true behind it. It counts as the one atom
// that it is.
func (d *decoder) bareAtom(read func() error) error {
	start := d.off
	if err := d.skip(); err != nil {
		return err
	}
	data, end, atoms := d.s, d.off, d.seen.atoms
	defer func() { d.s, d.off, d.seen.atoms = data, end, atoms }()
	d.s, d.off, d.seen.atoms = data[start:end]+atomTrue, 0, atoms-2
	if err := read(); err != nil {
		return &placedError{start, bareKind(err)}
	}
	return nil
}

var atomTrue = string(AppendAtom(nil, "true"))

// decProplist reads a list of pairs and of atoms, each of which stands for a pair
// with true. The first of several with the same key counts, as proplists has it.
func (s *structure) decProplist(d *decoder, p ptr) error {
	if d.kind() == KindMap {
		return s.decMap(d, p)
	}
	n, str, err := d.proplist()
	if err != nil {
		return err
	}
	if err := s.noRest(d, p); err != nil {
		return err
	}
	l := proplist{structure: s}
	read := func() error { return l.pair(d, p) }
	for i := range n {
		if err := d.property(read); err != nil {
			if len(d.path) == 0 {
				return d.in(index(i), err)
			}
			return err
		}
	}
	s.absent(d, p, &l.marks)
	return d.endList(str)
}

// A proplist is one that is being read into a struct.
type proplist struct {
	*structure
	marks
	others map[mapKey]struct{} // the keys in the inline map
}

// pair reads a key and a value.
func (l *proplist) pair(d *decoder, p ptr) error {
	start, seen := d.off, d.seen
	name, known, err := d.name()
	if err != nil {
		return err
	}
	i := -1
	if known {
		i = l.lookup.find(name)
	}
	switch {
	case i >= 0 && l.mark(i, len(l.fields)):
		return d.skip()
	case i >= 0:
		return l.fields[i].dec(d, p)
	case l.rest == nil:
		return l.unknown(d, p, start, &seen)
	}
	d.off, d.seen = start, seen
	q, err := l.rest.reachable(d, p)
	if err != nil {
		return err
	}
	return l.keep(d, q)
}

// keep puts a pair into the inline map at p, if its key is not there yet.
func (l *proplist) keep(d *decoder, p ptr) error {
	if l.rest.c.pair != nil {
		return l.rest.c.pair(d, p, true)
	}
	start := d.off
	k, err := d.any()
	if err != nil {
		return err
	}
	same, _, err := key(d.s, start)
	if err != nil {
		return err
	}
	if _, again := l.others[same]; again {
		return d.skip()
	}
	if l.others == nil {
		l.others = make(map[mapKey]struct{})
	}
	l.others[same] = struct{}{}
	v, err := d.any()
	if err != nil {
		return err
	}
	rest := at[Map](p)
	*rest = append(*rest, Pair{k, v})
	return nil
}
