package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/gateway"
)

func TestTablesOfTheSpecAreUpToDate(t *testing.T) {
	text, err := os.ReadFile("../../../../SPEC.md")
	require.NoError(t, err)
	want, err := rewrite(string(text))
	require.NoError(t, err)
	require.Equal(t, want, string(text), "run go generate ./bridge/internal/gateway")
	for _, r := range gateway.Rules() {
		require.Equal(t, 1, strings.Count(want, "\n| `"+r.ID+"` | "), r.ID)
	}
}

func TestTextWithoutAPlaceForTheTables(t *testing.T) {
	_, err := rewrite("# A page\n")
	require.ErrorContains(t, err, "no line")
	_, err = rewrite("# A page\n" + begin + "| a | b |\n")
	require.ErrorContains(t, err, "no line")
}
