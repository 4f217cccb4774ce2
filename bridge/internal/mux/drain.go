package mux

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// drainState is how far a drain (SPEC.md, section 9) has come.
type drainState struct {
	on     bool
	byHost bool   // the host opens nothing more
	limit  uint32 // the highest stream that will be served
	timer  *time.Timer
}

func (d *drainState) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}

// Drain makes the conn take no new streams and end when it has none.
func (c *Conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.startDrain()
}

// startDrain tells the host which streams were taken [D1], and sees to it that
// the drain has an end [D2]. Before the greeting there is nothing to tell, and
// the program's first frame must be another.
func (c *Conn) startDrain() {
	if c.drain.on || c.ended {
		return
	}
	c.drain.on, c.drain.limit = true, c.highest
	if c.cfg.OnDrain != nil {
		go c.cfg.OnDrain()
	}
	if c.out.greeted {
		c.out.drain(c.highest)
		c.drain.timer = time.AfterFunc(c.host.DrainTimeout, c.drainLate)
	}
	c.endIfDrained()
}

// endIfDrained ends the conn if the drain has come to its end.
func (c *Conn) endIfDrained() {
	if c.drain.on && !c.ended && len(c.streams) == 0 {
		c.end(nil)
	}
}

// drainLate aborts what is left when the drain timeout has passed.
func (c *Conn) drainLate() {
	a := Abort{Code: wire.CodePortClosed, Text: "drain timeout", Late: true}
	cause := c.app.Cause(a)
	c.mu.Lock()
	late := make([]*Stream, 0, len(c.streams))
	for _, s := range c.streams {
		late = append(late, s)
	}
	c.mu.Unlock()
	for _, s := range late {
		s.abort(&a, cause)
	}
}
