package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
)

// Hold stops the reading, or goes on with it. How many body bytes come from there
// on is Since.
func (s *Side) Hold(on bool) { s.Locked(func() { s.held, s.mark = on, s.Arrived }) }

// Since is how many body bytes had come since then, when so many had in all.
func (s *Side) Since(arrived int64) int64 { return max(arrived-s.mark, 0) }

// Slow has a little read at a time.
func (s *Side) Slow() { s.Locked(func() { s.slow = true }) }

// gate is between the pipe and the reader.
type gate struct {
	s    *Side
	from io.Reader
}

func (g gate) Read(b []byte) (int, error) {
	g.s.Wait(func() bool { return !g.s.held })
	if g.s.Holds(func() bool { return g.s.slow }) {
		time.Sleep(time.Millisecond) // the slowness itself; no state is waited for
		b = b[:min(len(b), 8<<10)]
	}
	return g.from.Read(b)
}

// Read is the goroutine that reads, and has the watch take in each frame.
func (s *Side) Read(from io.Reader, w *Watch) {
	r := &frameReader{r: gate{s, from}, max: w.MaxFrame}
	for more := true; more; {
		b, err := r.next()
		s.Locked(func() {
			if err == nil {
				err = w.take(b)
			}
			if more = err == nil; !more {
				w.end(err)
			}
		})
	}
	// What a broken program goes on to write must not keep it from ending.
	_, _ = io.Copy(io.Discard, from)
}

// frameReader takes frames off what the other side writes.
type frameReader struct {
	r          io.Reader
	max        int
	buf        []byte
	start, end int
}

// lengthError is a length that no frame has.
type lengthError struct {
	n     uint32
	bytes []byte // the length, and what of the frame is there
}

func (e *lengthError) Error() string {
	return fmt.Sprintf("a frame of %d bytes, beginning % x", e.n, e.bytes)
}

// next returns one frame without its length, good until the next call. The error
// is io.EOF only between two frames.
func (r *frameReader) next() ([]byte, error) {
	if err := r.fill(4); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(r.buf[r.start:])
	if n < frames.PortHead || uint64(n) > uint64(r.max) {
		return nil, &lengthError{n, r.buf[r.start:min(r.end, r.start+20)]}
	}
	if err := r.fill(4 + int(n)); err != nil {
		return nil, err
	}
	b := r.buf[r.start+4 : r.start+4+int(n)]
	r.start += 4 + int(n)
	return b, nil
}

func (r *frameReader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}
	if r.start+n > len(r.buf) {
		to := r.buf
		if n > len(to) {
			to = make([]byte, max(n, 128<<10))
		}
		r.end = copy(to, r.buf[r.start:r.end])
		r.start, r.buf = 0, to
	}
	for r.end-r.start < n {
		got, err := r.r.Read(r.buf[r.end:])
		r.end += got
		if err != nil && r.end-r.start < n {
			if errors.Is(err, io.EOF) && r.end > r.start {
				return io.ErrUnexpectedEOF
			}
			return io.EOF // closed by us, or by the program
		}
	}
	return nil
}
