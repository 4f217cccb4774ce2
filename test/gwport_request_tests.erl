-module(gwport_request_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [binary/0, integer/0, integer/2, list/1, oneof/1]).

an_encoded_request_is_what_open_carries_test() ->
    Request = request(#{<<"length">> => 5}),
    {ok, {Encoded, now, true}} = gwport_request:encode(Request, 65536),
    ?assertEqual({ok, {0, 262144, Request}}, gwport_frame:decode_payload(payload(Encoded))).

a_payload_of_max_head_bytes_passes_test() ->
    Size = size_of(request(#{})),
    {ok, {Encoded, _, _}} = gwport_request:encode(request(#{}), Size),
    ?assertEqual(Size, byte_size(payload(Encoded))).

a_payload_of_max_head_and_1_bytes_is_too_large_test() ->
    ?assertEqual({error, too_large_head},
        gwport_request:encode(request(#{}), size_of(request(#{})) - 1)).

a_request_tells_whether_it_has_a_body_test_() ->
    [?_assertEqual(Body, gwport_request:body(request(With))) || {Body, With} <- [
        {none, #{<<"length">> => 0}},
        {none, #{<<"length">> => 0, <<"continue">> => true}},
        {now, #{<<"length">> => 1}},
        {now, #{}},
        {connect, #{<<"protocol">> => <<"websocket">>}},
        {none, #{<<"length">> => 0, <<"protocol">> => <<"websocket">>}},
        {continue, #{<<"continue">> => true}},
        {continue, #{<<"length">> => 1, <<"continue">> => true}}]].

methods_are_idempotent_as_in_rfc_9110_test_() ->
    [?_assert(gwport_request:is_idempotent(Method))
        || Method <- [<<"GET">>, <<"HEAD">>, <<"OPTIONS">>, <<"TRACE">>, <<"PUT">>, <<"DELETE">>]]
        ++ [?_assertNot(gwport_request:is_idempotent(Method))
            || Method <- [<<"POST">>, <<"PATCH">>, <<"CONNECT">>, <<"get">>, <<"GETX">>, <<"BREW">>, <<>>]].

a_request_that_is_not_idempotent_says_so_test() ->
    ?assertMatch({ok, {_, _, false}},
        gwport_request:encode(request(#{<<"method">> => <<"POST">>}), 65536)).

%% What a host may send

the_part_that_is_wrong_is_named_test_() ->
    [{lists:flatten(io_lib:format("~0p ~0p", [Part, With])),
        ?_assertEqual({error, Part}, gwport_request:check(whole(With)))} || {Part, With} <- [
        {<<"method">>, #{<<"method">> => <<>>}}, {<<"method">>, #{<<"method">> => <<"GE T">>}},
        {<<"path">>, #{<<"path">> => <<>>}}, {<<"path">>, #{<<"path">> => <<"a">>}},
        {<<"path">>, #{<<"path">> => <<"/%4">>}}, {<<"path">>, #{<<"path">> => <<"/a?b">>}},
        {<<"path">>, #{<<"path">> => <<"*">>, <<"query">> => <<"a">>}},
        {<<"query">>, #{<<"query">> => <<"a\n">>}}, {<<"scheme">>, #{<<"scheme">> => <<"HTTP">>}},
        {<<"host">>, #{<<"host">> => <<"A">>}}, {<<"host">>, #{<<"host">> => <<"a/b">>}},
        {<<"port">>, #{<<"port">> => 65536}}, {<<"port">>, #{<<"port">> => -1}},
        {<<"port">>, #{<<"port">> => undefined}},
        {<<"path_info">>, #{<<"path_info">> => -1}}, {<<"path_info">>, #{<<"path_info">> => 2147483648}},
        {<<"length">>, #{<<"length">> => -1}}, {<<"length">>, #{<<"length">> => 1 bsl 63}},
        {<<"length">>, #{<<"version">> => {1, 0}}},
        {<<"protocol">>, #{<<"protocol">> => <<>>}}, {<<"protocol">>, #{<<"protocol">> => <<"a b">>}},
        {<<"protocol">>, #{<<"protocol">> => <<"a/">>}}, {<<"protocol">>, #{<<"protocol">> => <<"a/1/2">>}},
        {<<"protocol">>, #{<<"protocol">> => <<"a\r\n">>}},
        {{header, <<"X-A">>}, #{<<"headers">> => [{<<"x-a">>, <<"1">>}, {<<"X-A">>, <<"1">>}]}},
        {{header, <<>>}, #{<<"headers">> => [{<<>>, <<"1">>}]}},
        {{header, <<"hosT">>}, #{<<"headers">> => [{<<"host">>, <<"x">>}, {<<"hosT">>, <<"x">>}]}},
        {{header, <<"cookie ">>}, #{<<"headers">> => [{<<"cookie ">>, <<"1">>}]}},
        {{header, <<"accept\r">>}, #{<<"headers">> => [{<<"accept\r">>, <<"1">>}]}},
        {{header, <<"x">>}, #{<<"headers">> => [{<<"x">>, <<"a\r">>}]}},
        {{header, <<"content-length">>}, #{<<"headers">> => [{<<"content-length">>, <<"5">>}]}},
        {{header, <<"content-length">>}, #{<<"headers">> => [{<<"content-length">>, <<"5">>}], <<"length">> => 6}},
        {{header, <<"content-length">>}, #{<<"headers">> => [{<<"content-length">>, <<"+5">>}], <<"length">> => 5}}]].

both_edges_of_each_number_pass_test_() ->
    [?_assertEqual(ok, gwport_request:check(whole(With))) || With <- [
        #{}, #{<<"port">> => 0}, #{<<"port">> => 65535}, #{<<"path_info">> => 2147483647},
        #{<<"length">> => 0, <<"version">> => {1, 0}}, #{<<"length">> => (1 bsl 63) - 1},
        #{<<"protocol">> => <<"websocket">>}, #{<<"protocol">> => <<"TLS/1.2">>},
        #{<<"path">> => <<"*">>}, #{<<"host">> => <<>>}, #{<<"host">> => <<"[::1]">>},
        #{<<"headers">> => [{<<"content-length">>, <<"05">>}], <<"length">> => 5}]].

every_byte_is_where_it_may_be_and_nowhere_else_test() ->
    Token = "!#$%&'*+-.^_`|~" ++ lists:seq($0, $9) ++ lists:seq($a, $z),
    Text = lists:seq(32, 126) ++ lists:seq(128, 255),
    Allowed = [{fun(Bin) -> #{<<"method">> => Bin} end, Token ++ lists:seq($A, $Z)},
        {fun(Bin) -> #{<<"path">> => <<"/", Bin/binary>>} end, Text -- "%?"},
        {fun(Bin) -> #{<<"query">> => Bin} end, Text},
        {fun(Bin) -> #{<<"host">> => Bin} end, "!$%&'()*+,-.:;=[]_~" ++ lists:seq($0, $9) ++ lists:seq($a, $z)},
        {fun(Bin) -> #{<<"headers">> => [{Bin, <<>>}]} end, Token},
        {fun(Bin) -> #{<<"headers">> => [{<<"x">>, Bin}]} end, [$\t | Text]}],
    [?assertEqual({With(<<>>), Byte, Before, lists:member(Byte, Bytes)},
            {With(<<>>), Byte, Before, gwport_request:check(whole(With(<<Before/binary, Byte, "zzzz">>))) =:= ok})
        || {With, Bytes} <- Allowed, Byte <- lists:seq(0, 255), Before <- [<<>>, <<"a">>, <<"aaa">>, <<"aaaaa">>]].

what_a_mount_allows_passes_and_one_more_does_not_test_() ->
    Mount = #{max_target => 4, max_fields => 2, max_header => 9, max_body => 5},
    Passes = [#{<<"path">> => <<"/abc">>}, #{<<"path">> => <<"/a">>, <<"query">> => <<"b">>},
        #{<<"headers">> => [{<<"a">>, <<>>}, {<<"b">>, <<>>}]}, #{<<"headers">> => [{<<"abcd">>, <<"12345">>}]},
        #{<<"length">> => 5}],
    Beyond = [{too_large_target, #{<<"path">> => <<"/abcd">>}},
        {too_large_target, #{<<"path">> => <<"/a">>, <<"query">> => <<"bc">>}},
        {too_many_fields, #{<<"headers">> => [{<<"a">>, <<>>}, {<<"b">>, <<>>}, {<<"c">>, <<>>}]}},
        {too_large_header, #{<<"headers">> => [{<<"abcd">>, <<"123456">>}]}},
        {too_large_header, #{<<"headers">> => [{<<"abcd">>, <<"1234">>}, {<<"b">>, <<"1">>}]}},
        {too_large_body, #{<<"length">> => 6}}],
    Infinite = maps:map(fun(_, _) -> infinity end, Mount),
    [?_assertEqual(ok, gwport_request:within(whole(With), Mount)) || With <- Passes]
        ++ [?_assertEqual({error, Reason}, gwport_request:within(whole(With), Mount)) || {Reason, With} <- Beyond]
        ++ [?_assertEqual(ok, gwport_request:within(whole(With), Infinite)) || {_, With} <- Beyond].

%% Whatever a client has sent: what gets past is a Request of SPEC.md's, by another account of its rules.
no_bytes_in_any_field_get_past_test_() ->
    gwport_gen:check(?FORALL({Req, App}, {req(), binary()},
        begin
            Request = gwport_cowboy_request:new(Req, 0, (mount())#{app := App},
                #{secure => false, files => false}),
            gwport_request:check(Request) =/= ok orelse is_allowed(Request)
        end)).

%% Those that are dropped are no app's, and what no request may have is refused with or without underscores.
underscores_are_dropped_and_nothing_else_is_test() ->
    Fields = #{<<"x-a">> => <<"1">>, <<"x.a">> => <<"2">>, <<"_">> => <<"3">>, <<"x_a">> => <<"4">>, <<"-a_">> => <<"5">>},
    Bad = #{<<"x_\r">> => <<"6">>, <<"X_a">> => <<"7">>, <<"x_b">> => <<"8\n">>},
    New = fun(Underscores, Headers) ->
        #{<<"headers">> := List} = Request = gwport_cowboy_request:new((plain())#{headers := Headers}, 0,
            (mount())#{underscores := Underscores}, #{secure => false, files => false}),
        {maps:from_list(List), gwport_request:check(Request)}
    end,
    ?assertEqual({Fields, ok}, New(pass, Fields)),
    ?assertEqual({#{<<"x-a">> => <<"1">>, <<"x.a">> => <<"2">>}, ok}, New(drop, Fields)),
    [?assertEqual(New(pass, #{Name => Value}), New(drop, #{Name => Value})) || {Name, Value} <- maps:to_list(Bad)],
    [?assertMatch({_, {error, {header, Name}}}, New(drop, Fields#{Name => Value})) || {Name, Value} <- maps:to_list(Bad)].

%% One that says how long its body is, or has none, is a CONNECT without more.
an_extended_connect_says_for_what_test_() ->
    [?_assertEqual(Expected, begin
        Req = maps:merge((plain())#{method := <<"CONNECT">>, version := 'HTTP/2', protocol => <<"websocket">>}, With),
        Request = gwport_cowboy_request:new(Req, 0, mount(), #{secure => false, files => false}),
        {maps:get(<<"protocol">>, Request, none), maps:get(<<"length">>, Request, unknown)}
    end) || {With, Expected} <- [
        {#{has_body => true, body_length => undefined}, {<<"websocket">>, unknown}},
        {#{has_body => true, body_length => 5}, {none, 5}},
        {#{has_body => false, body_length => 0}, {none, 0}}]].

%% By the connection's other end alone; and what is encrypted is the connection.
proxies_are_believed_where_the_connection_is_theirs_test_() ->
    Said = #{<<"host">> => <<"localhost">>, <<"x-forwarded-for">> => <<"192.0.2.7">>, <<"x-forwarded-proto">> => <<"https">>},
    [?_assertEqual({Peer, Scheme, Secure}, begin
        {ok, Mount} = gwport_mount_options:mount(#{pool => none, trusted_proxies => Proxies}),
        Request = gwport_cowboy_request:new((plain())#{peer := Ends, headers := Said}, 0, Mount,
            #{secure => Secure, files => false}),
        #{<<"peer">> := Found, <<"scheme">> := FoundScheme, <<"headers">> := Fields} = Request,
        Said = maps:from_list(Fields),
        FoundScheme = case Request of #{<<"proxied">> := true} -> <<"https">>; #{} -> <<"http">> end,
        {Found, FoundScheme, maps:get(<<"tls">>, Request, false)}
    end) || Secure <- [false, true], {Peer, Scheme, Ends, Proxies} <- [
        {{<<"192.0.2.7">>, 0}, <<"https">>, {{127, 0, 0, 1}, 1}, ["127.0.0.1"]},
        {{<<"192.0.2.7">>, 0}, <<"https">>, {{0, 0, 0, 0, 0, 0, 0, 1}, 1}, ["127.0.0.1", "::1"]},
        {{<<"192.0.2.7">>, 0}, <<"https">>, {{0, 0, 0, 0, 0, 16#ffff, 16#7f00, 1}, 1}, ["127.0.0.0/8"]},
        {{<<"192.0.2.7">>, 0}, <<"https">>, {local, <<"/socket">>}, [unix]},
        {{<<"127.0.0.1">>, 1}, <<"http">>, {{127, 0, 0, 1}, 1}, []},
        {{<<"127.0.0.1">>, 1}, <<"http">>, {{127, 0, 0, 1}, 1}, ["10.0.0.0/8", "192.0.2.7", unix]},
        {{<<>>, 0}, <<"http">>, {local, <<"/socket">>}, ["0.0.0.0/0", "::/0"]},
        {{<<>>, 0}, <<"http">>, undefined, ["0.0.0.0/0", "::/0", unix]}]].

plain() ->
    #{method => <<"GET">>, path => <<"/">>, qs => <<>>, scheme => <<"http">>, host => <<"localhost">>, port => 80,
        version => 'HTTP/1.1', headers => #{<<"host">> => <<"localhost">>}, body_length => 0, has_body => false,
        peer => {{127, 0, 0, 1}, 1}, sock => {{127, 0, 0, 1}, 2}, cert => undefined}.

%% A connection's process keeps what it has made of one request; another's is not taken for it.
a_request_is_the_same_behind_whatever_others_test_() ->
    Ends = oneof([{{127, 0, 0, 1}, 1}, {{127, 0, 0, 1}, 2}, {{10, 0, 0, 1}, 1}, {{0, 0, 0, 0, 0, 0, 0, 1}, 1},
        {local, <<>>}, {local, <<"/socket">>}, undefined]),
    gwport_gen:check(?FORALL(Reqs, list({req(), Ends, Ends}),
        lists:all(fun({Req, Peer, Local}) ->
            New = fun() -> gwport_cowboy_request:new(Req#{peer := Peer, sock := Local}, 0,
                mount(), #{secure => false, files => false}) end,
            {Here, Request} = {New(), elsewhere(New)},
            #{<<"peer">> := PeerText, <<"local">> := LocalText} = Here,
            Here =:= Request andalso PeerText =:= text(Peer) andalso LocalText =:= text(Local)
        end, Reqs))).

text({{127, 0, 0, 1}, Port}) -> {<<"127.0.0.1">>, Port};
text({{10, 0, 0, 1}, Port}) -> {<<"10.0.0.1">>, Port};
text({{0, 0, 0, 0, 0, 0, 0, 1}, Port}) -> {<<"::1">>, Port};
text(_) -> {<<>>, 0}.

elsewhere(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit({result, Fun()}) end),
    receive {'DOWN', Monitor, process, Pid, {result, Result}} -> Result end.

what_is_kept_of_a_listener_is_its_own_test_() ->
    Settings = [#{}, #{idle_timeout => 1}, #{idle_timeout => infinity}, #{inactivity_timeout => 2},
        #{initial_stream_flow_size => 3}, #{protocols => [http]}, #{protocols => [http2]}],
    %% Whose version is asked for.
    _ = application:load(cowboy),
    Asked = {oneof([one, two]), oneof(['HTTP/1.1', 'HTTP/2', 'HTTP/1.0']), oneof(Settings), oneof([true, false])},
    gwport_gen:check(?FORALL(All, list(Asked),
        lists:all(fun({Ref, Version, Opts, Guarded}) ->
            Of = fun() -> gwport_cowboy_listener:of_request(#{ref => Ref, version => Version}, Opts, Guarded) end,
            Of() =:= elsewhere(Of)
        end, All))).

%% As a web server that refuses nothing would have it.
req() ->
    ?LET({Method, Path, Query, Scheme, Host, Port, Version, Headers, Length},
        {some([<<"GET">>, <<"POST">>]), some([<<"/">>, <<"*">>, <<"/a%2f">>]), some([<<>>]),
            some([<<"http">>, <<"https">>]), some([<<"localhost">>, <<>>]),
            oneof([80, undefined, integer(-1, 65537), integer()]),
            oneof(['HTTP/1.0', 'HTTP/1.1', 'HTTP/2']),
            list({some([<<"x-a">>, <<"content-length">>]), some([<<"1">>, <<"+1">>, <<"0">>])}),
            oneof([undefined, 1, 0, 1 bsl 62, 1 bsl 63, integer()])},
        #{method => Method, path => Path, qs => Query, scheme => Scheme, host => Host, port => Port,
            version => Version, headers => maps:from_list(Headers), body_length => Length, has_body => Length =/= 0,
            peer => {{127, 0, 0, 1}, 1}, sock => {{127, 0, 0, 1}, 2}, cert => undefined}).

mount() ->
    {ok, Mount} = gwport_mount_options:mount(#{pool => none}),
    Mount.

some(Usual) ->
    oneof([oneof(Usual), oneof(Usual), gwport_gen:token(), binary(),
        ?LET({Byte, Good}, {integer(0, 255), oneof(Usual)}, <<Good/binary, Byte>>)]).

is_allowed(Request) ->
    #{<<"method">> := Method, <<"path">> := Path, <<"query">> := Query, <<"scheme">> := Scheme, <<"host">> := Host,
        <<"port">> := Port, <<"headers">> := Headers, <<"version">> := Version} = Request,
    Length = maps:get(<<"length">>, Request, none),
    matches(Method, "^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
        andalso matches(Path, "^([*]|/([^\\x00-\\x1f\\x7f?%]|%[0-9A-Fa-f]{2})*)$")
        andalso matches(Query, "^[^\\x00-\\x1f\\x7f]*$")
        andalso lists:member(Scheme, [<<"http">>, <<"https">>])
        andalso matches(Host, "^[^\\x00-\\x20\\x7f-\\xffA-Z/?#@<>\"{}|\\\\^`]*$")
        andalso lists:member(Port, lists:seq(0, 65535))
        andalso (Length =:= none andalso Version =/= {1, 0}
            orelse is_integer(Length) andalso Length >= 0 andalso Length < 1 bsl 63)
        andalso lists:all(fun({Name, Value}) ->
            matches(Name, "^[-!#$%&'*+.^_`|~0-9a-z]+$") andalso matches(Value, "^[^\\x00-\\x08\\x0a-\\x1f\\x7f]*$")
                andalso (Name =/= <<"content-length">> orelse matches(Value, "^[0-9]+$")
                    andalso binary_to_integer(Value) =:= Length)
        end, Headers).

matches(Bin, Pattern) ->
    re:run(Bin, Pattern, [{capture, none}, dollar_endonly]) =:= match.

whole(With) ->
    maps:merge(#{<<"method">> => <<"GET">>, <<"path">> => <<"/">>, <<"query">> => <<>>, <<"version">> => {1, 1},
        <<"scheme">> => <<"http">>, <<"host">> => <<"localhost">>, <<"port">> => 80, <<"headers">> => [],
        <<"path_info">> => 0}, With).

%% The payload of `open` as it goes out.
payload(Encoded) ->
    Wire = iolist_to_binary(gwport_frame:encode_open(256, 262144, Encoded)),
    {ok, [{open, 256, Payload}], _} = gwport_frame:parse(Wire, gwport_frame:new(1048576)),
    Payload.

size_of(Request) ->
    byte_size(term_to_binary({0, 262144, Request})).

request(With) ->
    maps:merge(#{<<"method">> => <<"GET">>, <<"path">> => <<"/">>, <<"headers">> => []}, With).
