package bridge

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// streamContext is the root of a request's context. It carries values only, so
// that they cost nothing until they are asked for; the context that is made
// from it brings cancelling and deadline.
type streamContext struct{ s *stream }

type streamKey struct{}

func (streamContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (streamContext) Done() <-chan struct{}       { return nil }
func (streamContext) Err() error                  { return nil }

// Value knows net/http's keys, for the server and the local address, and our own.
func (c streamContext) Value(key any) any {
	switch key {
	case streamKey{}:
		return c.s
	case http.ServerContextKey:
		return c.s.c.server
	case http.LocalAddrContextKey:
		return address(c.s.request.Local).addr()
	}
	return nil
}

// newHTTPServer is what handlers find under http.ServerContextKey. Some only ask whether it is
// there: httputil.ReverseProxy breaks a response off if it is, and ends it as if it were whole if
// not. It listens nowhere; its Handler is the one that serves routes which name no app, and
// Shutdown drains the program, as it would a server of net/http's.
func newHTTPServer(c *conn) *http.Server {
	srv := &http.Server{Handler: c.set.apps.find(""), MaxHeaderBytes: c.set.maxHead}
	srv.RegisterOnShutdown(c.beginDrain)
	return srv
}

// streamOf returns the stream whose handler was given the context, or one made
// from it; nil if there is none.
func streamOf(ctx context.Context) *stream {
	s, _ := ctx.Value(streamKey{}).(*stream)
	return s
}

// address is one end of a connection.
type address wire.Address

// addr is the address as net/http gives it: a TCP one where it can be, a Unix
// socket's where there is no host.
func (a address) addr() net.Addr {
	if a.Host == "" {
		return &net.UnixAddr{Net: "unix"}
	}
	if ip := net.ParseIP(a.Host); ip != nil {
		return &net.TCPAddr{IP: ip, Port: a.Port}
	}
	return textAddr(a.String())
}

// String joins host and port, as in http.Request.RemoteAddr; "@" is what
// net/http has there for the nameless client of a Unix socket.
func (a address) String() string {
	if a.Host == "" {
		return "@"
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(a.Port))
}

// textAddr is an address that is neither an IP's nor a socket's.
type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }
