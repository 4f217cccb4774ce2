package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"

	"github.com/gwport/gwport/bridge/internal/wire"
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
	defer removeFiles(r)
	s.serve(r)
	if errors.Is(context.Cause(s.ctx), ErrDeadline) {
		// The handler's word of the deadline may come before the host's abort. It has
		// most likely stopped half way, and must not look as if it had not.
		s.fail(abort(CodeDeadline, ""))
		return
	}
	s.cancel(nil) // before the response is finished, as under net/http
	s.response.finish()
}

// responseKind is what the response needs to know. Of a whole response the host
// takes max_head and the stream's first window, however much credit has come
// since [G4].
func (s *stream) responseKind() responseKind {
	q, host := &s.request, &s.c.host
	return responseKind{
		isHead:   q.Method == http.MethodHead,
		major:    q.Major,
		minor:    q.Minor,
		maxHead:  host.MaxHead,
		maxReply: min(host.MaxFrame-wire.StreamHead-wire.HeadSlack, host.MaxHead+s.window),
	}
}

// refuse answers a request that net/http would not have handed to a handler.
func (s *stream) refuse(err error) {
	s.setReturned()
	cause := (*AbortError)(nil)
	switch {
	case errors.As(err, &cause):
		s.fail(cause)
	case err == errExpectation:
		s.response.instead(http.StatusExpectationFailed, "", []Header{{"Connection", "close"}})
	default:
		s.response.instead(http.StatusBadRequest, "400 Bad Request", []Header{
			{"Content-Type", "text/plain; charset=utf-8"}, {"Connection", "close"},
		})
	}
}

// removeFiles removes what parsing a multipart form has left on disk. As under
// net/http that is what the request itself has, and not a copy that was made of it.
func removeFiles(r *http.Request) {
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll()
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
	handlerOf(r, s.handler).ServeHTTP(&s.response, r)
	returned = true
}

// handlerOf is the handler, unless the request is for the whole server: net/http
// answers that in its handlers' place.
func handlerOf(r *http.Request, h http.Handler) http.Handler {
	if r.RequestURI == "*" && r.Method == http.MethodOptions {
		return http.HandlerFunc(answerForServer)
	}
	return h
}

// answerForServer takes no notice of a body, but for a little that is read, as
// net/http reads it, so that the connection can be used again.
func answerForServer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	if r.ContentLength != 0 {
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxServerBody))
	}
}

// panicked ends a stream whose handler has panicked. No value means that it has
// called runtime.Goexit: nothing else leaves a function in that way.
func (s *stream) panicked(v any) {
	// Not errors.Is, which would call methods of what was thrown: if they panic too, there is nobody to recover.
	if v == http.ErrAbortHandler {
		s.fail(abort(CodeCancelled, ""))
		return
	}
	if cause, ok := v.(*AbortError); ok { // of a handler that runs as an App
		s.fail(cause)
		return
	}
	text := "bridge: handler called runtime.Goexit"
	if v != nil {
		text = fmt.Sprintf("bridge: panic serving %s %s: %v", s.request.Method, s.request.Path, v)
	}
	s.log(wire.LevelError, text, wire.MetaPair{Key: "stack", Value: string(debug.Stack())})
	if !s.response.plain(http.StatusInternalServerError) {
		s.fail(abort(CodeInternalError, "panic"))
	}
}

// setReturned notes that the handler has returned: its body is closed, and it is
// not abandoned, however its stream ends.
func (s *stream) setReturned() {
	s.body.finish()
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.returned = true
	if s.late != nil {
		s.late.Stop()
	}
	if s.abandoned {
		s.abandoned = false
		s.c.abandoned--
	}
}
