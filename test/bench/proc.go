package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: 1/100 s on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// stat is what we want of /proc/PID/stat. CPU includes children that have ended and were waited for.
type stat struct {
	pid, parent int
	kind        string
	cpu         time.Duration
	rss         int64
}

// parseStat takes the line apart. The name is in parentheses and may have any character in it, so what follows is
// counted from the last one.
func parseStat(line string, pageSize int) (stat, error) {
	first, last := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if first < 0 || last < first {
		return stat{}, fmt.Errorf("bench: no process: %q", line)
	}
	f := strings.Fields(line[last+1:])
	if len(f) < 22 {
		return stat{}, fmt.Errorf("bench: a short line of a process: %q", line)
	}
	// f[0] is field 3 of proc(5): state.
	s := stat{kind: kindOf(line[first+1 : last])}
	s.pid, _ = strconv.Atoi(strings.TrimSpace(line[:first]))
	s.parent, _ = strconv.Atoi(f[1])
	for _, field := range f[11:15] { // utime, stime, cutime, cstime
		n, _ := strconv.ParseInt(field, 10, 64)
		s.cpu += time.Duration(n) * tick
	}
	pages, _ := strconv.ParseInt(f[21], 10, 64)
	s.rss = pages * int64(pageSize)
	return s, nil
}

func kindOf(name string) string {
	switch {
	case name == "beam.smp" || strings.HasPrefix(name, "erl") || name == "inet_gethost":
		return "BEAM"
	case name == "nginx":
		return "nginx"
	}
	return "Go"
}

func readStat(pid int) (stat, error) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(line), os.Getpagesize())
}

// tree gives the processes below the roots, and these.
func tree(roots []int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return roots
	}
	children := map[int][]int{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if s, err := readStat(pid); err == nil {
				children[s.parent] = append(children[s.parent], pid)
			}
		}
	}
	all := append([]int(nil), roots...)
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// usage sums up processes by kind. One that has ended counts nothing here, but with its parent.
func usage(pids []int) (cpu map[string]time.Duration, rss map[string]int64) {
	cpu, rss = map[string]time.Duration{}, map[string]int64{}
	for _, pid := range pids {
		if s, err := readStat(pid); err == nil {
			cpu[s.kind] += s.cpu
			rss[s.kind] += s.rss
		}
	}
	return cpu, rss
}

// A meter measures processes from its start to its stop.
type meter struct {
	pids   []int
	before map[string]time.Duration
	peak   map[string]int64
	cancel context.CancelFunc
	done   chan struct{}
}

// startMeter also looks at the memory ten times a second: it is largest in the middle of a run.
func startMeter(roots []int) *meter {
	ctx, cancel := context.WithCancel(context.Background())
	m := &meter{pids: tree(roots), peak: map[string]int64{}, cancel: cancel, done: make(chan struct{})}
	m.before, _ = usage(m.pids)
	go func() {
		defer close(m.done)
		for t := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-t.C:
				m.look()
			case <-ctx.Done():
				t.Stop()
				return
			}
		}
	}()
	return m
}

// restart forgets what was spent so far. A warm-up has no meter.
func (m *meter) restart() {
	if m != nil {
		m.before, _ = usage(m.pids)
	}
}

func (m *meter) look() {
	_, rss := usage(m.pids)
	for kind, n := range rss {
		m.peak[kind] = max(m.peak[kind], n)
	}
}

func (m *meter) stop(run *Run) {
	after, _ := usage(m.pids)
	m.cancel()
	<-m.done
	m.look()
	run.CPU, run.RSS = map[string]float64{}, m.peak
	for kind, d := range after {
		run.CPU[kind] = float64((d - m.before[kind]).Microseconds())
	}
}
