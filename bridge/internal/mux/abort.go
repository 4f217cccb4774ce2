package mux

import (
	"errors"
	"fmt"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// An Abort is the early end of a stream, as it travels.
type Abort struct {
	Code wire.Code
	Text string
	Late bool // it did not end before a drain's time was up
}

// Abortf is an abort with a text for people.
func Abortf(code wire.Code, format string, args ...any) *Abort {
	return &Abort{Code: code, Text: fmt.Sprintf(format, args...)}
}

// BadPayload is the abort of a stream whose frame has a payload that is none.
func BadPayload(k wire.Kind, err error) *Abort {
	return Abortf(wire.CodeBadPayload, "%s: %v", k, err)
}

// A ClosedError is why a wire ended that did not end by a fault or a drain.
type ClosedError struct {
	Op  string // what failed, "read" or "write"; empty at the end of the input
	Err error
}

// Error implements error.
func (e *ClosedError) Error() string {
	if e.Op == "" {
		return "bridge: port closed"
	}
	return fmt.Sprintf("bridge: port closed: %s: %v", e.Op, e.Err)
}

// isClosed tells the end of the wire from a fault: nobody is there any more.
func isClosed(err error) bool {
	return errors.As(err, new(*ClosedError))
}
