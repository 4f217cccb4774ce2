package mux

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// Nothing can stop a task that goes on behind the end of its stream. What can be done is
// to say where it hangs: of one whose time was over, and of all when there are too many
// of them and the conn drains.

// overruns are the tasks of which that is to be said. The conn's mutex guards them.
type overruns struct {
	waiting   []*Stream
	isLooking bool // a goroutine sees to it
	isLast    bool // the conn drains as soon as all has been said
}

// abandon counts a task that goes on without its stream.
func (c *Conn) abandon(s *Stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.returned || c.ended {
		return
	}
	c.abandoned[s] = true
	if s.wasLate {
		c.overruns.waiting = append(c.overruns.waiting, s)
		if !c.overruns.isLooking {
			c.overruns.isLooking = true
			go c.look()
		}
	}
	if len(c.abandoned) > c.cfg.MaxAbandoned && !c.drain.on && !c.overruns.isLast {
		c.overruns.isLast = true
		go c.giveUp()
	}
}

// look says where tasks hang whose time was over, not too often: the world stands still
// while stacks are written down.
func (c *Conn) look() {
	for {
		c.mu.Lock()
		waiting := c.overruns.waiting
		c.overruns.waiting = nil
		if c.overruns.isLooking = len(waiting) > 0 && !c.ended; !c.overruns.isLooking {
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		c.show(waiting)
		pause := time.NewTimer(lookPause)
		select {
		case <-pause.C:
		case <-c.done:
			pause.Stop()
		}
	}
}

// giveUp drains, because there are too many tasks that go on; where they hang is said
// before.
func (c *Conn) giveUp() {
	c.mu.Lock()
	unsaid := make([]*Stream, 0, len(c.abandoned))
	for s := range c.abandoned {
		if !s.isShown {
			unsaid = append(unsaid, s)
		}
	}
	c.mu.Unlock()
	c.show(unsaid)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.drain.on || c.ended {
		return
	}
	c.out.log(wire.Line{
		Level: wire.LevelError,
		Text:  "bridge: draining, because too many handlers go on after their requests have ended",
		Meta:  []wire.MetaPair{{Key: "abandoned", Value: len(c.abandoned)}},
	})
	c.startDrain()
}

// show logs where tasks hang: of maxShown each, of the others how many there are.
func (c *Conn) show(late []*Stream) {
	all := stacks()
	c.mu.Lock()
	defer c.mu.Unlock()
	shown, others := 0, 0
	for _, s := range late {
		switch {
		case s.returned || s.isShown:
		case shown < maxShown:
			shown++
			s.isShown = true
			c.out.log(s.overrun(all))
		default:
			others++
		}
	}
	if others > 0 {
		c.out.log(wire.Line{
			Level: wire.LevelWarning,
			Text:  "bridge: other handlers go on after their requests have ended, too",
			Meta:  []wire.MetaPair{{Key: "others", Value: others}},
		})
	}
}

// overrun is the line about a task.
func (s *Stream) overrun(all []byte) wire.Line {
	text := "bridge: a handler goes on after its request has ended"
	if s.wasLate {
		text = "bridge: a handler goes on after the time of its request was over"
	}
	meta := append(s.task.About(), wire.MetaPair{Key: MetaStream, Value: int(s.id)},
		wire.MetaPair{Key: "stack", Value: stackOf(all, s.worker.goroutine.Load())})
	return wire.Line{Level: wire.LevelWarning, Text: text, Meta: meta}
}
