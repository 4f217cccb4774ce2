package main

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

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

// A row that everybody is left out of would be there for nobody, and a pattern that fits nothing is a mistake.
func TestWhoTakesPart(t *testing.T) {
	for _, c := range contestants() {
		fits := func(l load) bool { return c.skips.MatchString(l.name) }
		if c.skips != nil {
			require.True(t, slices.ContainsFunc(loads(), fits), c.name)
		}
	}
	p, err := options{}.plan()
	require.NoError(t, err)
	for _, l := range p.loads {
		var names []string
		for _, c := range p.takingPart(l) {
			names = append(names, c.name)
		}
		require.Subset(t, names, []string{ownHandler, "cowboy_stream", "gwport_handler", "gwport_stream", gunProxy, "nethttp"}, l.name)
		body := strings.Contains(l.name, "gen_") || strings.HasPrefix(l.name, "file_")
		require.Equal(t, body, slices.Contains(names, "cowboy_static"), l.name)
		if body || strings.Contains(l.name, "upload_") {
			require.Contains(t, names, "gun64", l.name)
		}
	}
}

// cowboy_static is asked for a file that is as long as what others make.
func TestFilesHaveTheBytesOfTheLoads(t *testing.T) {
	for _, l := range loads() {
		if l.static == "" {
			continue
		}
		size, there := fileSizes[strings.TrimPrefix(l.static, "/file/")]
		require.True(t, there, l.name)
		require.EqualValues(t, l.check.length, size, l.name)
		require.Zero(t, size%len(patternLine), l.name)
		require.Equal(t, l.static, contestant{static: true}.asked(l).check.path)
		require.Equal(t, l.check.path, contestant{}.asked(l).check.path)
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
	require.Len(t, p.loads, 8)
}

func TestAnEarlierTreeTakesPartWhenItIsNamed(t *testing.T) {
	for before, want := range map[string]int{"": 3, "elsewhere": 5} {
		p, err := options{only: "^gwport_", before: before}.plan()
		require.NoError(t, err)
		require.Len(t, p.contestants, want)
	}
	_, err := newBench(t.Context(), "../..", t.TempDir(), io.Discard)
	require.ErrorContains(t, err, "building the Go program")
}

// The whole comes to its end in 40 minutes, and what is quick in four; with an earlier tree in seven.
func TestEstimates(t *testing.T) {
	estimate := func(o options) float64 {
		p, err := o.plan()
		require.NoError(t, err)
		return p.estimate().Minutes()
	}
	all := options{rounds: 3, duration: 2 * time.Second}
	require.InDelta(t, 35, estimate(all), 5)
	quick := options{rounds: 3, duration: time.Second, quick: true}
	require.InDelta(t, 3.2, estimate(quick), 0.5)
	quick.before = "elsewhere"
	require.InDelta(t, 6.8, estimate(quick), 0.5)

	one := options{rounds: 2, duration: time.Second, only: "^(nethttp|naive|cowboy_static)$", loads: "^sse_10k$"}
	want := 2*toStart + 2*(toTurn+7*time.Second)
	require.InDelta(t, want.Minutes(), estimate(one), 1e-9, "of the others one cannot have it and one has only files")
}

func TestQuickHasItsSevenRows(t *testing.T) {
	p, err := options{quick: true}.plan()
	require.NoError(t, err)
	require.Len(t, p.loads, 7)
	for _, l := range p.loads {
		var names []string
		for _, c := range p.takingPart(l) {
			names = append(names, c.name)
		}
		require.Subset(t, names, []string{ownHandler, "gwport_handler", "gwport_stream", gunProxy}, l.name)
		require.Equal(t, l.name == "file_100k", slices.Contains(names, "cowboy_static"))
		require.Equal(t, l.name == "hello_burn4", slices.Contains(names, "nethttp"))
	}
	for _, name := range quickContestants {
		require.True(t, slices.ContainsFunc(contestants(), func(c contestant) bool { return c.name == name }), name)
	}
}

func TestAReasonIsOneLine(t *testing.T) {
	require.Equal(t, "a b c", oneLine(errors.New("a\n\tb  c\n")))
	require.Equal(t, strings.Repeat("ö", lineLimit), oneLine(errors.New(strings.Repeat("ö", lineLimit))))
	require.Equal(t, strings.Repeat("ö", lineLimit)+" …", oneLine(errors.New(strings.Repeat("ö", lineLimit+1))))
}

func TestMistakesAreNamed(t *testing.T) {
	for want, args := range map[string][]string{
		"-repeat 0":                {"-repeat", "0"},
		"-resume wants -out":       {"-resume"},
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
