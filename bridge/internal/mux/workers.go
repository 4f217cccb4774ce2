package mux

// workers are the goroutines that run tasks. One that has run a task waits
// for another stream, because its stack has grown to what tasks need: growing
// a new one was a fifth of all the time that a small request takes.
//
// The conn's mutex guards it.
type workers struct {
	idle []chan *Stream
}

// run runs the stream's task: on the worker that was busy last, or a new one.
func (w *workers) run(s *Stream) {
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

// work is the goroutine of a worker. A task may end it.
func (c *Conn) work(s *Stream) {
	next := make(chan *Stream, 1)
	for s != nil && s.run(next) {
		s = <-next
	}
}

// run runs the task, and tells whether its worker waits for another. What follows the
// task is deferred, because that may end the goroutine.
func (s *Stream) run(next chan *Stream) (rests bool) {
	returned := false
	defer func() { rests = s.c.leave(s, next, returned) }()
	s.task.Run()
	returned = true
	return
}

// rest makes a worker idle, unless there are enough of them.
func (w *workers) rest(next chan *Stream) bool {
	if len(w.idle) == maxIdleWorkers {
		return false
	}
	w.idle = append(w.idle, next)
	return true
}
