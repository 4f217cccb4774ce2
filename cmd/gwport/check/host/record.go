package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"

	"github.com/gwport/gwport/cmd/gwport/check/report"
)

// record is a line of the file in which mirrors, and the clients that ask them,
// note what they saw: one of the watch, of a script, or of a client.
type record struct {
	Rule     string        `json:"rule,omitempty"`
	Script   string        `json:"script,omitempty"`
	Status   report.Status `json:"status,omitempty"`
	Seen     string        `json:"seen,omitempty"`
	Expected string        `json:"expected,omitempty"`

	// What a client got: the script's path, and of the response the status (0 if
	// it did not wait for one), whether it was whole, the informational ones
	// before it, and its body's CRC-32.
	Client  string `json:"client,omitempty"`
	Code    int    `json:"code,omitempty"`
	Whole   bool   `json:"whole,omitempty"`
	Informs int    `json:"informs,omitempty"`
	CRC     uint32 `json:"crc,omitempty"`
}

// recorder appends records, each in one write: many programs may share a file.
// What is kept is noted once for each program, and so is what is broken.
type recorder struct {
	mu   sync.Mutex
	to   io.Writer
	said map[string]bool
}

func newRecorder(to io.Writer) *recorder { return &recorder{to: to, said: map[string]bool{}} }

func (r *recorder) write(rec record, once string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said[once] && once != "" {
		return
	}
	r.said[once] = true
	b, err := json.Marshal(rec)
	if err == nil {
		_, err = r.to.Write(append(b, '\n'))
	}
	if err != nil {
		panic(err) // a report that is not written must not look like one of nothing
	}
}

func (r *recorder) kept(rule string) { r.write(record{Rule: rule, Status: report.Pass}, "kept "+rule) }

func (r *recorder) broke(rule, seen, expected string) {
	r.write(record{Rule: rule, Status: report.Fail, Seen: seen, Expected: expected}, "broke "+rule)
}

func (r *recorder) verdict(script string, out report.Outcome) {
	r.write(record{Script: script, Status: out.Status, Seen: out.Seen, Expected: out.Expected}, "")
}

// Read makes the report of all records.
func Read(from io.Reader) (report.Report, error) {
	var all []record
	for d := json.NewDecoder(from); ; {
		var rec record
		err := d.Decode(&rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			return report.Report{}, fmt.Errorf("record %d: %w", len(all)+1, err)
		}
		if rec.Rule == "" && rec.Script == "" && rec.Client == "" {
			return report.Report{}, fmt.Errorf("record %d: it has no rule, script or client", len(all)+1)
		}
		all = append(all, rec)
	}
	if len(all) == 0 {
		return report.Report{}, errors.New("no record: nothing was tested")
	}
	rep := report.Report{Program: "the host"}
	for _, s := range Lines() {
		if s.Path == "" {
			rep.Add(s.Rule, s.Name, watchedOutcome(s.Rule, all))
		} else {
			rep.Add(s.Rule, s.Name, s.outcome(all))
		}
	}
	return rep, nil
}

// watchedOutcome is what became of a rule of the watch, in all programs.
func watchedOutcome(id string, all []record) report.Outcome {
	kept := 0
	for _, rec := range all {
		switch {
		case rec.Rule != id:
		case rec.Status == report.Fail:
			return report.Failed(rec.Seen, rec.Expected)
		default:
			kept++
		}
	}
	if kept == 0 {
		return report.Untested("nothing of the kind has come")
	}
	return report.Outcome{Status: report.Pass, Seen: fmt.Sprintf("in %d programs", kept)}
}

// outcome is what became of a script: what the mirror says, and what the clients
// got.
func (s Script) outcome(all []record) report.Outcome {
	said, clients := report.Untested("nobody asked for it"), 0
	for _, rec := range all {
		switch {
		case rec.Script == s.Path && said.Status != report.Fail:
			said = report.Outcome{Status: rec.Status, Seen: rec.Seen, Expected: rec.Expected}
		case rec.Client == s.Path:
			if wrong := s.ask.judge(rec); wrong.Status == report.Fail {
				return wrong
			}
			clients++
		}
	}
	switch {
	case said.Status == report.Fail:
	case clients < s.ask.clients():
		return report.Untested(fmt.Sprintf("%d of %d clients have said what they got", clients, s.ask.clients()))
	case !s.isPlayed():
		return report.Outcome{Status: report.Pass}
	}
	return said
}

// judge holds what a client got against what it should get.
func (a ask) judge(rec record) report.Outcome {
	got := fmt.Sprintf("a client got %d (whole: %v, %d informs)", rec.Code, rec.Whole, rec.Informs)
	switch {
	case len(a.status) == 0: // it has left
	case !slices.Contains(a.status, rec.Code):
		return report.Failed(got, fmt.Sprintf("status %v", a.status))
	case rec.Whole == a.broken:
		return report.Failed(got, fmt.Sprintf("a response that is whole: %v", !a.broken))
	case rec.Informs != a.informs:
		return report.Failed(got, fmt.Sprintf("%d informational responses", a.informs))
	case a.answer != nil && rec.CRC != crc32.ChecksumIEEE(a.answer), a.bodiless && rec.CRC != 0:
		return report.Failed(got+" with another body", "the body that was sent")
	}
	return report.Outcome{Status: report.Pass}
}
