package bridge

import (
	"context"
	"maps"
	"net/http"
	"sync"
)

// appCall is one call of an App for a request. The context has it, so that a
// handler which runs as an App finds what an environ and a Response cannot carry.
type appCall struct {
	w http.ResponseWriter
	r *http.Request

	mu       sync.Mutex
	returned bool // the App has, and w belongs to what sends its Response
	ends     []func()
}

type callKey struct{}

// run calls the App.
func (c *appCall) run(a App) Result {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.returned = true
	}()
	return a(context.WithValue(c.r.Context(), callKey{}, c), EnvironOf(c.r))
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
