package main

import (
	"context"
	"fmt"
	"time"
)

// burnOn is how much longer than the client the others burn: it takes a moment to begin beside them.
const burnOn = 1500 * time.Millisecond

// driveBeside runs wrk while four other requests keep the processors busy for longer than that.
func driveBeside(ctx context.Context, j job, run *Run) error {
	c, err := dialCrowd(ctx, j.server.addr, 4)
	if err != nil {
		return err
	}
	defer c.close()
	for i := range c.conns {
		if err := c.request(i, fmt.Sprintf("/burnfor?ms=%d", (j.duration+burnOn).Milliseconds())); err != nil {
			return err
		}
	}
	if err := wait(ctx, 100*time.Millisecond); err != nil {
		return err
	}
	err = j.runWrk(ctx, run, j.url(), 16, j.load.check.length)
	// They end in order, or a naive server would go on burning in the next one's time.
	for i := range c.conns {
		if e := c.response(i, ""); e != nil && err == nil {
			run.Errors = fmt.Sprintf("a burning request failed: %v", e)
		}
	}
	return err
}
