package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

func ExampleApp() {
	hello := bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		return bridge.Text(200, "Hello from "+env.String("PATH_INFO")+"\n")
	})
	// In a program: bridge.Serve(hello). Here, as for any http.Handler:
	w := httptest.NewRecorder()
	hello.ServeHTTP(w, httptest.NewRequest("GET", "/world", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 Hello from /world
}

// An echo reads while it answers: each block that arrives is sent back before the next is asked for.
func ExampleApp_echo() {
	echo := bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		return bridge.Response{
			Status:  200,
			Headers: []bridge.Header{{Name: "Content-Type", Value: env.String("CONTENT_TYPE")}},
			Body:    env.Input(),
		}
	})
	w := httptest.NewRecorder()
	echo.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader("hello yourself")))
	fmt.Print(w.Body)
	// Output: hello yourself
}

// A header and a footer around whatever an App says, as it streams.
func ExampleMiddleware() {
	framed := func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			res, ok := app(ctx, env).(bridge.Response)
			if !ok || res.Body == nil {
				return res
			}
			inner := res.Body
			res.Body = struct {
				io.Reader
				io.Closer
			}{
				io.MultiReader(strings.NewReader("<header>\n"), inner, strings.NewReader("<footer>\n")),
				closer(func() error {
					if c, ok := inner.(io.Closer); ok {
						return c.Close()
					}
					return nil
				}),
			}
			res.Headers = slices.DeleteFunc(slices.Clone(res.Headers), func(h bridge.Header) bool {
				return strings.EqualFold(h.Name, "Content-Length") // which was that of the inner body
			})
			return res
		}
	}
	hello := bridge.App(func(context.Context, bridge.Environ) bridge.Result { return bridge.Text(200, "hello\n") })
	w := httptest.NewRecorder()
	bridge.Chain(hello, framed).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Print(w.Body)
	// Output:
	// <header>
	// hello
	// <footer>
}

// closer is a Close.
type closer func() error

func (c closer) Close() error { return c() }

func ExampleChain() {
	shout := func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			res := app(ctx, env).(bridge.Response)
			res.Headers = append(res.Headers, bridge.Header{Name: "X-Mood", Value: "loud"})
			return res
		}
	}
	app := bridge.Chain(func(context.Context, bridge.Environ) bridge.Result { return bridge.Text(200, "hey") }, shout)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("X-Mood"), w.Body)
	// Output: loud hey
}

// body is a body that counts how often it is closed.
type body struct {
	io.Reader
	closed *atomic.Int32
}

func (b body) Close() error { b.closed.Add(1); return nil }

func TestAppsTripleIsSent(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		b, _ := io.ReadAll(env.Input())
		return bridge.Response{
			Status: 418, Reason: "Short and stout",
			Headers: []bridge.Header{{Name: "set-cookie", Value: "a=1"}, {Name: "Set-Cookie", Value: "b=2"}},
			Body:    strings.NewReader("got " + string(b)),
		}
	})})
	res := h.Do(bridgetest.Request{Method: "POST", Body: []byte("tea")})
	require.Equal(t, 418, res.Status)
	require.Equal(t, "Short and stout", res.Reason)
	require.Equal(t, "got tea", string(res.Body))
	require.True(t, res.Whole)
	require.Equal(t, http.Header{
		"Set-Cookie": {"a=1", "b=2"}, "Content-Length": {"7"}, "Content-Type": {"text/plain; charset=utf-8"},
	}, headerOf(res.Headers))
}

func TestBlocksOfABodyArePassedOnBeforeTheNext(t *testing.T) {
	r, w := io.Pipe()
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Response{Status: 200, Body: r}
	})})
	s := h.Open(bridgetest.Request{})
	_, _ = io.WriteString(w, "one")
	s.Expect(bridgetest.Head)
	require.Equal(t, "one", string(s.Expect(bridgetest.Chunk).Payload))
	_, _ = io.WriteString(w, "two")
	require.Equal(t, "two", string(s.Expect(bridgetest.Chunk).Payload))
	_ = w.Close()
	s.Expect(bridgetest.Fin)
}

func TestBodyIsClosedExactlyOnce(t *testing.T) {
	var closed atomic.Int32
	blocked, release := make(chan struct{}), make(chan struct{})
	bodies := map[string]io.Reader{
		"/whole": strings.NewReader("x"),
		"/fails": io.MultiReader(strings.NewReader("x"), failing{}),
		"/large": strings.NewReader(strings.Repeat("x", 300_000)),
		"/waits": readerFunc(func([]byte) (int, error) { close(blocked); <-release; return 0, io.EOF }),
		"/wrong": strings.NewReader("x"),
	}
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		status := 200
		if env.String("PATH_INFO") == "/wrong" {
			status = 99
		}
		return bridge.Response{Status: status, Body: body{onlyReader{bodies[env.String("PATH_INFO")]}, &closed}}
	})})
	want := int32(0)
	check := func() {
		t.Helper()
		want++
		require.Eventually(t, func() bool { return closed.Load() == want }, soon, 1e6)
	}
	require.Equal(t, 200, h.Do(bridgetest.Request{Path: "/whole"}).Status)
	check()
	require.Equal(t, 200, h.Do(bridgetest.Request{Path: "/whole", Method: "HEAD"}).Status)
	check()
	require.Equal(t, bridge.CodeInternalError, h.Do(bridgetest.Request{Path: "/fails"}).Abort.Code)
	check()
	require.Equal(t, 500, h.Do(bridgetest.Request{Path: "/wrong"}).Status)
	check()
	s := h.Open(bridgetest.Request{Path: "/large", Window: 1}) // the client leaves
	s.Expect(bridgetest.Head)
	s.Abort(bridge.CodeCancelled, "")
	check()
	s = h.Open(bridgetest.Request{Path: "/waits"})
	within(t, blocked)
	s.Abort(bridge.CodeCancelled, "")
	close(release)
	check()
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAppThatReturnsNothingIsAnError(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(context.Context, bridge.Environ) bridge.Result { return nil })})
	require.Equal(t, 500, h.Do(bridgetest.Request{}).Status)
}

// Trailers of an App that is none of a handler's.
func TestTrailersOfApps(t *testing.T) {
	app := bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		body := strings.NewReader("hello")
		return bridge.Response{Status: 200, Body: body, Trailers: func() []bridge.Header {
			return []bridge.Header{{Name: "x-left", Value: fmt.Sprint(body.Len())}}
		}}
	})
	for _, version := range protocols {
		require.Equal(t, http.Header{"X-Left": {"0"}}, overBridge(t, app, version, "GET", nil).trailer)
		require.Nil(t, overBridge(t, app, version, "HEAD", nil).trailer)
		srv, transport := netHTTP(t, app, version)
		require.Equal(t, http.Header{"X-Left": {"0"}}, overHTTP(t, srv, transport, "GET", nil).trailer)
	}
}

func TestAppsMaySayThatThereIsNoTypeAndNoDate(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Response{Status: 200, Headers: []bridge.Header{{Name: "content-type"}, {Name: "date"}}, Body: strings.NewReader("<html>")}
	})})
	require.Equal(t, http.Header{"Date": {""}, "Content-Length": {"6"}}, headerOf(h.Do(bridgetest.Request{}).Headers))
}
