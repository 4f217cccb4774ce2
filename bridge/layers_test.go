package bridge_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The architecture, held: cmd/gwport -> apps -> bridge -> wire -> etf. Terms and the wire know nothing of HTTP, and the
// bridge of no app; who imports the bridge alone gets no module but this one.
func TestPackagesNameOnlyWhatStandsToTheirRight(t *testing.T) {
	const module = "github.com/gwport/gwport/"
	for pkg, forbidden := range map[string][]string{
		"etf":                  {"net/http", module + "bridge", module + "apps", "github.com/okeuday"},
		"bridge/internal/wire": {"net", "context", module + "bridge/internal/mux", module + "apps", module + "cmd", "github.com/okeuday", "github.com/stretchr"},
		"bridge":               {module + "apps", module + "cmd", "github.com/okeuday", "github.com/stretchr"},
		"bridge/erlanggo":      {module + "apps", module + "cmd"},
		"bridge/bridgetest":    {module + "apps", module + "cmd", "github.com/okeuday"},
		"apps":                 {module + "cmd"},
	} {
		out, err := exec.Command("go", "list", "-deps", module+pkg).CombinedOutput()
		require.NoError(t, err, string(out))
		for dep := range strings.Lines(string(out)) {
			for _, f := range forbidden {
				require.False(t, strings.HasPrefix(dep, f), "%s depends on %s", pkg, dep)
			}
		}
	}
}
