package etfbench

import (
	"fmt"
	"strings"
)

// Request is what the bridge is told of a request, with the 25 pairs of a browser. The types are what a user of
// etf would write, with the tags of each codec; none has a method.
type Request struct {
	_        struct{} `cbor:"-" etf:",binary" json:"-"`
	Method   string   `cbor:"method" json:"method"`
	Path     string   `cbor:"path" json:"path"`
	Qs       string   `cbor:"qs" json:"qs"`
	Version  string   `cbor:"version" json:"version"`
	Scheme   string   `cbor:"scheme" json:"scheme"`
	Host     string   `cbor:"host" json:"host"`
	Port     int      `cbor:"port" json:"port"`
	Deadline int64    `cbor:"deadline" json:"deadline"`
	Headers  []Header `cbor:"headers" json:"headers"`
}

// Header is a name and its value.
type Header [2]string

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

var names = strings.Fields(`host connection cache-control sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform dnt
	upgrade-insecure-requests user-agent accept sec-fetch-site sec-fetch-mode sec-fetch-user sec-fetch-dest
	referer accept-encoding accept-language cookie if-none-match if-modified-since priority te origin pragma
	x-requested-with`)

func request() *Request {
	r := &Request{
		Method: "GET", Path: "/things/42", Qs: "full=1&sort=name", Version: "HTTP/1.1", Scheme: "https",
		Host: "example.org", Port: 8080, Deadline: 1 << 40,
	}
	for i, name := range names {
		r.Headers = append(r.Headers, Header{name, strings.Repeat("value of a header; ", 1+i%4)})
	}
	return r
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
