package program

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// Checks of section 2: how a program is started and ended.

// checkByHand starts the program as a person would.
func checkByHand(t *trial) {
	p, err := newProcess(t.set.command, t.set.dir)
	if err != nil {
		panic(peer.CannotStart{Err: err})
	}
	defer p.stop()
	said := make(chan struct{})
	go func() {
		b := make([]byte, 1)
		if n, _ := io.ReadFull(p.stdout, b); n > 0 {
			close(said)
		}
	}()
	select {
	case <-p.exited:
		t.saw("it ends: %s", strings.TrimSpace(p.own.last()))
	case <-said:
	case <-time.After(t.set.start):
		if p.own.last() == "" {
			peer.Fail(fmt.Sprintf("nothing for %v", t.set.start), "a word on standard error, or the end, instead of waiting (SHOULD)")
		}
	}
}

func checkStderr(t *trial) {
	h := t.greet(hello{})
	select {
	case <-h.p.stderr.connected:
	case <-time.After(t.set.patience / 10):
		skip("the program has not connected to GWPORT_STDERR when it says ready, which it need not")
	}
	h.settle()
}

// stopGrace is P5's; what a machine under load needs to tell is not counted.
const (
	stopGrace  = 500 * time.Millisecond
	stopMargin = 500 * time.Millisecond
)

// expectGone ends the program's input, and measures how long it lives on.
func (t *trial) expectGone(h *host) {
	began := time.Now()
	h.closeInput()
	if !h.p.waitExit(stopGrace + stopMargin) {
		peer.Fail(fmt.Sprintf("still running after %v", stopGrace+stopMargin),
			fmt.Sprintf("the program gone within %v (and %v for measuring)", stopGrace, stopMargin))
	}
	t.saw("gone after %v", h.p.at.Sub(began).Round(time.Millisecond))
}

// expectExit is for a program that may not have got so far as to see to its input
// and to signals.
func (t *trial) expectExit(h *host) {
	if !h.p.waitExit(t.set.start) {
		peer.Fail(fmt.Sprintf("still running after %v", t.set.start), "the program's end")
	}
}
