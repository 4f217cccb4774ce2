package wire

import (
	"strconv"

	"github.com/gwport/gwport/etf"
)

// A Line is one line for the host's log (SPEC.md [D5]).
type Line struct {
	Level Level
	Text  string
	Meta  []MetaPair
}

// A MetaPair has a value that is an int, int64, float64, bool or string.
type MetaPair struct {
	Key   string
	Value any
}

// A Level is one of RFC 5424.
type Level int

// The levels.
const (
	LevelError   Level = 3
	LevelWarning Level = 4
	LevelInfo    Level = 6
	LevelDebug   Level = 7
)

// AppendPayload appends the line as a payload of at most MaxLog bytes. What is
// too much is cut, values first: a line says most in its text.
func (l *Line) AppendPayload(dst []byte) []byte {
	const frameOfLine = 64 // tuple, level, map, and their headers
	left := MaxLog - frameOfLine
	text := cut(l.Text, left)
	left -= len(text)
	dst = etf.AppendInt(etf.AppendTuple(etf.AppendVersion(dst), 3), int64(l.Level))
	dst = etf.AppendBinary(dst, text)
	n := 0
	for i, m := range l.Meta {
		size := 2*5 + len(m.Key) + 9
		if s, ok := m.Value.(string); ok {
			s = cut(s, max(left-size, 0))
			l.Meta[i].Value = s
			size += len(s)
		}
		if left -= size; left < 0 {
			break
		}
		n++
	}
	dst = etf.AppendMap(dst, n)
	for _, m := range l.Meta[:n] {
		dst = appendMetaValue(etf.AppendBinary(dst, m.Key), m.Value)
	}
	return dst
}

func appendMetaValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int:
		return etf.AppendInt(dst, int64(v))
	case int64:
		return etf.AppendInt(dst, v)
	case float64:
		return etf.AppendFloat(dst, v)
	case bool:
		return etf.AppendBool(dst, v)
	case string:
		return etf.AppendBinary(dst, v)
	}
	panic("bridge: a log line's value is of a type that has no place on the wire")
}

// cut shortens s to n bytes, and says so where there is room to.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	note := " [" + strconv.Itoa(len(s)-n) + "+ bytes cut]"
	if n < len(note) {
		return prefix(s, n)
	}
	return prefix(s, n-len(note)) + note
}
