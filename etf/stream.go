package etf

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Packet says how the terms of a stream are told from each other: by a length of
// so many bytes in front of each, as an Erlang port or socket with the option
// {packet, N} has it, or by nothing.
type Packet int

// The kinds of streams. Each term has its version byte in all of them.
const (
	Bare    Packet = 0 // one term behind the other
	Packet1 Packet = 1 // a term has at most 255 bytes
	Packet2 Packet = 2 // at most 65535
	Packet4 Packet = 4 // what OTP's documents show
)

// err is what both ends of a stream say of a Packet that there is not.
func (p Packet) err() error {
	switch p {
	case Bare, Packet1, Packet2, Packet4:
		return nil
	}
	return fmt.Errorf("etf: no stream has lengths of %d bytes: 0, 1, 2 and 4 are possible", int(p))
}

// A FrameError says which term of a stream could not be read or written.
type FrameError struct {
	Frame int64 // the first is 1
	Err   error
}

// Error implements error.
func (e *FrameError) Error() string {
	return fmt.Sprintf("etf: frame %d: %s", e.Frame, bare(e.Err))
}

// Unwrap returns what was wrong.
func (e *FrameError) Unwrap() error { return e.Err }

// An Encoder writes terms to a stream. It is not safe for use by several
// goroutines at once.
type Encoder struct {
	Options Options

	w      io.Writer
	packet Packet
	frame  int64
	buf    []byte
	err    error // of a Write, after which nobody knows what the reader got
}

// NewEncoder returns an Encoder that writes to w.
func NewEncoder(w io.Writer, packet Packet) *Encoder {
	return &Encoder{w: w, packet: packet}
}

// Encode writes v, as Marshal has it, with a single call of Write. Nothing is
// written of a value that is no term or too long for the length in front of it;
// the Encoder can go on with another then. After an error of Write, which may have
// written a part, it cannot, and returns that error from then on.
//
// Errors are of type [*FrameError], save for a Packet that there is not.
func (e *Encoder) Encode(v any) error {
	if err := e.packet.err(); err != nil {
		return err
	}
	if e.err != nil {
		return e.err
	}
	e.frame++
	head := [4]byte{}
	buf, err := e.Options.AppendMarshal(append(e.buf[:0], head[:e.packet]...), v)
	e.buf = buf[:0]
	if err == nil {
		err = e.putLength(buf)
	}
	if err != nil {
		return &FrameError{e.frame, err}
	}
	n, err := e.w.Write(buf)
	if err == nil && n < len(buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		e.err = &FrameError{e.frame, err}
	}
	return e.err
}

// putLength writes the length of the term in buf in front of it.
func (e *Encoder) putLength(buf []byte) error {
	n := len(buf) - int(e.packet)
	if e.packet == Bare {
		return nil
	}
	if most := uint64(1)<<(8*e.packet) - 1; uint64(n) > most {
		return &LimitError{fmt.Sprintf("{packet, %d}", e.packet), int(min(most, 1<<31-1)), n, 0}
	}
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(n))
	copy(buf, length[8-e.packet:])
	return nil
}

// A Decoder reads terms from a stream. It reads ahead, and so should be the only
// reader. It is not safe for use by several goroutines at once.
//
// Options.MaxBytes, 16 MiB by default, bounds each term; memory grows with the
// bytes that came, not with the length that was claimed, and stays with the Decoder.
//
// AllowCompressed has no effect on a Bare stream, and AllowLocal on none: what they
// allow does not say where it ends, or is for Decode alone.
type Decoder struct {
	Options Options

	r      io.Reader
	packet Packet
	frame  int64
	buf    []byte // what was read
	off    int    // what was handed out of it
	err    error  // that ended the stream
	late   error  // that came with bytes, which are to be used before it is
}

// NewDecoder returns a Decoder that reads from r.
func NewDecoder(r io.Reader, packet Packet) *Decoder {
	return &Decoder{r: r, packet: packet}
}

// Decode reads the next term into what v points to, as Unmarshal does. With
// Options.Alias its strings hold until the next call.
//
// At the end of the stream the error is io.EOF. Every other is a [*FrameError]. After one
// of Unmarshal the stream goes on with the next term; all others end it, and are
// returned by each call from then on.
func (d *Decoder) Decode(v any) error {
	term, err := d.Next()
	if err != nil {
		return err
	}
	if err := d.Options.Unmarshal(term, v); err != nil {
		return &FrameError{d.frame, err}
	}
	return nil
}

// Next returns the next term undecoded, version byte included, and, where it had
// a length in front of it, unchecked. It holds until the next call. Its errors
// are those of Decode.
func (d *Decoder) Next() ([]byte, error) {
	if d.err == nil {
		d.err = d.packet.err()
	}
	if d.err != nil {
		return nil, d.err
	}
	d.frame++
	term, err := d.next()
	if err != nil {
		if d.err = err; err != io.EOF {
			d.err = &FrameError{d.frame, err}
		}
		return nil, d.err
	}
	return term, nil
}

func (d *Decoder) next() ([]byte, error) {
	if d.packet == Bare {
		return d.bare()
	}
	head, err := d.atLeast(int(d.packet))
	if err != nil {
		return nil, err
	}
	n := uint64(0)
	for _, b := range head[:d.packet] {
		n = n<<8 | uint64(b)
	}
	if most := d.Options.withDefaults().MaxBytes; n > uint64(most) {
		return nil, &LimitError{"MaxBytes", most, int(min(n, 1<<31-1)), 0}
	}
	all, err := d.atLeast(int(d.packet) + int(n))
	if err != nil {
		return nil, unexpected(err)
	}
	d.off += int(d.packet) + int(n)
	return all[d.packet : int(d.packet)+int(n)], nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// atLeast reads until n bytes are there that were not handed out, and returns all
// such. The error is io.EOF if there are none.
func (d *Decoder) atLeast(n int) ([]byte, error) {
	for len(d.buf)-d.off < n {
		if err := d.more(); err != nil {
			if len(d.buf) > d.off {
				err = unexpected(err)
			}
			return nil, err
		}
	}
	return d.buf[d.off:], nil
}

// firstRead is how much room there is for the first bytes.
const firstRead = 4096

// more reads once. Room grows by half of what is there, so that it is never more
// than twice what came.
func (d *Decoder) more() error {
	if d.off > 0 {
		d.buf = d.buf[:copy(d.buf, d.buf[d.off:])]
		d.off = 0
	}
	if len(d.buf) == cap(d.buf) {
		d.buf = slices.Grow(d.buf, max(firstRead, len(d.buf)/2))
	}
	if d.late != nil {
		return d.late
	}
	for range 100 {
		n, err := d.r.Read(d.buf[len(d.buf):cap(d.buf)])
		d.buf = d.buf[:len(d.buf)+n]
		if n > 0 {
			d.late = err
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// bare finds the end of the next term by going over it as its bytes come. A
// count of the terms still to come is all that has to be known between two reads.
func (d *Decoder) bare() ([]byte, error) {
	if _, err := d.atLeast(1); err != nil {
		return nil, err
	}
	if first := d.buf[d.off]; first != version {
		return nil, syntax(0, "no version byte 131")
	}
	most, x := d.Options.withDefaults().MaxBytes, d.Options.lax()
	at := 1
	for left := 1; left > 0; {
		next, kids, err := scan(viewString(d.buf[d.off:]), at, x)
		if err == nil {
			left += kids - 1
			at = next
			continue
		}
		if !isShort(err) {
			return nil, err
		}
		if have := len(d.buf) - d.off; have > most {
			return nil, &LimitError{"MaxBytes", most, have, 0}
		}
		if err := d.more(); err != nil {
			return nil, unexpected(err)
		}
	}
	if at > most {
		return nil, &LimitError{"MaxBytes", most, at, 0}
	}
	d.off += at
	return d.buf[d.off-at : d.off], nil
}

// isShort tells whether more bytes could make a term good: it is cut off, or
// claims more than what is there.
func isShort(err error) bool {
	e, ok := err.(*SyntaxError)
	return ok && (e.Msg == msgShort || e.Msg == msgCount || e.Msg == msgLength)
}
