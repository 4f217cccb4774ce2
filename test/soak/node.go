package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit  = 60 * time.Second
	answerLimit = 60 * time.Second
	endLimit    = 5 * time.Second
	fileSize    = 1 << 20
	fileID      = 7
)

// ownEbin is where rebar3 puts gwport's own compiled modules.
const ownEbin = "_build/default/lib/gwport/ebin"

// A tree is gwport's. ebin is the folder of its compiled modules, where that is another than rebar3's.
type tree struct{ root, ebin string }

func (t tree) path(name string) string { return filepath.Join(t.root, name) }

// beams are the folders of compiled modules that rebar3 or .ci/setup made.
func (t tree) beams() []string {
	var all []string
	for _, pattern := range []string{"_build/default/lib/*/ebin", "_build/default/checkouts/*/ebin", "_checkouts/*/ebin"} {
		found, _ := filepath.Glob(t.path(pattern)) // fails for a bad pattern only
		for _, dir := range found {
			if abs, err := filepath.Abs(dir); err == nil {
				all = append(all, abs)
			}
		}
	}
	if own, err := filepath.Abs(t.path(ownEbin)); err == nil && t.ebin != "" {
		if i := slices.Index(all, own); i >= 0 {
			all[i] = t.ebin
		}
	}
	return all
}

func (t tree) paths() []string {
	var args []string
	for _, dir := range t.beams() {
		args = append(args, "-pa", dir)
	}
	return args
}

// build makes the program and the node's module in the folder.
func (t tree) build(ctx context.Context, work string) error {
	app := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(work, "app"), "./app")
	app.Dir = t.path("test/soak")
	if out, err := app.CombinedOutput(); err != nil {
		return fmt.Errorf("soak: building the program: %w\n%s", err, out)
	}
	module := exec.CommandContext(ctx, "erlc", append(t.paths(), "-o", work, t.path("test/soak/erlang/soak_server.erl"))...)
	if out, err := module.CombinedOutput(); err != nil {
		return fmt.Errorf("soak: compiling the node's module (`make build` builds gwport's): %w\n%s", err, out)
	}
	return nil
}

// A node is the BEAM. It ends when its standard input does, so that it does not outlive us.
type node struct {
	cmd       *exec.Cmd
	stdin     io.WriteCloser
	listeners map[string]string // addresses by mount
	ready     chan struct{}
	ended     chan struct{}
	said      bytes.Buffer // what was no word to us; read when ended is closed

	mu      sync.Mutex
	next    int
	answers map[string]chan string
}

func startNode(t tree, work string, o *options) (*node, error) {
	args := slices.Concat([]string{"-noshell", "-boot", "no_dot_erlang", "-pa", work}, t.paths(), []string{
		"-s", "soak_server", "main", "-extra",
		"app=" + filepath.Join(work, "app"), "ledger=" + filepath.Join(work, "ledger"), "file=" + filepath.Join(work, "file"),
		"ports=" + strconv.Itoa(o.ports), "deadline=" + strconv.FormatInt(o.deadline.Milliseconds(), 10),
	})
	n := &node{
		cmd: exec.Command("erl", args...), listeners: make(map[string]string), answers: make(map[string]chan string),
		ready: make(chan struct{}), ended: make(chan struct{}),
	}
	// Ctrl-C is ours; sockets are to be found in our folder.
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	n.cmd.Env = append(os.Environ(), "TMPDIR="+work, "ERL_CRASH_DUMP_SECONDS=0")
	var err error
	if n.stdin, err = n.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	n.cmd.Stdout, n.cmd.Stderr = in, in
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("soak: %w", err)
	}
	_ = in.Close()
	go n.listen(out)
	select {
	case <-n.ready:
		return n, nil
	case <-n.ended:
		return nil, fmt.Errorf("soak: the node ended: %s", &n.said)
	case <-time.After(startLimit):
		n.stop()
		return nil, fmt.Errorf("soak: the node says nothing: %s", &n.said)
	}
}

func (n *node) listen(out io.ReadCloser) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "SOAK ")
		word, rest, _ := strings.Cut(rest, " ")
		switch {
		case !ok:
			n.said.WriteString(lines.Text() + "\n")
		case word == "listen":
			name, port, _ := strings.Cut(rest, " ")
			n.listeners[name] = "127.0.0.1:" + port
		case word == "ready":
			close(n.ready)
		default:
			n.answered(word, rest)
		}
	}
	_ = out.Close()
	_ = n.cmd.Wait() // how it ended is told by what it said
	close(n.ended)
}

func (n *node) answered(id, answer string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if to := n.answers[id]; to != nil {
		to <- answer
		delete(n.answers, id)
	}
}

// ask says a word to the node and gives the words of its answer.
func (n *node) ask(words ...string) ([]string, error) {
	to := make(chan string, 1)
	n.mu.Lock()
	n.next++
	id := strconv.Itoa(n.next)
	n.answers[id] = to
	_, err := fmt.Fprintln(n.stdin, id, strings.Join(words, " "))
	n.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("soak: the node: %w", err)
	}
	select {
	case answer := <-to:
		return strings.Fields(answer), nil
	case <-n.ended:
		return nil, errors.New("soak: the node ended: " + n.said.String())
	case <-time.After(answerLimit):
		return nil, fmt.Errorf("soak: the node does not answer %q", words)
	}
}

// programs are the OS processes of the ports that serve.
func (n *node) programs() ([]int, error) {
	words, err := n.ask("ports")
	var all []int
	for _, word := range words {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, fmt.Errorf("soak: the node's ports: %q", words)
		}
		all = append(all, pid)
	}
	return all, err
}

func (n *node) stop() {
	_ = n.stdin.Close()
	select {
	case <-n.ended:
	case <-time.After(endLimit):
		_ = n.cmd.Process.Kill()
		<-n.ended
	}
}
