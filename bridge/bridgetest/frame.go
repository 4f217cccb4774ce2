package bridgetest

import (
	"encoding/binary"
	"fmt"
	"io"

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
)

var kindNames = map[Kind]string{
	Hello: "hello", Ready: "ready", Fault: "fault", Ping: "ping", Pong: "pong", Drain: "drain",
	Log: "log", Open: "open", Entered: "entered", Chunk: "chunk", Fin: "fin", Trailers: "trailers",
	Credit: "credit", Abort: "abort", Inform: "inform", Head: "head", Reply: "reply",
}

// String returns the kind's name.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// A Frame is one frame. Stream is 0 in those that have none.
type Frame struct {
	Kind    Kind
	Stream  uint32
	Payload []byte
}

// Term decodes the payload, which must not be a chunk's.
func (f Frame) Term() any {
	term, err := etf.Decode(f.Payload, etf.Limits{})
	if err != nil {
		return err
	}
	return term
}

// Append appends the frame as it stands on the wire.
func (f Frame) Append(dst []byte) []byte {
	var env []byte
	if f.Stream == 0 {
		env = []byte{131, 104, 2, 97, byte(f.Kind), 109}
	} else {
		env = []byte{131, 104, 3, 97, byte(f.Kind), 98}
		env = binary.BigEndian.AppendUint32(env, f.Stream)
		env = append(env, 109)
	}
	env = binary.BigEndian.AppendUint32(env, uint32(len(f.Payload)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(env)+len(f.Payload)))
	return append(append(dst, env...), f.Payload...)
}

// ReadFrame reads one frame of the program's.
func ReadFrame(r io.Reader) (Frame, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 10 || n > 32<<20 {
		return Frame{}, fmt.Errorf("bridgetest: a frame of %d bytes", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return Frame{}, err
	}
	return parse(b)
}

func parse(b []byte) (Frame, error) {
	if b[0] != 131 || b[1] != 104 || b[3] != 97 {
		return Frame{}, fmt.Errorf("bridgetest: not an envelope: % x", b[:10])
	}
	f := Frame{Kind: Kind(b[4])}
	rest := b[5:]
	if b[2] == 3 && len(b) >= 15 && rest[0] == 98 {
		f.Stream = binary.BigEndian.Uint32(rest[1:])
		rest = rest[5:]
	}
	if rest[0] != 109 || int(binary.BigEndian.Uint32(rest[1:])) != len(rest)-5 {
		return Frame{}, fmt.Errorf("bridgetest: not an envelope: % x", b[:10])
	}
	f.Payload = rest[5:]
	return f, nil
}

// term encodes a payload.
func term(v any) []byte {
	b, err := etf.Append(etf.AppendVersion(nil), v)
	if err != nil {
		panic(err)
	}
	return b
}
