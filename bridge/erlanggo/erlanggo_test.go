package erlanggo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http/httptest"
	"testing"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/erlanggo"
	"github.com/okeuday/erlang_go/v2/erlang"
	"github.com/stretchr/testify/require"
)

type (
	atom  = erlang.OtpErlangAtom
	tuple = erlang.OtpErlangTuple
	list  = erlang.OtpErlangList
)

func bin(s string) erlang.OtpErlangBinary {
	return erlang.OtpErlangBinary{Value: []byte(s), Bits: 8}
}

func listOf(v ...any) list { return list{Value: v} }

func improper(v ...any) list { return list{Value: v, Improper: true} }

func ExampleApp() {
	hello := erlanggo.App(func(_ context.Context, env bridge.Environ) any {
		return erlang.OtpErlangTuple{
			200,
			erlang.OtpErlangList{Value: []any{
				erlang.OtpErlangTuple{"content-type", "text/plain"},
			}},
			erlang.OtpErlangList{Value: []any{"Hello from ", env["PATH_INFO"], 10}},
		}
	})
	w := httptest.NewRecorder()
	hello.ServeHTTP(w, httptest.NewRequest("GET", "/erlang_go", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 200 Hello from /erlang_go
}

func TestResult_takes_every_good_shape(t *testing.T) {
	ct := bridge.Header{Name: "content-type", Value: "text/plain"}
	cookies := listOf(tuple{bin("set-cookie"), bin("a=1")}, tuple{bin("vary"), bin("*")}, tuple{bin("set-cookie"), bin("b=2")})
	for name, c := range map[string]struct {
		in   any
		want bridge.Response
		body string
	}{
		"integer status":                {tuple{200, listOf(), bin("")}, bridge.Response{Status: 200}, ""},
		"lowest status":                 {tuple{200, listOf(), bin("")}, bridge.Response{Status: 200}, ""},
		"highest status":                {tuple{599, listOf(), bin("")}, bridge.Response{Status: 599}, ""},
		"status as decoded, one byte":   {tuple{uint8(204), listOf(), bin("")}, bridge.Response{Status: 204}, ""},
		"status as decoded, four bytes": {tuple{int32(404), listOf(), bin("")}, bridge.Response{Status: 404}, ""},
		"status as decoded, big":        {tuple{big.NewInt(500), listOf(), bin("")}, bridge.Response{Status: 500}, ""},
		"status with a binary reason":   {tuple{tuple{299, bin("Fine")}, listOf(), bin("")}, bridge.Response{Status: 299, Reason: "Fine"}, ""},
		"status with a string reason":   {tuple{tuple{299, "Fine"}, listOf(), bin("")}, bridge.Response{Status: 299, Reason: "Fine"}, ""},
		"tuples as slices":              {[]any{[]any{299, ""}, listOf([]any{"content-type", "text/plain"}), ""}, bridge.Response{Status: 299, Headers: []bridge.Header{ct}}, ""},
		"header of binaries":            {tuple{200, listOf(tuple{bin("content-type"), bin("text/plain")}), bin("")}, bridge.Response{Status: 200, Headers: []bridge.Header{ct}}, ""},
		"header of byte slices":         {tuple{200, listOf(tuple{[]byte("content-type"), []byte("text/plain")}), bin("")}, bridge.Response{Status: 200, Headers: []bridge.Header{ct}}, ""},
		"duplicates and order of headers": {
			tuple{200, cookies, bin("")},
			bridge.Response{Status: 200, Headers: []bridge.Header{{Name: "set-cookie", Value: "a=1"}, {Name: "vary", Value: "*"}, {Name: "set-cookie", Value: "b=2"}}},
			"",
		},
		"body of a binary":            {tuple{200, listOf(), bin("hi")}, bridge.Response{Status: 200}, "hi"},
		"body of a byte slice":        {tuple{200, listOf(), []byte("hi")}, bridge.Response{Status: 200}, "hi"},
		"body of a string":            {tuple{200, listOf(), "hi"}, bridge.Response{Status: 200}, "hi"},
		"body of an empty list":       {tuple{200, listOf(), listOf()}, bridge.Response{Status: 200}, ""},
		"body of bytes":               {tuple{200, listOf(), listOf(0, 104, uint8(105), int32(255))}, bridge.Response{Status: 200}, "\x00hi\xff"},
		"nested body":                 {tuple{200, listOf(), listOf(bin("a"), listOf("b", listOf(99, listOf()), []byte("d")), "e")}, bridge.Response{Status: 200}, "abcde"},
		"binary in an improper tail":  {tuple{200, listOf(), improper(97, bin("b"))}, bridge.Response{Status: 200}, "ab"},
		"list in an improper tail":    {tuple{200, listOf(), improper(97, listOf(98, "c"))}, bridge.Response{Status: 200}, "abc"},
		"a long, deeply nested body":  {tuple{200, listOf(), nest(10_000, "x")}, bridge.Response{Status: 200}, "x"},
		"text that is not UTF-8":      {tuple{200, listOf(), "\xe4"}, bridge.Response{Status: 200}, "\xe4"},
		"a body that is not UTF-8":    {tuple{200, listOf(), bin("\xff\xfe")}, bridge.Response{Status: 200}, "\xff\xfe"},
		"an integer of another width": {tuple{uint16(200), listOf(), listOf(uint64(97), int64(98))}, bridge.Response{Status: 200}, "ab"},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := erlanggo.Result(c.in)
			require.NoError(t, err)
			require.Equal(t, c.want.Status, res.Status)
			require.Equal(t, c.want.Reason, res.Reason)
			require.Equal(t, len(c.want.Headers), len(res.Headers))
			for i, h := range c.want.Headers {
				require.Equal(t, h, res.Headers[i])
			}
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, c.body, string(body))
		})
	}
}

func nest(depth int, s string) any {
	var v any = s
	for range depth {
		v = listOf(v)
	}
	return v
}

func TestResult_takes_what_erlang_go_decodes(t *testing.T) {
	sent := tuple{
		tuple{404, bin("Not Here")},
		listOf(tuple{bin("x-a"), bin("1")}, tuple{"x-b", "2"}),
		listOf(bin("no"), 32, "such", listOf(improper(32, bin("page")))),
	}
	wire, err := erlang.TermToBinary(sent, -1)
	require.NoError(t, err)
	got, err := erlang.BinaryToTerm(wire)
	require.NoError(t, err)
	res, err := erlanggo.Result(got)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, 404, res.Status)
	require.Equal(t, "Not Here", res.Reason)
	require.Equal(t, []bridge.Header{{Name: "x-a", Value: "1"}, {Name: "x-b", Value: "2"}}, res.Headers)
	require.Equal(t, "no such page", string(body))
}

func TestResult_says_what_is_wrong_and_where(t *testing.T) {
	ok := listOf(tuple{bin("a"), bin("b")})
	const code = "an integer from 200 to 599"
	const statusWant = code + ", or a tuple of one and a reason"
	const text = "a binary or a string"
	const element = "a byte (0 to 255), a binary, a string or a list"
	for name, c := range map[string]struct {
		in               any
		where, got, want string
	}{
		"nothing":                   {nil, "result", "nil (the atom undefined)", "a tuple of status, headers and body"},
		"an atom":                   {atom("ok"), "result", `the atom "ok"`, "a tuple of status, headers and body"},
		"a pair":                    {tuple{200, ok}, "result", "a tuple of 2 elements", "a tuple of status, headers and body"},
		"four":                      {tuple{200, ok, "", ""}, "result", "a tuple of 4 elements", "a tuple of status, headers and body"},
		"a list of three":           {listOf(200, ok, ""), "result", "a list of 3 elements", "a tuple of status, headers and body"},
		"a Go value":                {3.5, "result", "a float64", "a tuple of status, headers and body"},
		"status 199":                {tuple{199, ok, ""}, "status", "the integer 199", statusWant},
		"status 600":                {tuple{600, ok, ""}, "status", "the integer 600", statusWant},
		"status too big":            {tuple{new(big.Int).Lsh(big.NewInt(1), 80), ok, ""}, "status", "a *big.Int", statusWant},
		"status a nil big":          {tuple{(*big.Int)(nil), ok, ""}, "status", "a *big.Int", statusWant},
		"status of 64 bits":         {tuple{uint64(1<<64 - 56), ok, ""}, "status", "a uint64", statusWant},
		"status an atom cache ref":  {tuple{erlang.OtpErlangAtomCacheRef(200), ok, ""}, "status", "a erlang.OtpErlangAtomCacheRef", statusWant},
		"status a string":           {tuple{"200 OK", ok, ""}, "status", "a string of 6 bytes", statusWant},
		"status a boolean":          {tuple{true, ok, ""}, "status", "the atom true", statusWant},
		"status of three":           {tuple{tuple{200, "a", "b"}, ok, ""}, "status", "a tuple of 3 elements", statusWant},
		"status code in a tuple":    {tuple{tuple{"200", "OK"}, ok, ""}, "status[0]", "a string of 3 bytes", code},
		"reason an atom":            {tuple{tuple{200, atom("ok")}, ok, ""}, "status[1]", `the atom "ok"`, text},
		"reason a list":             {tuple{tuple{200, listOf(79, 75)}, ok, ""}, "status[1]", "a list of 2 elements", text},
		"headers a map":             {tuple{200, erlang.OtpErlangMap{}, ""}, "headers", "a erlang.OtpErlangMap", "a list of tuples of name and value"},
		"headers a tuple":           {tuple{200, tuple{"a", "b"}, ""}, "headers", "a tuple of 2 elements", "a list of tuples of name and value"},
		"headers improper":          {tuple{200, improper(tuple{"a", "b"}, "c"), ""}, "headers", "an improper list", "a list of tuples of name and value"},
		"header of one":             {tuple{200, listOf(tuple{"a", "b"}, tuple{"a"}), ""}, "headers[1]", "a tuple of 1 elements", "a tuple of name and value"},
		"header a binary":           {tuple{200, listOf(bin("a: b")), ""}, "headers[0]", "a binary of 4 bytes", "a tuple of name and value"},
		"header name an atom":       {tuple{200, listOf(tuple{atom("a"), "b"}), ""}, "headers[0][0]", `the atom "a"`, text},
		"header name in UTF-8 atom": {tuple{200, listOf(tuple{erlang.OtpErlangAtomUTF8("ä"), "b"}), ""}, "headers[0][0]", `the atom "ä"`, text},
		"header value an integer":   {tuple{200, listOf(tuple{"a", "b"}, tuple{"content-length", 12}), ""}, "headers[1][1]", "the integer 12", text},
		"header value a bitstring":  {tuple{200, listOf(tuple{"a", erlang.OtpErlangBinary{Value: []byte("b"), Bits: 3}}), ""}, "headers[0][1]", "a binary with Bits 3 (whole bytes have 8)", text},
		"body an integer":           {tuple{200, ok, 65}, "body", "the integer 65", "iodata"},
		"body without Bits":         {tuple{200, ok, erlang.OtpErlangBinary{Value: []byte("b")}}, "body", "a binary with Bits 0 (whole bytes have 8)", "iodata"},
		"body with 256":             {tuple{200, ok, listOf(255, 256)}, "body[1]", "the integer 256", element},
		"body with -1":              {tuple{200, ok, listOf(0, -1)}, "body[1]", "the integer -1", element},
		"body with an atom":         {tuple{200, ok, listOf("a", listOf("b", atom("c")))}, "body[1][1]", `the atom "c"`, element},
		"body with a long atom":     {tuple{200, ok, listOf(atom(bytes.Repeat([]byte("x"), 99)))}, "body[0]", `the atom "` + string(bytes.Repeat([]byte("x"), 40)) + `"`, element},
		"body with an integer tail": {tuple{200, ok, improper(97, 98)}, "body[1]", "the integer 98", "a binary, a string or a list in an improper list's tail"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := erlanggo.Result(c.in)
			var shape *erlanggo.ShapeError
			require.ErrorAs(t, err, &shape)
			require.Equal(t, erlanggo.ShapeError{Where: c.where, Got: c.got, Want: c.want}, *shape)
			require.EqualError(t, err, "erlanggo: "+c.where+" is "+c.got+", expected "+c.want)
		})
	}
}

func TestApp_answers_500_and_logs_a_wrong_shape(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })

	app := erlanggo.App(func(context.Context, bridge.Environ) any {
		return tuple{200, listOf(tuple{atom("secret"), "b"}), "body"}
	})
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, 500, w.Code)
	require.Equal(t, "Internal Server Error\n", w.Body.String())
	require.Contains(t, log.String(), "level=ERROR")
	require.Contains(t, log.String(), `headers[0][0] is the atom \"secret\", expected a binary or a string`)
}

// For a triple that is there already, as one that came from elsewhere. Its error says what is wrong where.
func ExampleResult() {
	headers := erlang.OtpErlangList{Value: []any{erlang.OtpErlangTuple{"content-type", "text/plain"}}}
	res, err := erlanggo.Result(erlang.OtpErlangTuple{200, headers, "hi"})
	fmt.Println(res.Status, res.Headers, err)
	_, err = erlanggo.Result(erlang.OtpErlangTuple{200, headers, erlang.OtpErlangAtom("hi")})
	var shape *erlanggo.ShapeError
	fmt.Println(errors.As(err, &shape), err)
	// Output:
	// 200 [{content-type text/plain}] <nil>
	// true erlanggo: body is the atom "hi", expected iodata
}
