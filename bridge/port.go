package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gwport/gwport/bridge/internal/devpage"
	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// port is what a wire leads to: the program's handlers. It makes exchanges of streams.
type port struct {
	set  *settings
	conn *mux.Conn

	// server is what handlers find under http.ServerContextKey.
	server *http.Server
	shut   atomic.Bool // it was shut down

	pages     *errorPages // of use where the host runs for development
	isAlone   bool        // it is the process's own, whose package log is heard then
	beginsDev sync.Once
}

// newPort makes a port of a pair of pipes. onFail may be nil.
func newPort(set *settings, r io.Reader, w io.Writer, onFail func()) *port {
	p := &port{set: set}
	p.pages = newErrorPages(set.name)
	p.conn = mux.New(mux.Config{
		Ready:          set.ready(),
		Window:         set.window,
		WideWindow:     set.wideWindow,
		WideBudget:     wideBudget,
		AbandonedAfter: set.abandonedAfter,
		MaxAbandoned:   set.maxAbandoned,
		SpareProcs:     set.spareProcs,
		Evidence:       evidence,
		OnFail:         onFail,
		OnDevLine:      p.pages.lines.keep,
		OnDrain:        func() { p.shutdown() },
	}, p, r, w)
	p.server = newHTTPServer(p)
	return p
}

// shutdown runs what was given to RegisterOnShutdown of the handlers' server, which is how
// those that have taken a connection over hear of a drain, as under net/http. Shutdown of
// that server drains, too, and has run them then.
func (p *port) shutdown() {
	if !p.shut.Swap(true) {
		_ = p.server.Shutdown(context.Background()) // it listens nowhere, and waits for nobody
	}
}

// newHTTPServer is what handlers find under http.ServerContextKey. Some only ask whether it is
// there: httputil.ReverseProxy breaks a response off if it is, and ends it as if it were whole if
// not. It listens nowhere; its Handler is the one that serves routes which name no app, and
// Shutdown drains the program, as it would a server of net/http's.
func newHTTPServer(p *port) *http.Server {
	srv := &http.Server{Handler: p.set.apps.find(""), MaxHeaderBytes: p.set.maxHead}
	srv.RegisterOnShutdown(func() {
		p.shut.Store(true)
		p.conn.Drain()
	})
	return srv
}

// ServeConn serves one wire over any pair of pipes, and returns when it has
// ended: nil after a drain, or when the host closed it with no request under
// way, ErrPortClosed when there were some, a [*FaultError] when one side broke
// the protocol. r and w are closed in the end if they can be, which is also
// what frees the goroutine that reads.
//
// Handlers that still run are given half a second to notice that their
// contexts are cancelled. ServeConn never ends the process, nor does it change
// GOMAXPROCS; [Server.Serve] does.
func (s *Server) ServeConn(r io.Reader, w io.Writer) error {
	set, err := s.settings()
	if err != nil {
		return err
	}
	set.spareProcs = 0 // GOMAXPROCS is the process's, and that is not ours
	return newPort(set, r, w, nil).serve()
}

func (p *port) serve() error { return serveError(p.conn.Serve()) }

// serveError is what Serve returns for what has ended the wire.
func serveError(err error) error {
	fault, closed := (*wire.Fault)(nil), (*mux.ClosedError)(nil)
	switch {
	case errors.As(err, &fault):
		return &FaultError{Code: FaultCode(fault.Code), Text: fault.Text, Host: fault.Host}
	case !errors.As(err, &closed):
		return err
	case closed.Op == "":
		return ErrPortClosed
	}
	return fmt.Errorf("%w: %s: %w", ErrPortClosed, closed.Op, closed.Err)
}

// Accept implements mux.App: it makes an exchange of what an open describes.
func (p *port) Accept(payload []byte) (mux.Opening, *mux.Abort) {
	o, err := wire.DecodeOpen(string(payload))
	if err != nil {
		return mux.Opening{}, mux.BadPayload(wire.KindOpen, err)
	}
	if o.Type != wire.TypeHTTP {
		return mux.Opening{}, mux.Abortf(wire.CodeRefused, "streams of type %d are not served", o.Type)
	}
	h := p.set.apps.find(o.Request.App)
	if h == nil {
		return mux.Opening{}, mux.Abortf(wire.CodeNoApp, "no app %q", o.Request.App)
	}
	x := newExchange(p.server, p.conn.Hello(), &o, h)
	x.connects = o.Request.Protocol != "" && p.conn.Hello().Hijack && !p.set.rawConnect
	x.response.connects = x.connects
	if x.dev {
		p.develop(x)
	}
	return mux.Opening{
		Task:     x,
		Window:   o.Window,
		Length:   x.request.Length,
		OnDemand: x.request.Expects,
		Takeover: x.request.Upgrade && p.conn.Hello().Hijack,
		Connect:  x.connects,
		Announce: needsEntered(x.request.Method),
	}, nil
}

// develop is for an exchange of a host that runs for development.
func (p *port) develop(x *exchange) {
	p.beginsDev.Do(func() {
		p.pages.turnedOn(fmt.Sprintf("the pool %s has the option dev => true.", p.conn.Hello().Pool))
		if p.isAlone {
			p.pages.lines.hear()
		}
	})
	x.validator, x.response.page = p.set.validator, p.pages.page
	for _, h := range x.request.Headers {
		if strings.EqualFold(h.Name, devpage.Field) {
			x.handler = http.HandlerFunc(answerProgram)
		}
	}
}

// needsEntered tells the methods whose requests may not be sent twice [R5].
func needsEntered(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return false
	}
	return true
}

// Cause implements mux.App: it makes of an abort the error that handlers are told.
func (p *port) Cause(a mux.Abort) error {
	return &AbortError{Code: Code(a.Code.Known()), Text: a.Text, drain: a.Late}
}
