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
	h2Statuses = regexp.MustCompile(`status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx`)
)

func parseH2load(out []byte, run *Run) error {
	finished, requests := h2Finished.FindSubmatch(out), h2Requests.FindSubmatch(out)
	statuses := h2Statuses.FindSubmatch(out)
	if finished == nil || requests == nil || statuses == nil {
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

func (j job) runH2load(ctx context.Context, run *Run, url string, conns, streams int) error {
	logFile := filepath.Join(j.work, "h2load.log")
	defer os.Remove(logFile)
	out, err := output(ctx, j.duration+30*time.Second, "h2load", "-c"+strconv.Itoa(conns), "-m"+strconv.Itoa(streams),
		"-D"+wholeSeconds(j.duration), "--log-file="+logFile, url)
	if err != nil {
		return err
	}
	if err := parseH2load(out, run); err != nil {
		return err
	}
	log, err := os.ReadFile(logFile)
	if err != nil {
		return err
	}
	run.P50, run.P99 = parseH2log(bytes.NewReader(log))
	return nil
}
