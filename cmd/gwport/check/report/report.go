// Package report is what a check tells of a program or a host: a line for each
// thing that SPEC.md expects, as text or as JSON.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Status is what became of a rule.
type Status string

// The three there are.
const (
	Pass      Status = "pass"
	Fail      Status = "FAIL"
	NotTested Status = "not tested"
)

// Result is one line of the report.
type Result struct {
	Rule     string `json:"rule"` // its id in SPEC.md, or a section's number
	Name     string `json:"name"` // what is expected, as a sentence
	Status   Status `json:"status"`
	Seen     string `json:"seen,omitempty"`
	Expected string `json:"expected,omitempty"` // where it failed
	Reason   string `json:"reason,omitempty"`   // why it was not tested
	Millis   int64  `json:"ms"`
}

// Outcome is what became of a check.
type Outcome struct {
	Status         Status
	Seen, Expected string
	Reason         string
	Took           time.Duration
	Err            error // the check could not be made
}

// Untested is the outcome of a check that was not made.
func Untested(reason string) Outcome { return Outcome{Status: NotTested, Reason: reason} }

// Failed is the outcome of a check that failed.
func Failed(seen, expected string) Outcome {
	return Outcome{Status: Fail, Seen: seen, Expected: expected}
}

// Report is what a run found.
type Report struct {
	Command   []string `json:"command"`
	Program   string   `json:"program"` // its name and version, as ready has them
	Results   []Result `json:"results"`
	Passed    int      `json:"passed"`
	Failed    int      `json:"failed"`
	NotTested int      `json:"not_tested"`
	Millis    int64    `json:"ms"`
}

// Add adds a line.
func (r *Report) Add(id, name string, out Outcome) {
	switch out.Status {
	case Pass:
		r.Passed++
	case Fail:
		r.Failed++
	default:
		r.NotTested++
	}
	r.Results = append(r.Results, Result{
		Rule: id, Name: name, Status: out.Status, Seen: out.Seen,
		Expected: out.Expected, Reason: out.Reason, Millis: out.Took.Milliseconds(),
	})
}

// Print writes the report, and returns the exit code.
func (r Report) Print(to io.Writer, asJSON bool) int {
	if asJSON {
		e := json.NewEncoder(to)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		_ = e.Encode(r)
	} else {
		r.writeText(to)
	}
	if r.Failed > 0 {
		return 1
	}
	return 0
}

// writeText prints a line for each rule and a summary.
func (r Report) writeText(w io.Writer) {
	for _, res := range r.Results {
		fmt.Fprintln(w, res)
	}
	program := r.Program
	if program == "" {
		program = strings.Join(r.Command, " ")
	}
	fmt.Fprintf(w, "%s: %d passed, %d failed, %d not tested, in %.1f s\n",
		program, r.Passed, r.Failed, r.NotTested, float64(r.Millis)/1000)
}

// String is the line; what has line breaks in it has them escaped.
func (r Result) String() string {
	return strings.ReplaceAll(r.line(), "\n", `\n`)
}

func (r Result) line() string {
	line := fmt.Sprintf("%-10s [%s] %s", r.Status, r.Rule, r.Name)
	switch {
	case r.Status == Fail:
		return line + ": seen " + r.Seen + ", expected " + r.Expected
	case r.Status == NotTested:
		return line + ": " + r.Reason
	case r.Seen != "":
		return line + " (" + r.Seen + ")"
	}
	return line
}
