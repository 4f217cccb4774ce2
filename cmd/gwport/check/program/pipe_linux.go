package program

import (
	"os"
	"syscall"
)

// pipeSize is how much a pipe holds, which the program at its other end may have
// chosen.
func pipeSize(pipe *os.File) int64 {
	const getPipeSize = 1032 // F_GETPIPE_SZ of fcntl(2), which package syscall does not name
	size := int64(defaultPipe)
	conn, err := pipe.SyscallConn()
	if err != nil {
		return size
	}
	_ = conn.Control(func(fd uintptr) {
		if n, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, getPipeSize, 0); errno == 0 {
			size = int64(n)
		}
	})
	return size
}
