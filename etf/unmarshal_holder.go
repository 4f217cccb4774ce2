package etf

import (
	"errors"
	"fmt"
	"reflect"
)

// list reads the header of a list of n elements, which may be in str, as bytes.
// Each call is followed by one of endList.
func (d *decoder) list() (n int, str string, err error) {
	switch d.tag() {
	case tagNil:
		d.depth++
		return 0, "", nil
	case tagString:
		next, _, err := scan(d.s, d.off, d.lax)
		if err != nil {
			return 0, "", err
		}
		str = d.s[d.off+3 : next]
		if err := d.count(next, 0); err != nil {
			return 0, "", err
		}
		d.depth++
		d.off = next
		if str == "" { // no bytes, and no term behind them that ends a list
			return 0, emptyString, nil
		}
		return len(str), str, nil
	}
	kids, err := d.holder(KindList)
	return max(kids-1, 0), "", err
}

// emptyString tells a string of no bytes, which is no end of a list, from a list.
const emptyString = "\x00"

// endList reads the end of a list, which must be a proper one.
func (d *decoder) endList(str string) error {
	d.depth--
	if str != "" {
		return nil
	}
	if d.tag() != tagNil {
		if d.off >= len(d.s) {
			return syntax(d.off, msgShort)
		}
		return mismatch(d.off, "improper list")
	}
	d.off++
	return nil
}

func (m *maker) slice(c *coder, f form) {
	c.reset = func(p ptr) { at[sliceHeader](p).len = 0 }
	c.empty = func(p ptr) bool { return at[sliceHeader](p).len == 0 }
	if isBytes(c.typ) {
		makeBytes(c, f)
		return
	}
	elem := m.coder(c.typ.Elem(), f)
	s := slicer{c.typ, elem, c.typ.Elem().Size()}
	c.dec, c.enc = s.dec, s.enc
}

// makeBytes is for slices of bytes, which are binaries.
func makeBytes(c *coder, f form) {
	c.dec = func(d *decoder, p ptr) (err error) {
		b := at[[]byte](p)
		if f.iodata {
			*b, err = d.iodata((*b)[:0])
			return err
		}
		s, err := d.binary()
		if err != nil {
			return err
		}
		if *b == nil {
			*b = []byte{}
		}
		*b = append((*b)[:0], s...)
		return nil
	}
	c.enc = func(_ *encoder, dst []byte, p ptr) ([]byte, error) { return appendBytes(dst, *at[[]byte](p)) }
}

// A slicer reads and writes the slices of one type, which are lists.
type slicer struct {
	typ  reflect.Type
	elem *coder
	size uintptr // of an element
}

func (s *slicer) dec(d *decoder, p ptr) error {
	n, str, err := d.list()
	if err != nil {
		return err
	}
	h := at[sliceHeader](p)
	h.len = 0
	if h.data == nil || n > h.cap {
		if err := s.grow(d, p, n); err != nil {
			return err
		}
	}
	if str != "" {
		return s.decBytes(d, p, str, n)
	}
	d.fresh++
	for i := range n {
		if i == h.cap {
			if err := s.grow(d, p, n); err != nil {
				return err
			}
		}
		h.len = i + 1
		if err := s.element(d, add(h.data, uintptr(i)*s.size)); err != nil {
			h.len = i
			return d.in(index(i), err)
		}
	}
	d.fresh--
	return d.endList(str)
}

// element reads an element, in whose place an old one may be.
func (s *slicer) element(d *decoder, p ptr) error {
	if s.elem.keeps {
		pointerAt(s.elem.typ, p).Elem().SetZero()
	}
	return s.elem.dec(d, p)
}

// firstBytes is how large a slice is made at first on the word of a list: its
// elements may take a byte each in the data, and any size in Go.
const firstBytes = 64 << 10

// grow makes room for n elements, or for twice as many as there are.
func (s *slicer) grow(d *decoder, p ptr, n int) error {
	h := at[sliceHeader](p)
	first := max(16, firstBytes/max(int(s.size), 1))
	to := min(n, max(first, 2*h.len))
	// What count has added for each element is 16 bytes.
	if more := int(s.size) - 16; more > 0 {
		if err := d.spend((to - h.len) * more); err != nil {
			return err
		}
	}
	next := reflect.MakeSlice(s.typ, h.len, to)
	v := pointerAt(s.typ, p).Elem()
	reflect.Copy(next, v)
	v.Set(next)
	return nil
}

// decBytes reads a list of bytes that came as a string: each as the term that it
// is, out of [smallInts].
func (s *slicer) decBytes(d *decoder, p ptr, str string, n int) error {
	h := at[sliceHeader](p)
	data, end := d.s, d.off
	defer func() { d.s, d.off = data, end }()
	d.fresh++
	d.s = smallInts
	for i := range n {
		if i == h.cap {
			if err := s.grow(d, p, n); err != nil {
				return err
			}
		}
		d.off = 2 * int(str[i])
		h.len = i + 1
		if err := s.element(d, add(h.data, uintptr(i)*s.size)); err != nil {
			h.len = i
			return d.in(index(i), &placedError{end - n + i, bareKind(err)})
		}
	}
	d.fresh--
	d.depth--
	return nil
}

// smallInts has the terms of 0 to 255, one after the other.
var smallInts = func() string {
	var b []byte
	for i := range 256 {
		b = append(b, tagSmallInt, byte(i))
	}
	return string(b)
}()

// bareKind is err without the place it was found at.
func bareKind(err error) error {
	if e := (*placedError)(nil); errors.As(err, &e) {
		return e.err
	}
	return err
}

func index(i int) string { return fmt.Sprintf("[%d]", i) }

func (s *slicer) enc(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	h := at[sliceHeader](p)
	if h.len == 0 {
		return AppendNil(dst), nil
	}
	if dst, err = e.listHeader(dst, h.len); err != nil {
		return nil, err
	}
	for i := range h.len {
		if dst, err = s.elem.enc(e, dst, add(h.data, uintptr(i)*s.size)); err != nil {
			return nil, e.in(index(i), err)
		}
	}
	e.depth--
	return AppendNil(dst), nil
}

// array is a tuple, as both have a fixed number of elements; of bytes, a binary.
func (m *maker) array(c *coder, f form) {
	if isBytes(c.typ) {
		makeByteArray(c)
		return
	}
	s := slicer{c.typ, m.coder(c.typ.Elem(), f), c.typ.Elem().Size()}
	n := c.typ.Len()
	plain := c.typ.Elem() == reflect.TypeFor[string]() && f == (form{})
	c.dec = func(d *decoder, p ptr) error { return s.decArray(d, p, n) }
	c.enc = func(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
		if dst, err = e.enter(AppendTuple(dst, n)); err != nil {
			return nil, err
		}
		if plain { // header fields: a call less for each of them
			for i := range n {
				if dst, err = appendBytes(dst, *at[string](add(p, uintptr(i)*s.size))); err != nil {
					return nil, e.in(index(i), err)
				}
			}
			e.depth--
			return dst, nil
		}
		for i := range n {
			if dst, err = s.elem.enc(e, dst, add(p, uintptr(i)*s.size)); err != nil {
				return nil, e.in(index(i), err)
			}
		}
		e.depth--
		return dst, nil
	}
	c.reset = func(p ptr) {
		for i := range n {
			s.elem.reset(add(p, uintptr(i)*s.size))
		}
	}
	c.empty = func(ptr) bool { return n == 0 }
}

func makeByteArray(c *coder) {
	n := c.typ.Len()
	c.dec = func(d *decoder, p ptr) error {
		off := d.off
		s, err := d.binary()
		if err != nil {
			return err
		}
		if len(s) != n {
			return mismatch(off, "binary of %d bytes where %d are wanted", len(s), n)
		}
		copy(pointerAt(c.typ, p).Elem().Bytes(), s)
		return nil
	}
	c.enc = func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		return appendBytes(dst, pointerAt(c.typ, p).Elem().Bytes())
	}
	c.empty = func(ptr) bool { return n == 0 }
}

// decArray reads a tuple, or a list, of exactly n elements.
func (s *slicer) decArray(d *decoder, p ptr, n int) error {
	off := d.off
	if d.kind() == KindList {
		v := reflect.New(reflect.SliceOf(s.typ.Elem()))
		list := slicer{v.Type().Elem(), s.elem, s.size}
		if err := list.dec(d, addressIn(v)); err != nil {
			return err
		}
		if v.Elem().Len() != n {
			return mismatch(off, "list of %d elements where %d are wanted", v.Elem().Len(), n)
		}
		reflect.Copy(pointerAt(s.typ, p).Elem(), v.Elem())
		return nil
	}
	if err := d.tuple(n); err != nil {
		return err
	}
	d.fresh++
	for i := range n {
		if err := s.element(d, add(p, uintptr(i)*s.size)); err != nil {
			return d.in(index(i), err)
		}
	}
	d.fresh--
	d.leave()
	return nil
}

// tuple reads the header of a tuple of so many elements.
func (d *decoder) tuple(want int) error {
	s, off := d.s, d.off
	if len(s)-off >= 2+want && s[off] == tagSmallTuple && int(s[off+1]) == want && want > 0 && d.depth < d.opt.MaxDepth {
		if err := d.count(off+2, want); err != nil {
			return err
		}
		d.depth++
		d.off = off + 2
		return nil
	}
	arity, err := d.holder(KindTuple)
	if err == nil && arity != want {
		err = mismatch(off, "tuple of %d elements where %d are wanted", arity, want)
	}
	return err
}
