package mux

import (
	"os"
	"sync"
	"time"
)

// deadline bounds the waiting of a Read or a Write, as net.Conn's deadlines do.
// It is guarded by the mutex of the cond whose waiters it wakes. No deadline is nil,
// since few streams ever have one.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set changes the deadline; the zero time is none.
func (d *deadline) set(t time.Time, cond *sync.Cond) *deadline {
	d.stop()
	cond.Broadcast()
	if t.IsZero() {
		return nil
	}
	return &deadline{t, time.AfterFunc(time.Until(t), func() {
		cond.L.Lock()
		defer cond.L.Unlock()
		cond.Broadcast()
	})}
}

func (d *deadline) stop() {
	if d != nil {
		d.timer.Stop()
	}
}

// err is os.ErrDeadlineExceeded once the deadline has passed.
func (d *deadline) err() error {
	if d != nil && !time.Now().Before(d.at) {
		return os.ErrDeadlineExceeded
	}
	return nil
}
