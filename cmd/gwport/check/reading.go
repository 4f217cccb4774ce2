package check

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// pause stops the reading of the program's standard output.
func (h *host) pause() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = true
}

// resume goes on, and returns how many body bytes had arrived until then.
func (h *host) resume() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = false
	h.changed.Broadcast()
	return h.bytes
}

// gate is between the pipe and the reader.
func (h *host) gate(b []byte) (int, error) {
	h.mu.Lock()
	for h.held {
		h.changed.Wait()
	}
	slow := h.slow
	h.mu.Unlock()
	if slow {
		time.Sleep(time.Millisecond) // the slowness itself; no state is waited for
		b = b[:min(len(b), 8<<10)]
	}
	return h.p.stdout.Read(b)
}

type gated struct{ h *host }

func (g gated) Read(b []byte) (int, error) { return g.h.gate(b) }

// read is the goroutine that reads.
func (h *host) read() {
	r := &frameReader{r: gated{h}, max: h.hello.maxFrame()}
	for {
		b, err := r.next()
		h.mu.Lock()
		if err == nil {
			err = h.take(b)
		}
		if err != nil {
			h.ended = true
			if !errors.Is(err, io.EOF) {
				h.readErr = err
			}
			h.watchLengths(err)
			h.changed.Broadcast()
			h.mu.Unlock()
			// What a broken program goes on to write must not keep it from ending.
			_, _ = io.Copy(io.Discard, h.p.stdout)
			return
		}
		h.changed.Broadcast()
		h.mu.Unlock()
	}
}

// frameReader takes frames off the program's standard output.
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
	if n < portHead || uint64(n) > uint64(r.max) {
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
