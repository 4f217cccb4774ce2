package bridge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// Each of these has methods that a nil pointer makes panic, as many types of
// errors have by mistake.
type (
	ptrError    struct{ msg string }
	ptrStringer struct{ msg string }
	ptrText     struct{ msg string }
	badValuer   struct{}
	badText     struct{}
	noText      struct{}
	thrown      struct{ cause error }
	bytesOfOurs []byte
)

func (e *ptrError) Error() string               { return e.msg }
func (s *ptrStringer) String() string           { return s.msg }
func (t *ptrText) MarshalText() ([]byte, error) { return []byte(t.msg), nil }
func (badValuer) LogValue() slog.Value          { panic("no value") }
func (badText) MarshalText() ([]byte, error)    { panic(errors.New("no text")) }
func (t *thrown) Error() string                 { return t.cause.Error() }
func (t *thrown) Unwrap() error                 { return t.cause }
func (t *thrown) Is(error) bool                 { return t.cause == nil }
func (noText) MarshalText() ([]byte, error)     { return nil, errors.New("not today") }

// hostileValues are what a handler may log without a thought.
func hostileValues() map[string]any {
	return map[string]any{
		"error":       (*ptrError)(nil),
		"stringer":    (*ptrStringer)(nil),
		"text":        (*ptrText)(nil),
		"time":        (*time.Time)(nil),
		"url":         (*url.URL)(nil),
		"addr":        (*netip.Addr)(nil),
		"nil":         nil,
		"good-error":  &ptrError{"broken"},
		"good-text":   &ptrText{"text"},
		"good-addr":   netip.MustParseAddr("::1"),
		"panics":      badText{},
		"fails":       noText{},
		"in-a-struct": struct{ E error }{(*ptrError)(nil)},
		"in-a-slice":  []any{(*ptrError)(nil), (*ptrStringer)(nil)},
		"raw":         json.RawMessage(`{}`),
		"bytes":       bytesOfOurs("of ours"),
		"number":      json.Number("1"),
		"func":        (func())(nil),
		"header":      http.Header{"A": {"b"}},
	}
}

// asText is a value as slog's own text handler writes it.
func asText(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "k", v)
	_, text, found := strings.Cut(strings.TrimSuffix(b.String(), "\n"), " k=")
	require.True(t, found, b.String())
	return text
}

// requireAs compares a value of Meta with what slog's text handler writes: that
// is quoted where it must be.
func requireAs(t *testing.T, want string, got any, name string) {
	t.Helper()
	text := string(got.(etf.Binary))
	if want != text {
		require.Equal(t, want, fmt.Sprintf("%q", text), name)
	}
}

func TestNoValueOfARecordHarmsTheProgram(t *testing.T) {
	ways := map[string]func(context.Context, *slog.Logger, any){
		"argument": func(ctx context.Context, l *slog.Logger, v any) { l.InfoContext(ctx, "x", "k", v) },
		"with":     func(ctx context.Context, l *slog.Logger, v any) { l.With("k", v).InfoContext(ctx, "x") },
		"group": func(ctx context.Context, l *slog.Logger, v any) {
			l.InfoContext(ctx, "x", slog.Group("", slog.Any("k", v)))
		},
		"valuer": func(ctx context.Context, l *slog.Logger, v any) { l.InfoContext(ctx, "x", "k", valuerOf{v}) },
	}
	for name, v := range hostileValues() {
		for way, log := range ways {
			_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) { log(ctx, l, v) })
			requireAs(t, asText(t, v), metaOf(meta, "k"), way+" "+name)
		}
	}
}

type valuerOf struct{ v any }

func (v valuerOf) LogValue() slog.Value { return slog.AnyValue(v.v) }

func TestALogValueThatPanicsIsWrittenAsSuch(t *testing.T) {
	_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) {
		l.With("w", badValuer{}).WithGroup("g").InfoContext(ctx, "x", "v", badValuer{}, "p", (*valuerOf)(nil))
	})
	for _, key := range []string{"w", "g.v", "g.p"} {
		require.Contains(t, string(metaOf(meta, key).(etf.Binary)), "LogValue panicked", key)
	}
	require.Contains(t, asText(t, badValuer{}), "LogValue panicked", "as slog does")
}

// In a goroutine nobody would recover the panic, and all requests would end.
func TestALogLineOfAGoroutineHarmsNobody(t *testing.T) {
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, v := range hostileValues() {
				slog.New(bridge.LogHandler()).With("w", v).InfoContext(r.Context(), "x", "k", v)
			}
		}()
		<-done
	})
	require.Equal(t, 200, h.Do(bridgetest.Request{}).Status)
}

// loop returns itself, so many times over, in a group.
type loop int

func (n loop) LogValue() slog.Value {
	attrs := make([]slog.Attr, n)
	for i := range attrs {
		attrs[i] = slog.Any(fmt.Sprint("k", i), n)
	}
	return slog.GroupValue(attrs...)
}

// fork returns itself twice, in a group, under one key.
type fork struct{}

func (f fork) LogValue() slog.Value { return slog.GroupValue(slog.Any("k", f), slog.Any("k", f)) }

func TestAValueThatIsInItselfUnderOneKeyEnds(t *testing.T) {
	_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "x", "k", fork{}) })
	require.Len(t, meta, 2, "the stream and the value, which is nested too deep")
}

// nested is a value within so many groups.
func nested(groups int) slog.Attr {
	a := slog.Int("v", 1)
	for range groups {
		a = slog.Group("g", a)
	}
	return a
}

func TestGroupsAreNestedToALimit(t *testing.T) {
	const limit = 32
	_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) { l.LogAttrs(ctx, slog.LevelInfo, "x", nested(limit)) })
	require.Equal(t, int64(1), metaOf(meta, strings.Repeat("g.", limit)+"v"))
	_, _, meta = logged(t, func(ctx context.Context, l *slog.Logger) { l.LogAttrs(ctx, slog.LevelInfo, "x", nested(limit+1)) })
	require.Equal(t, etf.Binary("!ERROR: groups are nested too deep"), metaOf(meta, strings.Repeat("g.", limit)+"g"))
	for _, n := range []loop{1, 2, 10} {
		logged(t, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, "x", "k", n) })
	}
}

func TestARecordHasAttributesToALimit(t *testing.T) {
	const limit = 1000
	for n, want := range map[int]int{limit - 1: limit - 1, limit: limit, limit + 1: limit} {
		_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) {
			l.LogAttrs(ctx, slog.LevelInfo, "x", many(n-1)...) // the stream is one more
		})
		require.Len(t, meta, want, "%d attributes", n)
	}
}

func many(n int) []slog.Attr {
	attrs := make([]slog.Attr, n)
	for i := range attrs {
		attrs[i] = slog.Int(fmt.Sprint("k", i), i)
	}
	return attrs
}

// What a handler panics with may have methods that panic as well.
func TestAPanicWithAHostileErrorCostsItsRequest(t *testing.T) {
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wrapped" {
			panic(fmt.Errorf("wrapped: %w", http.ErrAbortHandler))
		}
		panic((*thrown)(nil))
	})
	require.Equal(t, 500, h.Do(bridgetest.Request{Path: "/nil"}).Status)
	_, text, _ := logLine(t, h)
	require.Equal(t, "bridge: panic serving GET /nil: <nil>", text)
	// As under net/http, which compares.
	require.Equal(t, 500, h.Do(bridgetest.Request{Path: "/wrapped"}).Status)
	_, text, _ = logLine(t, h)
	require.Contains(t, text, "wrapped: net/http: abort Handler")
}

// Its deferred function runs in a goroutine of its own.
func TestAPanicWithAHostileErrorCostsAnAppItsRequest(t *testing.T) {
	app := bridge.AppOf(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic((*thrown)(nil)) }))
	h := newHostOf(t, &bridge.Server{Handler: app})
	require.Equal(t, 500, h.Do(bridgetest.Request{}).Status)
}

// As net/http logs it, and no more: what stands behind the path may be a token.
func TestAPanicIsLoggedWithoutQueryAndHeader(t *testing.T) {
	h := newHost(t, func(http.ResponseWriter, *http.Request) { panic("boom") })
	h.Do(bridgetest.Request{Path: "/path?token=s3cret", Headers: []bridge.Header{
		{Name: "authorization", Value: "s3cret"}, {Name: "cookie", Value: "s3cret"},
	}})
	_, text, meta := logLine(t, h)
	require.Equal(t, "bridge: panic serving GET /path: boom", text)
	require.NotContains(t, fmt.Sprint(meta), "s3cret")
}
