package versions

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

const (
	startLimit   = 3 * time.Minute
	requestLimit = 30 * time.Second
)

// A pair is a program under a host.
type pair struct {
	program, host string
}

// Each case is run with both halves of today, too: what fails there is not about versions.
func TestVersions(t *testing.T) {
	old := olderTree(t)
	programs := map[string]string{"old": build(t, old), "new": build(t, "")}
	trees := map[string]string{"old": old, "new": ""}
	for _, p := range []pair{{"new", "new"}, {"old", "new"}, {"new", "old"}} {
		t.Run(p.program+" program under "+p.host+" host", func(t *testing.T) {
			t.Parallel()
			if p.host == "old" && otp(t.Context(), t) > newestForOlder {
				t.Skipf("Erlang/OTP %d is the newest that compiles the older host", newestForOlder)
			}
			s := start(t, cowboy.Options{Tree: trees[p.host], Program: []string{programs[p.program], p.program}})
			require.Equal(t, p.program, s.get("/who").body)
			beam, err := s.Eval(t.Context(), `unicode:characters_to_binary(code:which(gwport))`)
			require.NoError(t, err)
			require.Equal(t, p.host == "old", inside(t, string(beam), old), string(beam))
			runCases(t, s)
		})
	}
}

func inside(t *testing.T, file, dir string) bool {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	file, err = filepath.EvalSymlinks(file)
	require.NoError(t, err)
	return strings.HasPrefix(file, dir+"/")
}
