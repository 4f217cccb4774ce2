package dev

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// How long a program has to finish what it does, when another one is to take its place.
const endTime = time.Second

// runner runs the program that was built last. A nil one runs none.
type runner struct {
	path, address string
	stderr        io.Writer
	now           *process
	ended         chan *process
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // when done
}

// isFree says in a sentence why a program could not serve there.
func isFree(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("nothing can be served on %s: %w", address, err)
	}
	return ln.Close()
}

// start has a program take the place of the one that runs. The same one is started where it has ended.
func (r *runner) start(isNew bool) {
	if r == nil || !isNew && r.now != nil {
		return
	}
	r.stop()
	cmd := exec.Command(r.path)
	cmd.Env = append(os.Environ(), "GWPORT_HTTP="+r.address)
	cmd.Stdout, cmd.Stderr = r.stderr, r.stderr
	inGroup(cmd)
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go r.runs(p, started)
	if err := <-started; err != nil {
		fmt.Fprintf(r.stderr, "gwport dev: the program cannot be started: %v\n", err)
		return
	}
	r.now = p
}

// runs returns when the program has ended. It has a thread of its own all the time: the program dies with the one that
// starts it, so that a watcher that is killed leaves none behind.
func (r *runner) runs(p *process, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
	r.ended <- p
}

// stop returns when the program is gone, with what it has started.
func (r *runner) stop() {
	if r == nil || r.now == nil {
		return
	}
	p := r.now
	r.now = nil
	_ = askToEnd(p.cmd.Process)
	select {
	case <-p.done:
	case <-time.After(endTime):
	}
	_ = killGroup(p.cmd.Process)
	<-p.done
	<-r.ended
}

func (r *runner) ends() <-chan *process {
	if r == nil {
		return nil
	}
	return r.ended
}

// sayEnd is for one that was not told to end.
func (r *runner) sayEnd(p *process) {
	_ = killGroup(p.cmd.Process) // what it has left behind
	r.now = nil
	why := "without an error"
	if p.err != nil {
		why = p.err.Error()
	}
	fmt.Fprintf(r.stderr, "gwport dev: the program has ended (%s); the next change starts it again\n", why)
}
