package check

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who judges the bridge has nothing of it: a mistake that both sides share would
// pass every check. Nor does the bridge use the frames of those who judge it.
func TestJudgesHaveNothingOfTheBridge(t *testing.T) {
	const module = "github.com/gwport/gwport/"
	deps := func(pkg string) string {
		out, err := exec.Command("go", "list", "-deps", module+pkg).CombinedOutput()
		require.NoError(t, err, string(out))
		return "\n" + string(out)
	}
	for _, pkg := range []string{"cmd/gwport/check", "test/mirror", "test/badport", "bridge/bridgetest/frames"} {
		of := deps(pkg)
		require.NotContains(t, of, "\n"+module+"bridge\n", pkg)
		require.NotContains(t, of, "\n"+module+"bridge/internal", pkg)
		require.NotContains(t, of, "\ntesting\n", pkg)
	}
	require.NotContains(t, deps("bridge"), "/frames\n")
	for pkg, right := range map[string]string{
		"report": "peer program host", "peer": "program host", "program": "host", "host": "program",
	} {
		for _, other := range strings.Fields(right) {
			require.NotContains(t, deps("cmd/gwport/check/"+pkg), "/check/"+other+"\n", pkg)
		}
	}
}
