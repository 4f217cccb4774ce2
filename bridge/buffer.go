package bridge

import (
	"sync"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// buffer is memory on its way through a stream, and a link of the queue that it
// waits in. On the way out it holds one frame, whose head is filled in when the
// frame is written, so that a chunk can grow until then.
type buffer struct {
	next *buffer
	b    []byte
	kind wire.Kind
}

// The sizes of the buffers that are used again: what a stream's frames need when
// there is no body, a little of it, a buffer full.
var (
	bufferSizes = [...]int{256, firstBuffer + wire.ChunkRoom, lastBuffer + wire.ChunkRoom}
	bufferPools [len(bufferSizes)]sync.Pool
)

// chunkBuffers keeps buffers for whole chunks. A sync.Pool would lose them with
// each collection, and chunks of 64 KiB make those frequent; so a fixed number
// is kept for good, 8 MiB in all, and only after a load that needed them.
var chunkBuffers = make(chan *buffer, 128)

const chunkBufferSize = wire.MaxChunk + wire.ChunkRoom

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) *buffer {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if b, ok := bufferPools[i].Get().(*buffer); ok {
			return b
		}
		return &buffer{b: make([]byte, 0, size)}
	}
	if n > chunkBufferSize {
		return &buffer{b: make([]byte, 0, n)}
	}
	select {
	case b := <-chunkBuffers:
		return b
	default:
		return &buffer{b: make([]byte, 0, chunkBufferSize)}
	}
}

// free gives the buffer back. Nothing may point into it any more.
func (b *buffer) free() {
	b.b, b.next, b.kind = b.b[:0], nil, 0
	for i, size := range bufferSizes {
		if cap(b.b) == size {
			bufferPools[i].Put(b)
			return
		}
	}
	if cap(b.b) == chunkBufferSize {
		select {
		case chunkBuffers <- b:
		default:
		}
	}
}

// newFrame returns a buffer for a frame of the kind with a payload of up to n
// bytes, which the caller appends.
func newFrame(k wire.Kind, n int) *buffer {
	b := newBuffer(wire.ChunkRoom + n)
	b.b, b.kind = b.b[:wire.ChunkRoom], k
	return b
}

// payload is how many bytes the frame carries.
func (b *buffer) payload() int { return len(b.b) - wire.ChunkRoom }

// seal writes the frame's head into the room before the payload.
func (b *buffer) seal(stream uint32) {
	wire.AppendStreamHead(b.b[:0], b.kind, stream, b.payload())
}

// room is how many body bytes the chunk could still take in.
func (b *buffer) room() int {
	return min(cap(b.b)-len(b.b), wire.MaxChunk-b.payload())
}

// bufferQueue is a queue of buffers. Its zero value is empty.
type bufferQueue struct {
	first, last *buffer
}

func (q *bufferQueue) push(b *buffer) {
	if q.last == nil {
		q.first = b
	} else {
		q.last.next = b
	}
	q.last = b
}

func (q *bufferQueue) pop() *buffer {
	b := q.first
	if q.first = b.next; q.first == nil {
		q.last = nil
	}
	b.next = nil
	return b
}

func (q *bufferQueue) empty() bool { return q.first == nil }

func (q *bufferQueue) clear() {
	for !q.empty() {
		q.pop().free()
	}
}
