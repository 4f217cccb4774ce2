package main

import "github.com/gwport/gwport/test/compare/cases"

// Where most faults show.
var (
	both   = cases.Mounts
	route  = []string{cases.Route}
	stream = []string{cases.Stream}
)

// faults are what is planted. Old texts are short and of one idea, so that they outlive what changes around them; where one
// is gone, the fault is to be planted in what has taken its place.
var faults = []fault{
	{
		name: "a response's type is not found by its bytes",
		file: "bridge/head.go", old: `if !h.noType && len(body) > 0 {`, new: `if false {`,
		shows: []sign{{"sniffing/html", cases.H1, both, "field.content-type"}, {"sniffing/png", cases.H2C, both, "field.content-type"}},
	},
	{
		name: "Flush sends nothing before the handler ends",
		file: "bridge/controller.go", old: `return w.breaks(w.flush())
}

// ReadFrom`, new: `return nil
}

// ReadFrom`,
		shows: []sign{
			{"flushes/head before the handler ends", cases.H1, both, "end"},
			{"sniffing/html in two writes with a flush", cases.H2C, both, "field.content-type"},
		},
	},
	{
		name: "r.TLS is by the scheme that the client names",
		file: "bridge/request.go", old: `if q.scheme != "https" {`, new: `if q.scheme != "http" {`,
		shows: []sign{{"hosts/with a port", cases.TLSH1, both, "saw.tls"}},
	},
	{
		name: "several cookies of a response are one field",
		file: "erlang/gwport_response.erl", old: `add(<<"set-cookie">>, Value, Fields) ->`, new: `add(<<"x-cookie">>, Value, Fields) ->`,
		shows: []sign{{"response fields/several cookies", cases.H1, both, "field.set-cookie"}},
	},
	{
		name: "values of one name are joined without a comma",
		file: "erlang/gwport_response.erl", old: `{Name, [Before, <<", ">>, Value]}`, new: `{Name, [Before, Value]}`,
		shows: []sign{{"response fields/two values", cases.H1, both, "field.x-a"}, {"response fields/two values", cases.H2C, both, "field.x-a"}},
	},
	{
		name: "a 204 has a length",
		file: "erlang/gwport_http.erl", old: `with_length(_, undefined, Headers) ->`,
		new: `with_length(204, _, Headers) -> Headers#{<<"content-length">> => <<"0">>};
with_length(_, undefined, Headers) ->`,
		shows: []sign{{"statuses/204 with a body", cases.H1, both, "length"}},
	},
}
