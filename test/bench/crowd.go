package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// crowd is many connections, each with one request under way: what wrk cannot do. It keeps no more for each than a
// socket and, while something is expected, a goroutine.
type crowd struct{ conns []net.Conn }

// dialers is how many connect at once: more would only fill the listener's backlog.
const dialers = 64

func dialCrowd(ctx context.Context, addr string, n int) (*crowd, error) {
	c := &crowd{conns: make([]net.Conn, n)}
	errs := c.parallel(dialers, func(i int) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			c.conns[i] = conn
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		c.close()
		return nil, fmt.Errorf("bench: %d of %d connections failed: %w", len(errs), n, errs[0])
	}
	return c, nil
}

// parallel calls f for each connection's index, and gives the errors.
func (c *crowd) parallel(workers int, f func(i int) error) []error {
	var (
		mu   sync.Mutex
		errs []error
		next int
		wg   sync.WaitGroup
	)
	for range min(workers, len(c.conns)) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(c.conns) {
					return
				}
				if err := f(i); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return errs
}

// close resets the connections: ten thousand of them in TIME_WAIT would use up the next contestant's ports.
func (c *crowd) close() {
	for _, conn := range c.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
	}
}

const crowdLimit = 30 * time.Second

func (c *crowd) request(i int, path string) error {
	_ = c.conns[i].SetDeadline(time.Now().Add(crowdLimit))
	_, err := fmt.Fprintf(c.conns[i], "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path)
	return err
}

// response reads a whole response, or with until no more than that text.
func (c *crowd) response(i int, until string) error {
	r := bufio.NewReaderSize(c.conns[i], 512)
	if until != "" {
		return awaitText(r, until)
	}
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func awaitText(r *bufio.Reader, until string) error {
	status, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200") {
		return fmt.Errorf("status line %q", status)
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.TrimRight(line, "\r\n") == until {
			return nil
		}
	}
}
