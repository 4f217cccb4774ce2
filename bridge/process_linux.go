package bridge

import (
	"os"
	"syscall"
	"unsafe"
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

// pipeSize is how many bytes a pipe of the wire holds where that can be chosen.
// With Linux' 64 KiB a chunk fills it, and each side sleeps for the other once a
// chunk; with this a body of 100 KB costs a tenth less CPU, and a fifth more of
// them go through. Beyond it the kernel wants a privilege.
const pipeSize = 1 << 20

// widen gives a pipe pipeSize. What is none, and a user who has no more pages
// for pipes, stays with what there is.
func widen(fd int) {
	const setPipeSize = 1031 // F_SETPIPE_SZ of fcntl(2), which package syscall does not name
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), setPipeSize, pipeSize)
}

// unread returns how many bytes of a pipe its other end has not read.
func unread(pipe *os.File) (n int, ok bool) {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return 0, false
	}
	var bytes int32
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		// FIONREAD has this name for terminals.
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&bytes)))
	})
	return int(bytes), err == nil && errno == 0
}
