package peer

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/gwport/gwport/etf"
)

// The numbers of the wire that checks go to the edge of.
const (
	MaxCredit     = 1<<31 - 1
	MaxWindow     = 16 << 20
	MaxChunk      = 65_536
	FirstMaxFrame = 1 << 20 // of hello
	MinMaxFrame   = 65_551
	MaxInforms    = 16
	MaxLog        = 65_536
	NoStream      = 255 // in drain: none
	maxNesting    = 32
	maxText       = 1_024
)

// Framed puts a length in front.
func Framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// Payload encodes a term as a payload. The terms are our own, so that a mistake
// in them is a bug. A map that has a key twice is sent to see it refused.
func Payload(term any) []byte {
	b, err := etf.Options{AllowDuplicateKeys: true}.Append(etf.AppendVersion(nil), term)
	if err != nil {
		panic(err)
	}
	return b
}

// Empty is the payload of the kinds that say all by being there.
var Empty = Payload(etf.List{})

// Decode reads a payload. Deeper than the wire allows counts as no term.
func Decode(b []byte) (any, error) {
	return etf.Decode(b, etf.Limits{MaxDepth: maxNesting})
}

// isKeyTwice tells the error of a map that has a key twice, which to the codec is
// no term and to the wire a rule of its own.
func isKeyTwice(err error) bool {
	return err != nil && strings.Contains(err.Error(), "key that is in its map twice")
}

// Pattern is the bytes of a body of which the i-th is i mod 251, from one of them
// on.
func Pattern(from, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte((from + i) % 251)
	}
	return b
}

// isKey tells a key of a map that we have made, or that came.
func isKey(p etf.Pair, key any) bool {
	name, isText := key.(string)
	return p.Key == key || isText && p.Key == etf.Binary(name)
}

// Without is a map that lacks a key.
func Without(m etf.Map, key any) etf.Map {
	return slices.DeleteFunc(slices.Clone(m), func(p etf.Pair) bool { return isKey(p, key) })
}

// Set is a map with other values for some keys, or with keys besides.
func Set(m, values etf.Map) etf.Map {
	m = slices.Clone(m)
	for _, v := range values {
		if i := slices.IndexFunc(m, func(p etf.Pair) bool { return isKey(p, v.Key) }); i >= 0 {
			m[i].Value = v.Value
		} else {
			m = append(m, v)
		}
	}
	return m
}

// Text is the value of a key of a request, hello or ready, if it is a binary.
func Text(m etf.Map, key string) string {
	v, _ := m.Get(etf.Binary(key))
	b, _ := v.(etf.Binary)
	return string(b)
}

// Length is a frame's length alone.
func Length(n int64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
