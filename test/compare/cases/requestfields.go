package cases

import "strings"

// Fields of requests: repeated, empty, long, odd, and those that must not pass (RFC 9110, 5.5; RFC 9113, 8.2).
var _ = theme(Theme{
	Name:   "request fields",
	Forced: requestFieldsForced,
	Cases: []Case{
		{Name: "one", Fields: []Field{{"X-A", "1"}}},
		{Name: "twice", Fields: []Field{{"X-A", "1"}, {"X-A", "2"}}},
		{Name: "twice with other case", Fields: []Field{{"X-A", "1"}, {"x-a", "2"}}},
		{Name: "twice with another between", Fields: []Field{{"X-A", "1"}, {"X-B", "2"}, {"X-A", "3"}}},
		{Name: "empty", Fields: []Field{{"X-A", ""}}},
		{Name: "empty and not", Fields: []Field{{"X-A", ""}, {"X-A", "1"}}},
		{Name: "with commas", Fields: []Field{{"X-A", "1, 2"}, {"X-A", "3,4"}}},
		{Name: "with spaces inside", Fields: []Field{{"X-A", "a  b\tc"}}},
		{Name: "with utf-8", Fields: []Field{{"X-A", "\u00e9t\u00e9"}}},
		{Name: "with latin-1", Fields: []Field{{"X-A", "\xe9"}}},
		{Name: "with quotes", Fields: []Field{{"X-A", `"a\"b"; c=d`}}},
		{Name: "of 4,096 bytes", Fields: []Field{{"X-A", strings.Repeat("a", 4096)}}},
		{Name: "of 30,000 bytes", Fields: []Field{{"X-A", strings.Repeat("a", 30_000)}}},
		{Name: "of 100 names", Fields: many(100)},
		{Name: "of 500 names", Fields: many(500)},
		{Name: "a name of 100 bytes", Fields: []Field{{"X-" + strings.Repeat("a", 98), "1"}}},
		{Name: "a name with an underscore", Fields: []Field{{"X_A", "1"}}},
		{Name: "a name of odd bytes", Fields: []Field{{"X!#$%&'*+.^`|~", "1"}}},
		{Name: "a name of digits", Fields: []Field{{"123", "1"}}},
		{Name: "a name with a bracket", Fields: []Field{{"x(a", "1"}}},
		{Name: "a name with a space", Fields: []Field{{"x a", "1"}}},
		{Name: "a name with utf-8", Fields: []Field{{"x-\u00e9", "1"}}},
		{Name: "an empty name", Fields: []Field{{"", "1"}}},
		{Name: "a name in capitals", On: OnlyH2, Pseudo: pseudo("GET", "http", "example.test", "/"), Fields: []Field{{"X-A", "1"}}},
		{Name: "a value with nul", Fields: []Field{{"x-a", "a\x00b"}}},
		{Name: "a value with a control byte", Fields: []Field{{"x-a", "a\x01b"}}},
		{Name: "a value with del", Fields: []Field{{"x-a", "a\x7fb"}}},
		{Name: "a value with cr", Fields: []Field{{"x-a", "a\rb"}}},
		{Name: "a value with lf", On: OnlyH2, Fields: []Field{{"x-a", "a\nb"}}},
		{Name: "a value with a field inside", On: OnlyH2, Fields: []Field{{"x-a", "a\r\nx-admin: 1"}}},
		{Name: "a value with spaces around", On: OnlyH1, Fields: []Field{{"X-A", "  1 \t"}}},
		{Name: "a value with spaces around in a frame", On: OnlyH2, Fields: []Field{{"x-a", " 1 "}}},
		{Name: "a space before the colon", On: OnlyH1, Raw: "GET / HTTP/1.1\r\nHost: example.test\r\n{case}X-A : 1\r\n\r\n"},
		{Name: "folded", On: OnlyH1, Raw: "GET / HTTP/1.1\r\nHost: example.test\r\n{case}X-A: 1\r\n 2\r\n\r\n"},
		{Name: "no colon", On: OnlyH1, Raw: "GET / HTTP/1.1\r\nHost: example.test\r\n{case}X-A\r\n\r\n"},
		{Name: "no space behind the colon", On: OnlyH1, Raw: "GET / HTTP/1.1\r\nHost: example.test\r\n{case}X-A:1\r\n\r\n"},
		{Name: "lines that end in lf", On: OnlyH1, Raw: "GET / HTTP/1.1\nHost: example.test\n{case}X-A: 1\n\n"},
		{Name: "connection in a frame", On: OnlyH2, Fields: []Field{{"connection", "close"}}},
		{Name: "keep-alive in a frame", On: OnlyH2, Fields: []Field{{"keep-alive", "5"}}},
		{Name: "transfer-encoding in a frame", On: OnlyH2, Fields: []Field{{"transfer-encoding", "chunked"}}},
		{Name: "upgrade in a frame", On: OnlyH2, Fields: []Field{{"upgrade", "h2c"}}},
		{Name: "te trailers", Fields: []Field{{"TE", "trailers"}}},
		{Name: "te of another kind in a frame", On: OnlyH2, Fields: []Field{{"te", "gzip"}}},
		{Name: "named by connection", On: OnlyH1, Fields: []Field{{"Connection", "X-A"}, {"X-A", "1"}}},
		{Name: "accept-encoding", Fields: []Field{{"Accept-Encoding", "gzip, br"}}, Do: ops(write("hello"))},
		{Name: "basic auth", Fields: []Field{{"Authorization", "Basic dXNlcjpwYXNz"}}, Do: ops(basicauth)},
		{Name: "proxy", Fields: []Field{{"Proxy", "http://evil.test"}}},
		{Name: "trailer announced", Fields: []Field{{"Trailer", "X-Sum"}}},
		{Name: "cookies in one field", Fields: []Field{{"Cookie", "a=1; b=2"}}, Do: ops(cookies)},
		{Name: "cookies in several fields", Fields: []Field{{"Cookie", "a=1"}, {"Cookie", "b=2"}, {"Cookie", "a=3"}}, Do: ops(cookies)},
		{Name: "cookies with quotes", Fields: []Field{{"Cookie", `a="1 2"; b="x,y"`}}, Do: ops(cookies)},
		{Name: "cookies that are none", Fields: []Field{{"Cookie", "=; a; b c=d; e=f"}}, Do: ops(cookies)},
		{Name: "an empty cookie", Fields: []Field{{"Cookie", ""}}, Do: ops(cookies)},
	},
})

func many(n int) []Field {
	var all []Field
	for i := range n {
		name := []byte("X-Aaa")
		name[2] = 'A' + byte(i/26/26%26)
		name[3] = 'a' + byte(i/26%26)
		name[4] = 'a' + byte(i%26)
		all = append(all, Field{string(name), "v"})
	}
	return all
}
