package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A Deferred is a Result that is still to come: PEP 444's callable without arguments. It is
// called until it returns the Response. While it returns nil, there is none yet, and it is
// called again after 10 ms, twice as long each time, a second at most; while it returns
// [Wait], when [Environ.Wake] has been called.
//
//	func news(ctx context.Context, env bridge.Environ) bridge.Result {
//		next := paper.Next() // has a channel that is closed when there are news
//		env.WakeOn(ctx, next.Done)
//		return bridge.Deferred(func() bridge.Result {
//			select {
//			case <-next.Done:
//				return bridge.Text(200, next.Text)
//			default:
//				return bridge.Wait{}
//			}
//		})
//	}
//
// An App may return one wherever the environ's gwport.async is true, which it is under
// [App.ServeHTTP]: with any server, and behind any handler. [Then] changes the Response
// of either Result, for Middleware.
//
// It is called when the App has returned it, then as said, by one goroutine at a time. It is
// not called any more once it has returned the Response, nor when the request has ended,
// because its client has left or its time is up: times count as for an App that does not
// return. It may not return another Deferred. What it panics with is as if the App had.
// It should not wait: the App's context is done when nobody wants the Response any more,
// also when it was sent, so that context.AfterFunc gives back what the App holds, once. A
// context that Middleware makes of it must last as long.
//
// A request that waits has no goroutine where the App itself is a handler of [Serve],
// [ServeApps] or a [Server], whatever Middleware it was made with. Where another handler
// stands between, such as an http.ServeMux or that of [AppOf], and under net/http's server
// (with GWPORT_HTTP), the goroutine of that handler waits. In both cases it is a request
// under way for MaxStreams and for a drain. Without a goroutine it is not among the stacks
// of the program, and cannot be abandoned.
type Deferred func() Result

func (Deferred) result() {}

// Wait is what a [Deferred] returns that is to be called when it has been woken, and not
// before.
type Wait struct{}

func (Wait) result() {}

// Then returns what an App has returned with its Response changed, be it there or still to
// come.
func Then(res Result, change func(Response) Response) Result {
	switch res := res.(type) {
	case Response:
		return change(res)
	case Deferred:
		return Deferred(func() Result {
			later := res()
			if there, ok := later.(Response); ok {
				return change(there)
			}
			return later
		})
	}
	return res
}

// For so long a Deferred is let alone that does not say when: at first, and at most.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

// deferral is a Deferred that has not answered. All but its timer and whoever wakes it is
// one goroutine at a time.
type deferral struct {
	call   *appCall
	ask    Deferred
	notify func()      // has next called again
	stop   func() bool // notify is not told of the context's end any more; nil: it is not told

	isPolled bool // Wait was not what it has returned last
	due      time.Time
	pause    time.Duration // until it was due
	timer    *time.Timer   // nil: it was never polled
}

// deferTo begins to wait for a Deferred.
func (c *appCall) deferTo(ask Deferred, notify func()) *deferral {
	d := &deferral{call: c, ask: ask, notify: notify, isPolled: true, pause: firstPause / 2}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.later = d
	return d
}

// Wake has the Deferred called, at once or when the App has returned it. It is the environ's
// gwport.wake.
func (c *appCall) Wake() {
	if c.woken.Swap(true) {
		return // and not called since
	}
	c.mu.Lock()
	later := c.later
	c.mu.Unlock()
	if later != nil {
		later.notify()
	}
}

// next calls the Deferred, if it is time to. There is nothing while there is no Response.
func (d *deferral) next() (res Response, isThere bool) {
	switch {
	case d.call.woken.Swap(false):
		d.pause = firstPause
	case d.isPolled && !time.Now().Before(d.due):
		d.pause = min(2*d.pause, lastPause)
	default:
		return res, false // notified of what has been seen already
	}
	d.isPolled = false
	switch res := d.ask().(type) {
	case Response:
		return res, true
	case nil:
		d.poll()
	case Wait:
	default:
		panic(fmt.Sprintf("bridge: Deferred returned a %T", res))
	}
	return res, false
}

func (d *deferral) poll() {
	d.isPolled, d.due = true, time.Now().Add(d.pause)
	if d.timer == nil {
		d.timer = time.AfterFunc(d.pause, d.notify)
		return
	}
	d.timer.Reset(d.pause) // a stale notification finds that it is not due
}

// end is called when the response is over, or the request without one.
func (d *deferral) end() {
	d.leave()
	d.call.end()
}

// leave lets go of the Deferred. It may be called again.
func (d *deferral) leave() {
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.stop != nil {
		d.stop()
	}
	d.call.leave()
}

// await waits for a Deferred in the goroutine of a handler, unless its request ends before.
func (c *appCall) await(ask Deferred) (res Response, isThere bool) {
	again := make(chan struct{}, 1)
	d := c.deferTo(ask, func() {
		select {
		case again <- struct{}{}:
		default:
		}
	})
	defer d.leave()
	ended := c.r.Context()
	for ended.Err() == nil {
		if res, isThere = d.next(); isThere {
			return res, true
		}
		select {
		case <-again:
		case <-ended.Done():
		}
	}
	return res, false
}

// giveUp ends a request whose context is done. Where that may not have come from the server but
// from a handler around, such as one with a time limit, there is still a client.
func (c *appCall) giveUp() {
	err, cause := context.Cause(c.r.Context()), (*AbortError)(nil)
	if errors.Is(err, ErrDeadline) {
		cause = abort(CodeDeadline, "")
	}
	if own, ok := c.w.(*response); ok && (cause != nil || errors.As(err, &cause)) {
		own.breakOff(cause)
		return
	}
	Text(http.StatusServiceUnavailable, http.StatusText(http.StatusServiceUnavailable)+"\n").send(c.w, c.r)
}

// serveOrDefer makes an App a deferrer.
func (a App) serveOrDefer(x *exchange, r *http.Request) later {
	call := &appCall{w: &x.response, r: r}
	waits := false
	defer func() {
		if !waits {
			call.end()
		}
	}()
	res := call.run(a.validated(r.Context()))
	ask, ok := res.(Deferred)
	if !ok {
		call.answer(res)
		return nil
	}
	d := call.deferTo(ask, x.Wake)
	d.stop = context.AfterFunc(x.ctx, x.Wake)
	waits = true
	return d
}

// goOn calls the Deferred if it is time to, and sends its Response.
func (d *deferral) goOn() (waits bool) {
	res, isThere := d.next()
	if !isThere {
		return true
	}
	d.leave()
	d.call.answer(res)
	return false
}
