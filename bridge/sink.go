package bridge

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// sink is where a response goes, frame by frame: the response half of a stream, or, for a handler
// that runs as an App, what makes a Response of the frames. The response itself knows nothing of
// either, so that a handler meets the same http.ResponseWriter in both.
//
// What is returned as an error is the cause that ended the response, and there is no going on
// after it.
type sink interface {
	// queue takes a frame over that costs no credit, or a chunk whose credit is reserved.
	queue(f *buffer) error
	// queueChunk takes a chunk over and waits for its credit.
	queueChunk(f *buffer) error
	// reserve waits for credit, and takes up to n bytes of it and at least one.
	reserve(n int) (int, error)
	// tryReserve takes n bytes of credit if there are so many.
	tryReserve(n int) (bool, error)
	// broken is the cause, if the response has ended early.
	broken() error
	// fail ends the response early, behind what was queued.
	fail(cause *AbortError)

	// goAhead tells a client that waits for 100 Continue to go on, and whether there was one.
	goAhead() bool
	setReadDeadline(t time.Time) error
	setWriteDeadline(t time.Time) error
	log(l wire.Level, text string, meta ...wire.MetaPair)
}

// send queues body bytes, as credit comes. It returns how many it has queued.
func send[T ~[]byte | ~string](to sink, p T) (sent int, err error) {
	for sent < len(p) {
		n, err := to.reserve(min(len(p)-sent, wire.MaxChunk))
		if err != nil {
			return sent, err
		}
		f := newFrame(wire.KindChunk, n)
		f.b = append(f.b, p[sent:sent+n]...)
		if err := to.queue(f); err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}
