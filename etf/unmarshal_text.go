package etf

import (
	"unicode/utf8"
)

// Strings, charlists and iodata.

func makeString(c *coder, f form) {
	c.reset = func(p ptr) { *at[string](p) = "" }
	c.empty = func(p ptr) bool { return *at[string](p) == "" }
	c.enc = encString
	switch {
	case f.iodata:
		c.dec = decIodataString
	case f.charlist:
		c.dec, c.enc = decCharlist, encCharlist
	default:
		c.dec = decGoString
	}
}

// decGoString is decString for what is text to a program.
func decGoString(d *decoder, p ptr) error {
	off := d.off
	if err := decString(d, p); err != nil || d.opt.AllowInvalidUTF8 {
		return err
	}
	return isText(off, *at[string](p))
}

// isText refuses the term at off, which is s, if that is not UTF-8.
func isText(off int, s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	return mismatch(off, "text that is not UTF-8 where a Go string is wanted")
}

func decString(d *decoder, p ptr) error {
	s, err := d.binary()
	if err != nil {
		if d.opt.AnyString {
			return decCharlist(d, p)
		}
		return err
	}
	*at[string](p) = d.keep(s)
	return nil
}

// decCharlist reads a list of code points, and what else may stand for one.
func decCharlist(d *decoder, p ptr) (err error) {
	var s string
	off := d.off
	switch d.kind() {
	case KindList:
		var b []byte
		b, err = d.charlist()
		s = string(b)
	case KindAtom:
		if !d.opt.AnyString {
			return d.refuse(KindList)
		}
		s, err = d.atom()
		s = d.keep(s)
	case KindBinary:
		s, err = d.binary()
		s = d.keep(s)
	default:
		return d.refuse(KindList)
	}
	if err == nil && !d.opt.AllowInvalidUTF8 {
		err = isText(off, s)
	}
	if err == nil {
		*at[string](p) = s
	}
	return err
}

var errCodePoint = &MismatchError{"integer that is no code point, in a charlist"}

// charlist reads a list of code points and returns their UTF-8.
func (d *decoder) charlist() ([]byte, error) {
	n, str, err := d.list()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, n)
	for i := range n {
		off, r := d.off, int64(0)
		if str != "" {
			r = int64(str[i])
		} else if r, err = d.integer(); err != nil {
			return nil, err
		}
		if r < 0 || r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return nil, &placedError{off, errCodePoint}
		}
		b = utf8.AppendRune(b, rune(r))
	}
	return b, d.endList(str)
}

// iodata appends the bytes of iodata to dst.
func (d *decoder) iodata(dst []byte) ([]byte, error) {
	start := d.off
	if k := d.kind(); k != KindBinary && k != KindList {
		return dst, d.refuse(KindBinary)
	}
	if err := d.skip(); err != nil {
		return dst, err
	}
	r := Reader{data: d.s, off: start}
	return r.AppendIodata(dst)
}

func decIodataString(d *decoder, p ptr) error {
	b, err := d.iodata(nil)
	if err == nil {
		*at[string](p) = string(b)
	}
	return err
}
