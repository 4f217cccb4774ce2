package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// A transport takes one request at a time to a listener. Neither kind sends anything twice: what is repeated would be
// ours, and not gwport's.
type transport interface {
	// send gives the response as soon as it has a head. The context ends all of the exchange, whose end is told by done:
	// whether both bodies came to theirs.
	send(ctx context.Context, r *http.Request) (*http.Response, error)
	done(whole bool)
}

// h1 is a connection of HTTP/1.1, which is kept from one request to the next.
type h1 struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
	written chan error
	stop    func() bool
	closing bool
	behind  string // what it has carried before
}

func (c *h1) send(ctx context.Context, r *http.Request) (*http.Response, error) {
	if c.conn == nil {
		// A dialer's own deadline is a moment sooner than the context's.
		conn, err := net.DialTimeout("tcp", c.address, lostAfter)
		if err != nil {
			return nil, err
		}
		c.conn, c.in, c.closing, c.behind = conn, bufio.NewReader(conn), false, ""
	}
	conn := c.conn
	c.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	written := make(chan error, 1)
	c.written = written
	go func() { written <- r.Write(conn) }()
	// What was answered before all was sent is read all the same.
	response, err := http.ReadResponse(c.in, r)
	switch {
	case err == nil:
		c.closing = response.Close
		c.behind = fmt.Sprintf("%s %s, whose body has the length %d, and its answer %d", r.Method, r.URL, r.ContentLength, response.StatusCode)
	case c.behind != "":
		err = fmt.Errorf("%w, on a connection that was kept behind %s", err, c.behind)
	}
	return response, err
}

func (c *h1) done(whole bool) {
	if c.conn == nil {
		return
	}
	if whole && c.stop() && !c.closing {
		select {
		case err := <-c.written:
			if err == nil {
				return
			}
		default: // it was answered before all was sent
		}
	}
	_ = c.conn.Close()
	c.conn = nil
}

// h2 is one of the streams of a connection that all clients of a listener share.
type h2 struct {
	address string
	shared  *http.Transport
}

func newH2() *http.Transport {
	var only http.Protocols
	only.SetUnencryptedHTTP2(true)
	return &http.Transport{Protocols: &only, DisableCompression: true}
}

func (c *h2) send(ctx context.Context, r *http.Request) (*http.Response, error) {
	return c.shared.RoundTrip(r.WithContext(ctx))
}

func (c *h2) done(bool) {}

// once hides that a body could be sent again.
type once struct{ io.Reader }
