package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// logged runs f in a handler and returns the line that it logs.
func logged(t *testing.T, f func(ctx context.Context, l *slog.Logger)) (level int64, text string, meta etf.Map) {
	t.Helper()
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) { f(r.Context(), slog.New(bridge.LogHandler())) })
	h.Do(bridgetest.Request{})
	return logLine(t, h)
}

func TestLevelsAreThoseOfRFC5424(t *testing.T) {
	for level, want := range map[slog.Level]int64{
		slog.LevelInfo: 6, slog.LevelInfo + 1: 6, slog.LevelWarn: 4, slog.LevelError: 3, slog.LevelError + 4: 3,
	} {
		got, text, meta := logged(t, func(ctx context.Context, l *slog.Logger) { l.Log(ctx, level, "hello") })
		require.Equal(t, want, got)
		require.Equal(t, "hello", text)
		require.Equal(t, etf.Map{{Key: etf.Binary("stream"), Value: int64(256)}}, meta)
	}
	require.False(t, bridge.LogHandler().Enabled(context.Background(), slog.LevelDebug))
}

// The host says which levels it logs; one that does not logs info.
func TestTheHostSaysWhichLevelsAreLogged(t *testing.T) {
	levels := map[slog.Level]int{slog.LevelDebug - 4: 7, slog.LevelDebug: 7, slog.LevelInfo: 6, slog.LevelWarn: 4, slog.LevelError: 3}
	for name, c := range map[string]struct {
		options etf.Map
		least   int
	}{
		"not said": {etf.Map{}, 6},
		"debug":    {etf.Map{{Key: "log_level", Value: 7}}, 7},
		"more":     {etf.Map{{Key: "log_level", Value: 8}}, 7},
		"info":     {etf.Map{{Key: "log_level", Value: 6}}, 6},
		"notice":   {etf.Map{{Key: "log_level", Value: 5}}, 5},
		"error":    {etf.Map{{Key: "log_level", Value: 3}}, 3},
		"none":     {etf.Map{{Key: "log_level", Value: 0}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan map[slog.Level]bool, 1)
			leavesNothing(t)
			h := bridgetest.Start(t, &bridge.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				enabled := map[slog.Level]bool{}
				for level := range levels {
					enabled[level] = bridge.LogHandler().Enabled(r.Context(), level)
				}
				got <- enabled
			})})
			m := helloTerm()
			m[5].Value = c.options
			h.SendTerm(bridgetest.Hello, 0, m)
			_, _ = h.Next()
			h.Do(bridgetest.Request{})
			enabled := <-got
			for level, severity := range levels {
				require.Equal(t, severity <= c.least, enabled[level], "%v", level)
			}
		})
	}
}

type logValuer struct{}

func (logValuer) LogValue() slog.Value { return slog.StringValue("resolved") }

func TestAttributesBecomeMetadata(t *testing.T) {
	_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) {
		l = l.With("a", 1).WithGroup("g").With("b", true).WithGroup("").WithGroup("h")
		l.InfoContext(ctx, "x", "c", 2.5, "d", "text", "e", uint64(math.MaxUint64), "f", math.Inf(1),
			"t", time.Unix(0, 0).UTC(), "dur", time.Second, "err", errors.New("broken"), "v", logValuer{},
			"nil", nil, "any", []int{1, 2}, "bytes", []byte("raw"), "u", uint64(7),
			slog.Group("sub", "x", 1, slog.Group("", "y", 2)), slog.Attr{})
	})
	got := map[string]any{}
	for _, p := range meta {
		got[string(p.Key.(etf.Binary))] = p.Value
	}
	require.Equal(t, map[string]any{
		"stream": int64(256), "a": int64(1), "g.b": etf.Atom("true"), "g.h.c": 2.5, "g.h.d": etf.Binary("text"),
		"g.h.e": etf.Binary("18446744073709551615"), "g.h.f": etf.Binary("+Inf"),
		"g.h.t": etf.Binary("1970-01-01T00:00:00Z"), "g.h.dur": etf.Binary("1s"), "g.h.err": etf.Binary("broken"),
		"g.h.v": etf.Binary("resolved"), "g.h.nil": etf.Binary("<nil>"), "g.h.any": etf.Binary("[1 2]"),
		"g.h.bytes": etf.Binary("raw"), "g.h.u": int64(7), "g.h.sub.x": int64(1), "g.h.sub.y": int64(2),
	}, got)
}

func TestKeysComeOnceAndTheWiresOwnAreKept(t *testing.T) {
	_, _, meta := logged(t, func(ctx context.Context, l *slog.Logger) {
		l.With("a", 1).InfoContext(ctx, "x", "a", 2, "stream", "mine", "dropped", "too")
	})
	require.Equal(t, etf.Map{
		{Key: etf.Binary("stream"), Value: int64(256)},
		{Key: etf.Binary("a"), Value: int64(2)},
		{Key: etf.Binary("attr.stream"), Value: etf.Binary("mine")},
		{Key: etf.Binary("attr.dropped"), Value: etf.Binary("too")},
	}, meta)
}

func TestLinesAreCutToTheWiresLimit(t *testing.T) {
	for _, n := range []int{65_000, 65_536, 200_000} {
		h := newHost(t, func(_ http.ResponseWriter, r *http.Request) {
			slog.New(bridge.LogHandler()).InfoContext(r.Context(), strings.Repeat("x", n),
				"a", strings.Repeat("y", n), "b", 1, "c", strings.Repeat("z", n))
		})
		h.Do(bridgetest.Request{})
		f, _ := h.Next()
		require.Equal(t, bridgetest.Log, f.Kind)
		require.LessOrEqual(t, len(f.Payload), 65_536)
		require.IsType(t, etf.Tuple{}, f.Term())
	}
}

// A cut character would be taken for bytes that are no text.
func TestNoTextIsCutInsideACharacter(t *testing.T) {
	for _, char := range []string{"é", "€", "🙂"} {
		for before := range 5 {
			text := strings.Repeat("x", before) + strings.Repeat(char, 60_000)
			_, got, meta := logged(t, func(ctx context.Context, l *slog.Logger) {
				l.InfoContext(ctx, text[:1000*len(char)+before], "a", text)
			})
			require.True(t, utf8.ValidString(got))
			require.True(t, utf8.Valid([]byte(metaOf(meta, "a").(etf.Binary))))
			_, got, _ = logged(t, func(ctx context.Context, l *slog.Logger) { l.InfoContext(ctx, text) })
			require.True(t, utf8.ValidString(got))
			require.Greater(t, len(got), 65_000)
		}
	}
}

func TestLoggingDoesNotWaitForTheHost(t *testing.T) {
	filled, goOn, logged := make(chan struct{}), make(chan struct{}), make(chan struct{})
	w := newWire(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 250_000))
		close(filled)
		<-goOn
		l := slog.New(bridge.LogHandler())
		for i := range 1000 {
			l.InfoContext(r.Context(), fmt.Sprint("line ", i), "fill", strings.Repeat("x", 1000))
		}
		close(logged)
		<-r.Context().Done()
	})
	w.open(256, bridgetest.Request{Window: 250_000})
	within(t, filled)
	close(goOn)
	within(t, logged) // it has not waited for us
	w.send(bridgetest.Frame{Kind: bridgetest.Abort, Stream: 256, Payload: []byte("\x83h\x02a\x02m\x00\x00\x00\x00")})
}

func TestErrorsOfAnAppReachTheLog(t *testing.T) {
	h := newHostOf(t, &bridge.Server{Handler: bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
		_, _ = fmt.Fprint(env.Errors(), "one\ntwo\n\n")
		return bridge.Text(200, "")
	})})
	h.Do(bridgetest.Request{})
	for _, want := range []string{"one", "two"} {
		level, text, meta := logLine(t, h)
		require.EqualValues(t, 3, level)
		require.Equal(t, want, text)
		require.EqualValues(t, 256, metaOf(meta, "stream"))
	}
}

// flooding is a host with these options, and a program whose handler logs five lines.
func flooding(t *testing.T, options etf.Map) *bridgetest.Host {
	leavesNothing(t)
	h := bridgetest.Start(t, &bridge.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for range 5 {
			slog.New(bridge.LogHandler()).InfoContext(r.Context(), "a line")
		}
	})})
	hello := helloTerm()
	hello[5].Value = options
	h.SendTerm(bridgetest.Hello, 0, hello)
	_, _ = h.Next()
	return h
}

func TestLinesThatTheHostWouldNotLogAreCountedInThePlaceOfSent(t *testing.T) {
	for name, c := range map[string]struct {
		options etf.Map
		lines   int
		dropped any
	}{
		"not said":       {etf.Map{}, 5, nil},
		"as many":        {etf.Map{{Key: "log_lines", Value: 5}}, 5, nil},
		"one fewer":      {etf.Map{{Key: "log_lines", Value: 4}}, 4, int64(1)},
		"none":           {etf.Map{{Key: "log_lines", Value: 0}}, 0, int64(5)},
		"in development": {etf.Map{{Key: "log_lines", Value: 0}, {Key: "dev", Value: etf.Atom("true")}}, 5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := flooding(t, c.options)
			h.Do(bridgetest.Request{})
			h.Drain()
			lines, dropped := 0, any(nil)
			for f, ok := h.Next(); ok; f, ok = h.Next() {
				if f.Kind != bridgetest.Log {
					continue
				}
				line := f.Term().(etf.Tuple)
				if string(line[1].(etf.Binary)) == "a line" {
					lines++
				}
				dropped = metaOf(line[2].(etf.Map), "dropped")
			}
			require.Equal(t, c.lines, lines)
			require.Equal(t, c.dropped, dropped, "an end is no reason not to tell")
			require.NoError(t, h.Wait())
		})
	}
}

// A fault is the last frame of a side, whatever waits to be logged.
func TestLinesAndTheirCountComeBeforeAFault(t *testing.T) {
	h := flooding(t, etf.Map{{Key: "log_lines", Value: 4}})
	h.Do(bridgetest.Request{})
	h.SendTerm(bridgetest.Hello, 0, helloTerm()) // a second one
	var kinds []bridgetest.Kind
	dropped := any(nil)
	for f, ok := h.Next(); ok; f, ok = h.Next() {
		if kinds = append(kinds, f.Kind); f.Kind == bridgetest.Log {
			dropped = metaOf(f.Term().(etf.Tuple)[2].(etf.Map), "dropped")
		}
	}
	require.Equal(t, []bridgetest.Kind{
		bridgetest.Log, bridgetest.Log, bridgetest.Log, bridgetest.Log, bridgetest.Log, bridgetest.Fault,
	}, kinds)
	require.EqualValues(t, 1, dropped)
	require.Error(t, h.Wait())
}

func TestASecondLaterLinesAreSentAgain(t *testing.T) {
	h := flooding(t, etf.Map{{Key: "log_lines", Value: 1}})
	for range 2 {
		h.Do(bridgetest.Request{})
		level, text, meta := logLine(t, h)
		require.Equal(t, "a line", text)
		require.EqualValues(t, 6, level)
		require.Nil(t, metaOf(meta, "dropped"))
		level, _, meta = logLine(t, h)
		require.EqualValues(t, 7, level)
		require.EqualValues(t, 4, metaOf(meta, "dropped"))
	}
}
