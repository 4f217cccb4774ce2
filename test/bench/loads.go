package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
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
	over  protocol
	check check
	// static is the path of a file with the bytes that the check wants.
	static string
	drive  driver
	// beam has options of bench_server.erl.
	beam []string
	// beyond is about what a run takes in addition to its duration.
	beyond time.Duration
	// cpuOff: what the processors did is not this load's requests alone.
	cpuOff bool
	// warmUp by driving it for a second, unseen.
	warmUp bool
	// fresh: each round has a server of its own; the one before has memory, or connections, of the round before.
	fresh bool
	// order is the seed of a random order in which a BEAM loads its modules; 0 for the order in which it needs them.
	order int
	// conns is the number of connections, where descriptors may run out.
	conns int
	extra []column
	// step is its place in a series, for loads that show how costs grow.
	step step
}

// A protocol is what client and contestant speak.
type protocol int

const (
	http1 protocol = iota
	http2
	http1TLS
	http2TLS
)

func (p protocol) tls() bool { return p == http1TLS || p == http2TLS }

// A column is a figure that only some loads have.
type column struct{ key, title, format string }

const (
	kb = 1000
	mb = 1000 * kb
)

func loads() []load {
	return slices.Concat(plainLoads(), bodyLoads(), securedLoads(), busyLoads(), echoLoads(), manyLoads())
}

var helloCheck = check{path: "/hello", prefix: "Hello, world!\n", length: 14}

func plainLoads() []load {
	headers := check{
		path: "/headers", prefix: "ok\n", length: 3,
		headers: benchHeaders(24), reply: "value-20-of-a-usual-length",
	}
	hello := func(conns int, title string) load {
		return load{
			name: "hello_c" + strconv.Itoa(conns), title: "Hello, " + title,
			share: 1, check: helloCheck, warmUp: true, drive: wrk(conns),
		}
	}
	return []load{
		hello(1, "1 connection"), hello(16, "16 connections"), hello(64, "64 connections"), hello(256, "256 connections"),
		{
			name: "headers_c64", title: "25 request and 10 response headers, 64 connections", share: 0.66,
			check: headers, warmUp: true, drive: wrk(64, "headers", "24"),
		},
	}
}

func generated(path string, n int64) check {
	return check{path: path, prefix: "0123456789abcde\n", length: n}
}

// generatedLoad and fileLoad have the same bytes, which for the one are made and for the other read.
func generatedLoad(size string, n int64, conns int, title string) load {
	return load{
		name: "gen_" + size, title: fmt.Sprintf("%s generated, %d connections", title, conns), share: 0.66,
		check: generated("/gen?bytes="+strconv.FormatInt(n, 10), n), static: "/file/" + size,
		warmUp: conns == 64, drive: wrk(conns),
	}
}

func fileLoad(size string, n int64, conns int, title string) load {
	return load{
		name: "file_" + size, title: fmt.Sprintf("%s from a file, %d connections", title, conns), share: 0.66,
		check: generated("/file/"+size, n), static: "/file/" + size, warmUp: conns == 64, drive: wrk(conns),
	}
}

func bodyLoads() []load {
	return []load{
		generatedLoad("64k", 64*kb, 64, "64 KB"),
		generatedLoad("100k", 100*kb, 64, "100 KB"),
		generatedLoad("1m", mb, 16, "1 MB"),
		generatedLoad("10m", 10*mb, 4, "10 MB"),
		fileLoad("100k", 100*kb, 64, "100 KB"),
		fileLoad("10m", 10*mb, 4, "10 MB"),
		{
			name: "upload_1m", title: "Upload of 1 MB to SHA-256, 8 at once, each on a new connection",
			share: 0.66, check: uploadCheck(), drive: wrk(8, "upload", "1000000"),
		},
		{
			name: "upload_100m", title: "Upload of 100 MB to SHA-256, 2 at once, each on a new connection",
			share: 0.66, check: uploadCheck(), drive: driveUpload, beyond: time.Second,
		},
	}
}

// securedLoads are small requests, bodies and uploads once more, over TLS and over HTTP/2.
func securedLoads() []load {
	var all []load
	for _, p := range []struct {
		over        protocol
		name, title string
	}{
		{http2, "h2c", "HTTP/2 without TLS"}, {http1TLS, "tls", "TLS, HTTP/1.1"}, {http2TLS, "h2", "TLS, HTTP/2"},
	} {
		hello := load{
			name: p.name + "_hello", title: "Hello over " + p.title + ", 8 connections of 16 streams",
			check: helloCheck, drive: h2load(8, 16),
		}
		gen := load{
			name: p.name + "_gen_100k", title: "100 KB generated, over " + p.title + ", 8 connections of 8 streams",
			check: generated("/gen?bytes=100000", 100*kb), static: "/file/100k", drive: h2load(8, 8),
		}
		upload := load{
			name: p.name + "_upload_1m", title: "Upload of 1 MB to SHA-256 over " + p.title + ", 4 connections of 2 streams",
			check: uploadCheck(), drive: driveH2upload,
		}
		if p.over == http1TLS {
			hello.title, hello.drive = "Hello over "+p.title+", 64 connections", wrk(64)
			gen.title, gen.drive = "100 KB generated, over "+p.title+", 64 connections", wrk(64)
			upload.title = "Upload of 1 MB to SHA-256 over " + p.title + ", 8 at once, each on a new connection"
			upload.drive = wrk(8, "upload", "1000000")
		}
		for _, l := range []load{hello, gen, upload} {
			l.share, l.over = 0.66, p.over
			all = append(all, l)
		}
	}
	return all
}

func busyLoads() []load {
	return []load{
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
			check: helloCheck, cpuOff: true, drive: driveBeside, beyond: burnOn,
		},
	}
}

// echoLoads are WebSockets: requests are messages that have come back.
func echoLoads() []load {
	echoed := func(name, title string, share float64, message string) load {
		return load{
			name: name, title: "WebSocket: " + title + " echoed, 64 connections, each with one at a time", share: share,
			check: check{path: "/ws", echo: []byte(message)}, conns: 64, warmUp: true, drive: driveEcho,
		}
	}
	return []load{
		echoed("ws_echo_64", "messages of 14 bytes", 1, "Hello, world!\n"),
		echoed("ws_16k", "messages of 16 KiB", 0.66, patternBlock[:16<<10]),
	}
}

func manyLoads() []load {
	slept := check{path: "/sleep?ms=1", prefix: "slept\n", length: 6}
	connect := []column{{"conns", "connections", "%.0f"}, {"connect_s", "connecting, s", "%.2f"}}
	return []load{
		{
			name: "sleep_1k", title: "1,000 requests at once that sleep a second",
			check: slept, conns: 1000, drive: driveSleep, extra: connect, beyond: time.Second,
		},
		{
			name: "sleep_10k", title: "10,000 requests at once that sleep a second",
			check: slept, conns: 10000, drive: driveSleep, extra: connect, beyond: 4 * time.Second,
		},
		{
			name: "sse_10k", title: "10,000 idle SSE streams", check: check{path: "/sse", prefix: ": hello\n\n", stream: true},
			conns: 10000, drive: driveSSE, cpuOff: true, fresh: true, beyond: 6 * time.Second,
			extra: []column{
				{"conns", "streams", "%.0f"},
				{"connect_s", "to connect all, s", "%.2f"},
				{"beam_rss", "BEAM KiB/stream", "%.1f"},
				{"go_rss", "Go KiB/stream", "%.1f"},
				{"nginx_rss", "nginx KiB/stream", "%.1f"},
				{"all_rss", "together KiB/stream", "%.1f"},
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

func (j job) url() string { return j.server.base(j.load.over) + j.load.check.path }

func driveJSON(ctx context.Context, j job, run *Run) error {
	return j.runWrk(ctx, run, j.url(), 64, 0, "json", j.jsonFile)
}

func h2load(conns, streams int, more ...string) driver {
	return func(ctx context.Context, j job, run *Run) error {
		return j.runH2load(ctx, run, conns, streams, more...)
	}
}

// driveH2upload sends a file that has the bytes of uploadCheck.
func driveH2upload(ctx context.Context, j job, run *Run) error {
	return j.runH2load(ctx, run, 4, 2, "-d", filepath.Join(j.files, "1m"))
}

// loadNamed gives the load of that name, which is there: the names are constants.
func (b *bench) loadNamed(name string) load {
	all := loads()
	return all[slices.IndexFunc(all, func(l load) bool { return l.name == name })]
}
