package erlanggo

import (
	"fmt"
	"strconv"

	"github.com/okeuday/erlang_go/v2/erlang"
)

// ShapeError says what in an app's result is not as it should be. It names types and small values only, never the
// bytes of a body, so that it can be logged.
type ShapeError struct {
	Where string // the place, indices from 0: "result", "status[1]", "headers[2][0]", "body[0][7]"
	Got   string // what is there
	Want  string // what should be
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("erlanggo: %s is %s, expected %s", e.Where, e.Got, e.Want)
}

func wrong(where string, got any, want string) *ShapeError {
	return &ShapeError{Where: where, Got: describe(got), Want: want}
}

func at(where string, i int) string { return where + "[" + strconv.Itoa(i) + "]" }

func describe(v any) string {
	if n, ok := integer(v); ok {
		return "the integer " + strconv.FormatInt(n, 10)
	}
	if t, ok := tuple(v); ok {
		return fmt.Sprintf("a tuple of %d elements", len(t))
	}
	switch t := v.(type) {
	case nil:
		return "nil (the atom undefined)"
	case bool:
		return fmt.Sprintf("the atom %t", t)
	case erlang.OtpErlangAtom:
		return fmt.Sprintf("the atom %.40q", string(t))
	case erlang.OtpErlangAtomUTF8:
		return fmt.Sprintf("the atom %.40q", string(t))
	case erlang.OtpErlangBinary:
		return describeBinary(t)
	case []byte:
		return fmt.Sprintf("a binary of %d bytes", len(t))
	case string:
		return fmt.Sprintf("a string of %d bytes", len(t))
	case erlang.OtpErlangList:
		return describeList(t)
	}
	return fmt.Sprintf("a %T", v)
}

func describeBinary(b erlang.OtpErlangBinary) string {
	if b.Bits == 8 {
		return fmt.Sprintf("a binary of %d bytes", len(b.Value))
	}
	return fmt.Sprintf("a binary with Bits %d (whole bytes have 8)", b.Bits)
}

func describeList(l erlang.OtpErlangList) string {
	if l.Improper {
		return "an improper list"
	}
	return fmt.Sprintf("a list of %d elements", len(l.Value))
}
