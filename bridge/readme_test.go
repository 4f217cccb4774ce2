package bridge_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve returns nil after a clean drain, and log.Fatal(nil) ends a program with status 1.
func TestReadmeEndsNoProgramThatHasDrainedAsAFailure(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "bridge.Serve(")
	require.NotRegexp(t, regexp.MustCompile(`log\.Fatal\w*\(bridge\.`), string(readme))
}
