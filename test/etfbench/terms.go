package etfbench

import (
	"fmt"
	"strings"

	"github.com/gwport/gwport/test/terms"
)

// Request is what the bridge is told of a request, with the 25 pairs of a browser.
type Request = terms.Request

// Header is a name and its value.
type Header = terms.Header

// Pairs is a request as a proplist, which is the one form of it that erlang_go and ergo can read: neither has maps
// with binaries as keys.
type Pairs struct {
	_ struct{} `etf:",proplist"`
	Request
}

// Reply is {Status, Headers, Body}.
type Reply struct {
	_       struct{} `cbor:",toarray" etf:",tuple" json:"-"`
	Status  int
	Headers []Header
	Body    []byte
}

// Entry is a map of five fields.
type Entry struct {
	ID     int     `cbor:"id" json:"id"`
	Name   string  `cbor:"name" json:"name"`
	Price  float64 `cbor:"price" json:"price"`
	Active bool    `cbor:"active" json:"active"`
	Count  int     `cbor:"count" json:"count"`
}

// Node is a proplist within proplists.
type Node struct {
	_        struct{} `cbor:"-" etf:",proplist" json:"-"`
	Name     string   `cbor:"name" json:"name"`
	Level    int      `cbor:"level" json:"level"`
	Enabled  bool     `cbor:"enabled" json:"enabled"`
	Children []Node   `cbor:"children" etf:",omitempty" json:"children,omitempty"`
}

func reply(body int) *Reply {
	return &Reply{
		Status: 200, Body: []byte(strings.Repeat("x", body)),
		Headers: []Header{{"content-type", "text/plain; charset=utf-8"}, {"etag", `"0123456789abcdef"`}},
	}
}

func ints() *[]int {
	v := make([]int, 1000)
	for i := range v {
		v[i] = i
	}
	return &v
}

func entries() *[]Entry {
	v := make([]Entry, 1000)
	for i := range v {
		v[i] = Entry{i, fmt.Sprintf("entry number %d", i), float64(i) / 4, i%2 == 0, i * 1000}
	}
	return &v
}

func tree(depth int) *Node {
	n := &Node{Name: fmt.Sprintf("node at %d", depth), Level: depth, Enabled: depth%2 == 0}
	for i := 0; i < 3 && depth > 0; i++ {
		n.Children = append(n.Children, *tree(depth - 1))
	}
	return n
}
