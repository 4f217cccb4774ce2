package thirdparty

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"
)

// A waiter is what a handler does that waits for the end of its context. Other requests learn from it that the handler has
// begun, and how it ended: at /begun and /ended.
type waiter struct{ begun, ended chan string }

func newWaiter() *waiter { return &waiter{make(chan string, 8), make(chan string, 8)} }

func (w *waiter) wait(ctx context.Context) {
	_, has := ctx.Deadline()
	w.begun <- fmt.Sprint("begun, with a deadline: ", has)
	select {
	case <-ctx.Done():
		w.ended <- "ended"
	case <-time.After(giveUp):
		w.ended <- "still there"
	}
}

func (w *waiter) handles(path string) bool { return path == "/begun" || path == "/ended" }

func (w *waiter) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	from := map[string]chan string{"/begun": w.begun, "/ended": w.ended}[r.URL.Path]
	select {
	case what := <-from:
		fmt.Fprintln(rw, what)
	case <-time.After(2 * giveUp):
		fmt.Fprintln(rw, "nothing")
	}
}

// deadline is for calls whose time is to be over: long enough to have reached the handler by then.
const deadline = 2 * time.Second

// leaves makes a call and gives it up when its handler has begun. What ends the call is given.
func (c *client) leaves(call func(context.Context) error) error {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	c.get(200, "/begun")
	cancel()
	select {
	case err := <-done:
		c.get(200, "/ended")
		return err
	case <-time.After(requestLimit):
		require.Fail(c.t, "the call goes on")
		return nil
	}
}
