package etf

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scan looks at the term at s[i], without the terms inside it: next is where
// its own bytes end, kids how many terms follow there that belong to it. All
// that can be wrong with a term, save its depth, is found here, so Valid, Skip
// and Decode cannot disagree. kids is never more than the bytes left.
func scan(s string, i int, x lax) (next, kids int, err error) {
	if i >= len(s) {
		return 0, 0, syntax(i, msgShort)
	}
	switch s[i] {
	case tagSmallInt:
		return body(s, i, 1, 1)
	case tagInt:
		return body(s, i, 1, 4)
	case tagBinary:
		return sized32(s, i, 5)
	case tagSmallAtomUTF8, tagAtom, tagAtomUTF8, tagSmallAtom:
		next, err = atomEnd(s, i, x)
		return next, 0, err
	case tagNil:
		return i + 1, 0, nil
	case tagSmallTuple:
		if i+1 >= len(s) {
			return 0, 0, syntax(i, msgShort)
		}
		return holder(s, i, 2, uint64(s[i+1]))
	case tagLargeTuple:
		return holder32(s, i, 1, 0)
	case tagList:
		return holder32(s, i, 1, 1)
	case tagMap:
		return holder32(s, i, 2, 0)
	case tagString:
		if len(s)-i < 3 {
			return 0, 0, syntax(i, msgShort)
		}
		return body(s, i, 3, int(be16(s, i+1)))
	case tagNewFloat:
		return scanNewFloat(s, i, x)
	}
	return scanRare(s, i, x)
}

// scanRare is scan for the tags that requests and responses do not have.
func scanRare(s string, i int, x lax) (next, kids int, err error) {
	switch s[i] {
	case tagSmallBig:
		if len(s)-i < 3 {
			return 0, 0, syntax(i, msgShort)
		}
		return body(s, i, 3, int(s[i+1]))
	case tagLargeBig:
		return sized32(s, i, 6)
	case tagFloat:
		if next, _, err = body(s, i, 1, 31); err == nil {
			_, err = parseFloat(s, i)
		}
		return next, 0, err
	case tagBitBinary:
		return scanBits(s, i)
	case tagPid, tagNewPid, tagPort, tagNewPort, tagV4Port, tagRef:
		next, err = nodeEnd(s, i, i+1, nodeTail(s[i]), x)
		return next, 0, err
	case tagNewRef, tagNewerRef:
		next, err = refEnd(s, i, x)
		return next, 0, err
	case tagExport:
		next, err = exportEnd(s, i, x)
		return next, 0, err
	case tagNewFun:
		return scanFun(s, i, x)
	case tagCompressed:
		return 0, 0, syntax(i, msgCompressed)
	}
	return 0, 0, syntax(i, msgTag)
}

// body is a term of a header of h bytes and n more.
func body(s string, i, h, n int) (next, kids int, err error) {
	if len(s)-i-h < n {
		return 0, 0, syntax(i, msgShort)
	}
	return i + h + n, 0, nil
}

// sized32 is a term whose length stands in the four bytes behind its tag.
func sized32(s string, i, h int) (next, kids int, err error) {
	if len(s)-i < h {
		return 0, 0, syntax(i, msgShort)
	}
	n := be32(s, i+1)
	if uint64(n) > uint64(len(s)-i-h) {
		return 0, 0, syntax(i, msgLength)
	}
	return i + h + int(n), 0, nil
}

// holder32 is a term that holds n*each+more others, n standing in the four
// bytes behind its tag.
func holder32(s string, i, each, more int) (next, kids int, err error) {
	if len(s)-i < 5 {
		return 0, 0, syntax(i, msgShort)
	}
	return holder(s, i, 5, uint64(be32(s, i+1))*uint64(each)+uint64(more))
}

// holder is a term of h bytes of its own that holds n others. A term takes at
// least a byte, which is what makes a lying count show at once.
func holder(s string, i, h int, n uint64) (next, kids int, err error) {
	if n > uint64(len(s)-i-h) {
		return 0, 0, syntax(i, msgCount)
	}
	return i + h, int(n), nil
}

func scanNewFloat(s string, i int, x lax) (next, kids int, err error) {
	if len(s)-i < 9 {
		return 0, 0, syntax(i, msgShort)
	}
	if _, err = newFloat(s, i, x); err != nil {
		return 0, 0, err
	}
	return i + 9, 0, nil
}

// newFloat reads the eight bytes behind the tag at i. Erlang has neither NaN
// nor infinity, and refuses them.
func newFloat(s string, i int, x lax) (float64, error) {
	f := math.Float64frombits(be64(s, i+1))
	if x&laxFloats == 0 && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return 0, syntax(i, "float that is not finite")
	}
	return f, nil
}

// floatText is what Erlang reads as the text of a float, where ParseFloat alone
// would take "1", ".5", "inf", "0x1p-2" and "1_0" as well.
var floatText = regexp.MustCompile(`^[+-]?[0-9]+\.[0-9]+([eE][+-]?[0-9]+)?$`)

// parseFloat reads the 31 bytes behind the tag at i: what sprintf "%.20e"
// wrote, then at least one zero.
func parseFloat(s string, i int) (float64, error) {
	text := s[i+1 : i+32]
	end := max(0, strings.IndexByte(text, 0))
	text, pad := text[:end], text[end:]
	if !floatText.MatchString(text) || strings.Trim(pad, "\x00") != "" {
		return 0, syntax(i, "float whose text is not a number")
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, syntax(i, "float whose text is not a finite number")
	}
	return f, nil
}

func scanBits(s string, i int) (next, kids int, err error) {
	if next, _, err = sized32(s, i, 6); err != nil {
		return 0, 0, err
	}
	// The bits of the last byte: 1 to 8, or 0 where there is no byte.
	if bits := s[i+5]; bits > 8 || (bits == 0) != (next == i+6) {
		return 0, 0, syntax(i, "bit string with a wrong count of bits")
	}
	return next, 0, nil
}

// atomText finds the name of the atom at i. Its length is checked, its
// characters are not.
func atomText(s string, i int) (text string, next int, err error) {
	h, n := 0, 0
	switch {
	case i >= len(s):
	case s[i] == tagSmallAtomUTF8 || s[i] == tagSmallAtom:
		if h = 2; i+1 < len(s) {
			n = int(s[i+1])
		}
	case s[i] == tagAtom || s[i] == tagAtomUTF8:
		if h = 3; i+2 < len(s) {
			n = int(be16(s, i+1))
		}
	default:
		return "", 0, syntax(i, "no atom where the format wants one")
	}
	if h == 0 || len(s)-i-h < n {
		return "", 0, syntax(i, msgShort)
	}
	return s[i+h : i+h+n], i + h + n, nil
}

// atomEnd checks the atom at i and finds its end. An atom has at most 255
// characters, in Latin-1 or UTF-8 as the tag says.
func atomEnd(s string, i int, x lax) (next int, err error) {
	text, next, err := atomText(s, i)
	if err != nil {
		return 0, err
	}
	if s[i] == tagAtomUTF8 || s[i] == tagSmallAtomUTF8 {
		if x&laxAtoms == 0 && !utf8.ValidString(text) {
			return 0, syntax(i, "atom that is not UTF-8")
		}
		if len(text) > maxAtom && utf8.RuneCountInString(text) > maxAtom {
			return 0, syntax(i, msgAtom)
		}
	} else if len(text) > maxAtom {
		return 0, syntax(i, msgAtom)
	}
	return next, nil
}

const (
	maxAtom = 255 // characters, MAX_ATOM_CHARACTERS in OTP
	msgAtom = "atom of more than 255 characters"
)

func be16(s string, i int) uint16 {
	return uint16(s[i])<<8 | uint16(s[i+1])
}

func be32(s string, i int) uint32 {
	return uint32(s[i])<<24 | uint32(s[i+1])<<16 | uint32(s[i+2])<<8 | uint32(s[i+3])
}

func be64(s string, i int) uint64 {
	return uint64(be32(s, i))<<32 | uint64(be32(s, i+4))
}
