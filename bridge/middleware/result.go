package middleware

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge"
)

// wrong is what a wrong option panics with.
func wrong(option string, value any, expected string) {
	panic(fmt.Sprintf("middleware: %s is %#v: expected %s", option, value, expected))
}

// drop closes a body that is not passed on.
func drop(res bridge.Response) {
	if c, ok := res.Body.(io.Closer); ok {
		_ = c.Close()
	}
}

// sizeOf is the length of a body, if it is known: in memory, or told.
func sizeOf(res bridge.Response) (int, bool) {
	if b, ok := res.Body.(interface{ Len() int }); ok {
		return b.Len(), true
	}
	if n, err := strconv.Atoi(first(res.Headers, "Content-Length")); err == nil {
		return n, true
	}
	return 0, res.Body == nil
}

// held is a body in memory, and what closes it.
type held struct {
	*strings.Reader
	io.Closer
}

// holding makes a body in memory of another one, which it closes.
func holding(s string, body io.Reader) io.Reader {
	if c, ok := body.(io.Closer); ok {
		return held{strings.NewReader(s), c}
	}
	return strings.NewReader(s)
}
