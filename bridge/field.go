package bridge

import "strings"

// A Header is one header field.
type Header struct{ Name, Value string }

// isFraming tells the names that are not a handler's to send: Transfer-Encoding,
// which is the host's affair, and a Content-Length spelt so that nobody heeds it.
func isFraming(name string) bool {
	switch len(name) {
	case len("Content-Length"):
		return name != "Content-Length" && strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// trailerAllowed tells which fields may not trail: those of framing, routing
// and authentication (RFC 9110, section 6.5.1).
func trailerAllowed(name string) bool {
	switch name {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length",
		"Content-Range", "Content-Type", "Expect", "Host", "Keep-Alive", "Max-Forwards", "Pragma",
		"Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te",
		"Trailer", "Transfer-Encoding", "Www-Authenticate":
		return false
	}
	return !strings.HasPrefix(name, "If-")
}

// cleanValue is what net/http makes of a value before it sends it. On HTTP/2 a
// value with a control character is not sent at all. On HTTP/1 a space takes the
// place of a line break, and here of each other control character too (RFC 9110,
// section 5.5): net/http sends them, and its own client then refuses the answer.
func cleanValue(v string, isHTTP2 bool) (clean string, ok bool) {
	if hasControlButTab(v) {
		if isHTTP2 {
			return "", false
		}
		v = controlToSpace(v)
	}
	return strings.Trim(v, " \t"), true
}

// isControlButTab tells the control characters, of which a tab is the only one
// that belongs into a field's value.
func isControlButTab(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }

func hasControlButTab(s string) bool {
	for i := range len(s) {
		if isControlButTab(s[i]) {
			return true
		}
	}
	return false
}

func controlToSpace(v string) string {
	b := []byte(v)
	for i, c := range b {
		if isControlButTab(c) {
			b[i] = ' '
		}
	}
	return string(b)
}
