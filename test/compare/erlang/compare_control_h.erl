%% The control: a bare Cowboy handler that does what a case's script says of its response, and reports what Cowboy gave
%% it of the request. A difference from net/http that it shows as well is Cowboy's, and not gwport's.
-module(compare_control_h).
-behaviour(cowboy_handler).

-export([init/2]).

-record(run, {req, status = 200, headers = #{}, body = [], sent = false, facts = [], at = 1}).

init(Req = #{headers := Headers}, Socket) ->
    {ok, Probe} = gen_tcp:connect({local, Socket}, 0, [binary, {active, false}, {packet, line}]),
    Id = maps:get(<<"x-case">>, Headers, <<>>),
    say(Probe, "entered", [Id]),
    Run0 = #run{req = Req, facts = facts(Req)},
    Ops = compare_script:parse(maps:get(<<"x-do">>, Headers, <<>>)),
    Run = finish(lists:foldl(fun(Op, Run) -> do(Op, Id, Probe, Run) end, Run0, Ops)),
    say(Probe, "left", [Id | Run#run.facts]),
    ok = gen_tcp:close(Probe),
    {ok, Run#run.req, Socket}.

say(Probe, Word, Args) ->
    ok = gen_tcp:send(Probe, [compare_script:op([Word | Args]), "\n"]),
    {ok, _} = gen_tcp:recv(Probe, 0),
    ok.

%% By the names that the Go handler has for them.
facts(Req = #{method := Method, headers := Headers, version := Version, has_body := HasBody}) ->
    Host = case Headers of
        #{<<"host">> := Given} -> Given;
        #{} -> iolist_to_binary(cowboy_req:uri(Req, #{scheme => undefined, path => undefined, qs => undefined}))
    end,
    lists:append([
        ["method", Method, "requesturi", target(Req), "host", strip(Host), "proto", proto(Version)],
        ["length", length_of(Req)],
        ["nobody", atom_to_list(not HasBody)],
        lists:append([["header." ++ canonical(Name), Value]
            || {Name, Value} <- maps:to_list(Headers), not lists:member(Name,
                [<<"x-case">>, <<"x-do">>, <<"host">>])])]).

strip(<<"//", Host/binary>>) -> Host;
strip(Host) -> Host.

target(#{path := Path, qs := <<>>}) -> Path;
target(#{path := Path, qs := Query}) -> [Path, "?", Query].

proto('HTTP/1.0') -> "HTTP/1.0 1.0";
proto('HTTP/1.1') -> "HTTP/1.1 1.1";
proto('HTTP/2') -> "HTTP/2.0 2.0".

length_of(#{has_body := false}) -> "0";
length_of(#{body_length := undefined}) -> "-1";
length_of(#{body_length := Length}) -> integer_to_list(Length).

canonical(Name) ->
    lists:join("-", [capital(Part) || Part <- string:split(binary_to_list(Name), "-", all)]).

capital([C | Rest]) when C >= $a, C =< $z -> [C - 32 | Rest];
capital(Part) -> Part.

do(["gate", Name], Id, Probe, Run = #run{at = At}) ->
    say(Probe, "gate", [Id, Name]),
    Run#run{at = At + 1};
do(["readall" | _], _, _, Run = #run{req = Req0, facts = Facts, at = At}) ->
    {Body, Req} = read_all(cowboy_req:read_body(Req0), []),
    Run#run{req = Req, at = At + 1,
        facts = Facts ++ ["op" ++ integer_to_list(At) ++ ".readall", digest(Body)]};
do(Op, _, _, Run0) ->
    Run = #run{at = At} = do(Op, Run0),
    Run#run{at = At + 1}.

%% As the Go handler tells it.
digest(Body) when byte_size(Body) =< 64 ->
    io_lib:format("~0p EOF", [binary_to_list(Body)]);
digest(Body) ->
    io_lib:format("~b bytes ~s EOF",
        [byte_size(Body), string:lowercase(binary:encode_hex(crypto:hash(sha256, Body)))]).

do(["set", Name, Value], Run = #run{headers = Headers}) ->
    Run#run{headers = Headers#{lower(Name) => Value}};
do(["add", Name, Value], Run = #run{headers = Headers}) ->
    Joined = case Headers of
        #{Name := Before} -> [Before, ", ", Value];
        #{} -> Value
    end,
    Run#run{headers = Headers#{lower(Name) => Joined}};
do(["raw", Name | Values], Run = #run{headers = Headers}) ->
    Run#run{headers = Headers#{lower(Name) => lists:join(", ", Values)}};
do(["status", Code], Run0) ->
    case binary_to_integer(Code) of
        Inform when Inform < 200 ->
            ok = cowboy_req:inform(Inform, Run0#run.headers, Run0#run.req),
            Run0;
        Status -> Run0#run{status = Status}
    end;
do(["write", Data], Run) -> write(Data, Run);
do(["string", Data], Run) -> write(Data, Run);
do(["put", Data], Run) -> write(Data, Run);
do(["bytes", N | _], Run) -> write(<< <<(I rem 251)>> || I <- lists:seq(0, binary_to_integer(N) - 1) >>, Run);
do(["flush"], Run) -> send_head(Run);
do(["drain"], Run = #run{req = Req0}) ->
    {_, Req} = read_all(cowboy_req:read_body(Req0), []),
    Run#run{req = Req};
do(["read", N], Run = #run{req = Req0}) ->
    {_, _, Req} = cowboy_req:read_body(Req0, #{length => binary_to_integer(N)}),
    Run#run{req = Req};
%% Cowboy ends a handler whose client has left.
do(["done"], _) -> receive never -> ok end;
do(["panic" | _], _) -> exit(panic);
do(["abort"], _) -> exit(abort);
do(_, Run) -> Run.

lower(Name) -> list_to_binary(string:to_lower(binary_to_list(Name))).

read_all({more, Data, Req}, Acc) -> read_all(cowboy_req:read_body(Req), [Acc, Data]);
read_all({ok, Data, Req}, Acc) -> {iolist_to_binary([Acc, Data]), Req}.

write(Data, Run = #run{sent = false, body = Body}) ->
    Run#run{body = [Body, Data]};
write(Data, Run = #run{req = Req}) ->
    ok = cowboy_req:stream_body(Data, nofin, Req),
    Run.

send_head(Run = #run{sent = true}) ->
    Run;
send_head(Run = #run{status = Status, headers = Headers, body = Body, req = Req0}) ->
    Req = cowboy_req:stream_reply(Status, without_trailers(Headers), Req0),
    _ = iolist_size(Body) > 0 andalso cowboy_req:stream_body(Body, nofin, Req),
    Run#run{sent = true, req = Req}.

without_trailers(Headers) ->
    maps:filter(fun(<<"trailer:", _/binary>>, _) -> false; (_, _) -> true end, Headers).

trailers(Headers) ->
    maps:from_list([{Name, Value} || {<<"trailer:", Name/binary>>, Value} <- maps:to_list(Headers)]).

finish(Run = #run{headers = Headers}) ->
    finish(trailers(Headers), Run).

finish(None, Run = #run{sent = false, status = Status, headers = Headers, body = Body, req = Req})
        when map_size(None) =:= 0 ->
    Run#run{req = cowboy_req:reply(Status, Headers, Body, Req)};
finish(None, Run = #run{req = Req}) when map_size(None) =:= 0 ->
    ok = cowboy_req:stream_body(<<>>, fin, Req),
    Run;
finish(Trailers, Run0) ->
    Run = send_head(Run0),
    ok = cowboy_req:stream_trailers(Trailers, Run#run.req),
    Run.
