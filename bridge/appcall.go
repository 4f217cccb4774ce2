package bridge

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
)

// appCall is one call of an App for a request. The context has it, so that a
// handler which runs as an App finds what an environ and a Response cannot carry.
type appCall struct {
	w http.ResponseWriter
	r *http.Request

	mu       sync.Mutex
	returned bool        // there is a Response, or will be none, and w belongs to what sends it
	woken    atomic.Bool // since the Deferred was called
	later    *deferral   // nil: no Deferred has been returned
	ends     []func()
}

type callKey struct{}

// run calls the App.
func (c *appCall) run(a App) (res Result) {
	defer func() {
		if _, isToCome := res.(Deferred); !isToCome {
			c.leave()
		}
	}()
	env := EnvironOf(c.r)
	env["gwport.async"] = true
	env["gwport.wake"] = c
	return a(context.WithValue(c.r.Context(), callKey{}, c), env)
}

// leave notes that neither the App nor its Deferred runs any more.
func (c *appCall) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.returned, c.later = true, nil
}

// answer sends what the App has returned in the end.
func (c *appCall) answer(res Result) {
	switch res := res.(type) {
	case Response:
		res.send(c.w, c.r)
	case nil:
		panic("bridge: App returned no Result")
	default:
		panic(fmt.Sprintf("bridge: App returned a %T", res))
	}
}

// atEnd has f called when the response is over.
func (c *appCall) atEnd(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends = append(c.ends, f)
}

// end is called when the response is over.
func (c *appCall) end() {
	c.mu.Lock()
	ends := c.ends
	c.mu.Unlock()
	for _, f := range ends {
		f()
	}
}

// inform sends an informational response, with no trace of it in the header.
func (c *appCall) inform(status int, fields []Header) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.returned {
		return
	}
	header := c.w.Header()
	before := header.Clone()
	for _, f := range fields {
		header[f.Name] = append(header[f.Name], f.Value)
	}
	c.w.WriteHeader(status)
	clear(header)
	maps.Copy(header, before)
}

// controller is that of the response that the App's will be.
func (c *appCall) controller() *http.ResponseController {
	if c == nil {
		return http.NewResponseController(nil)
	}
	return http.NewResponseController(c.w)
}
