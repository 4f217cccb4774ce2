package bridge

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
)

// conn is a client's connection that a handler has taken over. Its bytes are those of the
// two halves of the stream, so that who is slow holds up the other side, and nobody else.
// On HTTP/2 it is no more than that stream, whose head comes first.
type conn struct {
	x    *exchange
	head streamHead

	write       sync.Mutex // a Write is one piece, whoever else writes
	closed      atomic.Bool
	writeClosed atomic.Bool
}

func newConn(x *exchange) *conn { return &conn{x: x} }

// Read returns what has come from the client, and io.EOF when it has closed its side.
func (c *conn) Read(p []byte) (int, error) {
	if c.closed.Load() {
		return 0, c.failed("read", net.ErrClosed)
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.x.In.Read(p)
	return n, c.failed("read", err)
}

// Write waits while the client is slower than the handler.
func (c *conn) Write(p []byte) (int, error) {
	c.write.Lock()
	defer c.write.Unlock()
	switch {
	case c.closed.Load():
		return 0, c.failed("write", net.ErrClosed)
	case c.writeClosed.Load():
		return 0, c.failed("write", io.ErrClosedPipe)
	}
	n, err := c.answer(p)
	if err != nil {
		return n, c.failed("write", err)
	}
	sent, err := mux.Send(&c.x.Out, p[n:])
	return n + sent, c.failed("write", err)
}

// CloseWrite ends what the client is sent, behind all that was written. It may go on sending.
func (c *conn) CloseWrite() error {
	c.write.Lock()
	defer c.write.Unlock()
	if c.closed.Load() {
		return c.failed("close", net.ErrClosed)
	}
	if c.head.is(headToCome) {
		return c.failed("close", errNoHead)
	}
	return c.failed("close", c.closeWrite())
}

func (c *conn) closeWrite() error {
	if c.writeClosed.Swap(true) {
		return nil
	}
	f, _ := trailersFrame(nil, 0)
	return c.x.Out.Queue(f)
}

// Close ends the connection. What was written before goes to the client first.
func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return c.failed("close", net.ErrClosed)
	}
	c.x.Leave(c.lastWord(), net.ErrClosed)
	return nil
}

// LocalAddr is the listener's end.
func (c *conn) LocalAddr() net.Addr { return address(c.x.request.Local).addr() }

// RemoteAddr is the client's end.
func (c *conn) RemoteAddr() net.Addr { return address(c.x.request.Peer).addr() }

// SetDeadline bounds Reads and Writes; the zero time is none.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds Reads.
func (c *conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.failed("set", net.ErrClosed)
	}
	return c.x.setReadDeadline(t)
}

// SetWriteDeadline bounds Writes. One that runs into it may have sent a part.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return c.failed("set", net.ErrClosed)
	}
	return c.x.setWriteDeadline(t)
}

// failed is an error as package net has them; the end of what the client sends stands bare.
func (c *conn) failed(op string, err error) error {
	switch err {
	case nil, io.EOF:
		return err
	case mux.ErrClosed:
		err = net.ErrClosed
	}
	remote := c.RemoteAddr()
	return &net.OpError{Op: op, Net: remote.Network(), Source: c.LocalAddr(), Addr: remote, Err: err}
}
