package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// What RFC 6455 has as its example: the key of the client, and what a server makes of it.
const (
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// wsFrame is a binary message in one frame (RFC 6455, 5.2). A client's is masked. The mask is the same for all, so that
// a frame is made once: the client shares the processors with what it measures.
func wsFrame(message []byte, masked bool) []byte {
	const final, binaryFrame, maskBit = 0x80, 2, 0x80
	frame := []byte{final | binaryFrame}
	switch n := len(message); {
	case n < 126:
		frame = append(frame, byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(n))
	}
	if !masked {
		return append(frame, message...)
	}
	frame[1] |= maskBit
	mask := []byte{0x37, 0xfa, 0x21, 0x3d}
	frame = append(frame, mask...)
	for i, b := range message {
		frame = append(frame, b^mask[i%len(mask)])
	}
	return frame
}

// upgrade asks for a WebSocket on a connection that has had no request.
func upgrade(conn net.Conn, path string) error {
	_ = conn.SetDeadline(time.Now().Add(crowdLimit))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", path, wsKey); err != nil {
		return err
	}
	r := bufio.NewReaderSize(conn, 1024)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	accept := res.Header.Get("Sec-WebSocket-Accept")
	switch {
	case res.StatusCode != http.StatusSwitchingProtocols:
		return fmt.Errorf("status %d", res.StatusCode)
	case accept != wsAccept:
		return fmt.Errorf("Sec-WebSocket-Accept is %q, expected %q", accept, wsAccept)
	case r.Buffered() > 0:
		return errors.New("bytes behind the head that nobody asked for")
	}
	return nil
}

// An exchange is a message as it is sent, and as it has to come back: in one frame, as all contestants send it.
type exchange struct{ out, want, got []byte }

func newExchange(message []byte) exchange {
	want := wsFrame(message, false)
	return exchange{wsFrame(message, true), want, make([]byte, len(want))}
}

func (e exchange) once(conn net.Conn) error {
	_ = conn.SetDeadline(time.Now().Add(crowdLimit))
	if _, err := conn.Write(e.out); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, e.got); err != nil {
		return err
	}
	if !bytes.Equal(e.got, e.want) {
		return fmt.Errorf("what came back begins with % x, expected % x", head(e.got), head(e.want))
	}
	return nil
}

func head(frame []byte) []byte { return frame[:min(len(frame), 16)] }

// runEcho shows that one message comes back.
func (c check) runEcho(ctx context.Context, url string) error {
	crowd, err := dialCrowd(ctx, strings.TrimPrefix(url, "http://"), 1)
	if err != nil {
		return err
	}
	defer crowd.close()
	if err = upgrade(crowd.conns[0], c.path); err == nil {
		err = newExchange(c.echo).once(crowd.conns[0])
	}
	if err != nil {
		return fmt.Errorf("bench: checking %s: %w", c.path, err)
	}
	return nil
}

// driveEcho has a message under way on each connection until the time is over.
func driveEcho(ctx context.Context, j job, run *Run) error {
	c, err := dialCrowd(ctx, j.server.addr, j.crowd)
	if err != nil {
		return err
	}
	defer c.close()
	upgrading := func(i int) error { return upgrade(c.conns[i], j.load.check.path) }
	if errs := c.parallel(dialers, upgrading); len(errs) > 0 {
		return fmt.Errorf("bench: %d of %d upgrades failed: %w", len(errs), j.crowd, errs[0])
	}
	j.meter.restart()
	times := make([][]time.Duration, j.crowd)
	start := time.Now()
	errs := c.parallel(j.crowd, func(i int) (err error) {
		times[i], err = echoUntil(start.Add(j.duration), c.conns[i], newExchange(j.load.check.echo))
		return err
	})
	run.Seconds = time.Since(start).Seconds()
	fillCrowd(run, slices.Concat(times...), errs)
	return ctx.Err()
}

// echoUntil has one message after another, one at least, and gives what each has taken.
func echoUntil(end time.Time, conn net.Conn, e exchange) ([]time.Duration, error) {
	var times []time.Duration
	for began := time.Now(); len(times) == 0 || began.Before(end); {
		if err := e.once(conn); err != nil {
			return times, err
		}
		now := time.Now()
		times = append(times, now.Sub(began))
		began = now
	}
	return times, nil
}
