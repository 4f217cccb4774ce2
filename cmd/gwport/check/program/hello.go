package program

import (
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// hello is what the host says of itself. The zero value is a host that takes as
// much as the wire allows.
type hello struct {
	minVersion, maxVersion int     // 1 if 0
	set                    etf.Map // keys besides, or instead of others
	without                string  // a key that is left out
	raw                    []byte  // the whole payload, if not nil
}

func (h hello) min() int { return max(h.minVersion, 1) }

func (h hello) max() int { return max(h.maxVersion, h.min()) }

func (h hello) limit(key string, byDefault int) int {
	if v, ok := h.set.Get(key); ok {
		return int(v.(int64))
	}
	return byDefault
}

// maxFrame is by default what the largest window and head need.
func (h hello) maxFrame() int { return h.limit("max_frame", peer.MaxWindow+h.maxHead()+64) }

func (h hello) maxHead() int { return h.limit("max_head", 65_536) }

func (h hello) payload() []byte {
	if h.raw != nil {
		return h.raw
	}
	m := peer.Set(etf.Map{
		{Key: "versions", Value: etf.Tuple{h.min(), h.max()}},
		{Key: "max_frame", Value: h.maxFrame()},
		{Key: "max_head", Value: h.maxHead()},
		{Key: "max_streams", Value: 40_000}, // more than any check opens
		{Key: "capabilities", Value: etf.List{}},
		{Key: "options", Value: etf.Map{}},
		{Key: "pool", Value: "check"},
	}, h.set)
	if h.without != "" {
		m = peer.Without(m, h.without)
	}
	return peer.Payload(m)
}
