package etf

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A layout says what a struct is as a term.
type layout uint8

const (
	layoutMap layout = iota
	layoutTuple
	layoutRecord
	layoutProplist
)

// A field is a field of a struct, or of one that is embedded in it.
type field struct {
	name   string
	index  []int
	typ    reflect.Type
	tagged bool // the name stands in the tag
	form   form

	key       keyForm
	omitempty bool
	omitzero  bool
	inline    bool

	off   uintptr // in the outermost struct
	hops  []hop   // pointers to be followed before off
	c     *coder
	zero  func(p ptr) bool
	atoms []byte // the name as a term, as an atom
	bytes []byte // and as a binary
}

// A hop is an embedded pointer on the way to a field.
type hop struct {
	off  uintptr
	elem reflect.Type
}

type keyForm uint8

const (
	keyByOption keyForm = iota
	keyAsAtom
	keyAsBinary
)

// A description is what the tags of a struct say.
type description struct {
	layout layout
	record string
	key    keyForm
	fields []field
	rest   *field // an inline map, for keys that no field has
}

// describe reads the tags of a struct type.
func describe(t reflect.Type) (*description, error) {
	desc := &description{}
	if err := desc.blank(t); err != nil {
		return nil, err
	}
	all, err := desc.collect(t)
	if err != nil {
		return nil, err
	}
	if desc.fields, err = dominant(t, all); err != nil {
		return nil, err
	}
	if desc.layout == layoutTuple || desc.layout == layoutRecord {
		for _, f := range desc.fields {
			if f.omitempty || f.omitzero {
				return nil, fmt.Errorf("field %s: a tuple's element cannot be omitted", f.name)
			}
		}
		if desc.rest != nil {
			return nil, errors.New("inline map in a tuple")
		}
	}
	return desc, nil
}

// blank reads the tag of the blank field, which speaks of the whole struct.
func (desc *description) blank(t reflect.Type) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, ok := f.Tag.Lookup("etf")
		if f.Name != "_" || !ok {
			continue
		}
		name, opts, _ := strings.Cut(tag, ",")
		if name != "" {
			return fmt.Errorf("tag %q of the blank field: a name, where only options can be", tag)
		}
		for opt := range strings.SplitSeq(opts, ",") {
			if err := desc.option(opt); err != nil {
				return err
			}
		}
	}
	return nil
}

func (desc *description) option(opt string) error {
	record, isRecord := strings.CutPrefix(opt, "record=")
	switch {
	case isRecord && record != "":
		desc.layout, desc.record = layoutRecord, record
	case opt == "tuple":
		desc.layout = layoutTuple
	case opt == "proplist":
		desc.layout = layoutProplist
	case opt == "atom":
		desc.key = keyAsAtom
	case opt == "binary":
		desc.key = keyAsBinary
	default:
		return fmt.Errorf("unknown option %q of the blank field", opt)
	}
	return nil
}

// place is a struct in which fields are looked for.
type place struct {
	typ   reflect.Type
	index []int
	off   uintptr
	hops  []hop
}

// collect returns the fields of a struct and of those embedded in it, the ones
// further out first. A field of a struct that is embedded twice at the same depth
// is there twice.
func (desc *description) collect(t reflect.Type) ([]field, error) {
	var all []field
	seen := map[reflect.Type]bool{}
	for level := []place{{typ: t}}; len(level) > 0; {
		var next []place
		times := timesOf(level)
		for _, p := range level {
			if seen[p.typ] {
				continue
			}
			seen[p.typ] = true
			fields, inner, err := desc.fieldsOf(p)
			if err != nil {
				return nil, err
			}
			all, next = append(all, fields...), append(next, inner...)
			if times[p.typ] > 1 {
				all, next = append(all, fields...), append(next, inner...)
			}
		}
		level = next
	}
	return all, nil
}

// timesOf counts the types of a level.
func timesOf(level []place) map[reflect.Type]int {
	times := map[reflect.Type]int{}
	for _, p := range level {
		times[p.typ]++
	}
	return times
}

// fieldsOf returns the fields of one struct, and the structs embedded in it.
func (desc *description) fieldsOf(p place) (fields []field, within []place, err error) {
	for i := range p.typ.NumField() {
		f, inner, err := desc.look(p, p.typ.Field(i), i)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("field %s: %w", p.typ.Field(i).Name, err)
		case inner != nil:
			within = append(within, *inner)
		case f != nil && f.inline:
			if desc.rest != nil {
				return nil, nil, errors.New("two inline maps")
			}
			desc.rest = f
		case f != nil:
			fields = append(fields, *f)
		}
	}
	return fields, within, nil
}

// look reads one field: it is a field of the term, or a struct whose fields are,
// or neither.
func (desc *description) look(p place, sf reflect.StructField, i int) (*field, *place, error) {
	tag := sf.Tag.Get("etf")
	if tag == "-" || sf.Name == "_" {
		return nil, nil, nil
	}
	f := &field{
		typ: sf.Type, index: append(slices.Clone(p.index), i), key: desc.key,
		off: p.off + sf.Offset, hops: p.hops,
	}
	name, opts, _ := strings.Cut(tag, ",")
	f.name, f.tagged = name, name != ""
	if opts != "" {
		for opt := range strings.SplitSeq(opts, ",") {
			if err := f.option(opt); err != nil {
				return nil, nil, err
			}
		}
	}
	if inner, ok := f.within(p, sf); ok {
		if f.form != (form{}) {
			return nil, nil, errors.New("fields that count as the outer struct's are written as it is")
		}
		return nil, inner, nil
	}
	if !sf.IsExported() {
		return nil, nil, nil
	}
	if err := errors.Join(f.canInline(), f.form.check(f.typ)); err != nil {
		return nil, nil, err
	}
	if f.name == "" {
		f.name = snake(sf.Name)
	}
	return f, nil, nil
}

// canInline says why the pairs of a field that is inline cannot be those of the
// struct: they are written by the map's coder, one behind the other.
func (f *field) canInline() error {
	switch {
	case !f.inline:
	case f.typ.Kind() != reflect.Map && f.typ != reflect.TypeFor[Map]():
		return errors.New("inline is for structs and maps")
	case hasMethods(f.typ):
		return fmt.Errorf("inline is for maps, and %s reads or writes a term by methods of its own", f.typ)
	case f.form != (form{}):
		return errors.New("inline does not go together with an option for how a value is written")
	}
	return nil
}

// within tells whether the fields of a struct's field count as the struct's own.
func (f *field) within(p place, sf reflect.StructField) (*place, bool) {
	t := sf.Type
	isPointer := t.Kind() == reflect.Pointer
	if isPointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || f.tagged || !sf.Anonymous && !f.inline {
		return nil, false
	}
	if isPointer && !sf.IsExported() {
		return nil, false // it could not be set
	}
	inner := &place{t, f.index, f.off, f.hops}
	if isPointer {
		inner.hops = append(slices.Clone(f.hops), hop{f.off, t})
		inner.off = 0
	}
	return inner, true
}

func (f *field) option(opt string) error {
	unit, isUnit := strings.CutPrefix(opt, "unit=")
	switch {
	case isUnit && units[unit] != 0:
		f.form.unit = int64(units[unit])
	case opt == "atom":
		f.key = keyAsAtom
	case opt == "binary":
		f.key = keyAsBinary
	case opt == "omitempty":
		f.omitempty = true
	case opt == "omitzero":
		f.omitzero = true
	case opt == "inline":
		f.inline = true
	case opt == "charlist":
		f.form.charlist = true
	case opt == "iodata":
		f.form.iodata = true
	case opt == "proplist":
		f.form.proplist = true
	case opt == "datetime":
		f.form.datetime = true
	default:
		return fmt.Errorf("unknown option %q", opt)
	}
	return nil
}

// units are Erlang's names for parts of a second.
var units = map[string]time.Duration{
	"second": time.Second, "millisecond": time.Millisecond,
	"microsecond": time.Microsecond, "nanosecond": time.Nanosecond,
}

// dominant leaves one field of each name, as Go's own rules for embedded structs
// and encoding/json have it: the one furthest out; of several there the one
// whose tag has the name; of several of those none. It is an error where these are
// of one struct, which encoding/json has written without them.
func dominant(t reflect.Type, all []field) ([]field, error) {
	byName := map[string][]field{}
	for _, f := range all {
		byName[f.name] = append(byName[f.name], f)
	}
	var kept []field
	for _, f := range all {
		same := byName[f.name]
		best, ok := best(same)
		switch {
		case ok && slices.Equal(best.index, f.index):
			kept = append(kept, f)
		case !ok:
			if err := f.rivals(t, same); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(kept, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return kept, nil
}

// rivals says which of the fields of the same name stands in the same struct as f.
func (f *field) rivals(t reflect.Type, same []field) error {
	last := len(f.index) - 1
	for _, g := range same {
		if len(g.index) == len(f.index) && slices.Equal(g.index[:last], f.index[:last]) && g.index[last] != f.index[last] && g.tagged == f.tagged {
			return fmt.Errorf("fields %s and %s have one name, %s", t.FieldByIndex(f.index).Name, t.FieldByIndex(g.index).Name, f.name)
		}
	}
	return nil
}

func best(fields []field) (field, bool) {
	depth := len(fields[0].index) // they come the ones further out first
	var plain, tagged []field
	for _, f := range fields {
		switch {
		case len(f.index) > depth:
		case f.tagged:
			tagged = append(tagged, f)
		default:
			plain = append(plain, f)
		}
	}
	switch {
	case len(tagged) == 1:
		return tagged[0], true
	case len(tagged) == 0 && len(plain) == 1:
		return plain[0], true
	}
	return field{}, false
}

// isPlural tells whether a word in capitals ends here with an s, as that of URLs.
func isPlural(rest []rune) bool {
	return rest[0] == 's' && (len(rest) == 1 || unicode.IsUpper(rest[1]))
}

// snake is a field's name as Erlang has names: PeerPort is peer_port, HTTPPort
// http_port.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			lowerBefore := !unicode.IsUpper(runes[i-1]) && runes[i-1] != '_'
			lowerAfter := i+1 < len(runes) && unicode.IsLower(runes[i+1]) && runes[i-1] != '_' && !isPlural(runes[i+1:])
			if lowerBefore || lowerAfter {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
