package etf

import (
	"math/big"
	"reflect"
	"strings"
	"unicode/utf8"
)

// What a term of [Decode] is, for whoever looks at one without a type switch. None
// of these panics, whatever it is given: ok is false, and the value zero, where
// the term is another.

// AsInt returns an integer, of any Go kind that [Append] takes, if it fits an int64.
func AsInt(term any) (n int64, ok bool) {
	if v, isBig := term.(*big.Int); isBig {
		if v == nil || !v.IsInt64() {
			return 0, false
		}
		return v.Int64(), true
	}
	if n, ok = asInt(term); ok {
		return n, true
	}
	return 0, false
}

// AsFloat returns a float, or the float that an integer is equal to.
func AsFloat(term any) (f float64, ok bool) {
	switch v := term.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	}
	n, ok := AsInt(term)
	if f = float64(n); !ok || f >= 1<<63 || int64(f) != n {
		return 0, false
	}
	return f, true
}

// AsBool returns which of the atoms true and false the term is.
func AsBool(term any) (b, ok bool) {
	switch v := term.(type) {
	case bool:
		return v, true
	case Atom:
		return v == "true", v == "true" || v == "false"
	}
	return false, false
}

// AsString returns a binary's bytes, an atom's name, or the text of a charlist, which
// is a list of code points; the empty list is the empty text.
func AsString(term any) (s string, ok bool) {
	switch v := term.(type) {
	case Binary:
		return string(v), true
	case Atom:
		return string(v), true
	case string:
		return v, true
	case []byte:
		return string(v), true
	case List:
		return asCharlist(v)
	}
	return "", false
}

func asCharlist(list List) (string, bool) {
	var text strings.Builder
	for _, t := range list {
		c, ok := AsInt(t)
		if !ok || c < 0 || c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
			return "", false
		}
		text.WriteRune(rune(c))
	}
	return text.String(), true
}

// Lookup returns what a map or a proplist has for key, which must be of the type
// that Decode gives: Atom("port"), Binary("host"). As in OTP's proplists the first
// counts, a pair is a tuple of two, and an atom alone has the value true. Any other
// element of a list is passed over.
func Lookup(term, key any) (value any, ok bool) {
	switch v := term.(type) {
	case Map:
		return v.Get(key)
	case List:
		for _, property := range v {
			switch p := property.(type) {
			case Atom:
				if name, isAtom := key.(Atom); isAtom && name == p {
					return Atom("true"), true
				}
			case Tuple:
				if len(p) == 2 && reflect.DeepEqual(p[0], key) {
					return p[1], true
				}
			}
		}
	}
	return nil, false
}
