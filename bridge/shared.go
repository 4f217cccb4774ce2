package bridge

import (
	"io"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
)

// sharedFile is a file in memory that many bodies have a part of, one behind the other:
// bodies for which a file of their own would cost more than their bytes do.
//
// No page of it is written again (see memory). So a file that is full is followed by another
// one, and is emptied when its last body has gone.
type sharedFile struct {
	*memoryFile
	used     int64 // all before it is given away
	users    int   // parts, and one for being the current one
	seen     int64 // used, when retire looked last
	isUnsure bool  // a body has ended in the middle: the host may be reading it
}

// shared is the current one of the process.
var shared struct {
	mu   sync.Mutex
	file *sharedFile // nil: none
}

// sharedHold is how long a body may take to be complete, until what there is of it goes by the
// wire. Tests have other times.
var sharedHold = time.Millisecond

// part is the place of one body in a shared file. The head waits with it: both are sent when
// the body is complete, or nobody wants to wait any longer.
type part struct {
	in      *sharedFile
	offset  int64
	size    int64
	written int64
	head    *mux.Buffer
	hurry   *time.Timer

	isUnsure bool // the host may be reading it
}

// newPart is for a body of so many bytes. It is nil if there is no room for it.
func newPart(size int64) *part {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if f := shared.file; f != nil && f.used+size > memorySize {
		shared.file = nil
		f.leave()
	}
	if shared.file == nil {
		if shared.file = newSharedFile(); shared.file == nil {
			return nil
		}
	}
	p := &part{in: shared.file, offset: shared.file.used, size: size}
	p.in.used += size
	p.in.users++
	return p
}

func newSharedFile() *sharedFile {
	if !reserveMemory(memorySize, largeMemory) {
		return nil
	}
	file, err := takeMemoryFile()
	if err != nil {
		memoryInUse.Add(-memorySize)
		return nil
	}
	f := &sharedFile{memoryFile: file, users: 1}
	time.AfterFunc(memoryIdle, f.retire)
	return f
}

// leave is for each of its users once.
func (f *sharedFile) leave() {
	if f.users--; f.users > 0 {
		return
	}
	if f.isUnsure {
		f.close()
	} else {
		f.empty()
	}
	memoryInUse.Add(-memorySize)
}

// retire lets the current file go that nobody has used for a while.
func (f *sharedFile) retire() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	switch {
	case shared.file != f:
	case f.users == 1 && f.used == f.seen:
		shared.file = nil
		f.leave()
	default:
		f.seen = f.used
		time.AfterFunc(memoryIdle, f.retire)
	}
}

func (p *part) close() {
	p.hurry.Stop()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	p.in.isUnsure = p.in.isUnsure || p.isUnsure
	p.in.leave()
}

// add writes more of the body.
func (p *part) add(b []byte) (int, error) {
	n, err := p.in.file.WriteAt(b[:min(int64(len(b)), p.size-p.written)], p.offset+p.written)
	p.written += int64(n)
	return n, err
}

// rest reads what was written from a place on.
func (p *part) rest(from int64) *io.SectionReader {
	return io.NewSectionReader(p.in.file, p.offset+from, p.written-from)
}

// share lets the body go by a part of a shared file, if it is one for that. The head stays
// with it.
func (w *response) share(head *mux.Buffer) bool {
	n := w.contentLength
	if !w.files || !w.hasBody() || n < minShared || n >= minMemory {
		return false
	}
	p := newPart(n)
	if p == nil {
		return false
	}
	p.head = head
	p.hurry = time.AfterFunc(sharedHold, w.hurry)
	w.part = p
	return true
}

// hurry sends what there is of a body whose handler takes its time, or will write no more.
func (w *response) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.breaks(w.leavePart())
}

// writePart takes bytes of a body over, and sends all of it when they are the last. It
// returns how many it has taken.
func (w *response) writePart(b []byte) (int, error) {
	n, err := w.part.add(b)
	switch {
	case err != nil:
		return n, w.leavePart() // the file takes no more: the wire does
	case w.part.written == w.part.size:
		return n, w.sendPart()
	}
	return n, nil
}

// sendPart sends a body that is complete.
func (w *response) sendPart() error {
	p := w.part
	w.part = nil
	p.hurry.Stop() // before the client is waited for
	defer p.close()
	if err := w.out.Queue(p.head); err != nil {
		return err
	}
	f := p.in.named
	f.Offset, f.Length = p.offset, p.size
	taken, err := w.out.sendFile(f)
	if err != nil {
		p.isUnsure = true
		return err
	}
	if taken == p.size {
		return nil
	}
	w.files = false
	return sendChunks(w.out, p.rest(taken))
}

// leavePart sends what there is by the wire, as what follows will be.
func (w *response) leavePart() error {
	p := w.part
	if p == nil {
		return nil
	}
	w.part = nil
	defer p.close()
	if err := w.out.Queue(p.head); err != nil {
		return err
	}
	return sendChunks(w.out, p.rest(0))
}
