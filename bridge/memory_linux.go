package bridge

import (
	"math"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// memfdCreate has the numbers of memfd_create(2), which package syscall does not name.
// Elsewhere there are no such files, and bodies go by the wire.
var memfdCreate = map[string]uintptr{
	"386": 356, "amd64": 319, "arm": 385, "arm64": 279, "loong64": 279, "ppc64": 360,
	"ppc64le": 360, "riscv64": 279, "s390x": 350,
}

// newMemoryFile makes a file that no child of this process has.
func newMemoryFile() (*os.File, error) {
	const closeOnExec = 1 // MFD_CLOEXEC
	number, ok := memfdCreate[runtime.GOARCH]
	if !ok {
		return nil, syscall.ENOSYS
	}
	name := [...]byte{'g', 'w', 'p', 'o', 'r', 't', 0}
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(&name[0])), closeOnExec, 0)
	if errno != 0 {
		return nil, errno
	}
	return os.NewFile(fd, "memory"), nil
}

// identifyMemory says which file it is.
func identifyMemory(f *os.File, piece *wire.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var stat syscall.Stat_t
	var failed error
	err = conn.Control(func(fd uintptr) {
		piece.Descriptor, failed = int(fd), syscall.Fstat(int(fd), &stat)
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case uint64(stat.Dev) > math.MaxInt64 || stat.Ino > math.MaxInt64:
		return syscall.EOVERFLOW
	}
	piece.Device, piece.Inode = int64(stat.Dev), int64(stat.Ino)
	return nil
}
