package etf

import "errors"

// keyTerm is the name of a field as a term.
func (f *field) keyTerm(e *encoder) []byte {
	if f.key == keyAsBinary || f.key == keyByOption && e.opt.BinaryKeys {
		return f.bytes
	}
	return f.atoms
}

// value is where the field's value is, or nil where it is left out.
func (f *field) value(p ptr) ptr {
	q := add(p, f.off)
	if len(f.hops) > 0 {
		q = f.reach(p)
	}
	if q == nil || f.omitempty && f.c.empty(q) || f.omitzero && f.zero(q) {
		return nil
	}
	return q
}

// present is how many fields are written.
func (s *structure) present(p ptr) int {
	if s.always {
		return len(s.fields)
	}
	n := 0
	for i := range s.fields {
		if s.fields[i].value(p) != nil {
			n++
		}
	}
	return n
}

func (s *structure) encMap(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	head := len(dst)
	if dst, err = e.enter(AppendMap(dst, 0)); err != nil {
		return nil, err
	}
	n := s.present(p)
	if dst, err = s.encFields(e, dst, p, nil); err != nil {
		return nil, err
	}
	if s.rest != nil {
		more := 0
		if dst, more, err = s.encRest(e, dst, p); err != nil {
			return nil, err
		}
		n += more
	}
	AppendMap(dst[:head], n)
	e.depth--
	return dst, nil
}

func (s *structure) encFields(e *encoder, dst []byte, p ptr, head []byte) (_ []byte, err error) {
	for i := range s.fields {
		f := &s.fields[i]
		q := add(p, f.off)
		if !s.always {
			if q = f.value(p); q == nil {
				continue
			}
		}
		dst = append(append(dst, head...), f.keyTerm(e)...)
		if dst, err = f.c.enc(e, dst, q); err != nil {
			return nil, e.in("."+f.name, err)
		}
	}
	return dst, nil
}

// encRest writes the pairs of the inline map.
func (s *structure) encRest(e *encoder, dst []byte, p ptr) (_ []byte, n int, err error) {
	q := s.rest.reach(p)
	if q == nil {
		return dst, 0, nil
	}
	head := len(dst)
	if dst, err = s.rest.c.enc(e, dst, q); err != nil {
		return nil, 0, err
	}
	n = int(be32(string(dst[head+1:head+5]), 0))
	if err := s.clash(viewString(dst[head:])); err != nil {
		return nil, 0, err
	}
	return append(dst[:head], dst[head+5:]...), n, nil
}

// clash looks for a key of the inline map that a field has as well.
func (s *structure) clash(m string) error {
	r := Reader{data: m, lax: laxAll}
	n, err := r.Map()
	for range n {
		if name, known := nameAt(r); known && s.lookup.find(name) >= 0 {
			return errors.New("key of an inline map that is a field's name, " + name)
		}
		if err := errors.Join(r.Skip(), r.Skip()); err != nil {
			return err
		}
	}
	return err
}

// nameAt is the name that an atom or a binary is, if r stands at one.
func nameAt(r Reader) (name string, known bool) {
	var err error
	switch r.Kind() {
	case KindAtom:
		name, err = r.Atom()
	case KindBinary:
		name, err = r.Binary()
	default:
		return "", false
	}
	return name, err == nil
}

// appendHead appends a tuple up to its first field.
func (s *structure) appendHead(dst []byte) []byte {
	if s.layout == layoutRecord {
		return append(AppendTuple(dst, 1+len(s.fields)), s.head...)
	}
	return AppendTuple(dst, len(s.fields))
}

func (s *structure) encTuple(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	if dst, err = e.enter(s.appendHead(dst)); err != nil {
		return nil, err
	}
	for i := range s.fields {
		f := &s.fields[i]
		q := add(p, f.off)
		if len(f.hops) > 0 {
			if q = f.reach(p); q == nil {
				dst = e.appendNil(dst)
				continue
			}
		}
		if dst, err = f.c.enc(e, dst, q); err != nil {
			return nil, e.in("."+f.name, err)
		}
	}
	e.depth--
	return dst, nil
}

func (s *structure) encProplist(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	n := s.present(p)
	var rest []byte
	if s.rest != nil {
		if rest, err = s.restPairs(e, p); err != nil {
			return nil, err
		}
		r := Reader{data: string(rest), lax: laxAll}
		for len(rest) > 0 && r.End() != nil {
			if err := r.Skip(); err != nil {
				return nil, err
			}
			n++
		}
	}
	if n == 0 {
		return AppendNil(dst), nil
	}
	if dst, err = e.listHeader(dst, n); err != nil {
		return nil, err
	}
	if dst, err = s.encFields(e, dst, p, pairHead); err != nil {
		return nil, err
	}
	e.depth--
	return AppendNil(append(dst, rest...)), nil
}

var pairHead = AppendTuple(nil, 2)

// restPairs writes the pairs of the inline map as tuples.
func (s *structure) restPairs(e *encoder, p ptr) ([]byte, error) {
	flat, n, err := s.encRest(e, nil, p)
	if err != nil {
		return nil, err
	}
	var out []byte
	r := Reader{data: string(flat), lax: laxAll}
	for range n {
		start := r.off
		if err := errors.Join(r.Skip(), r.Skip()); err != nil {
			return nil, err
		}
		out = append(append(out, pairHead...), flat[start:r.off]...)
	}
	return out, nil
}
