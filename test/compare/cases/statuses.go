package cases

import "fmt"

var _ = theme(Theme{
	Name:   "statuses",
	Chosen: statusesChosen,
	Forced: statusesForced,
	Cases: append([]Case{
		{Name: "none", Do: ops()},
		{Name: "twice", Do: ops(status(201), status(404), write("x"))},
		{Name: "behind a write", Do: ops(write("x"), status(404))},
		{Name: "204 with a body", Do: ops(status(204), write("x"))},
		{Name: "204 with a length", Do: ops(set("Content-Length", "5"), status(204))},
		{Name: "204 with a type", Do: ops(set("Content-Type", "text/plain"), status(204))},
		{Name: "304 with a body", Do: ops(status(304), write("x"))},
		{Name: "304 with a length", Do: ops(set("Content-Length", "5"), set("Etag", `"x"`), status(304))},
		{Name: "304 with a type", Do: ops(set("Content-Type", "text/plain"), status(304))},
		{Name: "205", Do: ops(status(205))},
		{Name: "205 with a body", Do: ops(status(205), write("x"))},
		{Name: "426 with upgrade", Do: ops(set("Upgrade", "h2c"), set("Connection", "Upgrade"), status(426), write("x"))},
		{Name: "401", Do: ops(set("WWW-Authenticate", `Basic realm="x"`), status(401), write("x"))},
		{Name: "405", Do: ops(set("Allow", "GET, HEAD"), status(405), write("x"))},
		{Name: "503", Do: ops(set("Retry-After", "5"), status(503), write("x"))},
		{Name: "99", Do: ops(status(99), write("x"))},
		{Name: "1000", Do: ops(status(1000), write("x"))},
		{Name: "0", Do: ops(status(0), write("x"))},
		{Name: "101", Do: ops(status(101)), On: OnlyH1},
		{Name: "error", Do: ops(set("Etag", "x"), set("Content-Length", "99"), httpError(403, "no"))},
		{Name: "not found", Do: ops(notfound)},
		{Name: "redirect", Target: "/a/b?c", Do: ops(redirect(302, "../d"))},
		{Name: "redirect of a post", Method: "POST", Do: ops(redirect(303, "/x?y=\u00e9"))},
		{Name: "redirect to another host", Do: ops(redirect(308, "https://other.test/a"))},
		{Name: "head of an error", Method: "HEAD", Do: ops(httpError(500, "no"))},
		{Name: "head of 204", Method: "HEAD", Do: ops(status(204))},
		{Name: "head of 304 with a length", Method: "HEAD", Do: ops(set("Content-Length", "5"), status(304))},
	}, each(statusCase, 200, 201, 202, 203, 206, 207, 208, 226, 299, 300, 301, 302, 303, 305, 306, 307, 308, 399,
		400, 402, 403, 404, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426,
		428, 429, 431, 451, 499, 500, 501, 502, 504, 505, 506, 507, 508, 510, 511, 599, 600, 999)...),
})

// Each has a phrase of its own, or none.
func statusCase(code int) Case {
	return Case{Name: fmt.Sprint("status ", code), Do: ops(status(code), write("x"))}
}

func each[T, R any](f func(T) R, list ...T) []R {
	var all []R
	for _, v := range list {
		all = append(all, f(v))
	}
	return all
}
