package apps

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gwport/gwport/bridge"
)

var gatewayPage = newPage("gateway", `
<p>A <code>bridge.App</code> takes an environ and returns <code>{Status, Headers, Body}</code>. A middleware takes an app
and returns one. This app has two around it: look at <code>x-request-id</code> and <code>server-timing</code>.</p>
<form method="post"><p>Count: <output>{{.}}</output> <button>Add one</button></p></form>
`)

// newGateway makes the app whole: the outermost middleware first.
func newGateway() bridge.App {
	return bridge.Chain(newCounter(), requestID, timing)
}

// newCounter counts POSTs, and sends the browser back to look at the count.
func newCounter() bridge.App {
	var count atomic.Int64
	return func(_ context.Context, env bridge.Environ) bridge.Result {
		switch env.Method() {
		case "GET", "HEAD":
			return gatewayCount(count.Load())
		case "POST":
			count.Add(1)
			mount, _ := place(env, "gateway")
			here := (&url.URL{Path: cmp.Or(mount, "/")}).EscapedPath()
			return bridge.Response{Status: 303, Headers: []bridge.Header{{Name: "location", Value: here}}}
		}
		res := bridge.Text(405, "Method Not Allowed\n")
		res.Headers = append(res.Headers, bridge.Header{Name: "allow", Value: "GET, HEAD, POST"})
		return res
	}
}

func gatewayCount(n int64) bridge.Response {
	b, err := gatewayPage.render(n)
	if err != nil {
		return bridge.Text(500, err.Error())
	}
	return bridge.Bytes(200, "text/html; charset=utf-8", b)
}

// timing tells the browser's network view how long the app took to its head.
func timing(next bridge.App) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		start := time.Now()
		res := next(ctx, env)
		ms := float64(time.Since(start)) / float64(time.Millisecond)
		return withHeader(res, "server-timing", fmt.Sprintf("app;dur=%.3f", ms))
	}
}

// requestID names the request in its response: as the client did, or by a name of its own. Apps behind it find the name
// in the environ.
func requestID(next bridge.App) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		id := env.Header("X-Request-Id")
		if !plainID(id) {
			id = rand.Text()
			env["HTTP_X_REQUEST_ID"] = id
		}
		return withHeader(next(ctx, env), "x-request-id", id)
	}
}

// plainID holds a client's choice to what is harmless in a log and a header.
func plainID(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func withHeader(res bridge.Result, name, value string) bridge.Result {
	r, ok := res.(bridge.Response)
	if !ok {
		return res
	}
	r.Headers = append(r.Headers, bridge.Header{Name: name, Value: value})
	return r
}
