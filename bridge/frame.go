package bridge

import "encoding/binary"

// A frame's head has one layout (SPEC.md [F3]), so it is written and read here
// byte by byte, and no codec is asked:
//
//	length:32  131 104 2  97 Kind                 109 Size:32  Payload
//	length:32  131 104 3  97 Kind  98 Stream:32   109 Size:32  Payload
const (
	lengthSize = 4
	portHead   = 10 // of a frame without a stream, behind the length
	streamHead = 15 // of a frame with one

	// chunkRoom is what stands before a chunk's bytes, so that a body can be
	// gathered where its frame will be.
	chunkRoom = lengthSize + streamHead
)

const (
	tagVersion    = 131
	tagSmallTuple = 104
	tagSmallInt   = 97
	tagInt        = 98
	tagBinary     = 109
)

// frame is one frame as it arrived. Its payload is a part of the reader's
// buffer, and good until the next frame is read.
type frame struct {
	kind    kind
	stream  uint32 // 0: none
	payload []byte
}

// appendPortHead appends the head of a frame without a stream, for a payload of
// size bytes, which the caller appends.
func appendPortHead(dst []byte, k kind, size int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(portHead+size))
	dst = append(dst, tagVersion, tagSmallTuple, 2, tagSmallInt, byte(k), tagBinary)
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// appendStreamHead is appendPortHead for a frame of a stream.
func appendStreamHead(dst []byte, k kind, stream uint32, size int) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(streamHead+size))
	dst = append(dst, tagVersion, tagSmallTuple, 3, tagSmallInt, byte(k), tagInt)
	dst = binary.BigEndian.AppendUint32(dst, stream)
	dst = append(dst, tagBinary)
	return binary.BigEndian.AppendUint32(dst, uint32(size))
}

// appendPortFrame appends a whole frame without a stream.
func appendPortFrame(dst []byte, k kind, payload []byte) []byte {
	return append(appendPortHead(dst, k, len(payload)), payload...)
}

// appendStreamFrame appends a whole frame of a stream.
func appendStreamFrame(dst []byte, k kind, stream uint32, payload []byte) []byte {
	return append(appendStreamHead(dst, k, stream, len(payload)), payload...)
}

// parseFrame reads a frame, without its length. It checks all that F3 and F8
// say, and that the kind is one the host may send.
func parseFrame(b []byte) (frame, *FaultError) {
	if len(b) < portHead || b[0] != tagVersion || b[1] != tagSmallTuple || b[3] != tagSmallInt {
		return frame{}, badEnvelope(b)
	}
	f := frame{kind: kind(b[4])}
	switch {
	case b[2] == 2:
		f.payload = b[5:]
	case b[2] == 3 && len(b) >= streamHead && b[5] == tagInt:
		f.stream = binary.BigEndian.Uint32(b[6:])
		f.payload = b[10:]
		if f.stream < minStream || f.stream > maxStream {
			return frame{}, badEnvelope(b)
		}
	default:
		return frame{}, badEnvelope(b)
	}
	if f.payload[0] != tagBinary || int64(binary.BigEndian.Uint32(f.payload[1:])) != int64(len(f.payload)-5) {
		return frame{}, badEnvelope(b)
	}
	f.payload = f.payload[5:]
	return f, f.check()
}

// check holds the frame against the table of kinds.
func (f *frame) check() *FaultError {
	rule := kindRules[f.kind]
	switch {
	case rule.name == "":
		return fault(FaultBadFrame, "kind %d is unknown", f.kind)
	case rule.stream != (f.stream != 0):
		return fault(FaultBadFrame, "%s with the wrong envelope: has a stream: %t", rule.name, f.stream != 0)
	case !rule.fromHost:
		return fault(FaultBadFrame, "%s is not the host's to send", rule.name)
	}
	return nil
}

func badEnvelope(b []byte) *FaultError {
	return fault(FaultBadFrame, "not an envelope: % x", b[:min(len(b), 16)])
}

// checkLength holds a frame's length against F2, before anything is allocated.
func checkLength(n uint32, maxFrame int) *FaultError {
	if n < portHead || int64(n) > int64(maxFrame) {
		return fault(FaultBadFrame, "a frame of %d bytes, expected %d to %d", n, portHead, maxFrame)
	}
	return nil
}
