package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestResumeTakesOverWhatIsThere(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	res := someResults()
	require.NoError(t, res.resume(folder), "there is nothing yet")
	require.NoError(t, res.save(folder))

	next := &Results{Command: "bench -resume", Started: "later", Machine: []Fact{{"Processors", "2 × some"}, {loadBefore, "9"}}, Versions: res.Versions}
	require.NoError(t, next.resume(folder))
	require.Equal(t, res.Runs, next.Runs)
	require.Equal(t, "bench -loads hello_c64`, `bench -resume", next.Command)
	require.Equal(t, res.Started, next.Started)

	names, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, names, 1, "nothing is left of writing")
}

func TestResumeRefusesAnotherTree(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, someResults().save(folder))
	other := someResults()
	other.Versions = []Fact{{"Go", "1.27"}}
	require.ErrorContains(t, other.resume(folder), "Go is 1.27 here; without -resume it is begun anew")
	other.Versions = nil
	require.ErrorContains(t, other.resume(folder), "Go is 1.26 there")
	require.NoError(t, os.WriteFile(filepath.Join(folder, resultsFile), []byte("{"), 0o600))
	require.ErrorContains(t, other.resume(folder), "the results' head")
}

func TestALoadIsWholeWhenEachContestantHasItsRounds(t *testing.T) {
	res := someResults()
	p, err := options{only: "^(cowboy|gwport_handler|gwport_stream|nethttp)$", loads: "^hello_c64$", rounds: 2}.plan()
	require.NoError(t, err)
	l := p.loads[0]
	require.True(t, res.whole(p, l), "one cannot, and says why")
	p.rounds = 3
	require.False(t, res.whole(p, l))
	p, err = options{only: "^(cowboy|gun32)$", loads: "^hello_c64$", rounds: 2}.plan()
	require.NoError(t, err)
	require.False(t, res.whole(p, l), "one has not run")
	res.forget(l)
	require.Empty(t, res.Runs)
}
