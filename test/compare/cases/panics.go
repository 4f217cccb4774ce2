package cases

// Handlers that fail: quietly and not, before the head, behind it, behind a Flush.
var _ = theme(Theme{
	Name:   "panics",
	Forced: panicsForced,
	Chosen: panicsChosen,
	Cases: flat(each(func(f failure) []Case {
		return []Case{
			{Name: f.name + " at once", Do: ops(f.op)},
			{Name: f.name + " with fields", Do: ops(set("X-A", "1"), f.op)},
			{Name: f.name + " behind a status", Do: ops(status(201), f.op)},
			{Name: f.name + " behind a write", Do: ops(write("hello"), f.op)},
			{Name: f.name + " behind a flush", Do: ops(write("hello"), flush, f.op)},
			{Name: f.name + " behind a flushed head", Do: ops(flush, f.op)},
			{Name: f.name + " behind a write behind a flush", Do: ops(write("hello"), flush, write("more"), f.op)},
			{Name: f.name + " behind a large write", Do: ops(bytes(100_000), f.op)},
			{Name: f.name + " behind a whole body", Do: ops(set("Content-Length", "5"), write("hello"), f.op)},
			{Name: f.name + " behind a flushed whole body", Do: ops(set("Content-Length", "5"), write("hello"), flush, f.op)},
			{Name: f.name + " behind half a body", Do: ops(set("Content-Length", "10"), write("hello"), flush, f.op)},
			{Name: f.name + " of a head", Method: "HEAD", Do: ops(write("hello"), f.op)},
			{Name: f.name + " of a flushed head", Method: "HEAD", Do: ops(write("hello"), flush, f.op)},
			{Name: f.name + " of a 204", Do: ops(status(204), flush, f.op)},
			{Name: f.name + " with an unread body", Method: "POST", Body: Body{Size: 1000}, Do: ops(f.op)},
			{Name: f.name + " with a read body", Method: "POST", Body: Body{Size: 1000}, Do: ops(readall, f.op)},
			{Name: f.name + " with half a body", Method: "POST", Body: Body{Size: 100_000}, Do: ops(read(1000), f.op)},
			{Name: f.name + " in a timeout handler", Do: ops(timeout(60_000, write("x"), f.op))},
			{Name: f.name + " of events", Do: ops(set("Content-Type", "text/event-stream"), write("data: 1\n\n"), flush, write("data: 2\n\n"), flush, f.op)},
			{
				Name: f.name + " seen by a client that has the head", Do: ops(write("hello"), flush, gate("a"), f.op),
				Client: ops(send, await("a"), take(5), release("a"), finish, next),
			},
		}
	}, failure{"panic", panics("x")}, failure{"abort", abort}),
		[][]Case{{
			{Name: "goexit at once", Do: ops(goexit)},
			{Name: "goexit behind a write", Do: ops(write("hello"), goexit)},
			{Name: "goexit behind a flush", Do: ops(write("hello"), flush, goexit)},
		}}),
})

type failure struct {
	name string
	op   op
}
