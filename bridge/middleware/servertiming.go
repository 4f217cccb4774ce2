package middleware

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// ServerTiming tells the browser's network view how long the app took until it had a response, whose body may still be
// to come: "server-timing: app;dur=1.234". What the app says there itself stays.
type ServerTiming struct {
	// Name is what has taken the time: "app" if it is empty.
	Name string
}

// Around is a [bridge.Middleware].
func (o ServerTiming) Around(app bridge.App) bridge.App {
	name := cmp.Or(o.Name, "app")
	if !wire.IsToken(name) {
		wrong("ServerTiming.Name", o.Name, "a token, such as app")
	}
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		start := time.Now()
		return bridge.Then(app(ctx, env), func(res bridge.Response) bridge.Response {
			ms := float64(time.Since(start)) / float64(time.Millisecond)
			res.Headers = with(res.Headers, "Server-Timing", fmt.Sprintf("%s;dur=%.3f", name, ms))
			return res
		})
	}
}
