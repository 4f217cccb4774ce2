package bridge_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// through is middleware that does nothing, but can see a Response.
func through(app bridge.App) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		res := app(ctx, env).(bridge.Response)
		res.Headers = slices.Clone(res.Headers)
		return res
	}
}

// validates is a validator whose findings nobody wants.
var validates = bridge.Validate(bridge.Validation{Report: func(context.Context, bridge.Finding) {}})

// wrapping is middleware that puts a body of its own around one that is not in memory.
func wrapping(app bridge.App) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		res := app(ctx, env).(bridge.Response)
		if _, isWhole := res.Body.(interface{ Len() int }); !isWhole {
			res.Body = wrapper{res.Body.(io.ReadCloser)}
		}
		return res
	}
}

type wrapper struct{ inner io.ReadCloser }

func (w wrapper) Read(p []byte) (int, error) { return w.inner.Read(p) }

func (w wrapper) Close() error { return w.inner.Close() }

func (w wrapper) Unwrap() io.Reader { return w.inner }

// What a handler sends must not depend on its running as an App, nor on a validator.
func TestHandlersAsAppsAnswerAsThemselves(t *testing.T) {
	all := maps.Clone(handlers)
	maps.Copy(all, handlersForApps)
	for protocol, version := range protocols {
		for name, handler := range all {
			t.Run(protocol+"/"+name, func(t *testing.T) {
				h := newHostOf(t, &bridge.Server{Handler: handler, Apps: map[string]http.Handler{
					"app": bridge.AppOf(handler), "behind": bridge.Chain(bridge.AppOf(handler), through),
					"validated": bridge.Chain(bridge.AppOf(handler), through, validates, through),
					"wrapped":   bridge.Chain(bridge.AppOf(handler), wrapping, wrapping),
				}})
				for _, method := range []string{"GET", "HEAD", "POST"} {
					r := bridgetest.Request{Path: "/x?y", Method: method, Version: version}
					if method == "POST" {
						r.Body, r.Chunked = []byte("the request's body"), true
					}
					want := answerOf(h, r)
					for _, app := range []string{"app", "behind", "validated", "wrapped"} {
						r.App = app
						require.Equal(t, want, answerOf(h, r), method+" "+app)
					}
				}
			})
		}
	}
}

// closeNotifier is http.CloseNotifier, which is deprecated and asked for all the same.
type closeNotifier interface{ CloseNotify() <-chan bool }

// answer is all of a response but how what is not whole was cut into frames.
type answer struct {
	seen
	reason string
	abort  bridge.Code // -1: none
	whole  bool
}

func answerOf(h *bridgetest.Host, r bridgetest.Request) answer {
	res := h.Do(r)
	a := answer{seen{res.Status, nil, headerOf(res.Headers), string(res.Body), headerOf(res.Trailers)}, res.Reason, -1, res.Whole}
	for _, i := range res.Informs {
		a.informs = append(a.informs, inform{i.Status, headerOf(i.Headers)})
	}
	if res.Abort != nil {
		a.abort = res.Abort.Code
	}
	return a
}

// Handlers that net/http's own client cannot be asked about.
var handlersForApps = map[string]http.HandlerFunc{
	"sniffed over two writes": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<!doc")
		_, _ = io.WriteString(w, "type html>")
	},
	"date nil":       func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil },
	"date":           func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "today") },
	"type nil, none": func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil },
	"type empty": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "")
		_, _ = io.WriteString(w, "<html>")
	},
	"type nil, flushed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "<html>")
	},
	"flushed before a body": func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "<html>")
	},
	"length of HEAD": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1234567")
		if r.Method != http.MethodHead {
			_, _ = w.Write(make([]byte, 1234567))
		}
	},
	"length nil": func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Length"] = nil
		_, _ = io.WriteString(w, "x")
	},
	"many informs": func(w http.ResponseWriter, _ *http.Request) {
		for i := range 20 {
			w.Header().Set("X", fmt.Sprint(i))
			w.WriteHeader(http.StatusEarlyHints)
		}
	},
	"trailers of a stream": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		_, _ = w.Write(make([]byte, 100_000))
		w.Header()["X-Sum"] = []string{"1", "2"}
		w.Header().Set(http.TrailerPrefix+"x-More", "3")
	},
	"trailer that was a field": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum, X-Other")
		w.Header().Set("X-Sum", "0")
		w.Header().Set("X-Other", "0")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set("X-Sum", "1")
	},
	"announced and not sent": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Trailer", "X-Sum") },
	"late flush": func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		rc := http.NewResponseController(w)
		_ = rc.SetWriteDeadline(time.Now().Add(-time.Second))
		requireIs(rc.Flush(), os.ErrDeadlineExceeded)
		requireIs(rc.Flush(), os.ErrDeadlineExceeded)
	},
	"too short": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "hello")
	},
	"too short, flushed": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = io.WriteString(w, "hello")
		_ = http.NewResponseController(w).Flush()
	},
	"switching protocols": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusSwitchingProtocols) },
	"panic":               func(http.ResponseWriter, *http.Request) { panic("boom") },
	"goexit":              func(http.ResponseWriter, *http.Request) { runtime.Goexit() },
	"abort":               func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"panic behind a write": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
		panic("boom")
	},
	"panic behind a flush": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
		_ = http.NewResponseController(w).Flush()
		panic("boom")
	},
	"abort behind a flush": func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	},
	"what the context has": func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		_, _ = fmt.Fprint(w, ctx.Value(http.ServerContextKey) != nil, ctx.Value(http.LocalAddrContextKey), ctx.Err())
	},
	"interfaces": func(w http.ResponseWriter, _ *http.Request) {
		_, flusher := w.(http.Flusher)
		_, notifier := w.(closeNotifier)
		_, from := w.(io.ReaderFrom)
		_, text := w.(io.StringWriter)
		_, hijacker := w.(http.Hijacker)
		rc := http.NewResponseController(w)
		_, _ = fmt.Fprint(w, flusher, notifier, from, text, hijacker, rc.EnableFullDuplex(),
			rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}))
	},
	"read deadline": func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(-time.Second))
		if r.Method == http.MethodPost {
			_, err := io.ReadAll(r.Body)
			requireIs(err, os.ErrDeadlineExceeded)
		}
	},
	"write deadline": func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.Flush()
		_ = rc.SetWriteDeadline(time.Now().Add(-time.Second))
		_, _ = w.Write(make([]byte, 100_000))
		_, _ = w.Write(make([]byte, 100_000))
	},
	"the request": func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprint(w, r.Method, r.URL, r.Proto, r.ProtoMajor, r.ProtoMinor, r.Header, r.Body == http.NoBody, r.ContentLength,
			r.TransferEncoding, r.Close, r.Host, r.Form, r.Trailer, r.RemoteAddr, r.RequestURI, r.TLS, r.Pattern, body, err)
	},
}

func TestMiddlewareMayTakeWhatAHandlerAnswers(t *testing.T) {
	upper := func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			res := app(ctx, env).(bridge.Response)
			b, _ := io.ReadAll(res.Body)
			res.Body = strings.NewReader(strings.ToUpper(string(b)))
			return res
		}
	}
	for _, flush := range []bool{false, true} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "hello")
			if flush {
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = io.WriteString(w, "!")
		})
		res := newHostOf(t, &bridge.Server{Handler: bridge.Chain(bridge.AppOf(handler), upper)}).Do(bridgetest.Request{})
		require.Equal(t, "HELLO!", string(res.Body))
		require.Nil(t, res.Abort)
		require.Equal(t, !flush, res.Header("Content-Length") == "6", "who flushes may have trailers")
	}
}

// Under net/http's server an App is a handler as any other.
func TestHandlersAsAppsUnderNetHTTP(t *testing.T) {
	for name, handler := range handlers {
		if name == "length nil" {
			continue // net/http sends it in chunks, and the App's in one
		}
		for protocol, version := range protocols {
			if version[0] == 2 && slices.Contains(brokenOnHTTP2, name) {
				continue
			}
			t.Run(protocol+"/"+name, func(t *testing.T) {
				theirs, transport := netHTTP(t, handler, version)
				ours, transport2 := netHTTP(t, bridge.AppOf(handler), version)
				for _, method := range []string{"GET", "HEAD", "POST"} {
					want := overHTTP(t, theirs, transport, method, nil)
					got := overHTTP(t, ours, transport2, method, nil)
					delete(want.header, "Content-Length") // more is known of it
					delete(got.header, "Content-Length")
					require.Equal(t, want, got, method)
				}
			})
		}
	}
}
