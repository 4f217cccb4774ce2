package cases

import "strings"

// Fields of responses: those that a handler got wrong cost themselves, and not the answer.
var _ = theme(Theme{
	Name:   "response fields",
	Forced: responseFieldsForced,
	Chosen: responseFieldsChosen,
	Cases: []Case{
		{Name: "one", Do: ops(set("X-A", "1"), write("x"))},
		{Name: "two values", Do: ops(add("X-A", "1"), add("X-A", "2"), write("x"))},
		{Name: "two values of vary", Do: ops(add("Vary", "Accept"), add("Vary", "Origin"), write("x"))},
		{Name: "empty", Do: ops(set("X-A", ""), write("x"))},
		{Name: "no values", Do: ops(raw("X-A"), write("x"))},
		{Name: "not canonical", Do: ops(raw("x-aBC", "1"), write("x"))},
		{Name: "canonical and not", Do: ops(raw("x-a", "1"), raw("X-A", "2"), write("x")), On: OnlyH1},
		{Name: "spaces around", Do: ops(set("X-A", "  1 \t"), write("x"))},
		{Name: "utf-8", Do: ops(set("X-A", "\u00e9"), write("x"))},
		{Name: "latin-1", Do: ops(set("X-A", "\xe9"), write("x"))},
		{Name: "nul", Do: ops(set("X-Bad", "a\x00b"), set("X-A", "1"), write("x"))},
		{Name: "line break", Do: ops(set("X-Bad", "a\r\nX-Evil: 1"), set("X-A", "1"), write("x"))},
		{Name: "lf", Do: ops(set("X-Bad", "a\nb"), set("X-A", "1"), write("x"))},
		{Name: "cr", Do: ops(set("X-Bad", "a\rb"), set("X-A", "1"), write("x"))},
		{Name: "control byte", Do: ops(set("X-Bad", "a\x01b"), set("X-A", "1"), write("x"))},
		{Name: "del", Do: ops(set("X-Bad", "a\x7fb"), set("X-A", "1"), write("x"))},
		{Name: "tab inside", Do: ops(set("X-A", "a\tb"), write("x"))},
		{Name: "name with a space", Do: ops(raw("X Bad", "1"), set("X-A", "1"), write("x"))},
		{Name: "name with a colon", Do: ops(raw("X:Bad", "1"), set("X-A", "1"), write("x"))},
		{Name: "name with a line break", Do: ops(raw("X\r\nBad", "1"), set("X-A", "1"), write("x"))},
		{Name: "name with utf-8", Do: ops(raw("X-\u00e9", "1"), set("X-A", "1"), write("x"))},
		{Name: "empty name", Do: ops(raw("", "1"), set("X-A", "1"), write("x"))},
		{Name: "pseudo-field", Do: ops(raw(":status", "404"), set("X-A", "1"), write("x"))},
		{Name: "of 8,000 bytes", Do: ops(set("X-A", strings.Repeat("a", 8000)), write("x"))},
		{Name: "of 40,000 bytes", Do: ops(set("X-A", strings.Repeat("a", 40_000)), write("x"))},
		{Name: "100 names", Do: append(manySets(100), write("x"))},
		{Name: "one cookie", Do: ops(cookie("a", "1"), write("x"))},
		{Name: "several cookies", Do: ops(cookie("a", "1"), cookie("b", "2, 3"), cookie("a", "4"), write("x"))},
		{Name: "raw cookies", Do: ops(raw("set-cookie", "a=1", "b=2"), write("x"))},
		{Name: "cookie with a line break", Do: ops(add("Set-Cookie", "a=1"), add("Set-Cookie", "b=2\r\nX-Evil: 1"), write("x"))},
		{Name: "type nil", Do: ops(none("Content-Type"), write("<html>"))},
		{Name: "date nil", Do: ops(none("Date"), write("x"))},
		{Name: "date of its own", Do: ops(set("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), write("x"))},
		{Name: "length nil", Do: ops(none("Content-Length"), write("x"))},
		{Name: "coding nil", Do: ops(none("Transfer-Encoding"), write("x"))},
		{Name: "connection nil", Do: ops(none("Connection"), write("x"))},
		{Name: "other nil", Do: ops(none("X-A"), write("x"))},
		{Name: "connection named", Do: ops(set("Connection", "X-A"), set("X-A", "1"), write("x"))},
		{Name: "keep-alive", Do: ops(set("Keep-Alive", "timeout=5"), write("x"))},
		{Name: "upgrade", Do: ops(set("Upgrade", "h2c"), write("x"))},
		{Name: "proxy-connection", Do: ops(set("Proxy-Connection", "keep-alive"), write("x"))},
		{Name: "te", Do: ops(set("TE", "trailers"), write("x"))},
		{Name: "identity", Do: ops(set("Transfer-Encoding", "identity"), write("x"))},
		{Name: "chunked", Do: ops(set("Transfer-Encoding", "chunked"), write("x"))},
		{Name: "gzip coding", Do: ops(set("Transfer-Encoding", "gzip"), write("x")), On: OnlyH2},
		{Name: "server", Do: ops(set("Server", "mine"), write("x"))},
		{Name: "changed behind the status", Do: ops(set("X-A", "1"), status(200), set("X-A", "2"), set("X-B", "3"), write("x"))},
		{Name: "changed behind a write", Do: ops(write("x"), set("X-A", "2"))},
		{Name: "changed behind a flush", Do: ops(write("x"), flush, set("X-A", "2"), write("y"))},
		{Name: "deleted", Do: ops(set("X-A", "1"), del("X-A"), write("x"))},
		{Name: "csp", Do: ops(set("Content-Security-Policy", "default-src 'self'; img-src *"), write("x"))},
		{Name: "link", Do: ops(add("Link", "</a>; rel=x"), add("Link", "</b>; rel=y"), write("x"))},
		{Name: "challenges", Do: ops(add("WWW-Authenticate", "Basic"), add("WWW-Authenticate", `Digest realm="x"`), status(401))},
		{Name: "alt-svc", Do: ops(set("Alt-Svc", `h3=":443"`), write("x"))},
		{Name: "host", Do: ops(set("Host", "x"), write("x"))},
		{Name: "content-encoding", Do: ops(set("Content-Encoding", "x-mine"), write("<html>"))},
	},
})

func manySets(n int) (all []op) {
	for _, f := range many(n) {
		all = append(all, set(f.Name, f.Value))
	}
	return all
}
