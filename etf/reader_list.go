package etf

// List reads the header of a list and returns the number of its elements. Read
// so many terms, then call EndList: always, also when there are none.
//
// Erlang writes a list of bytes ([1,2,3], "abc") in a form of its own,
// STRING_EXT. It reads the same way, and its elements are integers.
func (r *Reader) List() (n int, err error) {
	switch r.tag() {
	case tagNil: // left for EndList, so that every list has an end to read
		return 0, nil
	case tagList:
		kids, err := r.holder(KindList)
		return max(kids-1, 0), err // without the tail
	case tagString:
		next, _, err := scan(r.data, r.off, r.lax)
		if err != nil {
			return 0, err
		}
		r.off += 3
		r.str = next - r.off + 1
		return r.str - 1, nil
	}
	return 0, r.refuse(KindList)
}

// EndList reads the end of a list whose elements have been read. The list must
// be a proper one.
func (r *Reader) EndList() error {
	switch {
	case r.str == 1:
		r.str = 0
		return nil
	case r.str > 1:
		return syntax(r.off, "more elements in the list")
	case r.tag() == tagNil:
		r.off++
		return nil
	case r.off >= len(r.data):
		return syntax(r.off, msgShort)
	}
	return syntax(r.off, "no end of the list")
}

// AppendIodata reads iodata, which is a binary or a list, proper or not, of
// bytes, binaries and such lists, and appends its bytes to dst. On an error dst
// is returned as it was.
//
// Nesting is not limited, because it costs next to nothing: up to 64 levels no
// memory at all, beyond that less than a level has bytes.
func (r *Reader) AppendIodata(dst []byte) ([]byte, error) {
	if k := r.Kind(); k != KindBinary && k != KindList {
		return dst, r.refuse(KindBinary)
	}
	w := iodata{s: r.data, i: r.off, dst: dst}
	var space [DefaultMaxDepth]uint32
	if err := w.run(space[:0]); err != nil {
		return dst, err
	}
	r.off = w.i
	return w.dst, nil
}

// iodata is one walk over nested lists.
type iodata struct {
	s   string
	i   int
	dst []byte
}

// run reads terms until none is owed. outer has, for each list that is open,
// how many elements are to come before its tail.
func (w *iodata) run(outer []uint32) error {
	for {
		kids, err := w.term()
		if err != nil {
			return err
		}
		if kids > 0 {
			outer = append(outer, uint32(kids-1))
		}
		top := len(outer) - 1
		switch {
		case top < 0:
			return nil
		case outer[top] > 0:
			outer[top]--
		default:
			// The level is closed before its tail is read, so a list that
			// goes on there is no deeper. It may be anything but a byte.
			outer = outer[:top]
			if w.i < len(w.s) && w.s[w.i] == tagSmallInt {
				return syntax(w.i, "byte as the tail of iodata")
			}
		}
	}
}

// term reads one term and returns how many it holds.
func (w *iodata) term() (kids int, err error) {
	next, kids, err := scan(w.s, w.i, 0)
	if err != nil {
		return 0, err
	}
	switch w.s[w.i] {
	case tagBinary:
		w.dst = append(w.dst, w.s[w.i+5:next]...)
	case tagString:
		w.dst = append(w.dst, w.s[w.i+3:next]...)
	case tagNil, tagList:
	case tagSmallInt:
		w.dst = append(w.dst, w.s[w.i+1])
	default:
		return 0, syntax(w.i, "term that is no iodata")
	}
	w.i = next
	return kids, nil
}
