package main

import (
	"context"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A contestant serves the loads in its own way.
type contestant struct {
	name, title string
	start       starter
	// twoSockets: one process has a connection to the client and one to the server behind it for each request.
	twoSockets bool
	// earlier: gwport's halves are those of the tree that -before names. Without it there is no such contestant.
	earlier bool
	// static: it has nothing but files, and answers a load with the one that has the same bytes.
	static bool
	// skips are loads that it is left out of, so that the bench comes to its end.
	skips *regexp.Regexp
	// cannot says why for loads it cannot have, by the load's name or the beginning of it.
	cannot map[string]string
}

// A starter starts the contestant's server for a load.
type starter func(context.Context, *bench, load) (*server, error)

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
		"ws_":         "one request at a time, bodies whole",
	}
	noSocket := map[string]string{"ws_": "Cowboy's WebSockets begin in a handler, which the first row is"}
	noTunnel := map[string]string{"ws_": "the proxy written for this bench passes on requests and responses only"}
	noUpgrade := map[string]string{"ws_": "FastCGI has no way to take over a connection"}
	return []contestant{
		{name: ownHandler, title: "Cowboy, Erlang handler", start: beam(ownHandler)},
		{name: "cowboy_stream", title: "Cowboy, Erlang stream handler", start: beam("cowboy_stream"), cannot: noSocket},
		{name: "cowboy_static", title: "cowboy_static, from a file", start: beam("cowboy_static"), static: true},
		{name: "gwport_handler", title: "gwport_handler", start: beam("gwport_handler")},
		{name: "gwport_stream", title: "gwport_stream_h", start: beam("gwport_stream")},
		{name: "gwport_stream_2", title: "gwport_stream_h, 2 ports", start: beam("gwport_stream", "ports=2"), skips: notForPorts},
		{name: "gwport_handler_before", title: "gwport_handler, before", start: earlier("gwport_handler"), earlier: true},
		{name: "gwport_stream_before", title: "gwport_stream_h, before", start: earlier("gwport_stream"), earlier: true},
		{name: gunProxy, title: "Cowboy → gun (32 kept) → net/http", start: proxy(gunProxy), twoSockets: true, cannot: noTunnel},
		{name: "gun64", title: "Cowboy → gun (64 kept) → net/http", start: proxy("gun64"), twoSockets: true, skips: notForGun64},
		{name: "naive", title: "naive port, erlang_go", start: beam("naive"), cannot: oneAtATime, skips: notForSketch},
		{name: "nethttp", title: "net/http alone", start: goAlone},
		{name: "nginx_http", title: "nginx → net/http", start: nginx("http"), twoSockets: true, skips: notForNginx},
		{name: "nginx_fcgi", title: "nginx → FastCGI (net/http/fcgi)", start: nginx("fcgi"), twoSockets: true, skips: notForFCGI, cannot: noUpgrade},
	}
}

// What these would show there is shown by other rows, or by their like.
var (
	notForPorts  = regexp.MustCompile(`^(hello_c1|hello_c16|headers_|h2|tls_|file_|gen_64k|gen_1m|json_|sleep_1k|sse_|upload_100m|ws_)`)
	notForGun64  = regexp.MustCompile(`^(hello_c1|headers_|h2.*_hello|tls_hello|hello_burn4|json_|sleep_1k|ws_)`)
	notForSketch = regexp.MustCompile(`^(hello_c16|hello_c256|h2|tls_|gen_64k|gen_1m|gen_10m|file_)`)
	notForNginx  = regexp.MustCompile(`^(h2_|tls_|hello_c16|gen_64k|gen_1m)`)
	notForFCGI   = regexp.MustCompile(`^(h2|tls_|hello_c16|hello_c256|gen_64k|gen_1m|file_)`)
)

// takingPart are those who have the load, be it to say why they cannot.
func (p plan) takingPart(l load) []contestant {
	return slices.DeleteFunc(slices.Clone(p.contestants), func(c contestant) bool {
		if s := l.step.series; s != nil {
			return !slices.Contains(s.who, c.name)
		}
		return c.static && l.static == "" || c.skips != nil && c.skips.MatchString(l.name)
	})
}

// asked is the load as the contestant can have it.
func (c contestant) asked(l load) load {
	if c.static {
		l.check.path = l.static
	}
	return l
}

// server is a contestant that runs.
type server struct {
	addr string // of all protocols, over TLS if the load is
	h2   string // of HTTP/2 without TLS, where that has another
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

func (s *server) base(over protocol) string {
	switch over {
	case http1TLS, http2TLS:
		return "https://" + s.addr
	case http2:
		return "http://" + s.h2
	}
	return "http://" + s.addr
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func newServer(port, h2 int, front *process, behind ...*process) *server {
	return &server{local(port), local(h2), front, append(behind, front)}
}

func goAlone(ctx context.Context, b *bench, l load) (*server, error) {
	var extra []string
	if l.over.tls() {
		extra = []string{"-cert", b.cert}
	}
	p, port, err := b.startGo(ctx, "http", extra...)
	if err != nil {
		return nil, err
	}
	return newServer(port, port, p), nil
}

func (b *bench) startGo(ctx context.Context, mode string, extra ...string) (*process, int, error) {
	p, err := b.start(b.app, append([]string{"-mode", mode, "-files", b.files}, extra...)...)
	if err != nil {
		return nil, 0, err
	}
	port, err := p.port(ctx)
	return p, port, err
}

// beam starts the contestant of bench_contestants.erl that has the name.
func beam(name string, extra ...string) starter {
	return func(ctx context.Context, b *bench, l load) (*server, error) {
		return b.startBeam(ctx, b.source, name, l, extra)
	}
}

// earlier starts the same with gwport's halves of the tree that -before names; the bench's own half is today's.
func earlier(name string) starter {
	return func(ctx context.Context, b *bench, l load) (*server, error) {
		return b.startBeam(ctx, *b.before, name, l, nil)
	}
}

func proxy(name string) starter {
	return func(ctx context.Context, b *bench, l load) (*server, error) {
		behind, port, err := b.startGo(ctx, "http")
		if err != nil {
			return nil, err
		}
		return b.startBeam(ctx, b.source, name, l, []string{"upstream=" + strconv.Itoa(port)}, behind)
	}
}

// startBeam starts a BEAM as `erl` does, with room for the connections of the largest loads and nothing else that is
// not the default.
func (b *bench) startBeam(ctx context.Context, t source, name string, l load, extra []string, behind ...*process) (*server, error) {
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
	if l.over.tls() {
		args = append(args, "cert="+b.cert)
	}
	if l.order > 0 {
		args = append(args, "order="+strconv.Itoa(l.order))
	}
	p, err := b.start("erl", slices.Concat(args, extra, l.beam, b.beamOptions)...)
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
