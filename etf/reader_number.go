package etf

import (
	"math"
	"math/big"
	"math/bits"
	"strings"
)

// Int reads an integer that fits into an int64. One that does not is a
// [*LimitError]; [Decode] gives it whole.
func (r *Reader) Int() (int64, error) {
	if r.str > 1 {
		b := r.data[r.off]
		r.off++
		r.str--
		return int64(b), nil
	}
	if kinds[r.tag()] != KindInteger {
		return 0, r.refuse(KindInteger)
	}
	next, _, err := scan(r.data, r.off, r.lax)
	if err != nil {
		return 0, err
	}
	var n int64
	switch r.data[r.off] {
	case tagSmallInt:
		n = int64(r.data[r.off+1])
	case tagInt:
		n = int64(int32(be32(r.data, r.off+1)))
	default:
		if n, err = bigAt(r.data, r.off, next).int64(r.off); err != nil {
			return 0, err
		}
	}
	r.off = next
	return n, nil
}

// Float reads a float, in the form of today or in the text of old. An integer
// is not a float in Erlang, nor here.
func (r *Reader) Float() (float64, error) {
	if kinds[r.tag()] != KindFloat {
		return 0, r.refuse(KindFloat)
	}
	next, _, err := scan(r.data, r.off, r.lax)
	if err != nil {
		return 0, err
	}
	var f float64
	if r.data[r.off] == tagNewFloat {
		f, err = newFloat(r.data, r.off, r.lax)
	} else {
		f, err = parseFloat(r.data, r.off)
	}
	r.off = next
	return f, err
}

// bigInt is a big integer as it is written: a sign and the digits to the base
// 256, the least first. Erlang writes 0 or 1 for the sign and no zeros at the
// end. It reads any sign but 0 as a minus, and zeros, which are cut here.
type bigInt struct {
	digits   string
	negative bool
}

// bigAt takes apart the big integer at i, which scan has found to end at next.
func bigAt(s string, i, next int) bigInt {
	h := 3
	if s[i] == tagLargeBig {
		h = 6
	}
	return bigInt{strings.TrimRight(s[i+h:next], "\x00"), s[i+h-1] != 0}
}

// int64 is the integer, which stands at offset, if it fits.
func (b bigInt) int64(offset int) (int64, error) {
	n := len(b.digits)
	if n > 8 {
		return 0, &LimitError{"int64 bits", 63, (n-1)*8 + bits.Len8(b.digits[n-1]), offset}
	}
	var u uint64
	for i := n - 1; i >= 0; i-- {
		u = u<<8 | uint64(b.digits[i])
	}
	switch {
	case b.negative && u <= 1<<63:
		return -int64(u), nil // for 1<<63 the conversion and the minus both wrap, to MinInt64
	case !b.negative && u <= math.MaxInt64:
		return int64(u), nil
	}
	return 0, &LimitError{"int64 bits", 63, bits.Len64(u), offset}
}

func (b bigInt) big() *big.Int {
	le := []byte(b.digits)
	for i, j := 0, len(le)-1; i < j; i, j = i+1, j-1 {
		le[i], le[j] = le[j], le[i]
	}
	n := new(big.Int).SetBytes(le)
	if b.negative {
		n.Neg(n)
	}
	return n
}
