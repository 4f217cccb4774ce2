package etf_test

import (
	"fmt"
	"net/netip"

	"github.com/gwport/gwport/etf"
)

// What an Erlang program would write as #{name => <<"joe">>, tags => [admin], peer => {{192,0,2,1},4711}}.
func ExampleMarshal() {
	type client struct {
		Name string
		Tags []etf.Atom
		Peer netip.AddrPort
		Note string `etf:"note,omitempty"`
	}
	data, err := etf.Marshal(client{
		Name: "joe", Tags: []etf.Atom{"admin"}, Peer: netip.MustParseAddrPort("192.0.2.1:4711"),
	})
	if err != nil {
		panic(err)
	}
	var again client
	err = etf.Unmarshal(data, &again)
	fmt.Println(again.Name, again.Tags, again.Peer, err)

	err = etf.Unmarshal(data, &struct{ Tags []int }{})
	fmt.Println(err)
	// Output:
	// joe [admin] 192.0.2.1:4711 <nil>
	// etf: at byte 31, in tags[0]: atom where integer is wanted
}

// A term whose type another part of it tells is left for later.
func ExampleRawTerm() {
	type message struct {
		_       struct{} `etf:",tuple"`
		Kind    etf.Atom
		Payload etf.RawTerm
	}
	// {point, {1, 2}}
	data := []byte("\x83h\x02w\x05pointh\x02a\x01a\x02")
	var m message
	if err := etf.Unmarshal(data, &m); err != nil {
		panic(err)
	}
	switch m.Kind {
	case "point":
		var at [2]int
		err := etf.Unmarshal(m.Payload.Data(), &at)
		fmt.Println(at, err)
	case "name":
		var name string
		err := etf.Unmarshal(m.Payload.Data(), &name)
		fmt.Println(name, err)
	}
	// Output: [1 2] <nil>
}

// Records and other tuples are structs with a tag on a blank field.
func ExampleUnmarshal() {
	// {user, <<"joe">>, [{<<"a">>, 1}]}
	data := []byte("\x83h\x03w\x04userm\x00\x00\x00\x03joel\x00\x00\x00\x01h\x02m\x00\x00\x00\x01aa\x01j")
	type point struct {
		_     struct{} `etf:",tuple"`
		Label string
		At    int
	}
	var user struct {
		_      struct{} `etf:",record=user"`
		Name   string
		Points []point
	}
	err := etf.Unmarshal(data, &user)
	fmt.Println(user.Name, user.Points[0].Label, user.Points[0].At, err)
	// Output: joe a 1 <nil>
}
