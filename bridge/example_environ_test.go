package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/gwport/gwport/bridge"
)

func ExampleBytes() {
	logo := bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Bytes(200, "image/svg+xml", []byte("<svg/>"))
	})
	w := httptest.NewRecorder()
	logo.ServeHTTP(w, httptest.NewRequest("GET", "/logo.svg", nil))
	fmt.Println(w.Header().Get("Content-Type"), w.Body)
	// Output: image/svg+xml <svg/>
}

// A response of any status, fields and body; what has been opened for it is closed when it has been sent.
func ExampleResponse() {
	cart := bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Response{
			Status:  201,
			Headers: []bridge.Header{{Name: "Location", Value: "/cart/7"}, {Name: "Content-Type", Value: "text/plain"}},
			Body:    strings.NewReader("one tea\n"), // a file, a pipe, a row of a database at a time
		}
	})
	w := httptest.NewRecorder()
	cart.ServeHTTP(w, httptest.NewRequest("POST", "/cart", nil))
	fmt.Print(w.Code, " ", w.Header().Get("Location"), " ", w.Body)
	// Output: 201 /cart/7 one tea
}

// A handler that was mounted under /shop by http.StripPrefix sees in the environ what was stripped.
func ExampleEnvironOf() {
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		env := bridge.EnvironOf(r)
		fmt.Fprintf(w, "%q %q %q", env.String("SCRIPT_NAME"), env.String("PATH_INFO"), env.String("QUERY_STRING"))
	})
	w := httptest.NewRecorder()
	http.StripPrefix("/shop", shop).ServeHTTP(w, httptest.NewRequest("GET", "/shop/tea?n=2", nil))
	fmt.Println(w.Body)
	// Output: "/shop" "/tea" "n=2"
}

// What an App asks its environ for.
func ExampleEnviron() {
	app := bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		order, err := io.ReadAll(env.Input())
		if err != nil { // the client has left, or its time is over
			return bridge.Text(400, "no order\n")
		}
		fmt.Println(env.Method(), env.URL())
		fmt.Println(env.String("PATH_INFO"), env.Header("X-Table"), string(order))
		return bridge.Text(200, "coming up\n")
	})
	r := httptest.NewRequest("POST", "http://shop.example/order?now", strings.NewReader("one tea"))
	r.Header.Set("X-Table", "7")
	app.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// POST http://shop.example/order?now
	// /order 7 one tea
}

// A Header by any spelling of its name; it is empty where the client has sent none.
func ExampleEnviron_Header() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Language", "eo")
	env := bridge.EnvironOf(r)
	fmt.Printf("%q %q %q\n", env.Header("accept-language"), env.String("HTTP_ACCEPT_LANGUAGE"), env.Header("Cookie"))
	// Output: "eo" "eo" ""
}

// slog's default is this handler where an Erlang system has started the program. Elsewhere, as here, a
// program says so itself if it wants its records in the same form; os.Stderr has them.
func ExampleLogHandler() {
	log := slog.New(bridge.LogHandler()).With("shop", "tea")
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log.InfoContext(r.Context(), "an order", "table", 7) // in OTP's log with its stream, shop and table
	})
	_ = bridge.Serve(h)
}

// Why a request was over before its handler was: what the context's cause is, and what Read and Write return.
func ExampleAbortError() {
	why := func(r *http.Request) string {
		err := context.Cause(r.Context())
		switch {
		case errors.Is(err, bridge.ErrClientGone):
			return "nobody is there to be answered"
		case errors.Is(err, bridge.ErrDeadline):
			return "its time is over"
		case errors.Is(err, bridge.ErrAborted):
			return "another reason: " + err.Error()
		}
		return "it goes on"
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	fmt.Println(why(r))
	cancel(&bridge.AbortError{Code: bridge.CodeCancelled}) // as the bridge does when the client leaves
	fmt.Println(why(r))
	// Output:
	// it goes on
	// nobody is there to be answered
}

// A program that says more of itself than bridge.Serve does.
func ExampleServer() {
	s := &bridge.Server{
		Handler:    http.NotFoundHandler(),
		Name:       "shop",
		Version:    "1.2.0",
		MaxStreams: 100, // requests at once; more are answered with 503
	}
	if err := s.Serve(); err != nil { // nil after a clean drain
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
