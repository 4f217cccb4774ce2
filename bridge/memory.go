package bridge

import (
	"io"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// memory sends what a handler writes by way of files that have no name and are in memory
// (memfd_create(2)), where the host takes files: this process copies a byte once, and the
// host's kernel sends it without another copy.
//
// What is sent stands in the client's socket as the pages of the file themselves, until
// the client has acknowledged them, which nobody tells us. So no page is ever written
// again: each piece has a file of its own, and the next one that is put into this file,
// when the host is through with it, has other pages.
//
// The handler fills one file while the host sends the one before, in a goroutine that
// there is only as long as there is something to send. What the host does not take goes as
// chunks, and so does all that follows.
type memory struct {
	out     sink
	largest int // what piece grows to
	// reserved is its share of memoryInUse.
	reserved int64

	mu      sync.Mutex
	cond    sync.Cond
	piece   int         // how large a file may be: small until the host has taken one
	filling *memoryFile // not yet sent; nil: none
	filled  int         // bytes of it
	sending bool        // the goroutine runs
	refused bool        // the host has not taken all: the bytes go as chunks
	small   int         // pieces that did not pay, one after another
	err     error       // what broke the response
}

// memoryInUse is how many bytes the files of the process may come to: two of the largest
// for each body, or what is left of it.
var memoryInUse atomic.Int64

// newMemory is for a body of which so much is left. It is nil if too much is in use already.
func newMemory(out sink, left int64) *memory {
	large, small := min(left, 2*largePiece), min(left, 2*smallPiece)
	m := &memory{out: out, piece: smallPiece}
	m.cond.L = &m.mu
	switch {
	case reserveMemory(large, largeMemory):
		m.largest, m.reserved = largePiece, large
	case reserveMemory(small, maxMemory):
		m.largest, m.reserved = smallPiece, small
	default:
		return nil
	}
	return m
}

// reserveMemory tells whether there was room for n bytes, which are in use from then on.
func reserveMemory(n, most int64) bool {
	if memoryInUse.Add(n) <= most {
		return true
	}
	memoryInUse.Add(-n)
	return false
}

// add takes bytes over, and waits while the client is slower than the handler. It returns
// how many it has taken: not all, and without an error, means that there is no going on in
// this way.
func (m *memory) add(p []byte) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n < len(p) {
		for m.err == nil && m.filling != nil && m.filled >= m.piece {
			m.cond.Wait()
		}
		if m.err != nil {
			return n, m.err
		}
		if !m.mayFill() {
			return n, nil
		}
		k := min(len(p)-n, m.piece-m.filled)
		if _, err := m.filling.file.WriteAt(p[n:n+k], int64(m.filled)); err != nil {
			// What of it was written is behind the piece's end.
			m.drop()
			return n, nil
		}
		m.filled += k
		n += k
		if !m.sending {
			m.sending = true
			go m.send()
		}
	}
	return n, nil
}

// mayFill sees to it that there is a file to fill, if one may be.
func (m *memory) mayFill() bool {
	if m.refused || m.small >= maxSmall {
		return false
	}
	if m.filling == nil {
		f, err := takeMemoryFile()
		if err != nil {
			m.refused = true
			return false
		}
		m.filling, m.filled = f, 0
	}
	return true
}

// drop ends the filling of a file that takes no more.
func (m *memory) drop() {
	m.refused = true
	if m.filled == 0 {
		m.filling.close()
		m.filling = nil
	}
}

// send sends pieces as long as there are some.
func (m *memory) send() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.err == nil && m.filling != nil {
		f, size := m.filling, int64(m.filled)
		m.filling = nil
		if m.small++; size >= minFile {
			m.small = 0
		}
		m.cond.Broadcast()
		refused := m.refused
		m.mu.Unlock()
		taken, err := m.sendPiece(f, size, refused)
		m.mu.Lock()
		m.err = err
		m.refused = m.refused || taken < size
		m.piece = m.largest
	}
	m.sending = false
	m.cond.Broadcast()
}

// sendPiece returns how many bytes of it the host has taken as a file.
func (m *memory) sendPiece(f *memoryFile, size int64, refused bool) (taken int64, err error) {
	if !refused {
		piece := f.named
		piece.Length = size
		if taken, err = m.out.sendFile(piece); err != nil {
			f.close()
			return taken, err
		}
	}
	err = sendChunks(m.out, io.NewSectionReader(f.file, taken, size-taken))
	f.empty()
	return taken, err
}

// sendChunks sends by the wire what is in a file.
func sendChunks(out sink, r *io.SectionReader) error {
	for left := r.Size(); left > 0; {
		f := mux.NewFrame(wire.KindChunk, wire.MaxChunk)
		n := int(min(left, wire.MaxChunk))
		f.B = f.B[:wire.ChunkRoom+n]
		if _, err := io.ReadFull(r, f.B[wire.ChunkRoom:]); err != nil {
			f.Free()
			return abort(CodeInternalError, "%v", err)
		}
		if err := out.queueChunk(f); err != nil {
			return err
		}
		left -= int64(n)
	}
	return nil
}

// settle waits until all is sent.
func (m *memory) settle() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.sending {
		m.cond.Wait()
	}
	return m.err
}

// close is for one that is settled: there is nothing more to send in this way.
func (m *memory) close() {
	if m.filling != nil { // an error came before it
		m.filling.empty()
		m.filling = nil
	}
	memoryInUse.Add(-m.reserved)
}

// remember takes bytes of a body over that are to go by files in memory. It returns how
// many: the others, without an error, are to be sent behind them by the wire.
func (w *response) remember(p []byte) (int, error) {
	if w.part != nil {
		return w.writePart(p)
	}
	if w.memory == nil {
		left := w.contentLength - w.accepted + int64(len(p))
		if !w.files || w.isHead || left < minMemory {
			return 0, nil
		}
		if w.memory = newMemory(w.out, left); w.memory == nil {
			return 0, nil
		}
	}
	n, err := w.memory.add(p)
	if err == nil && n < len(p) {
		w.files = false
		err = w.settleMemory()
	}
	return n, err
}

// settleMemory waits until all has gone that is in files, for what follows goes by the wire.
func (w *response) settleMemory() error {
	if w.memory == nil {
		return w.leavePart()
	}
	err := w.memory.settle()
	w.memory.close()
	w.memory = nil
	return err
}

// leaveMemory is settleMemory for a response that was aborted.
func (w *response) leaveMemory() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.settleMemory()
}

// bytesOf is the bytes of a string without a copy of them. They are only read.
func bytesOf[T ~[]byte | ~string](p T) []byte {
	switch p := any(p).(type) {
	case []byte:
		return p
	case string:
		return unsafe.Slice(unsafe.StringData(p), len(p))
	}
	return []byte(p)
}
