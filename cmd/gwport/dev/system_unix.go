//go:build unix

package dev

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// lockFile does not wait.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errTaken
	}
	return err
}

// inGroup has a command, and what that starts, be ended together, and not by Ctrl-C. Where the system can do so, the
// command is killed when the thread that starts it ends.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithThread(cmd.SysProcAttr)
}

func killGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }

func askToEnd(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
