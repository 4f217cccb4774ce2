package bridge_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
)

func TestURLIsTheOneOfTheVectors(t *testing.T) {
	text, err := os.ReadFile("../test/vectors/url.txt")
	require.NoError(t, err)
	name, env, n := "", bridge.Environ{}, 0
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case key == "" || key[0] == '#':
		case key == "case":
			name, env = value, bridge.Environ{}
		case key == "url":
			require.Equal(t, value, env.URL(), name)
			n++
		default:
			env[key] = value
		}
	}
	require.GreaterOrEqual(t, n, 60)
}
