package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// wrkLine is what lua/bench.lua prints; times are microseconds.
type wrkLine struct {
	Requests, Micros, Bytes               int64
	P50, P99, Max                         float64
	Connect, Read, Write, Status, Timeout int64
}

var errNoLine = errors.New("bench: the client printed no line that begins with BENCH")

func parseWrk(out []byte) (wrkLine, error) {
	var line wrkLine
	for l := range bytes.Lines(out) {
		if rest, ok := bytes.CutPrefix(l, []byte("BENCH ")); ok {
			if err := json.Unmarshal(rest, &line); err != nil {
				return line, fmt.Errorf("bench: wrk's results %q: %w", rest, err)
			}
			return line, nil
		}
	}
	return line, errNoLine
}

func (l wrkLine) fill(run *Run) {
	run.Requests, run.Seconds = l.Requests, float64(l.Micros)/1e6
	run.P50, run.P99 = l.P50, l.P99
	run.Errors = joinErrors("connect errors", l.Connect, "read errors", l.Read, "write errors", l.Write,
		"bad statuses", l.Status, "timeouts", l.Timeout)
}

// runWrk drives conns connections. least is what a response has at the least, in bytes: fewer on average means
// that something else came back.
func (j job) runWrk(ctx context.Context, run *Run, url string, conns int, least int64, script ...string) error {
	args := []string{
		"-t1", "-c" + strconv.Itoa(conns), "-d" + wholeSeconds(j.duration) + "s",
		"--timeout", "10s", "-s", j.path("lua/bench.lua"), url, "--",
	}
	out, err := output(ctx, j.duration+30*time.Second, "wrk", append(args, script...)...)
	if err != nil {
		return err
	}
	line, err := parseWrk(out)
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	line.fill(run)
	if line.Requests > 0 && line.Bytes/line.Requests < least {
		run.Errors = fmt.Sprintf("%d bytes per response, expected %d or more", line.Bytes/line.Requests, least)
	}
	return nil
}

// wholeSeconds is for clients that know no fractions.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second)))
}

// output runs a client that must not hang for ever.
func output(ctx context.Context, limit time.Duration, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("bench: %s: %w: %s", name, err, bytes.TrimSpace(bad.Bytes()))
	}
	return out.Bytes(), nil
}
