package program

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/cmd/gwport/check/report"
)

// trial is one check under way: the programs it has started, and what they did.
type trial struct {
	set *settings

	mu         sync.Mutex
	hosts      []*host
	note       string
	violations []violation
	seenFrames int
	seenLogs   int
}

// violation is a rule that the watch found broken, whatever was being checked.
type violation struct{ rule, seen, expected string }

// skip ends the check as not tested.
func skip(format string, args ...any) {
	panic(peer.Skipped{Reason: fmt.Sprintf(format, args...)})
}

// saw notes what was seen, for a check that passes.
func (t *trial) saw(format string, args ...any) { t.note = fmt.Sprintf(format, args...) }

// violated notes a broken rule. The first of a rule is kept; the rest most often
// follow from it.
func (t *trial) violated(rule, expected, seen string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.violations, func(v violation) bool { return v.rule == rule }) {
		t.violations = append(t.violations, violation{rule, seen, expected})
	}
}

// start starts the program and says nothing to it yet.
func (t *trial) start(h hello) *host {
	versions := fmt.Sprint(h.min())
	if h.max() > h.min() {
		versions += fmt.Sprintf("-%d", h.max())
	}
	p, err := newProcess(t.set.command, t.set.dir, "GWPORT="+versions, "GWPORT_STDERR=")
	if err != nil {
		panic(peer.CannotStart{Err: err})
	}
	hst := newHost(t, p, h)
	t.mu.Lock()
	t.hosts = append(t.hosts, hst)
	t.mu.Unlock()
	return hst
}

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
		skip("ready's apps do not name %s", checkApp)
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
func runCheck(set *settings, do func(*trial)) (out report.Outcome, t *trial) {
	t = &trial{set: set}
	began := time.Now()
	guard := time.AfterFunc(20*set.patience+set.start, t.stop)
	out = peer.Try(func() { do(t) })
	guard.Stop()
	t.stop()
	out.Took = time.Since(began)
	switch {
	case out.Err != nil:
		out.Err = fmt.Errorf("cannot start the program: %w", out.Err)
	case out.Status == report.Pass:
		out.Seen = t.note
	case out.Status == report.Fail:
		out.Seen += t.lastWords()
	}
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
