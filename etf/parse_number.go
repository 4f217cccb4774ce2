package etf

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// number reads an integer or float, of which the first digit stands here.
func (p *textParser) number(negative bool) (any, error) {
	at := p.i
	digits := p.digitRun(10)
	switch {
	case p.next("#"):
		return p.based(at, digits, negative)
	case len(p.s)-p.i > 1 && p.s[p.i] == '.' && isDigit(p.s[p.i+1]):
		return p.floating(at, digits, negative)
	}
	return p.integer(digits, 10, negative)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digitRun reads digits, between two of which one underscore may stand, and
// returns them without.
func (p *textParser) digitRun(base int) string {
	at, separators := p.i, false
	for ; p.i < len(p.s); p.i++ {
		c := p.s[p.i]
		if c == '_' && p.i > at && p.i+1 < len(p.s) && digitValue(p.s[p.i+1]) < base && p.s[p.i-1] != '_' {
			separators = true
			continue
		}
		if digitValue(c) >= base {
			break
		}
	}
	if separators {
		return strings.ReplaceAll(p.s[at:p.i], "_", "")
	}
	return p.s[at:p.i]
}

// based reads what is behind the # of 16#FF.
func (p *textParser) based(at int, digits string, negative bool) (any, error) {
	base, err := strconv.Atoi(digits)
	if err != nil || base < 2 || base > 36 {
		return nil, faultf(at, "expected a base from 2 to 36, found %s", p.s[at:min(p.i-1, at+40)])
	}
	digits = p.digitRun(base)
	if digits == "" {
		return nil, faultf(p.i, "expected digits to the base %d, found %s", base, p.found())
	}
	return p.integer(digits, base, negative)
}

func (p *textParser) integer(digits string, base int, negative bool) (any, error) {
	if n, err := strconv.ParseInt(digits, base, 64); err == nil {
		if negative {
			n = -n
		}
		return n, nil
	}
	digits = strings.TrimLeft(digits, "0")
	if least := int(float64(len(digits)-1) * math.Log2(float64(base)) / 8); least > p.lim.MaxBigBytes {
		return nil, &LimitError{"MaxBigBytes", p.lim.MaxBigBytes, least, 0}
	}
	n := bigDigits(digits, base)
	if size := (n.BitLen() + 7) / 8; size > p.lim.MaxBigBytes {
		return nil, &LimitError{"MaxBigBytes", p.lim.MaxBigBytes, size, 0}
	}
	if negative {
		n.Neg(n)
	}
	if n.IsInt64() { // the least of them, or what has many zeros in front
		return n.Int64(), nil
	}
	return n, nil
}

// bigDigits reads the digits of halves, and puts these together, which takes less
// than digit by digit: that would take time that grows with the square of their number.
func bigDigits(digits string, base int) *big.Int {
	const few = 512
	if len(digits) <= few {
		n, _ := new(big.Int).SetString("0"+digits, base)
		return n
	}
	low := few
	power := new(big.Int).Exp(big.NewInt(int64(base)), big.NewInt(few), nil)
	powers := []*big.Int{power}
	for low*2 < len(digits) {
		low *= 2
		power = new(big.Int).Mul(power, power)
		powers = append(powers, power)
	}
	return bigHalves(digits, base, low, powers)
}

// bigHalves splits off the last low digits; powers has base^low last, and those
// of the halves of low before it.
func bigHalves(digits string, base, low int, powers []*big.Int) *big.Int {
	if len(powers) == 0 {
		n, _ := new(big.Int).SetString("0"+digits, base)
		return n
	}
	last := len(powers) - 1
	if len(digits) <= low {
		return bigHalves(digits, base, low/2, powers[:last])
	}
	cut := len(digits) - low
	high := bigHalves(digits[:cut], base, low/2, powers[:last])
	high.Mul(high, powers[last])
	return high.Add(high, bigHalves(digits[cut:], base, low/2, powers[:last]))
}

// floating reads what is behind the digits of a float.
func (p *textParser) floating(at int, digits string, negative bool) (any, error) {
	p.i++
	text := digits + "." + p.digitRun(10)
	if p.next("e") || p.next("E") {
		sign := ""
		if p.next("-") {
			sign = "-"
		} else {
			p.next("+")
		}
		exponent := p.digitRun(10)
		if exponent == "" {
			return nil, p.expected("digits of an exponent")
		}
		text += "e" + sign + exponent
	}
	if negative {
		text = "-" + text
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, faultf(at, "float that is too large")
	}
	return f, nil
}
