package etf

import (
	"encoding"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"time"
	"unicode/utf8"
)

// An Appender writes its own term: it appends one, without a version byte, to dst.
type Appender interface {
	AppendETF(dst []byte) ([]byte, error)
}

// A Marshaler returns its own term, with a version byte in front or without it.
type Marshaler interface {
	MarshalETF() ([]byte, error)
}

// A TermReader reads its own term from r, all of it and no more. It can rely on
// the term to be a good one, and may keep what r returns.
type TermReader interface {
	ReadETF(r *Reader) error
}

// An Unmarshaler is given its term, behind a version byte, which it may keep.
type Unmarshaler interface {
	UnmarshalETF(data []byte) error
}

// RawTerm is one whole term as it is written, without the version byte, left for
// later. It is [Raw] for whoever has bytes: Unmarshal copies the term into the
// capacity that is there, and takes later what [RawTerm.Data] returns.
type RawTerm []byte

// Data returns a copy of the term behind a version byte, which is what [Unmarshal],
// [Decode] and their like take.
func (t RawTerm) Data() []byte { return withVersion(t) }

// isDynamic tells whether t is a type that [Decode] returns, or RawTerm.
func isDynamic(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Atom](), reflect.TypeFor[Binary](), reflect.TypeFor[Raw](), reflect.TypeFor[RawTerm](),
		reflect.TypeFor[Tuple](), reflect.TypeFor[List](), reflect.TypeFor[Map](), reflect.TypeFor[Improper](),
		reflect.TypeFor[Bits](), reflect.TypeFor[Pid](), reflect.TypeFor[Port](), reflect.TypeFor[Ref](),
		reflect.TypeFor[Export](), reflect.TypeFor[Fun]():
		return true
	}
	return false
}

func hasText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(untextType) || p.Implements(textType) || p.Implements(appendTextType) ||
		p.Implements(readerType) || p.Implements(unmarshalType)
}

// hasMethods tells whether a type reads or writes its terms, or a text, by itself.
func hasMethods(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return hasText(t) || p.Implements(appenderType) || p.Implements(marshalerType)
}

// known takes the types that have a place of their own in the table.
func (m *maker) known(c *coder, f form) bool {
	switch c.typ {
	case reflect.TypeFor[Atom]():
		c.dec, c.enc = decAtom, encAtom
	case reflect.TypeFor[Binary]():
		c.dec, c.enc = decString, encString
		c.reset = func(p ptr) { *at[string](p) = "" }
	case reflect.TypeFor[Raw]():
		c.dec, c.enc = decRaw, encRaw
	case reflect.TypeFor[RawTerm]():
		c.dec, c.enc = decRawTerm, encRawTerm
		c.reset = func(p ptr) { at[sliceHeader](p).len = 0 }
	case reflect.TypeFor[time.Time]():
		makeTime(c, f)
	case reflect.TypeFor[time.Duration]():
		makeDuration(c, f)
	case reflect.TypeFor[big.Int]():
		c.dec, c.enc = decBig, encBig
	case reflect.TypeFor[netip.Addr]():
		c.dec, c.enc = decAddr, encAddr
	case reflect.TypeFor[netip.AddrPort]():
		c.dec, c.enc = decAddrPort, encAddrPort
	case reflect.TypeFor[Tuple](), reflect.TypeFor[List](), reflect.TypeFor[Map](), reflect.TypeFor[Improper](),
		reflect.TypeFor[Bits](), reflect.TypeFor[Pid](), reflect.TypeFor[Port](), reflect.TypeFor[Ref](),
		reflect.TypeFor[Export](), reflect.TypeFor[Fun]():
		makeDynamic(c)
	default:
		return false
	}
	if c.typ.Kind() == reflect.String {
		c.empty = func(p ptr) bool { return *at[string](p) == "" }
	}
	return true
}

// makeDynamic is for the types of whole terms.
func makeDynamic(c *coder) {
	c.dec = func(d *decoder, p ptr) error {
		off := d.off
		v, err := d.any()
		if err != nil {
			return err
		}
		if reflect.TypeOf(v) != c.typ {
			return mismatch(off, "%T where %s is wanted", v, c.typ)
		}
		pointerAt(c.typ, p).Elem().Set(reflect.ValueOf(v))
		return nil
	}
	c.enc = func(e *encoder, dst []byte, p ptr) ([]byte, error) {
		return e.dynamic(dst, pointerAt(c.typ, p).Elem().Interface())
	}
	if c.typ.Kind() == reflect.Slice {
		c.empty = func(p ptr) bool { return at[sliceHeader](p).len == 0 }
	}
}

func decAtom(d *decoder, p ptr) error {
	name, err := d.atom()
	if err == nil {
		*at[string](p) = d.keep(name)
	}
	return err
}

func encAtom(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return appendAtom(dst, *at[Atom](p), e.lax)
}

func decRaw(d *decoder, p ptr) error {
	term, err := d.whole()
	if err == nil {
		*at[string](p) = term
	}
	return err
}

func encRaw(e *encoder, dst []byte, p ptr) ([]byte, error) {
	v := *at[Raw](p)
	if e.opt.AllowLocal && e.depth == 0 && v != "" && v[0] == tagLocal {
		return append(dst, v...), nil
	}
	if err := e.oneTerm(string(v)); err != nil {
		return nil, err
	}
	return append(dst, v...), nil
}

func decRawTerm(d *decoder, p ptr) error {
	start := d.off
	if err := d.skip(); err != nil {
		return err
	}
	b := at[[]byte](p)
	*b = append((*b)[:0], d.s[start:d.off]...)
	return nil
}

func encRawTerm(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return e.foreign(dst, *at[[]byte](p))
}

func decBig(d *decoder, p ptr) error {
	n, err := d.bigInteger()
	if err == nil {
		at[big.Int](p).Set(n)
	}
	return err
}

func encBig(_ *encoder, dst []byte, p ptr) ([]byte, error) { return appendBigInt(dst, at[big.Int](p)) }

// What a type's own methods do.

func decReader(c *coder) func(d *decoder, p ptr) error {
	return func(d *decoder, p ptr) error {
		off := d.off
		term, err := d.whole()
		if err != nil {
			return err
		}
		r := Reader{data: term, lax: d.lax}
		if err := pointerAt(c.typ, p).Interface().(TermReader).ReadETF(&r); err != nil {
			return &placedError{off, err}
		}
		if r.End() != nil {
			return &placedError{off, fmt.Errorf("ReadETF of %s left a part of its term", c.typ)}
		}
		return nil
	}
}

func decUnmarshaler(c *coder) func(d *decoder, p ptr) error {
	return func(d *decoder, p ptr) error {
		off := d.off
		if err := d.skip(); err != nil {
			return err
		}
		data := withVersion(d.s[off:d.off])
		if err := pointerAt(c.typ, p).Interface().(Unmarshaler).UnmarshalETF(data); err != nil {
			return &placedError{off, err}
		}
		return nil
	}
}

func encAppender(c *coder) func(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return func(e *encoder, dst []byte, p ptr) ([]byte, error) {
		out, err := pointerAt(c.typ, p).Interface().(Appender).AppendETF(dst)
		if err != nil {
			return nil, err
		}
		if len(out) < len(dst) {
			return nil, fmt.Errorf("AppendETF of %s took bytes away", c.typ)
		}
		return out, e.oneTerm(viewString(out[len(dst):]))
	}
}

func encMarshaler(c *coder) func(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return func(e *encoder, dst []byte, p ptr) ([]byte, error) {
		data, err := pointerAt(c.typ, p).Interface().(Marshaler).MarshalETF()
		if err != nil {
			return nil, err
		}
		if len(data) > 0 && data[0] == version {
			data = data[1:] // no term begins with it
		}
		return e.foreign(dst, data)
	}
}

// foreign appends a term that somebody else wrote.
func (e *encoder) foreign(dst, data []byte) ([]byte, error) {
	if err := e.oneTerm(viewString(data)); err != nil {
		return nil, err
	}
	return append(dst, data...), nil
}

// oneTerm looks at what somebody else wrote: it stands among others' terms.
func (e *encoder) oneTerm(s string) error {
	if s == "" {
		return errEmpty
	}
	pairs, err := foreign(s, e.lax)
	if err == nil && pairs > 1 && !e.opt.AllowDuplicateKeys && uniqueKeys(s, 0) != nil {
		return errKeyTwice
	}
	return err
}

func decText(c *coder) func(d *decoder, p ptr) error {
	return func(d *decoder, p ptr) error {
		off := d.off
		s, err := d.binary()
		if err != nil {
			return err
		}
		err = pointerAt(c.typ, p).Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
		if err != nil {
			return &placedError{off, err}
		}
		return nil
	}
}

func encAppendText(c *coder) func(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		head := len(dst)
		dst, err := pointerAt(c.typ, p).Interface().(encoding.TextAppender).AppendText(AppendBinary(dst, ""))
		if err != nil {
			return nil, err
		}
		n := len(dst) - head - 5
		if n < 0 || uint64(n) > 1<<32-1 {
			return nil, errSize
		}
		appendCount(dst[:head], tagBinary, n)
		return dst, nil
	}
}

func encText(c *coder) func(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		text, err := pointerAt(c.typ, p).Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return nil, err
		}
		return appendBytes(dst, text)
	}
}

func validText(s string) bool { return utf8.ValidString(s) }

var errAddr = &MismatchError{"tuple that is no IP address"}
