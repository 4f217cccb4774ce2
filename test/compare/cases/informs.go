package cases

// Informational responses.
var _ = theme(Theme{
	Name:   "informs",
	Forced: informsForced,
	Chosen: informsChosen,
	Cases: []Case{
		{Name: "early hints", Do: ops(set("Link", "</a.css>; rel=preload"), status(103), set("X-A", "1"), write("x"))},
		{Name: "early hints twice", Do: ops(set("Link", "</a>"), status(103), add("Link", "</b>"), status(103), write("x"))},
		{Name: "processing", Do: ops(status(102), status(102), write("x"))},
		{Name: "unknown", Do: ops(set("X-A", "1"), status(199), write("x"))},
		{Name: "continue without a body", Do: ops(status(100), write("x"))},
		{Name: "continue with a body", Method: "POST", Body: Body{Text: "abc"}, Do: ops(status(100), readall, write("x"))},
		{Name: "alone", Do: ops(status(103))},
		{Name: "behind the status", Do: ops(status(200), status(103), write("x"))},
		{Name: "behind a write", Do: ops(write("x"), status(103), write("y"))},
		{Name: "before a 204", Do: ops(status(103), status(204))},
		{Name: "before a 404", Do: ops(status(103), httpError(404, "no"))},
		{Name: "before a panic", Do: ops(status(103), panics("x"))},
		{Name: "of a head", Method: "HEAD", Do: ops(set("Link", "</a>"), status(103), write("x"))},
		{Name: "on 1.0", Proto: "HTTP/1.0", On: OnlyH1, Do: ops(status(103), write("x"))},
		{Name: "with a length", Do: ops(set("Content-Length", "1"), status(103), write("x"))},
		{Name: "with a type", Do: ops(set("Content-Type", "text/css"), status(103), write("x"))},
		{Name: "with a coding", Do: ops(set("Transfer-Encoding", "chunked"), status(103), write("x")), On: OnlyH1},
		{Name: "with a cookie", Do: ops(cookie("a", "1"), cookie("b", "2"), status(103), write("x"))},
		{Name: "with a bad field", Do: ops(set("X-Bad", "a\x00b"), raw("X Bad", "1"), set("X-A", "1"), status(103), write("x"))},
		{Name: "with a line break", Do: ops(set("X-Bad", "a\r\nb"), set("X-A", "1"), status(103), write("x"))},
		{Name: "with connection", Do: ops(set("Connection", "close"), status(103), write("x"))},
		{Name: "16", Do: append(hints(16), write("x"))},
		{Name: "17", Do: append(hints(17), write("x"))},
		{
			Name: "before the handler ends", Do: ops(set("Link", "</a>"), status(103), gate("a"), write("x")),
			Client: ops(send, await("a"), inform, release("a"), finish, next),
		},
	},
})

func hints(n int) (all []op) {
	for range n {
		all = append(all, status(103))
	}
	return all
}
