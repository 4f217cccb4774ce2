package main

import (
	"bytes"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range contestants() {
		require.False(t, seen[c.name], c.name)
		seen[c.name] = true
	}
	for _, l := range loads() {
		require.False(t, seen[l.name], l.name)
		seen[l.name] = true
	}
	for _, name := range append(mainRows, ownHandler, gunProxy) {
		require.True(t, seen[name], name)
	}
}

// What a contestant cannot do is written with the beginning of a load's name.
func TestReasonsNameLoads(t *testing.T) {
	for _, c := range contestants() {
		for prefix := range c.cannot {
			found := false
			for _, l := range loads() {
				found = found || strings.HasPrefix(l.name, prefix)
			}
			require.True(t, found, "%s: %s", c.name, prefix)
		}
	}
}

func TestPlanRefusesWhatFitsNothing(t *testing.T) {
	for _, o := range []options{{only: "nobody"}, {loads: "nothing"}, {only: "("}, {loads: "("}} {
		_, err := o.plan()
		require.Error(t, err)
	}
	p, err := options{only: "^nethttp$", loads: "hello"}.plan()
	require.NoError(t, err)
	require.Len(t, p.contestants, 1)
	require.Len(t, p.loads, 5)
}

func TestAnEarlierTreeTakesPartWhenItIsNamed(t *testing.T) {
	for before, want := range map[string]int{"": 2, "elsewhere": 4} {
		p, err := options{only: "^gwport_", before: before}.plan()
		require.NoError(t, err)
		require.Len(t, p.contestants, want)
	}
	_, err := newBench(t.Context(), "../..", t.TempDir(), io.Discard)
	require.ErrorContains(t, err, "building the Go program")
}

func TestMistakesAreNamed(t *testing.T) {
	for want, args := range map[string][]string{
		"-repeat 0":                {"-repeat", "0"},
		"-duration 99ms":           {"-duration", "99ms"},
		"unexpected argument":      {"hello"},
		"-help lists the flags":    {"-nothing"},
		"nothing fits; -list show": {"-only", "nobody"},
	} {
		var out bytes.Buffer
		require.ErrorContains(t, command(t.Context(), args, &out), want)
		require.Empty(t, out.String())
	}
	require.NoError(t, command(t.Context(), []string{"-repeat", "1", "-duration", "100ms", "-list"}, &bytes.Buffer{}))
}

// A whole run, of the contestant that needs nothing of Erlang.
func TestSmoke(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	for _, tool := range []string{"wrk", "h2load"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("there is no " + tool + "; .ci/setup bench brings it")
		}
	}
	var out bytes.Buffer
	err := command(t.Context(), []string{
		"-only", "^nethttp$", "-loads", "^(hello_c1|sleep_1k)$", "-repeat", "1", "-duration", "1s",
	}, &out)
	require.NoError(t, err, out.String())
	require.NotContains(t, out.String(), "n/a:")
	require.NotContains(t, out.String(), "failed")
	require.Contains(t, out.String(), "| net/http alone |")
}
