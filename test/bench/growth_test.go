package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExponent(t *testing.T) {
	require.InDelta(t, 1, point{1000, 500}.exponent(point{100, 50}), 1e-9)
	require.InDelta(t, 2, point{10, 400}.exponent(point{1, 4}), 1e-9)
	require.InDelta(t, 0, point{10, 4}.exponent(point{1, 4}), 1e-9)
	require.Equal(t, "500.0 (n^1.00)", point{1000, 500}.since(point{100, 50}))
	require.Equal(t, "4.0 (n^0.00)", point{10, 4.001}.since(point{1, 4.002}), "not -0.00")
	require.Equal(t, "4.0", point{10, 4}.since(point{}))
	require.Equal(t, "n/a", point{10, 0}.since(point{1, 4}))
}

func TestGrowthHasItsEnds(t *testing.T) {
	ends := map[string][]int64{}
	names := map[string]bool{}
	for _, l := range slices.Concat(loads(), growthLoads(), attackLoads()) {
		require.False(t, names[l.name], l.name)
		names[l.name] = true
		if s := l.step.series; s != nil {
			ends[s.name] = append(ends[s.name], l.step.n)
			for _, who := range s.who {
				require.True(t, slices.ContainsFunc(contestants(), func(c contestant) bool { return c.name == who }), who)
			}
		}
	}
	for name, want := range map[string][2]int64{
		"streams": {1, 10000}, "reply": {1, 1e9}, "upload": {1, 1e9}, "fields": {1, 90}, "routes": {1, 1000}, "ports": {1, 8},
	} {
		require.True(t, slices.IsSorted(ends[name]), name)
		require.Equal(t, want, [2]int64{ends[name][0], ends[name][len(ends[name])-1]}, name)
	}
	require.Len(t, ends, len(allSeries))
}

func TestGrowthIsPlannedByItself(t *testing.T) {
	p, err := options{growth: true, rounds: 3, duration: 2 * time.Second}.plan()
	require.NoError(t, err)
	require.Len(t, p.loads, len(growthLoads()))
	require.InDelta(t, 26, p.estimate().Minutes(), 4)
	for _, l := range p.loads {
		for _, c := range p.takingPart(l) {
			require.Contains(t, l.step.series.who, c.name)
		}
	}
	p, err = options{loads: "growth"}.plan()
	require.Error(t, err)
	require.Empty(t, p.loads)
}

func TestGrowthReport(t *testing.T) {
	res := someResults()
	var out bytes.Buffer
	require.NoError(t, writeReport(&out, res, ""))
	require.NotContains(t, out.String(), "Growth")
	for n, us := range map[int64]float64{100: 20, 1000: 30, 10000: 300} {
		res.Runs = append(res.Runs, Run{
			Load: openStreams.load(n).name, Contestant: "gwport_stream", Round: 1, Requests: 10, Seconds: 1,
			CPU: map[string]float64{"BEAM": 10 * us}, Extra: map[string]float64{"all_rss": 25},
		})
	}
	res.Runs = append(res.Runs, Run{Load: openStreams.load(100).name, Contestant: ownHandler, NA: "it is not there"})
	out.Reset()
	require.NoError(t, writeReport(&out, res, ""))
	for _, want := range []string{
		"## Growth", "| streams | Cowboy, Erlang handler | gwport_handler | gwport_stream_h | net/http alone |",
		"| 100 | n/a | n/a | 20.0 | n/a |", "| 1000 | n/a | n/a | 30.0 (n^0.18) | n/a |", "| 10000 | n/a | n/a | 300.0 (n^1.00) | n/a |",
		"### Memory of an idle SSE stream", "| 10000 | n/a | n/a | 25.0 (n^0.00) | n/a |",
		"100 streams: Cowboy, Erlang handler: n/a, it is not there.",
	} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "| 100 | n/a | n/a | 25.0 |", "too few to tell")
	require.NotContains(t, strings.Split(out.String(), "## Growth")[0], "10000 streams")
}

// A response of another length is an error, and one request is made however long it takes.
func TestOneAfterAnother(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		_, _ = w.Write([]byte(strings.Repeat("x", 10)))
	}))
	defer srv.Close()
	j := job{load: replySizes.load(10), server: &server{addr: strings.TrimPrefix(srv.URL, "http://")}}
	var run Run
	require.NoError(t, one(fetch)(t.Context(), j, &run))
	require.Equal(t, int64(1), run.Requests)
	require.Equal(t, 1, asked)
	j.load = replySizes.load(11)
	require.ErrorContains(t, one(fetch)(t.Context(), j, &run), "10 bytes, expected 200 and 11")
}
