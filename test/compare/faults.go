package main

import "github.com/gwport/gwport/test/compare/cases"

// Where most faults show.
var (
	both   = cases.Mounts
	route  = []string{cases.Route}
	stream = []string{cases.Stream}
	appof  = []string{cases.AppOf}
	call   = []string{cases.Call}
)

// faults are what is planted. Old texts are short and of one idea, so that they outlive what changes around them; where one
// is gone, the fault is to be planted in what has taken its place.
var faults = []fault{
	// The request, in Go.
	{
		name: "r.TLS is by the scheme that the client names", file: "bridge/request.go",
		old: `if !q.Secure {`, new: `if q.Scheme != "https" {`,
		shows: []sign{{"hosts/scheme https on clear", cases.H2C, both, "saw.tls"}, {"hosts/scheme http on tls", cases.TLSH2, both, "saw.tls"}},
	},
	{
		name: "the Host is lost", file: "bridge/request.go",
		old: `if r.Host == "" {`, new: `if r.Host = ""; false {`,
		shows: []sign{{"hosts/with a port", cases.H1, both, "saw.host"}, {"hosts/with a port", cases.H2C, both, "saw.host"}},
	},
	{
		name: "the client's address is the listener's", file: "bridge/exchange.go",
		old: `address(q.Peer).String()`, new: `address(q.Local).String()`,
		shows: []sign{{"methods/get", cases.H1, both, "saw.remoteaddr"}},
	},
	{
		name: "the listener's address is the client's", file: "bridge/context.go",
		old: `address(c.x.request.Local).addr()`, new: `address(c.x.request.Peer).addr()`,
		shows: []sign{{"methods/get", cases.H1, both, "saw.localaddr"}, {"methods/get", cases.TLSH2, both, "saw.localaddr"}},
	},
	{
		name: "a handler finds no server in its context", file: "bridge/context.go",
		old: `return c.x.server`, new: `return nil`,
		shows: []sign{{"methods/get", cases.H1, both, "saw.context"}},
	},
	{
		name: "a request without a body has one", file: "bridge/exchange.go",
		old: `if !x.connects && (q.Length != 0 || q.Major > 1) {`, new: `if true {`,
		shows: []sign{{"methods/get", cases.H1, both, "saw.nobody"}},
	},
	{
		name: "an escaped slash is a slash", file: "bridge/request.go",
		old: `			*u = *parsed
`,
		new: `			*u = *parsed
			u.RawPath = ""
`,
		shows: []sign{{"targets/escaped slash", cases.H1, both, "saw.url"}, {"targets/escaped slash", cases.H2C, both, "saw.url"}},
	},
	{
		name: "an unknown Expect is ignored", file: "bridge/request.go",
		old: `return errExpectation`, new: `return nil`,
		shows: []sign{{"expectations/something else", cases.H1, both, "status"}},
	},
	{
		name: "granted credit is not counted", file: "bridge/internal/mux/credit.go",
		old: `f.sendable += free`, new: `_ = f.sendable`,
		shows: []sign{{"planted/a body of a megabyte", cases.H2C, both, "saw.op1.readall"}},
	},
	{
		name: "no credit is granted for a body", file: "bridge/internal/mux/in.go",
		old: `h.grant += n`, new: `h.grant = min(h.grant, n)`,
		shows: []sign{{"planted/a body of a megabyte", cases.H2C, both, "end"}},
	},
	{
		name: "a deadline for reading is ignored", file: "bridge/internal/mux/in.go",
		old: `h.deadline.err()`, new: `error(nil)`,
		shows: []sign{{"deadlines/of reading that has passed", cases.H1, both, "handler"}},
	},
	{
		name: "a closed body reads as one that has ended", file: "bridge/body.go",
		old: `return http.ErrBodyReadAfterClose`, new: `_ = http.NoBody; return io.EOF`,
		shows: []sign{{"bodies/closed", cases.H1, both, "saw.op2.readall"}},
	},
	{
		name: "the files of a form stay on the disk", file: "bridge/handler.go",
		old: `defer removeFiles(&x.http)`, new: `_ = removeFiles`,
		shows: []sign{{"forms/multipart on disk", cases.H2C, both, "saw.files"}},
	},
	{
		name: "a handler does not hear that its client has left", file: "bridge/internal/mux/reader.go",
		old: `return nil, s.onAbort(wire.Code(code), text)`, new: `s.onAbort(wire.Code(code), text); return nil, nil`,
		shows: []sign{{"clients/leaves while the handler waits", cases.H1, both, "handler"}},
	},
	{
		name: "of several values of a name one is left", file: "bridge/request.go",
		old: `h[name] = append(old, p.Value)`, new: `_ = old; h[name] = []string{p.Value}`,
		shows: []sign{{"request fields/twice", cases.H1, call, "saw.header.X-A"}},
	},
	{
		name: "a handler is not told that its client will close", file: "bridge/request.go",
		old: `r.Close = closes(`, new: `_ = closes(`,
		shows: []sign{{"hosts/close", cases.H1, both, "saw.close"}},
	},
	{
		name: "Pragma says nothing of caches", file: "bridge/request.go",
		old: `r.Header["Cache-Control"] = p[:1:1]`, new: `_ = p`,
		shows: []sign{{"planted/pragma no-cache", cases.H1, both, "saw.header.Cache-Control"}},
	},
	{
		name: "a handler is asked for the whole server", file: "bridge/handler.go",
		old: `if r.RequestURI == "*" && r.Method == http.MethodOptions {`, new: `if false {`,
		shows: []sign{{"methods/options of all", cases.H1, both, "handler"}},
	},

	// The response, in Go.
	{
		name: "a response's type is not found by its bytes", file: "bridge/head.go",
		old: `if !h.noType && len(body) > 0 {`, new: `if false {`,
		shows: []sign{{"sniffing/html", cases.H1, both, "field.content-type"}, {"sniffing/png", cases.H2C, both, "field.content-type"}},
	},
	{
		name: "Flush sends nothing before the handler ends", file: "bridge/controller.go",
		old: `err := w.flush()`, new: `err := error(nil)`,
		shows: []sign{
			{"flushes/head before the handler ends", cases.H1, both, "end"},
			{"sniffing/html in two writes with a flush", cases.H2C, both, "field.content-type"},
		},
	},
	{
		name: "a client is told twice to go on", file: "bridge/response.go",
		old: `if status == http.StatusContinue && w.out.goAhead() {`, new: `if false {`,
		shows: []sign{{"expectations/said by the handler and not heeded", cases.H1, both, "inform2.status"}},
	},
	{
		name: "the last status counts", file: "bridge/response.go",
		old: `case w.wroteHeader:`, new: `case w.wroteHeader && w.committed:`,
		shows: []sign{{"statuses/twice", cases.H1, both, "status"}, {"statuses/twice", cases.H2C, both, "status"}},
	},
	{
		name: "a large write overtakes a small one", file: "bridge/response.go",
		old: `if w.buf == nil && len(p)-n > lastBuffer {`, new: `if len(p)-n > lastBuffer {`,
		shows: []sign{
			{"planted/a large write behind a small one", cases.H1, both, "body"},
			{"planted/a large write behind a small one", cases.H2C, both, "body"},
		},
	},
	{
		name: "each piece of a large body lacks a byte", file: "bridge/internal/mux/out.go",
		old: `p[sent:sent+n]...)`, new: `p[sent:sent+n-1]...)`,
		shows: []sign{{"lengths/of 300,000 bytes", cases.H1, both, "body"}, {"lengths/of 300,000 bytes with a length", cases.H2C, both, "end"}},
	},
	{
		name: "trailers are dropped", file: "bridge/finish.go",
		old: `if !w.mayTrail() {`, new: `if w.mayTrail() {`,
		shows: []sign{
			{"trailers/with te announced", cases.H1, both, "trailer.x-sum"},
			{"trailers/with te announced", cases.H2C, both, "trailer.x-sum"},
		},
	},
	{
		name: "an abort is not sent", file: "bridge/internal/mux/stream.go",
		old: `	s.say(a)
	s.shut(cause)`, new: `	s.shut(cause)`,
		shows: []sign{
			{"panics/abort seen by a client that has the head", cases.H1, both, "end"},
			{"panics/abort seen by a client that has the head", cases.H2C, both, "end"},
		},
	},
	{
		name: "a handler that gives up is answered for", file: "bridge/handler.go",
		old: `if v == http.ErrAbortHandler {`, new: `if v == http.ErrHandlerTimeout {`,
		shows: []sign{{"panics/abort at once", cases.H2C, both, "status"}},
	},
	{
		name: "a handler that has given up ends its response", file: "bridge/handler.go",
		old:   `x.fail(abort(CodeCancelled, ""))`,
		new:   `x.response.finish()`,
		shows: []sign{{"panics/abort behind a flush", cases.H1, both, "end"}, {"panics/abort behind a flush", cases.H2C, both, "end"}},
	},
	{
		name: "AppOf drops its handler's trailers", file: "bridge/appof.go",
		old: `a.trailers = mustDecodePairs(payload)`, new: `_ = mustDecodePairs(payload)`,
		shows: []sign{{"trailers/with te announced", cases.H1, appof, "trailer.x-sum"}, {"trailers/with te announced", cases.H2C, appof, "trailer.x-sum"}},
	},
	{
		name: "a failure behind AppOf's head is an end", file: "bridge/appof.go",
		old: `_ = a.in.CloseWithError(err)`, new: `_, _ = err, a.in.Close()`,
		shows: []sign{{"panics/panic behind a flush", cases.H1, appof, "end"}, {"panics/panic behind a flush", cases.H2C, appof, "end"}},
	},

	// The request, in Erlang.
	{
		name: "a forbidden byte reaches a handler", file: "erlang/gwport_exchange.erl",
		old: `case checked(gwport_request:check(Request), Request, Mount) of`, new: `case checked(ok, Request, Mount) of`,
		shows: []sign{
			{"request fields/a value with a control byte", cases.H1, both, "status"},
			{"request fields/a value with del", cases.TLSH1, both, "status"},
		},
	},
	{
		name: "the port of an authority is lost", file: "erlang/gwport_cowboy_request.erl",
		old: `authority(_, Host, Port) -> <<Host/binary, ":", (integer_to_binary(Port))/binary>>.`, new: `authority(_, Host, _) -> Host.`,
		shows: []sign{{"hosts/with a port", cases.H2C, both, "saw.host"}},
	},
	{
		name: "a client is told to go on before anybody reads", file: "erlang/gwport_cowboy_request.erl",
		old: `cowboy_bstr:to_lower(Expect) =:= <<"100-continue">>;`, new: `cowboy_bstr:to_lower(Expect) =:= <<"101-continue">>;`,
		shows: []sign{{"expectations/refused", cases.H2C, route, "inform1.status"}},
	},
	{
		name: "a reset does not reach the program", file: "erlang/gwport_exchange.erl",
		old: `abort(cancelled, <<>>, Exchange)`, new: `Exchange`,
		shows: []sign{{"clients/resets while the handler waits", cases.H2C, stream, "handler"}},
	},
	{
		name: "pieces of a request's body change places", file: "erlang/gwport_out.erl",
		old: `Bodies#{Stream := queue:in(Frame, Queue)}`, new: `Bodies#{Stream := queue:in_r(Frame, Queue)}`,
		shows: []sign{{"planted/a body of a megabyte", cases.H2C, both, "saw.op1.readall"}},
	},
	{
		name: "what came early of a body changes places", file: "erlang/gwport_stream_h.erl",
		old: `early = Early ++ [Data || Data =/= <<>>]`, new: `early = [Data || Data =/= <<>>] ++ Early`,
		shows: []sign{{"planted/a body of a megabyte", cases.H2C, stream, "saw.op1.readall"}},
	},

	// The response, in Erlang.
	{
		name: "several cookies of a response are one field", file: "erlang/gwport_response.erl",
		old: `joined([{<<"set-cookie">>, _} = Cookie`, new: `joined([{<<"x-cookie">>, _} = Cookie`,
		shows: []sign{{"response fields/several cookies", cases.H1, both, "field.set-cookie"}},
	},
	{
		name: "values of one name are joined without a comma", file: "erlang/gwport_response.erl",
		old: `lists:join(<<", ">>, `, new: `lists:join(<<>>, `,
		shows: []sign{{"response fields/two values", cases.H1, both, "field.x-a"}, {"response fields/two values", cases.H2C, both, "field.x-a"}},
	},
	{
		name: "a 204 has a length", file: "erlang/gwport_cowboy_response.erl",
		old: `with_length(_, undefined, Headers) ->`,
		new: `with_length(204, _, Headers) -> Headers#{<<"content-length">> => <<"0">>};
with_length(_, undefined, Headers) ->`,
		shows: []sign{{"statuses/204 with a body", cases.H1, both, "length"}, {"statuses/204 with a body", cases.H2C, both, "length"}},
	},
	{
		name: "the length of a large body is too large", file: "erlang/gwport_stream.erl",
		old: `{reply, Head#{length := Size}, Body}`, new: `{reply, Head#{length := Size + Size div 1000}, Body}`,
		shows: []sign{{"lengths/of 2,048 bytes", cases.H2C, both, "length"}},
	},
	{
		name: "a HEAD is answered with a body", file: "erlang/gwport_response.erl",
		old: `has_body(<<"HEAD">>, _) -> false;`, new: `has_body(<<"HED">>, _) -> false;`,
		shows: []sign{{"methods/head", cases.H1, both, "status"}},
	},
	{
		name: "an empty Date is sent", file: "erlang/gwport_cowboy_response.erl",
		old: `#{Name := <<>>} -> maps:remove(Name, Headers);`, new: ``,
		shows: []sign{{"response fields/date nil", cases.H1, both, "date"}},
	},
	{
		name: "informational responses are dropped", file: "erlang/gwport_stream.erl",
		old: `{[{inform, Status, Fields}], Stream`, new: `{[{inform, Status, Fields} || false], Stream`,
		shows: []sign{{"informs/early hints", cases.H1, both, "inform1.status"}, {"informs/early hints", cases.H2C, both, "inform1.status"}},
	},
	{
		name: "trailers wait for te", file: "erlang/gwport_cowboy_listener.erl",
		old: `true -> case is_serial() of true -> keep; false -> close end;`, new: `true -> no;`,
		shows: []sign{{"trailers/announced", cases.H1, both, "trailer.x-sum"}, {"trailers/by prefix", cases.TLSH1, both, "trailer.x-sum"}},
	},
	{
		name: "trailers of a request end nothing", file: "erlang/gwport_request_end.erl",
		old: `tell(true, {To, Message}) -> To ! Message, ok;`, new: `tell(true, _) -> ok;`,
		shows: []sign{{"trailers/of a request", cases.H2C, both, "end"}, {"trailers/of a request announced", cases.TLSH2, both, "end"}},
	},
	{
		name: "trailers are a plain end", file: "erlang/gwport_stream.erl",
		old: `last({trailers, Fields}, Stream);`, new: `_ = Fields, last(fin, Stream);`,
		shows: []sign{{"trailers/with te announced", cases.H2C, both, "trailer.x-sum"}},
	},
	{
		name: "large pieces of a response are cut short", file: "erlang/gwport_stream.erl",
		old:   `flush(Stream#stream{queue = [Data | Queue], left`,
		new:   `flush(Stream#stream{queue = [binary:part(Data, 0, min(60000, byte_size(Data))) | Queue], left`,
		shows: []sign{{"lengths/of 300,000 bytes", cases.H1, both, "body"}, {"lengths/of 300,000 bytes", cases.H2C, both, "body"}},
	},
	{
		name: "an abort looks like the end of a response", file: "erlang/gwport_stream.erl",
		old: `ending = {broken, gwport_status:reason(Code)}}`, new: `ending = fin}`,
		shows: []sign{
			{"panics/panic behind a flush", cases.H1, both, "end"},
			{"panics/panic behind a flush", cases.H2C, both, "end"},
		},
	},
	{
		name: "credit is granted and forgotten", file: "erlang/gwport_credit.erl",
		old: `taken = 0, left = Left + Free`, new: `taken = 0`,
		shows: []sign{{"lengths/of 300,000 bytes", cases.H1, both, "end"}, {"lengths/of 300,000 bytes", cases.H2C, both, "end"}},
	},
	{
		name: "no credit is granted for a response", file: "erlang/gwport_mux.erl",
		old: `{[{write, N, credit, Grant} || Grant > 0]`, new: `{[{write, N, credit, Grant} || Grant < 0]`,
		shows: []sign{{"lengths/of 300,000 bytes", cases.H2C, both, "end"}},
	},
	{
		name: "a slow client holds nobody back", file: "erlang/gwport_stream.erl",
		old: `        Size -> flush(Stream#stream{queue = [Data | Queue], left = subtract(Left, Size)})`,
		new: `        Size ->
            {Commands, Next} = flush(Stream#stream{queue = [Data | Queue], left = subtract(Left, Size)}),
            {[{consumed, Size} | Commands], Next}`,
		shows: []sign{{"planted/nothing is taken until a deadline", cases.H2C, both, "saw.op2.until"}},
	},
	{
		name: "a handler's Connection: close keeps the connection", file: "erlang/gwport_response.erl",
		old: `lists:member(<<"close">>, named(Field))`, new: `lists:member(<<"closed">>, named(Field))`,
		shows: []sign{{"hosts/handler closes", cases.H1, both, "next"}},
	},
	{
		name: "a client that owes its body keeps its connection", file: "erlang/gwport_cowboy_response.erl",
		old: `is_unsure(#response{continued = false}) -> true;`, new: `is_unsure(#response{continued = false}) -> false;`,
		shows: []sign{{"expectations/not read chunked", cases.H1, both, "next"}},
	},
	{
		name: "a body of unknown length costs the connection", file: "erlang/gwport_cowboy_response.erl",
		old: `    Complete andalso Received >= Heard;`, new: `    Complete orelse Received >= Heard;`,
		shows: []sign{{"bodies/chunked read of 10", cases.H1, both, "next"}},
	},
	{
		name: "a caller without HTTP misses what comes before the last", file: "erlang/gwport_client.erl",
		old: `taken(keep(Data, Call));`, new: `_ = Data, taken(Call);`,
		shows: []sign{{"lengths/of 300,000 bytes", cases.H1, call, "body"}},
	},
}
