package bridge

import (
	"io"
	"net/http"
	"sync"

	"github.com/gwport/gwport/bridge/internal/mux"
)

// body is the request's body as the handler reads it: the half that arrives, with
// net/http's words for its ends.
type body struct {
	x *exchange

	// mu makes Reads take turns, so that whoever is told of the end can see the
	// trailing fields.
	mu sync.Mutex
}

// Read returns what has arrived, and waits only if nothing has. After an abort
// it returns the cause, never a bare EOF.
func (b *body) Read(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := &b.x.In
	if len(p) == 0 && b.knowsLength() {
		err = in.Poll()
	} else {
		n, err = in.Read(p)
	}
	switch err {
	case io.EOF:
		b.setTrailer()
	case mux.ErrClosed:
		return 0, b.closedError()
	}
	return n, err
}

// knowsLength tells where a Read of no bytes does not wait under net/http: elsewhere it
// does, for the end on HTTP/2 and for the next chunk on HTTP/1.
func (b *body) knowsLength() bool {
	return b.x.request.Major == 1 && b.x.request.Length >= 0
}

// closedError is what a Read behind Close returns: one of HTTP/2 remembers that the
// end was read, or that there was nothing to read.
func (b *body) closedError() error {
	if b.x.request.Major > 1 && (b.x.In.AtEnd() || b.x.request.Length == 0) {
		return io.EOF
	}
	return http.ErrBodyReadAfterClose
}

// setTrailer shows the trailing fields to the handler that has read all before
// them: it is its goroutine that runs here.
func (b *body) setTrailer() {
	if fields := b.x.In.TakeTrailers(); len(fields) > 0 {
		b.x.request.mergeTrailer(b.x.response.req, fields)
	}
}

// Close says that no more is wanted. The host is given no more credit, and ends
// its half when the response has ended.
func (b *body) Close() error {
	b.x.In.Close()
	return nil
}
