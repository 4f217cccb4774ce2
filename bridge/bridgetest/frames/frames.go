// Package frames writes and reads the frames of SPEC.md for those who look at the
// bridge from outside: package bridgetest, gwport check, and the port programs of
// our tests. It is not the bridge's own code, because a mistake that both sides
// share would pass every test.
package frames

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/gwport/gwport/etf"
)

// Kind is the number of a kind of frames (SPEC.md, section 4).
type Kind byte

// The kinds.
const (
	Hello    Kind = 0
	Ready    Kind = 1
	Fault    Kind = 2
	Ping     Kind = 3
	Pong     Kind = 4
	Drain    Kind = 5
	Log      Kind = 6
	Ask      Kind = 7
	Part     Kind = 8
	Answered Kind = 9
	Open     Kind = 16
	Entered  Kind = 17
	Chunk    Kind = 18
	Fin      Kind = 19
	Trailers Kind = 20
	Credit   Kind = 21
	Abort    Kind = 22
	Inform   Kind = 23
	Head     Kind = 24
	Reply    Kind = 25
	Takeover Kind = 26
	File     Kind = 27
	Taken    Kind = 28
)

var names = [...]string{
	Hello: "hello", Ready: "ready", Fault: "fault", Ping: "ping", Pong: "pong", Drain: "drain", Log: "log",
	Ask: "ask", Part: "part", Answered: "answered",
	Open: "open", Entered: "entered", Chunk: "chunk", Fin: "fin", Trailers: "trailers", Credit: "credit",
	Abort: "abort", Inform: "inform", Head: "head", Reply: "reply", Takeover: "takeover", File: "file", Taken: "taken",
}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(names) && names[k] != "" {
		return names[k]
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// KindOf returns the kind of a name.
func KindOf(name string) (k Kind, ok bool) {
	i := slices.Index(names[:], name)
	return Kind(max(i, 0)), i >= 0 && name != ""
}

// HasStream tells the kinds with a stream number.
func (k Kind) HasStream() bool { return k >= Open }

// Stream numbers are from FirstStream to MaxStream (SPEC.md [F3]).
const (
	FirstStream = 256
	MaxStream   = 1<<31 - 1
)

// What stands before the payload, without the length.
const (
	PortHead   = 10
	StreamHead = 15 // of a frame with a stream
)

// A Frame is one frame. Stream is 0 in those that have none.
type Frame struct {
	Kind    Kind
	Stream  uint32
	Payload []byte
}

// New makes a frame.
func New(k Kind, stream uint32, payload []byte) Frame { return Frame{k, stream, payload} }

// Term decodes the payload, which must not be a chunk's; what is no term gives
// the error.
func (f Frame) Term() any {
	term, err := etf.Decode(f.Payload, etf.Limits{})
	if err != nil {
		return err
	}
	return term
}

// Append appends the frame as it stands on the wire.
func (f Frame) Append(dst []byte) []byte {
	head, layout := PortHead, byte(2)
	if f.Stream != 0 {
		head, layout = StreamHead, 3
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(head+len(f.Payload)))
	dst = append(dst, 131, 104, layout, 97, byte(f.Kind))
	if f.Stream != 0 {
		dst = binary.BigEndian.AppendUint32(append(dst, 98), f.Stream)
	}
	dst = binary.BigEndian.AppendUint32(append(dst, 109), uint32(len(f.Payload)))
	return append(dst, f.Payload...)
}

// Parse reads a frame without its length. It looks at the layout and at nothing
// else; the payload is a part of b.
func Parse(b []byte) (f Frame, ok bool) {
	if len(b) < PortHead || b[0] != 131 || b[1] != 104 || b[3] != 97 {
		return Frame{}, false
	}
	f, rest := Frame{Kind: Kind(b[4])}, b[5:]
	switch {
	case b[2] == 3 && len(b) >= StreamHead && rest[0] == 98:
		f.Stream = binary.BigEndian.Uint32(rest[1:])
		rest = rest[5:]
		if f.Stream < FirstStream || f.Stream > MaxStream {
			return Frame{}, false
		}
	case b[2] != 2:
		return Frame{}, false
	}
	if rest[0] != 109 || uint64(binary.BigEndian.Uint32(rest[1:])) != uint64(len(rest)-5) {
		return Frame{}, false
	}
	f.Payload = rest[5:]
	return f, true
}

// Read reads one frame. It is for frames of whoever can be trusted with a length.
func Read(r io.Reader) (Frame, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < PortHead || n > 32<<20 {
		return Frame{}, fmt.Errorf("frames: a frame of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return Frame{}, err
	}
	f, ok := Parse(b)
	if !ok {
		return Frame{}, fmt.Errorf("frames: not an envelope: % x", b[:PortHead])
	}
	return f, nil
}
