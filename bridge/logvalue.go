package bridge

import (
	"encoding"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"time"
)

// metaValue makes of a value what Meta may have. Methods of the value run here,
// and one that panics must not cost more than its own value: a nil pointer is
// written as such, anything else as what the panic says, as slog's own handlers
// write them.
func metaValue(v slog.Value) (meta any) {
	defer func() {
		if r := recover(); r != nil {
			meta = panicText(v.Any(), r)
		}
	}()
	switch v.Kind() {
	case slog.KindBool:
		return v.Bool()
	case slog.KindInt64:
		return v.Int64()
	case slog.KindUint64:
		if n := v.Uint64(); n <= math.MaxInt64 {
			return int64(n)
		}
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	case slog.KindTime:
		return v.Time().Format(time.RFC3339Nano)
	case slog.KindAny:
		return anyText(v.Any())
	}
	return v.String()
}

func panicText(v, reason any) string {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
		return "<nil>"
	}
	return fmt.Sprintf("!PANIC: %v", reason)
}

// anyText is what slog's text handler would print, short of quoting. Package
// fmt looks after the methods that it calls itself.
func anyText(v any) string {
	if m, ok := v.(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			return fmt.Sprintf("!ERROR:%v", err)
		}
		return string(text)
	}
	if t := reflect.TypeOf(v); t != nil && t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return string(reflect.ValueOf(v).Bytes())
	}
	return fmt.Sprintf("%+v", v)
}
