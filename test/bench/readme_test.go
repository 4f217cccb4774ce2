package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadmeTable(t *testing.T) {
	table, err := readmeTable(someResults())
	require.NoError(t, err)
	require.Contains(t, table, "| hello, 64 connections | 0.55 | n/a | n/a | n/a | 1.45 |\n")
	require.NotContains(t, table, "generated", "what was not run has no row")
	res := someResults()
	for _, r := range res.of("hello_c64", ownHandler) {
		r.Contestant, r.Requests = gunProxy, r.Requests/4
		res.Runs = append(res.Runs, r)
	}
	table, err = readmeTable(res)
	require.NoError(t, err)
	require.Contains(t, table, "| hello, 64 connections | 0.55 (2.20) | n/a | 0.25 | n/a | 1.45 (5.80) |\n")
	_, err = readmeTable(&Results{})
	require.ErrorContains(t, err, "no row")
}

func TestReadmeIsChangedInItsPlaceOnly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n"+readmeBegin+"old\n"+readmeEnd+"after\n"), 0o600))
	for range 2 {
		require.NoError(t, updateReadme(name, someResults()))
	}
	table, err := readmeTable(someResults())
	require.NoError(t, err)
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "before\n"+readmeBegin+"\n"+table+"\n"+readmeEnd+"after\n", string(got))
	require.NoError(t, os.WriteFile(name, []byte("nothing"), 0o600))
	require.ErrorContains(t, updateReadme(name, someResults()), "no place for the table")
}

// The README says what the committed results say.
func TestReadmeHasTheCommittedResults(t *testing.T) {
	res, err := readResultsFile(resultsFile)
	require.NoError(t, err)
	table, err := readmeTable(res)
	require.NoError(t, err)
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Contains(t, string(text), readmeBegin+"\n"+table+"\n"+readmeEnd)
}

func TestReadmeNamesWhatThereIs(t *testing.T) {
	names := map[string]bool{}
	for _, l := range loads() {
		names[l.name] = true
	}
	for _, c := range contestants() {
		names[c.name] = true
	}
	for _, r := range readmeRows {
		require.True(t, names[r.load], r.load)
	}
	for _, c := range readmeColumns {
		require.True(t, names[c.contestant], c.contestant)
	}
}
