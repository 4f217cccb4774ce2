package bridge_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gwport/gwport/bridge"
)

// The whole of a port program: what a pool of Erlang's starts, or a person with GWPORT_HTTP=127.0.0.1:8080.
func ExampleServe() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop/tea", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "one tea, coming up")
	})
	if err := bridge.Serve(mux); err != nil {
		fmt.Println(err)
	}
}

// A mount names one of them by its option app.
func ExampleServeApps() {
	err := bridge.ServeApps(map[string]http.Handler{
		"shop": http.NotFoundHandler(),
		"hello": bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
			return bridge.Text(200, "hello\n")
		}),
	})
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleText() {
	res := bridge.Text(200, "hello\n")
	fmt.Println(res.Status, res.Headers)
	// Output: 200 [{Content-Type text/plain; charset=utf-8}]
}

// Middleware may stand around any handler.
func ExampleAppOf() {
	app := bridge.AppOf(http.NotFoundHandler())
	app = bridge.Chain(app, bridge.Validate(bridge.Validation{}))
	_ = bridge.Serve(app)
}
