package bridge

import (
	"encoding/binary"
	"io"
)

// input takes frames off a stream of bytes. One read of it may bring many.
type input struct {
	r          io.Reader
	buf        []byte
	start, end int // what of buf is read and not taken
	maxFrame   int
}

// inputSize holds the largest frame of the defaults; only a program that takes
// larger heads ever sees the buffer grow.
const inputSize = 2 * minMaxFrame

func newInput(r io.Reader) *input {
	return &input{r: r, buf: make([]byte, inputSize), maxFrame: firstMaxFrame}
}

// next returns the next frame, good until the next call. The error is a
// *FaultError, or the reader's: io.EOF where a frame ends, io.ErrUnexpectedEOF
// inside one.
func (in *input) next() (frame, error) {
	if err := in.fill(lengthSize); err != nil {
		return frame{}, err
	}
	length := binary.BigEndian.Uint32(in.buf[in.start:])
	if err := checkLength(length, in.maxFrame); err != nil {
		return frame{}, err
	}
	if err := in.fill(lengthSize + int(length)); err != nil {
		return frame{}, err
	}
	b := in.buf[in.start+lengthSize : in.start+lengthSize+int(length)]
	in.start += lengthSize + int(length)
	f, err := parseFrame(b)
	if err != nil {
		return frame{}, err
	}
	return f, nil
}

// ready tells whether next can return without reading: whether the batch that
// the last read brought has more to give.
func (in *input) ready() bool {
	have := in.end - in.start
	if have < lengthSize {
		return false
	}
	return have-lengthSize >= int(binary.BigEndian.Uint32(in.buf[in.start:]))
}

// fill reads until n bytes from start are there.
func (in *input) fill(n int) error {
	if in.end-in.start >= n {
		return nil
	}
	in.makeRoom(n)
	for in.end-in.start < n {
		got, err := in.r.Read(in.buf[in.end:])
		in.end += got
		if err != nil && in.end-in.start < n {
			if err == io.EOF && in.end > in.start {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// makeRoom sees to it that n bytes from start fit into the buffer. n has been
// checked against maxFrame, so what is allocated is what we offered to take.
func (in *input) makeRoom(n int) {
	if in.start < in.end && in.start+n <= len(in.buf) && in.start < len(in.buf)/2 {
		return
	}
	to := in.buf
	if n > len(to) {
		to = make([]byte, n)
	}
	in.end = copy(to, in.buf[in.start:in.end])
	in.start, in.buf = 0, to
}
