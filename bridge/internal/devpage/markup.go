package devpage

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"net/url"
	"strings"
	"unicode"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

// Policy is the Content-Security-Policy of these pages: nothing from outside, and of what is inside only their own
// script and style.
func Policy() string {
	return "default-src 'none'; script-src 'sha256-" + digest(script) + "'; style-src 'sha256-" + digest(style) +
		"'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// constant is HTML of this package's own. A constant becomes one by itself, and a string does not, so that nothing
// that came from elsewhere gets past text.
type constant string

// markup is HTML in the making.
type markup struct{ b []byte }

func (m *markup) raw(s constant) *markup {
	m.b = append(m.b, s...)
	return m
}

// text is anybody's, for the place of a text or a quoted attribute.
func (m *markup) text(s string) *markup {
	m.b = append(m.b, html.EscapeString(visible(s))...)
	return m
}

// path is a path of this server's, as an attribute's value that a browser follows.
func (m *markup) path(s string) *markup {
	return m.text((&url.URL{Path: s}).EscapedPath())
}

// visible shows what would not be seen, or change how the rest is seen: control characters, those for the direction
// of text among them, and bytes that are no UTF-8.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case r < ' ':
			return '\u2400' + r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

func (m *markup) begin(title, version, method string) {
	m.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" +
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>").text(title)
	m.raw("</title>\n<link rel=\"icon\" href=\"data:,\">\n")
	if version != "" {
		m.raw("<meta name=\"gwport-program\" content=\"").text(version).raw("\" data-method=\"").text(method).raw("\">\n")
	}
	m.raw("<style>").raw(constant(style)).raw("</style>\n</head>\n<body>\n")
}

func (m *markup) end(live bool) {
	if live {
		m.raw("<script>").raw(constant(script)).raw("</script>\n")
	}
	m.raw("</body>\n</html>\n")
}

func (m *markup) section(title constant) {
	m.raw("<section>\n<h2>").raw(title).raw("</h2>\n")
}

// pairs is a table. The values of secrets are withheld.
func (m *markup) pairs(pairs []Pair) {
	m.raw("<table>\n")
	for _, p := range pairs {
		m.raw("<tr><th>").text(cut(p.Name, 256)).raw("</th><td>")
		if value, isSecret := shown(p); isSecret {
			m.raw("<i>withheld</i>")
		} else {
			m.text(cut(value, 2<<10))
		}
		m.raw("</td></tr>\n")
	}
	m.raw("</table>\n")
}

// level is one of a line's, for a class and for people.
func (m *markup) level(l string) *markup {
	switch l {
	case "error":
		return m.raw("error")
	case "warning":
		return m.raw("warning")
	case "debug":
		return m.raw("debug")
	}
	return m.raw("info")
}

// cut shortens a text to so many bytes, and says so.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " [cut]"
}
