package bridge

import (
	"math"
	"slices"
	"syscall"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// The magic numbers of file systems whose files are at hand. One that may make a reader
// wait (of a network, or of another program) must make a goroutine wait, and not the
// host, whose connections would wait with it.
var fileSystems = []int64{
	0xef53,     // ext2, ext3, ext4
	0x58465342, // XFS
	0x9123683e, // btrfs
	0x01021994, // tmpfs
	0x794c7630, // overlayfs
	0x2fc12fc1, // ZFS
	0xf2f52010, // F2FS
	0xca451a4e, // bcachefs
	0x73717368, // squashfs
	0xe0f5e1e2, // EROFS
}

// identify says which file a descriptor stands for, and its size, if it is one whose bytes
// may be read and are on a disk of this machine, or in its memory.
func identify(fd int, piece *wire.File) (size int64, ok bool) {
	var stat syscall.Stat_t
	if !name(fd, &stat, piece) || stat.Mode&syscall.S_IFMT != syscall.S_IFREG || stat.Size < minFile {
		return 0, false
	}
	var fs syscall.Statfs_t
	if syscall.Fstatfs(fd, &fs) != nil || !slices.Contains(fileSystems, int64(uint32(fs.Type))) {
		return 0, false
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFL, 0)
	if errno != 0 || flags&syscall.O_ACCMODE == syscall.O_WRONLY {
		return 0, false
	}
	return stat.Size, true
}

// name says by which numbers the host knows the file of a descriptor.
func name(fd int, stat *syscall.Stat_t, piece *wire.File) bool {
	if syscall.Fstat(fd, stat) != nil || uint64(stat.Dev) > math.MaxInt64 || stat.Ino > math.MaxInt64 {
		return false
	}
	piece.Descriptor, piece.Device, piece.Inode = fd, int64(stat.Dev), int64(stat.Ino)
	return true
}
