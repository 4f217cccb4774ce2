package cases

// What planted faults show in and no other theme has.
var _ = theme(Theme{
	Name: "planted",
	Cases: []Case{
		{Name: "pragma no-cache", Fields: []Field{{"Pragma", "no-cache"}}},
		{Name: "pragma no-cache and a cache-control", Fields: []Field{{"Pragma", "no-cache"}, {"Cache-Control", "max-age=1"}}},
		{Name: "a large write behind a small one", Do: ops(write("hello"), bytes(100_000))},
		{Name: "a body of a megabyte", On: OnlyH2, Method: "POST", Body: Body{Size: 1 << 20}, Do: ops(readall, write("x"))},
		{
			Name: "nothing is taken until a deadline", On: OnlyH2, Do: ops(writeby(1000), until(4<<20)),
			Client: ops(hold, send, await("left"), finish),
		},
	},
})
