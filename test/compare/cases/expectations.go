package cases

// Expect: 100-continue (RFC 9110, 10.1.1): a client that waits to be told, one that does not, and handlers that read,
// do not, or say it themselves.
var _ = theme(Theme{
	Name:   "expectations",
	Forced: expectationsForced,
	Chosen: expectationsChosen,
	Cases: []Case{
		{Name: "read", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(readall, write("x")), Client: waits},
		{Name: "read chunked", Method: "POST", Body: Body{Size: 1000, Chunked: true}, Fields: expect, Do: ops(readall, write("x")), Client: waits},
		{Name: "read large", Method: "POST", Body: Body{Size: 300_000}, Fields: expect, Do: ops(readall, write("x")), Client: waits},
		{Name: "half read", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(read(10), write("x")), Client: waits},
		{Name: "echoed", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(echo), Client: waits},
		{Name: "refused", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(httpError(413, "no")), Client: waits},
		{Name: "refused with 417", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(status(417)), Client: waits},
		{Name: "not read", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(write("x")), Client: waits},
		{Name: "not read chunked", Method: "POST", Body: Body{Size: 1000, Chunked: true}, Fields: expect, Do: ops(write("x")), Client: waits},
		{Name: "not read with a large answer", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(bytes(100_000)), Client: waits},
		{Name: "closed", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(closes, write("x")), Client: waits},
		{Name: "said by the handler", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(status(100), readall, write("x")), Client: waits},
		// Nothing comes of the body, so that what tells the client a second time is seen.
		{
			Name: "said by the handler and not heeded", Method: "POST", On: OnlyH1, Body: Body{Size: 1000}, Fields: expect,
			Do: ops(status(100), readby(200), readall, write("x")), Client: ops(head, inform, finish),
		},
		{Name: "said twice by the handler", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(status(100), status(100), readall, write("x")), Client: waits},
		{Name: "said and not read", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(status(100), write("x")), Client: waits},
		{Name: "hints first", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(status(103), readall, write("x"))},
		// On HTTP/2 the body stands in another frame than the head, which may come before the handler reads or after.
		{Name: "sent at once and read", Method: "POST", On: OnlyH1, Body: Body{Size: 1000}, Fields: expect, Do: ops(readall, write("x"))},
		{Name: "sent at once and not read", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(write("x"))},
		{Name: "without a body", Fields: expect, Do: ops(readall, write("x"))},
		{Name: "with a length of 0", Method: "POST", Body: Body{Declared: "0"}, Fields: expect, Do: ops(readall, write("x"))},
		{Name: "in capitals", Method: "POST", Body: Body{Size: 10}, Fields: []Field{{"Expect", "100-Continue"}}, Do: ops(readall, write("x")), Client: waits},
		{Name: "something else", Method: "POST", Body: Body{Size: 10}, Fields: []Field{{"Expect", "something"}}, Do: ops(readall, write("x"))},
		{Name: "something else without a body", Fields: []Field{{"Expect", "something"}}, Do: ops(write("x"))},
		{Name: "something else too", Method: "POST", Body: Body{Size: 10}, Fields: []Field{{"Expect", "100-continue, x=y"}}, Do: ops(readall, write("x"))},
		{Name: "nothing", Method: "POST", Body: Body{Size: 10}, Fields: []Field{{"Expect", ""}}, Do: ops(readall, write("x"))},
		{Name: "on 1.0", Method: "POST", Proto: "HTTP/1.0", On: OnlyH1, Body: Body{Size: 10}, Fields: expect, Do: ops(readall, write("x"))},
		{Name: "panic", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(abort), Client: waits},
		{Name: "too much", Method: "POST", Body: Body{Size: 1000}, Fields: expect, Do: ops(maxbytes(10), httpError(413, "no")), Client: waits},
	},
})

var (
	expect = []Field{{"Expect", "100-continue"}}
	// waits is a client that sends its body when it is told to.
	waits = ops(head, toldTo, finish, next)
)
