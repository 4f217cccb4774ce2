package program

import (
	"fmt"
	"time"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// Checks that go to the edge of what the program has announced.

func checkReady(t *trial) {
	h := t.greet(hello{})
	l := h.ready.limits
	for _, limit := range []struct {
		name        string
		least, most int64
	}{
		{"version", 1, 1},
		{"window", 0, peer.MaxWindow},
		{"max_head", 1, peer.MaxCredit},
		{"max_frame", max(peer.MinMaxFrame, l["max_head"]+64), peer.MaxCredit},
		{"max_streams", 1, peer.MaxCredit},
	} {
		if n := l[limit.name]; n < limit.least || n > limit.most {
			peer.Fail(fmt.Sprintf("%s %d", limit.name, n), fmt.Sprintf("%d to %d", limit.least, limit.most))
		}
	}
	t.saw("after %v, %s %s, window %d, max_head %d, max_frame %d, max_streams %d, apps %q",
		h.firstAt.Sub(h.p.began).Round(time.Millisecond), h.ready.texts["name"], h.ready.texts["program_version"],
		l["window"], l["max_head"], l["max_frame"], l["max_streams"], h.ready.apps)
}

// checkThousands opens as many streams as there may be, at most 2,000.
func checkThousands(t *trial) {
	h := t.app(hello{})
	n := min(2000, int(h.ready.limits["max_streams"]))
	began := time.Now()
	streams := make([]*stream, n)
	for i := range streams {
		streams[i] = h.open(peer.Request{Path: "/sleep/50", Window: plenty, Method: []string{"GET", "POST"}[i%2]})
	}
	for _, s := range streams {
		s.expectResponse(200, "slept")
	}
	t.saw("%d of /sleep/50 in %v", n, time.Since(began).Round(time.Millisecond))
	h.settle()
}
