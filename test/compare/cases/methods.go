package cases

// Methods with and without a body, usual and not. A method is any token (RFC 9110, 9.1).
var _ = theme(Theme{
	Name:   "methods",
	Forced: methodsForced,
	Chosen: methodsChosen,
	Cases: []Case{
		{Name: "get", Do: ops(write("hello"))},
		{Name: "head", Method: "HEAD", Do: ops(write("hello"))},
		{Name: "head of nothing", Method: "HEAD"},
		{Name: "post", Method: "POST", Body: Body{Text: "abc"}, Do: ops(readall, write("hello"))},
		{Name: "post of nothing", Method: "POST", Body: Body{Declared: "0"}, Do: ops(readall, write("hello"))},
		{Name: "post without a length", Method: "POST", Do: ops(readall, write("hello"))},
		{Name: "put", Method: "PUT", Body: Body{Text: "abc"}, Do: ops(readall, write("hello"))},
		{Name: "patch", Method: "PATCH", Body: Body{Text: "abc"}, Do: ops(readall, write("hello"))},
		{Name: "delete", Method: "DELETE", Do: ops(write("hello"))},
		{Name: "delete with a body", Method: "DELETE", Body: Body{Text: "abc"}, Do: ops(readall, write("hello"))},
		{Name: "options", Method: "OPTIONS", Do: ops(write("hello"))},
		{Name: "options of all", Method: "OPTIONS", Target: "*", Do: ops(write("hello"))},
		{Name: "get of all", Target: "*", Do: ops(write("hello"))},
		{Name: "trace", Method: "TRACE", Do: ops(write("hello"))},
		{Name: "propfind", Method: "PROPFIND", Body: Body{Text: "<x/>"}, Do: ops(readall, write("hello"))},
		{Name: "report", Method: "REPORT", Do: ops(write("hello"))},
		{Name: "lower case", Method: "get", Do: ops(write("hello"))},
		{Name: "of odd bytes", Method: "A!#$%&'*+-.^_`|~z", Do: ops(write("hello"))},
		{Name: "of 32 bytes", Method: "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", Do: ops(write("hello"))},
		{Name: "get with a body", Body: Body{Text: "abc"}, Do: ops(readall, write("hello"))},
		{Name: "head with a body", Method: "HEAD", Body: Body{Text: "abc"}, Do: ops(readall, write("hello"))},
		{
			Name: "no token", On: OnlyH2, Do: ops(write("hello")),
			Pseudo: []Field{{":method", "GE T"}, {":scheme", "http"}, {":authority", "example.test"}, {":path", "/"}},
		},
		{
			Name: "empty", On: OnlyH2, Do: ops(write("hello")),
			Pseudo: []Field{{":method", ""}, {":scheme", "http"}, {":authority", "example.test"}, {":path", "/"}},
		},
		{
			Name: "a bracket", On: OnlyH1, Do: ops(write("hello")),
			Raw: "G(T / HTTP/1.1\r\nHost: example.test\r\n{case}\r\n",
		},
	},
})
