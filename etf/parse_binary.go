package etf

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// binary reads <<...>>, whose segments are integers, floats and strings, with sizes
// and types, of which none is a binary itself.
func (p *textParser) binary() (any, error) {
	if len(p.s)-p.i > 1 && isDigit(p.s[p.i+1]) {
		return nil, faultf(p.i, "<%s...> is no term that can be read: a pid means something only to the node it comes from", p.s[p.i+1:p.i+2])
	}
	if !p.next("<<") {
		return nil, p.expected(`"<<" of a binary`)
	}
	var b bitBuffer
	if p.space(); p.next(">>") {
		return Binary(""), nil
	}
	for {
		if err := p.segment(&b); err != nil {
			return nil, err
		}
		if p.space(); p.next(">>") {
			return b.term(), nil
		}
		if !p.next(",") {
			return nil, p.expected(`"," or ">>"`)
		}
	}
}

// bitBuffer gathers bits. Those of the last byte that are none yet are zero.
type bitBuffer struct {
	bytes []byte
	free  int // bits of the last byte that are none yet
}

func (b *bitBuffer) addBytes(s []byte) {
	if b.free == 0 {
		b.bytes = append(b.bytes, s...)
		return
	}
	for _, c := range s {
		b.addBits(c, 8)
	}
}

// addBits adds the lowest n bits of c, which are 8 at most.
func (b *bitBuffer) addBits(c byte, n int) {
	c <<= 8 - n
	if b.free > 0 {
		b.bytes[len(b.bytes)-1] |= c >> (8 - b.free)
		if n <= b.free {
			b.free -= n
			return
		}
		c <<= b.free
		n -= b.free
		b.free = 0
	}
	if n > 0 {
		b.bytes = append(b.bytes, c)
		b.free = 8 - n
	}
}

func (b *bitBuffer) term() any {
	if b.free == 0 {
		return Binary(b.bytes)
	}
	return Bits{Binary(b.bytes), uint8(8 - b.free)}
}

// segmentType is what stands behind a segment's value.
type segmentType struct {
	at     int
	size   int // -1: not given
	unit   int // 0: not given
	kind   string
	little bool
}

// segment reads a value, its size and its type.
func (p *textParser) segment(b *bitBuffer) error {
	p.space()
	at := p.i
	value, err := p.segmentValue()
	if err != nil {
		return err
	}
	p.space()
	if n, ok := value.(int64); ok && p.i < len(p.s) && p.s[p.i] != ':' && p.s[p.i] != '/' {
		// What printed binaries are made of.
		if err := p.spend(1); err != nil {
			return err
		}
		b.addBits(byte(n), 8)
		return nil
	}
	t := segmentType{at: at, size: -1, kind: "integer"}
	if p.next(":") {
		if err := p.segmentSize(&t); err != nil {
			return err
		}
	}
	if p.space(); p.next("/") {
		if err := p.segmentTypes(&t); err != nil {
			return err
		}
	}
	text, ok := value.(string)
	if !ok {
		return p.addValue(b, value, &t)
	}
	if t.kind == "integer" && t.size < 0 && p.plain(text) {
		return p.addText(b, text)
	}
	for _, c := range text {
		if err := p.addValue(b, int64(c), &t); err != nil {
			return err
		}
	}
	return nil
}

// plain tells whether a string is the same byte by byte as it is in UTF-8.
func (p *textParser) plain(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (p *textParser) addText(b *bitBuffer, text string) error {
	if err := p.spend(len(text)); err != nil {
		return err
	}
	b.addBytes([]byte(text))
	return nil
}

// spend counts bytes of binaries, before they are there.
func (p *textParser) spend(n int) error {
	if n < 0 || n > p.lim.MaxBytes-p.bytes {
		return &LimitError{"MaxBytes", p.lim.MaxBytes, p.bytes + n, 0}
	}
	p.bytes += n
	return nil
}

func (p *textParser) segmentValue() (any, error) {
	if p.i >= len(p.s) {
		return nil, p.expected("an integer, a float or a string")
	}
	switch c := p.s[p.i]; {
	case c == '"':
		return p.strings()
	case isDigit(c):
		return p.number(false)
	case c == '-', c == '+':
		return p.signed()
	case c == '$':
		n, err := p.dollar()
		return int64(n), err
	}
	return nil, p.expected("an integer, a float or a string")
}

func (p *textParser) segmentSize(t *segmentType) error {
	p.space()
	at := p.i
	if p.i >= len(p.s) || !isDigit(p.s[p.i]) {
		return p.expected("a size")
	}
	n, err := p.number(false)
	if err != nil {
		return err
	}
	size, ok := n.(int64)
	switch n.(type) {
	case float64:
		return faultf(at, "expected a size, found a float")
	case *big.Int:
		size = math.MaxInt64
	}
	if !ok || size/8 > int64(p.lim.MaxBytes) || size > math.MaxInt {
		return &LimitError{"MaxBytes", p.lim.MaxBytes, int(min(size/8, math.MaxInt)), 0}
	}
	t.size = int(size)
	return nil
}

// groups are the words of types; of each group one word may stand in a type, and
// a word any number of times.
var groups = map[string]string{
	"integer": "type", "float": "type", "utf8": "type", "utf16": "type", "utf32": "type",
	"signed": "sign", "unsigned": "sign", "big": "order", "little": "order",
}

func (p *textParser) segmentTypes(t *segmentType) error {
	seen := make(map[string]string)
	for {
		p.space()
		at := p.i
		word := p.name()
		group := groups[word]
		if word == "unit" {
			group = word
		}
		switch {
		case group == "":
			p.i = at
			return p.expected("integer, float, utf8, utf16, utf32, signed, unsigned, big, little or unit")
		case seen[group] != "" && (seen[group] != word || group == "unit"):
			return faultf(at, "%q contradicts %q in a segment's type", word, seen[group])
		}
		seen[group] = word
		switch group {
		case "type":
			t.kind = word
		case "order":
			t.little = word == "little"
		case "unit":
			if err := p.segmentUnit(t); err != nil {
				return err
			}
		}
		if p.space(); !p.next("-") {
			return nil
		}
	}
}

func (p *textParser) segmentUnit(t *segmentType) error {
	if p.space(); !p.next(":") {
		return p.expected(`":" behind unit`)
	}
	p.space()
	at := p.i
	unit, err := strconv.Atoi(p.digitRun(10))
	if err != nil || unit < 1 || unit > 256 {
		return faultf(at, "expected a unit from 1 to 256")
	}
	t.unit = unit
	return nil
}

// addValue adds an int64, a *big.Int or a float64 as its type says.
func (p *textParser) addValue(b *bitBuffer, value any, t *segmentType) error {
	if strings.HasPrefix(t.kind, "utf") {
		return p.addCharacter(b, value, t)
	}
	if t.unit != 0 && t.size < 0 {
		return faultf(t.at, "segment with a unit and no size")
	}
	size := t.size
	switch {
	case size < 0 && t.kind == "float":
		size = 64
	case size < 0:
		size = 8
	}
	size, err := p.bits(size, max(t.unit, 1))
	if err != nil {
		return err
	}
	if t.kind == "float" {
		return addFloat(b, value, size, t)
	}
	switch v := value.(type) {
	case int64:
		addInteger(b, big.NewInt(v), size, t.little)
	case *big.Int:
		addInteger(b, v, size, t.little)
	default:
		return faultf(t.at, "float in a segment for an integer; a float's has /float")
	}
	return nil
}

// mostBytes is how long a binary can be in the external format.
const mostBytes = math.MaxUint32

// bits is how many bits a segment of so many units has. They are counted as
// bytes, before they are there.
func (p *textParser) bits(size, unit int) (int, error) {
	high, low := bits.Mul64(uint64(size), uint64(unit))
	if high != 0 {
		low = math.MaxUint64
	}
	if bytes := low/8 + min(low%8, 1); bytes > min(mostBytes, math.MaxInt/8) {
		return 0, &LimitError{"MaxBytes", int(min(uint64(p.lim.MaxBytes), mostBytes)), int(min(bytes, math.MaxInt)), 0}
	}
	return int(low), p.spend(int(low+7) / 8)
}

// addInteger adds the lowest bits of n, as many as size says.
func addInteger(b *bitBuffer, n *big.Int, size int, little bool) {
	bytes := make([]byte, (size+7)/8)
	if n.Sign() < 0 || n.BitLen() > size {
		n = new(big.Int).And(n, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(size)), big.NewInt(1)))
	}
	n.FillBytes(bytes)
	odd := size % 8
	switch {
	case !little && odd == 0:
		b.addBytes(bytes)
	case !little:
		b.addBits(bytes[0], odd)
		b.addBytes(bytes[1:])
	default:
		for i := len(bytes) - 1; i >= 0; i-- {
			if i == 0 && odd != 0 {
				b.addBits(bytes[0], odd)
				return
			}
			b.addBits(bytes[i], 8)
		}
	}
}

func addFloat(b *bitBuffer, value any, size int, t *segmentType) error {
	var f float64
	switch v := value.(type) {
	case float64:
		f = v
	case int64:
		f = float64(v)
	case *big.Int:
		f, _ = new(big.Float).SetInt(v).Float64()
	}
	var bytes []byte
	switch size {
	case 64:
		bytes = binary.BigEndian.AppendUint64(nil, math.Float64bits(f))
	case 32:
		f = float64(float32(f))
		bytes = binary.BigEndian.AppendUint32(nil, math.Float32bits(float32(f)))
	default:
		return faultf(t.at, "float of %d bits, expected 32 or 64", size)
	}
	if math.IsInf(f, 0) {
		return faultf(t.at, "number that is too large for a float of %d bits", size)
	}
	if t.little {
		reverse(bytes)
	}
	b.addBytes(bytes)
	return nil
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

// addCharacter adds a character in UTF-8, UTF-16 or UTF-32.
func (p *textParser) addCharacter(b *bitBuffer, value any, t *segmentType) error {
	n, ok := value.(int64)
	switch {
	case t.size >= 0 || t.unit != 0:
		return faultf(t.at, "segment of %s with a size", t.kind)
	case !ok || n < 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)):
		return faultf(t.at, "segment of %s that is no character", t.kind)
	}
	if err := p.spend(utf8.UTFMax); err != nil {
		return err
	}
	var bytes []byte
	switch t.kind {
	case "utf8":
		b.addBytes(utf8.AppendRune(nil, rune(n)))
		return nil
	case "utf16":
		for _, u := range utf16.AppendRune(nil, rune(n)) {
			pair := binary.BigEndian.AppendUint16(nil, u)
			if t.little {
				reverse(pair)
			}
			bytes = append(bytes, pair...)
		}
	default:
		bytes = binary.BigEndian.AppendUint32(nil, uint32(n))
		if t.little {
			reverse(bytes)
		}
	}
	b.addBytes(bytes)
	return nil
}
