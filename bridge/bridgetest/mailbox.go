package bridgetest

import (
	"sync"
	"time"
)

// mailbox is a queue without a bound, so that the host's reader never waits.
type mailbox struct {
	mu     sync.Mutex
	frames []Frame
	closed bool
	more   chan struct{} // has one element when there may be something new
}

func newMailbox() *mailbox { return &mailbox{more: make(chan struct{}, 1)} }

func (m *mailbox) put(f Frame) {
	m.mu.Lock()
	m.frames = append(m.frames, f)
	m.mu.Unlock()
	m.notify()
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.notify()
}

func (m *mailbox) notify() {
	select {
	case m.more <- struct{}{}:
	default:
	}
}

// take waits for the next frame. It is not ok at the end of the wire; late
// means that nothing came for too long.
func (m *mailbox) take() (f Frame, ok, late bool) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for {
		m.mu.Lock()
		if len(m.frames) > 0 {
			f, m.frames = m.frames[0], m.frames[1:]
			m.mu.Unlock()
			return f, true, false
		}
		closed := m.closed
		m.mu.Unlock()
		if closed {
			m.notify() // for the next who asks
			return Frame{}, false, false
		}
		select {
		case <-m.more:
		case <-timeout.C:
			return Frame{}, false, true
		}
	}
}

func (m *mailbox) isClosed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}
