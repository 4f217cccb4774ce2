package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/compare/cases"
)

// A few of each language, so that every run of the tests shows that planting works; `make planted` plants all.
var samples = []string{
	"r.TLS is by the scheme that the client names",
	"a response's type is not found by its bytes",
	"several cookies of a response are one field",
	"a 204 has a length",
}

func TestPlantedFaultsTurnTheirCasesRed(t *testing.T) {
	some := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !slices.Contains(samples, f.name) })
	require.Len(t, some, len(samples))
	err := plantAll(t.Context(), tree{root: "../.."}, t.TempDir(), some, func(f *fault, took time.Duration, err error) {
		require.NoError(t, err, f.name)
		t.Logf("%s: %.1fs", f.name, took.Seconds())
	})
	require.NoError(t, err)
}

// Whoever changes a text that a fault replaces hears of it here.
func TestEachPlantedFaultFitsTheTree(t *testing.T) {
	places := make(map[string]bool)
	for _, j := range jobs(cases.Themes(), everyCase) {
		places[j.theme+"/"+j.c.Name+" "+j.transport] = true
	}
	names, inGo := make(map[string]bool), 0
	for _, f := range faults {
		require.False(t, names[f.name], f.name)
		names[f.name] = true
		if strings.HasSuffix(f.file, ".go") {
			inGo++
		}
		_, err := f.edited(tree{root: "../.."})
		require.NoError(t, err, f.name)
		require.NotEmpty(t, f.shows, f.name)
		for _, s := range f.shows {
			require.True(t, places[s.name+" "+s.transport], "%s: there is no case %s on %s", f.name, s.name, s.transport)
			require.NotEmpty(t, s.mounts, f.name)
		}
	}
	require.GreaterOrEqual(t, len(faults), 24)
	require.Greater(t, inGo, len(faults)/3, "few are in Go")
	require.Greater(t, len(faults)-inGo, len(faults)/3, "few are in Erlang")
}

// What is no fault is told from one that is seen. The names are what is said of each.
func TestAPlantedFaultThatShowsNothingIsMissed(t *testing.T) {
	html := []sign{{"sniffing/html", cases.H1, both, "field.content-type"}}
	status := []sign{{"sniffing/html", cases.H1, both, "status"}}
	none := []sign{{"no/case", cases.H1, both, "end"}}
	const file, sniffs = "bridge/head.go", "if !h.noType && len(body) > 0 {"
	wrong := []fault{
		{name: "is no failure", file: file, old: sniffs, new: sniffs, shows: html},
		{name: "status does not show", file: file, old: sniffs, new: "if false {", shows: status},
		{name: "stands 0 times in bridge/head.go", file: file, old: "no such text", shows: html},
		{name: "and not once", file: file, old: "return", shows: html},
		{name: "a file that is gone", file: "bridge/gone.go", old: sniffs, shows: html},
		{name: "does not compile", file: file, old: sniffs, new: "if {", shows: html},
		{name: "does not compile", file: "erlang/gwport_field.erl", old: "-module(gwport_field).", new: "-modul", shows: html},
		{name: "there is no case no/case", file: file, old: sniffs, new: sniffs, shows: none},
	}
	told := 0
	err := plantAll(t.Context(), tree{root: "../.."}, t.TempDir(), wrong, func(f *fault, _ time.Duration, err error) {
		require.ErrorContains(t, err, f.name)
		told++
	})
	require.NoError(t, err)
	require.Equal(t, len(wrong), told)
}
