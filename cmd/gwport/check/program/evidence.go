package program

import (
	"fmt"
	"slices"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

// results are those of SPEC.md, section 16, by their numbers.
var results = []string{"done", "failed", "busy", "unknown", "too_large"}

// asked is what the program was asked for. It is guarded by the host's lock.
type asked struct {
	most, got int64
	result    int64 // -1: none yet
}

// inquire asks: a number, what, for how long, and for how many bytes at most.
func (p *player) inquire(args string) {
	t := etf.Tuple{}
	for _, word := range peer.Words(args) {
		t = append(t, p.num(word))
	}
	h := p.host()
	h.Locked(func() {
		h.asks[t[0].(int64)] = &asked{most: t[3].(int64), result: -1}
		h.Queue(frames.Ask, 0, t)
	})
}

// told waits for the end of an answer, with a result. What is done has said something.
func (p *player) told(args string) {
	words := peer.Words(args)
	a := p.h.asks[p.num(words[0])]
	p.h.AwaitOr("answered "+args, func() bool { return a.result >= 0 })
	want := slices.Index(results, words[1])
	if a.result != int64(want) || want == 0 && a.got == 0 {
		peer.Fail(fmt.Sprintf("result %d behind %d bytes", a.result, a.got), fmt.Sprintf("result %d (%s), behind an answer if that is 0", want, words[1]))
	}
}

// evidence is I2.
func (h watcher) evidence(f frames.Frame, t etf.Tuple) {
	a := h.asks[t[0].(int64)]
	h.watch.Hold("I2", a != nil && a.result < 0, "the number of an ask that is not answered yet", "%v %v", f, t[0])
	switch {
	case a == nil:
	case f.Kind == frames.Answered:
		a.result = t[1].(int64)
	default:
		a.got += int64(len(t[1].(etf.Binary)))
		h.watch.Hold("I2", a.got <= a.most, fmt.Sprintf("at most %d bytes", a.most), "%d", a.got)
	}
}
