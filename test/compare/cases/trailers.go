package cases

// Trailers of responses, announced and not, for clients that say TE: trailers and for those that do not; and of requests.
var _ = theme(Theme{
	Name:   "trailers",
	Chosen: trailersChosen,
	Forced: trailersForced,
	Cases: flat([][]Case{
		trailerCases("with te ", []Field{{"TE", "trailers"}}),
		trailerCases("", nil),
		{
			{Name: "with te in a list", Fields: []Field{{"TE", "gzip;q=0.5, trailers"}}, On: OnlyH1, Do: announced},
			{Name: "on 1.0", Proto: "HTTP/1.0", On: OnlyH1, Do: announced},
			{
				Name: "of a request announced", Method: "POST", Fields: []Field{{"Trailer", "X-Sum"}},
				Body: Body{Text: "hello", Trailers: []Field{{"X-Sum", "1"}}}, Do: ops(trailerOf("X-Sum"), read(5), gate("a"), drain, trailerOf("X-Sum"), put("x")),
				Client: ops(head, part(5), await("a"), release("a"), rest, finish, next),
			},
			{
				Name: "of a request", Method: "POST", Body: Body{Text: "hello", Trailers: []Field{{"X-Sum", "1"}}},
				Do:     ops(read(5), gate("a"), drain, trailerOf("X-Sum"), put("x")),
				Client: ops(head, part(5), await("a"), release("a"), rest, finish, next),
			},
			{
				Name: "of a request that smuggle", Method: "POST", On: OnlyH1,
				Body:   Body{Text: "hello", Trailers: []Field{{"GET /smuggled?x=", " HTTP/1.1"}}},
				Do:     ops(read(5), gate("a"), drain, put("x")),
				Client: ops(head, part(5), await("a"), release("a"), rest, finish, next),
			},
			{
				Name: "of a request with a length", Method: "POST", On: OnlyH2,
				Body: Body{Text: "hello", Declared: "5", Trailers: []Field{{"x-sum", "1"}}}, Do: ops(readall, gate("a"), write("x")),
				Client: ops(head, rest, await("a"), sent, release("a"), finish, next),
			},
		},
	}),
})

var announced = ops(set("Trailer", "X-Sum"), write("hello"), set("X-Sum", "1"))

func trailerCases(prefix string, te []Field) []Case {
	list := []Case{
		{Name: "announced", Do: announced},
		{Name: "announced twice", Do: ops(add("Trailer", "X-Sum"), add("Trailer", "X-B"), write("hello"), set("X-Sum", "1"), set("X-B", "2"))},
		{Name: "announced as a list", Do: ops(set("Trailer", "X-Sum, x-b"), write("hello"), set("X-Sum", "1"), set("X-B", "2"))},
		{Name: "announced and not set", Do: ops(set("Trailer", "X-Sum"), write("hello"))},
		{Name: "announced and set before", Do: ops(set("Trailer", "X-Sum"), set("X-Sum", "0"), write("hello"), set("X-Sum", "1"))},
		{Name: "announced and flushed", Do: ops(set("Trailer", "X-Sum"), write("hello"), flush, set("X-Sum", "1"))},
		{Name: "announced without a body", Do: ops(set("Trailer", "X-Sum"), status(200), set("X-Sum", "1"))},
		{Name: "announced with a length", Do: ops(set("Trailer", "X-Sum"), set("Content-Length", "5"), write("hello"), set("X-Sum", "1"))},
		{Name: "announced and large", Do: ops(set("Trailer", "X-Sum"), bytes(100_000), set("X-Sum", "1"))},
		{Name: "by prefix", Do: ops(write("hello"), flush, set("Trailer:X-Sum", "1"))},
		{Name: "by prefix set before", Do: ops(set("Trailer:X-Sum", "1"), write("hello"), flush)},
		{Name: "by prefix unflushed", Do: ops(write("hello"), set("Trailer:X-Sum", "1"))},
		{Name: "by prefix without a body", Do: ops(set("Trailer:X-Sum", "1"))},
		{Name: "of a head", Method: "HEAD", Do: announced},
		{Name: "of a 204", Do: ops(set("Trailer", "X-Sum"), status(204), set("X-Sum", "1"))},
		{Name: "of a 304", Do: ops(set("Trailer", "X-Sum"), status(304), set("X-Sum", "1"))},
		{Name: "of an error", Do: ops(set("Trailer", "X-Sum"), status(500), write("x"), set("X-Sum", "1"))},
		{Name: "forbidden", Do: ops(set("Trailer", "Content-Length, Transfer-Encoding, X-Sum"), write("hello"), set("Content-Length", "9"), set("X-Sum", "1"))},
		{Name: "of a content type", Do: ops(set("Trailer", "Content-Type"), set("Content-Type", "text/plain"), write("hello"), set("Content-Type", "x/y"))},
		{Name: "with two values", Do: ops(set("Trailer", "X-Sum"), write("hello"), add("X-Sum", "1"), add("X-Sum", "2"))},
		{Name: "with a bad value", Do: ops(set("Trailer", "X-Sum, X-B"), write("hello"), set("X-Sum", "a\x00b"), set("X-B", "1"))},
		{Name: "with a line break", Do: ops(set("Trailer", "X-Sum, X-B"), write("hello"), set("X-Sum", "a\r\nb"), set("X-B", "1"))},
		{Name: "with a bad name", Do: ops(write("hello"), flush, raw("Trailer:X Bad", "1"), set("Trailer:X-B", "1"))},
		{Name: "of grpc", Do: ops(set("Content-Type", "application/grpc"), status(200), flush, bytes(100), set("Trailer:Grpc-Status", "0"), set("Trailer:Grpc-Message", "ok"))},
		{Name: "before a panic", Do: ops(set("Trailer", "X-Sum"), write("hello"), flush, set("X-Sum", "1"), panics("x"))},
	}
	for i := range list {
		list[i].Name = prefix + list[i].Name
		list[i].Fields = te
	}
	return list
}
