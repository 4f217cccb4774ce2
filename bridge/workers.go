package bridge

// workers are the goroutines that run handlers. One that has run a handler waits
// for another stream, because its stack has grown to what handlers need: growing
// a new one was a fifth of all the time that a small request takes.
//
// The conn's mutex guards it.
type workers struct {
	idle []chan *stream
}

// run runs the stream's handler: on the worker that was busy last, or a new one.
func (w *workers) run(s *stream) {
	last := len(w.idle) - 1
	if last < 0 {
		go s.c.work(s)
		return
	}
	next := w.idle[last]
	w.idle = w.idle[:last]
	next <- s // has room for one, and there is none: it was idle
}

// stop ends the workers that are idle.
func (w *workers) stop() {
	for _, next := range w.idle {
		close(next)
	}
	w.idle = nil
}

// work is the goroutine of a worker. A handler may end it.
func (c *conn) work(s *stream) {
	next := make(chan *stream, 1)
	for s != nil {
		s.run()
		if !c.rest(next) {
			return
		}
		s = <-next
	}
}

// rest makes a worker idle, unless there are enough of them.
func (c *conn) rest(next chan *stream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || len(c.workers.idle) == maxIdleWorkers {
		return false
	}
	c.workers.idle = append(c.workers.idle, next)
	return true
}
