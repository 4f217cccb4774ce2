package cases

import "strings"

// Forms, uploads and their bounds, and what they leave on the disk.
var _ = theme(Theme{
	Name:   "forms",
	Forced: formsForced,
	Chosen: formsChosen,
	Cases: []Case{
		{Name: "urlencoded", Method: "POST", Target: "/?a=0", Fields: urlencoded, Body: Body{Text: "a=1&b=2+3%204"}, Do: ops(form)},
		{Name: "urlencoded put", Method: "PUT", Fields: urlencoded, Body: Body{Text: "a=1"}, Do: ops(form)},
		{Name: "urlencoded get", Target: "/?a=0", Fields: urlencoded, Body: Body{Text: "a=1"}, Do: ops(form)},
		{Name: "urlencoded chunked", Method: "POST", Fields: urlencoded, Body: Body{Text: "a=1&b=2", Chunked: true}, Do: ops(form)},
		{Name: "urlencoded with a semicolon", Method: "POST", Fields: urlencoded, Body: Body{Text: "a=1;b=2"}, Do: ops(form)},
		{Name: "urlencoded with a bad escape", Method: "POST", Fields: urlencoded, Body: Body{Text: "a=%zz"}, Do: ops(form)},
		{Name: "no type", Method: "POST", Body: Body{Text: "a=1"}, Do: ops(form)},
		{Name: "a type that is none", Method: "POST", Fields: []Field{{"Content-Type", "/x; y"}}, Body: Body{Text: "a=1"}, Do: ops(form)},
		{Name: "multipart in memory", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100)}, Do: ops(multipart(1<<20), write("x"))},
		{Name: "multipart on disk", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000)}, Do: ops(multipart(10), write("x"))},
		{Name: "multipart on disk and a panic", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000)}, Do: ops(multipart(10), panics("x"))},
		{Name: "multipart on disk and an abort behind a flush", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000)}, Do: ops(multipart(10), write("x"), flush, abort)},
		{Name: "multipart on disk in another handler", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000)}, Do: ops(strip("", multipart(10), write("x")))},
		{Name: "multipart on disk in a timeout handler", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000)}, Do: ops(timeout(60_000, multipart(10), write("x")))},
		{Name: "multipart chunked", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000), Chunked: true}, Do: ops(multipart(10), write("x"))},
		{Name: "multipart of 1 MB", Method: "POST", Fields: multiparted, Body: Body{Text: parts(1_000_000)}, Do: ops(multipart(1000), write("x"))},
		{Name: "multipart cut short", Method: "POST", Fields: multiparted, Body: Body{Text: parts(100_000)[:50_000]}, Do: ops(multipart(10), write("x"))},
		{Name: "multipart without a boundary", Method: "POST", Fields: []Field{{"Content-Type", "multipart/form-data"}}, Body: Body{Text: parts(100)}, Do: ops(multipart(10), write("x"))},
		{Name: "no multipart", Method: "POST", Fields: urlencoded, Body: Body{Text: "a=1"}, Do: ops(multipart(10), write("x"))},
		{Name: "within the bound", Method: "POST", Body: Body{Size: 100}, Do: ops(maxbytes(100), write("x"))},
		{Name: "past the bound", Method: "POST", Body: Body{Size: 101}, Do: ops(maxbytes(100), write("x"))},
		{Name: "past the bound with an error", Method: "POST", Body: Body{Size: 200_000}, Do: ops(maxbytes(100), httpError(413, "no"))},
		{Name: "past the bound chunked", Method: "POST", Body: Body{Size: 101, Chunked: true}, Do: ops(maxbytes(100), write("x"))},
		{Name: "within the bound chunked", Method: "POST", Body: Body{Size: 100, Chunked: true}, Do: ops(maxbytes(100), write("x"))},
		{Name: "past the bound far", Method: "POST", Body: Body{Size: 2 << 20}, Do: ops(maxbytes(100), write("x"))},
		{Name: "past the bound behind a flush", Method: "POST", Body: Body{Size: 1000}, Do: ops(write("x"), flush, maxbytes(100), write("y"))},
		{Name: "past a bound of nothing", Method: "POST", Body: Body{Size: 1}, Do: ops(maxbytes(0), write("x"))},
		{Name: "past the bound in a timeout handler", Method: "POST", Body: Body{Size: 1000}, Do: ops(timeout(60_000, maxbytes(100), write("x")))},
		{Name: "a query and no body", Target: "/?a=1&a=2", Do: ops(form)},
	},
})

var (
	urlencoded  = []Field{{"Content-Type", "application/x-www-form-urlencoded"}}
	multiparted = []Field{{"Content-Type", `multipart/form-data; boundary="edge"`}}
)

// parts is a form with a field and a file of n bytes.
func parts(n int) string {
	return "--edge\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n" +
		"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n" +
		strings.Repeat("f", n) + "\r\n--edge--\r\n"
}
