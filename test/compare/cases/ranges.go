package cases

// Parts of a file, and files that have not changed (RFC 9110, 13 and 14).
var _ = theme(Theme{
	Name: "ranges",
	Cases: append([]Case{
		{Name: "head", Method: "HEAD", Do: ops(file)},
		{Name: "head of a range", Method: "HEAD", Fields: []Field{{"Range", "bytes=0-3"}}, Do: ops(file)},
		{Name: "post", Method: "POST", Fields: []Field{{"Range", "bytes=0-3"}}, Do: ops(file)},
		{Name: "by etag", Fields: []Field{{"If-None-Match", `"v1"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "by another etag", Fields: []Field{{"If-None-Match", `"v2"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "by a weak etag", Fields: []Field{{"If-None-Match", `W/"v1"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "by any etag", Fields: []Field{{"If-None-Match", `*`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "if it matches", Fields: []Field{{"If-Match", `"v1"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "if it matches not", Fields: []Field{{"If-Match", `"v2"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "a range if it matches", Fields: []Field{{"Range", "bytes=0-3"}, {"If-Range", `"v1"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "a range if it matches not", Fields: []Field{{"Range", "bytes=0-3"}, {"If-Range", `"v2"`}}, Do: ops(set("Etag", `"v1"`), file)},
		{Name: "since then", Fields: []Field{{"If-Modified-Since", "Tue, 14 Nov 2023 22:13:20 GMT"}}, Do: ops(file)},
		{Name: "since before", Fields: []Field{{"If-Modified-Since", "Mon, 13 Nov 2023 22:13:20 GMT"}}, Do: ops(file)},
		{Name: "unmodified since before", Fields: []Field{{"If-Unmodified-Since", "Mon, 13 Nov 2023 22:13:20 GMT"}}, Do: ops(file)},
		{Name: "a range if unchanged since", Fields: []Field{{"Range", "bytes=0-3"}, {"If-Range", "Tue, 14 Nov 2023 22:13:20 GMT"}}, Do: ops(file)},
		{Name: "html", Do: ops(content("a.html", "<p>hello"))},
		{Name: "no extension", Do: ops(content("a", "<html>"))},
		{Name: "empty", Do: ops(content("a.txt", ""))},
		{Name: "a range of nothing", Fields: []Field{{"Range", "bytes=0-3"}}, Do: ops(content("a.txt", ""))},
		{Name: "encoded", Fields: []Field{{"Range", "bytes=0-3"}}, Do: ops(set("Content-Encoding", "gzip"), file)},
	}, each(func(r string) Case {
		return Case{Name: r, Fields: []Field{{"Range", r}}, Do: ops(file)}
	}, "bytes=0-0", "bytes=0-3", "bytes=3-", "bytes=-3", "bytes=-100", "bytes=0-100", "bytes=20-30", "bytes=5-3", "bytes=a-b",
		"bytes=", "lines=0-3", "bytes=0-3,20-30", "bytes= 0-3", "0-3")...),
})

var file = content("a.css", "body { color: red }")
