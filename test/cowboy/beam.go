package cowboy

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed erlang/cowboy_server.erl
var serverSource []byte

const (
	// A BEAM that is told to end has this long, then it is killed.
	endLimit = 5 * time.Second
	// What is kept of its log.
	logSize = 1 << 20
)

var errEnded = errors.New("cowboy: the BEAM has ended")

// A beam is the child process. On its standard input it reads `ID EXPRESSION`, on its standard output it says
// `ID WORD RESULT`, what stands behind the ID in base64 but for the word; its first line has the ID 0.
type beam struct {
	cmd   *exec.Cmd
	log   *tail
	ready chan answer // to what nobody asks: the greeting
	ended chan struct{}

	mu      sync.Mutex
	in      io.WriteCloser
	last    uint64
	waiting map[uint64]chan answer
}

type answer struct {
	data []byte
	err  error
}

func startBeam(work string, paths, env []string, options string) (*beam, error) {
	args := []string{
		"-noinput", "-boot", "no_dot_erlang",
		// Standard output is ours.
		"-kernel", "logger", "[{handler, default, logger_std_h, #{config => #{type => standard_error}}}]",
	}
	for _, path := range paths {
		args = append(args, "-pa", path)
	}
	args = append(args, "-s", "cowboy_server", "main", "-extra", options)
	b := &beam{log: &tail{}, ready: make(chan answer, 1), ended: make(chan struct{})}
	b.waiting = map[uint64]chan answer{0: b.ready}
	b.cmd = exec.Command("erl", args...)
	// What BEAM and programs put down is cleared away with the folder.
	b.cmd.Env = append(append(os.Environ(), "ERL_CRASH_DUMP_BYTES=0", "TMPDIR="+work), env...)
	// A Ctrl-C is left to the test.
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.cmd.Stderr = b.log
	// Programs have the standard error too, and may hold it for a moment longer than the BEAM does.
	b.cmd.WaitDelay = time.Second
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	go b.read(out)
	return b, nil
}

func (b *beam) read(out io.Reader) {
	reader := bufio.NewReader(out)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			break
		}
		if !b.answered(strings.TrimSuffix(line, "\n")) {
			_, _ = b.log.Write([]byte(line)) // never fails
		}
	}
	_ = b.cmd.Wait() // how it ended is of no interest once it was told to
	close(b.ended)
}

// answered tells whether the line is one of cowboy_server.erl's.
func (b *beam) answered(line string) bool {
	fields := strings.Split(line, " ")
	if len(fields) != 3 {
		return false
	}
	id, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return false
	}
	data, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil {
		return false
	}
	if fields[1] != "ok" {
		err = fmt.Errorf("cowboy: %s", data)
	}
	b.mu.Lock()
	wait := b.waiting[id]
	delete(b.waiting, id)
	b.mu.Unlock()
	if wait != nil {
		wait <- answer{data, err}
	}
	return true
}

func (b *beam) greeting(ctx context.Context) (string, error) {
	ports, err := b.wait(ctx, 0, b.ready)
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, b.log)
	}
	return string(ports), nil
}

func (b *beam) eval(ctx context.Context, expression string) ([]byte, error) {
	wait := make(chan answer, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.waiting[id] = wait
	_, err := fmt.Fprintf(b.in, "%d %s\n", id, base64.StdEncoding.EncodeToString([]byte(expression)))
	b.mu.Unlock()
	if err != nil {
		return nil, errEnded
	}
	return b.wait(ctx, id, wait)
}

func (b *beam) wait(ctx context.Context, id uint64, wait chan answer) ([]byte, error) {
	select {
	case a := <-wait:
		return a.data, a.err
	case <-b.ended:
		return nil, errEnded
	case <-ctx.Done():
		b.mu.Lock()
		delete(b.waiting, id)
		b.mu.Unlock()
		return nil, fmt.Errorf("cowboy: the BEAM does not answer: %w", ctx.Err())
	}
}

func (b *beam) stop() {
	b.mu.Lock()
	_ = b.in.Close() // fails the second time
	b.mu.Unlock()
	select {
	case <-b.ended:
	case <-time.After(endLimit):
		_ = b.cmd.Process.Kill() // fails if it has just ended
		<-b.ended
	}
}

// A tail keeps the last of what was written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-logSize):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
