package bridge

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// AppOf makes an App of an http.Handler, so that it can stand behind Middleware.
// The handler runs in a goroutine of its own, with the http.ResponseWriter that it
// has without AppOf: the App returns when the head would be sent, with a Response
// that has all of a body which would be sent with it, and else a Body that is what
// the handler writes from then on. Closing it cancels the handler's context.
//
// The handler sees the request that the App was run for, with what middleware has
// changed in the environ. Informational responses are sent as they come, past the
// middleware.
//
// The Response says all that the handler's would: a Content-Length, which
// middleware that changes the Body has to change too, and by a field without a
// value that there is no Content-Type, Content-Length or Date.
func AppOf(h http.Handler) App {
	return func(ctx context.Context, env Environ) Result {
		a := newAppRun(ctx)
		r, err := requestOf(a.ctx, env)
		if err != nil {
			a.cancel()
			return Text(http.StatusBadRequest, http.StatusText(http.StatusBadRequest)+"\n")
		}
		a.w.req = r
		a.w.init(a, responseKind{
			isHead: r.Method == http.MethodHead, major: r.ProtoMajor, minor: r.ProtoMinor,
			maxHead: math.MaxInt, maxReply: math.MaxInt,
		})
		go a.run(h, r)
		<-a.known
		if a.failed != nil {
			panic(a.failed) // before the head: the App has failed, and not its body
		}
		return a.res
	}
}

// appRun is one run of a handler as an App: a sink that makes a Response of the
// frames.
type appRun struct {
	ctx    context.Context
	cancel context.CancelFunc
	call   *appCall // nil: the App was called by somebody else than App.ServeHTTP
	w      response
	in     *io.PipeWriter // the handler's end of the body
	out    *io.PipeReader
	unread atomic.Pointer[error] // why nobody reads on

	once     sync.Once
	known    chan struct{} // closed when one of these is
	res      Response
	failed   any      // what the handler has panicked with before the head
	trailers []Header // written before the end of the body
}

func newAppRun(ctx context.Context) *appRun {
	a := &appRun{known: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(ctx)
	a.call, _ = ctx.Value(callKey{}).(*appCall)
	a.out, a.in = io.Pipe()
	return a
}

// run runs the handler. Its panic comes out where the App is: from the App
// itself, or from reading the body.
func (a *appRun) run(h http.Handler, r *http.Request) {
	defer a.cancel()
	// A Response that nobody reads nor closes must not hold the handler for ever.
	defer context.AfterFunc(a.ctx, func() { _ = a.in.CloseWithError(context.Cause(a.ctx)) })()
	returned := false
	defer func() {
		removeFiles(r)
		if returned {
			a.w.finish()
		} else {
			a.panicked(recover())
		}
	}()
	h.ServeHTTP(&a.w, r)
	returned = true
}

func (a *appRun) panicked(v any) {
	switch {
	case v == nil:
		v = errGoexit
	case v != http.ErrAbortHandler:
		v = &handlerPanic{v, debug.Stack(), callers()}
	}
	a.end(v)
}

// end ends the App, or else the body.
func (a *appRun) end(v any) {
	a.once.Do(func() {
		a.failed = v
		close(a.known)
	})
	err, ok := v.(error)
	if !ok {
		err = fmt.Errorf("%v", v)
	}
	_ = a.in.CloseWithError(err)
}

// Queue takes what would be a frame on the wire.
func (a *appRun) Queue(f *mux.Buffer) error {
	defer f.Free()
	payload := f.B[wire.ChunkRoom:]
	switch f.Kind {
	case wire.KindChunk:
		return a.write(payload)
	case wire.KindInform:
		head := mustDecodeHead(payload)
		a.call.inform(head.Status, headersOf(head.Headers))
	case wire.KindReply:
		a.begin(mustDecodeHead(payload), true)
	case wire.KindHead:
		a.begin(mustDecodeHead(payload), false)
		return a.write(nil) // waits for who reads the body, and has sent the head
	case wire.KindTrailers:
		a.trailers = mustDecodePairs(payload)
		return a.in.Close()
	case wire.KindFin:
		return a.in.Close()
	}
	return nil
}

// write passes bytes of the body on. It returns when they were read.
func (a *appRun) write(p []byte) error {
	_, err := a.in.Write(p)
	if cause := a.broken(); err != nil && cause != nil {
		return cause // the pipe's own error depends on which of its ends was first
	}
	return err
}

// begin makes the Response.
func (a *appRun) begin(head wire.Head, isWhole bool) {
	res := Response{Status: head.Status, Reason: head.Reason, Headers: headersOf(head.Headers)}
	if isWhole {
		res.Body = strings.NewReader(head.Body)
	} else {
		res.Body = &appBody{a}
		res.Trailers = func() []Header { return a.trailers }
	}
	for i, h := range res.Headers {
		if h.Name == "Content-Type" && h.Value == "" {
			res.Headers[i].Value = " " // which is sent as empty, and not left out
		}
	}
	// What the handler has not said is not to be added.
	hasBody := !a.w.isHead && bodyAllowed(head.Status)
	if hasBody && (!isWhole || head.Body != "") && !has(res.Headers, "Content-Type") {
		res.Headers = append(res.Headers, Header{"Content-Type", ""})
	}
	if isWhole && !has(res.Headers, "Content-Length") {
		res.Headers = append(res.Headers, Header{"Content-Length", ""})
	}
	a.once.Do(func() {
		a.res = res
		close(a.known)
	})
}

func has(headers []Header, name string) bool {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}

func (a *appRun) sendFile(wire.File) (int64, error) { return 0, nil }

func (a *appRun) queueChunk(f *mux.Buffer) error { return a.Queue(f) }

// Reserve: a Write to the pipe waits until the bytes were read, which is all the
// credit there is.
func (a *appRun) Reserve(n int) (int, error) { return n, nil }

// queueReply: so it has credit for any reply.
func (a *appRun) queueReply(f *mux.Buffer, _ int) (bool, error) { return true, a.Queue(f) }

// flush has nothing to do: nothing is kept back.
func (a *appRun) flush() {}

// broken is what the handler is told instead of writing into the void.
func (a *appRun) broken() error {
	cause := context.Cause(a.ctx)
	if why := a.unread.Load(); why != nil && (cause == nil || cause == context.Canceled) {
		return *why
	}
	return cause
}

func (a *appRun) fail(cause *AbortError) { a.end(cause) }

func (a *appRun) hijack() (net.Conn, error) { return nil, errAppHijack }

func (a *appRun) goAhead() bool {
	x := exchangeOf(a.ctx)
	return x != nil && x.goAhead()
}

func (a *appRun) setReadDeadline(t time.Time) error {
	return a.call.controller().SetReadDeadline(t)
}

func (a *appRun) setWriteDeadline(t time.Time) error {
	return a.call.controller().SetWriteDeadline(t)
}

func (a *appRun) log(l wire.Level, text string, meta ...wire.MetaPair) {
	if x := exchangeOf(a.ctx); x != nil {
		x.log(l, text, meta...)
		return
	}
	log.Print(text)
}

// appBody is the body of a handler that runs as an App.
type appBody struct{ a *appRun }

// Read returns what the handler has written.
func (b *appBody) Read(p []byte) (int, error) { return b.a.out.Read(p) }

// Close ends the handler's request: its writes fail, its context is cancelled.
func (b *appBody) Close() error { return b.CloseWithError(context.Canceled) }

// CloseWithError is Close, with what the handler's writes return.
func (b *appBody) CloseWithError(err error) error {
	b.a.unread.CompareAndSwap(nil, &err)
	b.a.cancel()
	return b.a.out.CloseWithError(err)
}
