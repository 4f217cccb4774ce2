package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// An event is what a client has seen: a message that is whole, or a control frame.
type event struct {
	what string
	data string
}

// What events are called. The last two are no frames: that the server goes on where it might have ended the
// connection, and that it has sent what it must not.
const (
	sawText   = "text"
	sawBinary = "binary"
	sawPing   = "ping"
	sawPong   = "pong"
	sawClose  = "close"
	sawWait   = "wait"
	sawWrong  = "wrong"
)

// A client plays one case over a connection of its own. It sends whatever it is told to.
type client struct {
	net.Conn
	in      *bufio.Reader
	deflate *deflate   // nil where the server has agreed to none
	events  chan event // closed at the end of the connection
	end     error      // what that was
}

// Any key does: it shows that the server has read it.
const key = "Z3dwb3J0IHBsYXlzIGl0IQ=="

// dial opens a WebSocket, within a limit that bounds all of the connection's life.
func dial(addr, path, offers string, limit time.Duration) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, fmt.Errorf("autobahn: %w", err)
	}
	c := &client{Conn: conn, in: bufio.NewReader(conn), events: make(chan event, 64)}
	if err := c.shakeHands(path, offers, limit); err != nil {
		_ = conn.Close() // the error is what counts
		return nil, err
	}
	go c.read()
	return c, nil
}

func (c *client) shakeHands(path, offers string, limit time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	head := "GET " + path + " HTTP/1.1\r\nHost: autobahn.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n"
	if offers != "" {
		head += "Sec-WebSocket-Extensions: " + offers + "\r\n"
	}
	if _, err := io.WriteString(c, head+"\r\n"); err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	accept := base64.StdEncoding.EncodeToString(sum[:])
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != accept {
		return fmt.Errorf("autobahn: the handshake is answered with %s and the key %q, not 101 and %q",
			res.Status, res.Header.Get("Sec-WebSocket-Accept"), accept)
	}
	c.deflate, err = agreed(offers, res.Header.Get("Sec-WebSocket-Extensions"))
	return err
}

// read is all that comes. A fault of the server's is the last event.
func (c *client) read() {
	defer close(c.events)
	var message []frame
	for {
		f, err := readFrame(c.in)
		if err == nil && f.opcode >= opClose {
			err = c.control(f)
		} else if err == nil {
			message = append(message, f)
			if !f.more {
				err = c.message(message)
				message = nil
			}
		}
		if c.end = err; err == nil {
			continue
		}
		if errors.Is(err, errFrame) {
			c.events <- event{sawWrong, err.Error()}
		}
		return
	}
}

func (c *client) control(f frame) error {
	what := map[byte]string{opClose: sawClose, opPing: sawPing, opPong: sawPong}[f.opcode]
	if what == "" || f.reserved != 0 {
		return fmt.Errorf("%w: opcode %d, reserved bits %d", errFrame, f.opcode, f.reserved)
	}
	c.events <- event{what, string(f.payload)}
	return nil
}

// message puts one together that has come in frames.
func (c *client) message(frames []frame) error {
	what := map[byte]string{opText: sawText, opBinary: sawBinary}[frames[0].opcode]
	compressed := frames[0].reserved == 4 && c.deflate != nil
	if what == "" || frames[0].reserved != 0 && !compressed {
		return fmt.Errorf("%w: opcode %d, reserved bits %d", errFrame, frames[0].opcode, frames[0].reserved)
	}
	var data []byte
	for i, f := range frames {
		if i > 0 && (f.opcode != opContinuation || f.reserved != 0) {
			return fmt.Errorf("%w: opcode %d, reserved bits %d inside a message", errFrame, f.opcode, f.reserved)
		}
		data = append(data, f.payload...)
	}
	if compressed {
		var err error
		if data, err = c.deflate.inflate(data); err != nil {
			return fmt.Errorf("%w: %w", errFrame, err)
		}
	}
	c.events <- event{what, string(data)}
	return nil
}
