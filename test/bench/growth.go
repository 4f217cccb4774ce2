package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A series is one thing that grows from load to load. What a request costs may grow with it, and not faster.
type series struct {
	name, title string
	// unit is what the numbers of its loads are of.
	unit string
	// who takes part: with routes and ports, those who have them.
	who []string
}

// A step is a load's place in a series.
type step struct {
	series *series
	n      int64
}

var (
	everybody = []string{ownHandler, "gwport_handler", "gwport_stream", "gwport_handler_before", "gwport_stream_before", gunProxy, "nethttp"}
	routed    = []string{ownHandler, "gwport_handler", "gwport_stream", "gwport_handler_before", "gwport_stream_before"}
	ported    = []string{"gwport_handler", "gwport_stream"}
)

var (
	openStreams = &series{"streams", "hello, 16 connections, beside idle SSE streams", "streams", everybody}
	replySizes  = &series{"reply", "a response that is generated, one after another on a connection", "bytes", everybody}
	uploadSizes = &series{"upload", "an upload to SHA-256, one after another, each on a new connection", "bytes", everybody}
	fieldCounts = &series{"fields", "a request and a response with as many fields each, 64 connections", "fields", everybody}
	routeCounts = &series{"routes", "hello, 64 connections, by the last of the routes", "routes", routed}
	portCounts  = &series{"ports", "hello, 64 connections, by a pool of ports", "ports", ported}
)

var allSeries = []*series{openStreams, replySizes, uploadSizes, fieldCounts, routeCounts, portCounts}

// load is the step of the series with that number.
func (s *series) load(n int64) load {
	return load{
		name: fmt.Sprintf("growth_%s_%d", s.name, n), title: fmt.Sprintf("Growth: %s: %d %s", s.title, n, s.unit),
		share: 1, check: helloCheck, drive: wrk(64), step: step{s, n},
	}
}

func growthLoads() []load {
	return slices.Concat(growthOfStreams(), growthOfBodies(), growthOfFields(), growthOfPools())
}

func growthOfStreams() []load {
	var all []load
	for _, n := range []int64{1, 10, 100, 1000, 10000} {
		l := openStreams.load(n)
		l.drive, l.conns, l.fresh = driveAmong, int(n), true
		l.beyond = 2*time.Second + time.Duration(n)*400*time.Microsecond
		all = append(all, l)
	}
	return all
}

func growthOfBodies() []load {
	var all []load
	for _, n := range []int64{1, kb, 10 * kb, 100 * kb, mb, 10 * mb, 100 * mb, 1000 * mb} {
		l := replySizes.load(n)
		l.check = check{path: "/gen?bytes=" + strconv.FormatInt(n, 10), prefix: "0", length: n}
		l.drive = one(fetch)
		l.beyond = time.Duration(n) * 3
		if n > 100*mb {
			l.check = generated("/gen?bytes=100000", 100*kb) // the driver counts the bytes
		}
		all = append(all, l)
	}
	for _, n := range []int64{1, kb, 10 * kb, 100 * kb, mb, 10 * mb, 100 * mb, 1000 * mb} {
		l := uploadSizes.load(n)
		l.check = uploadCheck()
		sum := sync.OnceValue(func() string { return sumOf(n) })
		l.drive = one(func(ctx context.Context, client *http.Client, j job) error {
			client.Transport.(*http.Transport).DisableKeepAlives = true // see driveUpload
			return upload(ctx, client, j.url(), n, sum())
		})
		l.beyond = time.Duration(n) * 5
		all = append(all, l)
	}
	return all
}

// Cowboy takes 100 request headers, unless it is told otherwise; Host is one, and the check's client has some.
func growthOfFields() []load {
	var all []load
	for _, n := range []int64{1, 10, 25, 50, 90} {
		l := fieldCounts.load(n)
		l.check = check{path: "/fields?n=" + strconv.FormatInt(n, 10), prefix: "ok\n", length: 3, headers: benchHeaders(int(n))}
		l.drive = wrk(64, "headers", strconv.FormatInt(n, 10))
		all = append(all, l)
	}
	return all
}

func growthOfPools() []load {
	var all []load
	for _, n := range []int64{1, 10, 100, 1000} {
		l := routeCounts.load(n)
		l.beam = []string{"routes=" + strconv.FormatInt(n, 10)}
		all = append(all, l)
	}
	for _, n := range []int64{1, 2, 4, 8} {
		l := portCounts.load(n)
		l.beam = []string{"ports=" + strconv.FormatInt(n, 10)}
		all = append(all, l)
	}
	return all
}

// driveAmong asks for hellos while idle streams are open; CPU is that of the hellos.
func driveAmong(ctx context.Context, j job, run *Run) error {
	c, err := openIdle(ctx, j, run)
	if c != nil {
		defer c.close()
	}
	if err != nil {
		return err
	}
	trouble := run.Errors
	j.meter.restart()
	err = j.runWrk(ctx, run, j.url(), 16, j.load.check.length)
	if trouble != "" {
		run.Errors = trouble
	}
	return err
}

// one has one request after another for the duration, and one at least.
func one(ask func(context.Context, *http.Client, job) error) driver {
	return func(ctx context.Context, j job, run *Run) error {
		client := &http.Client{Transport: &http.Transport{ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}, Timeout: crowdLimit}
		defer client.CloseIdleConnections()
		var times []time.Duration
		start := time.Now()
		for began := start; len(times) == 0 || began.Sub(start) < j.duration; began = time.Now() {
			if err := ask(ctx, client, j); err != nil {
				return err
			}
			times = append(times, time.Since(began))
		}
		run.Seconds = time.Since(start).Seconds()
		fillCrowd(run, times, nil)
		return nil
	}
}

// fetch reads a response of as many bytes as the step says.
func fetch(ctx context.Context, client *http.Client, j job) error {
	n := j.load.step.n
	url := j.server.base(j.load.over) + "/gen?bytes=" + strconv.FormatInt(n, 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.Copy(io.Discard, res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || got != n) {
		err = fmt.Errorf("bench: status %d and %d bytes, expected 200 and %d", res.StatusCode, got, n)
	}
	return err
}
