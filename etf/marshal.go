package etf

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Marshal returns v as a term, version byte included. The table in the package's
// comment says which term each type is.
//
// An error is a [*MarshalError].
func Marshal(v any) ([]byte, error) {
	return Options{}.AppendMarshal(nil, v)
}

// Marshal is the function [Marshal] with these options.
func (o Options) Marshal(v any) ([]byte, error) {
	return o.AppendMarshal(nil, v)
}

// AppendMarshal appends v as a term, version byte included, and allocates nothing
// where dst has room, v is a pointer, and no Go map or interface is in it. After
// an error dst is returned as it was.
func AppendMarshal(dst []byte, v any) ([]byte, error) {
	return Options{}.AppendMarshal(dst, v)
}

// AppendMarshal is the function [AppendMarshal] with these options.
func (o Options) AppendMarshal(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.opt = o
	out, err := e.dynamic(AppendVersion(dst), v)
	if err != nil {
		slices.Reverse(e.path)
		err = &MarshalError{strings.TrimPrefix(strings.Join(e.path, ""), "."), err}
		out = dst
	}
	e.path, e.depth, e.opt = e.path[:0], 0, Options{}
	encoders.Put(e)
	return out, err
}

// A MarshalError says where in the Go value something was that is no term.
type MarshalError struct {
	Path string // such as [2].name, empty for the whole value
	Err  error
}

// Error implements error.
func (e *MarshalError) Error() string {
	if e.Path == "" {
		return "etf: " + bare(e.Err)
	}
	return "etf: in " + e.Path + ": " + bare(e.Err)
}

// Unwrap returns what was wrong.
func (e *MarshalError) Unwrap() error { return e.Err }

// An encoder is one walk over a Go value. It is used again.
type encoder struct {
	opt   Options
	depth int
	path  []string
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func (e *encoder) in(step string, err error) error {
	e.path = append(e.path, step)
	return err
}

// enter counts a level, which bounds values that hold themselves. Whoever calls
// it takes the level back unless there is an error.
func (e *encoder) enter(dst []byte) ([]byte, error) {
	if e.depth == maxDepth {
		return nil, &LimitError{"depth", maxDepth, maxDepth + 1}
	}
	e.depth++
	return dst, nil
}

func (e *encoder) listHeader(dst []byte, n int) ([]byte, error) {
	if uint64(n) > math.MaxUint32 {
		return nil, errSize
	}
	return e.enter(AppendList(dst, n))
}

// deeper writes what a pointer points to.
func (e *encoder) deeper(c *coder, dst []byte, p ptr) ([]byte, error) {
	dst, err := e.enter(dst)
	if err != nil {
		return nil, err
	}
	dst, err = c.enc(e, dst, p)
	e.depth--
	return dst, err
}

func (e *encoder) appendNil(dst []byte) []byte {
	if e.opt.Nil == "" {
		return AppendAtom(dst, "undefined")
	}
	return AppendAtom(dst, string(e.opt.Nil))
}

// dynamic writes a value whose type is known only now.
func (e *encoder) dynamic(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return e.appendNil(dst), nil
	case Tuple:
		return e.tuple(dst, v)
	case List:
		return e.list(dst, v)
	case Map:
		return e.pairs(dst, v)
	case Improper:
		return e.improper(dst, v)
	case Atom, Binary, Raw, string, []byte, bool, int, int64, float64, Bits, Pid, Port, Ref, Export, Fun:
		w := termWriter{Options: e.opt}
		return w.term(dst, v, 0)
	}
	return e.value(dst, reflect.ValueOf(v))
}

// value writes what reflect has. What is no pointer is copied once, to have an
// address.
func (e *encoder) value(dst []byte, v reflect.Value) ([]byte, error) {
	if !v.IsValid() {
		return e.appendNil(dst), nil
	}
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		if v.IsNil() {
			return e.appendNil(dst), nil
		}
		return e.deeper(coderOf(t.Elem()), dst, addressIn(v))
	}
	copied := reflect.New(t)
	copied.Elem().Set(v)
	return coderOf(t).enc(e, dst, addressIn(copied))
}

func (e *encoder) tuple(dst []byte, v Tuple) (_ []byte, err error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	if dst, err = e.enter(AppendTuple(dst, len(v))); err != nil {
		return nil, err
	}
	if dst, err = e.each(dst, v); err != nil {
		return nil, err
	}
	e.depth--
	return dst, nil
}

func (e *encoder) each(dst []byte, terms []any) (_ []byte, err error) {
	for i, t := range terms {
		if dst, err = e.dynamic(dst, t); err != nil {
			return nil, e.in(index(i), err)
		}
	}
	return dst, nil
}

func (e *encoder) list(dst []byte, v List) (_ []byte, err error) {
	if len(v) == 0 || isString(v) {
		w := termWriter{Options: e.opt}
		return w.list(dst, v, 0)
	}
	if dst, err = e.listHeader(dst, len(v)); err != nil {
		return nil, err
	}
	if dst, err = e.each(dst, v); err != nil {
		return nil, err
	}
	e.depth--
	return AppendNil(dst), nil
}

func (e *encoder) improper(dst []byte, v Improper) (_ []byte, err error) {
	switch v.Tail.(type) {
	case List, Improper:
		return nil, errImproper
	}
	if len(v.Elems) == 0 {
		return nil, errImproper
	}
	if dst, err = e.listHeader(dst, len(v.Elems)); err != nil {
		return nil, err
	}
	if dst, err = e.each(dst, v.Elems); err != nil {
		return nil, err
	}
	dst, err = e.dynamic(dst, v.Tail)
	e.depth--
	return dst, err
}

func (e *encoder) pairs(dst []byte, v Map) (_ []byte, err error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	if dst, err = e.enter(AppendMap(dst, len(v))); err != nil {
		return nil, err
	}
	for _, p := range v {
		if dst, err = e.dynamic(dst, p.Key); err != nil {
			return nil, err
		}
		if dst, err = e.dynamic(dst, p.Value); err != nil {
			return nil, e.in(keyStep(reflect.ValueOf(&p.Key).Elem()), err)
		}
	}
	e.depth--
	return dst, nil
}

func encString(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	return appendBytes(dst, *at[string](p))
}

// encCharlist writes the code points of a string as a list, as Erlang writes
// "abc".
func encCharlist(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	s := *at[string](p)
	n, latin1 := 0, true
	for _, r := range s {
		n++
		latin1 = latin1 && r <= math.MaxUint8
	}
	if !validText(s) {
		return nil, errors.New("charlist of a string that is not UTF-8")
	}
	switch {
	case n == 0:
		return AppendNil(dst), nil
	case latin1 && n <= math.MaxUint16:
		dst = append(dst, tagString, byte(n>>8), byte(n))
		for _, r := range s {
			dst = append(dst, byte(r))
		}
		return dst, nil
	}
	dst = AppendList(dst, n)
	for _, r := range s {
		dst = AppendInt(dst, int64(r))
	}
	return AppendNil(dst), nil
}

// keyTerm is the name of a field as a term.
func (f *field) keyTerm(e *encoder) []byte {
	if f.key == keyAsBinary || f.key == keyByOption && e.opt.BinaryKeys {
		return f.bytes
	}
	return f.atoms
}

// value is where the field's value is, or nil where it is left out.
func (f *field) value(p ptr) ptr {
	q := add(p, f.off)
	if len(f.hops) > 0 {
		q = f.reach(p, false)
	}
	if q == nil || f.omitempty && f.c.empty(q) || f.omitzero && f.zero(q) {
		return nil
	}
	return q
}

// present is how many fields are written.
func (s *structure) present(p ptr) int {
	if s.always {
		return len(s.fields)
	}
	n := 0
	for i := range s.fields {
		if s.fields[i].value(p) != nil {
			n++
		}
	}
	return n
}

func (s *structure) encMap(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	head := len(dst)
	if dst, err = e.enter(AppendMap(dst, 0)); err != nil {
		return nil, err
	}
	n := s.present(p)
	if dst, err = s.encFields(e, dst, p, nil); err != nil {
		return nil, err
	}
	if s.rest != nil {
		more := 0
		if dst, more, err = s.encRest(e, dst, p); err != nil {
			return nil, err
		}
		n += more
	}
	AppendMap(dst[:head], n)
	e.depth--
	return dst, nil
}

func (s *structure) encFields(e *encoder, dst []byte, p ptr, head []byte) (_ []byte, err error) {
	for i := range s.fields {
		f := &s.fields[i]
		q := add(p, f.off)
		if !s.always {
			if q = f.value(p); q == nil {
				continue
			}
		}
		dst = append(append(dst, head...), f.keyTerm(e)...)
		if dst, err = f.c.enc(e, dst, q); err != nil {
			return nil, e.in("."+f.name, err)
		}
	}
	return dst, nil
}

// encRest writes the pairs of the inline map.
func (s *structure) encRest(e *encoder, dst []byte, p ptr) (_ []byte, n int, err error) {
	q := s.rest.reach(p, false)
	if q == nil {
		return dst, 0, nil
	}
	head := len(dst)
	if dst, err = s.rest.c.enc(e, dst, q); err != nil {
		return nil, 0, err
	}
	n = int(be32(string(dst[head+1:head+5]), 0))
	if err := s.clash(string(dst[head:])); err != nil {
		return nil, 0, err
	}
	return append(dst[:head], dst[head+5:]...), n, nil
}

// clash looks for a key of the inline map that a field has as well.
func (s *structure) clash(m string) error {
	r := Reader{data: m}
	n, err := r.Map()
	for range n {
		d := decoder{s: m, off: r.off}
		if name, known, _ := d.name(); known && s.lookup.find(name) >= 0 {
			return errors.New("key of an inline map that is a field's name, " + name)
		}
		_, _ = r.Skip(), r.Skip()
	}
	return err
}

func (s *structure) encTuple(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	n := len(s.fields)
	if s.layout == layoutRecord {
		n++
	}
	if dst, err = e.enter(append(AppendTuple(dst, n), s.tag...)); err != nil {
		return nil, err
	}
	for i := range s.fields {
		f := &s.fields[i]
		q := add(p, f.off)
		if len(f.hops) > 0 {
			q = f.reach(p, false)
		}
		if q == nil {
			dst = e.appendNil(dst)
			continue
		}
		if dst, err = f.c.enc(e, dst, q); err != nil {
			return nil, e.in("."+f.name, err)
		}
	}
	e.depth--
	return dst, nil
}

func (s *structure) encProplist(e *encoder, dst []byte, p ptr) (_ []byte, err error) {
	n := s.present(p)
	var rest []byte
	if s.rest != nil {
		if rest, err = s.restPairs(e, p); err != nil {
			return nil, err
		}
		r := Reader{data: string(rest)}
		for len(rest) > 0 && r.End() != nil {
			if err := r.Skip(); err != nil {
				return nil, err
			}
			n++
		}
	}
	if n == 0 {
		return AppendNil(dst), nil
	}
	if dst, err = e.listHeader(dst, n); err != nil {
		return nil, err
	}
	if dst, err = s.encFields(e, dst, p, pairHead); err != nil {
		return nil, err
	}
	e.depth--
	return AppendNil(append(dst, rest...)), nil
}

var pairHead = AppendTuple(nil, 2)

// restPairs writes the pairs of the inline map as tuples.
func (s *structure) restPairs(e *encoder, p ptr) ([]byte, error) {
	flat, n, err := s.encRest(e, nil, p)
	if err != nil {
		return nil, err
	}
	var out []byte
	r := Reader{data: string(flat)}
	for range n {
		start := r.off
		if err := errors.Join(r.Skip(), r.Skip()); err != nil {
			return nil, err
		}
		out = append(append(out, pairHead...), flat[start:r.off]...)
	}
	return out, nil
}
