package bridge

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// The way back from frames that the bridge has made itself, for a handler that runs
// as an App: its response is encoded as any other, and then not sent.

// decodedHead is what a frame says that head.frame has made.
type decodedHead struct {
	status  int
	reason  string
	headers []Header
	body    string // of a reply
}

// mustDecodeHead reads the payload of a frame of our own making.
func mustDecodeHead(payload []byte) (h decodedHead) {
	r, err := etf.NewReader(string(payload))
	must(err)
	arity, err := r.Tuple()
	must(err)
	if r.Kind() == etf.KindTuple {
		must(readTuple(&r, 2))
		h.status = mustStatus(&r)
		h.reason, err = r.Binary()
		must(err)
	} else {
		h.status = mustStatus(&r)
	}
	pairs, err := readPairs(&r)
	must(err)
	h.headers = headersOf(pairs)
	if arity == 3 {
		h.body, err = r.Binary()
		must(err)
	}
	return h
}

func mustStatus(r *etf.Reader) int {
	n, err := readCount(r, 999)
	must(err)
	return int(n)
}

func mustDecodePairs(payload []byte) []Header {
	pairs, err := decodePairs(string(payload))
	must(err)
	return headersOf(pairs)
}

func headersOf(pairs []pair) []Header {
	headers := make([]Header, len(pairs))
	for i, p := range pairs {
		headers[i] = Header{p.name, p.value}
	}
	return headers
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("bridge: a frame of our own cannot be read: %v", err))
	}
}
