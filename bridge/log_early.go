package bridge

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// maxEarly bounds a line that is written before the greeting. The host cuts lines of
// more than 8,192 bytes in two, of which the second would have no level.
const maxEarly = 8_000

// hasHost tells whether a host reads standard error; init sets it.
var hasHost bool

// writeEarly writes a line to standard error, where the host reads it before there is
// a wire, with its level in front [P3]. It is there when it returns: os.Exit may be next.
func writeEarly(l *wire.Line) error {
	var b strings.Builder
	fmt.Fprintf(&b, "<%d>", l.Level)
	if text := quotedText(l.Text); text != l.Text {
		b.WriteString("msg=" + text)
	} else {
		b.WriteString(text)
	}
	for _, m := range l.Meta {
		b.WriteString(" " + quotedAttr(m.Key) + "=" + quotedAttr(fmt.Sprint(m.Value)))
	}
	line := b.String()
	if len(line) > maxEarly {
		line = strings.ToValidUTF8(line[:maxEarly], "") + " [cut]"
	}
	_, err := os.Stderr.WriteString(line + "\n")
	return err
}

// quotedText quotes what would not be one line, or could be taken for a text that is
// quoted or has attributes.
func quotedText(s string) string { return quotedIf(s, "=\"") }

// quotedAttr quotes a key or a value.
func quotedAttr(s string) string {
	if s == "" {
		return `""`
	}
	return quotedIf(s, " =\"")
}

func quotedIf(s, chars string) string {
	odd := func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }
	if strings.ContainsAny(s, chars) || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}
