package etf_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gwport/gwport/etf"
)

// The shortest way to bytes: a term is written from left to right, each header before what it has.
func ExampleAppendTuple() {
	b := etf.AppendVersion(nil)
	b = etf.AppendTuple(b, 4)
	b = etf.AppendAtom(b, "order")
	b = etf.AppendInt(b, 7)
	b = etf.AppendFloat(b, 2.5)
	b = etf.AppendBool(b, true)
	term, err := etf.Decode(b, etf.Limits{})
	fmt.Println(etf.Text(term), err)
	// Output: {order,7,2.5,true} <nil>
}

// A list has its elements and then its end; an empty one has its header alone.
func ExampleAppendList() {
	items := []string{"tea", "milk"}
	b := etf.AppendVersion(nil)
	b = etf.AppendList(b, len(items))
	for _, item := range items {
		b = etf.AppendBinary(b, item)
	}
	if len(items) > 0 {
		b = etf.AppendNil(b)
	}
	term, err := etf.Decode(b, etf.Limits{})
	fmt.Println(etf.Text(term), err)
	// Output: [<<"tea">>,<<"milk">>] <nil>
}

// A map has so many keys, each with its value behind it.
func ExampleAppendMap() {
	b := etf.AppendVersion(nil)
	b = etf.AppendMap(b, 2)
	b = etf.AppendInt(etf.AppendAtom(b, "table"), 7)
	b = etf.AppendBinary(etf.AppendAtom(b, "item"), "tea")
	term, err := etf.Decode(b, etf.Limits{})
	fmt.Println(etf.Text(term), err)
	// Output:
	// #{item => <<"tea">>,table => 7} <nil>
}

// A value of Go's own into a buffer that is used again.
func ExampleAppendMarshal() {
	type order struct {
		Table int    `etf:"table"`
		Item  string `etf:"item"`
	}
	var buf []byte
	for _, o := range []order{{7, "tea"}, {8, "milk"}} {
		b, err := etf.AppendMarshal(buf[:0], &o)
		if err != nil {
			panic(err)
		}
		buf = b
		term, err := etf.Decode(b, etf.Limits{})
		fmt.Println(etf.Text(term), err)
	}
	// Output:
	// #{item => <<"tea">>,table => 7} <nil>
	// #{item => <<"milk">>,table => 8} <nil>
}

// A term for a line of a log, which is cut where it is long.
func ExampleAppendText() {
	term := etf.Tuple{etf.Atom("order"), etf.Binary("tee für dich"), etf.List{etf.Tuple{1, 2}, 3, 4, 5}}
	fmt.Println(string(etf.AppendText(nil, term, etf.TextOptions{Unicode: true, MaxDepth: 2})))
	fmt.Println(string(etf.AppendText(nil, term, etf.TextOptions{Unicode: true, MaxBytes: 20})))
	// Output:
	// {order,<<"tee für dich"/utf8>>,[{...},3,4,5]}
	// {order,<<"tee fü...
}

func ExampleAsFloat() {
	f, ok := etf.AsFloat(2.5)
	fmt.Println(f, ok)
	f, ok = etf.AsFloat(int64(2))
	fmt.Println(f, ok)
	// Output:
	// 2.5 true
	// 2 true
}

func ExampleMap_Get() {
	order := etf.Map{{Key: etf.Atom("table"), Value: int64(7)}}
	fmt.Println(order.Get(etf.Atom("table")))
	fmt.Println(order.Get(etf.Binary("table")))
	// Output:
	// 7 true
	// <nil> false
}

// Terms that are all in one piece of bytes, one behind the other.
func ExampleOptions_DecodeFirst() {
	var data []byte
	for _, term := range []any{etf.Atom("ok"), int64(7)} {
		data, _ = etf.Append(etf.AppendVersion(data), term)
	}
	for len(data) > 0 {
		term, n, err := etf.Options{}.DecodeFirst(data)
		if err != nil {
			panic(err)
		}
		fmt.Println(etf.Text(term), n)
		data = data[n:]
	}
	// Output:
	// ok 5
	// 7 3
}

// Bytes of strangers are held to limits, and an error says which one they passed.
func ExampleLimits() {
	data, err := etf.Marshal(strings.Split("a term of more terms than are wanted", " "))
	if err != nil {
		panic(err)
	}
	_, err = etf.Decode(data, etf.Limits{MaxTerms: 5})
	var limit *etf.LimitError
	fmt.Println(errors.As(err, &limit) && limit.Limit == "MaxTerms", err)
	// Output:
	// true etf: limit MaxTerms is 5, got 10 at offset 1
}

// What comes next decides how it is read.
func ExampleReader_Kind() {
	for _, term := range []any{etf.Atom("all"), int64(7)} {
		data, _ := etf.Append(etf.AppendVersion(nil), term)
		r, _ := etf.NewReader(data)
		switch r.Kind() {
		case etf.KindInteger:
			n, err := r.Int()
			fmt.Println(n, err)
		case etf.KindAtom:
			name, err := r.Atom()
			fmt.Println(name, err)
		default:
			fmt.Println("neither a number nor all, but", r.Kind())
		}
	}
	// Output:
	// all <nil>
	// 7 <nil>
}

// degrees is a type that writes and reads its own term: {degrees, 21}.
type degrees int

func (c degrees) AppendETF(dst []byte) ([]byte, error) {
	dst = etf.AppendAtom(etf.AppendTuple(dst, 2), "degrees")
	return etf.AppendInt(dst, int64(c)), nil
}

func (c *degrees) ReadETF(r *etf.Reader) error {
	if n, err := r.Tuple(); err != nil || n != 2 {
		return errors.Join(errors.New("no pair"), err)
	}
	if unit, err := r.Atom(); err != nil || unit != "degrees" {
		return errors.Join(errors.New("no degrees"), err)
	}
	n, err := r.Int()
	*c = degrees(n)
	return err
}

func ExampleAppender() {
	data, err := etf.Marshal(map[string]degrees{"tea": 80})
	if err != nil {
		panic(err)
	}
	term, _ := etf.Decode(data, etf.Limits{})
	fmt.Println(etf.Text(term))
	var back map[string]degrees
	fmt.Println(etf.Unmarshal(data, &back), back)
	// Output:
	// #{<<"tea">> => {degrees,80}}
	// <nil> map[tea:80]
}
