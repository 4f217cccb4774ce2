package bridgetest

import (
	"io"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// A Frame is one frame, and a Kind says of which kind it is.
type (
	Frame = frames.Frame
	Kind  = frames.Kind
)

// The kinds (SPEC.md, section 4).
const (
	Hello    = frames.Hello
	Ready    = frames.Ready
	Fault    = frames.Fault
	Ping     = frames.Ping
	Pong     = frames.Pong
	Drain    = frames.Drain
	Log      = frames.Log
	Ask      = frames.Ask
	Part     = frames.Part
	Answered = frames.Answered
	Open     = frames.Open
	Entered  = frames.Entered
	Chunk    = frames.Chunk
	Fin      = frames.Fin
	Trailers = frames.Trailers
	Credit   = frames.Credit
	Abort    = frames.Abort
	Inform   = frames.Inform
	Head     = frames.Head
	Reply    = frames.Reply
	Takeover = frames.Takeover
	File     = frames.File
	Taken    = frames.Taken
)

// ReadFrame reads one frame of the program's.
func ReadFrame(r io.Reader) (Frame, error) { return frames.Read(r) }

// term encodes a payload.
func term(v any) []byte {
	b, err := etf.Append(etf.AppendVersion(nil), v)
	if err != nil {
		panic(err)
	}
	return b
}
