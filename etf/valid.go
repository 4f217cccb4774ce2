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
func Valid(data string, lim Limits) error {
	return Options{Limits: lim}.Valid(data)
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

// walk goes over the term at s[i] and finds its end, and how many pairs its
// largest map has. It keeps its own stack,
// of the counts of terms that are still to come on each level, because the
// depth is the peer's choice and Go's stack is not to be.
func walk(s string, i int, lim Limits) (end, pairs int, err error) {
	var space [DefaultMaxDepth]int
	outer := space[:0] // what is left to read on each level around this one
	left := 1          // and on this one
	terms := 1
	for {
		next, kids, err := scan(s, i)
		if err != nil {
			return 0, 0, err
		}
		more := kids
		switch s[i] {
		case tagString:
			more = next - i - 3 // its bytes are terms to whoever decodes it
		case tagMap:
			pairs = max(pairs, kids/2)
		}
		if more > lim.MaxTerms-terms {
			return 0, 0, &LimitError{"MaxTerms", lim.MaxTerms, terms + more}
		}
		terms += more
		i = next
		left--
		if kids > 0 {
			if len(outer) == lim.MaxDepth {
				return 0, 0, &LimitError{"MaxDepth", lim.MaxDepth, len(outer) + 1}
			}
			outer, left = append(outer, left), kids
			continue
		}
		for left == 0 {
			if len(outer) == 0 {
				return i, pairs, nil
			}
			left, outer = outer[len(outer)-1], outer[:len(outer)-1]
		}
	}
}
