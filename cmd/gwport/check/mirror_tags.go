package check

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

// count reads a big-endian integer of so many bytes.
func (s *tagScan) count(size uint64) uint64 {
	var b [8]byte
	copy(b[8-size:], s.next(size))
	return binary.BigEndian.Uint64(b[:])
}

func (s *tagScan) terms(n uint64, level int) {
	for ; n > 0 && s.odd == "" && len(s.rest) > 0; n-- {
		s.term(level)
	}
}

// term goes over one term. level is how many terms it is in.
func (s *tagScan) term(level int) {
	tag := s.next(1)[0]
	if isHolder := tag == 104 || tag == 105 || tag == 107 || tag == 108 || tag == 116; isHolder && level >= maxNesting {
		s.odd = "more than 32 levels"
		return
	}
	switch tag {
	case 106:
	case 97:
		s.next(1)
	case 98:
		s.next(4)
	case 70:
		s.next(8)
	case 99:
		s.next(31)
	case 115, 119:
		s.next(s.count(1))
	case 110:
		s.next(s.count(1) + 1)
	case 111:
		s.next(s.count(4) + 1)
	case 100, 118, 107:
		s.next(s.count(2))
	case 109:
		s.next(s.count(4))
	case 104:
		s.terms(s.count(1), level+1)
	case 105:
		s.terms(s.count(4), level+1)
	case 116:
		s.terms(2*s.count(4), level+1)
	case 108:
		s.list(level)
	default:
		s.odd = fmt.Sprintf("tag %d", tag)
	}
}

func (s *tagScan) list(level int) {
	n := s.count(4)
	if n == 0 {
		s.odd = "an empty list with tag 108"
		return
	}
	s.terms(n+1, level+1)
}
