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

// Run is the goroutine of the exchange's handler. It tells whether that waits for its Response.
func (x *exchange) Run() (waits bool) {
	defer func() {
		if !waits {
			x.leave()
		}
	}()
	if x.later == nil {
		r, err := x.newRequest()
		if err != nil {
			x.refuse(err)
			return false
		}
		x.response.req = r
	}
	if waits = x.serve(x.response.req); waits || x.response.isHijacked() {
		return waits
	}
	if errors.Is(context.Cause(x.ctx), ErrDeadline) {
		// The handler's word of the deadline may come before the host's abort. It has
		// most likely stopped half way, and must not look as if it had not.
		x.fail(abort(CodeDeadline, ""))
		return false
	}
	x.cancel(nil) // before the response is finished, as under net/http
	x.response.finish()
	return false
}

// leave lets go of what the request and its response hold.
func (x *exchange) leave() {
	defer x.cancel(nil) // which is context.Canceled, as under net/http
	defer removeFiles(&x.http)
	x.response.leaveMemory()
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

// serve runs the handler, or goes on with what it has deferred. Whatever it does, it costs one
// stream.
func (x *exchange) serve(r *http.Request) (waits bool) {
	returned := false
	defer func() {
		if waits {
			return
		}
		if x.later != nil {
			x.later.end()
		}
		x.Returned()
		if !returned {
			x.panicked(recover())
		}
	}()
	waits = x.handle(r)
	returned = true
	return waits
}

func (x *exchange) handle(r *http.Request) (waits bool) {
	if x.later == nil {
		h := handlerOf(r, x.handler)
		d, ok := h.(deferrer)
		if !ok {
			h.ServeHTTP(&x.response, r)
			return false
		}
		if x.later = d.serveOrDefer(x, r); x.later == nil {
			return false
		}
	}
	// Its context may not have been told yet that the stream has ended.
	return x.broken() == nil && x.ctx.Err() == nil && x.later.goOn()
}

// deferrer is a handler that can wait for its response without a goroutine.
type deferrer interface {
	// serveOrDefer serves the request, or returns what is still to be done.
	serveOrDefer(x *exchange, r *http.Request) later
}

// later is what a handler has left for later. Its methods are called by one goroutine at a time.
type later interface {
	// goOn is called at once, and when the exchange has been woken, unless that has ended. It tells whether
	// it is to be called again.
	goOn() (waits bool)
	// end is called behind the last goOn, or in its place.
	end()
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
	x.response.hurry()
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
	text := errGoexit.Error()
	if v != nil {
		text = fmt.Sprintf("bridge: panic serving %s %s: %v", x.request.Method, x.request.Path, v)
	}
	x.log(wire.LevelError, text, wire.MetaPair{Key: metaStack, Value: string(debug.Stack())})
	if x.response.isHijacked() {
		return // as under net/http: it may be in other hands
	}
	if !x.response.failed(v) {
		x.fail(abort(CodeInternalError, "panic"))
	}
}
