package bridge

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
)

// The environment of a process that a host has started [P2, P3].
const (
	envVersions = "GWPORT"
	envStderr   = "GWPORT_STDERR"
)

// started is what init found and took. The process has one standard input, so
// this is one of the few things that are global because the thing itself is.
var started struct {
	byHost bool
	in     io.ReadCloser
	out    io.WriteCloser
	err    error // why the descriptors could not be taken
	once   sync.Once
}

// init takes the standard descriptors away before main runs, and before most
// other packages' init: from then on nothing that the program prints can get
// between the frames [P1]. It is in an init, too, because that runs on the
// process's main thread, which is the one that lives as long as the process:
// the death signal that takeProcess asks for belongs to a thread.
func init() {
	if os.Getenv(envVersions) == "" {
		return
	}
	started.byHost = true
	started.in, started.out, started.err = takeProcess(os.Getenv(envStderr))
	// Children of ours are nobody's port programs [P4].
	_ = os.Unsetenv(envVersions)
	_ = os.Unsetenv(envStderr)
	hasHost = true
	setLogger()
}

// servePort serves the wire that init has taken.
func (set *settings) servePort() error {
	if started.err != nil {
		return started.err
	}
	err := ErrServing
	started.once.Do(func() { err = set.serveOnce() })
	return err
}

func (set *settings) serveOnce() error {
	p := newPort(set, started.in, started.out, func() { time.AfterFunc(mux.StopGrace-stopMargin, die) })
	p.isAlone = true
	current.Store(p.conn)
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	defer signal.Stop(term)
	go func() {
		select {
		case <-term:
			p.conn.Drain() // [P6]
		case <-p.conn.Done():
		}
	}()
	return p.serve()
}

// setLogger makes LogHandler slog's default, if no package has set another in its
// init, so that a program's first record has a level. What
// package log prints, often formatted and in several lines, belongs on standard
// error as ever.
func setLogger() {
	if isSlogsOwn(slog.Default().Handler()) {
		setDefault(LogHandler())
	}
}
