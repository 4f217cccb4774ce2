package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// An attack is what hostile clients, or handlers that are out of order, do while others ask for hellos.
type attack struct {
	name, title string
	// conns is how many connections there are, each with a goroutine.
	conns int
	// on does it on a connection until that is closed, and is called again, with another connection, where it returns before.
	on func(c net.Conn, d time.Duration) error
}

// attackers are the contestants that take part: what is wanted is that gwport's 99th percentile is no more than twice
// that of bare Cowboy in the same run.
var attackers = []string{ownHandler, "gwport_handler", "gwport_stream", "gwport_handler_before", "gwport_stream_before"}

const dripped = "POST /upload HTTP/1.1\r\nHost: bench\r\nContent-Length: 1000000\r\n\r\n"

var attacks = []attack{
	{"none", "nobody", 0, nil},
	{"heads", "1,000 connections with half a head", 1000, says("GET /hello HTTP/1.1\r\nHost: b")},
	{"bodies", "800 uploads of a byte a second", 800, func(c net.Conn, _ time.Duration) error {
		return drips(c, dripped)
	}},
	// The bytes of those come together, as their connections did, and then there are none for the rest of the second.
	{"spread", "800 uploads of a byte a second, spread over it", 800, func(c net.Conn, _ time.Duration) error {
		time.Sleep(rand.N(time.Second))
		return drips(c, dripped)
	}},
	{"readers", "200 clients that ask for 10 MB and read nothing", 200, says("GET /gen?bytes=10000000 HTTP/1.1\r\nHost: bench\r\n\r\n")},
	{"resets", "8 clients that ask for 10 MB and reset the connection, again and again", 8, func(c net.Conn, _ time.Duration) error {
		return leaves(c, "GET /gen?bytes=10000000 HTTP/1.1\r\nHost: bench\r\n\r\n")
	}},
	{"fields", "4 clients that send requests of 90 fields without a pause", 4, func(c net.Conn, _ time.Duration) error {
		return asks(c, "GET /fields?n=90 HTTP/1.1\r\nHost: bench\r\n"+strings.Repeat("X-Field: value-of-a-usual-length\r\n", 90)+"\r\n")
	}},
	{"drip", "2 responses in pieces of a byte", 2, func(c net.Conn, d time.Duration) error {
		return reads(c, fmt.Sprintf("GET /drip?ms=%d HTTP/1.1\r\nHost: bench\r\n\r\n", d.Milliseconds()))
	}},
	{"log", "2 handlers that log without a pause", 2, func(c net.Conn, d time.Duration) error {
		return reads(c, fmt.Sprintf("GET /log?ms=%d HTTP/1.1\r\nHost: bench\r\n\r\n", d.Milliseconds()))
	}},
}

func attackLoads() []load {
	var all []load
	for _, a := range attacks {
		all = append(all, load{
			name: "attack_" + a.name, title: "Hello, 16 connections, beside " + a.title, share: 1, check: helloCheck, cpuOff: true,
			beyond: 2 * time.Second, drive: a.drive, fresh: true,
		})
	}
	return all
}

// attacked leaves who takes part there.
func (p *plan) attacked() {
	p.loads = attackLoads()
	p.contestants = slices.DeleteFunc(p.contestants, func(c contestant) bool { return !slices.Contains(attackers, c.name) })
}

// begin is what an attack has to itself before the hellos begin.
const begin = 500 * time.Millisecond

func (a attack) drive(ctx context.Context, j job, run *Run) error {
	attacking, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for range a.conns {
		wg.Go(func() { a.again(attacking, j.server.addr, j.duration+burnOn+begin) })
	}
	if err := wait(ctx, begin); err != nil {
		return err
	}
	return j.runWrk(ctx, run, j.url(), 16, j.load.check.length)
}

// again attacks until the context ends. What becomes of an attacker is no matter of ours.
func (a attack) again(ctx context.Context, addr string, d time.Duration) {
	for ctx.Err() == nil {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "tcp", addr)
		if err != nil {
			_ = wait(ctx, 10*time.Millisecond)
			continue
		}
		reset := context.AfterFunc(ctx, func() { (&crowd{conns: []net.Conn{c}}).close() })
		_ = a.on(c, d)
		if reset() {
			(&crowd{conns: []net.Conn{c}}).close()
		}
	}
}

// says sends the text and nothing more, and reads nothing.
func says(text string) func(net.Conn, time.Duration) error {
	return func(c net.Conn, _ time.Duration) error {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		for {
			// It would read to hear of the end; a write of nothing does not tell.
			time.Sleep(100 * time.Millisecond)
			if err := c.SetReadDeadline(time.Time{}); errors.Is(err, net.ErrClosed) {
				return err
			}
		}
	}
}

func drips(c net.Conn, text string) error {
	for _, err := io.WriteString(c, text); ; _, err = io.WriteString(c, "x") {
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
}

func leaves(c net.Conn, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

// asks one request after another.
func asks(c net.Conn, text string) error {
	for b := make([]byte, 64<<10); ; {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
		for read := ""; !strings.HasSuffix(read, "\r\n\r\nok\n"); {
			n, err := c.Read(b)
			if err != nil {
				return err
			}
			read += string(b[:n])
		}
	}
}

func reads(c net.Conn, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	return err
}
