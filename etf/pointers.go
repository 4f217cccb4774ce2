package etf

import (
	"errors"
	"fmt"
	"reflect"
)

func (m *maker) pointer(c *coder, f form) {
	t := c.typ.Elem()
	elem := m.coder(t, f)
	c.dec = func(d *decoder, p ptr) error {
		if d.isNil() {
			_, err := d.atom()
			*at[ptr](p) = nil
			return err
		}
		q := *at[ptr](p)
		if q == nil || d.fresh > 0 {
			if err := d.spend(int(t.Size())); err != nil {
				return err
			}
			q = addressIn(reflect.New(t))
		}
		if err := d.deeper(elem, q); err != nil {
			return err
		}
		*at[ptr](p) = q
		return nil
	}
	c.enc = func(e *encoder, dst []byte, p ptr) ([]byte, error) {
		q := *at[ptr](p)
		if q == nil {
			return e.appendNil(dst), nil
		}
		return e.deeper(elem, dst, q)
	}
	c.reset = func(p ptr) { *at[ptr](p) = nil }
	c.empty = func(p ptr) bool { return *at[ptr](p) == nil }
}

// deeper reads into what a pointer points to. No term needs be there for each
// pointer of a type like type T *T, so levels are counted.
func (d *decoder) deeper(c *coder, p ptr) error {
	if d.pointers++; d.pointers > maxDepth {
		return errPointers
	}
	err := c.dec(d, p)
	d.pointers--
	return err
}

var errPointers = errors.New("pointers that lead to no value")

// isNil tells whether the next term is an atom that stands for a nil pointer.
func (d *decoder) isNil() bool {
	if d.kind() != KindAtom {
		return false
	}
	r := Reader{data: d.s, off: d.off}
	name, err := r.Atom()
	return err == nil && (name == "undefined" || name == "nil" || name == string(d.opt.Nil) && name != "")
}

func makeInterface(c *coder) {
	c.enc = func(e *encoder, dst []byte, p ptr) ([]byte, error) {
		return e.value(dst, pointerAt(c.typ, p).Elem().Elem())
	}
	if c.typ.NumMethod() > 0 {
		c.dec = func(*decoder, ptr) error {
			return fmt.Errorf("no telling which type implements the Go interface %s", c.typ)
		}
		return
	}
	c.enc = func(e *encoder, dst []byte, p ptr) ([]byte, error) { return e.dynamic(dst, *at[any](p)) }
	c.dec = func(d *decoder, p ptr) error {
		v, err := d.any()
		if err == nil {
			*at[any](p) = v
		}
		return err
	}
}
