package bridge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// run is the goroutine of a stream's handler.
func (s *stream) run() {
	// Deferred, because a handler may end its goroutine.
	defer s.c.leave(s)
	defer s.cancel(nil) // which is context.Canceled, as under net/http
	s.response.init(s, s.responseKind())
	r, err := s.newRequest()
	if err != nil {
		s.refuse(err)
		return
	}
	s.response.req = r
	s.serve(r)
	if errors.Is(context.Cause(s.ctx), ErrDeadline) {
		// The handler's word of the deadline may come before the host's abort. It has
		// most likely stopped half way, and must not look as if it had not.
		s.fail(abort(CodeDeadline, ""))
		return
	}
	s.response.finish()
}

// responseKind is what the response needs to know. Of a whole response the host
// takes max_head and the stream's first window, however much credit has come
// since [G4].
func (s *stream) responseKind() responseKind {
	q, host := &s.request, &s.c.host
	return responseKind{
		isHead:   q.method == http.MethodHead,
		major:    q.major,
		minor:    q.minor,
		maxHead:  host.maxHead,
		maxReply: min(host.maxFrame-streamHead-headSlack, host.maxHead+s.window),
	}
}

// refuse answers a request that net/http would not have handed to a handler.
func (s *stream) refuse(err error) {
	s.setReturned()
	if cause := (*AbortError)(nil); errors.As(err, &cause) {
		s.fail(cause)
	} else {
		s.response.plain(http.StatusBadRequest)
	}
}

// serve runs the handler. Whatever it does, it costs one stream.
func (s *stream) serve(r *http.Request) {
	returned := false
	defer func() {
		s.setReturned()
		if !returned {
			s.panicked(recover())
		}
	}()
	s.handler.ServeHTTP(&s.response, r)
	returned = true
}

// panicked ends a stream whose handler has panicked. No value means that it has
// called runtime.Goexit: nothing else leaves a function in that way.
func (s *stream) panicked(v any) {
	// Not errors.Is, which would call methods of what was thrown: if they panic too, there is nobody to recover.
	if v == http.ErrAbortHandler {
		s.fail(abort(CodeCancelled, ""))
		return
	}
	text := "bridge: handler called runtime.Goexit"
	if v != nil {
		text = fmt.Sprintf("bridge: panic serving %s %s: %v", s.request.method, s.request.path, v)
	}
	s.log(levelError, text, metaPair{"stack", string(debug.Stack())})
	if s.response.isCommitted() {
		s.fail(abort(CodeInternalError, "panic"))
		return
	}
	s.response.plain(http.StatusInternalServerError)
}

// isCommitted tells whether the head is on its way, so that there can be no
// other.
func (w *response) isCommitted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.committed
}

// setReturned notes that the handler has returned: its body is closed, and it is
// not abandoned, however its stream ends.
func (s *stream) setReturned() {
	s.body.finish()
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.returned = true
	if s.abandoned {
		s.abandoned = false
		s.c.abandoned--
	}
}
