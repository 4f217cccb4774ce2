//go:build linux || darwin || freebsd

package bridge

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// takeProcess moves the wire to descriptors of its own and makes the standard
// ones harmless: 0 reads nothing, 1 is where 2 is.
func takeProcess(stderrSocket string) (in io.ReadCloser, out io.WriteCloser, err error) {
	dieWithParent()
	connectStderr(stderrSocket)
	if in, err = moveAway(0, "gwport-in"); err != nil {
		return nil, nil, err
	}
	moved, err := moveAway(1, "gwport-out")
	if err != nil {
		return nil, nil, err
	}
	out = outPipe{moved}
	if err := dup(2, 1); err != nil {
		return nil, nil, fmt.Errorf("bridge: standard output: %w", err)
	}
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err == nil {
		err = dup(null, 0)
		_ = syscall.Close(null)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bridge: standard input: %w", err)
	}
	keepSIGPIPE()
	return in, out, nil
}

// outPipe is what the host reads.
type outPipe struct{ *os.File }

// Taken tells whether the host has read all that was written. Where nobody can
// tell, it has after takenLinger.
func (p outPipe) Taken() bool {
	n, ok := unread(p.File)
	if !ok {
		time.Sleep(takenLinger)
	}
	return n == 0
}

// moveAway duplicates a descriptor to one that children do not inherit [P4], and
// makes its pipe a large one.
// The original is overwritten by the caller.
func moveAway(fd int, name string) (*os.File, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	private, err := syscall.Dup(fd)
	if err != nil {
		return nil, fmt.Errorf("bridge: descriptor %d: %w", fd, err)
	}
	syscall.CloseOnExec(private)
	widen(private)
	return os.NewFile(uintptr(private), name), nil
}

// connectStderr puts a connection to the host's socket at descriptor 2 [P3]. If
// that fails, the standard error that was inherited stays: worse, but something.
//
// The descriptor is a blocking one, so that the runtime's last words, which it
// writes without asking anybody, arrive whole; but no write waits longer than
// stderrTimeout for a host that does not read.
func connectStderr(path string) {
	if path == "" {
		return
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return
	}
	defer syscall.Close(fd) //nolint:errcheck // the copy at 2 is what counts
	limit := syscall.NsecToTimeval(stderrTimeout.Nanoseconds())
	if syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_SNDTIMEO, &limit) != nil {
		return
	}
	if syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}) != nil {
		return
	}
	_ = dup(fd, 2)
}

// keepSIGPIPE sees to it that a host which has closed the standard error socket
// does not kill the program with the next line it prints: for descriptors 1 and
// 2 Go does that, unless somebody wants to hear of SIGPIPE. Ignoring the signal
// would do, too, but children would inherit it.
func keepSIGPIPE() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
}

// die ends the process, and what it has started if it leads a process group: a
// program that a host has started does, one that a shell script has started
// would take the script with it.
func die() {
	if syscall.Getpgrp() == syscall.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
	os.Exit(1)
}
