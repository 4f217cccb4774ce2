package bridge

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge/internal/gateway"
)

// Validate returns middleware that holds both of its sides to the gateway's rules: who
// calls it, by the environ, the input and what is done with the body; and the App
// behind it, by what that reads and returns. It changes nothing of what passes it,
// unless v.Fail is set; but the types of input and body are its own, so that nothing but
// reading, closing and the length of a body in memory can be asked of them. It panics if
// v cannot be.
//
// An App is validated without it where the program's host runs for development (the
// pool's option dev), and under GWPORT_HTTP, as [Server.Validation] says. One that has
// Validate in it is validated there instead. Handlers that are no Apps are not
// validated: what they are promised, and what they do wrong, is net/http's affair.
func Validate(v Validation) Middleware {
	val, err := newValidator(v)
	if err != nil {
		panic(err)
	}
	return func(app App) App {
		if val == nil {
			return app
		}
		return val.around(app, false)
	}
}

// validated is the App with a validator around it, if those of its request have one.
func (a App) validated(ctx context.Context) App {
	val, _ := ctx.Value(validatorKey{}).(*validator)
	if val == nil || ctx.Value(validationKey{}) != nil { // it is part of one that is validated
		return a
	}
	return val.around(a, true)
}

func (val *validator) around(app App, byItself bool) App {
	return func(ctx context.Context, env Environ) Result {
		if env == nil {
			env = make(Environ)
		}
		v := val.begin(ctx, env, byItself)
		if v.hasFailed() {
			v.tellHeld()
			v.returned(nil)
			return failedResponse()
		}
		return v.run(app)
	}
}

// validation is one call of an App that is validated.
type validation struct {
	val  *validator
	ctx  context.Context
	call *appCall // nil: the App was called by somebody else than App.ServeHTTP
	env  Environ  // not to be looked at when the App may write it
	owns bool     // it is noted to be this request's

	method, path, scheme string
	async                bool // the App may defer its response

	inApp, inBody atomic.Int32 // calls that have not returned
	ending        sync.Once
	unwatch       func() bool

	mu       sync.Mutex
	told     map[[2]string]bool // rules, and where they were broken
	held     []Finding          // what waits for whether the App is validated by itself
	byItself bool               // it is not known yet
	gone     bool               // it is
	broken   string             // a rule of severity error
	over     bool               // the response has ended
	cut      bool               // ... or rather the request, before it
	body     *validBody
	late     *time.Timer
}

type validationKey struct{}

// begin looks at what the App is given.
func (val *validator) begin(ctx context.Context, env Environ, byItself bool) *validation {
	v := &validation{
		val: val, byItself: byItself, told: make(map[[2]string]bool),
	}
	v.call, _ = ctx.Value(callKey{}).(*appCall)
	if outer, ok := ctx.Value(validationKey{}).(*validation); ok && !byItself {
		outer.yield()
	}
	v.ctx = context.WithValue(ctx, validationKey{}, v)
	v.own(env)
	v.method, v.path, v.scheme = v.env.Method(), pathOf(v.env), v.env.String("gwport.url_scheme")
	v.async, _ = v.env["gwport.async"].(bool)
	v.environ(v.env)
	return v
}

// own makes the environ the request's own, so that the App can be given what stands
// in the place of its input. One of another request is not written to.
func (v *validation) own(env Environ) {
	val := v.val
	val.writing.Lock()
	defer val.writing.Unlock()
	v.env = env
	if v.owns = val.environs.take(env, v.owner()); !v.owns {
		v.env = maps.Clone(env)
	}
	v.wrapInput(v.env)
}

// pathOf is the request's path for a finding.
func pathOf(env Environ) string {
	raw := env.String("gwport.script_name") + env.String("gwport.path_info")
	if raw == "" {
		raw = env.String("SCRIPT_NAME") + env.String("PATH_INFO")
	}
	return raw[:min(len(raw), 256)]
}

// owner is who has the environ and the body: a request, or else one call.
func (v *validation) owner() any {
	if v.call != nil {
		return v.call
	}
	return v
}

// run calls the App and looks at what it returns.
func (v *validation) run(app App) Result {
	v.watch()
	returned := false
	defer func() {
		if !returned { // it has panicked, which is told by who recovers it
			v.inApp.Add(-1)
			v.tellHeld()
			v.returned(nil)
		}
	}()
	v.inApp.Add(1)
	res := app(v.ctx, v.env)
	v.inApp.Add(-1)
	returned = true
	if v.tellHeld() { // the App has a validator of its own
		v.returned(nil)
		return res
	}
	res = v.result(res)
	if _, waits := res.(Deferred); waits && !v.hasFailed() {
		context.AfterFunc(v.ctx, v.endWithoutCall)
		return res
	}
	return v.answered(res)
}

// endWithoutCall ends what was deferred and nobody else tells of.
func (v *validation) endWithoutCall() {
	if v.call == nil {
		v.end()
	}
}

// result looks at a Result, of whatever kind it is.
func (v *validation) result(res Result) Result {
	switch res := res.(type) {
	case Response:
		return v.response(res)
	case Deferred:
		if !v.async {
			v.breaks("deferred.allowed", "", "a Deferred")
		}
		return v.deferred(res)
	case nil:
		v.breaks("response.shape", "", "no Result")
	default:
		v.breaks("response.shape", "", fmt.Sprintf("a %T", res))
	}
	return res
}

// deferred looks at what a Deferred returns.
func (v *validation) deferred(ask Deferred) Deferred {
	return func() Result {
		v.inApp.Add(1)
		res := func() Result {
			defer v.inApp.Add(-1)
			return ask()
		}()
		switch res := res.(type) {
		case Response:
			return v.answered(v.response(res))
		case nil, Wait:
			return res
		case Deferred:
			v.breaks("deferred.once", "", "another Deferred")
		default:
			v.breaks("deferred.answer", "", fmt.Sprintf("a %T", res))
		}
		return v.answered(res)
	}
}

// answered is what there is in place of a Result if the request is to fail.
func (v *validation) answered(res Result) Result {
	if v.hasFailed() {
		v.drop()
		v.returned(nil)
		return failedResponse()
	}
	v.returned(v.body)
	return res
}

func failedResponse() Response {
	return Text(http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError)+"\n")
}

// drop ends a response that is not sent.
func (v *validation) drop() {
	if v.body != nil {
		_ = v.body.Close()
	}
}

// returned sees to it that the end is noticed. Where nobody tells it, that is when the
// body has ended, or the App has if there is none.
func (v *validation) returned(body *validBody) {
	switch {
	case v.call != nil:
		v.call.atEnd(v.end)
	case body == nil:
		v.end()
	}
}

// end is called when the response is over, and what was passed on is not needed any more.
func (v *validation) end() {
	v.ending.Do(func() {
		if v.unwatch != nil {
			v.unwatch()
		}
		v.mu.Lock()
		v.over, v.cut = true, v.ctx.Err() != nil
		if v.late != nil {
			v.late.Stop()
		}
		v.mu.Unlock()
		if v.owns {
			v.val.environs.release(v.env)
		}
		if v.body != nil {
			v.body.over()
		}
	})
}

// watch looks whether the App, or its body, goes on when its context has ended.
func (v *validation) watch() {
	v.unwatch = context.AfterFunc(v.ctx, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if !v.over {
			v.late = time.AfterFunc(v.val.Grace, v.isLate)
		}
	})
}

func (v *validation) isLate() {
	if v.tellHeld() { // it has waited long enough
		return
	}
	seen := fmt.Sprintf("has not returned %v after the context has ended", v.val.Grace)
	switch {
	case v.inApp.Load() > 0:
		v.breaks("life.cancel", "app", seen)
	case v.inBody.Load() > 0:
		v.breaks("life.cancel", "body", seen)
	}
}

// breaks tells that a rule was broken: once of each place.
func (v *validation) breaks(id, where, seen string) {
	if v.val.excluded[id] {
		return
	}
	r := gateway.Find(id)
	f := Finding{
		Rule: r.ID, Severity: r.Severity, Side: r.Side, Where: where, Seen: seen, Says: r.Says, Hint: r.Hint,
		Method: v.method, Path: v.path,
	}
	if v.notes(f) {
		v.tell(f)
	}
}

// notes tells whether a finding is to be told now.
func (v *validation) notes(f Finding) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at := [2]string{f.Rule, f.Where}
	if v.gone || v.told[at] || len(v.told) >= maxFindings {
		return false
	}
	v.told[at] = true
	if f.Severity == "error" && v.broken == "" {
		v.broken = f.Rule
	}
	if v.byItself {
		v.held = append(v.held, f)
		return false
	}
	return true
}

func (v *validation) tell(f Finding) {
	if v.val.Report != nil {
		v.val.Report(v.ctx, f)
		return
	}
	f.log(v.ctx)
}

// yield leaves the App to a validator that it has itself.
func (v *validation) yield() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone = v.gone || v.byItself
}

// tellHeld tells what was held back, unless the App is validated by itself.
func (v *validation) tellHeld() (gone bool) {
	v.mu.Lock()
	held, gone := v.held, v.gone
	v.held, v.byItself = nil, false
	v.mu.Unlock()
	if gone {
		return true
	}
	for _, f := range held {
		v.tell(f)
	}
	return false
}

// hasFailed tells whether the request is to fail.
func (v *validation) hasFailed() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.val.Fail && !v.gone && v.broken != ""
}

// failure is what a body fails with when its request is to fail; nil if it is not.
func (v *validation) failure() error {
	if !v.hasFailed() {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return fmt.Errorf("bridge: rule %s of the gateway is broken", v.broken)
}
