package etf

import "unicode/utf8"

// A Reader goes over a term from left to right. A caller who knows what he
// expects asks for it, and gets an error if something else stands there; the
// cursor then has not moved. Nothing is copied and nothing allocated: binaries
// and atoms are substrings of the data (which therefore stays in memory as long
// as they do).
//
// A Reader is safe on any bytes, whether or not [Valid] has seen them; on bytes
// that Valid accepted, the only errors are a [*KindError], a [*LimitError] of
// Int, and those of asking for more terms than there are. It sees one term after
// the other, so that a key that a map has twice is for Valid to find, or for the
// caller.
//
// A copy of a Reader is a place to come back to. The zero Reader has no data.
type Reader struct {
	data string
	off  int
	// str is 1 + the bytes left of the STRING_EXT being read as a list, and 0
	// outside of one. No other list needs a state: its elements are terms.
	str int
	lax lax
}

// NewReader returns a Reader that stands on the term in data, behind the
// version byte. It checks no more than that byte. Bytes are not copied: whoever
// writes to them changes what the Reader has returned.
func NewReader[T ~string | ~[]byte](data T) (Reader, error) {
	s := view(data)
	off, err := afterVersion(s)
	if err != nil {
		return Reader{}, err
	}
	return Reader{data: s, off: off}, nil
}

// Offset returns where in the data the cursor stands, the version byte being 0.
func (r *Reader) Offset() int { return r.off }

// Kind tells what comes next, and moves nothing. It looks at one byte only.
func (r *Reader) Kind() Kind {
	if r.str > 1 {
		return KindInteger
	}
	return kinds[r.tag()]
}

// tag is the next term's tag, or 0, which is none, where no term can be: at the
// end of the data and anywhere in a string.
func (r *Reader) tag() byte {
	if r.str != 0 || r.off >= len(r.data) {
		return 0
	}
	return r.data[r.off]
}

// refuse says why the next term is not of the kind wanted.
func (r *Reader) refuse(want Kind) error {
	got := r.Kind()
	switch {
	case got != KindNone:
		return &KindError{r.off, want, got}
	case r.str != 0:
		return syntax(r.off, msgListEnd)
	case r.off >= len(r.data):
		return syntax(r.off, msgShort)
	case r.data[r.off] == tagCompressed:
		return syntax(r.off, msgCompressed)
	}
	return syntax(r.off, msgTag)
}

// holder reads the header of a term that holds others.
func (r *Reader) holder(want Kind) (kids int, err error) {
	if kinds[r.tag()] != want {
		return 0, r.refuse(want)
	}
	next, kids, err := scan(r.data, r.off, r.lax)
	if err != nil {
		return 0, err
	}
	r.off = next
	return kids, nil
}

// Tuple reads the header of a tuple and returns its arity; so many terms follow.
func (r *Reader) Tuple() (arity int, err error) {
	return r.holder(KindTuple)
}

// Map reads the header of a map and returns the number of its pairs; so many
// times a key and a value follow.
func (r *Reader) Map() (pairs int, err error) {
	kids, err := r.holder(KindMap)
	return kids / 2, err
}

// Binary reads a binary, as a part of the data.
func (r *Reader) Binary() (string, error) {
	if r.tag() != tagBinary {
		return "", r.refuse(KindBinary)
	}
	next, _, err := sized32(r.data, r.off, 5)
	if err != nil {
		return "", err
	}
	b := r.data[r.off+5 : next]
	r.off = next
	return b, nil
}

// Atom reads an atom and returns its name in UTF-8, whichever of the four
// encodings it has: OTP 26 and later write UTF-8, OTP 25 Latin-1 where that is
// enough. Only a Latin-1 name that is not ASCII is copied.
func (r *Reader) Atom() (string, error) {
	if kinds[r.tag()] != KindAtom {
		return "", r.refuse(KindAtom)
	}
	next, err := atomEnd(r.data, r.off, r.lax)
	if err != nil {
		return "", err
	}
	name, _, _ := atomText(r.data, r.off)
	if tag := r.data[r.off]; tag == tagAtom || tag == tagSmallAtom {
		name = fromLatin1(name)
	}
	r.off = next
	return name, nil
}

func fromLatin1(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			b := make([]byte, 0, 2*len(s))
			for j := range len(s) {
				b = utf8.AppendRune(b, rune(s[j]))
			}
			return string(b)
		}
	}
	return s
}

// Skip passes over one term, whatever it is and however deep. It takes neither
// stack nor heap: to find the end, a count of the terms to come is enough.
func (r *Reader) Skip() error {
	if r.str > 1 {
		r.off++
		r.str--
		return nil
	}
	if r.str == 1 {
		return syntax(r.off, msgListEnd)
	}
	off := r.off
	for left := 1; left > 0; left-- {
		next, kids, err := scan(r.data, off, r.lax)
		if err != nil {
			return err
		}
		if kids > len(r.data)-next-(left-1) {
			return syntax(off, msgCount)
		}
		left += kids
		off = next
	}
	r.off = off
	return nil
}

// End tells whether all of the data has been read.
func (r *Reader) End() error {
	if r.str != 0 || r.off != len(r.data) {
		return syntax(r.off, msgTrailing)
	}
	return nil
}
