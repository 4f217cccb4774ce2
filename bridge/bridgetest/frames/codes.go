package frames

import (
	"fmt"
	"slices"

	"github.com/gwport/gwport/etf"
)

// Codes of aborts, and of faults (SPEC.md, section 8).
const (
	NoError      = 0
	Internal     = 1
	Cancelled    = 2
	Refused      = 6
	NoApp        = 7
	BadPayload   = 8
	BadCredit    = 10
	FlowExceeded = 11
	TooLarge     = 12
	PortClosed   = 15

	NoCommonVersion = 1
	BadFrame        = 2
	BadStream       = 3
	BadGreeting     = 4
)

var abortNames = []string{
	"no_error", "internal_error", "cancelled", "deadline", "head_timeout", "idle_timeout",
	"refused", "no_app", "bad_payload", "bad_order", "bad_credit", "flow_exceeded",
	"too_large", "bad_length", "bad_response", "port_closed",
}

var faultNames = []string{"", "no_common_version", "bad_frame", "bad_stream", "bad_greeting", "failed"}

// codeNames are the names of the codes that frames of a kind carry.
func codeNames(k Kind) []string {
	if k == Fault {
		return faultNames
	}
	return abortNames
}

// CodeOf returns the code of a name in frames of a kind, Abort or Fault, -1 if
// there is none.
func CodeOf(k Kind, name string) int { return slices.Index(codeNames(k), name) }

// NameCode is an abort or a fault as people read it: abort flow_exceeded (11).
func NameCode(k Kind, code int64) string {
	if names := codeNames(k); 0 <= code && code < int64(len(names)) && names[code] != "" {
		return fmt.Sprintf("%v %s (%d)", k, names[code], code)
	}
	return fmt.Sprintf("%v code %d", k, code)
}

// String is a frame as messages show it.
func (f Frame) String() string {
	switch f.Kind {
	case Chunk:
		return fmt.Sprintf("chunk of %d bytes", len(f.Payload))
	case Abort, Fault:
		code, text := f.Reason()
		return fmt.Sprintf("%s %q", NameCode(f.Kind, code), text)
	case Inform, Head, Reply:
		return fmt.Sprintf("%v with status %d", f.Kind, f.Status())
	}
	return f.Kind.String()
}

// Reason reads the payload of an abort or a fault; what is none gives -1.
func (f Frame) Reason() (code int64, text string) {
	if t, ok := f.Term().(etf.Tuple); ok && len(t) == 2 {
		code, okCode := t[0].(int64)
		text, okText := t[1].(etf.Binary)
		if okCode && okText {
			return code, string(text)
		}
	}
	return -1, ""
}

// Status reads the status of an inform, a head or a reply, -1 if it has none.
func (f Frame) Status() int64 {
	t, ok := f.Term().(etf.Tuple)
	if !ok || len(t) == 0 {
		return -1
	}
	if pair, ok := t[0].(etf.Tuple); ok && len(pair) == 2 {
		t = pair
	}
	if n, ok := t[0].(int64); ok {
		return n
	}
	return -1
}
