package dev

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// teller is whoever is told what happens.
type teller interface {
	started(dir string)
	building()
	failed(result)
	built(result)
}

// eventsVersion is that of the lines below.
const eventsVersion = 1

// Bounds on what is told of one build that failed.
const (
	maxLine  = 4096
	maxLines = 500
)

// events tells a node, in lines:
//
//	gwport-dev started 1 DIR      the version of these lines; the folder to which file names in output are relative
//	gwport-dev building
//	gwport-dev output TEXT        a line of the compiler's, before failed; at most 500 of at most 4096 bytes
//	gwport-dev failed MS          the build took so long, and the program's file is as it was
//	gwport-dev built MS new|same  the program's file is of this build; same: it has been so before
//
// Other lines come from go, which says so where it cannot start this program.
type events struct{ w io.Writer }

func newEvents(w io.Writer) events { return events{w} }

func (e events) tell(format string, args ...any) {
	fmt.Fprintf(e.w, "gwport-dev "+format+"\n", args...)
}

func (e events) started(dir string) { e.tell("started %d %s", eventsVersion, dir) }

func (e events) building() { e.tell("building") }

func (e events) failed(r result) {
	lines := strings.Split(strings.TrimRight(r.output, "\n"), "\n")
	for i, line := range lines {
		if i == maxLines-1 && len(lines) > maxLines {
			e.tell("output (and %d lines more)", len(lines)-i)
			break
		}
		e.tell("output %s", oneLine(line))
	}
	e.tell("failed %d", r.took.Milliseconds())
}

func (e events) built(r result) {
	e.tell("built %d %s", r.took.Milliseconds(), map[bool]string{true: "new", false: "same"}[r.isNew])
}

// oneLine is bounded, and valid UTF-8.
func oneLine(line string) string {
	line = strings.TrimRight(line, "\r")
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	return strings.ToValidUTF8(line, "\uFFFD")
}

// terminal tells a person.
type terminal struct {
	w   io.Writer
	dir string
}

func (t *terminal) say(format string, args ...any) {
	fmt.Fprintf(t.w, "gwport dev: "+format+"\n", args...)
}

func (t *terminal) started(dir string) { t.say("watching %s", dir) }

func (t *terminal) building() {}

func (t *terminal) failed(r result) {
	t.say("the build failed (%s); what runs goes on\n%s", shortly(r.took), strings.TrimRight(r.output, "\n"))
}

func (t *terminal) built(r result) {
	if r.isNew {
		t.say("built (%s)", shortly(r.took))
		return
	}
	t.say("built (%s), and nothing has changed", shortly(r.took))
}

func shortly(d time.Duration) string { return d.Round(10 * time.Millisecond).String() }
