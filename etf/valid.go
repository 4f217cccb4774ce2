package etf

// Valid tells whether data is exactly one term behind the version byte 131,
// with nothing after it, within lim. It says no with a [*SyntaxError] or a
// [*LimitError].
//
// It allocates nothing for the terms that requests and responses are made of
// (save the error): it does beyond 64 levels, for maps of more than 32 pairs, and
// for keys that are no binaries, atoms or small integers, and then no more than a
// small multiple of len(data). Time is linear in len(data), whatever lengths the
// data claims. What it accepts, a [Reader] can skip and [Decode] can decode with
// the same limits. Compressed terms are refused, and so is a map with a key that
// it has twice, as binary_to_term refuses it.
func Valid[T ~string | ~[]byte](data T, lim Limits) error {
	return Options{Limits: lim}.Valid(view(data))
}

const msgTrailing = "bytes behind the term"

// afterVersion checks the version byte. A compressed term is refused already
// here, where the tag that says so has its only place.
func afterVersion(data string) (int, error) {
	switch {
	case data == "":
		return 0, syntax(0, "no data")
	case data[0] != version:
		return 0, syntax(0, "no version byte 131")
	case len(data) > 1 && data[1] == tagCompressed:
		return 0, syntax(1, msgCompressed)
	}
	return 1, nil
}

// totals are what walk counts.
type totals struct {
	terms int // all of them, the bytes of strings included
	pairs int // of all maps
	most  int // of one map
	atoms int
	bytes int // what Decode will allocate
}

// walk goes over the term at s[i] and finds its end. It keeps its own stack,
// of the counts of terms that are still to come on each level, because the
// depth is the peer's choice and Go's stack is not to be.
//
// copied is how many bytes will be copied of s. What is found is added to made.
func walk(s string, i, copied int, lim *Limits, x lax, made *census) (end int, t totals, err error) {
	var space [DefaultMaxDepth]int
	outer := space[:0] // what is left to read on each level around this one
	left := 1          // and on this one
	t.terms = 1
	t.bytes = copied
	for {
		next, kids, err := scan(s, i, x)
		if err != nil {
			return 0, t, err
		}
		if err := t.count(s, i, next, kids, lim); err != nil {
			return 0, t, err
		}
		made[rowOf[s[i]]]++
		left--
		if kids > 0 {
			if len(outer) == lim.MaxDepth {
				return 0, t, &LimitError{"MaxDepth", lim.MaxDepth, len(outer) + 1, i}
			}
			i, outer, left = next, append(outer, left), kids
			continue
		}
		i = next
		for left == 0 {
			if len(outer) == 0 {
				return i, t, nil
			}
			left, outer = outer[len(outer)-1], outer[:len(outer)-1]
		}
	}
}

// count adds the term at s[i], which ends at next.
func (t *totals) count(s string, i, next, kids int, lim *Limits) error {
	more := kids
	switch tag := s[i]; tag {
	case tagSmallInt, tagBinary, tagInt, tagNil, tagSmallTuple, tagLargeTuple, tagList, tagNewFloat:
	case tagAtom, tagSmallAtom, tagAtomUTF8, tagSmallAtomUTF8:
		t.bytes += 2 * (next - i) // for Latin-1 that is not ASCII
		if t.atoms++; t.atoms > lim.MaxAtoms {
			return &LimitError{"MaxAtoms", lim.MaxAtoms, t.atoms, i}
		}
	case tagString:
		more = next - i - 3 // its bytes are terms to whoever decodes it
	case tagMap:
		t.pairs += kids / 2
		if t.most = max(t.most, kids/2); t.most > lim.MaxPairs {
			return &LimitError{"MaxPairs", lim.MaxPairs, t.most, i}
		}
	case tagSmallBig, tagLargeBig:
		n := bigBytes(s, i, next)
		t.bytes += 3 * n // the digits, and turned round
		if n > lim.MaxBigBytes {
			return &LimitError{"MaxBigBytes", lim.MaxBigBytes, n, i}
		}
	default:
		t.bytes += next - i // where a name or the last of bits must be made anew
	}
	if more > lim.MaxTerms-t.terms {
		return &LimitError{"MaxTerms", lim.MaxTerms, t.terms + more, i}
	}
	t.terms += more
	t.bytes += 16*more + int(boxes[s[i]])
	if t.bytes > lim.MaxMemory {
		return &LimitError{"MaxMemory", lim.MaxMemory, t.bytes, i}
	}
	return nil
}

// bigBytes is how many bytes of digits a big integer has.
func bigBytes(s string, i, next int) int {
	if s[i] == tagLargeBig {
		return next - i - 6
	}
	return next - i - 3
}

// boxes is how many bytes Decode needs for the value of a tag, besides its
// elements and its digits, as Go's allocator rounds them.
var boxes = [256]uint8{
	tagInt: 8, tagNewFloat: 8, tagFloat: 8,
	tagSmallBig: 48, tagLargeBig: 48,
	tagAtom: 16, tagSmallAtom: 16, tagAtomUTF8: 16, tagSmallAtomUTF8: 16,
	tagBinary: 16, tagBitBinary: 32,
	tagSmallTuple: 24, tagLargeTuple: 24, tagList: 48, tagString: 24, tagMap: 24,
	tagPid: 32, tagNewPid: 32, tagPort: 32, tagNewPort: 32, tagV4Port: 32,
	tagRef: 48, tagNewRef: 48, tagNewerRef: 48,
	tagExport: 48, tagNewFun: 112, tagLocal: 16,
}
