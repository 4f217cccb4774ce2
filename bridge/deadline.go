package bridge

import (
	"os"
	"sync"
	"time"
)

// deadline bounds the waiting of a Read or a Write, as net.Conn's deadlines do.
// It is guarded by the mutex of the cond whose waiters it wakes.
type deadline struct {
	at    time.Time
	timer *time.Timer
}

// set changes the deadline; the zero time is none.
func (d *deadline) set(t time.Time, cond *sync.Cond) {
	d.stop()
	d.at = t
	if !t.IsZero() {
		d.timer = time.AfterFunc(time.Until(t), func() {
			cond.L.Lock()
			defer cond.L.Unlock()
			cond.Broadcast()
		})
	}
	cond.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// err is os.ErrDeadlineExceeded once the deadline has passed.
func (d *deadline) err() error {
	if !d.at.IsZero() && !time.Now().Before(d.at) {
		return os.ErrDeadlineExceeded
	}
	return nil
}
