package etf

import (
	"bytes"
	"math"
	"strconv"
)

// float prints the shortest digits that are read back as f, as decimals where
// that is no longer than with an exponent. From 2^53 on not all integers are
// floats, and digits that would say otherwise are not printed.
func (p *printer) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		p.invalid("float that is not finite")
		return
	}
	var space [32]byte
	exponent := withPoint(strconv.AppendFloat(space[:0], f, 'e', -1, 64))
	if math.Abs(f) < 1<<53 && math.Abs(f) >= 1e-10 || f == 0 {
		var space [32]byte
		decimal := strconv.AppendFloat(space[:0], f, 'f', -1, 64)
		if bytes.IndexByte(decimal, '.') < 0 {
			decimal = append(decimal, ".0"...)
		}
		if len(decimal) <= len(exponent) || hasFraction(decimal) && math.Abs(f) >= 0.1 {
			p.dst = append(p.dst, decimal...)
			return
		}
	}
	p.dst = append(p.dst, exponent...)
}

func hasFraction(decimal []byte) bool {
	return !bytes.HasSuffix(decimal, []byte(".0"))
}

// withPoint makes of Go's 1e+05 Erlang's 1.0e5.
func withPoint(b []byte) []byte {
	e := bytes.IndexByte(b, 'e')
	exp, _ := strconv.Atoi(string(b[e+1:])) // of our own making
	point := bytes.IndexByte(b[:e], '.') >= 0
	b = b[:e]
	if !point {
		b = append(b, ".0"...)
	}
	return strconv.AppendInt(append(b, 'e'), int64(exp), 10)
}
