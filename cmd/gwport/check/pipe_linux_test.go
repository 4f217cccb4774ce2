package check

import (
	"io"
	"os"
	"syscall"
)

// narrow gives a pipe the default size.
func narrow(pipe io.Reader) {
	conn, err := pipe.(*os.File).SyscallConn()
	if err != nil {
		return
	}
	const setPipeSize = 1031 // F_SETPIPE_SZ of fcntl(2), which package syscall does not name
	_ = conn.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, 64<<10)
	})
}
