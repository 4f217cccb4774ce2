package peer

import (
	"encoding/binary"
	"fmt"
)

// oddTag finds in a payload what F5 does not let a peer write: a tag that is
// none of its list, an empty list with tag 108, or more than 32 levels. What is
// cut off or has something behind it is the decoder's business.
func oddTag(payload []byte) string {
	if len(payload) == 0 || payload[0] != 131 {
		return ""
	}
	s := tagScan{rest: payload[1:]}
	s.terms(1, 0)
	return s.odd
}

// tag says what stands behind one: an integer of so many bytes, if any, which
// counts bytes or terms, and so many bytes besides.
type tag struct{ count, bytes, terms uint64 }

var tags = map[byte]tag{
	106: {}, 97: {bytes: 1}, 98: {bytes: 4}, 70: {bytes: 8}, 99: {bytes: 31},
	115: {count: 1}, 119: {count: 1}, 110: {count: 1, bytes: 1}, 111: {count: 4, bytes: 1},
	100: {count: 2}, 118: {count: 2}, 107: {count: 2}, 109: {count: 4},
	104: {count: 1, terms: 1}, 105: {count: 4, terms: 1}, 108: {count: 4, terms: 1}, 116: {count: 4, terms: 2},
}

const emptyList = "an empty list with tag 108"

type tagScan struct {
	rest []byte
	odd  string
}

// next takes n bytes, or all there are.
func (s *tagScan) next(n uint64) []byte {
	n = min(n, uint64(len(s.rest)))
	b := s.rest[:n]
	s.rest = s.rest[n:]
	return b
}

func (s *tagScan) terms(n uint64, level int) {
	for ; n > 0 && s.odd == "" && len(s.rest) > 0; n-- {
		s.term(s.next(1)[0], level)
	}
}

// term goes over one term. level is how many terms it is in.
func (s *tagScan) term(code byte, level int) {
	t, known := tags[code]
	var b [8]byte
	copy(b[8-t.count:], s.next(t.count))
	n := binary.BigEndian.Uint64(b[:])
	switch {
	case !known:
		s.odd = fmt.Sprintf("tag %d", code)
	case (t.terms > 0 || code == 107) && level >= maxNesting:
		s.odd = "more than 32 levels"
	case code == 108 && n == 0:
		s.odd = emptyList
	case code == 108:
		s.terms(n+1, level+1)
	case t.terms > 0:
		s.terms(n*t.terms, level+1)
	default:
		s.next(n + t.bytes)
	}
}
