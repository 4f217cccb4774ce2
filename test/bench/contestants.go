package main

import (
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A contestant serves the loads in its own way.
type contestant struct {
	name, title string
	start       func(context.Context, *bench) (*server, error)
	// twoSockets: one process has a connection to the client and one to the server behind it for each request.
	twoSockets bool
	// earlier: gwport's halves are those of the tree that -before names. Without it there is no such contestant.
	earlier bool
	// cannot says why for loads it cannot have, by the load's name or the beginning of it.
	cannot map[string]string
}

// The two that the others are compared with.
const (
	ownHandler = "cowboy"
	gunProxy   = "gun32"
)

func contestants() []contestant {
	oneAtATime := map[string]string{
		"sleep_":      "one request at a time",
		"sse_":        "one request at a time, bodies whole",
		"hello_burn4": "one request at a time",
		"upload_100m": "a body is one term",
	}
	return []contestant{
		{name: ownHandler, title: "Cowboy, Erlang handler", start: beam(ownHandler)},
		{name: "cowboy_stream", title: "Cowboy, Erlang stream handler", start: beam("cowboy_stream")},
		{name: "gwport_handler", title: "gwport_handler", start: beam("gwport_handler")},
		{name: "gwport_stream", title: "gwport_stream_h", start: beam("gwport_stream")},
		{name: "gwport_handler_before", title: "gwport_handler, before", start: earlier("gwport_handler"), earlier: true},
		{name: "gwport_stream_before", title: "gwport_stream_h, before", start: earlier("gwport_stream"), earlier: true},
		{name: gunProxy, title: "Cowboy → gun (32 kept) → net/http", start: proxy(gunProxy), twoSockets: true},
		{name: "gun64", title: "Cowboy → gun (64 kept) → net/http", start: proxy("gun64"), twoSockets: true},
		{name: "naive", title: "naive port, erlang_go", start: beam("naive"), cannot: oneAtATime},
		{name: "nethttp", title: "net/http alone", start: goAlone},
		{name: "nginx_http", title: "nginx → net/http", start: nginx("http"), twoSockets: true},
		{name: "nginx_fcgi", title: "nginx → FastCGI (net/http/fcgi)", start: nginx("fcgi"), twoSockets: true},
	}
}

// server is a contestant that runs.
type server struct {
	addr string // of HTTP/1.1
	h2   string // of HTTP/2 without TLS
	// front is what has the client's connections; the processes include it.
	front     *process
	processes []*process
}

func (s *server) pids() []int {
	var pids []int
	for _, p := range s.processes {
		pids = append(pids, p.cmd.Process.Pid)
	}
	return pids
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func newServer(port, h2 int, front *process, behind ...*process) *server {
	return &server{local(port), local(h2), front, append(behind, front)}
}

func goAlone(ctx context.Context, b *bench) (*server, error) {
	p, port, err := b.startGo(ctx, "http")
	if err != nil {
		return nil, err
	}
	return newServer(port, port, p), nil
}

func (b *bench) startGo(ctx context.Context, mode string) (*process, int, error) {
	p, err := b.start(b.app, "-mode", mode, "-files", b.files)
	if err != nil {
		return nil, 0, err
	}
	port, err := p.port(ctx)
	return p, port, err
}

// beam starts the contestant of bench_contestants.erl that has the name.
func beam(name string) func(context.Context, *bench) (*server, error) {
	return func(ctx context.Context, b *bench) (*server, error) {
		return b.startBeam(ctx, name, nil)
	}
}

// earlier starts the same with gwport's halves of the tree that -before names; the bench's own half is today's.
func earlier(name string) func(context.Context, *bench) (*server, error) {
	return func(ctx context.Context, b *bench) (*server, error) {
		return b.startBeamOf(ctx, *b.before, name, nil)
	}
}

func proxy(name string) func(context.Context, *bench) (*server, error) {
	return func(ctx context.Context, b *bench) (*server, error) {
		behind, port, err := b.startGo(ctx, "http")
		if err != nil {
			return nil, err
		}
		return b.startBeam(ctx, name, []*process{behind}, "upstream="+strconv.Itoa(port))
	}
}

// startBeam starts a BEAM as `erl` does, with room for the connections of the largest loads and nothing else that is
// not the default.
func (b *bench) startBeam(ctx context.Context, name string, behind []*process, extra ...string) (*server, error) {
	return b.startBeamOf(ctx, b.source, name, behind, extra...)
}

func (b *bench) startBeamOf(ctx context.Context, t source, name string, behind []*process, extra ...string) (*server, error) {
	if _, err := exec.LookPath("erl"); err != nil {
		return nil, &notHere{"there is no Erlang on PATH"}
	}
	if b.ebin == "" {
		return nil, &notHere{"the Erlang half is not built: `make build` builds it"}
	}
	args := append([]string{"+Q", "131072", "-noshell", "-boot", "no_dot_erlang"}, b.emulator...)
	for _, path := range append(t.paths, b.ebin) {
		args = append(args, "-pa", path)
	}
	args = append(args, "-s", "bench_server", "main", "-extra", "contestant="+name, "app="+t.app, "files="+b.files)
	p, err := b.start("erl", slices.Concat(args, extra, b.beamOptions)...)
	if err != nil {
		return nil, err
	}
	port, err := p.port(ctx)
	if err != nil {
		return nil, err
	}
	return newServer(port, port, p, behind...), nil
}

// reason tells why a contestant cannot have a load, if so.
func (c contestant) reason(load string) string {
	for prefix, why := range c.cannot {
		if strings.HasPrefix(load, prefix) {
			return why
		}
	}
	return ""
}
