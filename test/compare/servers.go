package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
	"github.com/gwport/gwport/test/compare/script"
)

const (
	startLimit = 60 * time.Second
	endLimit   = 5 * time.Second
)

// ownEbin is where rebar3 puts gwport's own compiled modules.
const ownEbin = "_build/default/lib/gwport/ebin"

// servers are all that run: net/http by itself, and a BEAM with a listener for each mount.
type servers struct {
	work      string
	at        *collector
	want      contestant // net/http
	control   contestant // bare Cowboy
	mounts    map[string]contestant
	processes []*process
	erl       *process
}

// A process is one of them. It ends when its standard input does, so none outlives us.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	words chan script.Op
	said  tail
	ended chan struct{}

	mu      sync.Mutex
	answers map[string]chan script.Op
}

// tree is where gwport's own tree is: its compiled Erlang modules, and the module that the program is built of.
// ebin is the folder of gwport's own compiled modules, where that is another.
type tree struct{ root, ebin string }

func (t tree) path(name string) string { return filepath.Join(t.root, name) }

// beams are the folders of compiled modules that rebar3 or .ci/setup made.
func (t tree) beams() []string {
	var all []string
	for _, pattern := range []string{"_build/default/lib/*/ebin", "_build/default/checkouts/*/ebin", "_checkouts/*/ebin"} {
		found, _ := filepath.Glob(t.path(pattern)) // fails for a bad pattern only
		all = append(all, found...)
	}
	if i := slices.Index(all, t.path(ownEbin)); i >= 0 && t.ebin != "" {
		all[i] = t.ebin
	}
	return all
}

// build makes the program and the Erlang modules in the folder.
func (t tree) build(ctx context.Context, work string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(work, "app"), "./app")
	build.Dir = t.path("test/compare")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compare: building the program: %w\n%s", err, out)
	}
	sources, _ := filepath.Glob(t.path("test/compare/erlang/*.erl"))
	args := []string{"-o", work}
	for _, dir := range t.beams() {
		args = append(args, "-pa", dir)
	}
	if out, err := exec.CommandContext(ctx, "erlc", append(args, sources...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("compare: compiling the Erlang modules (`make build` builds gwport's): %w\n%s", err, out)
	}
	return certificate(filepath.Join(work, "cert.pem"), filepath.Join(work, "key.pem"))
}

// start starts all servers of a tree.
func start(ctx context.Context, t tree, work string) (_ *servers, err error) {
	s := &servers{work: work, mounts: make(map[string]contestant)}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if err := t.build(ctx, work); err != nil {
		return nil, err
	}
	if s.at, err = newCollector(s.file("collector")); err != nil {
		return nil, err
	}
	if err := s.startPlain(); err != nil {
		return nil, err
	}
	return s, s.startErlang(t, s.file("app"))
}

func (s *servers) file(name string) string { return filepath.Join(s.work, name) }

func (s *servers) startPlain() error {
	p, err := s.run(s.file("app"), "-mode", "http", "-socket", s.file("collector"), "-cert", s.file("cert.pem"), "-key", s.file("key.pem"))
	if err != nil {
		return err
	}
	s.want.name = "net/http"
	for range 2 {
		if err := p.listening(&s.want); err != nil {
			return err
		}
	}
	return nil
}

// startErlang starts Cowboy, and the program behind it.
func (s *servers) startErlang(t tree, app string) (err error) {
	args := []string{"-noshell", "-boot", "no_dot_erlang", "-pa", s.work}
	for _, dir := range t.beams() {
		args = append(args, "-pa", dir)
	}
	args = append(args, "-s", "compare_server", "main", "-extra",
		"app="+app, "socket="+s.file("collector"), "cert="+s.file("cert.pem"), "key="+s.file("key.pem"))
	if s.erl, err = s.run("erl", args...); err != nil {
		return err
	}
	return s.meet()
}

// beside starts Cowboy once more, with a tree and a program that may be others. What it answers is compared with the same
// net/http.
func (s *servers) beside(t tree, app string) (*servers, error) {
	other := &servers{work: s.work, at: s.at, want: s.want, mounts: make(map[string]contestant)}
	if err := other.startErlang(t, app); err != nil {
		other.end()
		return nil, err
	}
	return other, nil
}

// meet waits for Cowboy's ports.
func (s *servers) meet() error {
	for {
		op, err := s.erl.word()
		if err != nil {
			return err
		}
		if op.Name == "ready" {
			break
		}
		name, transport, _ := strings.Cut(op.Arg(0), "_")
		c := s.mounts[name]
		c.name = name
		c.listens(transport, op.Arg(1))
		s.mounts[name] = c
	}
	s.control = s.mounts["control"]
	delete(s.mounts, "control")
	for _, name := range cases.Every {
		if s.mounts[name].clear == "" || s.mounts[name].tls == "" {
			return fmt.Errorf("compare: no listener for %s", name)
		}
	}
	go s.erl.hear()
	return nil
}

func (p *process) listening(c *contestant) error {
	op, err := p.word()
	if err == nil {
		c.listens(op.Arg(0), op.Arg(1))
	}
	return err
}

func (c *contestant) listens(transport, port string) {
	if transport == "tls" {
		c.tls = "127.0.0.1:" + port
	} else {
		c.clear = "127.0.0.1:" + port
	}
}

func (s *servers) run(name string, args ...string) (*process, error) {
	p := &process{
		cmd: exec.Command(name, args...), words: make(chan script.Op, 16), ended: make(chan struct{}),
		answers: make(map[string]chan script.Op),
	}
	// Ctrl-C is ours; temporary files of handlers are to be found and taken away here.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+s.work)
	p.cmd.Stderr = &p.said
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	p.stdin = stdin
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	s.processes = append(s.processes, p)
	go p.listen(out)
	return p, nil
}

func (p *process) listen(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		word, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "COMPARE ")
		ops, err := script.Parse(word)
		if !ok || err != nil || len(ops) != 1 {
			_, _ = io.WriteString(&p.said, line)
			continue
		}
		p.words <- ops[0]
	}
	_ = p.cmd.Wait() // how it ended is told by what it said
	close(p.ended)
}

func (p *process) word() (script.Op, error) {
	select {
	case op := <-p.words:
		return op, nil
	case <-p.ended:
		return script.Op{}, fmt.Errorf("compare: %s ended: %s", p.cmd.Path, &p.said)
	case <-time.After(startLimit):
		return script.Op{}, fmt.Errorf("compare: %s says nothing: %s", p.cmd.Path, &p.said)
	}
}

func (s *servers) stop() {
	s.end()
	if s.at != nil {
		_ = s.at.ln.Close()
	}
}

// end ends its processes.
func (s *servers) end() {
	for _, p := range s.processes {
		_ = p.stdin.Close()
	}
	for _, p := range s.processes {
		select {
		case <-p.ended:
		case <-time.After(endLimit):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	}
}

// A tail keeps the last of what was written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 8192

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-tailSize):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// certificate writes one that the server signs itself.
func certificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: serverName}, DNSNames: []string{serverName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name, kind string
		bytes      []byte
	}{{certFile, "CERTIFICATE", cert}, {keyFile, "PRIVATE KEY", secret}} {
		text := pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.bytes})
		if err := os.WriteFile(f.name, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
