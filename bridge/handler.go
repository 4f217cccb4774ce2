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

// Run is the goroutine of the exchange's handler.
func (x *exchange) Run() {
	defer x.cancel(nil) // which is context.Canceled, as under net/http
	r, err := x.newRequest()
	if err != nil {
		x.refuse(err)
		return
	}
	x.response.req = r
	defer removeFiles(r)
	defer x.response.leaveMemory()
	x.serve(r)
	if x.response.isHijacked() {
		return
	}
	if errors.Is(context.Cause(x.ctx), ErrDeadline) {
		// The handler's word of the deadline may come before the host's abort. It has
		// most likely stopped half way, and must not look as if it had not.
		x.fail(abort(CodeDeadline, ""))
		return
	}
	x.cancel(nil) // before the response is finished, as under net/http
	x.response.finish()
}

// refuse answers a request that net/http would not have handed to a handler.
func (x *exchange) refuse(err error) {
	x.Returned()
	cause := (*AbortError)(nil)
	switch {
	case errors.As(err, &cause):
		x.fail(cause)
	case err == errExpectation:
		x.response.instead(http.StatusExpectationFailed, "", []Header{{"Connection", "close"}})
	default:
		x.response.instead(http.StatusBadRequest, "400 Bad Request", []Header{
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
func (x *exchange) serve(r *http.Request) {
	returned := false
	defer func() {
		x.Returned()
		if !returned {
			x.panicked(recover())
		}
	}()
	handlerOf(r, x.handler).ServeHTTP(&x.response, r)
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
func (x *exchange) panicked(v any) {
	// Not errors.Is, which would call methods of what was thrown: if they panic too, there is nobody to recover.
	if v == http.ErrAbortHandler {
		if !x.response.isHijacked() {
			x.fail(abort(CodeCancelled, ""))
		}
		return
	}
	if cause, ok := v.(*AbortError); ok { // of a handler that runs as an App
		x.fail(cause)
		return
	}
	text := "bridge: handler called runtime.Goexit"
	if v != nil {
		text = fmt.Sprintf("bridge: panic serving %s %s: %v", x.request.Method, x.request.Path, v)
	}
	x.log(wire.LevelError, text, wire.MetaPair{Key: "stack", Value: string(debug.Stack())})
	if x.response.isHijacked() {
		return // as under net/http: it may be in other hands
	}
	if !x.response.plain(http.StatusInternalServerError) {
		x.fail(abort(CodeInternalError, "panic"))
	}
}
