package mux

import "sync/atomic"

// workers are the goroutines that run tasks. One that has run a task waits
// for another stream, because its stack has grown to what tasks need: growing
// a new one was a fifth of all the time that a small request takes.
//
// The conn's mutex guards it.
type workers struct {
	idle []*worker
}

// worker is one of them.
type worker struct {
	next      chan *Stream
	goroutine atomic.Uint64 // its number in stacks; 0: it has not begun
}

// run runs the stream's task: on the worker that was busy last, or a new one.
func (w *workers) run(s *Stream) {
	last := len(w.idle) - 1
	if last < 0 {
		s.worker = &worker{next: make(chan *Stream, 1)}
		go s.c.work(s, s.worker)
		return
	}
	s.worker = w.idle[last]
	w.idle = w.idle[:last]
	s.worker.next <- s // has room for one, and there is none: it was idle
}

// stop ends the workers that are idle.
func (w *workers) stop() {
	for _, worker := range w.idle {
		close(worker.next)
	}
	w.idle = nil
}

// work is the goroutine of a worker. A task may end it.
func (c *Conn) work(s *Stream, w *worker) {
	w.goroutine.Store(goroutineNumber())
	for s != nil && s.runOn(w) {
		s = <-w.next
	}
}

// runOn runs the task, and tells whether its worker waits for another. What follows the
// task is deferred, because that may end the goroutine.
func (s *Stream) runOn(w *worker) (rests bool) {
	returned, waits := false, false
	defer func() { rests = s.c.leave(s, w, returned, waits) }()
	waits = s.task.Run()
	returned = true
	return
}

// rest makes a worker idle, unless there are enough of them.
func (w *workers) rest(worker *worker) bool {
	if len(w.idle) == maxIdleWorkers {
		return false
	}
	w.idle = append(w.idle, worker)
	return true
}
