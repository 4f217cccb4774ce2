package erlanggo

import (
	"math/big"
	"reflect"

	"github.com/okeuday/erlang_go/v2/erlang"
)

func tuple(v any) ([]any, bool) {
	switch t := v.(type) {
	case erlang.OtpErlangTuple:
		return t, true
	case []any: // erlang_go encodes it as a tuple
		return t, true
	}
	return nil, false
}

// integer takes every type that erlang_go encodes as an integer; BinaryToTerm gives uint8, int32 and *big.Int.
func integer(v any) (int64, bool) {
	if b, ok := v.(*big.Int); ok {
		if b == nil || !b.IsInt64() {
			return 0, false
		}
		return b.Int64(), true
	}
	// erlang_go's own types (OtpErlangAtomCacheRef is a uint8) are not integers, whatever they are made of.
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.Type().PkgPath() != "" {
		return 0, false
	}
	switch {
	case r.CanInt():
		return r.Int(), true
	case r.CanUint() && r.Uint() <= 1<<62:
		return int64(r.Uint()), true
	}
	return 0, false
}

func binary(v any) ([]byte, bool) {
	switch b := v.(type) {
	case erlang.OtpErlangBinary:
		return b.Value, b.Bits == 8
	case []byte:
		return b, true
	case string:
		return []byte(b), true
	}
	return nil, false
}

func text(v any) (string, bool) {
	if s, ok := v.(string); ok {
		return s, true
	}
	b, ok := binary(v)
	return string(b), ok
}

// iodata flattens a body. A body that is one binary, the usual case, is not copied.
func iodata(v any) ([]byte, error) {
	if b, ok := binary(v); ok {
		return b, nil
	}
	list, ok := v.(erlang.OtpErlangList)
	if !ok {
		return nil, wrong("body", v, "iodata")
	}
	out, fault := appendList(nil, list)
	if fault != nil {
		fault.Where = "body" + fault.Where
		return nil, fault
	}
	return out, nil
}

// appendList says in a fault's Where only what stands within the list; who called it knows the rest. To hand the place
// down instead would cost a string for each list of every good body.
func appendList(out []byte, list erlang.OtpErlangList) ([]byte, *ShapeError) {
	var fault *ShapeError
	for i, e := range list.Value {
		// erlang_go keeps an improper list's tail as its last element. Erlang allows iodata there but a byte.
		tail := list.Improper && i == len(list.Value)-1
		if out, fault = appendElement(out, e, tail); fault != nil {
			fault.Where = at("", i) + fault.Where
			return nil, fault
		}
	}
	return out, nil
}

func appendElement(out []byte, e any, tail bool) ([]byte, *ShapeError) {
	if b, ok := binary(e); ok {
		return append(out, b...), nil
	}
	if list, ok := e.(erlang.OtpErlangList); ok {
		return appendList(out, list)
	}
	if tail {
		return nil, wrong("", e, "a binary, a string or a list in an improper list's tail")
	}
	if n, ok := integer(e); ok && n >= 0 && n <= 255 {
		return append(out, byte(n)), nil
	}
	return nil, wrong("", e, "a byte (0 to 255), a binary, a string or a list")
}
