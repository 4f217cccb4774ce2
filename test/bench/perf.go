package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// syscalls are those that a request may cost, and the sum of all.
var syscalls = []string{
	"raw_syscalls:sys_enter", "syscalls:sys_enter_read", "syscalls:sys_enter_write", "syscalls:sys_enter_writev",
	"syscalls:sys_enter_recvfrom", "syscalls:sys_enter_sendto", "syscalls:sys_enter_sendmsg", "syscalls:sys_enter_futex",
	"syscalls:sys_enter_epoll_wait", "syscalls:sys_enter_epoll_pwait", "syscalls:sys_enter_epoll_ctl",
	"syscalls:sys_enter_nanosleep", "syscalls:sys_enter_sched_yield", "syscalls:sys_enter_tgkill",
}

var errNoPerf = errors.New("bench: there is no perf on PATH")

func lookAtSyscalls(ctx context.Context, j job, p *profile) error {
	if _, err := exec.LookPath("perf"); err != nil {
		return errNoPerf
	}
	byKind := map[string]string{}
	for _, pid := range tree(j.server.pids()) {
		if s, err := readStat(pid); err == nil {
			byKind[s.kind] = strings.TrimPrefix(byKind[s.kind]+","+strconv.Itoa(pid), ",")
		}
	}
	p.syscalls = map[string]map[string]float64{}
	// One kind at a time: counting costs, too.
	for kind, pids := range byKind {
		var counted map[string]float64
		run, err := under(ctx, j, func() error {
			ctx, cancel := context.WithTimeout(ctx, j.duration+10*time.Second)
			defer cancel()
			seconds := strconv.FormatFloat((j.duration / 2).Seconds(), 'f', 3, 64)
			out, err := exec.CommandContext(ctx, "perf", "stat", "-x", ",", "-e", strings.Join(syscalls, ","),
				"-p", pids, "--", "sleep", seconds).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			counted = parsePerfStat(string(out))
			return nil
		})
		if err != nil {
			return err
		}
		p.syscalls[kind] = perRequest(counted, run, j.duration)
	}
	return nil
}

// parsePerfStat takes lines of value, unit and event.
func parsePerfStat(out string) map[string]float64 {
	counts := map[string]float64{}
	for line := range strings.Lines(out) {
		f := strings.Split(line, ",")
		if len(f) < 3 {
			continue
		}
		name := strings.TrimPrefix(f[2], "syscalls:sys_enter_")
		if name == "raw_syscalls:sys_enter" {
			name = "all"
		}
		if n, err := strconv.ParseFloat(f[0], 64); err == nil {
			counts[name] = n
		}
	}
	return counts
}

// lookInside starts the contestant once more, with names for what the BEAM compiled and a profile by the Go program
// itself, which is on the disk when that has ended.
func (b *bench) lookInside(ctx context.Context, c contestant, p *profile, d time.Duration) error {
	goProfile := filepath.Join(b.work, "cpu.pprof")
	b.emulator = []string{"+JPperf", "true"}
	b.beamOptions = []string{"cpuprofile=" + goProfile}
	defer func() { b.emulator, b.beamOptions = nil, nil }()
	s, why := b.ready(ctx, c, b.loadNamed(profileLoad))
	if why != "" {
		return errors.New(why)
	}
	for _, pid := range s.pids() {
		defer os.Remove("/tmp/perf-" + strconv.Itoa(pid) + ".map") // where perf looks for the names, and nowhere else
	}
	j := job{bench: b, load: b.loadNamed(profileLoad), server: s, duration: d}
	_, err := under(ctx, j, func() error { return j.record(ctx, p) })
	b.endServers()
	if _, statErr := os.Stat(goProfile); statErr == nil {
		out, pprofErr := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=25", b.app, goProfile).Output()
		p.goHot = clip(string(out), 31)
		err = errors.Join(err, pprofErr, os.Remove(goProfile))
	}
	return err
}

// record samples by the clock: virtual machines may have no counters of cycles.
func (j job) record(ctx context.Context, p *profile) error {
	if _, err := exec.LookPath("perf"); err != nil {
		return errNoPerf
	}
	data := filepath.Join(j.work, "perf.data")
	defer os.Remove(data)
	var pids []string
	for _, pid := range tree(j.server.pids()) {
		pids = append(pids, strconv.Itoa(pid))
	}
	seconds := strconv.FormatFloat((j.duration / 2).Seconds(), 'f', 3, 64)
	out, err := exec.CommandContext(ctx, "perf", "record", "-q", "-e", "cpu-clock", "-F", "999", "-o", data,
		"-p", strings.Join(pids, ","), "--", "sleep", seconds).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	report := exec.CommandContext(ctx, "perf", "report", "--stdio", "-i", data, "--sort", "dso,symbol",
		"--percent-limit", "0.7", "-g", "none")
	out, err = report.Output()
	p.hot = clip(withoutComments(string(out)), 40)
	return err
}

func withoutComments(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \n-"); line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n") + "\n"
}

// clip keeps some lines, and no path of the machine among them: pprof names its file.
func clip(text string, lines int) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "File:") && len(kept) < lines {
			kept = append(kept, strings.TrimRight(line, " \n"))
		}
	}
	return strings.Join(kept, "\n") + "\n"
}
