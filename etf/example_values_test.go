package etf_test

import (
	"bytes"
	"fmt"

	"github.com/gwport/gwport/etf"
)

func ExampleParse() {
	term, err := etf.Parse(`{ok, [1, "two", <<"three">>]}`, etf.Limits{})
	fmt.Println(etf.Text(term), err)
	// Output: {ok,[1,"two",<<"three">>]} <nil>
}

func ExampleAsInt() {
	n, ok := etf.AsInt(int64(7))
	fmt.Println(n, ok)
	_, ok = etf.AsInt(etf.Atom("seven"))
	fmt.Println(ok)
	// Output:
	// 7 true
	// false
}

func ExampleAsString() {
	s, ok := etf.AsString(etf.Binary("tea"))
	fmt.Println(s, ok)
	// Output: tea true
}

func ExampleAsBool() {
	b, ok := etf.AsBool(etf.Atom("true"))
	fmt.Println(b, ok)
	// Output: true true
}

func ExampleValid() {
	data, _ := etf.Append(etf.AppendVersion(nil), etf.Atom("ok"))
	fmt.Println(etf.Valid(data, etf.Limits{}))
	fmt.Println(etf.Valid(data[:2], etf.Limits{}) != nil)
	// Output:
	// <nil>
	// true
}

func ExampleEncoder() {
	var port bytes.Buffer
	if err := etf.NewEncoder(&port, etf.Packet4).Encode(etf.Atom("ok")); err != nil {
		fmt.Println(err)
	}
	fmt.Println(port.Bytes())
	// Output: [0 0 0 5 131 119 2 111 107]
}
