package etf

import (
	"encoding"
	"fmt"
	"reflect"
	"sync"
)

// A coder reads and writes the values of one type. It is made once for each type
// and kept: what a tag says is looked up when it is made, and never again.
type coder struct {
	typ reflect.Type
	dec func(d *decoder, p ptr) error
	enc func(e *encoder, dst []byte, p ptr) ([]byte, error)
	// reset makes the value at p what it was before anything was decoded into
	// it, save that a slice keeps its capacity.
	reset func(p ptr)
	empty func(p ptr) bool // for omitempty
	// pair reads a key and a value into a Go map; other types have none. With
	// first, a key that is there already is passed over.
	pair func(d *decoder, p ptr, first bool) error
	// keeps tells that dec leaves, or sees, something of what was there before.
	keeps bool
}

// coders has the coder of each type that was seen, by the type.
var coders sync.Map

// making is held while coders are made, so that two goroutines do not make the
// same ones. A type that is in others may have several all the same: those that
// were made with them.
var making sync.Mutex

// coderOf returns the coder of t, which it makes if need be.
func coderOf(t reflect.Type) *coder {
	if c, ok := coders.Load(t); ok {
		return c.(*coder)
	}
	making.Lock()
	defer making.Unlock()
	m := maker{made: map[coderKey]*coder{}}
	c := m.coder(t, form{})
	// Only now, that all of them are whole: a type may hold itself.
	for key, made := range m.made {
		if key.form == (form{}) {
			coders.LoadOrStore(key.typ, made)
		}
	}
	return c
}

type coderKey struct {
	typ  reflect.Type
	form form
}

// A maker makes the coder of a type and those of all types in it.
type maker struct {
	made map[coderKey]*coder
}

func (m *maker) coder(t reflect.Type, f form) *coder {
	key := coderKey{t, f}
	if c := m.made[key]; c != nil {
		return c
	}
	c := &coder{typ: t}
	c.reset = func(p ptr) { pointerAt(t, p).Elem().SetZero() }
	c.empty = func(p ptr) bool { return t.Kind() != reflect.Struct && pointerAt(t, p).Elem().IsZero() }
	m.made[key] = c // before what it holds is looked at
	if !m.own(c) && !m.known(c, f) && !m.text(c) {
		m.kind(c, f)
	}
	return c
}

func (m *maker) kind(c *coder, f form) {
	switch c.typ.Kind() {
	case reflect.Bool:
		c.dec, c.enc = decBool, encBool
	case reflect.String:
		makeString(c, f)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		makeInt(c)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		makeUint(c)
	case reflect.Float32:
		c.dec, c.enc = decFloat32, encFloat32
	case reflect.Float64:
		c.dec, c.enc = decFloat64, encFloat64
	case reflect.Pointer:
		m.pointer(c, f)
	case reflect.Interface:
		makeInterface(c)
	case reflect.Slice:
		m.slice(c, f)
	case reflect.Array:
		m.array(c, f)
	case reflect.Map:
		m.mapping(c, f)
	case reflect.Struct:
		m.structure(c, f)
	default:
		unsupported(c, "no term is like it")
	}
}

// unsupported makes c a coder that says why it is none. A type may be in a
// struct that is never read or written where it stands.
func unsupported(c *coder, why string) {
	err := fmt.Errorf("no coder for the Go type %s: %s", c.typ, why)
	c.dec = func(*decoder, ptr) error { return err }
	c.enc = func(*encoder, []byte, ptr) ([]byte, error) { return nil, err }
}

var (
	appenderType   = reflect.TypeFor[Appender]()
	marshalerType  = reflect.TypeFor[Marshaler]()
	readerType     = reflect.TypeFor[TermReader]()
	unmarshalType  = reflect.TypeFor[Unmarshaler]()
	appendTextType = reflect.TypeFor[encoding.TextAppender]()
	textType       = reflect.TypeFor[encoding.TextMarshaler]()
	untextType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// own takes a type that reads or writes its terms itself. One that does only one
// of the two is read or written as its kind is in the other direction.
func (m *maker) own(c *coder) bool {
	if c.typ.Kind() == reflect.Interface || c.typ.Kind() == reflect.Pointer {
		return false
	}
	p := reflect.PointerTo(c.typ)
	reads := p.Implements(readerType) || p.Implements(unmarshalType)
	writes := p.Implements(appenderType) || p.Implements(marshalerType)
	if !reads && !writes {
		return false
	}
	if !reads || !writes {
		m.kind(c, form{})
	}
	switch {
	case p.Implements(readerType):
		c.dec, c.keeps = decReader(c), true
	case reads:
		c.dec, c.keeps = decUnmarshaler(c), true
	}
	switch {
	case p.Implements(appenderType):
		c.enc = encAppender(c)
	case writes:
		c.enc = encMarshaler(c)
	}
	return true
}

// text takes a type that has a text: it is a binary.
func (m *maker) text(c *coder) bool {
	if c.typ.Kind() == reflect.Interface || c.typ.Kind() == reflect.Pointer {
		return false
	}
	p := reflect.PointerTo(c.typ)
	reads := p.Implements(untextType)
	writes := p.Implements(textType) || p.Implements(appendTextType)
	if !reads && !writes {
		return false
	}
	if !reads || !writes {
		m.kind(c, form{})
	}
	if reads {
		c.dec, c.keeps = decText(c), true
	}
	switch {
	case p.Implements(appendTextType):
		c.enc = encAppendText(c)
	case writes:
		c.enc = encText(c)
	}
	return true
}
