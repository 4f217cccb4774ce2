package cases

import "github.com/gwport/gwport/test/compare/script"

// Clients that leave, before, during and after; and slow ones.
var _ = theme(Theme{
	Name:   "clients",
	Forced: clientsForced,
	Cases: []Case{
		{Name: "leaves while the handler waits", Do: ops(gate("a"), done), Client: ops(send, await("a"), leave, release("a"))},
		{Name: "resets while the handler waits", Do: ops(gate("a"), done), Client: ops(send, await("a"), reset, release("a"))},
		{Name: "leaves behind the head", Do: ops(write("x"), flush, gate("a"), done), Client: ops(send, await("a"), take(1), leave, release("a"))},
		{Name: "resets behind the head", Do: ops(write("x"), flush, gate("a"), done), Client: ops(send, await("a"), take(1), reset, release("a"))},
		{
			Name: "leaves in its body", Method: "POST", Body: Body{Size: 1000}, Do: ops(read(500), gate("a"), readall),
			Client: ops(head, part(500), await("a"), leave, release("a")),
		},
		{
			Name: "leaves in its chunked body", Method: "POST", Body: Body{Size: 1000, Chunked: true}, Do: ops(read(500), gate("a"), readall),
			Client: ops(head, part(500), await("a"), leave, release("a")),
		},
		{
			Name: "resets in its body", Method: "POST", Body: Body{Size: 1000}, Do: ops(read(500), gate("a"), readall), On: OnlyH2,
			Client: ops(head, part(500), await("a"), reset, release("a")),
		},
		{
			Name: "leaves in its body and the handler waits", Method: "POST", Body: Body{Size: 1000}, On: OnlyH2, Do: ops(read(500), gate("a"), done),
			Client: ops(head, part(500), await("a"), leave, release("a")),
		},
		{
			Name: "leaves while the handler writes", Do: ops(bytes(100_000), gate("a"), until(64<<20)),
			Client: ops(send, await("a"), first, leave, release("a")),
		},
		{
			Name: "resets while the handler writes", Do: ops(bytes(100_000), gate("a"), until(64<<20)),
			Client: ops(send, await("a"), first, reset, release("a")),
		},
		{
			Name: "leaves while the handler is stalled", Do: ops(gate("a"), until(64<<20)),
			Client: ops(send, hold, await("a"), release("a"), take(1), leave),
		},
		{Name: "leaves behind all", Do: ops(write("x")), Client: ops(send, finish, leave)},
		{
			Name: "ends its side while the handler waits", On: Clear, Do: ops(gate("a"), done, put("x")),
			Client: ops(send, await("a"), half, release("a"), finish),
		},
		{
			Name: "ends its side in its body", On: Clear, Method: "POST", Body: Body{Size: 1000}, Do: ops(read(500), gate("a"), drain, put("x")),
			Client: ops(head, part(500), await("a"), half, release("a"), finish),
		},
		{
			Name: "ends its side in its chunked body", On: Clear, Method: "POST", Body: Body{Size: 1000, Chunked: true},
			Do:     ops(read(500), gate("a"), drain, put("x")),
			Client: ops(head, part(500), await("a"), half, release("a"), finish),
		},
		{Name: "ends its side in its head", On: Clear, Raw: "GET / HTTP/1.1\r\nHost: exa", Client: ops(head, half, finish)},
		{Name: "is there all the time", Do: ops(ctx, write("x"), flush, ctx)},
		// Not as large as an HTTP/2 client's window here, 1 MiB: the README's limits tell what Cowboy does when one is used up at the end.
		{Name: "is slow", Do: ops(bytes(1_000_000)), Client: ops(send, hold, take(1), finish, next)},
		{Name: "is slow with a length", Do: ops(set("Content-Length", "1000000"), bytes(1_000_000)), Client: ops(send, hold, take(1), finish, next)},
	},
})

// What http.ResponseController bounds.
var _ = theme(Theme{
	Name: "deadlines",
	Cases: []Case{
		{
			Name: "of reading that has passed", Method: "POST", Body: Body{Size: 1000}, Do: ops(gate("a"), readby(-1000), readall, write("x")),
			Client: ops(head, await("a"), release("a"), finish),
		},
		{
			Name: "of reading that passes", Method: "POST", Body: Body{Size: 1000}, Do: ops(readby(50), readall, write("x")),
			Client: ops(head, part(500), finish),
		},
		{Name: "of reading that does not pass", Method: "POST", Body: Body{Size: 1000}, Do: ops(readby(60_000), readall, write("x"))},
		{Name: "of reading taken back", Method: "POST", Body: Body{Size: 1000}, Do: ops(readby(60_000), readby(0), readall, write("x"))},
		{Name: "of reading without a body", Do: ops(readby(60_000), readall, write("x"))},
		{Name: "of reading that has passed without a body", Do: ops(readby(-1000), write("x"))},
		{Name: "of writing that has passed", Do: ops(writeby(-1000), write("x"), flusherr)},
		{Name: "of writing that has passed unflushed", Do: ops(writeby(-1000), write("x"))},
		{Name: "of writing that does not pass", Do: ops(writeby(60_000), write("x"), flusherr)},
		{Name: "of writing taken back", Do: ops(writeby(60_000), writeby(0), write("x"), flusherr)},
		{Name: "of writing to a slow client", Do: ops(writeby(300), until(64<<20)), Client: ops(send, hold, await("left"), finish)},
		{Name: "of writing to nobody", Do: ops(flush, writeby(300), until(64<<20)), Client: ops(send, hold, first, await("left"), finish)},
		{Name: "of both", Method: "POST", Body: Body{Size: 1000}, Do: ops(readby(60_000), writeby(60_000), readall, write("x"))},
	},
})

// http.TimeoutHandler.
var _ = theme(Theme{
	Name: "timeouts",
	Cases: []Case{
		{Name: "in time", Do: ops(timeout(60_000, set("X-A", "1"), write("x")))},
		{Name: "in time with a status", Do: ops(timeout(60_000, status(404), write("x")))},
		{Name: "in time and large", Do: ops(timeout(60_000, bytes(100_000)))},
		{Name: "in time with nothing", Do: ops(timeout(60_000))},
		{Name: "in time with a flush", Do: ops(timeout(60_000, write("x"), flush))},
		{Name: "in time with a body", Method: "POST", Body: Body{Size: 1000}, Do: ops(timeout(60_000, readall, write("x")))},
		{Name: "in time with cookies", Do: ops(timeout(60_000, cookie("a", "1"), cookie("b", "2"), write("x")))},
		{Name: "in time of a head", Method: "HEAD", Do: ops(timeout(60_000, write("hello")))},
		{Name: "late", Do: ops(timeout(20, done, put("x")))},
		{Name: "late with fields", Do: ops(timeout(20, set("X-A", "1"), write("x"), done))},
		{Name: "late with a body", Method: "POST", Body: Body{Size: 1000}, Do: ops(timeout(20, done, drain, put("x")))},
		{Name: "late of a head", Method: "HEAD", Do: ops(timeout(20, done))},
		{Name: "interfaces", Do: ops(timeout(60_000, has("Flusher"), has("Hijacker"), has("Pusher"), has("ReaderFrom")))},
	},
})

// What the ResponseWriter is beside one, by assertion and by http.ResponseController.
var _ = theme(Theme{
	Name:   "interfaces",
	Chosen: interfacesChosen,
	Cases: append(each(func(name string) Case {
		return Case{Name: name, Do: ops(has(name))}
	}, "Flusher", "CloseNotifier", "ReaderFrom", "StringWriter", "Hijacker", "Pusher", "FlushError", "SetReadDeadline",
		"SetWriteDeadline", "EnableFullDuplex"),
		Case{Name: "full duplex", Do: ops(full, write("x"))},
		Case{Name: "flush", Do: ops(flusherr, write("x"))},
		Case{Name: "hijack", Do: ops(hijack, write("x"))},
		Case{Name: "push", Do: ops(push("/a.css"), write("x"))},
		Case{Name: "close notifier and a client that leaves", Do: ops(gate("a"), closed), Client: ops(send, await("a"), leave, release("a"))},
		Case{Name: "header map", Do: ops(set("x-a", "1"), script.Do("header", "X-A"), write("x"), script.Do("header", "Date"), script.Do("header", "Content-Type"))},
	),
})
