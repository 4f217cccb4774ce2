// Package program plays the BEAM's side of the wire (SPEC.md) against a port
// program in any language, and tells rule by rule whether the program keeps to
// it.
//
// Each check starts the program anew, as the BEAM would, so that no check sees
// what another has left; it waits for nothing longer than the patience it is
// given, and kills what it has started. That something must not come is known
// without waiting: the program is drained, and has said all there is when its
// standard output ends.
//
// Beside the checks there is the watch: every frame of the program's in any of
// them is held against the rules that bind always, such as the credit.
//
// Rules about bodies, credit and abort need an app that does what is asked of
// it, which SPEC.md describes in section 13. Where the program has none, they
// are not tested, which is neither a pass nor a failure.
package program

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gwport/gwport/cmd/gwport/check/report"
)

// Options say what is checked. The zero value of each but Command works.
type Options struct {
	Command []string // the program and its arguments

	// Rules are the ids of the rules to be checked; all if empty.
	Rules []string

	// Patience is how long anything that must come is waited for: 5 s if 0.
	// A check as a whole ends after 20 times as much, and Start.
	Patience time.Duration

	// Start is how long a program's first word is waited for: twice Patience
	// if 0, because it has to start, and an interpreter may have to be found by
	// a script first. By default that is the greeting timeout of SPEC.md.
	Start time.Duration

	// Parallel is how many checks run at a time: two for each processor if 0,
	// 8 at most. Those that measure time or need the machine run alone.
	Parallel int
}

type settings struct {
	command  []string
	dir      string // of the sockets
	patience time.Duration
	start    time.Duration
}

var errNoRule = errors.New("no such rule")

// Run checks a program. The error is for a program that cannot be started, or
// rules that there are not; what the program does wrong stands in the report.
func Run(o Options) (report.Report, error) {
	began := time.Now()
	chosen, err := choose(o.Rules)
	if err != nil {
		return report.Report{}, err
	}
	dir, err := os.MkdirTemp("", "gwport-check")
	if err != nil {
		return report.Report{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	set := &settings{o.Command, dir, o.Patience, o.Start}
	if set.patience == 0 {
		set.patience = 5 * time.Second
	}
	if set.start == 0 {
		set.start = 2 * set.patience
	}
	r := &runner{set: set, rules: chosen, outcomes: make([]report.Outcome, len(chosen)), broken: make(map[string]violation)}
	program, err := r.run(o.Parallel)
	if err != nil {
		return report.Report{}, err
	}
	rep := r.report()
	rep.Command, rep.Program = o.Command, program
	rep.Millis = time.Since(began).Milliseconds()
	return rep, nil
}

// choose returns the rules with those ids.
func choose(ids []string) ([]rule, error) {
	if len(ids) == 0 {
		return rules(), nil
	}
	var chosen []rule
	for _, r := range rules() {
		if slices.Contains(ids, r.id) {
			chosen = append(chosen, r)
		}
	}
	for _, id := range ids {
		if !slices.ContainsFunc(rules(), func(r rule) bool { return r.id == id }) {
			return nil, fmt.Errorf("%w to check: %s; there are %s", errNoRule, id, strings.Join(ruleIDs(), " "))
		}
	}
	return chosen, nil
}

// ruleIDs are the rules that bind a program, each once.
func ruleIDs() (ids []string) {
	for _, r := range rules() {
		if !slices.Contains(ids, r.id) {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// runner runs the checks of some rules.
type runner struct {
	set   *settings
	rules []rule

	mu       sync.Mutex
	greeting report.Outcome
	outcomes []report.Outcome
	broken   map[string]violation // by rule
	checks   int
	frames   int // of the program, in all checks
	logs     int
}

// run greets the program once, to know that the rest makes sense, and then runs
// the checks: those that may run together, and then the others.
func (r *runner) run(parallel int) (program string, err error) {
	first, t := runCheck(r.set, func(t *trial) {
		h := t.greet(hello{})
		program = h.ready.texts["name"] + " " + h.ready.texts["program_version"]
	})
	if first.Err != nil {
		return "", first.Err
	}
	r.greeting = first
	r.watched(t, "the greeting")
	if parallel == 0 {
		parallel = min(2*runtime.NumCPU(), 8)
	}
	r.together(parallel, program != "")
	for i, rule := range r.rules {
		if rule.alone && r.makesSense(i, program != "") {
			r.one(i)
		}
	}
	for _, out := range r.outcomes {
		if out.Err != nil {
			return "", out.Err
		}
	}
	return program, nil
}

// together runs the checks that may run beside others.
func (r *runner) together(parallel int, greeted bool) {
	todo := make(chan int)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for i := range todo {
				r.one(i)
			}
		})
	}
	for i, rule := range r.rules {
		if rule.check != nil && !rule.alone && r.makesSense(i, greeted) {
			todo <- i
		}
	}
	close(todo)
	workers.Wait()
}

// makesSense tells whether a check is worth its time: with a program that cannot be
// greeted most would only wait.
func (r *runner) makesSense(i int, greeted bool) bool {
	if greeted || r.rules[i].id[0] == 'G' {
		return true
	}
	r.outcomes[i] = report.Untested("the program cannot be greeted")
	return false
}

// one runs one check.
func (r *runner) one(i int) {
	out, t := runCheck(r.set, r.rules[i].check)
	r.outcomes[i] = out
	r.watched(t, fmt.Sprintf("[%s] %s", r.rules[i].id, r.rules[i].name))
}

// watched takes over what the watch has found in a check.
func (r *runner) watched(t *trial, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.checks++
	r.frames += t.seenFrames
	r.logs += t.seenLogs
	for _, v := range t.violations {
		if _, known := r.broken[v.rule]; !known {
			v.seen += ", while checking " + what
			r.broken[v.rule] = v
		}
	}
}

// report makes the lines. A rule of the watch is broken if any check has seen it
// broken.
func (r *runner) report() (rep report.Report) {
	if out := r.greeting; out.Status != report.Pass {
		// Whichever rules were asked for, this is no program.
		rep.Add("G1", "the program can be greeted", out)
	}
	for i, rule := range r.rules {
		out := r.outcomes[i]
		if rule.check == nil {
			out = r.watchOutcome(rule.id)
		}
		rep.Add(rule.id, rule.name, out)
	}
	return rep
}

func (r *runner) watchOutcome(id string) report.Outcome {
	v, broken := r.broken[id]
	switch {
	case broken:
		return report.Failed(v.seen, v.expected)
	case r.frames == 0:
		return report.Untested("the program has sent no frame")
	case id == "D5" && r.logs == 0:
		return report.Untested("the program has logged nothing")
	case id == "D5":
		return report.Outcome{Status: report.Pass, Seen: fmt.Sprintf("%d lines", r.logs)}
	}
	return report.Outcome{Status: report.Pass, Seen: fmt.Sprintf("in %d frames of %d checks", r.frames, r.checks)}
}
