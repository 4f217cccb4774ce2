package etf

// Valid tells whether data is exactly one term behind the version byte 131,
// with nothing after it, within lim. It says no with a [*SyntaxError] or a
// [*LimitError].
//
// It allocates nothing (save the error, and beyond 64 levels the counts of the
// levels that are open), and time is linear in len(data), whatever lengths the
// data claims. What it accepts, a [Reader] can skip and [Decode] can decode
// with the same limits. Compressed terms are refused. Keys that appear twice in
// a map, which Erlang never writes, are not looked for.
func Valid(data string, lim Limits) error {
	lim = lim.withDefaults()
	if len(data) > lim.MaxBytes {
		return &LimitError{"MaxBytes", lim.MaxBytes, len(data)}
	}
	i, err := afterVersion(data)
	if err != nil {
		return err
	}
	end, err := walk(data, i, lim)
	if err != nil {
		return err
	}
	if end != len(data) {
		return syntax(end, msgTrailing)
	}
	return nil
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

// walk goes over the term at s[i] and finds its end. It keeps its own stack,
// of the counts of terms that are still to come on each level, because the
// depth is the peer's choice and Go's stack is not to be.
func walk(s string, i int, lim Limits) (end int, err error) {
	var space [DefaultMaxDepth]int
	outer := space[:0] // what is left to read on each level around this one
	left := 1          // and on this one
	terms := 1
	for {
		next, kids, err := scan(s, i)
		if err != nil {
			return 0, err
		}
		more := kids
		if s[i] == tagString {
			more = next - i - 3 // its bytes are terms to whoever decodes it
		}
		if more > lim.MaxTerms-terms {
			return 0, &LimitError{"MaxTerms", lim.MaxTerms, terms + more}
		}
		terms += more
		i = next
		left--
		if kids > 0 {
			if len(outer) == lim.MaxDepth {
				return 0, &LimitError{"MaxDepth", lim.MaxDepth, len(outer) + 1}
			}
			outer, left = append(outer, left), kids
			continue
		}
		for left == 0 {
			if len(outer) == 0 {
				return i, nil
			}
			left, outer = outer[len(outer)-1], outer[:len(outer)-1]
		}
	}
}
