package wire

import (
	"encoding/binary"
	"math"

	"github.com/gwport/gwport/etf"
)

// A Head is what head, inform and reply carry.
type Head struct {
	Status  int
	Reason  string // empty: the usual one
	Headers []Pair
	Body    string // of a reply
}

// DecodeHead reads the payload of a head, inform or reply whose body is one
// binary, as the bridge itself makes them.
func DecodeHead(payload string) (Head, error) {
	var h Head
	r, err := etf.NewReader(payload)
	if err != nil {
		return h, err
	}
	arity, err := r.Tuple()
	if err != nil {
		return h, err
	}
	if err := h.readStatus(&r); err != nil {
		return h, err
	}
	if h.Headers, err = readPairs(&r); err != nil {
		return h, err
	}
	if arity == 3 {
		if h.Body, err = r.Binary(); err != nil {
			return h, err
		}
	}
	return h, r.End()
}

// readStatus reads an integer, or {Integer, Reason}.
func (h *Head) readStatus(r *etf.Reader) error {
	hasReason := r.Kind() == etf.KindTuple
	if hasReason {
		if err := readTuple(r, 2); err != nil {
			return err
		}
	}
	n, err := readCount(r, math.MaxInt32)
	if err != nil {
		return err
	}
	h.Status = int(n)
	if hasReason {
		h.Reason, err = r.Binary()
	}
	return err
}

// BeginReply makes the payload of a head, which stands in b from at on, that of a
// reply, as far as the body of size bytes that is to follow.
func BeginReply(b []byte, at, size int) []byte {
	b[at+2] = 3 // elements: behind the version and the tuple's tag
	return binary.BigEndian.AppendUint32(append(b, tagBinary), uint32(size))
}
