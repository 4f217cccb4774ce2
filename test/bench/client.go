package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
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

// fill puts what the crowd saw into the run.
func fillCrowd(run *Run, times []time.Duration, errs []error) {
	slices.Sort(times)
	run.Requests = int64(len(times))
	run.P50 = float64(percentile(times, 0.5).Microseconds())
	run.P99 = float64(percentile(times, 0.99).Microseconds())
	if len(errs) > 0 {
		run.Errors = fmt.Sprintf("%d failed: %v", len(errs), errs[0])
	}
}

// driveSleep has all connections up before the first request; seconds count from there.
func driveSleep(ctx context.Context, j job, run *Run) error {
	n := j.crowd
	start := time.Now()
	c, err := dialCrowd(ctx, j.server.addr, n)
	if err != nil {
		return err
	}
	defer c.close()
	run.Extra = map[string]float64{"conns": float64(n), "connect_s": time.Since(start).Seconds()}
	j.meter.restart()
	times := make([]time.Duration, n)
	start = time.Now()
	errs := c.parallel(n, func(i int) error {
		began := time.Now()
		if err := c.request(i, "/sleep?ms=1000"); err != nil {
			return err
		}
		err := c.response(i, "")
		if err == nil {
			times[i] = time.Since(began)
		}
		return err
	})
	run.Seconds = time.Since(start).Seconds()
	fillCrowd(run, slices.DeleteFunc(times, func(d time.Duration) bool { return d == 0 }), errs)
	return nil
}

// idleFor is how long the open streams are watched.
const idleFor = 2 * time.Second

func driveSSE(ctx context.Context, j job, run *Run) error {
	n := j.crowd
	_, before := usage(j.meter.pids)
	start := time.Now()
	c, err := dialCrowd(ctx, j.server.addr, n)
	if err != nil {
		return err
	}
	defer c.close()
	errs := c.parallel(dialers, func(i int) error {
		if err := c.request(i, "/sse"); err != nil {
			return err
		}
		return c.response(i, ": hello")
	})
	run.Seconds = time.Since(start).Seconds()
	run.Requests = int64(n - len(errs))
	if len(errs) > 0 {
		run.Errors = fmt.Sprintf("%d failed: %v", len(errs), errs[0])
	}
	run.Extra = map[string]float64{"conns": float64(n), "connect_s": run.Seconds}
	return watchIdle(ctx, j.meter.pids, run, before)
}

// watchIdle lets what connecting left to do be done first.
func watchIdle(ctx context.Context, pids []int, run *Run, before map[string]int64) error {
	if err := wait(ctx, time.Second); err != nil {
		return err
	}
	cpu0, _ := usage(pids)
	if err := wait(ctx, idleFor); err != nil {
		return err
	}
	cpu1, rss := usage(pids)
	var spent time.Duration
	for kind := range cpu1 {
		spent += cpu1[kind] - cpu0[kind]
	}
	run.Extra["idle_cpu"] = 100 * spent.Seconds() / idleFor.Seconds()
	for kind, key := range map[string]string{"BEAM": "beam_rss", "Go": "go_rss", "nginx": "nginx_rss"} {
		if n := rss[kind]; n > 0 {
			run.Extra[key] = float64(n-before[kind]) / 1024 / float64(max(1, run.Requests))
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// driveBeside runs wrk while four other requests keep the processors busy for longer than that.
func driveBeside(ctx context.Context, j job, run *Run) error {
	c, err := dialCrowd(ctx, j.server.addr, 4)
	if err != nil {
		return err
	}
	defer c.close()
	for i := range c.conns {
		if err := c.request(i, fmt.Sprintf("/burnfor?ms=%d", (j.duration+2*time.Second).Milliseconds())); err != nil {
			return err
		}
	}
	if err := wait(ctx, 100*time.Millisecond); err != nil {
		return err
	}
	err = j.runWrk(ctx, run, j.url(), 16, j.load.check.length)
	// They end in order, or a naive server would go on burning in the next one's time.
	for i := range c.conns {
		if e := c.response(i, ""); e != nil && err == nil {
			run.Errors = fmt.Sprintf("a burning request failed: %v", e)
		}
	}
	return err
}

const uploadSize = 100 * mb

// driveUpload sends two bodies at once, and two again. Each has a connection of its own: Cowboy 2.8 may never see the
// next request on one that is behind a body of more than initial_stream_flow_size bytes.
func driveUpload(ctx context.Context, j job, run *Run) error {
	want := fmt.Sprintf("%x\n", uploadSum())
	var (
		mu    sync.Mutex
		times []time.Duration
		errs  []error
		wg    sync.WaitGroup
	)
	start := time.Now()
	for range 2 {
		wg.Go(func() {
			client := http.Client{Transport: &http.Transport{WriteBufferSize: 64 << 10, DisableKeepAlives: true}, Timeout: crowdLimit}
			for range 2 {
				began := time.Now()
				err := upload(ctx, &client, j.url(), want)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					times = append(times, time.Since(began))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	run.Seconds = time.Since(start).Seconds()
	fillCrowd(run, times, errs)
	return nil
}

func upload(ctx context.Context, client *http.Client, url, want string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, uploadBody())
	if err != nil {
		return err
	}
	req.ContentLength = uploadSize
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || string(got) != want) {
		err = fmt.Errorf("status %d, %.80q", res.StatusCode, got)
	}
	return err
}

func uploadBody() io.Reader { return io.LimitReader(&pattern{}, uploadSize) }

// pattern is an endless body of one line. The client shares the processors with what it measures, so it copies
// large pieces of what was made once.
type pattern struct{ at int }

const patternLine = "0123456789abcde\n"

var patternBlock = strings.Repeat(patternLine, 4096)

func (p *pattern) Read(b []byte) (int, error) {
	n := copy(b, patternBlock[p.at:])
	p.at = (p.at + n) % len(patternLine)
	return n, nil
}

// uploadSum is computed once for all.
var uploadSum = sync.OnceValue(func() [sha256.Size]byte {
	h := sha256.New()
	_, _ = io.Copy(h, uploadBody()) // neither can fail
	return [sha256.Size]byte(h.Sum(nil))
})
