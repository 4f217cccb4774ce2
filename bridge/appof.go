package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"sync"
)

// AppOf makes an App of an http.Handler, so that it can stand behind Middleware.
// The handler runs in a goroutine of its own: the App returns when the head is
// known, and the body is what the handler writes from then on. Closing the body
// cancels the handler's context.
//
// The handler sees the request as the environ describes it, with what middleware
// has changed. Informational responses and trailers have no place in a Response
// and are dropped.
func AppOf(h http.Handler) App {
	return func(ctx context.Context, env Environ) Result {
		ctx, cancel := context.WithCancel(ctx)
		w := &appWriter{header: make(http.Header), cancel: cancel, known: make(chan struct{})}
		w.out, w.in = io.Pipe()
		r, err := requestOf(ctx, env)
		if err != nil {
			cancel()
			return Text(http.StatusBadRequest, http.StatusText(http.StatusBadRequest)+"\n")
		}
		go w.run(h, r)
		<-w.known
		if w.failed != nil {
			panic(w.failed) // before the head: the App has failed, and not its body
		}
		return w.response()
	}
}

// appWriter is the http.ResponseWriter of a handler that runs as an App.
type appWriter struct {
	header http.Header
	cancel context.CancelFunc
	in     *io.PipeWriter // the handler's end of the body
	out    *io.PipeReader

	once   sync.Once
	known  chan struct{} // closed when what follows is final
	status int
	sent   http.Header // the header as it was at WriteHeader
	failed any         // the handler's panic, if it came before the head
}

// run runs the handler. Its panic comes out where the App is: from the App
// itself, or from reading the body.
func (w *appWriter) run(h http.Handler, r *http.Request) {
	defer w.cancel()
	returned := false
	defer func() {
		if returned {
			w.WriteHeader(http.StatusOK)
			_ = w.in.Close()
			return
		}
		w.fail(recover())
	}()
	h.ServeHTTP(w, r)
	returned = true
}

func (w *appWriter) fail(v any) {
	err, _ := v.(error)
	switch {
	case v == nil:
		err = errors.New("bridge: handler called runtime.Goexit")
	case v != http.ErrAbortHandler:
		err = fmt.Errorf("%v\n%s", v, debug.Stack())
	}
	w.once.Do(func() {
		w.failed = err
		close(w.known)
	})
	_ = w.in.CloseWithError(err)
}

// Header implements http.ResponseWriter.
func (w *appWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *appWriter) WriteHeader(status int) {
	if 100 <= status && status < 200 {
		return
	}
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.known)
	})
}

// Write implements http.ResponseWriter. It returns when the bytes have been read.
func (w *appWriter) Write(p []byte) (int, error) {
	w.sniff(p)
	w.WriteHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	return w.in.Write(p)
}

// sniff sets the Content-Type, which is known only before the head is.
func (w *appWriter) sniff(p []byte) {
	select {
	case <-w.known:
		return
	default:
	}
	_, has := w.header["Content-Type"]
	if !has && len(p) > 0 && w.header.Get("Content-Encoding") == "" && w.header.Get("Transfer-Encoding") == "" {
		w.header.Set("Content-Type", http.DetectContentType(p))
	}
}

// Flush implements http.Flusher: each Write is passed on as it is.
func (w *appWriter) Flush() { w.WriteHeader(http.StatusOK) }

func (w *appWriter) response() Response {
	res := Response{Status: w.status, Body: appBody{w.out, w.cancel}}
	for name, values := range w.sent {
		for _, v := range values {
			res.Headers = append(res.Headers, Header{name, v})
		}
	}
	return res
}

// appBody is the body of a handler that runs as an App.
type appBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the handler's request: its writes fail, its context is cancelled.
func (b appBody) Close() error {
	b.cancel()
	return b.CloseWithError(context.Canceled)
}
