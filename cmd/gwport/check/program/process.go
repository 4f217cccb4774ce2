package program

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// process is the program, started as the BEAM would start it: a pipe at its
// standard input and another at its output, its own process group, GWPORT and
// GWPORT_STDERR in its environment.
type process struct {
	cmd    *exec.Cmd
	stdin  *os.File // our ends
	stdout *os.File
	stderr *socket
	own    *tail // the standard error it inherited

	began  time.Time
	exited chan struct{} // closed when it has
	at     time.Time     // when, once it has
}

// newProcess starts the program. The environment is added to ours, of which
// nothing of gwport's is passed on.
func newProcess(command []string, dir string, env ...string) (*process, error) {
	sock, err := newSocket(dir)
	if err != nil {
		return nil, err
	}
	in, stdin, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p := &process{stdin: stdin, stdout: stdout, stderr: sock, own: &tail{}, exited: make(chan struct{})}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, p.own
	p.cmd.WaitDelay = time.Second // for standard error that a grandchild keeps open
	p.cmd.Env = append(environment(), env...)
	for i, e := range p.cmd.Env {
		if e == "GWPORT_STDERR=" {
			p.cmd.Env[i] += sock.path
		}
	}
	ownGroup(p.cmd)
	p.began = time.Now()
	err = p.cmd.Start()
	_, _ = in.Close(), out.Close()
	if err != nil {
		p.close()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		p.at = time.Now()
		close(p.exited)
	}()
	return p, nil
}

// environment is ours without what belongs to the wire.
func environment() []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "GWPORT=") && !strings.HasPrefix(e, "GWPORT_STDERR=") {
			env = append(env, e)
		}
	}
	return env
}

// stop kills the program and all of its group, and waits until it is gone.
func (p *process) stop() {
	killGroup(p.cmd)
	<-p.exited
	p.close()
}

func (p *process) close() {
	_, _ = p.stdin.Close(), p.stdout.Close()
	p.stderr.close()
}

// waitExit waits for the program's end.
func (p *process) waitExit(d time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(d):
		return false
	}
}

// ending says how the program ended.
func (p *process) ending() string {
	state := p.cmd.ProcessState
	if state == nil {
		return "still running"
	}
	return strings.TrimPrefix(state.String(), "exit status ")
}

// socket is what GWPORT_STDERR names [P3].
type socket struct {
	path      string
	listener  net.Listener
	connected chan struct{} // closed at the first connection
	text      tail
}

var sockets atomic.Int64

func newSocket(dir string) (*socket, error) {
	path := filepath.Join(dir, fmt.Sprint(sockets.Add(1)))
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	s := &socket{path: path, listener: l, connected: make(chan struct{})}
	go s.accept()
	return s, nil
}

func (s *socket) accept() {
	for first := true; ; first = false {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		if first {
			close(s.connected)
		}
		go func() {
			_, _ = io.Copy(&s.text, c)
			_ = c.Close()
		}()
	}
}

func (s *socket) close() { _ = s.listener.Close() }

// tail keeps the last few kilobytes of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
	n   int64 // bytes ever
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += int64(len(p))
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 4096; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

// last is the last line.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.buf), []byte("\n"))
	return string(lines[len(lines)-1])
}
