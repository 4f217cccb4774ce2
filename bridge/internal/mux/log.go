package mux

import (
	"sync/atomic"
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

// Log queues a line, and waits for an error to be written. It drops and counts what the
// host would not log.
func (c *Conn) Log(l wire.Line) {
	if !c.mayLog() {
		return
	}
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

// Log queues a line about the stream, or drops it. It does not wait.
func (s *Stream) Log(level wire.Level, text string, meta ...wire.MetaPair) {
	if !s.c.mayLog() {
		return
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	s.c.out.log(wire.Line{Level: level, Text: text, Meta: append(meta, wire.MetaPair{Key: MetaStream, Value: int(s.id)})})
}

// lineRate counts the lines of a second, which begins with its first line. Those that the
// host would discard are dropped here, without the conn's lock: handlers that log without
// a pause would hold up all others by it, and fill the pipe in front of their responses.
type lineRate struct {
	limit   atomic.Int32
	sent    atomic.Int32 // more than limit, once a line was dropped
	dropped atomic.Int64
}

// mayLog tells whether the host would log one line more in this second.
func (c *Conn) mayLog() bool {
	limit := c.logRate.limit.Load()
	n := c.logRate.sent.Load()
	if n <= limit {
		n = c.logRate.sent.Add(1)
	}
	if n == 1 {
		time.AfterFunc(time.Second, c.nextSecond)
	}
	if n > limit {
		c.logRate.dropped.Add(1)
		return false
	}
	return true
}

// nextSecond lets lines pass again, and tells the host how many did not.
func (c *Conn) nextSecond() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.logRate.sent.Store(0)
	if !c.ended {
		c.tellDropped()
	}
}

// tellDropped queues a line that has nothing to say but how many were dropped, if there were
// any. Of all levels it has the one that the fewest hosts log.
func (c *Conn) tellDropped() {
	n := c.logRate.dropped.Swap(0)
	if n == 0 {
		return
	}
	c.out.dropped += int(n)
	c.out.log(wire.Line{Level: wire.LevelDebug, Text: "gwport: there were more lines than the host logs in a second"})
}
