package etf

import (
	"reflect"
	"sync/atomic"
	"unsafe"
)

// All that is unsafe in this package stands in this file. Marshal and Unmarshal
// go to the fields of a struct and the elements of a slice by their addresses,
// which are known once the type is: reflect.Value does the same, and pays for
// each step with a check of what cannot have changed. That check is most of what
// decoding a request would cost.
//
// The rules that make it sound: a ptr is made from a value that reflect has, and
// never from a number; it is moved only within the type it points to, by offsets
// that reflect gives; and each coder is called with an address of the type it was
// made for, which [coderOf] alone decides.

// ptr is the address of a value whose type the coder that holds it knows.
type ptr = unsafe.Pointer

// at is the value of type T at p.
func at[T any](p ptr) *T { return (*T)(p) }

// add is p, off bytes further on in the same value.
func add(p ptr, off uintptr) ptr { return unsafe.Add(p, off) }

// addressIn is the address that v, a pointer, holds.
func addressIn(v reflect.Value) ptr { return v.UnsafePointer() }

// pointerAt is a pointer to the value at p, as reflect has it.
func pointerAt(t reflect.Type, p ptr) reflect.Value { return reflect.NewAt(t, p) }

// sliceHeader is what every slice begins with, whatever its elements are.
type sliceHeader struct {
	data     ptr
	len, cap int
}

// viewString is b as a string, without a copy. It holds as long as nobody writes to b.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// view is data as a string, without a copy, as viewString is.
func view[T ~string | ~[]byte](data T) string {
	// Both begin with an address and a length.
	return *(*string)(ptr(&data))
}

// pointee returns the coder of what v points to, and the address; nil if v is no
// pointer, or a nil one.
func pointee(v any) (*coder, ptr) {
	e := (*emptyInterface)(ptr(&v))
	slot := &recent[uintptr(e.typ)>>6%uintptr(len(recent))]
	if last := slot.Load(); last != nil && last.typ == e.typ {
		return last.elem, e.data
	}
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer {
		return nil, nil
	}
	c := coderOf(t.Elem())
	slot.Store(&pointerType{e.typ, c})
	return c, e.data
}

// emptyInterface is what every interface without methods is: the address of its
// type, and for a pointer the pointer itself.
type emptyInterface struct{ typ, data ptr }

// typeWord is the address of v's type.
func typeWord(v any) ptr { return (*emptyInterface)(ptr(&v)).typ }

// boxed is the interface that Go makes of a value of the type that word is of, save
// that it holds p itself, where Go would hold a copy. Nobody writes to the value
// at p from then on: what an interface holds never changes.
func boxed(word, p ptr) (v any) {
	*(*emptyInterface)(ptr(&v)) = emptyInterface{word, p}
	return v
}

// recent has the types of pointers that were asked for last, where the address of
// the type says: [coders] is found by a hash, which takes longer than the rest of
// a small term.
var recent [64]atomic.Pointer[pointerType]

type pointerType struct {
	typ  ptr
	elem *coder
}
