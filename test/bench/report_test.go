package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func someResults() *Results {
	run := func(name string, round int, n int64) Run {
		return Run{
			Load: "hello_c64", Contestant: name, Round: round, Requests: n, Seconds: 1, P50: 100, P99: 2500,
			CPU: map[string]float64{"BEAM": float64(20 * n), "Go": float64(10 * n)}, RSS: map[string]int64{"BEAM": 50 << 20},
		}
	}
	failed := run("nethttp", 2, 900)
	failed.Errors = "3 read errors"
	return &Results{
		Command: "bench -loads hello_c64", Started: "2026-01-02 03:04 UTC",
		Machine: []Fact{{"Processors", "2 × some"}}, Versions: []Fact{{"Go", "1.26"}},
		Runs: []Run{
			run(ownHandler, 1, 1000), run(ownHandler, 2, 500), run("gwport_handler", 1, 500), run("gwport_handler", 2, 300),
			run("nethttp", 1, 1100), failed,
			{Load: "hello_c64", Contestant: "gwport_stream", NA: "it is not there"},
		},
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeReport(&out, someResults(), "results.svg"))
	for _, want := range []string{
		"Made by `bench -loads hello_c64` on 2026-01-02 03:04 UTC", "| Processors | 2 × some |", "(results.svg)",
		"| Hello, 64 connections | 1 | 0.55 | n/a | 1.45 |",
		"| gwport_handler | 400 (300–500) | 0.10 (0.10–0.10) | 2.50 (2.50–2.50) | 30.0 (30.0–30.0) | 20.0 | 10.0 | – | 50.0 |",
		"0.55 (0.50–0.60)", "gwport_stream_h: n/a, it is not there.", "net/http alone: round 2 had errors: 3 read errors.",
	} {
		require.Contains(t, out.String(), want)
	}
	require.NotContains(t, out.String(), "100 KB", "a load without runs has no table")
}

func TestReportTellsWhenItCannotWrite(t *testing.T) {
	require.ErrorIs(t, writeReport(brokenWriter{}, someResults(), ""), errBroken)
	require.ErrorIs(t, writePlot(brokenWriter{}, someResults()), errBroken)
}

var errBroken = errors.New("disk full")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestResultsComeBack(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, someResults().write(&file))
	require.Equal(t, 1+len(someResults().Runs), strings.Count(file.String(), "\n"), "a line for each run")
	back, err := readResults(&file)
	require.NoError(t, err)
	require.Equal(t, someResults(), back)

	_, err = readResults(strings.NewReader("{}\n{\"load\":"))
	require.ErrorContains(t, err, "run 1")
}

func TestPlotIsXML(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writePlot(&out, someResults()))
	bars := 0
	for dec := xml.NewDecoder(&out); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	require.Equal(t, 1+3, bars, "the paper, and a bar for each that was measured")
}

// Each column of a table has a cell in each row.
func TestTablesAreRectangular(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeReport(&out, someResults(), ""))
	columns := 0
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		if columns == 0 {
			columns = strings.Count(line, "|")
		}
		require.Equal(t, columns, strings.Count(line, "|"), line)
	}
}
