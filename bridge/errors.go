package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// What context.Cause tells a handler about the end of its request, and what
// reading the request's body and writing the response return from then on. Ask
// with errors.Is; the value itself is most often an [*AbortError].
var (
	// ErrAborted: the stream was ended early, for whatever reason.
	ErrAborted = errors.New("bridge: stream aborted")

	// ErrClientGone: the client has left, and nobody will see the response.
	ErrClientGone = errors.New("bridge: client gone")

	// ErrDeadline: the time that the route gives the whole exchange is up. It
	// is context.DeadlineExceeded as well.
	ErrDeadline error = deadlineError{}

	// ErrDrain: the program was told to end, and the request did not within
	// the drain timeout.
	ErrDrain = errors.New("bridge: not done when the drain timeout passed")

	// ErrPortClosed: the host is gone or has closed the port. The process ends
	// half a second later, whatever the handler does.
	ErrPortClosed = errors.New("bridge: port closed")
)

// Errors of Serve and of the response.
var (
	// ErrNotPort is what Serve returns when no Erlang system has started the
	// program. Serve has then explained on standard error how to use it.
	ErrNotPort = errors.New("bridge: not started as a port program (GWPORT is not set)")

	// ErrServing is what Serve returns when it is called a second time: a
	// process has one standard input.
	ErrServing = errors.New("bridge: Serve was called before")

	errReturned = errors.New("bridge: write after the handler has returned")
	errGoexit   = errors.New("bridge: handler called runtime.Goexit")
)

// deadlineError makes one value of our own sentinel and of context's.
type deadlineError struct{}

func (deadlineError) Error() string        { return "bridge: deadline passed" }
func (deadlineError) Is(target error) bool { return target == context.DeadlineExceeded }
func (deadlineError) Timeout() bool        { return true }

// An AbortError says why a stream ended before its time. It is ErrAborted, and
// according to its code ErrClientGone, ErrDeadline, ErrDrain or ErrPortClosed.
type AbortError struct {
	Code Code
	Text string // for people; may be empty

	drain bool // the port closed because a drain took too long
}

// Error implements error.
func (e *AbortError) Error() string {
	if e.Text == "" {
		return "bridge: stream aborted: " + e.Code.String()
	}
	return fmt.Sprintf("bridge: stream aborted: %v: %s", e.Code, e.Text)
}

// Is tells which of the package's sentinels the error is. It is
// context.Canceled too, unless it is a deadline, because many programs know how
// to keep quiet about that; and io.ErrUnexpectedEOF, if the client has left,
// which is what reading its body comes to under net/http.
func (e *AbortError) Is(target error) bool {
	switch target {
	case ErrAborted:
		return true
	case ErrClientGone, io.ErrUnexpectedEOF:
		return e.Code == CodeCancelled
	case ErrDeadline, context.DeadlineExceeded:
		return e.Code == CodeDeadline
	case ErrDrain:
		return e.drain
	case ErrPortClosed:
		return e.Code == CodePortClosed
	case context.Canceled:
		return e.Code != CodeDeadline
	}
	return false
}

// A FaultError is what Serve returns when the wire itself failed: a frame that
// is none, a greeting that cannot be met. The host starts another port.
type FaultError struct {
	Code FaultCode
	Text string
	Host bool // the host found the fault, and not we
}

// Error implements error.
func (e *FaultError) Error() string {
	who := "wire fault"
	if e.Host {
		who = "host reports a wire fault"
	}
	return fmt.Sprintf("bridge: %s: %v: %s", who, e.Code, e.Text)
}

func abort(code Code, format string, args ...any) *AbortError {
	return &AbortError{Code: code, Text: fmt.Sprintf(format, args...)}
}

// isAbort tells whether err is about a stream that has ended anyway.
func isAbort(err error) bool {
	return errors.Is(err, ErrAborted) || errors.Is(err, context.Canceled) || errors.Is(err, ErrDeadline)
}
