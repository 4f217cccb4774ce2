package bridge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// What users name is what travels.
func TestCodesAreThoseOfTheWire(t *testing.T) {
	require.Equal(t, WireVersion, wire.Version)
	for ours, theirs := range map[Code]wire.Code{
		CodeNoError:       wire.CodeNoError,
		CodeInternalError: wire.CodeInternalError,
		CodeCancelled:     wire.CodeCancelled,
		CodeDeadline:      wire.CodeDeadline,
		CodeHeadTimeout:   wire.CodeHeadTimeout,
		CodeIdleTimeout:   wire.CodeIdleTimeout,
		CodeRefused:       wire.CodeRefused,
		CodeNoApp:         wire.CodeNoApp,
		CodeBadPayload:    wire.CodeBadPayload,
		CodeBadOrder:      wire.CodeBadOrder,
		CodeBadCredit:     wire.CodeBadCredit,
		CodeFlowExceeded:  wire.CodeFlowExceeded,
		CodeTooLarge:      wire.CodeTooLarge,
		CodeBadLength:     wire.CodeBadLength,
		CodeBadResponse:   wire.CodeBadResponse,
		CodePortClosed:    wire.CodePortClosed,
	} {
		require.Equal(t, int(theirs), int(ours), theirs)
	}
	for ours, theirs := range map[FaultCode]wire.FaultCode{
		FaultNoCommonVersion: wire.FaultNoCommonVersion,
		FaultBadFrame:        wire.FaultBadFrame,
		FaultBadStream:       wire.FaultBadStream,
		FaultBadGreeting:     wire.FaultBadGreeting,
		FaultFailed:          wire.FaultFailed,
	} {
		require.Equal(t, int(theirs), int(ours), theirs)
	}
}
