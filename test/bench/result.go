package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// The kinds of processes that a contestant has, in the order of the tables' columns.
var kinds = []string{"BEAM", "Go", "nginx"}

// A Run is one contestant under one load, once.
type Run struct {
	Load       string `json:"load"`
	Contestant string `json:"contestant"`
	Round      int    `json:"round"`
	// NA is why there is nothing to measure; all that follows is empty then.
	NA string `json:"na,omitempty"`
	// Errors is what went wrong among the requests, in words; the figures are those of the others.
	Errors   string  `json:"errors,omitempty"`
	Requests int64   `json:"requests,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	P50      float64 `json:"p50_us,omitempty"`
	P99      float64 `json:"p99_us,omitempty"`
	// CPU is microseconds of user and system time, RSS the most bytes seen, each by kind of process.
	CPU map[string]float64 `json:"cpu_us,omitempty"`
	RSS map[string]int64   `json:"rss,omitempty"`
	// What only some loads have: see the loads' columns.
	Extra map[string]float64 `json:"extra,omitempty"`
}

// Rate is requests per second.
func (r Run) Rate() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Requests) / r.Seconds
}

// CPUPerRequest is in microseconds, of all processes but the client.
func (r Run) CPUPerRequest() float64 {
	if r.Requests == 0 {
		return 0
	}
	var sum float64
	for _, us := range r.CPU {
		sum += us
	}
	return sum / float64(r.Requests)
}

// Results are all that a report is made from.
type Results struct {
	Command  string
	Started  string
	Machine  []Fact
	Versions []Fact
	Runs     []Run
}

// A Fact is a name and a value.
type Fact struct{ Name, Value string }

// write gives the results as lines of JSON: what was run where, then a line for each run.
func (res *Results) write(w io.Writer) error {
	head := *res
	head.Runs = nil
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return err
	}
	for _, r := range res.Runs {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func readResults(r io.Reader) (*Results, error) {
	var res Results
	dec := json.NewDecoder(bufio.NewReader(r))
	if err := dec.Decode(&res); err != nil {
		return nil, fmt.Errorf("bench: the results' head: %w", err)
	}
	for {
		var run Run
		switch err := dec.Decode(&run); err {
		case nil:
			res.Runs = append(res.Runs, run)
		case io.EOF:
			return &res, nil
		default:
			return nil, fmt.Errorf("bench: run %d of the results: %w", len(res.Runs)+1, err)
		}
	}
}

func readResultsFile(name string) (*Results, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readResults(f)
}

// of gives a contestant's runs of a load, by round.
func (res *Results) of(load, contestant string) []Run {
	var runs []Run
	for _, r := range res.Runs {
		if r.Load == load && r.Contestant == contestant {
			runs = append(runs, r)
		}
	}
	return runs
}

// joinErrors names the counts that are not zero.
func joinErrors(counts ...any) string {
	var words []string
	for i := 0; i+1 < len(counts); i += 2 {
		if n := counts[i+1].(int64); n != 0 {
			words = append(words, fmt.Sprintf("%d %s", n, counts[i]))
		}
	}
	return strings.Join(words, ", ")
}
