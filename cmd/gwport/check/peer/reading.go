package peer

import (
	"bufio"
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
	r := bufio.NewReaderSize(gate{s, from}, 128<<10)
	for more := true; more; {
		b, err := next(r, w.MaxFrame)
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

// lengthError is a length that no frame has.
type lengthError struct {
	n     uint32
	bytes []byte // the length, and what of the frame is there
}

func (e *lengthError) Error() string {
	return fmt.Sprintf("a frame of %d bytes, beginning % x", e.n, e.bytes)
}

// next takes a frame off what the other side writes, without its length. The error
// is io.EOF only between two frames; a pipe that was closed here has ended, too.
func next(r *bufio.Reader, most int) ([]byte, error) {
	length, err := r.Peek(4)
	if err != nil && (len(length) == 0 || !errors.Is(err, io.EOF)) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	n := binary.BigEndian.Uint32(length)
	if n < frames.PortHead || uint64(n) > uint64(most) {
		begins, _ := r.Peek(min(r.Buffered(), 20))
		return nil, &lengthError{n, begins}
	}
	b := make([]byte, 4+int(n))
	if _, err := io.ReadFull(r, b); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	} else if err != nil {
		return nil, io.EOF
	}
	return b[4:], nil
}
