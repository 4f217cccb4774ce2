package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/middleware"
)

var hello = bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
	return bridge.Text(200, "hello from "+env.Method()+" "+env.String("SCRIPT_NAME")+"\n")
})

// get asks an App as a client would, with fields by name and value in turn.
func get(app bridge.App, method, path string, fields ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w.Result()
}

// In a program, bridge.Serve(app) serves it.
func Example() {
	app := bridge.Chain(hello, middleware.RequestID{}.Around, middleware.Conditional{ETags: true}.Around)
	res := get(app, "GET", "/")
	again := get(app, "GET", "/", "If-None-Match", res.Header.Get("ETag"))
	fmt.Println(res.StatusCode, again.StatusCode, len(again.Header.Get("X-Request-Id")))
	// Output: 200 304 26
}

// An http.Handler stands behind middleware as an App.
func ExampleGzip() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprint(w, strings.Repeat("hello\n", 1000))
	})
	res := get(bridge.Chain(bridge.AppOf(handler), middleware.Gzip{}.Around), "GET", "/", "Accept-Encoding", "gzip")
	fmt.Println(res.Header.Get("Content-Encoding"), res.Header.Get("Vary"))
	// Output: gzip Accept-Encoding
}

func ExampleCORS() {
	app := bridge.Chain(hello, middleware.CORS{Origins: []string{"https://shop.example"}, Methods: []string{"PUT"}}.Around)
	res := get(app, "OPTIONS", "/", "Origin", "https://shop.example", "Access-Control-Request-Method", "PUT")
	fmt.Println(res.StatusCode, res.Header.Get("Access-Control-Allow-Origin"), res.Header.Get("Access-Control-Allow-Methods"))
	// Output: 204 https://shop.example GET, HEAD, POST, PUT
}

func ExampleBasicAuth() {
	app := bridge.Chain(hello, middleware.BasicAuth{Users: map[string]string{"joe": "secret"}}.Around)
	res := get(app, "GET", "/")
	fmt.Println(res.StatusCode, res.Header.Get("WWW-Authenticate"))
	// Output: 401 Basic realm="restricted", charset="UTF-8"
}

func ExamplePrefix() {
	app := bridge.Chain(hello, middleware.Prefix{At: "/shop", App: hello}.Around)
	for _, path := range []string{"/shop/cart", "/shopping"} {
		var body [64]byte
		n, _ := get(app, "GET", path).Body.Read(body[:])
		fmt.Print(string(body[:n]))
	}
	// Output:
	// hello from GET /shop
	// hello from GET
}

func ExampleConditional() {
	app := bridge.Chain(hello, middleware.Conditional{ETags: true}.Around)
	tag := get(app, "GET", "/").Header.Get("ETag")
	fmt.Println(get(app, "GET", "/", "If-None-Match", tag).Status, get(app, "GET", "/", "If-Match", `"another"`).Status)
	// Output: 304 Not Modified 412 Precondition Failed
}

func ExampleMethodOverride() {
	app := bridge.Chain(hello, middleware.MethodOverride{Parameter: "_method"}.Around)
	var body [64]byte
	n, _ := get(app, "POST", "/?_method=delete").Body.Read(body[:])
	fmt.Print(string(body[:n]))
	// Output: hello from DELETE
}

func ExampleRequestID() {
	app := bridge.Chain(hello, middleware.RequestID{Accept: true}.Around)
	fmt.Println(get(app, "GET", "/", "X-Request-Id", "from-the-proxy").Header.Get("X-Request-Id"))
	// Output: from-the-proxy
}

func ExampleServerTiming() {
	app := bridge.Chain(hello, middleware.ServerTiming{Name: "shop"}.Around)
	timing, _, _ := strings.Cut(get(app, "GET", "/").Header.Get("Server-Timing"), "=")
	fmt.Println(timing)
	// Output: shop;dur
}
