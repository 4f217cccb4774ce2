package bridge

import (
	"io"
	"net/http"
	"time"
)

// MemoryInUse is how many bytes of files in memory are reserved for bodies.
func MemoryInUse() int64 { return memoryInUse.Load() }

// RetireMemory lets the files in memory go that nobody uses, as their idle time would.
func RetireMemory() {
	retireShared()
	emptyFiles.mu.Lock()
	emptyFiles.least = len(emptyFiles.files)
	emptyFiles.mu.Unlock()
	retireEmpty()
}

func retireShared() {
	shared.mu.Lock()
	f := shared.file
	if f != nil {
		f.seen = f.used
	}
	shared.mu.Unlock()
	if f != nil {
		f.retire()
	}
}

// HoldShared sets how long a body may take to be complete, and returns what undoes that.
func HoldShared(d time.Duration) (undo func()) {
	before := sharedHold
	sharedHold = d
	return func() { sharedHold = before }
}

// Stacks are those of all goroutines, or more than most bytes of them.
var Stacks = stacks

// NewBounded takes so many bytes.
func NewBounded(most int) io.Writer { return &bounded{most: most} }

// NewDevServer is the server of GWPORT_HTTP, with the routes of GWPORT_HTTP_ROUTES.
func NewDevServer(s *Server, routes string) (*http.Server, error) {
	set, err := s.settings()
	if err != nil {
		return nil, err
	}
	dev, err := set.newDevServer(routes)
	if err != nil {
		return nil, err
	}
	return dev.server(), nil
}

// ListenHTTP is how GWPORT_HTTP is listened at.
var ListenHTTP = listenHTTP

// TooOpen is the warning of an address.
var TooOpen = tooOpen

// Hear has what package log and slog's default write from now on kept, as under GWPORT_HTTP, and
// returns what has been kept: levels and texts.
func Hear() (kept func() []string) {
	l := new(lastLines)
	l.hearAll()
	return func() (texts []string) {
		for _, line := range l.all() {
			texts = append(texts, line.Level+": "+line.Text)
		}
		return texts
	}
}
