// Package terms has a browser's request as a term, and what a program writes by hand to read it, for etf's tests and
// for test/etfbench.
package terms

import (
	"errors"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Request is what the bridge is told of a request, with the 25 pairs of a browser. The type is what a user of etf would
// write, with the tags of each codec that it is measured with, and has no method.
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

var names = strings.Fields(`host connection cache-control sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform dnt
	upgrade-insecure-requests user-agent accept sec-fetch-site sec-fetch-mode sec-fetch-user sec-fetch-dest
	referer accept-encoding accept-language cookie if-none-match if-modified-since priority te origin pragma
	x-requested-with`)

// Browser returns the request, which etf.Marshal writes as a map with binary keys.
func Browser() *Request {
	r := &Request{
		Method: "GET", Path: "/things/42", Qs: "full=1&sort=name", Version: "HTTP/1.1", Scheme: "https",
		Host: "example.org", Port: 8080, Deadline: 1 << 40,
	}
	for i, name := range names {
		r.Headers = append(r.Headers, Header{name, strings.Repeat("value of a header; ", 1+i%4)})
	}
	return r
}

// Read reads the term of a request field by field, into the room that req has for headers.
func Read(data string, req *Request) error {
	r, err := etf.NewReader(data)
	if err != nil {
		return err
	}
	n, err := r.Map()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Binary()
		if err != nil {
			return err
		}
		if err := readField(&r, key, req); err != nil {
			return err
		}
	}
	return r.End()
}

func readField(r *etf.Reader, key string, req *Request) (err error) {
	n := int64(0)
	switch key {
	case "method":
		req.Method, err = r.Binary()
	case "path":
		req.Path, err = r.Binary()
	case "qs":
		req.Qs, err = r.Binary()
	case "version":
		req.Version, err = r.Binary()
	case "scheme":
		req.Scheme, err = r.Binary()
	case "host":
		req.Host, err = r.Binary()
	case "port":
		n, err = r.Int()
		req.Port = int(n)
	case "deadline":
		req.Deadline, err = r.Int()
	case "headers":
		err = readHeaders(r, req)
	default:
		err = r.Skip()
	}
	return err
}

func readHeaders(r *etf.Reader, req *Request) error {
	n, err := r.List()
	if err != nil {
		return err
	}
	req.Headers = req.Headers[:0]
	for range n {
		arity, err := r.Tuple()
		if err != nil {
			return err
		}
		if arity != 2 {
			return errors.New("terms: header that is no pair")
		}
		name, err := r.Binary()
		if err != nil {
			return err
		}
		value, err := r.Binary()
		if err != nil {
			return err
		}
		req.Headers = append(req.Headers, Header{name, value})
	}
	return r.EndList()
}
