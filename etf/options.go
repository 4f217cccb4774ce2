package etf

// Options decide what is read and what is written where there is more than one
// answer. The zero Options are the strict ones, with the default [Limits]; the
// functions of this package that take no Options use them.
//
// Options are a value: copy them, change the copy, and use both from as many
// goroutines as you like.
type Options struct {
	Limits

	// AllowCompressed has Decode and Valid read a compressed term, as
	// term_to_binary(T, [compressed]) writes it. MaxBytes holds for the term
	// as it came and once more for what it is inflated to. The offset in an
	// error about what was inflated counts from a version byte in front of it.
	// Without it such a term is a [*SyntaxError].
	AllowCompressed bool

	// AllowDuplicateKeys has Decode and Valid accept a map that has a key
	// twice, which binary_to_term refuses; Decode gives both pairs, in their
	// order. It saves the time that the check takes.
	AllowDuplicateKeys bool

	// AllowTrailing has Decode and Valid accept bytes behind the term, and
	// ignore them. [Options.DecodeFirst] says where they begin.
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
	_, _, _, err := o.check(data)
	return err
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
	out, err := appendTerm(dst, term, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func (o Options) decode(data []byte) (term any, n int, err error) {
	o.Limits = o.withDefaults()
	// Before the copy: it is the first thing that is spent.
	if err := o.size(len(data)); err != nil {
		return nil, 0, err
	}
	s, start, n, err := o.check(string(data))
	if err != nil {
		return nil, 0, err
	}
	r := Reader{data: s, off: start}
	term, err = decode(&r)
	if err != nil {
		return nil, 0, err // only a bug could: check has seen all of it
	}
	return term, n, nil
}

func (o Options) size(n int) error {
	// One who looks for the first of several terms does not mind the others.
	if n > o.MaxBytes && !o.AllowTrailing {
		return &LimitError{"MaxBytes", o.MaxBytes, n}
	}
	return nil
}

// check finds the term in data, inflated if it must be: it begins at s[start].
// end is where it ends in data itself.
func (o Options) check(data string) (s string, start, end int, err error) {
	if err := o.size(len(data)); err != nil {
		return "", 0, 0, err
	}
	if len(data) > o.MaxBytes {
		data = data[:o.MaxBytes]
	}
	s = data
	packed := o.AllowCompressed && len(data) > 1 && data[0] == version && data[1] == tagCompressed
	if packed {
		if s, end, err = inflate(data, o.MaxBytes); err != nil {
			return "", 0, 0, err
		}
		if end < len(data) && !o.AllowTrailing {
			return "", 0, 0, syntax(end, msgTrailing)
		}
	}
	if start, err = afterVersion(s); err != nil {
		return "", 0, 0, err
	}
	stop, err := o.checkTerm(s, start, !o.AllowTrailing || packed)
	if !packed {
		end = stop
	}
	return s, start, end, err
}

// checkTerm checks the term at s[i] and finds its end.
func (o Options) checkTerm(s string, i int, whole bool) (end int, err error) {
	end, pairs, err := walk(s, i, o.Limits)
	if err != nil {
		return 0, err
	}
	if whole && end != len(s) {
		return 0, syntax(end, msgTrailing)
	}
	if pairs < 2 || o.AllowDuplicateKeys {
		return end, nil
	}
	return end, uniqueKeys(s, i)
}
