package wire

import "fmt"

// A Fault is the end of the whole wire: a frame that is none, a greeting that
// cannot be met.
type Fault struct {
	Code FaultCode
	Text string
	Host bool // the host found the fault, and not we
}

// Error implements error.
func (f *Fault) Error() string {
	return fmt.Sprintf("bridge: wire fault: %v: %s", f.Code, f.Text)
}

// Faultf is a fault that we have found.
func Faultf(code FaultCode, format string, args ...any) *Fault {
	return &Fault{Code: code, Text: fmt.Sprintf(format, args...)}
}
