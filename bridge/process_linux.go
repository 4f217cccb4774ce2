package bridge

import (
	"os"
	"syscall"
)

// dieWithParent has the kernel kill this process when its parent dies. It is for
// the case that the end of the input does not help: a program that is stopped,
// or swapped out. The parent is not the BEAM but its erl_child_setup, which dies
// with it.
//
// A parent that died before the call sends nothing any more; it shows as another
// parent.
func dieWithParent() {
	parent := os.Getppid()
	// Of the thread: init runs on the main one, which does not end before the
	// process does.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	if os.Getppid() != parent {
		os.Exit(1)
	}
}

// dup makes to another name of from, inherited by children. Where it can be
// had, dup3 is asked: some Linux ports have no dup2.
func dup(from, to int) error {
	return syscall.Dup3(from, to, 0)
}
