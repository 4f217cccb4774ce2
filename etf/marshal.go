package etf

import (
	"math"
	"reflect"
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
	return appendMarshal(dst, v, &Options{})
}

// AppendMarshal is the function [AppendMarshal] with these options.
func (o Options) AppendMarshal(dst []byte, v any) ([]byte, error) {
	return appendMarshal(dst, v, &o)
}

func appendMarshal(dst []byte, v any, o *Options) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.opt, e.lax = *o, o.lax()
	out, err := e.top(append(dst, version), v)
	if err == nil && o.Deterministic {
		out, err = o.inOrder(out, len(dst))
	}
	if err != nil {
		err = &MarshalError{joinPath(e.path), err}
		out, e.path = dst, nil
	}
	e.depth = 0
	encoders.Put(e)
	return out, err
}

// inOrder writes the term that begins at head once more, its maps in order: those
// of structs and Go maps, and those that methods and a Raw wrote.
func (o Options) inOrder(out []byte, head int) ([]byte, error) {
	if out[head+1] == tagLocal {
		return out, nil
	}
	term, err := ours.Decode(out[head:])
	if err != nil {
		return nil, err
	}
	return o.Append(out[:head+1], term)
}

// top writes the outermost value, which is most often a pointer.
func (e *encoder) top(dst []byte, v any) ([]byte, error) {
	if e.opt.Nil != "" && !isAtom(string(e.opt.Nil), e.lax) {
		return nil, errNil
	}
	if c, p := pointee(v); p != nil {
		return c.enc(e, dst, p)
	}
	return e.dynamic(dst, v)
}

// A MarshalError says where in the Go value something was that is no term.
type MarshalError struct {
	// Path has the names that fields have in the term, and the indices and keys of
	// what they are in, such as [2].peer_port. It is empty for the whole value. Of
	// more than 32 steps it has the first and the last 16, and "..." between them.
	Path string
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
	lax   lax // of opt
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
		return nil, &LimitError{"depth", maxDepth, maxDepth + 1, 0}
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
		return e.term(dst, v)
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

// term writes what Append writes, and nothing else can be in.
func (e *encoder) term(dst []byte, v any) ([]byte, error) {
	w := termWriter{Options: e.opt}
	head := len(dst)
	dst, err := w.term(dst, v, e.depth)
	if err == nil {
		err = w.uniqueKeys(dst[head:])
	}
	return dst, err
}

func (e *encoder) pairs(dst []byte, v Map) (_ []byte, err error) {
	if uint64(len(v)) > math.MaxUint32 {
		return nil, errSize
	}
	head := len(dst)
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
	return dst, e.onlyOnce(v, dst[head:])
}

// onlyOnce looks for a key that is twice in a map, whose bytes are in written.
func (e *encoder) onlyOnce(v Map, written []byte) error {
	if len(v) < 2 || e.opt.AllowDuplicateKeys {
		return nil
	}
	twice, sure := hasKeyTwice(v)
	if !sure {
		return uniqueAmong(string(written), 5, len(v))
	}
	if twice {
		return errKeyTwice
	}
	return nil
}
