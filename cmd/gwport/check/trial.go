package check

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// trial is one check under way: the programs it has started, and what they did.
//
// A check is a function that reads from top to bottom. What it waits for and
// does not get ends it there, by a panic that runCheck catches, as a test's
// FailNow does: an error returned from each of four lines in five would hide
// what is checked.
type trial struct {
	set *settings

	mu         sync.Mutex
	hosts      []*host
	note       string
	violations []violation
	seenFrames int
	seenLogs   int
}

// failure ends a check whose rule is broken, skipped one that cannot be made.
type (
	failure struct{ seen, expected string }
	skipped struct{ reason string }
)

// violation is a rule that the watch found broken, whatever was being checked.
type violation struct{ rule, seen, expected string }

// fail ends the check.
func (t *trial) fail(seen, expected string) {
	panic(failure{seen, expected})
}

// with adds to a failure what it was about, for a check of many cases.
func (t *trial) with(what string, do func()) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case failure:
			v.expected += " for " + what
			panic(v)
		default:
			panic(v)
		}
	}()
	do()
}

// skip ends the check as not tested.
func (t *trial) skip(format string, args ...any) {
	panic(skipped{fmt.Sprintf(format, args...)})
}

// saw notes what was seen, for a check that passes.
func (t *trial) saw(format string, args ...any) { t.note = fmt.Sprintf(format, args...) }

// sawFrame counts a frame that the watch looks at.
func (t *trial) sawFrame() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seenFrames++
}

// violated notes a broken rule. The first of a rule is kept; the rest most often
// follow from it.
func (t *trial) violated(rule, expected, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.violations, func(v violation) bool { return v.rule == rule }) {
		t.violations = append(t.violations, violation{rule, fmt.Sprintf(format, args...), expected})
	}
}

// start starts the program and says nothing to it yet.
func (t *trial) start(h hello) *host {
	versions := fmt.Sprint(h.min())
	if h.max() > h.min() {
		versions += fmt.Sprintf("-%d", h.max())
	}
	return t.startWith(h, "GWPORT="+versions, "GWPORT_STDERR=")
}

func (t *trial) startWith(h hello, env ...string) *host {
	p, err := newProcess(t.set.command, t.set.dir, env...)
	if err != nil {
		panic(cannotStart{err})
	}
	hst := newHost(t, p, h)
	t.mu.Lock()
	t.hosts = append(t.hosts, hst)
	t.mu.Unlock()
	return hst
}

// cannotStart ends the whole run.
type cannotStart struct{ err error }

// greet starts the program and greets it.
func (t *trial) greet(h hello) *host {
	hst := t.start(h)
	hst.sendHello()
	hst.awaitReady()
	return hst
}

// app is greet for a check that needs the check app (SPEC.md, section 13).
func (t *trial) app(h hello) *host {
	hst := t.greet(h)
	if !slices.Contains(hst.ready.apps, checkApp) {
		t.skip("ready's apps do not name %s", checkApp)
	}
	return hst
}

// stop ends what the check has started.
func (t *trial) stop() {
	t.mu.Lock()
	hosts := slices.Clone(t.hosts)
	t.mu.Unlock()
	for _, h := range hosts {
		h.stop()
	}
}

// runCheck runs one check in bounded time: whatever it waits for ends at the
// latest when its programs are killed.
func runCheck(set *settings, do func(*trial)) (out outcome, t *trial) {
	t = &trial{set: set}
	began := time.Now()
	guard := time.AfterFunc(20*set.patience+set.start, t.stop)
	defer func() {
		guard.Stop()
		t.stop()
		out.took = time.Since(began)
		if out.status == Fail {
			out.seen += t.lastWords()
		}
	}()
	defer func() {
		switch v := recover().(type) {
		case nil:
			out.status, out.seen = Pass, t.note
		case failure:
			out.status, out.seen, out.expected = Fail, v.seen, v.expected
		case skipped:
			out.status, out.reason = NotTested, v.reason
		case cannotStart:
			out.err = fmt.Errorf("cannot start the program: %w", v.err)
		default:
			panic(v)
		}
	}()
	do(t)
	return out, t
}

// lastWords is what the program wrote last to its standard error.
func (t *trial) lastWords() string {
	for _, h := range t.hosts {
		for _, text := range []*tail{&h.p.stderr.text, h.p.own} {
			if line := text.last(); line != "" {
				return fmt.Sprintf(" (the program's last words: %q)", line)
			}
		}
	}
	return ""
}

// outcome is what became of a check.
type outcome struct {
	status         Status
	seen, expected string
	reason         string
	took           time.Duration
	err            error
}
