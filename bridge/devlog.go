package bridge

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/internal/devpage"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// lastLines are the last lines of a program's log. They are kept in development alone, for its
// error page.
type lastLines struct {
	mu    sync.Mutex
	lines []devpage.Line // maxLastLines of them, in a ring; nil: there were none
	added int
}

func (l *lastLines) add(level wire.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines == nil {
		l.lines = make([]devpage.Line, maxLastLines)
	}
	l.lines[l.added%maxLastLines] = devpage.Line{Time: time.Now(), Level: levelName(level), Text: text[:min(len(text), maxLastLine)]}
	l.added++
}

// all returns them, the oldest first.
func (l *lastLines) all() []devpage.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := max(l.added-maxLastLines, 0)
	lines := make([]devpage.Line, 0, l.added-from)
	for i := from; i < l.added; i++ {
		lines = append(lines, l.lines[i%maxLastLines])
	}
	return lines
}

// keep keeps a line for the host's log, but for a stack, which is longer than all the others.
func (l *lastLines) keep(line wire.Line) {
	var b strings.Builder
	b.WriteString(line.Text[:min(len(line.Text), maxLastLine)])
	for _, m := range line.Meta {
		if m.Key != metaStack {
			fmt.Fprintf(&b, " %s=%s", quotedAttr(m.Key), quotedAttr(fmt.Sprint(m.Value)))
		}
	}
	l.add(line.Level, b.String())
}

// Write keeps what package log writes: the first line of each of its records. The page has the time
// of each line itself, and the level, which slog's own handler puts in front of its records.
func (l *lastLines) Write(p []byte) (int, error) {
	text, _, _ := strings.Cut(strings.TrimRight(string(p), "\n"), "\n")
	prefix, flags := log.Prefix(), log.Flags()
	if flags&log.Lmsgprefix != 0 || !strings.HasPrefix(text, prefix) {
		prefix = ""
	}
	text = withoutTime(text[len(prefix):], flags)
	level := wire.LevelInfo
	if isSlogsOwn(slog.Default().Handler()) {
		level, text = slogLevel(text)
	}
	l.add(level, prefix+text)
	return len(p), nil
}

// withoutTime takes off what package log begins a record with, by its flags. What is none, as a record
// of a logger with other flags, stays as it is.
func withoutTime(text string, flags int) string {
	var layout string
	if flags&log.Ldate != 0 {
		layout = "2006/01/02 "
	}
	switch {
	case flags&log.Lmicroseconds != 0:
		layout += "15:04:05.000000 "
	case flags&log.Ltime != 0:
		layout += "15:04:05 "
	}
	if len(text) < len(layout) {
		return text
	}
	if _, err := time.Parse(layout, text[:len(layout)]); err != nil {
		return text
	}
	return text[len(layout):]
}

// slogLevel takes off the level that slog's own handler begins a record with. A text without one is of
// package log, whose records slog counts as info.
func slogLevel(text string) (wire.Level, string) {
	name, rest, _ := strings.Cut(text, " ")
	var level slog.Level
	if name != strings.ToUpper(name) || level.UnmarshalText([]byte(name)) != nil {
		return wire.LevelInfo, text
	}
	return levelOf(level), rest
}

// hear has what package log writes kept as well.
func (l *lastLines) hear() { log.SetOutput(io.MultiWriter(log.Writer(), l)) }

// hearAll has kept what reaches nobody's host: package log's records, and those of slog's default,
// which slog's own handler writes by package log. Attributes that another default was given before
// are in what that writes, and not in what is kept.
func (l *lastLines) hearAll() {
	if !isSlogsOwn(slog.Default().Handler()) {
		setDefault(&keeping{slog.Default().Handler(), &logHandler{}, l})
	}
	l.hear()
}

// isSlogsOwn tells whether it is what slog begins with.
func isSlogsOwn(h slog.Handler) bool { return reflect.TypeOf(h).String() == "*slog.defaultHandler" }

// setDefault leaves package log as it is, which slog would have write to the handler as well.
func setDefault(h slog.Handler) {
	flags, out := log.Flags(), log.Writer()
	slog.SetDefault(slog.New(h))
	log.SetFlags(flags)
	log.SetOutput(out)
}

// keeping is a handler whose records are kept.
type keeping struct {
	slog.Handler
	own *logHandler // makes lines of them
	to  *lastLines
}

func (k *keeping) Handle(ctx context.Context, r slog.Record) error {
	k.to.keep(k.own.line(nil, r))
	return k.Handler.Handle(ctx, r)
}

func (k *keeping) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &keeping{k.Handler.WithAttrs(attrs), k.own.WithAttrs(attrs).(*logHandler), k.to}
}

func (k *keeping) WithGroup(name string) slog.Handler {
	return &keeping{k.Handler.WithGroup(name), k.own.WithGroup(name).(*logHandler), k.to}
}

func levelName(l wire.Level) string {
	switch {
	case l <= wire.LevelError:
		return "error"
	case l <= wire.LevelWarning:
		return "warning"
	case l <= wire.LevelInfo:
		return "info"
	}
	return "debug"
}
