package mux

import (
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// The keys of a line's Meta that are the wire's own.
const (
	MetaStream  = "stream"
	MetaDropped = "dropped"
)

// notGreeted is no level of a host's.
const notGreeted = -1

// LogLevel is the least severe level that the host logs. It is not known, and no line
// gets to the host, before the greeting.
func (c *Conn) LogLevel() (level wire.Level, known bool) {
	level = wire.Level(c.logLevel.Load())
	return level, level != notGreeted
}

// Log queues a line, and waits for an error to be written.
func (c *Conn) Log(l wire.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.out.log(l)
	if l.Level > wire.LevelError || n == 0 || !c.out.greeted {
		return
	}
	late := false
	timer := time.AfterFunc(logWait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		late = true
		c.out.logged.Broadcast()
	})
	defer timer.Stop()
	for c.out.logsGone < n && !late && !c.ended {
		c.out.logged.Wait()
	}
}

// Log queues a line about the stream. It does not wait.
func (s *Stream) Log(level wire.Level, text string, meta ...wire.MetaPair) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.out.log(wire.Line{Level: level, Text: text, Meta: append(meta, wire.MetaPair{Key: MetaStream, Value: int(s.id)})})
}
