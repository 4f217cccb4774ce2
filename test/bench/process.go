package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = 20 * time.Second
	// A server that is told to end has this long, then it is killed.
	endLimit = 3 * time.Second
)

// notHere is why a contestant cannot take part.
type notHere struct{ reason string }

func (e *notHere) Error() string { return e.reason }

// A process is a server that we started.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	in    io.Writer
	lines chan string // what it said on standard output behind "BENCH "
	bad   *tail
	ended chan struct{}
}

// start starts a server. Its standard input stays open until it is to end: servers of ours end with it, so none
// outlives a bench that was killed. It leads a process group, so that Ctrl-C is left to us.
func (b *bench) start(name string, args ...string) (*process, error) {
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := &process{cmd: cmd, lines: make(chan string, 16), bad: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = p.bad
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdin, p.in = stdin, stdin
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b.keep(p)
	go p.attend(out)
	return p, nil
}

func (p *process) attend(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "BENCH "); ok {
			p.lines <- rest
			continue
		}
		fmt.Fprintln(p.bad, lines.Text())
	}
	_ = p.cmd.Wait() // how it ended is of no interest once it was told to
	close(p.ended)
}

// say waits for a line, the rest of which is given if it begins with the word.
func (p *process) say(ctx context.Context, word string) (string, error) {
	timeout := time.NewTimer(startLimit)
	defer timeout.Stop()
	select {
	case line := <-p.lines:
		first, rest, _ := strings.Cut(line, " ")
		switch first {
		case word:
			return rest, nil
		case "na":
			return "", &notHere{rest}
		}
		return "", fmt.Errorf("bench: %s: %s\n%s", p.cmd.Path, line, p.bad)
	case <-p.ended:
		return "", fmt.Errorf("bench: %s ended: %s", p.cmd.Path, p.bad)
	case <-timeout.C:
		return "", fmt.Errorf("bench: %s says nothing: %s", p.cmd.Path, p.bad)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// port waits for the port that the server listens on.
func (p *process) port(ctx context.Context) (int, error) {
	rest, err := p.say(ctx, "port")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(rest)
}

func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(endLimit):
		_ = p.stdin.Close()
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	_ = p.stdin.Close()
}

// endAll ends servers side by side.
func endAll(list []*process) {
	var wg sync.WaitGroup
	for _, p := range list {
		wg.Go(p.end)
	}
	wg.Wait()
}

// A tail keeps the last of what was written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 4096

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
	return string(bytes.TrimSpace(t.buf))
}

func isNotHere(err error) (string, bool) {
	var na *notHere
	if errors.As(err, &na) {
		return na.reason, true
	}
	return "", false
}
