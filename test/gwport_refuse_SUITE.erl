%% What a client may not send: it is told so, or cut off, and no app hears of it.
-module(gwport_refuse_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([
        bytes_that_no_field_may_have_are_refused,
        targets_that_net_http_refuses_are_refused,
        lengths_that_cannot_be_are_refused,
        http2_requests_that_are_none_are_refused,
        a_connection_ends_behind_what_is_refused_and_an_http2_connection_goes_on,
        what_is_odd_and_allowed_passes,
        https_without_tls_is_a_name
    ], []).

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Server = gwport_test:start(#{routes => [fun(Pool) -> {'_', #{pool => Pool, app => environ}} end]}),
    [{server, Server} | Config].

end_per_group(_, Config) ->
    gwport_test:stop(server(Config)).

server(Config) -> proplists:get_value(server, Config).

bytes_that_no_field_may_have_are_refused(Config) ->
    %% In a value no control bytes but a tab, in a name the bytes of a token; on both protocols.
    Fields = [{<<"x-a">>, <<"a", Byte, "X-Admin: 1">>} || Byte <- [0, 1, 8, 11, 12, $\r, 14, 31, 127]]
        ++ [{Name, <<"1">>} || Name <- [<<>>, <<"x(a">>, <<"x", 0>>, <<"x", 16#e9>>, <<"\"x\"">>, <<"x/y">>,
            <<"x\ry">>]],
    [refused(Field, h1(Config, <<"GET">>, <<"/environ">>, [Field])) || Field <- Fields],
    [refused(Field, h2(Config, #{}, [Field]))
        || Field <- [{<<"x-a">>, <<"a\nX-Admin: 1">>}, {<<"x b">>, <<"1">>}, {<<"x\nb">>, <<"1">>} | Fields]].

targets_that_net_http_refuses_are_refused(Config) ->
    %% Control bytes, and escapes that are none. No client of HTTP/1.1 can send a `*` or a path without a slash.
    Bad = [<<"/environ/%">>, <<"/environ/%g0">>, <<"/environ/%2">>, <<"/environ/", 0>>, <<"/environ/", 127>>,
        <<"/environ?a=", 1>>, <<"/environ?a=\t">>],
    [refused(Path, h1(Config, <<"GET">>, Path, [])) || Path <- Bad],
    [refused(Path, h2(Config, #{<<":path">> => Path}, []))
        || Path <- [<<"environ">>, <<"*?a">>, <<"/environ\r\nx: 1">>, <<"http://x/environ">> | Bad]].

lengths_that_cannot_be_are_refused(Config) ->
    %% Beyond what a program can count, and in a form that only some take for a number.
    [refused(Length, h1(Config, <<"POST">>, <<"/environ">>, [{<<"content-length">>, Length}])) || Length <- [
        <<"9223372036854775808">>, binary:copy(<<"9">>, 31), <<"+3">>, <<"-0">>]],
    %% No server may take a body of HTTP/1.0 for a chunked one (RFC 9112, 6.1).
    refused('HTTP/1.0', raw(Config, "POST /environ HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        "1\r\na\r\n0\r\n\r\n")).

http2_requests_that_are_none_are_refused(Config) ->
    %% HTTP/1.1 has no way to say these.
    [refused(Pseudo, h2(Config, Pseudo, [])) || Pseudo <- [
        #{<<":method">> => <<"GE T">>}, #{<<":method">> => <<>>}, #{<<":method">> => <<"GET\r\n">>},
        #{<<":scheme">> => <<"ftp">>}, #{<<":scheme">> => <<"http\n">>},
        #{<<":authority">> => <<"x:65536">>}, #{<<":authority">> => <<"x:-1">>}]].

a_connection_ends_behind_what_is_refused_and_an_http2_connection_goes_on(Config) ->
    %% Where such a request of HTTP/1.1 ends is anybody's guess.
    Socket = gwport_test:connect(server(Config)),
    gwport_test:send(Socket, [["GET /environ HTTP/1.1\r\nhost: x\r\n", Bad, "\r\n"] || Bad <- ["x-a: \1\r\n", ""]]),
    ?assertMatch(#{status := 400, headers := #{<<"connection">> := <<"close">>},
        body := <<"The request is not valid.\n">>}, gwport_test:recv(Socket)),
    ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000)),
    gwport_test:close(Socket),
    Client = gwport_raw_h2:open(server(Config)),
    gwport_raw_h2:headers(1, fin, fields(#{}, [{<<"x-a">>, <<1>>}]), Client),
    ?assertMatch(#{status := 400}, gwport_raw_h2:answer(1, Client)),
    gwport_raw_h2:headers(3, fin, fields(#{}, []), Client),
    ?assertMatch(#{status := 200}, gwport_raw_h2:answer(3, Client)),
    gwport_raw_h2:close(Client).

what_is_odd_and_allowed_passes(Config) ->
    %% The other side of each edge.
    [passes(Field, h1(Config, <<"GET">>, <<"/environ">>, [Field])) || Field <- [
        {<<"x-a">>, <<"a\tb">>}, {<<"x-a">>, <<128, 255, "\"\\">>}, {<<"x-a">>, <<>>},
        {<<"!#$%&'*+-.^_`|~09">>, <<"1">>},
        {<<"content-length">>, <<"00">>}]],
    [passes(Path, h1(Config, <<"GET">>, Path, [])) || Path <- [<<"/environ/\"<[\\", 233>>, <<"/environ?\"<[\\", 233>>]],
    [passes(Pseudo, h2(Config, Pseudo, [])) || Pseudo <- [
        #{<<":method">> => <<"!#$%&'*+-.^_`|~09az">>}, #{<<":authority">> => <<"x:65535">>},
        #{<<":scheme">> => <<"https">>},
        #{<<":path">> => <<"/environ/%2F?%zz\"<[", 233>>}, #{<<":path">> => <<"/a b">>},
        #{<<":path">> => <<"*">>, <<":method">> => <<"OPTIONS">>}]].

https_without_tls_is_a_name(Config) ->
    %% A client of HTTP/2 can choose its scheme, and must not pass for an encrypted one by that.
    #{status := 200, body := Body} = gwport_raw_h2:ask(server(Config), fields(#{<<":scheme">> => <<"https">>}, [])),
    ?assertMatch(#{<<"Proto">> := <<"HTTP/2.0">>, <<"TLS">> := <<"no">>},
        gwport_http_client:fields(#{status => 200, body => Body})).

%% By us or by Cowboy itself; and no app has heard of it.
refused(What, {Answer, Served}) ->
    Refused = case Answer of
        #{status := 400} -> refused;
        {reset, protocol_error} -> refused;
        _ -> Answer
    end,
    ?assertEqual({What, refused, 0}, {What, Refused, Served}).

passes(What, {Answer, Served}) ->
    ?assertMatch({What, #{status := 200}, 1}, {What, Answer, Served}).

%% What is answered, and how many requests the program has served meanwhile.
h1(Config, Method, Path, Fields) ->
    raw(Config, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\n", [[Name, ": ", Value, "\r\n"]
        || {Name, Value} <- Fields], "\r\n"]).

raw(Config, Bytes) ->
    counted(Config, fun() ->
        Socket = gwport_test:connect(server(Config)),
        gwport_test:send(Socket, Bytes),
        Answer = gwport_test:recv(Socket),
        gwport_test:close(Socket),
        Answer
    end).

h2(Config, Pseudo, Fields) ->
    counted(Config, fun() -> gwport_raw_h2:ask(server(Config), fields(Pseudo, Fields)) end).

fields(Pseudo, Fields) ->
    maps:to_list(maps:merge(#{<<":method">> => <<"GET">>, <<":scheme">> => <<"http">>, <<":authority">> => <<"x">>,
        <<":path">> => <<"/environ">>}, Pseudo)) ++ Fields.

counted(Config, Ask) ->
    Before = served(Config),
    Answer = Ask(),
    {Answer, served(Config) - Before}.

served(Config) ->
    [#{served := Served}] = gwport_test:ports(server(Config)),
    Served.
