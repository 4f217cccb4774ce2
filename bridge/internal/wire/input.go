package wire

import (
	"encoding/binary"
	"io"
)

// An Input takes frames off a stream of bytes. One read of it may bring many.
type Input struct {
	r          io.Reader
	buf        []byte
	start, end int // what of buf is read and not taken
	MaxFrame   int // the largest frame that is taken
}

// inputSize holds the largest frame of the defaults; only a program that takes
// larger heads ever sees the buffer grow.
const inputSize = 2 * MinMaxFrame

// NewInput returns an Input that takes what a frame may be before the greeting.
func NewInput(r io.Reader) *Input {
	return &Input{r: r, buf: make([]byte, inputSize), MaxFrame: FirstMaxFrame}
}

// Next returns the next frame, good until the next call. The error is a
// *Fault, or the reader's: io.EOF where a frame ends, io.ErrUnexpectedEOF
// inside one.
func (in *Input) Next() (Frame, error) {
	if err := in.fill(lengthSize); err != nil {
		return Frame{}, err
	}
	length := binary.BigEndian.Uint32(in.buf[in.start:])
	if err := checkLength(length, in.MaxFrame); err != nil {
		return Frame{}, err
	}
	if err := in.fill(lengthSize + int(length)); err != nil {
		return Frame{}, err
	}
	b := in.buf[in.start+lengthSize : in.start+lengthSize+int(length)]
	in.start += lengthSize + int(length)
	f, err := parseFrame(b)
	if err != nil {
		return Frame{}, err
	}
	return f, nil
}

// Ready tells whether Next can return without reading: whether the batch that
// the last read brought has more to give.
func (in *Input) Ready() bool {
	have := in.end - in.start
	if have < lengthSize {
		return false
	}
	return have-lengthSize >= int(binary.BigEndian.Uint32(in.buf[in.start:]))
}

// fill reads until n bytes from start are there.
func (in *Input) fill(n int) error {
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
// checked against MaxFrame, so what is allocated is what we offered to take.
func (in *Input) makeRoom(n int) {
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
