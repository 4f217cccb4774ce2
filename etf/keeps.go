package etf

import (
	"reflect"
	"slices"
)

// keeps tells whether a struct of type t, at index in the outermost, has something
// that no term says: fields that are none of it, and pointers on the way to those
// that are.
func (desc *description) keeps(t reflect.Type, index []int) bool {
	for i := range t.NumField() {
		here := append(slices.Clone(index), i)
		whole, part := desc.has(here)
		switch sf := t.Field(i); {
		case whole || sf.Name == "_":
		case !part || sf.Type.Kind() != reflect.Struct:
			return true
		case desc.keeps(sf.Type, here):
			return true
		}
	}
	return false
}

// has tells whether a field of the term is what stands at index, or is within it.
func (desc *description) has(index []int) (whole, part bool) {
	fields := desc.fields
	if desc.rest != nil {
		fields = append(slices.Clone(fields), *desc.rest)
	}
	for _, f := range fields {
		if len(f.index) >= len(index) && slices.Equal(f.index[:len(index)], index) {
			return len(f.index) == len(index), true
		}
	}
	return false, false
}
