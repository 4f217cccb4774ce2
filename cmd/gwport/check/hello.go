package check

import "github.com/gwport/gwport/etf"

// hello is what the host says of itself. The zero value is a host that takes as
// much as the wire allows.
type hello struct {
	minVersion, maxVersion int // 1 if 0
	frame, head, streams   int // limits, as large as any check needs if 0
	drainTimeout           int // not said if 0
	extra                  etf.Map
	without                string  // a key that is left out
	raw                    []byte  // the whole payload, if not nil
	swap                   etf.Map // other values for keys
}

func or(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return n
}

func (h hello) min() int { return or(h.minVersion, 1) }

func (h hello) max() int { return or(h.maxVersion, h.min()) }

// maxFrame is by default what the largest window and head need.
func (h hello) maxFrame() int { return or(h.frame, maxWindow+h.maxHead()+64) }

func (h hello) maxHead() int { return or(h.head, 65_536) }

// maxStreams is by default more than any check opens, so that the program's own
// limit is the one that counts.
func (h hello) maxStreams() int { return or(h.streams, 2*mostStreams) }

func (h hello) payload() []byte {
	if h.raw != nil {
		return h.raw
	}
	options := etf.Map{}
	if h.drainTimeout != 0 {
		options = etf.Map{{Key: "drain_timeout", Value: h.drainTimeout}}
	}
	m := etf.Map{}
	for _, p := range append(etf.Map{
		{Key: "versions", Value: etf.Tuple{h.min(), h.max()}},
		{Key: "max_frame", Value: h.maxFrame()},
		{Key: "max_head", Value: h.maxHead()},
		{Key: "max_streams", Value: h.maxStreams()},
		{Key: "capabilities", Value: etf.List{}},
		{Key: "options", Value: options},
		{Key: "pool", Value: "check"},
	}, h.extra...) {
		if p.Key == h.without {
			continue
		}
		if v, ok := h.swap.Get(p.Key); ok {
			p.Value = v
		}
		m = append(m, p)
	}
	return payload(m)
}
