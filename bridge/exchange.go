package bridge

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// exchange is one request with its reply: the work on a stream, whose halves are the
// request's body and the response.
type exchange struct {
	mux.Stream
	server    *http.Server // under http.ServerContextKey
	request   request
	handler   http.Handler
	ctx       context.Context
	cancel    context.CancelCauseFunc
	dev       bool       // the host runs for development
	validator *validator // of Apps that have none of their own; nil: they are not validated
	connects  bool       // an extended CONNECT that the handler sees as an upgrade
	body      body
	response  response
	later     later // what the handler has returned before it had a Response; nil: nothing

	// The handler's request and its URL stand here so that they cost no memory of
	// their own. Whoever keeps the request keeps its context and with it the exchange.
	http http.Request
	url  url.URL
}

func newExchange(srv *http.Server, host *wire.Hello, o *wire.Open, h http.Handler) *exchange {
	x := &exchange{server: srv, request: request{o.Request}, handler: h, dev: host.Dev}
	x.body.x = x
	x.response.init(x, x.responseKind(host, o.Window))
	x.newContext()
	return x
}

// newContext makes the context that the handler sees. Its deadline is counted
// from here: the host has sent what is left, and no clocks are compared.
func (x *exchange) newContext() {
	x.ctx, x.cancel = context.WithCancelCause(exchangeContext{x})
	if !x.request.Timed {
		return
	}
	cancel := x.cancel
	ctx, stop := context.WithDeadlineCause(x.ctx, time.Now().Add(x.request.Timeout), ErrDeadline)
	x.ctx, x.cancel = ctx, func(cause error) {
		cancel(cause)
		stop()
	}
}

// responseKind is what the response needs to know. Of a whole response the host
// takes max_head and the stream's first window, however much credit has come
// since [G4].
func (x *exchange) responseKind(host *wire.Hello, window int) responseKind {
	q := &x.request
	return responseKind{
		isHead:   q.Method == http.MethodHead,
		major:    q.Major,
		minor:    q.Minor,
		files:    q.Files && host.Files,
		maxHead:  host.MaxHead,
		maxReply: min(host.MaxFrame-wire.StreamHead-wire.HeadSlack, host.MaxHead+window),
	}
}

// newRequest makes the handler's request, with everything in it that net/http's
// server would have put there.
func (x *exchange) newRequest() (*http.Request, error) {
	q := &x.request
	if err := q.url(&x.url); err != nil {
		return nil, err
	}
	state, err := q.tls()
	if err != nil {
		return nil, err
	}
	x.http = http.Request{
		Method:        q.Method,
		URL:           &x.url,
		Proto:         q.proto(),
		ProtoMajor:    q.Major,
		ProtoMinor:    q.Minor,
		ContentLength: q.Length,
		Body:          http.NoBody,
		RemoteAddr:    address(q.Peer).String(),
		RequestURI:    q.uri(),
		TLS:           state,
	}
	if !x.connects && (q.Length != 0 || q.Major > 1) { // NoBody is HTTP/1's alone
		x.http.Body = &x.body
	}
	if err := q.setHeader(&x.http); err != nil {
		return nil, err
	}
	switch {
	case x.connects:
		q.asUpgrade(&x.http)
	case q.Protocol != "":
		x.http.Header[":protocol"] = []string{q.Protocol}
	}
	x.http = *x.http.WithContext(x.ctx)
	return &x.http, nil
}

// About implements mux.Task.
func (x *exchange) About() []wire.MetaPair {
	return []wire.MetaPair{{Key: "method", Value: shortened(x.request.Method)}, {Key: "path", Value: shortened(x.request.Path)}}
}

// shortened leaves room for a stack in the same line.
func shortened(s string) string { return s[:min(len(s), 1024)] }

// Cancel implements mux.Task.
func (x *exchange) Cancel(cause error) { x.cancel(cause) }

// What follows makes a sink of the exchange.

// Queue is the response half's.
func (x *exchange) Queue(f *mux.Buffer) error { return x.Out.Queue(f) }

// Reserve is the response half's.
func (x *exchange) Reserve(n int) (int, error) { return x.Out.Reserve(n) }

func (x *exchange) queueChunk(f *mux.Buffer) error { return x.Out.QueueChunk(f) }

func (x *exchange) queueReply(f *mux.Buffer, n int) (bool, error) { return x.Out.QueueReply(f, n) }

func (x *exchange) flush() { x.Out.Flush() }

func (x *exchange) sendFile(f wire.File) (int64, error) {
	b := mux.NewFrame(wire.KindFile, wire.FileRoom)
	b.B = wire.AppendFile(b.B, f)
	return x.Out.QueueFile(b, f.Length)
}

func (x *exchange) broken() error { return x.Out.Broken() }

func (x *exchange) fail(cause *AbortError) {
	x.Fail(&mux.Abort{Code: wire.Code(cause.Code), Text: cause.Text}, cause)
}

// hijack makes a connection of the stream.
func (x *exchange) hijack() (net.Conn, error) {
	if x.connects {
		if err := x.Keep(); err != nil {
			return nil, err
		}
		return newStreamConn(x), nil
	}
	if !x.request.Upgrade || !x.Conn().Hello().Hijack {
		return nil, errNoUpgrade
	}
	if err := x.TakeOver(); err != nil {
		return nil, err
	}
	return newConn(x), nil
}

func (x *exchange) goAhead() bool { return x.In.Demand() }

func (x *exchange) setReadDeadline(t time.Time) error {
	x.In.SetDeadline(t)
	return nil
}

func (x *exchange) setWriteDeadline(t time.Time) error {
	x.Out.SetDeadline(t)
	return nil
}

func (x *exchange) log(l wire.Level, text string, meta ...wire.MetaPair) { x.Log(l, text, meta...) }
