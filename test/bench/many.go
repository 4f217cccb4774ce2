package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// fillCrowd puts what the crowd saw into the run.
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
	c, err := openIdle(ctx, j, run)
	if c != nil {
		defer c.close()
	}
	if err != nil {
		return err
	}
	return watchIdle(ctx, j.meter.pids, run)
}

// openIdle opens as many streams as the load has, and says what each takes of memory. The crowd is there to be closed
// unless it could not connect.
func openIdle(ctx context.Context, j job, run *Run) (*crowd, error) {
	n := j.crowd
	_, before := usage(j.meter.pids)
	start := time.Now()
	c, err := dialCrowd(ctx, j.server.addr, n)
	if err != nil {
		return nil, err
	}
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
	// What connecting left to do is done first.
	if err := wait(ctx, time.Second); err != nil {
		return c, err
	}
	_, after := usage(j.meter.pids)
	memoryPerStream(run, before, after)
	return c, nil
}

// watchIdle says what open streams cost where nothing happens.
func watchIdle(ctx context.Context, pids []int, run *Run) error {
	cpu0, _ := usage(pids)
	if err := wait(ctx, idleFor); err != nil {
		return err
	}
	cpu1, _ := usage(pids)
	var spent time.Duration
	for kind := range cpu1 {
		spent += cpu1[kind] - cpu0[kind]
	}
	run.Extra["idle_cpu"] = 100 * spent.Seconds() / idleFor.Seconds()
	return nil
}

// memoryPerStream is what resident memory has grown by, in KiB for each stream, by kind of process and together.
func memoryPerStream(run *Run, before, after map[string]int64) {
	for kind, key := range map[string]string{"BEAM": "beam_rss", "Go": "go_rss", "nginx": "nginx_rss"} {
		if n := after[kind]; n > 0 {
			run.Extra[key] = float64(n-before[kind]) / 1024 / float64(max(1, run.Requests))
			run.Extra["all_rss"] += run.Extra[key]
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
