package bridge

import (
	"io"
	"math"
	"os"
	"reflect"
	"syscall"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// A file is what sendFile needs of an *os.File. One may come in a wrapper of package
// os that hides its WriteTo, and has all else of it.
type file interface {
	io.ReadSeeker
	syscall.Conn
}

// fileOf finds the file that a reader reads, and how much of it, as net/http finds what
// it hands to sendfile: the file itself, or an *io.LimitedReader of one.
func fileOf(r io.Reader) (f file, limited *io.LimitedReader) {
	if limited, _ = r.(*io.LimitedReader); limited != nil {
		r = limited.R
	}
	if f, ok := r.(*os.File); ok {
		return f, limited
	}
	if f, ok := r.(file); ok && reflect.TypeOf(r).PkgPath() == "os" {
		return f, limited
	}
	return nil, nil
}

// sendFile lets the host take bytes from the file that r reads, and returns how many it
// has taken, as if they had been read. None is no error: they are sent in another way.
func (w *response) sendFile(r io.Reader) (int64, error) {
	if !w.files || w.isHead {
		return 0, nil
	}
	f, limited := fileOf(r)
	if f == nil {
		return 0, nil
	}
	piece, ok := describe(f)
	if !ok {
		return 0, nil
	}
	piece.Length = min(piece.Length, math.MaxInt)
	if limited != nil {
		piece.Length = min(piece.Length, limited.N)
	}
	taken, err := w.writeFile(piece)
	if err != nil || taken == 0 {
		return 0, err
	}
	if limited != nil {
		limited.N -= taken
	}
	_, err = f.Seek(piece.Offset+taken, io.SeekStart)
	return taken, err
}

// describe says what the host must know of a file, from where it is read to its end.
func describe(f file) (piece wire.File, ok bool) {
	conn, err := f.SyscallConn()
	if err != nil {
		return piece, false
	}
	size := int64(0)
	if conn.Control(func(fd uintptr) { size, ok = identify(int(fd), &piece) }) != nil || !ok {
		return piece, false
	}
	if piece.Offset, err = f.Seek(0, io.SeekCurrent); err != nil {
		return piece, false
	}
	piece.Length = size - piece.Offset
	return piece, true
}

// writeFile is Write for bytes of a file. It returns how many the host has taken.
func (w *response) writeFile(piece wire.File) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.wroteHeader && !w.finished {
		w.writeHeader(200)
	}
	if w.contentLength >= 0 {
		piece.Length = min(piece.Length, w.contentLength-w.written)
	}
	if piece.Length < minFile || !w.committed && !w.head.noType {
		return 0, nil // it is too little, or its beginning decides what it is
	}
	if err := w.beforeWrite(int(piece.Length)); err != nil {
		return 0, err
	}
	err := w.flush()
	if err == nil {
		err = w.settleMemory()
	}
	taken := int64(0)
	if err == nil {
		taken, err = w.out.sendFile(piece)
	}
	// The host has left these to be written in another way.
	w.written -= piece.Length - taken
	w.accepted -= piece.Length - taken
	w.files = taken == piece.Length
	return taken, w.breaks(err)
}
