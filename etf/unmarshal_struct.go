package etf

import (
	"reflect"
)

func (s *structure) decMap(d *decoder, p ptr) error {
	kids, err := d.holder(KindMap)
	if err != nil {
		return err
	}
	m, others := marks{}, strangers{}
	for range kids / 2 {
		start, seen := d.off, d.seen
		name, known, err := d.name()
		if err != nil {
			return err
		}
		i := -1
		if known {
			i = s.lookup.find(name)
		}
		if i < 0 {
			if others.n == 0 {
				if err := s.noRest(d, p); err != nil {
					return err
				}
			}
			if err := s.unknown(d, p, start, &seen); err != nil {
				return err
			}
			if err := others.add(d, start); err != nil {
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
	if others.n == 0 {
		if err := s.noRest(d, p); err != nil {
			return err
		}
	}
	s.absent(d, p, &m)
	return nil
}

func (f *field) dec(d *decoder, p ptr) error {
	q := add(p, f.off)
	if len(f.hops) > 0 {
		var err error
		if q, err = f.reachable(d, p); err != nil {
			return err
		}
	}
	if err := f.c.dec(d, q); err != nil {
		return d.in("."+f.name, err)
	}
	return nil
}

// noRest empties the inline map.
func (s *structure) noRest(d *decoder, p ptr) error {
	if s.rest == nil {
		return nil
	}
	q, err := s.rest.reachable(d, p)
	if err == nil {
		s.rest.c.reset(q)
	}
	return err
}

// unknown reads a pair whose key, at start, is no field's; seen is what was seen
// before it.
func (s *structure) unknown(d *decoder, p ptr, start int, seen *totals) error {
	d.off, d.seen = start, *seen // or the key would count twice
	if s.rest != nil {
		q, err := s.rest.reachable(d, p)
		if err != nil {
			return err
		}
		return s.keepPair(d, q)
	}
	if err := d.skip(); err != nil {
		return err
	}
	if d.opt.RefuseUnknown {
		return mismatch(start, "key that no field has")
	}
	return d.skip()
}

// strangers are the keys of a map that are no field's.
type strangers struct {
	n     int
	first int // where the first one is: one alone needs no table
	all   map[mapKey]struct{}
}

// add adds the key at start, which has been read, and found to be good.
func (o *strangers) add(d *decoder, start int) error {
	o.n++
	switch {
	case d.opt.AllowDuplicateKeys:
		return nil
	case o.n == 1:
		o.first = start
		return nil
	case o.n == 2:
		k, _, err := key(d.s, o.first)
		if err != nil {
			return err
		}
		o.all = map[mapKey]struct{}{k: {}}
	}
	k, _, err := key(d.s, start)
	if err != nil {
		return err
	}
	if _, again := o.all[k]; again {
		return syntax(start, msgKeyTwice)
	}
	o.all[k] = struct{}{}
	return nil
}

// uniqueAmong looks for a key that is twice among the n pairs at i, which are
// known to be good.
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
		r := Reader{data: s, off: next, lax: laxAll}
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
	return s.rest.c.pair(d, p, false)
}

func (s *structure) decTuple(d *decoder, p ptr) error {
	want := len(s.fields)
	if s.layout == layoutRecord {
		want++
	}
	if err := d.tuple(want); err != nil {
		return err
	}
	if s.layout == layoutRecord {
		off := d.off
		if name, err := d.atom(); err != nil {
			return err
		} else if name != s.record {
			return mismatch(off, "tuple is no record %s", s.record)
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
