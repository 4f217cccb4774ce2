package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// h2load prints for people; these are the lines that count.
var (
	h2Finished = regexp.MustCompile(`finished in ([0-9.]+)(ms|us|s), ([0-9.]+) req/s`)
	h2Requests = regexp.MustCompile(`requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2Traffic  = regexp.MustCompile(`traffic: .* \((\d+)\) data`)
	h2Statuses = regexp.MustCompile(`status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx`)
)

// parseH2load fills in the run. least is what a response has at the least, in bytes; of the last ones h2load counts the
// requests and not all of the bytes, so a tenth may be missing.
func parseH2load(out []byte, least int64, run *Run) error {
	finished, requests := h2Finished.FindSubmatch(out), h2Requests.FindSubmatch(out)
	statuses, traffic := h2Statuses.FindSubmatch(out), h2Traffic.FindSubmatch(out)
	if finished == nil || requests == nil || statuses == nil || traffic == nil {
		return fmt.Errorf("bench: h2load said something else than expected: %s", out)
	}
	n := func(b []byte) int64 {
		i, _ := strconv.ParseInt(string(b), 10, 64) // digits, by the expression
		return i
	}
	rate, err := strconv.ParseFloat(string(finished[3]), 64)
	if err != nil || rate == 0 {
		return fmt.Errorf("bench: h2load's rate %q", finished[3])
	}
	// By its own rate: the time that it prints may have a warm-up in it.
	run.Requests = n(statuses[1])
	run.Seconds = float64(run.Requests) / rate
	run.Errors = joinErrors("failed", n(requests[2]), "of them errored", n(requests[3]),
		"of them timed out", n(requests[4]), "3xx", n(statuses[2]), "4xx", n(statuses[3]), "5xx", n(statuses[4]))
	if run.Requests > 0 && 10*n(traffic[1])/run.Requests < 9*least {
		run.Errors = fmt.Sprintf("%d bytes per response, expected %d or more", n(traffic[1])/run.Requests, least)
	}
	return nil
}

// parseH2log takes h2load's lines of start, status and microseconds.
func parseH2log(r io.Reader) (p50, p99 float64) {
	var times []float64
	for lines := bufio.NewScanner(r); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[1] == "-1" {
			continue
		}
		if us, err := strconv.ParseFloat(fields[2], 64); err == nil {
			times = append(times, us)
		}
	}
	slices.Sort(times)
	return percentile(times, 0.5), percentile(times, 0.99)
}

func (j job) runH2load(ctx context.Context, run *Run, conns, streams int, more ...string) error {
	logFile := filepath.Join(j.work, "h2load.log")
	defer os.Remove(logFile)
	args := append(more, "-c"+strconv.Itoa(conns), "-m"+strconv.Itoa(streams),
		"-D"+wholeSeconds(j.duration), "--log-file="+logFile, j.url())
	out, err := output(ctx, j.duration+30*time.Second, "h2load", args...)
	if err != nil {
		return err
	}
	if err := parseH2load(out, j.load.check.length, run); err != nil {
		return err
	}
	log, err := os.ReadFile(logFile)
	if err != nil {
		return err
	}
	run.P50, run.P99 = parseH2log(bytes.NewReader(log))
	return nil
}
