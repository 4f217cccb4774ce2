package cases

import "strings"

// How a request's body is delimited on HTTP/1.1 (RFC 9112, 6 and 7): what two readers could take for two things.
var _ = theme(Theme{
	Name:   "framing",
	Forced: framingForced,
	Cases: []Case{
		post("length", "Content-Length: 5\r\n", "hello"),
		post("length with a plus", "Content-Length: +5\r\n", "hello"),
		post("length with a minus", "Content-Length: -5\r\n", "hello"),
		post("length in hexadecimal", "Content-Length: 0x5\r\n", "hello"),
		post("length with leading zeros", "Content-Length: 005\r\n", "hello"),
		post("length of nothing", "Content-Length:\r\n", ""),
		post("length that is none", "Content-Length: five\r\n", ""),
		post("length with a space inside", "Content-Length: 5 5\r\n", "hello"),
		post("length beyond int64", "Content-Length: 99999999999999999999\r\n", "hello"),
		post("length beyond all", "Content-Length: 1"+strings.Repeat("0", 30)+"\r\n", "hello"),
		post("length of int64", "Content-Length: 9223372036854775808\r\n", "hello"),
		post("length twice", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
		post("length twice and not the same", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"),
		post("length as a list", "Content-Length: 5, 5\r\n", "hello"),
		post("chunked", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("chunked in capitals", "Transfer-Encoding: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("chunked and a length", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("a length and chunked", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("gzip", "Transfer-Encoding: gzip\r\n", ""),
		post("gzip and chunked", "Transfer-Encoding: gzip, chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("identity", "Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello"),
		post("a coding with a space", "Transfer-Encoding : chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("a coding with a tab", "Transfer-Encoding:\tchunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
		post("a coding that is empty", "Transfer-Encoding:\r\n", ""),
		post("chunked with extensions", "Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0;c\r\n\r\n"),
		post("chunked in upper hexadecimal", "Transfer-Encoding: chunked\r\n", "A\r\nhellohello\r\n0\r\n\r\n"),
		post("chunked with zeros in front", "Transfer-Encoding: chunked\r\n", "0005\r\nhello\r\n000\r\n\r\n"),
		post("chunked with spaces behind", "Transfer-Encoding: chunked\r\n", "5  \r\nhello\r\n0\r\n\r\n"),
		post("chunked with a size that is none", "Transfer-Encoding: chunked\r\n", "zz\r\nhello\r\n0\r\n\r\n"),
		post("chunked with a negative size", "Transfer-Encoding: chunked\r\n", "-5\r\nhello\r\n0\r\n\r\n"),
		post("chunked with too large a size", "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
		entered("chunked with no end of a chunk", "Transfer-Encoding: chunked\r\n", "5\r\nhelloxx0\r\n\r\n"),
		entered("chunked with lf", "Transfer-Encoding: chunked\r\n", "5\nhello\n0\n\n"),
		{
			Name: "chunked on 1.0", On: OnlyH1, Do: ops(readall, write("x")),
			Raw:  "POST / HTTP/1.0\r\nHost: example.test\r\n{case}Transfer-Encoding: chunked\r\n\r\n",
			Body: Body{Text: "5\r\nhello\r\n0\r\n\r\n", Declared: "-"},
		},
		{
			Name: "no length on 1.0", On: OnlyH1, Do: ops(readall, write("x")),
			Raw: "POST / HTTP/1.0\r\nHost: example.test\r\n{case}\r\n", Body: Body{Text: "hello", Declared: "-"},
			Client: ops(send, finish),
		},
		{Name: "blank lines in front", On: OnlyH1, Do: ops(write("x")), Raw: "\r\n\r\nGET / HTTP/1.1\r\nHost: example.test\r\n{case}\r\n"},
		{Name: "two spaces in the line", On: OnlyH1, Do: ops(write("x")), Raw: "GET  / HTTP/1.1\r\nHost: example.test\r\n{case}\r\n"},
		{Name: "a space in front", On: OnlyH1, Do: ops(write("x")), Raw: " GET / HTTP/1.1\r\nHost: example.test\r\n{case}\r\n"},
		{Name: "a field before the line", On: OnlyH1, Do: ops(write("x")), Raw: "X-A: 1\r\nGET / HTTP/1.1\r\nHost: example.test\r\n{case}\r\n"},
		{Name: "a space before the first field", On: OnlyH1, Do: ops(write("x")), Raw: "GET / HTTP/1.1\r\n X-A: 1\r\nHost: example.test\r\n{case}\r\n"},
		{Name: "pipelined", Do: ops(write("x")), Client: ops(send, pipeline, finish, next)},
		{Name: "pipelined behind a slow one", Do: ops(gate("a"), write("x")), Client: ops(send, pipeline, await("a"), release("a"), finish, next)},
		{
			Name: "pipelined behind a body", Method: "POST", Body: Body{Size: 1000}, Do: ops(readall, write("x")),
			Client: ops(send, pipeline, finish, next),
		},
		{
			Name: "pipelined behind an unread body", Method: "POST", Body: Body{Size: 1000}, Do: ops(write("x")),
			Client: ops(send, pipeline, finish, next),
		},
		{
			Name: "pipelined behind an unread large body", Method: "POST", Body: Body{Size: 200_000}, Do: ops(write("x")),
			Client: ops(send, pipeline, finish, next),
		},
		{
			Name: "pipelined behind chunks", Method: "POST", Body: Body{Size: 1000, Chunked: true}, Do: ops(readall, write("x")),
			Client: ops(send, pipeline, finish, next),
		},
		{Name: "pipelined behind a large answer", Do: ops(bytes(500_000)), Client: ops(send, pipeline, finish, next)},
		{Name: "pipelined large behind a large answer", Do: ops(bytes(500_000)), Client: ops(send, pipelined(500_000), finish, next)},
		{Name: "pipelined larger behind a small answer", Do: ops(write("x")), Client: ops(send, pipelined(900_000), finish, next)},
		{Name: "pipelined behind a panic", Do: ops(panics("x")), Client: ops(send, pipeline, finish, next)},
	},
})

// post is a POST with these lines and bytes.
func post(name, fields, body string) Case {
	return Case{
		Name: name, On: OnlyH1, Do: ops(readall, write("x")),
		Raw:  "POST / HTTP/1.1\r\nHost: example.test\r\n{case}" + fields + "\r\n",
		Body: Body{Text: body, Declared: "-"},
	}
}

// entered is a post whose body comes when the handler waits for it.
func entered(name, fields, body string) Case {
	c := post(name, fields, body)
	c.Do, c.Client = ops(drain, put("x")), ops(head, await("entered"), rest, finish, next)
	return c
}
