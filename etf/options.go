package etf

import "strings"

// Options decide what is read and what is written where there is more than one
// answer. The zero Options are the strict ones, with the default [Limits]; the
// functions of this package that take no Options use them.
//
// Options are a value: copy them, change the copy, and use both from as many
// goroutines as you like.
type Options struct {
	Limits

	// AllowCompressed has Decode, Unmarshal and Valid read a compressed term, as
	// term_to_binary(T, [compressed]) writes it. MaxBytes holds for the term
	// as it came and once more for what it is inflated to. The offset in an
	// error about what was inflated counts from a version byte in front of it.
	// Without it such a term is a [*SyntaxError].
	AllowCompressed bool

	// AllowDuplicateKeys has Decode, Unmarshal, Valid, Append and Marshal accept a
	// map that has a key twice, which binary_to_term refuses; Decode gives both
	// pairs, in their order, and a Go map or struct has the last. It saves the time that the check takes.
	AllowDuplicateKeys bool

	// AllowLocal has Decode and Valid accept data that is a LOCAL_EXT, as
	// term_to_binary(T, [local]) writes it, and Append a [Raw] that is one. It
	// is all that is behind the version byte, whatever that is: only the node
	// that wrote it can read it, or tell where it ends.
	AllowLocal bool

	// Deterministic has Append and Marshal write the pairs of every map in the
	// order that term_to_binary(T, [deterministic]) gives them since OTP 24.1: by
	// their keys in the order of terms, integers before floats. The maps within a
	// [Raw], and those that an [Appender] or a [Marshaler] wrote, are put in order
	// too. Equal terms then have equal bytes. Marshal decodes what it has written
	// to do so, and takes several times as long as without.
	Deterministic bool

	// AllowNonFinite has Decode, Valid, Unmarshal, Append and Marshal accept floats
	// that are not finite: infinities, and NaN with the bits that it has. No Erlang
	// reads a term with one: this is for streams between programs of other languages.
	// NaNs of other bits are other keys of a map, and a Go map takes none from
	// Unmarshal. Text prints what is not finite as #Invalid<...>.
	AllowNonFinite bool

	// AllowNonUTF8Atoms has Decode, Valid, Unmarshal, Append and Marshal accept atoms,
	// and names within pids, funs and their like, that are not UTF-8. Each byte that is
	// none counts as a character. No Erlang reads a term with one; it is for the bytes
	// of other writers, which are kept as they are. Text prints them as #Invalid<...>.
	AllowNonUTF8Atoms bool

	// AllowTrailing has Decode, Unmarshal and Valid accept bytes behind the term,
	// and ignore them: MaxBytes is of the term alone then. [Options.DecodeFirst] says
	// where they begin.
	AllowTrailing bool

	// Alias has Unmarshal share strings with the data that it was given, of
	// every type that is a string underneath, instead of copying them. Whoever
	// writes to the data then changes them. Slices of bytes are copied still,
	// into the capacity they have.
	Alias bool

	// Fresh has Unmarshal empty the fields of a struct that the term does not
	// name, where they stay as they are otherwise. Slices keep their capacity:
	// it is how one value is used for one term after the other.
	Fresh bool

	// RefuseUnknown makes a key that no field of the struct has an error. Without it
	// the pair is skipped. A field that is inline takes such keys either way.
	RefuseUnknown bool

	// AllowInvalidUTF8 has Unmarshal take a binary of any bytes where it goes into a Go
	// string or a map's key that is one. Without it one that is not UTF-8 is a
	// [*MismatchError]. A Binary, a slice of bytes and iodata take any bytes either
	// way, as a binary has no encoding, and AllowNonUTF8Atoms is for atoms.
	AllowInvalidUTF8 bool

	// AnyString has a Go string take a charlist (a list of code points) and an
	// atom's name as well as a binary, as sys.config files mix them.
	AnyString bool

	// BinaryKeys has Marshal write the keys of structs as binaries where their
	// tag does not say atom. Without it they are atoms. Unmarshal takes both.
	BinaryKeys bool

	// Nil is the atom that Marshal writes for a nil pointer or interface:
	// undefined where it is empty, as Erlang has it; Elixir's is nil. Unmarshal
	// takes both of these for a nil pointer, and this one.
	Nil Atom
}

// Valid is the function [Valid] with these options.
func (o Options) Valid(data string) error {
	o.Limits = o.withDefaults()
	_, err := o.check(data)
	return err
}

// NewReader is the function [NewReader] with these options, of which
// AllowNonFinite and AllowNonUTF8Atoms are those that it has a use for.
func (o Options) NewReader(data string) (Reader, error) {
	r, err := NewReader(data)
	r.lax = o.lax()
	return r, err
}

// Decode is the function [Decode] with these options.
func (o Options) Decode(data []byte) (any, error) {
	term, _, err := o.decode(data)
	return term, err
}

// DecodeFirst decodes the term that data begins with, version byte included, and
// returns how many bytes it took. What follows it is not looked at, as if
// AllowTrailing were set.
func (o Options) DecodeFirst(data []byte) (term any, n int, err error) {
	o.AllowTrailing = true
	return o.decode(data)
}

// Append is the function [Append] with these options.
func (o Options) Append(dst []byte, term any) ([]byte, error) {
	e := termWriter{Options: o}
	out, err := e.term(dst, term, 0)
	if err == nil {
		err = e.uniqueKeys(out[len(dst):])
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (o Options) decode(data []byte) (term any, n int, err error) {
	o.Limits = o.withDefaults()
	c, err := o.check(viewString(data))
	if err != nil {
		return nil, 0, err
	}
	if !c.inflated {
		c.s = strings.Clone(c.s[:c.end])
	}
	d := termReader{s: c.s, i: c.start, elemsLeft: c.totals.terms, pairsLeft: c.totals.pairs}
	d.expect(&c.census)
	return d.term(), c.end, nil
}

// cut returns as much of the data as one term may have. One who looks for the
// first of several terms does not mind the others.
func (o *Options) cut(data string) (string, error) {
	if len(data) <= o.MaxBytes {
		return data, nil
	}
	if !o.AllowTrailing {
		return "", &LimitError{"MaxBytes", o.MaxBytes, len(data), 0}
	}
	return data[:o.MaxBytes], nil
}

// beyond is err, or a LimitError where it says that a term goes on beyond what
// cut has left of so many bytes.
func (o *Options) beyond(err error, bytes int) error {
	if bytes > o.MaxBytes && isShort(err) {
		return &LimitError{"MaxBytes", o.MaxBytes, o.MaxBytes + 1, 0}
	}
	return err
}

// checked is a term that a termReader may go over.
type checked struct {
	s        string // the data, inflated if it had to be
	inflated bool   // and so nobody else's
	start    int    // of the term, in s
	end      int    // of the term, in the data as it came
	totals   totals
	census   census
}

func (o *Options) check(data string) (c checked, err error) {
	if c.s, err = o.cut(data); err != nil {
		return c, err
	}
	if !o.isPacked(data) {
		c.end, err = o.checkTerm(&c, o.AllowTrailing)
		return c, o.beyond(err, len(data))
	}
	if c.s, c.end, err = inflate(c.s, &o.Limits); err != nil {
		return c, o.beyond(err, len(data))
	}
	c.inflated = true
	if c.end < len(data) && !o.AllowTrailing {
		return c, syntax(c.end, msgTrailing)
	}
	_, err = o.checkTerm(&c, false)
	return c, err
}

// isPacked tells whether data is a compressed term that may be inflated.
func (o *Options) isPacked(data string) bool {
	return o.AllowCompressed && len(data) > 1 && data[0] == version && data[1] == tagCompressed
}

// checkTerm checks the term behind the version byte and finds its end.
func (o *Options) checkTerm(c *checked, trailing bool) (end int, err error) {
	if c.start, err = afterVersion(c.s); err != nil {
		return 0, err
	}
	if o.AllowLocal && len(c.s) > 1 && c.s[1] == tagLocal {
		return len(c.s), nil
	}
	copied := len(c.s)
	if trailing { // what is behind the term is not copied
		copied = 0
	}
	if end, c.totals, err = walk(c.s, c.start, copied, &o.Limits, o.lax(), &c.census); err != nil {
		return 0, err
	}
	if !trailing && end != len(c.s) {
		return 0, syntax(end, msgTrailing)
	}
	if spent := c.totals.bytes; trailing && end > o.MaxMemory-spent {
		return 0, &LimitError{"MaxMemory", o.MaxMemory, spent + end, c.start}
	}
	if c.totals.most < 2 || o.AllowDuplicateKeys {
		return end, nil
	}
	return end, uniqueKeys(c.s, c.start)
}
