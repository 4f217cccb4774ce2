package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParsePerfStat(t *testing.T) {
	counts := parsePerfStat("1000,,raw_syscalls:sys_enter,1,100.00,,\n" +
		"250,,syscalls:sys_enter_write,1,100.00,,\n<not supported>,,syscalls:sys_enter_futex,0,100.00,,\nnoise\n")
	require.Equal(t, map[string]float64{"all": 1000, "write": 250}, counts)
}

func TestParseSwitches(t *testing.T) {
	require.Equal(t, 7.0, parseSwitches("Name:\tx\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t2\n"))
	require.Zero(t, parseSwitches(""))
}

func TestClipNamesNoFile(t *testing.T) {
	require.Equal(t, "Type: cpu\na\n", clip("File: /tmp/x/app\nType: cpu\na  \nb\n", 2))
	require.Equal(t, "1% x\n", withoutComments("# head\n\n 1% x   -  \n#\n")[1:])
}

func someProfiles() []profile {
	run := Run{Requests: 100, Seconds: 1, CPU: map[string]float64{"BEAM": 2000}}
	port := Run{Requests: 100, Seconds: 2, CPU: map[string]float64{"BEAM": 5000, "Go": 1500}}
	return []profile{
		{name: ownHandler, title: "own", run: run, states: map[string]float64{"emulator": 10, "port": 5, "sleep": 100}},
		{
			name: "gwport_handler", title: "through", run: port, hot: "50% beam\n",
			states:   map[string]float64{"emulator": 22, "port": 6, "sleep": 900},
			syscalls: map[string]map[string]float64{"Go": {"write": 0.25, "tgkill": 0}},
		},
		{name: "gwport_stream", title: "absent", na: "it is not there"},
	}
}

// A thread that sleeps costs nothing.
func TestGaps(t *testing.T) {
	all := someProfiles()
	list := gaps(all[1], all[0])
	require.Len(t, list, 3)
	for i, want := range []gap{{"BEAM emulator", 50*22.0/28 - 20*10.0/15}, {"Go", 15}, {"BEAM port", 50*6.0/28 - 20*5.0/15}} {
		require.Equal(t, want.part, list[i].part)
		require.InDelta(t, want.micros, list[i].micros, 0.001)
	}
}

func TestProfileReport(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeProfile(&out, &Results{Command: "bench -profile", Started: "today"}, someProfiles()))
	for _, want := range []string{
		"| through | 50 | 65.0 | BEAM emulator +26.0 µs | Go +15.0 µs | BEAM port +4.0 µs |", "| absent | n/a |",
		"| system calls of Go, write | – | 0.250 | – |", "50% beam", "n/a: it is not there",
	} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "tgkill")
	require.Zero(t, strings.Count(out.String(), "```")%2)
}
