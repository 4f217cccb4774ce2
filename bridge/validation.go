package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/gateway"
)

// A Validation says how Apps are held to the gateway's rules (SPEC.md, part two), by
// [Validate] and, in development, by [Server]. With its zero value all rules are
// looked at, and what is found is logged.
type Validation struct {
	// Exclude names rules that are not looked at: by an id (body.close.once), by the
	// beginning of ids up to a dot (body.close, environ), or by * all of them, which
	// leaves the App as it is.
	Exclude []string

	// Report is called with what is found, in place of slog's default logger, which has
	// errors at its level of that name and warnings at its own. It is called by whatever
	// goroutine finds something, which may be several at a time.
	Report func(context.Context, Finding)

	// Fail makes a request fail whose App, or whose gateway, breaks a rule of severity
	// error: with 500 before the head is sent, and behind it the response is broken
	// off. What is found is reported all the same.
	Fail bool

	// Grace is how long an App, or its body, may go on when its context has ended: a
	// second if 0. Then rule life.cancel is broken.
	Grace time.Duration
}

// A Finding says that a rule of the gateway was broken. It has no values of header
// fields but harmless ones, no queries, and nothing of bodies.
type Finding struct {
	Rule     string `json:"rule"`            // its id in SPEC.md
	Severity string `json:"severity"`        // "error" or "warning"
	Side     string `json:"side"`            // whose fault it is: "gateway" (middleware in front of the validator included) or "app"
	Where    string `json:"where,omitempty"` // "PATH_INFO", "header etag", "block 3 of the body"
	Seen     string `json:"seen,omitempty"`  // what was seen there
	Says     string `json:"says"`            // the rule
	Hint     string `json:"hint"`            // what to do
	Method   string `json:"method"`          // of the request
	Path     string `json:"path"`            // of the request, as it was received, without its query
}

// log is what becomes of a finding that nobody else wants.
func (f Finding) log(ctx context.Context) {
	level := slog.LevelError
	if f.Severity == "warning" {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{slog.String("rule", f.Rule), slog.String("side", f.Side)}
	for _, a := range []slog.Attr{
		slog.String("where", f.Where), slog.String("seen", f.Seen), slog.String("hint", f.Hint),
		slog.String("method", f.Method), slog.String("path", f.Path),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	slog.LogAttrs(ctx, level, "bridge: broken rule "+f.Rule+": "+f.Says, attrs...)
}

// maxFindings is how many findings of one request are told.
const maxFindings = 64

// validator is a Validation at work.
type validator struct {
	Validation
	excluded map[string]bool
	writing  sync.Mutex // what is put into environs
	environs owners     // those that requests have now
	bodies   owners     // those that responses have now
}

// validatorKey is the context's key for the validator of Apps that have none of their own.
type validatorKey struct{}

// newValidator returns nil where nothing is left to be looked at.
func newValidator(v Validation) (*validator, error) {
	if v.Grace == 0 {
		v.Grace = time.Second
	}
	if v.Grace < 0 {
		return nil, fmt.Errorf("bridge: Validation.Grace is %v, expected more than 0", v.Grace)
	}
	for _, name := range v.Exclude {
		if !gateway.Known(name) {
			return nil, fmt.Errorf("bridge: Validation.Exclude has %q, which is no rule, nor the beginning of one", name)
		}
	}
	val := &validator{Validation: v, excluded: make(map[string]bool)}
	for _, r := range gateway.Rules() {
		if slices.ContainsFunc(v.Exclude, func(name string) bool { return gateway.Matches(name, r.ID) }) {
			val.excluded[r.ID] = true
		}
	}
	if len(val.excluded) == len(gateway.Rules()) {
		return nil, nil
	}
	return val, nil
}

// owners knows whose values are that only one may have at a time.
type owners struct {
	mu  sync.Mutex
	all map[uintptr]ownedBy
}

type ownedBy struct {
	owner any
	times int
}

// take notes that an owner has what v points to, and tells whether no other has it.
func (o *owners) take(v, owner any) bool {
	p := pointerOf(v)
	if p == 0 {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all == nil {
		o.all = make(map[uintptr]ownedBy)
	}
	now := o.all[p]
	if now.times > 0 && now.owner != owner {
		return false
	}
	o.all[p] = ownedBy{owner, now.times + 1}
	return true
}

// release undoes a take that has succeeded.
func (o *owners) release(v any) {
	p := pointerOf(v)
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.all[p]
	if now.times--; now.times <= 0 {
		delete(o.all, p)
		return
	}
	o.all[p] = now
}

// pointerOf is where a map is, or what a pointer points to; 0 for what cannot be told apart.
func pointerOf(v any) uintptr {
	switch r := reflect.ValueOf(v); {
	case r.Kind() == reflect.Map, r.Kind() == reflect.Pointer && r.Type().Elem().Size() > 0:
		return r.Pointer()
	}
	return 0
}
