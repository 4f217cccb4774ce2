package bridge

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// exchangeContext is the root of a request's context. It carries values only, so
// that they cost nothing until they are asked for; the context that is made
// from it brings cancelling and deadline.
type exchangeContext struct{ x *exchange }

type exchangeKey struct{}

func (exchangeContext) Deadline() (time.Time, bool) { return time.Time{}, false }
func (exchangeContext) Done() <-chan struct{}       { return nil }
func (exchangeContext) Err() error                  { return nil }

// Value knows net/http's keys, for the server and the local address, and our own.
func (c exchangeContext) Value(key any) any {
	switch key {
	case exchangeKey{}:
		return c.x
	case http.ServerContextKey:
		return c.x.server
	case http.LocalAddrContextKey:
		return address(c.x.request.Local).addr()
	case validatorKey{}:
		return c.x.validator
	}
	return nil
}

// exchangeOf returns the exchange whose handler was given the context, or one made
// from it; nil if there is none.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Dev tells whether the request comes from a host that runs for development: its
// pool has the option dev; or by GWPORT_HTTP. A handler may say more of an error then, or
// read its templates afresh. Under any other server than the bridge's it is false.
func Dev(ctx context.Context) bool {
	if x := exchangeOf(ctx); x != nil {
		return x.dev
	}
	isDev, _ := ctx.Value(devKey{}).(bool)
	return isDev
}

// devKey is the context's key for whether a request comes by GWPORT_HTTP.
type devKey struct{}

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
