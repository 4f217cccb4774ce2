package bridge

import (
	"os"
	"runtime"
	"sync/atomic"
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
	fd, errno := memoryFiles.create(memfd)
	if errno != 0 {
		return nil, errno
	}
	return os.NewFile(fd, "memory"), nil
}

func memfd(flags uintptr) (uintptr, syscall.Errno) {
	number, ok := memfdCreate[runtime.GOARCH]
	if !ok {
		return 0, syscall.ENOSYS
	}
	name := [...]byte{'g', 'w', 'p', 'o', 'r', 't', 0}
	fd, _, errno := syscall.Syscall(number, uintptr(unsafe.Pointer(&name[0])), flags, 0)
	return fd, errno
}

// memoryMaker remembers what the system takes.
type memoryMaker struct {
	old    atomic.Bool // not noExecSeal
	failed atomic.Uint32
}

var memoryFiles memoryMaker

// create makes a file that cannot be executed. Since Linux 6.3 the system warns of one that
// may be, and can be told to refuse it (vm.memfd_noexec); before, it does not know the flag.
// An error that lasts is found once.
func (m *memoryMaker) create(memfd func(flags uintptr) (uintptr, syscall.Errno)) (uintptr, syscall.Errno) {
	const closeOnExec, noExecSeal = 1, 8 // MFD_CLOEXEC, MFD_NOEXEC_SEAL
	if errno := syscall.Errno(m.failed.Load()); errno != 0 {
		return 0, errno
	}
	fd, errno := uintptr(0), syscall.EINVAL
	if !m.old.Load() {
		fd, errno = memfd(closeOnExec | noExecSeal)
	}
	if errno == syscall.EINVAL {
		m.old.Store(true)
		fd, errno = memfd(closeOnExec)
	}
	switch errno {
	case syscall.ENOSYS, syscall.EACCES, syscall.EPERM, syscall.EINVAL:
		m.failed.Store(uint32(errno))
	}
	return fd, errno
}

// identifyMemory says which file it is.
func identifyMemory(f *os.File, piece *wire.File) bool {
	conn, err := f.SyscallConn()
	named := false
	if err == nil {
		err = conn.Control(func(fd uintptr) {
			var stat syscall.Stat_t
			named = name(int(fd), &stat, piece)
		})
	}
	return err == nil && named
}
