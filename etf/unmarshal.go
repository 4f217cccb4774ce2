package etf

import (
	"errors"
	"strings"
	"sync"
)

// Unmarshal reads the term in data into what v points to. The table in the
// package's comment says which term goes into which type. Nothing of data is
// kept: strings and bytes are copied.
//
// What is there already is made use of: a slice of enough capacity is filled, a
// pointer that is not nil is followed, and a field that the term does not name
// stays as it is (see [Options.Fresh]). Elements of slices, arrays and maps begin
// as zero. After an error v may be filled in part.
//
// An error is an [*UnmarshalError], save for a v that is no pointer.
func Unmarshal(data []byte, v any) error {
	return Options{}.Unmarshal(data, v)
}

// Unmarshal is [Unmarshal] with options.
func (o Options) Unmarshal(data []byte, v any) error {
	return unmarshal(viewString(data), v, &o, o.Alias)
}

// UnmarshalString is [Options.Unmarshal] for data that cannot change. Strings in
// v are parts of it, which therefore stays in memory as long as they do.
func (o Options) UnmarshalString(data string, v any) error {
	return unmarshal(data, v, &o, true)
}

// UnmarshalFirst is [Options.Unmarshal] of the term that data begins with, and
// returns how many bytes it took, as if AllowTrailing were set. n is 0 after an
// error.
func (o Options) UnmarshalFirst(data []byte, v any) (n int, err error) {
	o.AllowTrailing = true
	return unmarshalFirst(viewString(data), v, &o, o.Alias)
}

// ErrNotPointer is what Unmarshal says of a v that it could not write to.
var ErrNotPointer = errors.New("etf: Unmarshal into what is no pointer, or a nil one")

func unmarshal(data string, v any, o *Options, shared bool) error {
	_, err := unmarshalFirst(data, v, o, shared)
	return err
}

// unmarshalFirst returns where in data the term ends.
func unmarshalFirst(data string, v any, o *Options, shared bool) (end int, err error) {
	c, p := pointee(v)
	if p == nil {
		return 0, ErrNotPointer
	}
	d := decoders.Get().(*decoder)
	d.begin(data, o, shared)
	end, err = d.all(c, p)
	if err != nil {
		if !d.inflated {
			err = d.opt.beyond(err, len(data))
		}
		err = d.located(err)
		d.path = nil
	}
	d.s = "" // the data is not kept alive
	decoders.Put(d)
	return end, err
}

// An UnmarshalError says where in the data and where in the Go value a term was
// that could not be read. It unwraps to what was wrong: a [*SyntaxError], a
// [*LimitError], a [*KindError], a [*MismatchError], or what a method of the
// value's type said. An offset in it is Offset.
type UnmarshalError struct {
	Offset int    // of the byte, the version byte being 0
	Path   string // such as [2].name, as in a [MarshalError]
	Err    error
}

// Error implements error.
func (e *UnmarshalError) Error() string {
	var b strings.Builder
	b.WriteString("etf: at byte ")
	b.Write(strconvInt(e.Offset))
	if e.Path != "" {
		b.WriteString(", in ")
		b.WriteString(e.Path)
	}
	b.WriteString(": ")
	b.WriteString(bare(e.Err))
	return b.String()
}

// Unwrap returns what was wrong.
func (e *UnmarshalError) Unwrap() error { return e.Err }

// A decoder is one walk over a term. It is used again.
type decoder struct {
	s        string
	off      int
	depth    int    // levels around the next term
	seen     totals // of what was read, and claimed by it
	opt      Options
	lax      lax  // of opt
	shared   bool // strings are parts of s
	inflated bool // s is not the data, but what was inflated of it
	pointers int  // followed to here
	// fresh is more than 0 where a field that the term does not name is emptied.
	fresh int
	// path has the steps to where an error was, the last first.
	path []string
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func (d *decoder) begin(data string, o *Options, shared bool) {
	d.s, d.off, d.depth, d.pointers = data, 0, 0, 0
	d.opt, d.shared, d.inflated, d.fresh = *o, shared, false, 0
	d.opt.Limits = o.withDefaults()
	d.lax = o.lax()
	if o.Fresh {
		d.fresh = 1
	}
}

// all reads the version byte, a term, and the end, and returns where that is in the
// data as it came.
func (d *decoder) all(c *coder, p ptr) (end int, err error) {
	whole := len(d.s)
	if d.s, err = d.opt.cut(d.s); err != nil {
		return 0, err
	}
	if d.opt.isPacked(d.s) {
		if end, err = d.inflate(whole); err != nil {
			return 0, err
		}
	}
	d.seen = totals{terms: 1, bytes: len(d.s)}
	if d.off, err = afterVersion(d.s); err != nil {
		return 0, err
	}
	if err := c.dec(d, p); err != nil {
		return 0, err
	}
	if d.off != len(d.s) && (d.inflated || !d.opt.AllowTrailing) {
		return 0, syntax(d.off, msgTrailing)
	}
	if !d.inflated {
		end = d.off
	}
	return end, nil
}

// inflate puts what a compressed term holds in its place. whole is how many bytes
// the data had before it was cut, end where in it the term ends.
func (d *decoder) inflate(whole int) (end int, err error) {
	s, end, err := inflate(d.s, &d.opt.Limits)
	if err != nil {
		return 0, err
	}
	if end < whole && !d.opt.AllowTrailing {
		return 0, syntax(end, msgTrailing)
	}
	d.s, d.shared, d.inflated = s, true, true // it is ours
	return end, nil
}

// in notes that an error is further in by one step, and hands it on.
func (d *decoder) in(step string, err error) error {
	d.path = append(d.path, step)
	return err
}

// located says where an error is. Errors that know their offset keep it.
func (d *decoder) located(err error) error {
	at := d.off
	switch e := err.(type) {
	case *SyntaxError:
		at = e.Offset
	case *KindError:
		at = e.Offset
	case *LimitError:
		if e.Offset > 0 {
			at = e.Offset
		}
	case *placedError:
		at, err = e.off, e.err
	}
	// What was found in another buffer than the data has that one's offset.
	switch e := err.(type) {
	case *SyntaxError:
		err = &SyntaxError{at, e.Msg}
	case *KindError:
		err = &KindError{at, e.Want, e.Got}
	case *LimitError:
		if e.Offset > 0 {
			err = &LimitError{e.Limit, e.Max, e.Got, at}
		}
	}
	return &UnmarshalError{at, joinPath(d.path), err}
}

// placedError is an error of a term that the decoder has gone past.
type placedError struct {
	off int
	err error
}

func (e *placedError) Error() string { return e.err.Error() }

// bare is an error's sentence without the package's name and the offset, which
// stand at its beginning when it is part of another.
func bare(err error) string {
	switch e := err.(type) {
	case *SyntaxError:
		return e.Msg
	case *KindError:
		return e.Got.String() + " where " + e.Want.String() + " is wanted"
	case *LimitError:
		err = errors.New(e.sentence())
	}
	return strings.TrimPrefix(err.Error(), "etf: ")
}

// kind is the next term's.
func (d *decoder) kind() Kind { return kinds[d.tag()] }

// tag is the next term's, or 0 at the end of the data.
func (d *decoder) tag() byte {
	if d.off < len(d.s) {
		return d.s[d.off]
	}
	return 0
}

// refuse says why the next term is not of the kind wanted.
func (d *decoder) refuse(want Kind) error {
	r := Reader{data: d.s, off: d.off}
	return r.refuse(want)
}

// count adds the next term, which ends at next and holds kids others, to what was
// seen.
func (d *decoder) count(next, kids int) error {
	return d.seen.count(d.s, d.off, next, kids, &d.opt.Limits)
}

// spend adds n bytes to what was allocated.
func (d *decoder) spend(n int) error {
	if n > d.opt.MaxMemory-d.seen.bytes {
		return &LimitError{"MaxMemory", d.opt.MaxMemory, d.seen.bytes + n, d.off}
	}
	d.seen.bytes += n
	return nil
}

// holder reads the header of a term that holds others, and goes in. Whoever
// calls it goes out again, by leave, unless there is an error.
func (d *decoder) holder(want Kind) (kids int, err error) {
	if d.kind() != want {
		return 0, d.refuse(want)
	}
	next, kids, err := scan(d.s, d.off, d.lax)
	if err != nil {
		return 0, err
	}
	if err := d.count(next, kids); err != nil {
		return 0, err
	}
	if kids > 0 {
		if d.depth == d.opt.MaxDepth {
			return 0, &LimitError{"MaxDepth", d.opt.MaxDepth, d.depth + 1, d.off}
		}
	}
	d.depth++
	d.off = next
	return kids, nil
}

func (d *decoder) leave() { d.depth-- }

// skip passes over a term of any kind, which it checks as [Valid] does.
func (d *decoder) skip() error { return d.pass(nil) }

// pass is skip, and adds what it finds to made, if there is one.
func (d *decoder) pass(made *census) error {
	start := d.off
	var space [DefaultMaxDepth]int
	outer, left, pairs := space[:0], 1, 0
	for {
		next, kids, err := scan(d.s, d.off, d.lax)
		if err != nil {
			return err
		}
		if d.s[d.off] == tagMap {
			pairs = max(pairs, kids/2)
		}
		if err := d.count(next, kids); err != nil {
			return err
		}
		if made != nil {
			made[rowOf[d.s[d.off]]]++
		}
		left--
		if kids > 0 {
			if d.depth+len(outer) >= d.opt.MaxDepth {
				return &LimitError{"MaxDepth", d.opt.MaxDepth, d.depth + len(outer) + 1, d.off}
			}
			d.off, outer, left = next, append(outer, left), kids
			continue
		}
		d.off = next
		for left == 0 {
			if len(outer) == 0 {
				return d.unique(start, pairs)
			}
			left, outer = outer[len(outer)-1], outer[:len(outer)-1]
		}
	}
}

func (d *decoder) unique(start, pairs int) error {
	if pairs < 2 || d.opt.AllowDuplicateKeys {
		return nil
	}
	return uniqueKeys(d.s, start)
}

// whole passes over a term and returns its bytes, which may be kept.
func (d *decoder) whole() (string, error) {
	start := d.off
	if err := d.skip(); err != nil {
		return "", err
	}
	return d.keep(d.s[start:d.off]), nil
}

// keep is a part of the data that may be kept.
func (d *decoder) keep(s string) string {
	if d.shared {
		return s
	}
	return strings.Clone(s)
}

// any reads a term as [Decode] does.
func (d *decoder) any() (any, error) {
	start, before, made := d.off, d.seen, census{}
	if err := d.pass(&made); err != nil {
		return nil, err
	}
	term := d.keep(d.s[start:d.off])
	// One term more, which whoever holds this one has counted.
	r := termReader{s: term, elemsLeft: d.seen.terms - before.terms + 1, pairsLeft: d.seen.pairs - before.pairs}
	r.expect(&made)
	return r.term(), nil
}
