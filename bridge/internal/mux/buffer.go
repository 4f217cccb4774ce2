package mux

import (
	"sync"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// A Buffer is memory on its way through a stream, and a link of the queue that it
// waits in. On the way out it holds one frame, whose head is filled in when the
// frame is written, so that a chunk can grow until then.
type Buffer struct {
	next *Buffer
	B    []byte // behind wire.ChunkRoom bytes of room, if it is a frame's
	Kind wire.Kind

	// Whole is, of a head, how long the body is with which it may go as one frame; 0:
	// it may not.
	Whole int
	// pieces is how many have joined the chunk, behind its first.
	pieces int
	tail   bool // written without its head, for it is the end of the frame before it
}

// FirstBuffer and LastBuffer bound what of an answer is gathered before its first
// frame is sent. Memory grows only with use.
const (
	FirstBuffer = 4 << 10
	LastBuffer  = 16 << 10
)

// The sizes of the buffers that are used again: what a stream's frames need when
// there is no body, a little of it, a buffer full.
var (
	bufferSizes = [...]int{256, FirstBuffer + wire.ChunkRoom, LastBuffer + wire.ChunkRoom}
	bufferPools [len(bufferSizes)]sync.Pool
)

// chunkBuffers keeps buffers for whole chunks. A sync.Pool would lose them with
// each collection, and chunks of 64 KiB make those frequent; so a fixed number
// is kept for good, 8 MiB in all, and only after a load that needed them.
var chunkBuffers = make(chan *Buffer, 128)

const chunkBufferSize = wire.MaxChunk + wire.ChunkRoom

// NewBuffer returns an empty buffer with room for n bytes.
func NewBuffer(n int) *Buffer {
	for i, size := range bufferSizes {
		if n > size {
			continue
		}
		if b, ok := bufferPools[i].Get().(*Buffer); ok {
			return b
		}
		return &Buffer{B: make([]byte, 0, size)}
	}
	if n > chunkBufferSize {
		return &Buffer{B: make([]byte, 0, n)}
	}
	select {
	case b := <-chunkBuffers:
		return b
	default:
		return &Buffer{B: make([]byte, 0, chunkBufferSize)}
	}
}

// Free gives the buffer back. Nothing may point into it any more.
func (b *Buffer) Free() {
	b.B, b.next, b.Kind, b.Whole, b.pieces, b.tail = b.B[:0], nil, 0, 0, 0, false
	for i, size := range bufferSizes {
		if cap(b.B) == size {
			bufferPools[i].Put(b)
			return
		}
	}
	if cap(b.B) == chunkBufferSize {
		select {
		case chunkBuffers <- b:
		default:
		}
	}
}

// NewFrame returns a buffer for a frame of the kind with a payload of up to n
// bytes, which the caller appends.
func NewFrame(k wire.Kind, n int) *Buffer {
	b := NewBuffer(wire.ChunkRoom + n)
	b.B, b.Kind = b.B[:wire.ChunkRoom], k
	return b
}

// Payload is how many bytes the frame carries.
func (b *Buffer) Payload() int { return len(b.B) - wire.ChunkRoom }

// seal writes the frame's head into the room before the payload.
func (b *Buffer) seal(stream uint32) {
	wire.AppendStreamHead(b.B[:0], b.Kind, stream, b.Payload())
}

// written is what of it goes to the wire.
func (b *Buffer) written() []byte {
	if b.tail {
		return b.B[wire.ChunkRoom:]
	}
	return b.B
}

// room is how many body bytes the chunk could still take in.
func (b *Buffer) room() int {
	return min(cap(b.B)-len(b.B), wire.MaxChunk-b.Payload())
}

// bufferQueue is a queue of buffers. Its zero value is empty.
type bufferQueue struct {
	first, last *Buffer
}

func (q *bufferQueue) push(b *Buffer) {
	if q.last == nil {
		q.first = b
	} else {
		q.last.next = b
	}
	q.last = b
}

func (q *bufferQueue) pop() *Buffer {
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
		q.pop().Free()
	}
}
