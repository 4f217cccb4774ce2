package cases

import "strings"

// ReverseProxy before servers that answer in every way, and die in every way.
var _ = theme(Theme{
	Name:   "proxies",
	Chosen: proxiesChosen,
	Forced: proxiesForced,
	Cases: append([]Case{
		{Name: "forward", Method: "POST", Target: "/a%2Fb?c=d", Body: Body{Text: "hello"}, Fields: []Field{{"X-A", "1"}}, Do: ops(forward(readall, set("X-B", "2"), write("x")))},
		{Name: "forward chunked", Method: "POST", Body: Body{Size: 100_000, Chunked: true}, Do: ops(forward(readall, write("x")))},
		{Name: "forward a head", Method: "HEAD", Do: ops(forward(set("Content-Length", "5"), write("hello")))},
		{Name: "forward a large answer", Do: ops(forward(bytes(500_000)))},
		{Name: "forward flushes", Do: ops(forward(write("a"), flush, write("b")))},
		{Name: "forward a panic", Do: ops(forward(panics("x")))},
		{Name: "forward a panic behind a flush", Do: ops(forward(write("a"), flush, panics("x")))},
		{Name: "forward hints", Do: ops(forward(set("Link", "</a>"), status(103), write("x")))},
		{Name: "forward a 204", Do: ops(forward(status(204)))},
		{Name: "forward cookies", Do: ops(forward(cookie("a", "1"), cookie("b", "2"), write("x")))},
		{Name: "forward trailers", Fields: []Field{{"TE", "trailers"}}, Do: ops(forward(announced...))},
		{Name: "forward too short a body", Do: ops(forward(set("Content-Length", "10"), write("four")))},
		{Name: "forward too short a body flushed", Do: ops(forward(set("Content-Length", "10"), write("four"), flush))},
	}, each(func(b backend) Case {
		return Case{Name: b.name, Do: ops(proxy(b.answer)), Client: b.client()}
	},
		backend{"whole", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello", nil},
		backend{"whole chunked", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", nil},
		backend{"whole to its close", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", nil},
		backend{"whole on 1.0", "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello", nil},
		backend{"without a word", "", nil},
		backend{"in its status line", "HTTP/1.1 200", nil},
		backend{"in its head", "HTTP/1.1 200 OK\r\nContent-Le", nil},
		backend{"behind its head", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", nil},
		backend{"behind a chunked head", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n", ops(first)},
		backend{"in its body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", nil},
		backend{"in a large body", "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + strings.Repeat("a", 40_000), ops(take(10))},
		backend{"behind a chunk", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", ops(take(5))},
		backend{"in a chunk", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", ops(take(5))},
		backend{"in the size of a chunk", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5", ops(take(5))},
		backend{"behind the last chunk", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", ops(take(5))},
		backend{"by a chunk that is none", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", ops(take(5))},
		backend{"by garbage", "\x00\x01\x02\r\n\r\n", nil},
		backend{"by another protocol", "SSH-2.0-x\r\n", nil},
		backend{"of events", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\ndata: 2\n\n", nil},
		backend{"of chunked events cut", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n", ops(take(9))},
		backend{"with hop-by-hop fields", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: X-A, close\r\nX-A: 1\r\nKeep-Alive: 5\r\nUpgrade: x\r\n\r\nx", nil},
		backend{"with trailers", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", nil},
		backend{"with odd values", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-A: \xe9\r\nX-B:\r\n\r\nx", nil},
		backend{"with hints", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", nil},
		backend{"with a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", nil},
		backend{"with another phrase", "HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\nx", nil},
		backend{"with an unknown status", "HTTP/1.1 299 Odd\r\nContent-Length: 1\r\n\r\nx", nil},
		backend{"with a 204", "HTTP/1.1 204 No Content\r\n\r\n", nil},
		backend{"with a 304", "HTTP/1.1 304 Not Modified\r\nEtag: \"x\"\r\nContent-Length: 5\r\n\r\n", nil},
	)...),
})

// A backend answers with these bytes, and is gone when the client has done something. What the proxy has not flushed by
// then is not there to be taken.
type backend struct {
	name, answer string
	meanwhile    []op
}

func (b backend) client() []op {
	acts := append(ops(send, await("answered")), b.meanwhile...)
	return append(acts, release("answered"), finish, next)
}
