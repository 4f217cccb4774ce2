package bridge

import (
	"context"
	"sync"
)

// watches are the channels that Deferreds wait for. Requests of any wire, and of any server, may
// wait for the same channel, so that they are the process's.
var watches = struct {
	mu sync.Mutex
	of map[<-chan struct{}]*watcher
}{of: make(map[<-chan struct{}]*watcher)}

// watcher is the goroutine that waits for one of them. It ends when nobody wants to hear of it
// any more.
type watcher struct {
	done     <-chan struct{}
	wakes    map[*watchKey]func() // guarded by watches.mu
	unwanted chan struct{}        // closed when there is none of them left
}

// watchKey is who waits.
type watchKey struct{ _ byte }

// watch has wake called when done is closed, unless the context is done before.
func watch(ctx context.Context, done <-chan struct{}, wake func()) {
	key := new(watchKey)
	watches.mu.Lock()
	w := watches.of[done]
	if w == nil {
		w = &watcher{done: done, wakes: make(map[*watchKey]func()), unwanted: make(chan struct{})}
		watches.of[done] = w
		go w.run()
	}
	w.wakes[key] = wake
	watches.mu.Unlock()
	context.AfterFunc(ctx, func() { w.forget(key) })
}

func (w *watcher) run() {
	select {
	case <-w.done:
	case <-w.unwanted:
		return
	}
	watches.mu.Lock()
	wakes := w.wakes
	w.wakes = nil
	if watches.of[w.done] == w {
		delete(watches.of, w.done)
	}
	watches.mu.Unlock()
	for _, wake := range wakes {
		wake()
	}
}

func (w *watcher) forget(key *watchKey) {
	watches.mu.Lock()
	defer watches.mu.Unlock()
	if delete(w.wakes, key); len(w.wakes) == 0 && watches.of[w.done] == w {
		delete(watches.of, w.done)
		close(w.unwanted)
	}
}
