package etf_test

import (
	"fmt"

	"github.com/gwport/gwport/etf"
)

// A reply {200, [{<<"content-type">>, <<"text/plain">>}], <<"hi">>}, written
// straight into a buffer and read again.
func Example() {
	b := etf.AppendVersion(nil)
	b = etf.AppendTuple(b, 3)
	b = etf.AppendInt(b, 200)
	b = etf.AppendList(b, 1)
	b = etf.AppendTuple(b, 2)
	b = etf.AppendBinary(b, "content-type")
	b = etf.AppendBinary(b, "text/plain")
	b = etf.AppendNil(b) // the end of the list
	b = etf.AppendBinary(b, "hi")

	status, body, err := readReply(string(b))
	fmt.Println(status, body, err)

	_, _, err = readReply(string(b[:len(b)-1]))
	fmt.Println(err)
	// Output:
	// 200 hi <nil>
	// etf: length of more bytes than there are at offset 45
}

func readReply(data string) (status int64, body string, err error) {
	if err := etf.Valid(data, etf.Limits{}); err != nil {
		return 0, "", err
	}
	r, err := etf.NewReader(data)
	if err != nil {
		return 0, "", err
	}
	if n, err := r.Tuple(); err != nil || n != 3 {
		return 0, "", fmt.Errorf("reply is no triple (%w)", err)
	}
	if status, err = r.Int(); err != nil {
		return 0, "", err
	}
	if err := r.Skip(); err != nil { // the headers
		return 0, "", err
	}
	if body, err = r.Binary(); err != nil {
		return 0, "", err
	}
	return status, body, r.End()
}

// A list is read by its elements, and then its end.
func ExampleReader_List() {
	b, err := etf.Append(etf.AppendVersion(nil), etf.List{1, 2, 3})
	if err != nil {
		panic(err)
	}
	r, err := etf.NewReader(string(b))
	if err != nil {
		panic(err)
	}
	n, err := r.List()
	for range n {
		i, err := r.Int()
		fmt.Println(i, err)
	}
	fmt.Println(err, r.EndList(), r.End())
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
	// <nil> <nil> <nil>
}

func ExampleReader_AppendIodata() {
	b, err := etf.Append(etf.AppendVersion(nil), etf.List{"Hello", ',', etf.List{" ", "world"}})
	if err != nil {
		panic(err)
	}
	r, err := etf.NewReader(string(b))
	if err != nil {
		panic(err)
	}
	body, err := r.AppendIodata(nil)
	fmt.Printf("%s %v\n", body, err)
	// Output: Hello, world <nil>
}

func ExampleDecode() {
	// term_to_binary(#{method => <<"GET">>, port => 8080})
	data := []byte("\x83t\x00\x00\x00\x02w\x06methodm\x00\x00\x00\x03GETw\x04portb\x00\x00\x1f\x90")
	term, err := etf.Decode(data, etf.Limits{MaxDepth: 4})
	if err != nil {
		panic(err)
	}
	method, _ := term.(etf.Map).Get(etf.Atom("method"))
	port, _ := term.(etf.Map).Get(etf.Atom("port"))
	fmt.Printf("%T %v, %T %v\n", method, method, port, port)
	// Output: etf.Binary GET, int64 8080
}

func ExampleAppend() {
	data, err := etf.Append(etf.AppendVersion(nil), etf.Tuple{etf.Atom("ok"), []byte("abc"), true})
	fmt.Printf("%q %v\n", data, err)
	// Output: "\x83h\x03w\x02okm\x00\x00\x00\x03abcw\x04true" <nil>
}

// A term is printed as Erlang prints it.
func ExampleText() {
	fmt.Println(etf.Text(etf.Tuple{etf.Atom("ok"), etf.Map{{"port", 8080}, {etf.Atom("Host"), etf.List{'a', 'b'}}}}))
	// Output: {ok,#{'Host' => "ab",<<"port">> => 8080}}
}

// A configuration in Erlang's syntax: a list of applications with their options.
func ExampleParseFile() {
	terms, err := etf.ParseFile(`
%% What sys.config is to Erlang.
[{kernel, [{logger_level, info}]},
 {myapp, [{port, 8080}, {hosts, ["a.example", "b.example"]}, {timeout, infinity}]}].
`, etf.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, app := range terms[0].(etf.List) {
		fmt.Println(etf.Text(app))
	}
	_, err = etf.ParseFile("[{port, 8080}\n {host, \"a.example\"}].", etf.Limits{})
	fmt.Println(err)
	// Output:
	// {kernel,[{logger_level,info}]}
	// {myapp,[{port,8080},{hosts,["a.example","b.example"]},{timeout,infinity}]}
	// etf: line 2, column 2: expected ",", "|" or "]", found "{"
}
