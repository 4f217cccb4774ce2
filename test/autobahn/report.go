package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// report prints what was found: verdicts by chapter, what the libraries do not pass under net/http, and what differs.
func report(out io.Writer, rows []row) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "chapter\tcases\thandlers\tunder net/http\tby route\tby stream")
	for _, c := range chapters {
		printChapter(table, c, rows)
	}
	_ = table.Flush() // of what out is, the caller hears
	for _, r := range rows {
		if !r.results[0].good() {
			fmt.Fprintf(out, "not passed under net/http: %s by %s (%s): %s\n", r.testCase.id, r.handler, r.testCase.about, r.results[0])
			if r.whys[0] != "" {
				fmt.Fprintf(out, "  %s\n", r.whys[0])
			}
		}
	}
	for _, r := range rows {
		if !r.same() {
			fmt.Fprint(out, difference(r))
		}
	}
}

// printChapter has one line for handlers of which the same is to be said.
func printChapter(out io.Writer, c chapter, rows []row) {
	type line struct {
		cases    int
		found    string
		handlers []string
	}
	var lines []line
	for _, handler := range handlers {
		cases, found := countChapter(c, handler, rows)
		i := slices.IndexFunc(lines, func(l line) bool { return l.found == found })
		if i < 0 {
			i, lines = len(lines), append(lines, line{cases: cases, found: found})
		}
		lines[i].handlers = append(lines[i].handlers, handler)
	}
	for _, l := range lines {
		if l.cases == 0 {
			continue
		}
		names := strings.Join(l.handlers, " ")
		if len(l.handlers) == len(handlers) {
			names = "all"
		}
		fmt.Fprintf(out, "%d %s\t%d\t%s\t%s\n", c.number, c.name, l.cases, names, l.found)
	}
}

// countChapter counts one handler's verdicts, and those of our servers that are others.
func countChapter(c chapter, handler string, rows []row) (cases int, found string) {
	verdicts := make(map[string]int)
	differ := make([]int, len(serverNames))
	for _, r := range rows {
		if r.handler != handler || r.testCase.chapter() != c.number {
			continue
		}
		cases++
		name := string(r.results[0].behavior)
		if closed := r.results[0].closing; closed != passed && closed != informational {
			name += " closed " + string(closed)
		}
		verdicts[name]++
		for i := range serverNames {
			if r.results[i] != r.results[0] {
				differ[i]++
			}
		}
	}
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(verdicts)) {
		counts = append(counts, fmt.Sprintf("%d %s", verdicts[name], name))
	}
	return cases, strings.Join([]string{strings.Join(counts, ", "), sameOr(differ[1]), sameOr(differ[2])}, "\t")
}

func sameOr(differ int) string {
	if differ == 0 {
		return "the same"
	}
	return fmt.Sprintf("%d differ", differ)
}

// difference is a line for each server of a row.
func difference(r row) string {
	text := fmt.Sprintf("differs: %s by %s (%s)\n", r.testCase.id, r.handler, r.testCase.about)
	for i, server := range serverNames {
		text += fmt.Sprintf("  %-8s  %s  %s\n", server, r.results[i], r.whys[i])
	}
	return text
}
