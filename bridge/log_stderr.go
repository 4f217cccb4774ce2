package bridge

import (
	"context"
	"log/slog"
	"os"
)

// toStderr writes a record for people: there is no host to log it.
func (h *logHandler) toStderr(ctx context.Context, r slog.Record) error {
	text := slog.NewTextHandler(os.Stderr, nil)
	r2 := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r2.AddAttrs(h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		r2.AddAttrs(a)
		return true
	})
	return text.Handle(ctx, r2)
}
