package bridge

import (
	"fmt"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// The way back from frames that the bridge has made itself, for a handler that runs
// as an App: its response is encoded as any other, and then not sent.

// mustDecodeHead reads the payload of a frame of our own making.
func mustDecodeHead(payload []byte) wire.Head {
	h, err := wire.DecodeHead(string(payload))
	must(err)
	return h
}

func mustDecodePairs(payload []byte) []Header {
	pairs, err := wire.DecodePairs(string(payload))
	must(err)
	return headersOf(pairs)
}

func headersOf(pairs []wire.Pair) []Header {
	headers := make([]Header, len(pairs))
	for i, p := range pairs {
		headers[i] = Header(p)
	}
	return headers
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("bridge: a frame of our own cannot be read: %v", err))
	}
}
