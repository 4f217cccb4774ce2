package etf

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// form is what the tag of a field says about how its value is written.
type form struct {
	charlist bool
	iodata   bool
	proplist bool
	datetime bool
	unit     int64 // nanoseconds of one, 0 for none
}

// check says which of the options in f values of the type t have not.
func (f form) check(t reflect.Type) error {
	can, n := formsOf(t), 0
	for _, option := range []struct {
		name       string
		given, can bool
	}{
		{"charlist", f.charlist, can.charlist},
		{"iodata", f.iodata, can.iodata},
		{"proplist", f.proplist, can.proplist},
		{"datetime", f.datetime, can.datetime},
		{"unit", f.unit != 0, can.unit != 0},
	} {
		if option.given && !option.can {
			return fmt.Errorf("the option %s is not for the Go type %s", option.name, t)
		}
		if option.given {
			n++
		}
	}
	if n > 1 {
		return errors.New("two options for how one value is written")
	}
	return nil
}

// formsOf has the options that there are for values of the type t. What is said
// of a pointer, a slice or an array is said of what is in it.
func formsOf(t reflect.Type) form {
	for range maxNested {
		switch {
		case t.Kind() == reflect.Pointer:
		case t == reflect.TypeFor[time.Time]():
			return form{datetime: true, unit: 1}
		case t == reflect.TypeFor[time.Duration]():
			return form{unit: 1}
		case hasMethods(t) || isDynamic(t):
			return form{}
		case isBytes(t):
			return form{iodata: t.Kind() == reflect.Slice}
		case t.Kind() == reflect.String:
			return form{charlist: true, iodata: true}
		case t.Kind() == reflect.Map || t.Kind() == reflect.Struct:
			return form{proplist: true}
		case t.Kind() != reflect.Slice && t.Kind() != reflect.Array:
			return form{}
		}
		t = t.Elem()
	}
	return form{}
}

// maxNested is how many pointers, slices and arrays within each other are looked
// into: a type may hold itself.
const maxNested = 64

// isBytes tells whether t is a slice or an array of bytes, which is a binary. Bytes
// with methods of their own are elements like any other.
func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) &&
		t.Elem().Kind() == reflect.Uint8 && !hasMethods(t.Elem())
}
