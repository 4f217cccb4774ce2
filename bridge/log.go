package bridge

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// current is the conn that the process's standard input carries, for records
// that no request's context leads to a conn. A process has one at most.
var current atomic.Pointer[mux.Conn]

// LogHandler returns a slog.Handler whose records reach the host's log, with
// their level and their attributes as metadata; groups become prefixes with a
// dot. With the context of a request (slog.InfoContext(r.Context(), ...)) the
// record names its stream too. In a process that a host has started it is slog's
// default before main runs; a program may set another.
//
// The level is the host's (the pool's option log_level, info by default). Before
// [Serve] has greeted the host it is not known: records of any level go to standard
// error then, each as a line that has its level, and the host drops what is below.
//
// Behind the greeting logging never waits for the host: of a second's lines those
// beyond what the host logs (the pool's option log_lines, 200 by default), and lines
// beyond 256 KiB that are not written yet, are dropped, and the host is told their
// number. In development lines of any number are sent. Only a record
// of level error waits until it is written, 100 ms at most, because os.Exit may be
// next. Before the greeting each record waits until standard error has taken it.
//
// In a process that no host has started records go to standard error, as text, and
// levels below info are dropped, as by slog's own default.
func LogHandler() slog.Handler {
	return &logHandler{}
}

type logHandler struct {
	attrs []slog.Attr // with the groups' names in their keys
	group string      // ends with a dot; empty: none
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(ctx context.Context, l slog.Level) bool {
	c, _ := connOf(ctx)
	if c == nil {
		return hasHost || l >= slog.LevelInfo
	}
	level, known := c.LogLevel()
	return !known || levelOf(l) <= level
}

// connOf finds the conn that a record goes to, nil if there is none, and the
// exchange that it is about, if any.
func connOf(ctx context.Context) (*mux.Conn, *exchange) {
	if x := exchangeOf(ctx); x != nil {
		return x.Conn(), x
	}
	return current.Load(), nil
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h2 := *h
	h2.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		h2.attrs = append(h2.attrs, a)
	}
	return &h2
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.group += name + "."
	return &h2
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	c, x := connOf(ctx)
	if c == nil && !hasHost {
		return h.toStderr(ctx, r)
	}
	line := h.line(x, r)
	if c != nil {
		if _, known := c.LogLevel(); known {
			c.Log(line)
			return nil
		}
	}
	return writeEarly(&line)
}

// line makes a line of a record, about an exchange if there is one.
func (h *logHandler) line(x *exchange, r slog.Record) wire.Line {
	l := record{line: wire.Line{Level: levelOf(r.Level), Text: r.Message}}
	if x != nil {
		l.line.Meta = append(l.line.Meta, wire.MetaPair{Key: mux.MetaStream, Value: int(x.ID())})
	}
	for _, a := range h.attrs {
		l.add("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		l.add(h.group, a)
		return true
	})
	return l.line
}

// record is a line in the making.
type record struct {
	line  wire.Line
	given int // attributes that were given for Meta, be it for keys that are there
}

// levelOf maps slog's levels to those of RFC 5424. What is between two of
// slog's counts as the lower.
func levelOf(l slog.Level) wire.Level {
	switch {
	case l >= slog.LevelError:
		return wire.LevelError
	case l >= slog.LevelWarn:
		return wire.LevelWarning
	case l >= slog.LevelInfo:
		return wire.LevelInfo
	}
	return wire.LevelDebug
}

// add adds an attribute, a group's one by one.
func (l *record) add(prefix string, a slog.Attr) { l.addNested(prefix, a, 0) }

// addNested bounds what a LogValuer that returns itself within a group would make
// endless: in depth, and in breadth too, where its keys are all the same.
func (l *record) addNested(prefix string, a slog.Attr, depth int) {
	if len(l.line.Meta) >= maxAttrs || l.given >= maxAttrs {
		return
	}
	v := a.Value.Resolve()
	if v.Kind() != slog.KindGroup || depth == wire.MaxNesting || len(v.Group()) == 0 {
		l.given++
	}
	switch {
	case v.Kind() != slog.KindGroup:
		if !a.Equal(slog.Attr{}) {
			l.set(prefix+a.Key, metaValue(v))
		}
	case depth == wire.MaxNesting:
		l.set(prefix+a.Key, "!ERROR: groups are nested too deep")
	default:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, a := range v.Group() {
			l.addNested(prefix, a, depth+1)
		}
	}
}

// set adds a pair. Of a key that comes twice the later value counts, since no
// map in Erlang has a key twice; the wire's own keys are moved out of the way.
func (l *record) set(key string, value any) {
	if key == mux.MetaStream || key == mux.MetaDropped {
		key = "attr." + key
	}
	for i := range l.line.Meta {
		if l.line.Meta[i].Key == key {
			l.line.Meta[i].Value = value
			return
		}
	}
	l.line.Meta = append(l.line.Meta, wire.MetaPair{Key: key, Value: value})
}
