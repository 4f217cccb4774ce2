package bridge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

func ExampleDeferred() {
	var arrived atomic.Pointer[string]
	waiting := make(chan func(), 1)
	app := bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
		wake := env.Wake()
		waiting <- wake // somebody calls it when a parcel has arrived
		context.AfterFunc(ctx, func() { /* take wake back */ })
		return bridge.Deferred(func() bridge.Result {
			if parcel := arrived.Load(); parcel != nil {
				return bridge.Text(200, *parcel)
			}
			return bridge.Wait{}
		})
	})
	go func() {
		wake, parcel := <-waiting, "a book"
		arrived.Store(&parcel)
		wake()
	}()
	// In a program: bridge.Serve(app). Here, as for any http.Handler:
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 a book
}

func ExampleEnviron_WakeOn() {
	opened := make(chan struct{})
	app := bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
		env.WakeOn(ctx, opened)
		return bridge.Deferred(func() bridge.Result {
			select {
			case <-opened:
				return bridge.Text(200, "come in")
			default:
				return bridge.Wait{}
			}
		})
	})
	time.AfterFunc(time.Millisecond, func() { close(opened) })
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 200 come in
}

func ExampleThen() {
	private := func(next bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			return bridge.Then(next(ctx, env), func(res bridge.Response) bridge.Response {
				res.Headers = append(res.Headers, bridge.Header{Name: "cache-control", Value: "private"})
				return res
			})
		}
	}
	app := bridge.Chain(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Deferred(func() bridge.Result { return bridge.Text(200, "hello") })
	}, private)
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("Cache-Control"), w.Body)
	// Output: private hello
}

// deferring are the ways in which the bridge may come to an App: in the last two a goroutine
// waits.
var deferring = map[string]func(bridge.App) http.Handler{
	"itself": func(app bridge.App) http.Handler { return app },
	"behind middleware": func(app bridge.App) http.Handler {
		return bridge.Chain(app, func(next bridge.App) bridge.App {
			return func(ctx context.Context, env bridge.Environ) bridge.Result {
				return bridge.Then(next(ctx, env), func(res bridge.Response) bridge.Response { return res })
			}
		})
	},
	"in a ServeMux": func(app bridge.App) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", app)
		return mux
	},
	"as a handler that is an App": func(app bridge.App) http.Handler { return bridge.AppOf(app) },
}

// deferringly runs a test for each of them.
func deferringly(t *testing.T, test func(t *testing.T, host func(bridge.App) *bridgetest.Host)) {
	for name, handler := range deferring {
		t.Run(name, func(t *testing.T) {
			test(t, func(app bridge.App) *bridgetest.Host {
				return newHostOf(t, &bridge.Server{Handler: handler(app)})
			})
		})
	}
}

// waiting is an App whose requests wait until they are let go, and what there is to be known of
// them.
type waiting struct {
	calls    atomic.Int32 // of Deferreds
	isOver   atomic.Bool  // they have the Response now
	ended    atomic.Int32 // contexts
	answered func() bridge.Result

	mu    sync.Mutex
	wakes []func()
	ctx   context.Context // the last one's
}

func (w *waiting) app(ctx context.Context, env bridge.Environ) bridge.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakes, w.ctx = append(w.wakes, env.Wake()), ctx
	context.AfterFunc(ctx, func() { w.ended.Add(1) })
	return bridge.Deferred(func() bridge.Result {
		w.calls.Add(1)
		switch {
		case !w.isOver.Load():
			return bridge.Wait{}
		case w.answered != nil:
			return w.answered()
		}
		return bridge.Text(200, "at last")
	})
}

// wake wakes all, whether or not they wait any more.
func (w *waiting) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, wake := range w.wakes {
		wake()
	}
}

// until waits until Deferreds have been called so often.
func (w *waiting) until(t *testing.T, calls int32) {
	t.Helper()
	require.Eventually(t, func() bool { return w.calls.Load() == calls }, soon, time.Millisecond)
}

func (w *waiting) untilEnded(t *testing.T, n int32) {
	t.Helper()
	require.Eventually(t, func() bool { return w.ended.Load() == n }, soon, time.Millisecond)
}

func TestDeferredAnswersWhenItIsWoken(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		w := &waiting{}
		h := host(w.app)
		s := h.Open(bridgetest.Request{})
		w.until(t, 1)
		w.wake()
		w.until(t, 2) // in vain
		require.Zero(t, s.Pending())
		w.isOver.Store(true)
		h.Ping(1)
		require.EqualValues(t, 2, w.calls.Load(), "it is not polled")
		w.wake()
		require.Contains(t, string(s.Expect(bridgetest.Reply).Payload), "at last")
		w.wake() // for nothing
		w.untilEnded(t, 1)
		w.wake()
		require.Equal(t, 3, int(w.calls.Load()))
	})
}

func TestWakingBeforeItWaitsIsNotLost(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		calls := 0
		h := host(func(_ context.Context, env bridge.Environ) bridge.Result {
			wake := env.Wake()
			wake()
			wake()
			return bridge.Deferred(func() bridge.Result {
				if calls++; calls < 4 {
					wake() // the call that it is in has begun
					wake()
					return bridge.Wait{}
				}
				return bridge.Text(200, fmt.Sprint(calls))
			})
		})
		require.Equal(t, "4", string(h.Do(bridgetest.Request{}).Body))
	})
}

func TestDeferredThatKnowsAtOnce(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		h := host(func(_ context.Context, env bridge.Environ) bridge.Result {
			return bridge.Deferred(func() bridge.Result {
				b, _ := io.ReadAll(env.Input()) // the body is there as ever
				return bridge.Text(200, string(b))
			})
		})
		res := h.Do(bridgetest.Request{Method: "POST", Body: []byte("tea")})
		require.Equal(t, "tea", string(res.Body))
		require.True(t, res.Whole)
	})
}

// The back-off is 10 ms, twice as long each time up to a second, and begins again when it was woken.
func TestDeferredIsPolledWithABackOff(t *testing.T) {
	want := []time.Duration{0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3270, 3400, 3410, 3430}
	for i := range want {
		want[i] *= time.Millisecond
	}
	test := func(t *testing.T, serve func(bridge.App)) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			var at []time.Duration
			serve(func(_ context.Context, env bridge.Environ) bridge.Result {
				time.AfterFunc(3400*time.Millisecond, env.Wake())
				return bridge.Deferred(func() bridge.Result {
					if at = append(at, time.Since(start)); len(at) < len(want) {
						return nil
					}
					return bridge.Text(200, "")
				})
			})
			require.Equal(t, want, at)
		})
	}
	t.Run("by a goroutine", func(t *testing.T) {
		test(t, func(app bridge.App) { app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
	})
	t.Run("without", func(t *testing.T) {
		test(t, func(app bridge.App) {
			in, toProg := io.Pipe() // a bubble's time goes on while a goroutine waits for one
			fromProg, out := io.Pipe()
			served := make(chan error)
			go func() { served <- (&bridge.Server{Handler: app}).ServeConn(in, out) }()
			load := bridgetest.NewLoad(toProg, bufio.NewReader(fromProg))
			require.NoError(t, load.Greet())
			require.NoError(t, load.Run(1, 1))
			_ = toProg.Close()
			require.NoError(t, <-served)
		})
	})
}

func TestDeferredIsNotCalledWhenItsClientHasLeft(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		w := &waiting{}
		h := host(w.app)
		s := h.Open(bridgetest.Request{})
		w.until(t, 1)
		s.Abort(bridge.CodeCancelled, "")
		s.Expect(bridgetest.Abort)
		w.untilEnded(t, 1)
		require.Equal(t, (&bridge.AbortError{Code: bridge.CodeCancelled}).Error(), context.Cause(w.ctx).Error())
		w.wake()
		h.Ping(1)
		require.EqualValues(t, 1, w.calls.Load())
		require.EqualValues(t, 1, w.ended.Load())
	})
}

func TestDeferredsTimeIsItsRequests(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		w := &waiting{}
		h := host(w.app)
		s := h.Open(bridgetest.Request{Timeout: 10 * time.Millisecond})
		requireAbort(t, s, bridge.CodeDeadline)
		w.untilEnded(t, 1)
		require.ErrorIs(t, context.Cause(w.ctx), bridge.ErrDeadline)
	})
}

func TestPanicOfADeferredIsItsApps(t *testing.T) {
	for name, deferred := range map[string]bridge.Deferred{
		"bridge: panic serving GET /x: no such table":                         func() bridge.Result { panic("no such table") },
		"bridge: panic serving GET /x: bridge: Deferred returned a *bridge.R": func() bridge.Result { return &bridge.Response{} },
		"bridge: handler called runtime.Goexit":                               func() bridge.Result { runtime.Goexit(); return nil },
		"bridge: panic serving GET /x: bridge: Deferred returned a bridge.Defe": func() bridge.Result {
			return bridge.Deferred(func() bridge.Result { return bridge.Text(200, "") })
		},
	} {
		deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
			var ended atomic.Int32
			h := host(func(ctx context.Context, env bridge.Environ) bridge.Result {
				calls, wake := 0, env.Wake()
				context.AfterFunc(ctx, func() { ended.Add(1) })
				return bridge.Deferred(func() bridge.Result {
					if calls++; calls == 1 {
						wake()
						return bridge.Wait{}
					}
					return deferred()
				})
			})
			s := h.Open(bridgetest.Request{Path: "/x"})
			_, text, meta := logLine(t, h)
			require.Contains(t, text, name)
			require.Contains(t, fmt.Sprint(metaOf(meta, "stack")), "panicked")
			require.Contains(t, string(s.Expect(bridgetest.Reply).Payload), http.StatusText(500))
			require.Eventually(t, func() bool { return ended.Load() == 1 }, soon, time.Millisecond)
		})
	}
}

func TestAppThatReturnsWaitIsAnError(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(context.Context, bridge.Environ) bridge.Result { return bridge.Wait{} })})
	require.Equal(t, 500, h.Do(bridgetest.Request{}).Status)
}

// A Response that comes too late is let go of like any other.
func TestBodyOfADeferredIsClosedExactlyOnce(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		var closed atomic.Int32
		leaves, left := make(chan struct{}), make(chan struct{})
		w := &waiting{}
		w.answered = func() bridge.Result {
			if w.calls.Load() == 2 {
				close(leaves)
				<-left
			}
			return bridge.Response{Status: 200, Body: body{strings.NewReader("x"), &closed}}
		}
		h := host(w.app)
		s := h.Open(bridgetest.Request{})
		w.until(t, 1)
		w.isOver.Store(true)
		w.wake()
		within(t, leaves)
		s.Abort(bridge.CodeCancelled, "")
		w.untilEnded(t, 1)
		close(left)
		require.Eventually(t, func() bool { return closed.Load() == 1 }, soon, time.Millisecond)
		require.Equal(t, 200, h.Do(bridgetest.Request{}).Status)
		require.EqualValues(t, 2, closed.Load())
	})
}

func TestDrainWaitsForDeferreds(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		w := &waiting{}
		h := host(w.app)
		s := h.Open(bridgetest.Request{})
		w.until(t, 1)
		h.Drain()
		h.Ping(1)
		w.isOver.Store(true)
		w.wake()
		s.Expect(bridgetest.Reply)
		require.NoError(t, h.Wait())
	})
}

func TestDeferredsEndWithTheirPort(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		w := &waiting{}
		h := host(w.app)
		for range 100 {
			h.Open(bridgetest.Request{})
		}
		w.until(t, 100)
		h.CloseInput()
		require.ErrorIs(t, h.Wait(), bridge.ErrPortClosed)
		w.untilEnded(t, 100)
		w.wake()
		require.EqualValues(t, 100, w.calls.Load())
	})
}

func TestDeferredCountsAsARequestUnderWay(t *testing.T) {
	w := &waiting{}
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(w.app), MaxStreams: 1})
	s := h.Open(bridgetest.Request{})
	w.until(t, 1)
	requireAbort(t, h.Open(bridgetest.Request{}), bridge.CodeRefused)
	w.isOver.Store(true)
	w.wake()
	s.Expect(bridgetest.Reply)
}

// What waits cannot be abandoned, but a call that goes on can.
func TestDeferredThatHangsIsAbandoned(t *testing.T) {
	w, hangs, free := &waiting{}, make(chan struct{}), make(chan struct{})
	w.answered = func() bridge.Result {
		close(hangs)
		<-free
		return bridge.Wait{} // which it may not
	}
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(w.app), AbandonedAfter: time.Millisecond, MaxAbandoned: -1})
	waits := h.Open(bridgetest.Request{})
	w.until(t, 1)
	waits.Abort(bridge.CodeDeadline, "")
	waits.Expect(bridgetest.Abort)
	w.untilEnded(t, 1)
	s := h.Open(bridgetest.Request{})
	w.until(t, 2)
	w.isOver.Store(true)
	w.wake()
	within(t, hangs)
	s.Abort(bridge.CodeDeadline, "")
	_, text, meta := logLine(t, h)
	require.Contains(t, text, "goes on after the time of its request was over")
	require.EqualValues(t, s.ID, metaOf(meta, "stream"))
	require.Contains(t, fmt.Sprint(metaOf(meta, "stack")), "TestDeferredThatHangsIsAbandoned")
	_, text, _ = logLine(t, h)
	require.Contains(t, text, "draining")
	close(free)
	require.NoError(t, h.Wait())
	require.EqualValues(t, 3, w.calls.Load())
}

func TestWaitingTakesNoGoroutine(t *testing.T) {
	const requests = 1000
	closed := make(chan struct{})
	for name, app := range map[string]bridge.App{
		"woken": (&waiting{}).app,
		"polled": func(context.Context, bridge.Environ) bridge.Result {
			return bridge.Deferred(func() bridge.Result { return nil })
		},
		"by a channel": func(ctx context.Context, env bridge.Environ) bridge.Result {
			env.WakeOn(ctx, closed)
			return bridge.Deferred(func() bridge.Result { return bridge.Wait{} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var waiting atomic.Int32
			h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
				waiting.Add(1)
				context.AfterFunc(ctx, func() { waiting.Add(-1) })
				return app(ctx, env)
			})})
			h.Ping(1)
			before := runtime.NumGoroutine()
			streams := make([]*bridgetest.Stream, requests)
			for i := range streams {
				streams[i] = h.Open(bridgetest.Request{})
			}
			// Those that have run the App are kept for other requests, 256 of them at most.
			require.Eventually(t, func() bool { return waiting.Load() == requests && runtime.NumGoroutine()-before < 300 }, soon, time.Millisecond)
			for _, s := range streams {
				s.Abort(bridge.CodeCancelled, "")
			}
			require.Eventually(t, func() bool { return waiting.Load() == 0 }, soon, time.Millisecond)
		})
	}
}

func TestWakeOnWakesAllWhoWaitForTheChannel(t *testing.T) {
	leavesNothing(t)
	done := make(chan struct{})
	var calls atomic.Int32
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
		env.WakeOn(ctx, done)
		return bridge.Deferred(func() bridge.Result {
			calls.Add(1)
			select {
			case <-done:
				return bridge.Text(200, "")
			default:
				return bridge.Wait{}
			}
		})
	})})
	leaves := h.Open(bridgetest.Request{})
	stays := []*bridgetest.Stream{h.Open(bridgetest.Request{}), h.Open(bridgetest.Request{})}
	require.Eventually(t, func() bool { return calls.Load() == 3 }, soon, time.Millisecond)
	leaves.Abort(bridge.CodeCancelled, "")
	leaves.Expect(bridgetest.Abort)
	close(done)
	for _, s := range stays {
		s.Expect(bridgetest.Reply)
	}
	require.EqualValues(t, 5, calls.Load())
	require.Equal(t, 200, h.Do(bridgetest.Request{}).Status, "which has been closed")
}

// Those who wait for a channel that is never closed leave nothing behind when they go.
func TestWakeOnIsForgottenWithItsRequest(t *testing.T) {
	leavesNothing(t)
	ctx, leave := context.WithCancel(t.Context())
	app := bridge.App(func(ctx context.Context, env bridge.Environ) bridge.Result {
		env.WakeOn(ctx, make(chan struct{}))
		leave()
		return bridge.Deferred(func() bridge.Result { return bridge.Wait{} })
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	require.Equal(t, 503, w.Code)
}

// Wakings from everywhere and clients that leave: none is lost, and the race detector sees calls
// at the same time.
func TestDeferredsUnderFire(t *testing.T) {
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		var started, ended atomic.Int32
		h := host(func(ctx context.Context, env bridge.Environ) bridge.Result {
			started.Add(1)
			context.AfterFunc(ctx, func() { ended.Add(1) })
			wake, calls := env.Wake(), 0
			go func() {
				for range 20 {
					wake()
					runtime.Gosched()
				}
			}()
			return bridge.Deferred(func() bridge.Result {
				if calls++; calls < 10 {
					go wake()
					return bridge.Wait{}
				}
				return bridge.Text(200, "")
			})
		})
		streams := make([]*bridgetest.Stream, 100)
		for i := range streams {
			streams[i] = h.Open(bridgetest.Request{})
			if i%2 == 0 {
				streams[i].Abort(bridge.CodeCancelled, "")
			}
		}
		for i, s := range streams {
			if i%2 == 1 {
				s.Expect(bridgetest.Reply)
			}
		}
		require.Eventually(t, func() bool { return ended.Load() == started.Load() }, soon, time.Millisecond)
	})
}

func TestAsyncIsTrueWhereADeferredMayBeReturned(t *testing.T) {
	var async, wakes any
	see := bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		async, wakes = env["gwport.async"], env["gwport.wake"] != nil
		return bridge.Text(200, "")
	})
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		host(see).Do(bridgetest.Request{})
		require.Equal(t, []any{true, true}, []any{async, wakes})
	})
	env := bridge.EnvironOf(httptest.NewRequest("GET", "/", nil))
	require.Equal(t, false, env["gwport.async"], "nobody waits for what a caller of an App is given")
	require.NotContains(t, env, "gwport.wake")
	env.Wake()()
}

func TestThenPassesOnWhatIsNotThere(t *testing.T) {
	change := func(bridge.Response) bridge.Response { panic("there is none") }
	require.Nil(t, bridge.Then(nil, change))
	require.Equal(t, bridge.Wait{}, bridge.Then(bridge.Wait{}, change))
	for _, later := range []bridge.Result{nil, bridge.Wait{}} {
		res := bridge.Then(bridge.Deferred(func() bridge.Result { return later }), change)
		require.Equal(t, later, res.(bridge.Deferred)())
	}
}

// Informational responses pass as long as there is no Response.
func TestDeferredMayInform(t *testing.T) {
	hint := bridge.AppOf(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
	}))
	deferringly(t, func(t *testing.T, host func(bridge.App) *bridgetest.Host) {
		h := host(func(ctx context.Context, env bridge.Environ) bridge.Result {
			return bridge.Deferred(func() bridge.Result { return hint(ctx, env) })
		})
		res := h.Do(bridgetest.Request{})
		require.Equal(t, 200, res.Status)
		require.Len(t, res.Informs, 1)
	})
}

// Under net/http's own server it is the same, but that a goroutine waits.
func TestDeferredUnderNetHTTP(t *testing.T) {
	w := &waiting{}
	srv := httptest.NewServer(bridge.App(w.app))
	defer srv.Close()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		_, err := srv.Client().Do(r)
		left <- err
	}()
	w.until(t, 1)
	leave()
	require.ErrorIs(t, within(t, left), context.Canceled)
	w.untilEnded(t, 1)
	go func() {
		w.until(t, 2)
		w.isOver.Store(true)
		w.wake()
	}()
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	require.Equal(t, "at last", string(b))
	require.EqualValues(t, 3, w.calls.Load())
}
