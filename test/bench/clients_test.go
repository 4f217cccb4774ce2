package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseWrk(t *testing.T) {
	line, err := parseWrk([]byte("Running 1s test\n" +
		`BENCH {"requests":10,"micros":2000000,"bytes":90,"p50":5,"p99":9,` +
		`"max":12,"connect":0,"read":2,"write":0,"status":1,"timeout":0}` + "\n"))
	require.NoError(t, err)
	var run Run
	line.fill(&run)
	require.Equal(t, Run{Requests: 10, Seconds: 2, P50: 5, P99: 9, Errors: "2 read errors, 1 bad statuses"}, run)
	require.Equal(t, 5.0, run.Rate())

	_, err = parseWrk([]byte("unable to connect\n"))
	require.ErrorIs(t, err, errNoLine)
	_, err = parseWrk([]byte("BENCH nonsense\n"))
	require.Error(t, err)
}

func TestParseH2load(t *testing.T) {
	out := `
finished in 2.00s, 5000.00 req/s, 1.20MB/s
traffic: 2.40MB (2516582) total, 117.19KB (120000) headers (space savings 90.00%), 195.31KB (139972) data
requests: 10000 total, 10000 started, 10000 done, 9998 succeeded, 2 failed, 0 errored, 0 timeout
status codes: 9998 2xx, 0 3xx, 0 4xx, 2 5xx
`
	var run Run
	require.NoError(t, parseH2load([]byte(out), 14, &run))
	require.Equal(t, int64(9998), run.Requests)
	require.InDelta(t, 2, run.Seconds, 0.01)
	require.Equal(t, "2 failed, 2 5xx", run.Errors)
	require.NoError(t, parseH2load([]byte(out), 16, &run))
	require.Equal(t, "14 bytes per response, expected 16 or more", run.Errors)
	require.Error(t, parseH2load([]byte("finished in 0.00us, 0.00 req/s\n"), 14, &run))
}

func TestParseH2log(t *testing.T) {
	p50, p99 := parseH2log(strings.NewReader("1\t200\t30\n2\t200\t10\nbad line\n3\t-1\t99\n4\t200\t20\n"))
	require.Equal(t, 20.0, p50)
	require.Equal(t, 30.0, p99)
}

func TestParseStat(t *testing.T) {
	// The name may hold anything, parentheses and spaces included.
	line := "42 (a) b) S 7 42 42 0 -1 4194560 1 0 0 0 10 20 3 4 20 0 1 0 100 1000 25 0 0"
	s, err := parseStat(line, 4096)
	require.NoError(t, err)
	require.Equal(t, 42, s.pid)
	require.Equal(t, 7, s.parent)
	require.Equal(t, 37*tick, s.cpu)
	require.Equal(t, int64(25*4096), s.rss)
	for _, bad := range []string{"", "42", "42 (x) S 1", ")("} {
		_, err := parseStat(bad, 4096)
		require.Error(t, err, bad)
	}
}

func TestKindOf(t *testing.T) {
	for name, kind := range map[string]string{
		"beam.smp": "BEAM", "erl_child_setup": "BEAM", "nginx": "nginx", "app": "Go",
	} {
		require.Equal(t, kind, kindOf(name))
	}
}
