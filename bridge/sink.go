package bridge

import (
	"net"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// sink is where a response goes, frame by frame: the response half of a stream, or, for a handler
// that runs as an App, what makes a Response of the frames. The response itself knows nothing of
// either, so that a handler meets the same http.ResponseWriter in both.
//
// What is returned as an error is the cause that ended the response, and there is no going on
// after it.
type sink interface {
	// Queue takes a frame over that costs no credit, or a chunk whose credit is reserved;
	// Reserve waits for credit, and takes up to n bytes of it and at least one.
	mux.Sender
	// queueChunk takes a chunk over and waits for its credit.
	queueChunk(f *mux.Buffer) error
	// queueReply takes a reply over whose body has n bytes, and queues it if there is credit
	// for all of them. It tells whether it has.
	queueReply(f *mux.Buffer, n int) (bool, error)
	// flush sends what was queued and is kept back.
	flush()
	// sendFile sends a piece of a file, and waits until the host is through with it. It
	// returns how many of its bytes the host has taken: none, where it takes no files.
	sendFile(f wire.File) (int64, error)
	// broken is the cause, if the response has ended early.
	broken() error
	// fail ends the response early, behind what was queued.
	fail(cause *AbortError)

	// hijack makes a connection of what the response is one half of.
	hijack() (net.Conn, error)
	// goAhead tells a client that waits for 100 Continue to go on, and whether there was one.
	goAhead() bool
	setReadDeadline(t time.Time) error
	setWriteDeadline(t time.Time) error
	log(l wire.Level, text string, meta ...wire.MetaPair)
}
