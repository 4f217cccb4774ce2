package wire

import "strconv"

// A Code says why a stream was aborted. The numbers and names are those of
// SPEC.md, section 8.
type Code int

// The codes of aborts.
const (
	CodeNoError       Code = 0
	CodeInternalError Code = 1
	CodeCancelled     Code = 2
	CodeDeadline      Code = 3
	CodeHeadTimeout   Code = 4
	CodeIdleTimeout   Code = 5
	CodeRefused       Code = 6
	CodeNoApp         Code = 7
	CodeBadPayload    Code = 8
	CodeBadOrder      Code = 9
	CodeBadCredit     Code = 10
	CodeFlowExceeded  Code = 11
	CodeTooLarge      Code = 12
	CodeBadLength     Code = 13
	CodeBadResponse   Code = 14
	CodePortClosed    Code = 15
)

var codeNames = [...]string{
	"no_error", "internal_error", "cancelled", "deadline", "head_timeout", "idle_timeout",
	"refused", "no_app", "bad_payload", "bad_order", "bad_credit", "flow_exceeded",
	"too_large", "bad_length", "bad_response", "port_closed",
}

// String returns the code's name in SPEC.md.
func (c Code) String() string {
	if 0 <= c && int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code " + strconv.Itoa(int(c))
}

// Known maps a code from the wire to one that has a name: an unknown one counts
// as internal_error, so that codes can be added to the wire.
func (c Code) Known() Code {
	if 0 <= c && int(c) < len(codeNames) {
		return c
	}
	return CodeInternalError
}

// A FaultCode says why a side ended the whole port (SPEC.md, section 8).
type FaultCode int

// The codes of faults.
const (
	FaultNoCommonVersion FaultCode = 1
	FaultBadFrame        FaultCode = 2
	FaultBadStream       FaultCode = 3
	FaultBadGreeting     FaultCode = 4
	FaultFailed          FaultCode = 5
)

var faultNames = [...]string{"", "no_common_version", "bad_frame", "bad_stream", "bad_greeting", "failed"}

// String returns the code's name in SPEC.md.
func (c FaultCode) String() string {
	if 0 < c && int(c) < len(faultNames) {
		return faultNames[c]
	}
	return "fault " + strconv.Itoa(int(c))
}

// Known is that of Code: an unknown one counts as bad_frame.
func (c FaultCode) Known() FaultCode {
	if 0 < c && int(c) < len(faultNames) {
		return c
	}
	return FaultBadFrame
}
