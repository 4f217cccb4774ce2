package mux

import "github.com/gwport/gwport/bridge/internal/wire"

// asks is what the host has asked for, and is not answered yet (SPEC.md, section 16).
// The conn's mutex guards it.
type asks struct {
	highest int64                    // number ever seen
	running [wire.EvidenceKinds]bool // by what is asked for
}

// onAsk begins to answer, or refuses to.
func (c *Conn) onAsk(payload []byte) error {
	if !c.host.Evidence {
		return wire.Faultf(wire.FaultBadFrame, "ask, without the capability")
	}
	ask, err := wire.DecodeAsk(payload)
	if err != nil {
		return badPayload(wire.KindAsk, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ask.Number <= c.asks.highest {
		return wire.Faultf(wire.FaultBadFrame, "ask with number %d, expected one above %d", ask.Number, c.asks.highest)
	}
	c.asks.highest = ask.Number
	switch {
	case ask.What >= wire.EvidenceKinds:
		return c.refuse(&ask, wire.ResultUnknown, "this program knows nothing of such evidence")
	case c.asks.running[ask.What]:
		return c.refuse(&ask, wire.ResultBusy, "it was asked for the same before, and has not answered yet")
	}
	c.asks.running[ask.What] = true
	go c.answer(ask)
	return nil
}

// refuse answers at once. A host that asks on without reading would make us keep all
// of the answers.
func (c *Conn) refuse(ask *wire.Ask, result wire.Result, text string) error {
	c.out.control = appendAnswered(c.out.control, ask, result, text)
	c.out.kick()
	if !c.out.hasRoom() {
		return wire.Faultf(wire.FaultFailed, "more than %d answers that are not read", maxPongs)
	}
	return nil
}

func appendAnswered(dst []byte, ask *wire.Ask, result wire.Result, text string) []byte {
	b, at := wire.BeginFrame(dst, wire.KindAnswered)
	return wire.EndFrame(wire.AppendAnswered(b, ask.Number, result, text), at)
}

// answer gathers what was asked for, and sends it, part by part.
func (c *Conn) answer(ask wire.Ask) {
	bytes, result, text := c.cfg.Evidence(ask, c.done)
	if result != wire.ResultDone {
		bytes = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(bytes) > 0 && c.awaitEvidence() {
		n := min(len(bytes), wire.MaxPart)
		b, at := wire.BeginFrame(c.out.evidence, wire.KindPart)
		c.out.evidence = wire.EndFrame(wire.AppendPart(b, ask.Number, bytes[:n]), at)
		c.out.kick()
		bytes = bytes[n:]
	}
	if c.awaitEvidence() {
		// Another one that the host sends when it reads this is not refused.
		c.asks.running[ask.What] = false
		c.out.evidence = appendAnswered(c.out.evidence, &ask, result, text)
		c.out.kick()
	}
}

// awaitEvidence waits until the writer has taken the part before. It returns false
// when the conn has ended.
func (c *Conn) awaitEvidence() bool {
	for len(c.out.evidence) > 0 && !c.ended {
		c.out.logged.Wait()
	}
	return !c.ended
}

// takeEvidence takes a part: one a batch, so that no answer keeps streams waiting.
func (o *outbox) takeEvidence(b *batch) {
	if len(o.evidence) == 0 {
		return
	}
	b.bytes = append(b.bytes, o.evidence...)
	o.evidence = o.evidence[:0]
	o.logged.Broadcast()
}
