package bridge

import "github.com/gwport/gwport/bridge/internal/wire"

// A Code says why a stream was aborted. The numbers and names are those of
// SPEC.md, section 8.
type Code int

// The codes. A handler meets those that the host sends: CodeCancelled when the
// client has left, CodeDeadline, CodeIdleTimeout and CodeHeadTimeout when time
// is up, CodePortClosed when the program is being ended.
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

// String returns the code's name in SPEC.md.
func (c Code) String() string { return wire.Code(c).String() }

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

// String returns the code's name in SPEC.md.
func (c FaultCode) String() string { return wire.FaultCode(c).String() }
