package bridge

import (
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// memoryFile is a file in memory that bodies are sent from, one after another: to open a new
// one costs the host more than to send several hundred kilobytes, so it is to find those open
// that it has had before.
type memoryFile struct {
	file  *os.File
	named wire.File // without Offset and Length
}

// emptyFiles are those that wait for what is to be written to them.
var emptyFiles struct {
	mu      sync.Mutex
	files   []*memoryFile
	least   int // how few there were since retireEmpty looked last
	isTimed bool
}

// takeMemoryFile returns an empty file: the one that was used last, or a new one.
func takeMemoryFile() (*memoryFile, error) {
	e := &emptyFiles
	e.mu.Lock()
	defer e.mu.Unlock()
	last := len(e.files) - 1
	if last < 0 {
		return makeMemoryFile()
	}
	f := e.files[last]
	e.files = e.files[:last]
	e.least = min(e.least, last)
	return f, nil
}

func makeMemoryFile() (*memoryFile, error) {
	file, err := newMemoryFile()
	if err != nil {
		return nil, err
	}
	f := &memoryFile{file: file}
	if !identifyMemory(file, &f.named) {
		err = os.ErrInvalid
	} else {
		err = f.clear()
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// clear takes all pages from the file. Who else has one, as a socket does, keeps it as it is:
// a page is only changed where a large one is cut in two, and here none is. The file has its
// size at once, so that the host need not look whether it has grown.
func (f *memoryFile) clear() error {
	if err := f.file.Truncate(0); err != nil {
		return err
	}
	return f.file.Truncate(memorySize)
}

// empty is for one that is not used any more. The host must be through with it, or it would
// send one client what was written for another.
func (f *memoryFile) empty() {
	if f.clear() != nil {
		f.close()
		return
	}
	e := &emptyFiles
	e.mu.Lock()
	defer e.mu.Unlock()
	e.files = append(e.files, f)
	if !e.isTimed {
		e.isTimed = true
		time.AfterFunc(memoryIdle, retireEmpty)
	}
}

// close is for one that the host may not be through with.
func (f *memoryFile) close() { _ = f.file.Close() }

// retireEmpty closes those that nobody has needed since it looked last.
func retireEmpty() {
	e := &emptyFiles
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.files[:e.least] {
		f.close()
	}
	e.files = slices.Delete(e.files, 0, e.least)
	e.least = len(e.files)
	e.isTimed = e.least > 0
	if e.isTimed {
		time.AfterFunc(memoryIdle, retireEmpty)
	}
}
