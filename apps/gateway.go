package apps

import (
	"cmp"
	"context"
	"net/url"
	"sync/atomic"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/middleware"
)

var gatewayPage = newPage("gateway", `
<p>A <code>bridge.App</code> takes an environ and returns <code>{Status, Headers, Body}</code>. A middleware takes an app
and returns one. This app has four of <code>bridge/middleware</code> around it: look at <code>x-request-id</code>,
<code>server-timing</code>, <code>content-encoding</code> and <code>etag</code>.</p>
<form method="post"><p>Count: <output>{{.}}</output> <button>Add one</button></p></form>
`)

// newGateway makes the app whole: the outermost middleware first.
func newGateway() bridge.App {
	return bridge.Chain(newCounter(), middleware.RequestID{Accept: true}.Around, middleware.ServerTiming{}.Around,
		middleware.Gzip{MinSize: 512}.Around, middleware.Conditional{ETags: true}.Around)
}

// newCounter counts POSTs, and sends the browser back to look at the count.
func newCounter() bridge.App {
	var count atomic.Int64
	return func(_ context.Context, env bridge.Environ) bridge.Result {
		switch env.Method() {
		case "GET", "HEAD":
			return pageOf(gatewayPage, count.Load())
		case "POST":
			count.Add(1)
			mount, _ := place(env, "gateway")
			here := (&url.URL{Path: cmp.Or(mount, "/")}).EscapedPath()
			return bridge.Response{Status: 303, Headers: []bridge.Header{{Name: "location", Value: here}}}
		}
		return notAllowed("GET, HEAD, POST")
	}
}

func withHeader(res bridge.Response, name, value string) bridge.Response {
	res.Headers = append(res.Headers, bridge.Header{Name: name, Value: value})
	return res
}

// notAllowed says which methods there are.
func notAllowed(methods string) bridge.Response {
	return withHeader(bridge.Text(405, "Method Not Allowed\n"), "allow", methods)
}
