package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const settleLimit = 20 * time.Second

// figures are what must not grow: counts, and bytes.
type figures map[string]int64

// rows is in front of the name of each ets table; they are counted as the others of these are.
const rows = "rows."

// countedFigures are those that come back to what they were, to the last one.
var countedFigures = []string{"processes", "ports", "tables", "descriptors", "programs", "folders"}

// Memory may be as much larger, by the allocators' ways and by what is kept for the next time: a leak of each request, or
// of each fault, is more in a full run.
const (
	moreBytes    = 8 << 20
	moreResident = 64 << 20
)

func (n *node) figures(work string) (figures, error) {
	words, err := n.ask("figures")
	if err != nil {
		return nil, err
	}
	f := make(figures)
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		if f[name], err = strconv.ParseInt(value, 10, 64); err != nil {
			return nil, fmt.Errorf("soak: the node's figures: %w", err)
		}
	}
	beam := n.cmd.Process.Pid
	for _, pid := range below(beam) {
		f["programs"]++
		f["descriptors"] += descriptors(pid)
	}
	f["resident"] = resident(beam)
	folders, _ := filepath.Glob(filepath.Join(work, "gwport-*")) // fails for a bad pattern only
	f["folders"] = int64(len(folders))
	return f, nil
}

// settled asks until nothing is more than before, or nothing changes any more. Without before it waits for the latter.
func (n *node) settled(work string, before figures) (figures, error) {
	var last figures
	for limit := time.Now().Add(settleLimit); ; {
		now, err := n.figures(work)
		if err != nil {
			return nil, err
		}
		if before == nil && last != nil && len(now.grown(last)) == 0 && len(last.grown(now)) == 0 {
			return now, nil
		}
		if before != nil && len(now.grown(before)) == 0 || time.Now().After(limit) {
			return now, nil
		}
		last = now
		time.Sleep(10 * look)
	}
}

// grown names what is more than it was.
func (f figures) grown(before figures) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(f)) {
		isRows := strings.HasPrefix(name, rows)
		if f[name] > before[name] && (isRows || slices.Contains(countedFigures, name)) {
			all = append(all, fmt.Sprintf("%s %d (%d)", name, f[name], before[name]))
		}
	}
	if f["bytes"] > before["bytes"]+moreBytes {
		all = append(all, fmt.Sprintf("bytes %d (%d)", f["bytes"], before["bytes"]))
	}
	if f["resident"] > before["resident"]+moreResident {
		all = append(all, fmt.Sprintf("resident %d (%d)", f["resident"], before["resident"]))
	}
	return all
}

func (f figures) print(out io.Writer, before figures) {
	fmt.Fprint(out, "at the end, and before the faults:")
	for _, name := range append(countedFigures, "bytes", "resident") {
		fmt.Fprintf(out, " %s %d (%d)", name, f[name], before[name])
	}
	fmt.Fprintf(out, " rows %d (%d)\n", f.rows(), before.rows())
}

// rows are those of all tables.
func (f figures) rows() int64 {
	var sum int64
	for name, n := range f {
		if strings.HasPrefix(name, rows) {
			sum += n
		}
	}
	return sum
}

// below gives a process and all that it, or its children, have started. Zombies are none.
func below(root int) []int {
	children := make(map[int][]int)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if parent, state := status(pid); state != "Z" && state != "" {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	all := []int{root}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}

// status reads /proc/PID/stat, where the name is in parentheses and may have any character in it.
func status(pid int) (parent int, state string) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, ""
	}
	fields := strings.Fields(string(line[strings.LastIndexByte(string(line), ')')+1:]))
	parent, _ = strconv.Atoi(fields[1])
	return parent, fields[0]
}

func descriptors(pid int) int64 {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)) // it may have ended
	return int64(len(entries))
}

func resident(pid int) int64 {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(line))[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
