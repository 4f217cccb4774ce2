//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// A file is what a program says of a piece of a body that the host is to take from one of its descriptors (SPEC.md,
// section 15).
type file struct {
	fd            int
	device, inode uint64
	offset        int
	length        int
	noEnd         bool
}

// fileSize is the first credit of a response. The bytes of files are 0.
const fileSize = 256 << 10

var chunk = strings.Repeat("c", 64<<10)

// sendFile names a descriptor in the way that arg says, behind a head that has the length of an honest file. All that arg
// has behind it comes in the same write, so that the host cannot be through with the file before.
func sendFile(p *program, id uint32, arg string) {
	f := fileOf(arg)
	p.files[id] = f
	named := stream(frames.File, id, encode(f.term()))
	b := stream(frames.Head, id, encode(etf.Tuple{200, etf.List{field("content-length", strconv.Itoa(f.length))}}))
	b = append(b, named...)
	switch arg {
	case "twice":
		b = append(b, named...)
	case "chunk-behind":
		b = append(b, stream(frames.Chunk, id, []byte("behind"))...)
	case "fin-behind":
		b = append(b, stream(frames.Fin, id, encode(etf.List{}))...)
	case "abort":
		b = append(b, stream(frames.Abort, id, encode(etf.Tuple{1, ""}))...)
	}
	p.raw(b)
}

func (f *file) term() any {
	return etf.Tuple{f.fd, int64(f.device), int64(f.inode), f.offset, f.length}
}

// taken is the host's answer. What it has not taken comes in chunks.
func (f *file) taken(p *program, id uint32, n int) {
	if n != 0 && n != f.length {
		panic("badport: a part of a file was taken")
	}
	if n == 0 {
		for range fileSize / len(chunk) {
			p.payload(frames.Chunk, id, []byte(chunk))
		}
	}
	if !f.noEnd {
		p.end(id)
	}
}

// fileOf opens what the host is to be told of.
func fileOf(arg string) *file {
	f := &file{length: fileSize}
	switch arg {
	case "directory":
		f.open(os.TempDir(), syscall.O_RDONLY)
	case "device":
		f.open("/dev/zero", syscall.O_RDONLY)
	case "proc":
		f.open("/proc/self/environ", syscall.O_RDONLY)
	case "sys":
		f.open("/sys/devices/system/cpu/online", syscall.O_RDONLY)
		f.length = 4096
	case "fifo":
		f.open(fifo(), syscall.O_RDONLY|syscall.O_NONBLOCK)
	case "swapped":
		f.regular(fileSize)
		go f.swap()
	case "other":
		f.regular(fileSize)
		f.inode++
	case "closed":
		f.regular(fileSize)
		must(syscall.Close(f.fd))
	case "short":
		f.regular(fileSize - 1)
	case "huge":
		f.regular(fileSize)
		f.offset = 1<<63 - 1
	case "negative":
		f.regular(fileSize)
		f.offset = -1
	case "leased":
		f.regular(fileSize)
		f.lease()
	case "large":
		f.regular(64 * fileSize)
		f.length = 64 * fileSize
	default: // honest in this
		f.regular(fileSize)
		f.noEnd = arg == "no-end"
	}
	return f
}

func (f *file) open(path string, flags int) {
	fd, err := syscall.Open(path, flags, 0)
	must(err)
	f.fd = fd
	f.identify()
}

func (f *file) regular(size int64) {
	file, err := os.CreateTemp("", "badport")
	must(err)
	must(os.Remove(file.Name()))
	f.fd, err = syscall.Dup(int(file.Fd()))
	must(err)
	must(file.Close())
	must(syscall.Ftruncate(f.fd, size))
	f.identify()
}

func (f *file) identify() {
	var stat syscall.Stat_t
	must(syscall.Fstat(f.fd, &stat))
	f.device, f.inode = uint64(stat.Dev), stat.Ino
}

// setLease is Linux's F_SETLEASE.
const setLease = 1024

// lease has everybody who opens the file wait until this program has ended, or for as long as the kernel allows: 45 seconds.
func (f *file) lease() {
	_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(f.fd), setLease, syscall.F_WRLCK)
	if errno != 0 {
		panic(errno)
	}
}

// fifo has no writer, so that who opens it to read waits.
func fifo() string {
	dir, err := os.MkdirTemp("", "badport")
	must(err)
	path := filepath.Join(dir, "fifo")
	must(syscall.Mkfifo(path, 0o600))
	return path
}

// swap makes of the descriptor a fifo and a file in turn, as fast as it can, for a while.
func (f *file) swap() {
	path := fifo()
	pipe, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
	must(err)
	must(os.RemoveAll(filepath.Dir(path)))
	good, err := syscall.Dup(f.fd)
	must(err)
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		must(syscall.Dup2(pipe, f.fd))
		must(syscall.Dup2(good, f.fd))
	}
	for _, fd := range []int{pipe, good} {
		must(syscall.Close(fd))
	}
}
