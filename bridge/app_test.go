package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

func TestHandlersAsAppsAnswerAsThemselves(t *testing.T) {
	for name, handler := range handlers {
		switch name {
		case "announced trailer", "prefixed trailer", "early hints", "no type", "status 999":
			continue // there is no place for it in a Response
		}
		t.Run(name, func(t *testing.T) {
			direct := newHost(t, handler).Do(bridgetest.Request{Path: "/x?y"})
			res := newHostOf(t, &bridge.Server{Handler: bridge.AppOf(handler)}).Do(bridgetest.Request{Path: "/x?y"})
			require.Equal(t, direct.Status, res.Status)
			require.Equal(t, string(direct.Body), string(res.Body))
			want, got := headerOf(direct.Headers), headerOf(res.Headers)
			delete(want, "Content-Length") // known only of a body that is whole
			delete(got, "Content-Length")
			require.Equal(t, want, got)
		})
	}
}

func TestHandlersAsAppsSeeTheRequest(t *testing.T) {
	seen := make(chan *http.Request, 1)
	app := bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
		seen <- r
	}))
	h := newHostOf(t, &bridge.Server{Handler: app})
	req := bridgetest.Request{
		Method: "PUT", Path: "/a%2Fb?q=1", Body: []byte("hello"), Scheme: "https", Host: "example.org",
		Headers: []bridge.Header{{Name: "content-length", Value: "5"}, {Name: "content-type", Value: "a/b"}, {Name: "x-y", Value: "z"}},
	}
	res := h.Do(req)
	require.Equal(t, "hello", string(res.Body))
	r, want := within(t, seen), requestOf(t, req)
	require.Equal(t, want.URL, r.URL)
	require.Equal(t, want.Header, r.Header)
	require.Equal(t, want.Host, r.Host)
	require.Equal(t, want.RemoteAddr, r.RemoteAddr)
	require.Equal(t, want.RequestURI, r.RequestURI)
	require.Equal(t, want.ContentLength, r.ContentLength)
	require.Equal(t, want.Proto, r.Proto)
	require.Equal(t, want.ProtoMajor, r.ProtoMajor)
	require.Equal(t, want.TLS, r.TLS)
}

func TestHandlersAsAppsSeeWhatMiddlewareHasChanged(t *testing.T) {
	seen := make(chan *http.Request, 1)
	app := bridge.Chain(bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r })),
		func(app bridge.App) bridge.App {
			return func(ctx context.Context, env bridge.Environ) bridge.Result {
				env["PATH_INFO"] = "/moved"
				env["QUERY_STRING"] = "x=y"
				env["HTTP_X_USER"] = "me"
				return app(ctx, env)
			}
		})
	newHostOf(t, &bridge.Server{Handler: app}).Do(bridgetest.Request{Path: "/here"})
	r := within(t, seen)
	require.Equal(t, "/moved", r.URL.Path)
	require.Equal(t, "x=y", r.URL.RawQuery)
	require.Equal(t, "me", r.Header.Get("X-User"))
}

func TestPanicsOfHandlersAsAppsComeOut(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/after" {
			_, _ = io.WriteString(w, "x")
		}
		panic("boom")
	}))})
	require.Equal(t, 500, h.Do(bridgetest.Request{}).Status)
	_, text, _ := logLine(t, h)
	require.Contains(t, text, "boom")
	require.Equal(t, bridge.CodeInternalError, h.Do(bridgetest.Request{Path: "/after"}).Abort.Code)
	_, text, _ = logLine(t, h)
	require.Contains(t, text, "boom")
}

func TestClosingTheBodyOfAHandlerAsAnAppCancelsIt(t *testing.T) {
	gone := make(chan error, 1)
	app := bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		<-r.Context().Done()
		_, err := io.WriteString(w, "y")
		gone <- err
	}))
	env := bridge.EnvironOf(httptest.NewRequest("GET", "/", nil))
	res := app(context.Background(), env).(bridge.Response)
	require.NoError(t, res.Body.(io.Closer).Close())
	require.Error(t, within(t, gone))
}
