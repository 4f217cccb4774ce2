package wire

import "encoding/binary"

// A frame's head has one layout (SPEC.md [F3]), so it is written and read here
// byte by byte, and no codec is asked:
//
//	length:32  131 104 2  97 Kind                 109 Size:32  Payload
//	length:32  131 104 3  97 Kind  98 Stream:32   109 Size:32  Payload
const (
	lengthSize = 4
	PortHead   = 10 // of a frame without a stream, behind the length
	StreamHead = 15 // of a frame with one

	// ChunkRoom is what stands before a chunk's bytes, so that a body can be
	// gathered where its frame will be.
	ChunkRoom = lengthSize + StreamHead
)

const (
	tagVersion    = 131
	tagSmallTuple = 104
	tagSmallInt   = 97
	tagInt        = 98
	tagBinary     = 109
)

// A Frame is one frame as it arrived. Its payload is a part of the reader's
// buffer, and good until the next frame is read.
type Frame struct {
	Kind    Kind
	Stream  uint32 // 0: none
	Payload []byte
}

// AppendPortHead appends the head of a frame without a stream, for a payload of
// size bytes, which the caller appends.
func AppendPortHead(dst []byte, k Kind, size int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(PortHead+size))
	dst = append(dst, tagVersion, tagSmallTuple, 2, tagSmallInt, byte(k), tagBinary)
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// AppendStreamHead is AppendPortHead for a frame of a stream.
func AppendStreamHead(dst []byte, k Kind, stream uint32, size int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(StreamHead+size))
	dst = append(dst, tagVersion, tagSmallTuple, 3, tagSmallInt, byte(k), tagInt)
	dst = binary.BigEndian.AppendUint32(dst, stream)
	dst = append(dst, tagBinary)
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// AppendPortFrame appends a whole frame without a stream.
func AppendPortFrame(dst []byte, k Kind, payload []byte) []byte {
	return append(AppendPortHead(dst, k, len(payload)), payload...)
}

// AppendStreamFrame appends a whole frame of a stream.
func AppendStreamFrame(dst []byte, k Kind, stream uint32, payload []byte) []byte {
	return append(AppendStreamHead(dst, k, stream, len(payload)), payload...)
}

// BeginFrame appends the head of a frame without a stream whose payload is encoded
// in place; EndFrame, told where it stands, fills in how long that has become.
func BeginFrame(dst []byte, k Kind) (out []byte, at int) {
	return AppendPortHead(dst, k, 0), len(dst)
}

// EndFrame ends what BeginFrame has begun.
func EndFrame(b []byte, at int) []byte {
	size := len(b) - at - lengthSize - PortHead
	binary.BigEndian.PutUint32(b[at:], uint32(PortHead+size))
	binary.BigEndian.PutUint32(b[at+lengthSize+PortHead-4:], uint32(size))
	return b
}

// parseFrame reads a frame, without its length. It checks all that F3 and F8
// say, and that the kind is one the host may send.
func parseFrame(b []byte) (Frame, *Fault) {
	if len(b) < PortHead || b[0] != tagVersion || b[1] != tagSmallTuple || b[3] != tagSmallInt {
		return Frame{}, badEnvelope(b)
	}
	f := Frame{Kind: Kind(b[4])}
	switch {
	case b[2] == 2:
		f.Payload = b[5:]
	case b[2] == 3 && len(b) >= StreamHead && b[5] == tagInt:
		f.Stream = binary.BigEndian.Uint32(b[6:])
		f.Payload = b[10:]
		if f.Stream < MinStream || f.Stream > MaxStream {
			return Frame{}, badEnvelope(b)
		}
	default:
		return Frame{}, badEnvelope(b)
	}
	if f.Payload[0] != tagBinary || int64(binary.BigEndian.Uint32(f.Payload[1:])) != int64(len(f.Payload)-5) {
		return Frame{}, badEnvelope(b)
	}
	f.Payload = f.Payload[5:]
	return f, f.check()
}

// check holds the frame against the table of kinds.
func (f *Frame) check() *Fault {
	rule := kindRules[f.Kind]
	switch {
	case rule.name == "":
		return Faultf(FaultBadFrame, "kind %d is unknown", f.Kind)
	case rule.stream != (f.Stream != 0):
		return Faultf(FaultBadFrame, "%s with the wrong envelope: has a stream: %t", rule.name, f.Stream != 0)
	case !rule.fromHost:
		return Faultf(FaultBadFrame, "%s is not the host's to send", rule.name)
	}
	return nil
}

func badEnvelope(b []byte) *Fault {
	return Faultf(FaultBadFrame, "not an envelope: % x", b[:min(len(b), 16)])
}

// checkLength holds a frame's length against F2, before anything is allocated.
func checkLength(n uint32, maxFrame int) *Fault {
	if n < PortHead || int64(n) > int64(maxFrame) {
		return Faultf(FaultBadFrame, "a frame of %d bytes, expected %d to %d", n, PortHead, maxFrame)
	}
	return nil
}
