package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sync"
)

// record is a line of the file in which mirrors, and the clients that ask them,
// note what they saw: one of the watch, of a script, or of a client.
type record struct {
	Rule     string `json:"rule,omitempty"`
	Script   string `json:"script,omitempty"`
	Status   Status `json:"status,omitempty"`
	Seen     string `json:"seen,omitempty"`
	Expected string `json:"expected,omitempty"`

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

func (r *recorder) kept(rule string) { r.write(record{Rule: rule, Status: Pass}, "kept "+rule) }

func (r *recorder) broke(rule, seen, expected string) {
	r.write(record{Rule: rule, Status: Fail, Seen: seen, Expected: expected}, "broke "+rule)
}

func (r *recorder) verdict(script string, out outcome) {
	r.write(record{Script: script, Status: out.status, Seen: out.seen, Expected: out.expected}, "")
}

// hostReport makes the report of all records.
func hostReport(from io.Reader) (Report, error) {
	var all []record
	for d := json.NewDecoder(from); ; {
		var rec record
		err := d.Decode(&rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			return Report{}, fmt.Errorf("record %d: %w", len(all)+1, err)
		}
		if rec.Rule == "" && rec.Script == "" && rec.Client == "" {
			return Report{}, fmt.Errorf("record %d: it has no rule, script or client", len(all)+1)
		}
		all = append(all, rec)
	}
	if len(all) == 0 {
		return Report{}, errors.New("no record: nothing was tested")
	}
	rep := Report{Program: "the host"}
	for _, w := range hostWatched {
		rep.add(w.id, w.name+" (watched)", watchedOutcome(w.id, all))
	}
	for _, s := range hostScripts() {
		rep.add(s.rule, s.name, s.outcome(all))
	}
	return rep, nil
}

// watchedOutcome is what became of a rule of the watch, in all programs.
func watchedOutcome(id string, all []record) outcome {
	kept := 0
	for _, rec := range all {
		switch {
		case rec.Rule != id:
		case rec.Status == Fail:
			return outcome{status: Fail, seen: rec.Seen, expected: rec.Expected}
		default:
			kept++
		}
	}
	if kept == 0 {
		return outcome{status: NotTested, reason: "nothing of the kind has come"}
	}
	return outcome{status: Pass, seen: fmt.Sprintf("in %d programs", kept)}
}

// outcome is what became of a script: what the mirror says, and what the clients
// got.
func (s hostScript) outcome(all []record) outcome {
	said, clients := outcome{status: NotTested, reason: "nobody asked for it"}, 0
	for _, rec := range all {
		switch {
		case rec.Script == s.path && said.status != Fail:
			said = outcome{status: rec.Status, seen: rec.Seen, expected: rec.Expected}
		case rec.Client == s.path:
			if wrong := s.ask.judge(rec); wrong.status == Fail {
				return wrong
			}
			clients++
		}
	}
	switch {
	case said.status == Fail:
	case clients < s.ask.clients():
		return outcome{status: NotTested, reason: fmt.Sprintf("%d of %d clients have said what they got", clients, s.ask.clients())}
	case s.run == nil && s.live == nil: // only the client can tell
		return outcome{status: Pass}
	}
	return said
}

// judge holds what a client got against what it should get.
func (a ask) judge(rec record) outcome {
	got := fmt.Sprintf("a client got %d (whole: %v, %d informs)", rec.Code, rec.Whole, rec.Informs)
	switch {
	case len(a.status) == 0: // it has left
	case !slices.Contains(a.status, rec.Code):
		return outcome{status: Fail, seen: got, expected: fmt.Sprintf("status %v", a.status)}
	case rec.Whole == a.broken:
		return outcome{status: Fail, seen: got, expected: fmt.Sprintf("a response that is whole: %v", !a.broken)}
	case rec.Informs != a.informs:
		return outcome{status: Fail, seen: got, expected: fmt.Sprintf("%d informational responses", a.informs)}
	case a.answer != "" && rec.CRC != crc32.ChecksumIEEE([]byte(a.answer)), a.bodiless && rec.CRC != 0:
		return outcome{status: Fail, seen: got + " with another body", expected: "the body that was sent"}
	}
	return outcome{status: Pass}
}
