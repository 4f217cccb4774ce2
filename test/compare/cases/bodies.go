package cases

import "fmt"

// Bodies of requests: of every length, delimited in both ways, read, half read and not read.
var _ = theme(Theme{
	Name:   "bodies",
	Forced: bodiesForced,
	Chosen: bodiesChosen,
	Cases: flat(
		each(func(n int) []Case {
			return []Case{
				{Name: fmt.Sprintf("read of %d", n), Method: "POST", Body: Body{Size: n}, Do: ops(readall, write("x"))},
				{Name: fmt.Sprintf("chunked read of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(readall, write("x"))},
				{Name: fmt.Sprintf("unread of %d", n), Method: "POST", Body: Body{Size: n}, Do: ops(write("x"))},
				{Name: fmt.Sprintf("chunked unread of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(write("x"))},
				{Name: fmt.Sprintf("half read of %d", n), Method: "POST", Body: Body{Size: n}, Do: ops(read(n/2), write("x"))},
				{Name: fmt.Sprintf("chunked half read of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(read(n/2), write("x"))},
				{Name: fmt.Sprintf("echo of %d", n), Method: "POST", Body: Body{Size: n}, Do: ops(echo)},
				{Name: fmt.Sprintf("chunked echo of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(echo)},
			}
		}, 1, 10, 16384, 65535, 65536, 65537, 131072, 200_000),
		// What net/http reads of an unread body before it closes.
		each(func(n int) []Case {
			return []Case{
				{Name: fmt.Sprintf("unread of %d", n), Method: "POST", Body: Body{Size: n}, Do: ops(write("x"))},
				{Name: fmt.Sprintf("chunked unread of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(write("x"))},
			}
		}, 262_143, 2<<20, 10<<20),
		each(func(n int) []Case {
			return []Case{
				{Name: fmt.Sprintf("chunked read of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(readall, write("x"))},
				{Name: fmt.Sprintf("chunked echo of %d", n), Method: "POST", Body: Body{Size: n, Chunked: true}, Do: ops(echo)},
			}
		}, 600_000),
		[][]Case{{
			{Name: "read of 1048576", Method: "POST", Body: Body{Size: 1 << 20}, Do: ops(readall, write("x"))},
			{Name: "read of 64 MiB", Heavy: true, Method: "POST", Body: Body{Size: 64 << 20}, Do: ops(readall, write("x"))},
			{Name: "chunked read of 64 MiB", Heavy: true, Method: "POST", Body: Body{Size: 64 << 20, Chunked: true, Piece: 65536}, Do: ops(readall)},
			{Name: "chunked of nothing", Method: "POST", Body: Body{Chunked: true}, Do: ops(readall, write("x"))},
			{Name: "chunked of nothing unread", Method: "POST", Body: Body{Chunked: true}, Do: ops(write("x"))},
			{Name: "chunks of a byte", Method: "POST", Body: Body{Size: 1000, Chunked: true, Piece: 1}, Do: ops(readall, write("x"))},
			{Name: "chunks of a byte unread", Method: "POST", Body: Body{Size: 1000, Chunked: true, Piece: 1}, Do: ops(write("x"))},
			{Name: "closed", Method: "POST", Body: Body{Size: 1000}, Do: ops(closes, readall, write("x"))},
			{Name: "closed half read", Method: "POST", Body: Body{Size: 1000}, Do: ops(read(10), closes, readall, write("x"))},
			{Name: "closed twice", Method: "POST", Body: Body{Size: 1000}, Do: ops(closes, closes, write("x"))},
			{Name: "closed large", Method: "POST", Body: Body{Size: 2 << 20}, Do: ops(closes, write("x"))},
			{Name: "read twice", Method: "POST", Body: Body{Size: 1000}, Do: ops(readall, readall, write("x"))},
			{Name: "read to its length", Method: "POST", Body: Body{Size: 1000}, Do: ops(read(1000), read(1), write("x"))},
			{Name: "read of no bytes", Method: "POST", Body: Body{Size: 1000}, Do: ops(zero, readall, zero, write("x"))},
			{Name: "none read", Do: ops(zero, readall, closes, readall, write("x"))},
			{Name: "read behind the answer", Method: "POST", Body: Body{Size: 1000}, Do: ops(write("x"), readall)},
			{Name: "read behind a flush", Method: "POST", Body: Body{Size: 1000}, Do: ops(write("x"), flush, readall)},
			{Name: "read behind a flush in full duplex", Method: "POST", Body: Body{Size: 1000}, Do: ops(full, write("x"), flush, readall)},
			{Name: "large read behind a flush", Method: "POST", Body: Body{Size: 2 << 20}, Do: ops(write("x"), flush, drain)},
			{Name: "large read behind a flush in full duplex", Method: "POST", Body: Body{Size: 300_000}, Do: ops(full, write("x"), flush, readall)},
			{Name: "large answer to an unread body", Method: "POST", Body: Body{Size: 100_000}, Do: ops(bytes(300_000))},
			{Name: "an error for an unread body", Method: "POST", Body: Body{Size: 1000}, Do: ops(httpError(400, "no"))},
			{Name: "of a get unread", Body: Body{Size: 1000}, Do: ops(write("x"))},
			{
				Name: "in two parts", Method: "POST", Body: Body{Size: 1000}, Do: ops(read(400), gate("a"), readall, write("x")),
				Client: ops(head, part(500), await("a"), release("a"), rest, finish, next),
			},
			{
				Name: "in two parts chunked", Method: "POST", Body: Body{Size: 1000, Chunked: true}, Do: ops(read(400), gate("a"), readall, write("x")),
				Client: ops(head, part(500), await("a"), release("a"), rest, finish, next),
			},
			{
				Name: "that comes behind the answer", Method: "POST", Body: Body{Size: 1000}, Do: ops(full, write("x"), flush),
				Client: ops(head, part(500), finish, rest, next),
			},
			{
				Name: "that comes behind the answer chunked", Method: "POST", Body: Body{Size: 1000, Chunked: true}, Do: ops(full, write("x"), flush),
				Client: ops(head, part(500), finish, rest),
			},
			{
				Name: "that never comes", Method: "POST", Body: Body{Size: 1000}, Do: ops(full, write("x"), flush),
				Client: ops(head, take(1), finish),
			},
			{
				Name: "that never comes and no full duplex", Method: "POST", Body: Body{Size: 1000}, Do: ops(write("x")),
				Client: ops(head, finish),
			},
			{Name: "longer than it says", Client: ops(head, await("entered"), rest, finish, next), On: OnlyH2, Method: "POST", Body: Body{Size: 20, Declared: "10"}, Do: ops(drain, put("x"))},
			{Name: "shorter than it says", Client: ops(head, await("entered"), rest, finish, next), On: OnlyH2, Method: "POST", Body: Body{Size: 10, Declared: "20"}, Do: ops(drain, put("x"))},
		}},
	),
})

func flat(groups ...[][]Case) (all []Case) {
	for _, group := range groups {
		for _, list := range group {
			all = append(all, list...)
		}
	}
	return all
}
