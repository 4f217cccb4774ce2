package main

import (
	"context"
	"slices"
	"time"
)

// A driver drives a load once and fills in the run.
type driver func(ctx context.Context, j job, run *Run) error

// A job is what a driver works with.
type job struct {
	*bench
	load     load
	server   *server
	meter    *meter
	duration time.Duration
	crowd    int // connections, for loads with very many
}

// A load is one kind of traffic.
type load struct {
	name, title string
	// share of the main rows' duration.
	share float64
	check check
	drive driver
	// cpuOff: what the processors did is not this load's requests alone.
	cpuOff bool
	// warmUp by driving it for a second, unseen.
	warmUp bool
	// conns is the number of connections, where descriptors may run out.
	conns int
	extra []column
}

// A column is a figure that only some loads have.
type column struct{ key, title, format string }

const (
	kb = 1000
	mb = 1000 * kb
)

func loads() []load {
	return append(append(plainLoads(), heavyLoads()...), manyLoads()...)
}

func plainLoads() []load {
	hello := check{path: "/hello", prefix: "Hello, world!\n", length: 14}
	headers := check{
		path: "/headers", prefix: "ok\n", length: 3,
		headers: benchHeaders(), reply: "value-20-of-a-usual-length",
	}
	return []load{
		{name: "hello_c1", title: "Hello, 1 connection", share: 1, check: hello, warmUp: true, drive: wrk(1)},
		{name: "hello_c64", title: "Hello, 64 connections", share: 1, check: hello, warmUp: true, drive: wrk(64)},
		{
			name: "hello_c256", title: "Hello, 256 connections",
			share: 1, check: hello, warmUp: true, drive: wrk(256),
		},
		{
			name: "headers_c64", title: "25 request and 10 response headers, 64 connections", share: 0.66,
			check: headers, warmUp: true, drive: wrk(64, "headers"),
		},
		{
			name: "h2c_hello", title: "Hello over HTTP/2 without TLS, 8 connections of 16 streams",
			share: 0.66, check: hello, drive: driveH2c,
		},
	}
}

func heavyLoads() []load {
	gen := func(path string, n int64) check { return check{path: path, prefix: "0123456789abcde\n", length: n} }
	return []load{
		{
			name: "gen_100k", title: "100 KB generated, 64 connections",
			share: 0.66, check: gen("/gen?bytes=100000", 100*kb), warmUp: true, drive: wrk(64),
		},
		{
			name: "gen_10m", title: "10 MB generated, 4 connections",
			share: 0.66, check: gen("/gen?bytes=10000000", 10*mb), drive: wrk(4),
		},
		{
			name: "file_100k", title: "100 KB from a file, 64 connections",
			share: 0.66, check: gen("/file/100k", 100*kb), warmUp: true, drive: wrk(64),
		},
		{
			name: "file_10m", title: "10 MB from a file, 4 connections",
			share: 0.66, check: gen("/file/10m", 10*mb), drive: wrk(4),
		},
		{
			name: "upload_1m", title: "Upload of 1 MB to SHA-256, 8 at once, each on a new connection",
			share: 0.66, check: uploadCheck(), drive: wrk(8, "upload", "1000000"),
		},
		{
			name: "upload_100m", title: "Upload of 100 MB to SHA-256, 2 at once, each on a new connection",
			share: 0.66, check: uploadCheck(), drive: driveUpload,
		},
		{
			name: "burn_1ms", title: "A handler that burns 1 ms of CPU, 64 connections",
			share: 0.66, check: check{path: "/burn", prefix: "burnt\n", length: 6}, drive: wrk(64),
		},
		{
			name: "json_2k", title: "JSON of 2 KB decoded and encoded (in Erlang by json or jsx), 64 connections",
			share: 0.66, check: jsonCheck(), warmUp: true, drive: driveJSON,
		},
		{
			name: "hello_burn4", title: "Hello, 16 connections, while four streams burn CPU", share: 0.66,
			check: check{path: "/hello", prefix: "Hello, world!\n", length: 14}, cpuOff: true, drive: driveBeside,
		},
	}
}

func manyLoads() []load {
	slept := check{path: "/sleep?ms=1", prefix: "slept\n", length: 6}
	connect := []column{{"conns", "connections", "%.0f"}, {"connect_s", "connecting, s", "%.2f"}}
	return []load{
		{
			name: "sleep_1k", title: "1,000 requests at once that sleep a second",
			check: slept, conns: 1000, drive: driveSleep, extra: connect,
		},
		{
			name: "sleep_10k", title: "10,000 requests at once that sleep a second",
			check: slept, conns: 10000, drive: driveSleep, extra: connect,
		},
		{
			name: "sse_10k", title: "10,000 idle SSE streams", check: check{path: "/sse", prefix: ": hello\n\n", stream: true},
			conns: 10000, drive: driveSSE, cpuOff: true,
			extra: []column{
				{"conns", "streams", "%.0f"},
				{"connect_s", "to connect all, s", "%.2f"},
				{"beam_rss", "BEAM KiB/stream", "%.1f"},
				{"go_rss", "Go KiB/stream", "%.1f"},
				{"nginx_rss", "nginx KiB/stream", "%.1f"},
				{"idle_cpu", "CPU while idle, %", "%.1f"},
			},
		},
	}
}

func wrk(conns int, script ...string) driver {
	return func(ctx context.Context, j job, run *Run) error {
		return j.runWrk(ctx, run, j.url(), conns, j.load.check.length, script...)
	}
}

func (j job) url() string { return "http://" + j.server.addr + j.load.check.path }

func driveJSON(ctx context.Context, j job, run *Run) error {
	return j.runWrk(ctx, run, j.url(), 64, 0, "json", j.jsonFile)
}

func driveH2c(ctx context.Context, j job, run *Run) error {
	return j.runH2load(ctx, run, "http://"+j.server.h2+j.load.check.path, 8, 16)
}

// loadNamed gives the load of that name, which is there: the names are constants.
func (b *bench) loadNamed(name string) load {
	all := loads()
	return all[slices.IndexFunc(all, func(l load) bool { return l.name == name })]
}
