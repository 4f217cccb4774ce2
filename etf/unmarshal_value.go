package etf

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"
)

func strconvInt(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }

// binary reads a binary, as a part of the data.
func (d *decoder) binary() (string, error) {
	s, i := d.s, d.off
	if len(s)-i >= 5 && s[i] == tagBinary {
		if n := be32(s, i+1); uint64(n) <= uint64(len(s)-i-5) {
			end := i + 5 + int(n)
			d.off = end
			return s[i+5 : end], nil
		}
	}
	r := Reader{data: s, off: i}
	return r.Binary()
}

// atom reads an atom's name, as a part of the data where it can be.
func (d *decoder) atom() (string, error) {
	r := Reader{data: d.s, off: d.off, lax: d.lax}
	name, err := r.Atom()
	if err == nil {
		err = d.count(r.off, 0)
	}
	d.off = r.off
	return name, err
}

// name reads an atom or a binary, as which keys come. known is false, and
// nothing read, for another term.
func (d *decoder) name() (name string, known bool, err error) {
	s, i := d.s, d.off
	if len(s)-i >= 2 && s[i] == tagSmallAtomUTF8 {
		if end := i + 2 + int(s[i+1]); end <= len(s) {
			name = s[i+2 : end]
			if ascii(name) {
				err = d.count(end, 0)
				d.off = end
				return name, err == nil, err
			}
		}
	}
	switch d.kind() {
	case KindBinary:
		name, err = d.binary()
	case KindAtom:
		name, err = d.atom()
	default:
		return "", false, nil
	}
	return name, err == nil, err
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// integer reads an integer that fits an int64.
func (d *decoder) integer() (int64, error) {
	s, i := d.s, d.off
	if len(s)-i >= 5 {
		switch s[i] {
		case tagSmallInt:
			d.off += 2
			return int64(s[i+1]), nil
		case tagInt:
			d.off += 5
			return int64(int32(be32(s, i+1))), nil
		}
	}
	if err := d.bigFits(); err != nil {
		return 0, err
	}
	r := Reader{data: s, off: i}
	n, err := r.Int()
	d.off = r.off
	return n, err
}

// bigFits tells whether the next term, if it is a big integer, is within
// MaxBigBytes, zeros in front included.
func (d *decoder) bigFits() error {
	if t := d.tag(); t != tagSmallBig && t != tagLargeBig {
		return nil
	}
	next, _, err := scan(d.s, d.off, d.lax)
	if err != nil {
		return err
	}
	if n := bigBytes(d.s, d.off, next); n > d.opt.MaxBigBytes {
		return &LimitError{"MaxBigBytes", d.opt.MaxBigBytes, n, d.off}
	}
	return nil
}

// bigInteger reads an integer of any size.
func (d *decoder) bigInteger() (*big.Int, error) {
	if d.kind() != KindInteger {
		return nil, d.refuse(KindInteger)
	}
	v, err := d.any()
	if err != nil {
		return nil, err
	}
	if n, ok := v.(int64); ok {
		return big.NewInt(n), nil
	}
	return v.(*big.Int), nil
}

// outOfRange says that the integer at off does not fit.
func (d *decoder) outOfRange(off int, c *coder) error {
	d.off = off
	n, err := d.bigInteger()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("of %d bits", n.BitLen())
	if n.BitLen() <= 128 { // more digits say no more, and cost
		text = n.String()
	}
	return mismatch(off, "integer %s does not fit a Go %s", text, c.typ)
}

// isLarge tells whether err is that of an integer that does not fit an int64.
func isLarge(err error) bool {
	_, large := err.(*LimitError)
	return large
}

func makeInt(c *coder) {
	size := c.typ.Size()
	bits := uint(64 - 8*size)
	c.dec = func(d *decoder, p ptr) error {
		off := d.off
		n, err := d.integer()
		if isLarge(err) || err == nil && n<<bits>>bits != n {
			return d.outOfRange(off, c)
		}
		if err != nil {
			return err
		}
		storeInt(p, size, uint64(n))
		return nil
	}
	c.enc = func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		return AppendInt(dst, loadInt(p, size)), nil
	}
}

func makeUint(c *coder) {
	size := c.typ.Size()
	c.dec = func(d *decoder, p ptr) error {
		off := d.off
		n, err := d.integer()
		u := uint64(n)
		if isLarge(err) {
			d.off = off
			b, e := d.bigInteger()
			if e != nil {
				return e
			}
			if !b.IsUint64() {
				return d.outOfRange(off, c)
			}
			u, n, err = b.Uint64(), 0, nil
		}
		if err != nil {
			return err
		}
		if n < 0 || u > math.MaxUint64>>(64-8*size) {
			return d.outOfRange(off, c)
		}
		storeInt(p, size, u)
		return nil
	}
	c.enc = func(_ *encoder, dst []byte, p ptr) ([]byte, error) {
		u := loadUint(p, size)
		if u > math.MaxInt64 {
			return appendBig64(dst, 0, u), nil
		}
		return AppendInt(dst, int64(u)), nil
	}
}

func storeInt(p ptr, size uintptr, u uint64) {
	switch size {
	case 1:
		*at[uint8](p) = uint8(u)
	case 2:
		*at[uint16](p) = uint16(u)
	case 4:
		*at[uint32](p) = uint32(u)
	default:
		*at[uint64](p) = u
	}
}

func loadUint(p ptr, size uintptr) uint64 {
	switch size {
	case 1:
		return uint64(*at[uint8](p))
	case 2:
		return uint64(*at[uint16](p))
	case 4:
		return uint64(*at[uint32](p))
	}
	return *at[uint64](p)
}

func loadInt(p ptr, size uintptr) int64 {
	switch size {
	case 1:
		return int64(*at[int8](p))
	case 2:
		return int64(*at[int16](p))
	case 4:
		return int64(*at[int32](p))
	}
	return *at[int64](p)
}

func decBool(d *decoder, p ptr) error {
	off := d.off
	name, err := d.atom()
	if err != nil {
		return err
	}
	if name != "true" && name != "false" {
		return mismatch(off, "atom that is neither true nor false")
	}
	*at[bool](p) = name == "true"
	return nil
}

func encBool(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	return AppendBool(dst, *at[bool](p)), nil
}

// float reads a float, or an integer that is a float as well, bit for bit.
func (d *decoder) float() (float64, error) {
	if d.kind() == KindInteger {
		off := d.off
		n, err := d.bigInteger()
		if err != nil {
			return 0, err
		}
		f, accuracy := new(big.Float).SetInt(n).Float64()
		if accuracy != big.Exact {
			return 0, mismatch(off, "integer that no float is equal to")
		}
		return f, nil
	}
	r := Reader{data: d.s, off: d.off, lax: d.lax}
	f, err := r.Float()
	d.off = r.off
	return f, err
}

func decFloat64(d *decoder, p ptr) error {
	f, err := d.float()
	if err != nil {
		return err
	}
	*at[float64](p) = f
	return nil
}

func decFloat32(d *decoder, p ptr) error {
	off, isInteger := d.off, d.kind() == KindInteger
	f, err := d.float()
	if err != nil {
		return err
	}
	if isInteger && float64(float32(f)) != f {
		return mismatch(off, "integer that no float32 is equal to")
	}
	if math.IsInf(float64(float32(f)), 0) && !math.IsInf(f, 0) {
		return mismatch(off, "float %g does not fit a Go float32", f)
	}
	*at[float32](p) = float32(f)
	return nil
}

func encFloat64(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return appendFloat(dst, *at[float64](p), e.lax)
}

func encFloat32(e *encoder, dst []byte, p ptr) ([]byte, error) {
	return appendFloat(dst, float64(*at[float32](p)), e.lax)
}
