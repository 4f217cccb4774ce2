package cases

// Flush, and what a client has of a response while its handler goes on.
var _ = theme(Theme{
	Name: "flushes",
	Cases: []Case{
		{Name: "between writes", Do: ops(write("a"), flush, write("b"))},
		{Name: "before all", Do: ops(flush, write("a"))},
		{Name: "alone", Do: ops(flush)},
		{Name: "at the end", Do: ops(write("a"), flush)},
		{Name: "twice", Do: ops(write("a"), flush, flush, write("b"))},
		{Name: "with an error", Do: ops(write("a"), flusherr, write("b"), flusherr)},
		{Name: "with a length", Do: ops(set("Content-Length", "2"), write("a"), flush, write("b"))},
		{Name: "of a 204", Do: ops(status(204), flush)},
		{Name: "of a 304", Do: ops(status(304), flush)},
		{Name: "of events", Do: ops(set("Content-Type", "text/event-stream"), write("data: 1\n\n"), flush, write("data: 2\n\n"), flush)},
		{
			Name: "head before the handler ends", Do: ops(set("X-A", "1"), flush, gate("a"), write("rest")),
			Client: ops(send, await("a"), first, release("a"), finish, next),
		},
		{
			Name: "bytes before the handler ends", Do: ops(write("one"), flush, gate("a"), write("two")),
			Client: ops(send, await("a"), take(3), release("a"), finish, next),
		},
		{
			Name: "bytes before the request ends", Method: "POST", Body: Body{Size: 10},
			Do:     ops(full, read(5), write("five"), flush, gate("a"), readall, write("all")),
			Client: ops(head, part(5), await("a"), take(4), release("a"), rest, finish, next),
		},
		{
			Name: "large bytes before the handler ends", Do: ops(bytes(100_000), flush, gate("a"), write("two")),
			Client: ops(send, await("a"), take(100_000), release("a"), finish, next),
		},
		{
			Name: "not flushed", Do: ops(write("one"), gate("a"), write("two")),
			Client: ops(send, await("a"), release("a"), finish, next),
		},
	},
})
