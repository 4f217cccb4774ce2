%% gwport_plug over conns of both kinds of server (gwport_plug_host) and both protocols, with a real Cowboy below and a
%% real program behind: what plugs in front have done holds, and what a client sees is what it sees of a mount.
-module(gwport_plug_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(CONN, 'Elixir.Plug.Conn').

-import(gwport_http_client, [open/1, close/1, ask/2, call/2, start/2, send/3, head/1, piece/2, rest/1, header/2,
    headers/2]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> [{group, cowboy}, {group, bandit}, the_options_are_checked_without_a_request].

groups() ->
    Protocols = [{group, h1}, {group, h2}],
    [{cowboy, [], Protocols ++ cowboy()}, {bandit, [], Protocols ++ bandit()}, {h1, [], both() ++ h1()},
        {h2, [], both()}].

both() -> [
    what_an_app_answers_goes_through_the_hooks,
    fields_of_plugs_in_front_stay_but_for_the_apps,
    cookies_of_both_are_set,
    plugs_that_would_be_next_are_not_called,
    a_response_is_sent_as_it_is_written,
    a_large_response_keeps_its_length,
    an_upload_is_whole,
    the_environ_has_the_place_of_the_mount,
    the_peer_is_who_plugs_in_front_say,
    responses_without_a_body_have_none,
    informational_responses_are_sent,
    trailers_are_dropped,
    a_body_that_was_read_in_front_is_an_error_that_says_so,
    a_body_that_was_kept_is_read_again,
    a_body_that_parsers_let_be_is_there,
    what_is_broken_off_is_seen,
    a_program_that_ends_is_502,
    what_a_client_is_told_without_an_answer,
    a_status_that_plug_does_not_know_is_502_and_the_log_says_so,
    an_app_in_erlang_is_a_plug
].

h1() -> [
    a_client_that_takes_nothing_ends_the_app,
    a_client_is_told_to_go_on_by_the_first_read_alone,
    a_connection_is_kept
].

cowboy() -> [
    a_client_that_leaves_ends_an_app_that_waits,
    a_client_that_leaves_is_a_line_of_the_access_log
].

bandit() -> [
    a_client_that_has_left_is_found_by_what_is_sent,
    a_conversation_goes_both_ways,
    an_app_may_answer_before_the_body_has_come
].

init_per_suite(Config) ->
    [{pool, gwport_test:start_pool(#{})} | Config].

end_per_suite(Config) ->
    gwport_test:stop_pool(proplists:get_value(pool, Config)).

init_per_group(Proto, Config) when Proto =:= h1; Proto =:= h2 -> [{proto, Proto} | Config];
init_per_group(Kind, Config) -> [{proto, h1}, {kind, Kind} | Config].

end_per_group(_, _) -> ok.

init_per_testcase(_, Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

end_per_testcase(the_options_are_checked_without_a_request, _) ->
    ok;
end_per_testcase(Case, _) ->
    _ = cowboy:stop_listener(Case),
    ok.

%% A listener with these plugs for every path.
served(Case, Plugs, Config) ->
    Options = #{plugs => Plugs, server => proplists:get_value(kind, Config)},
    {ok, _} = cowboy:start_clear(Case, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        #{env => #{dispatch => cowboy_router:compile([{'_', [{'_', gwport_plug_host, Options}]}])},
            idle_timeout => infinity, max_stream_buffer_size => 262144, max_reset_stream_rate => {10000, 1000}}),
    [{server, #{port => ranch:get_port(Case)}} | Config].

%% With one app of the program, behind these plugs.
with_app(Case, App, Config) -> with_app(Case, App, [], #{}, Config).

with_app(Case, App, Plugs, Mount, Config) ->
    served(Case, Plugs ++ [{gwport_plug, gwport_plug:init(Mount#{pool => proplists:get_value(pool, Config),
        app => App})}], Config).

%% What became of the handler that was called with this tag.
last(Tag, Config) ->
    Pool = proplists:get_value(pool, Config),
    {ok, {200, _, Json}} = gwport:request(Pool, #{path => ["/faults/last?tag=", Tag]}, #{app => faults}),
    Json.

has_ended(Tag, Config) ->
    string:find(last(Tag, Config), <<"\"ended\":true">>) =/= nomatch.

line(Key, #{body := Body}) ->
    [Value] = [Value || Line <- binary:split(Body, <<"\n">>, [global]),
        [One, Value] <- [binary:split(Line, <<": ">>)], One =:= Key],
    Value.

what_an_app_answers_goes_through_the_hooks(Config) ->
    Case = self(),
    Hook = fun(Conn = #{status := Status, resp_headers := Headers}) ->
        Case ! {hook, Status},
        Conn#{resp_headers := [{<<"x-hook">>, integer_to_binary(Status)} | Headers]}
    end,
    Server = with_app(?FUNCTION_NAME, faults, [fun(Conn) -> ?CONN:register_before_send(Conn, Hook) end], #{}, Config),
    %% One that is whole, one that is streamed, and one that is no app's.
    [begin
        Response = ask(Server, Path),
        ?assertMatch(#{status := Status, complete := true}, Response),
        ?assertEqual(integer_to_binary(Status), header(<<"x-hook">>, Response)),
        receive {hook, Status} -> ok after 0 -> error(not_called) end,
        receive {hook, _} -> error(called_twice) after 0 -> ok end
    end || {Status, Path} <- [{418, "/faults/status?code=418&text=tea"}, {200, "/faults/write?bytes=100000"},
        {500, "/faults/panic"}]].

fields_of_plugs_in_front_stay_but_for_the_apps(Config) ->
    Before = fun(Conn = #{resp_headers := Headers}) ->
        Conn#{resp_headers := Headers ++ [{<<"x-request-id">>, <<"7">>}, {<<"x-frame-options">>, <<"DENY">>}]}
    end,
    Server = with_app(?FUNCTION_NAME, faults, [Before], #{}, Config),
    Plain = ask(Server, "/faults/status?code=200&text=x"),
    ?assertEqual(<<"max-age=0, private, must-revalidate">>, header(<<"cache-control">>, Plain)),
    ?assertEqual(<<"7">>, header(<<"x-request-id">>, Plain)),
    Own = ask(Server, "/faults/header?name=Cache-Control&value=no-store&name=X-Frame-Options&value=SAMEORIGIN"),
    ?assertEqual([<<"no-store">>], headers(<<"cache-control">>, Own)),
    ?assertEqual([<<"SAMEORIGIN">>], headers(<<"x-frame-options">>, Own)),
    ?assertEqual(<<"7">>, header(<<"x-request-id">>, Own)).

cookies_of_both_are_set(Config) ->
    Server = with_app(?FUNCTION_NAME, faults,
        [fun(Conn) -> ?CONN:put_resp_cookie(Conn, <<"session">>, <<"s">>) end], #{}, Config),
    Response = ask(Server, "/faults/header?name=Set-Cookie&value=a=1&name=Set-Cookie&value=b=2"),
    ?assertEqual([<<"a=1">>, <<"b=2">>, <<"session=s">>], lists:sort(headers(<<"set-cookie">>, Response))).

plugs_that_would_be_next_are_not_called(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, [{gwport_plug, #{pool => proplists:get_value(pool, Config), app => hello}},
        fun(Conn) -> Case ! called, Conn end], Config),
    ?assertMatch(#{status := 200, body := <<"Hello you from Go\n">>}, ask(Server, "/hello?name=you")),
    receive called -> error(called) after 0 -> ok end.

a_response_is_sent_as_it_is_written(Config) ->
    Server = with_app(?FUNCTION_NAME, faults, Config),
    Client = open(Server),
    Stream = start_get(Client, "/faults/events?ms=20&tag=stream"),
    ?assertMatch(#{status := 200}, head(Stream)),
    ?assert(byte_size(piece(Stream, 20)) >= 20),
    close(Client).

start_get({h1, Socket}, Path) ->
    gwport_test:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\n\r\n"]),
    {h1, Socket, <<"GET">>};
start_get({h2, Conn}, Path) ->
    {h2, Conn, gwport_h2:request(Conn, <<"GET">>, Path, [], <<>>)}.

a_large_response_keeps_its_length(Config) ->
    Server = with_app(?FUNCTION_NAME, faults, Config),
    Response = #{body := Body} = ask(Server, "/faults/write?bytes=2000000&chunk=100000&length=1"),
    ?assertMatch(#{status := 200, complete := true}, Response),
    ?assertEqual(2000000, byte_size(Body)),
    ?assertEqual(<<"2000000">>, header(<<"content-length">>, Response)).

an_upload_is_whole(Config) ->
    Server = with_app(?FUNCTION_NAME, upload, Config),
    [begin
        Data = crypto:strong_rand_bytes(Size),
        Sum = binary:encode_hex(crypto:hash(sha256, Data)),
        #{status := 200, body := Json} = ask(Server, #{method => <<"POST">>, path => "/upload", body => Body(Data)}),
        ?assertNotEqual(nomatch, string:find(Json, string:lowercase(Sum)))
    end || Size <- [1, 16384, 16385, 1000000], Body <- [fun(Data) -> Data end, fun(Data) -> {unknown, [Data]} end]],
    ?assertMatch(#{status := 200, body := <<"{\"bytes\":0,", _/binary>>},
        ask(Server, #{method => <<"POST">>, path => "/upload", body => {unknown, []}})).

a_conversation_goes_both_ways(Config0) ->
    %% The client sends no more before it has heard the answer to what it has sent. Where a read waits for more, it may
    %% miss that; on Bandit's HTTP/2 it returns.
    Config = [{proto, h2} | Config0],
    Server = with_app(?FUNCTION_NAME, echo, Config),
    Client = open(Server),
    Stream = start(Client, #{method => <<"POST">>, path => "/echo"}),
    send(Stream, nofin, <<"a">>),
    ?assertMatch(#{status := 200}, head(Stream)),
    ?assertEqual(<<"a">>, piece(Stream, 1)),
    send(Stream, nofin, <<"bc">>),
    ?assertEqual(<<"bc">>, piece(Stream, 2)),
    send(Stream, fin, <<>>),
    close(Client).

an_app_may_answer_before_the_body_has_come(Config0) ->
    Config = [{proto, h2} | Config0],
    Server = with_app(?FUNCTION_NAME, faults, Config),
    Client = open(Server),
    Stream = start(Client, #{method => <<"POST">>, path => "/faults/never-read",
        headers => [{<<"content-length">>, <<"400000">>}]}),
    send(Stream, nofin, <<"some">>),
    ?assertMatch(#{status := 200}, head(Stream)),
    close(Client).

the_environ_has_the_place_of_the_mount(Config) ->
    %% Plug passes over empty segments; the app sees the path as it travelled.
    Forward = fun(Conn = #{path_info := [One, Two | Rest]}) ->
        Conn#{script_name := [One, Two], path_info := Rest}
    end,
    Server = with_app(?FUNCTION_NAME, environ, [Forward], #{}, Config),
    [begin
        Response = ask(Server, [Script, Info, "?q=%20"]),
        ?assertEqual(list_to_binary(Script), line(<<"gwport.script_name">>, Response)),
        ?assertEqual(list_to_binary(Info), line(<<"gwport.path_info">>, Response)),
        ?assertEqual(<<"q=%20">>, line(<<"QUERY_STRING">>, Response)),
        ?assertEqual(iolist_to_binary([Script, Info, "?q=%20"]), line(<<"REQUEST_URI">>, Response))
    end || Script <- ["/shop/v1", "//shop//v1", "/sh%6Fp/v%2F1"], Info <- ["", "/", "//", "/a%2Fb/", "//a//b"]],
    Host = ask(Server, #{path => "/shop/v1", headers => [{<<"host">>, <<"Shop.Example:81">>}]}),
    ?assertEqual(<<"shop.example">>, line(<<"SERVER_NAME">>, Host)),
    ?assertEqual(<<"81">>, line(<<"SERVER_PORT">>, Host)),
    ?assertEqual(case proplists:get_value(proto, Config) of h1 -> <<"HTTP/1.1">>; h2 -> <<"HTTP/2">> end,
        line(<<"SERVER_PROTOCOL">>, Host)).

the_peer_is_who_plugs_in_front_say(Config) ->
    Rewrite = fun(Conn) ->
        Conn#{remote_ip := {192, 0, 2, 7}, host := <<"shop.example">>, scheme := https, port := 443}
    end,
    Server = with_app(?FUNCTION_NAME, environ, [Rewrite], #{}, Config),
    Response = ask(Server, "/"),
    ?assertEqual(<<"192.0.2.7">>, line(<<"REMOTE_ADDR">>, Response)),
    ?assertEqual(<<"https">>, line(<<"gwport.url_scheme">>, Response)),
    ?assertEqual(<<"shop.example">>, line(<<"SERVER_NAME">>, Response)),
    ?assertEqual(<<"shop.example">>, line(<<"Host">>, Response)),
    _ = cowboy:stop_listener(?FUNCTION_NAME),
    Trusting = with_app(?FUNCTION_NAME, environ, [Rewrite], #{trusted_proxies => ["127.0.0.1"]}, Config),
    Believed = ask(Trusting, #{path => "/", headers => [{<<"x-forwarded-for">>, <<"198.51.100.1">>}]}),
    ?assertEqual(<<"198.51.100.1">>, line(<<"REMOTE_ADDR">>, Believed)).

responses_without_a_body_have_none(Config) ->
    Server = with_app(?FUNCTION_NAME, faults, Config),
    ?assertMatch(#{status := 204, body := <<>>, complete := true}, ask(Server, "/faults/status?code=204")),
    ?assertMatch(#{status := 304, body := <<>>, complete := true}, ask(Server, "/faults/status?code=304")),
    Head = ask(Server, #{method => <<"HEAD">>, path => "/faults/write?bytes=10&length=1"}),
    ?assertMatch(#{status := 200, body := <<>>}, Head),
    ?assertEqual(<<"10">>, header(<<"content-length">>, Head)).

informational_responses_are_sent(Config) ->
    Server = with_app(?FUNCTION_NAME, faults, Config),
    ?assertMatch(#{status := 200, informs := [{103, _}, {103, _}], body := <<"hinted\n">>},
        ask(Server, "/faults/informational?count=2")).

trailers_are_dropped(Config) ->
    Server = with_app(?FUNCTION_NAME, faults, Config),
    Response = ask(Server, #{path => "/faults/trailers?bytes=100000", headers => [{<<"te">>, <<"trailers">>}]}),
    ?assertMatch(#{status := 200, complete := true, trailers := []}, Response),
    ?assertEqual([], headers(<<"trailer">>, Response)).

%% As Plug.Parsers do.
parsers(Read) ->
    fun(Conn0) ->
        {ok, Body, Conn} = Read(Conn0, [{length, 8000000}, {read_length, 1000000}, {read_timeout, 15000}]),
        Conn#{body_params := #{<<"body">> => Body}}
    end.

a_body_that_was_read_in_front_is_an_error_that_says_so(Config) ->
    Log = gwport_test:capture_log(),
    %% It is said once of a pool.
    Own = gwport_test:start_pool(#{}),
    Server = with_app(?FUNCTION_NAME, echo, [parsers(fun ?CONN:read_body/2)], #{}, [{pool, Own} | Config]),
    try
        [?assertMatch(#{status := 500}, ask(Server, #{method => <<"POST">>, path => "/echo", body => Body}))
            || Body <- [<<"a form">>, {unknown, [<<"a form">>]}]],
        {error, Text, _} = gwport_test:expect_log("was read by a plug in front of gwport_plug"),
        ?assertEqual(nomatch, string:find(Text, "a form"))
    after
        gwport_test:release_log(Log),
        gwport_test:stop_pool(Own)
    end.

a_body_that_was_kept_is_read_again(Config) ->
    Server = with_app(?FUNCTION_NAME, echo, [parsers(fun gwport_plug:read_body/2)], #{}, Config),
    Large = binary:copy(<<"0123456789abcdef">>, 20000),
    [?assertMatch(#{status := 200, body := Data, complete := true},
        ask(Server, #{method => <<"POST">>, path => "/echo", body => Body}))
        || Data <- [<<"a form">>, Large], Body <- [Data, {unknown, [Data]}]].

a_body_that_parsers_let_be_is_there(Config) ->
    Pass = fun(Conn) -> Conn#{body_params := #{}} end,
    Server = with_app(?FUNCTION_NAME, echo, [Pass], #{}, Config),
    ?assertMatch(#{status := 200, body := <<"no form">>},
        ask(Server, #{method => <<"POST">>, path => "/echo", body => <<"no form">>})).

what_is_broken_off_is_seen(Config) ->
    Server = with_app(?FUNCTION_NAME, faults, Config),
    [?assertMatch(#{complete := false}, ask(Server, Path))
        || Path <- ["/faults/panic-late?bytes=10", "/faults/short?declared=100&sent=10"]].

a_program_that_ends_is_502(Config) ->
    Own = gwport_test:start_pool(#{}),
    Server = served(?FUNCTION_NAME, [{gwport_plug, #{pool => Own, app => faults}}], Config),
    try ?assertMatch(#{status := 502},
        ask(Server, #{method => <<"POST">>, path => "/faults/exit", body => <<"x">>}))
    after gwport_test:stop_pool(Own)
    end.

what_a_client_is_told_without_an_answer(Config) ->
    Pool = proplists:get_value(pool, Config),
    Mount = fun(Conn = #{request_path := <<"/", Name/binary>>}) ->
        gwport_plug:call(Conn, case Name of
            <<"none">> -> [{pool, no_such_pool}];
            <<"app">> -> [{pool, Pool}, {app, none}];
            <<"small">> -> [{pool, Pool}, {app, upload}, {max_body, 10}];
            <<"target">> -> [{pool, Pool}, {app, echo}, {max_target, 3}];
            <<"faults/sleep">> -> [{pool, Pool}, {app, faults}, {head_timeout, 100}]
        end)
    end,
    Server = served(?FUNCTION_NAME, [Mount], Config),
    None = ask(Server, "/none"),
    ?assertMatch(#{status := 503}, None),
    ?assertEqual(<<"1">>, header(<<"retry-after">>, None)),
    ?assertMatch(#{status := 500}, ask(Server, "/app")),
    [?assertMatch(#{status := 413}, ask(Server, #{method => <<"POST">>, path => "/small", body => Body}))
        || Body <- [<<"01234567890">>, {unknown, [<<"01234567890">>]}]],
    ?assertMatch(#{status := 200}, ask(Server, #{method => <<"POST">>, path => "/small", body => <<"0123456789">>})),
    ?assertMatch(#{status := 414}, ask(Server, "/target")),
    ?assertMatch(#{status := 504}, ask(Server, "/faults/sleep?s=5")).

a_status_that_plug_does_not_know_is_502_and_the_log_says_so(Config) ->
    Log = gwport_test:capture_log(),
    Own = gwport_test:start_pool(#{}),
    Server = with_app(?FUNCTION_NAME, faults, [{pool, Own} | Config]),
    try
        ?assertMatch(#{status := 502}, ask(Server, "/faults/status?code=299&text=x")),
        {error, _, _} = gwport_test:expect_log("the status 299, which Plug does not know")
    after
        gwport_test:release_log(Log),
        gwport_test:stop_pool(Own)
    end.

a_client_that_takes_nothing_ends_the_app(Config) ->
    %% While a chunk waits for its client, the port's watch looks at the clock.
    Tag = tag(?FUNCTION_NAME),
    Server = with_app(?FUNCTION_NAME, faults, [], #{idle_timeout => 300}, Config),
    Client = open(Server),
    _ = start_get(Client, ["/faults/write?bytes=100000000&tag=", Tag]),
    gwport_test:until(fun() -> has_ended(Tag, Config) end),
    close(Client).

tag(Case) ->
    [atom_to_list(Case), integer_to_list(erlang:unique_integer([positive]))].

an_app_in_erlang_is_a_plug(Config) ->
    Server = served(?FUNCTION_NAME, [{gwport_plug, gwport_plug:init([{run, fun(Environ) ->
        {ok, Body} = gwport_gateway:read_body(Environ, 100),
        gwport_gateway:text(200, ["read ", Body])
    end}])}], Config),
    ?assertMatch(#{status := 200, body := <<"read this">>},
        ask(Server, #{method => <<"POST">>, path => "/", body => <<"this">>})).

a_client_is_told_to_go_on_by_the_first_read_alone(Config) ->
    Reads = with_app(?FUNCTION_NAME, upload, Config),
    Expect = [{<<"expect">>, <<"100-continue">>}, {<<"content-length">>, <<"4">>}],
    Client = {h1, Socket} = open(Reads),
    Stream = start(Client, #{path => "/upload", headers => Expect}),
    {ok, <<"HTTP/1.1 100 Continue\r\n\r\n">>} = gen_tcp:recv(Socket, 25, 5000),
    send(Stream, fin, <<"body">>),
    ?assertMatch(#{status := 200}, rest(Stream)),
    close(Client),
    _ = cowboy:stop_listener(?FUNCTION_NAME),
    Never = with_app(?FUNCTION_NAME, faults, Config),
    Refused = open(Never),
    Response = rest(start(Refused, #{path => "/faults/never-read", headers => Expect})),
    ?assertMatch(#{status := 200, informs := []}, Response),
    ?assertEqual(<<"close">>, header(<<"connection">>, Response)),
    close(Refused).

a_connection_is_kept(Config) ->
    Server = with_app(?FUNCTION_NAME, echo, Config),
    Client = open(Server),
    [?assertMatch(#{status := 200, body := Body, complete := true},
        call(Client, #{method => <<"POST">>, path => "/echo", body => Body}))
        || Body <- [<<"one">>, <<"two">>, <<"three">>]],
    close(Client).

a_client_that_leaves_ends_an_app_that_waits(Config) ->
    Tag = tag(?FUNCTION_NAME),
    Server = with_app(?FUNCTION_NAME, faults, Config),
    Client = open(Server),
    _ = start_get(Client, ["/faults/sleep?s=30&tag=", Tag]),
    gwport_test:until(fun() -> string:find(last(Tag, Config), Tag) =/= nomatch end),
    close(Client),
    gwport_test:until(fun() -> has_ended(Tag, Config) end).

a_client_that_leaves_is_a_line_of_the_access_log(Config) ->
    Tag = tag(?FUNCTION_NAME),
    Log = gwport_test:capture_log(),
    Server = with_app(?FUNCTION_NAME, faults, [], #{access_log => json}, Config),
    try
        Client = open(Server),
        _ = start_get(Client, ["/faults/sleep?s=30&tag=", Tag]),
        gwport_test:until(fun() -> string:find(last(Tag, Config), Tag) =/= nomatch end),
        close(Client),
        gwport_test:expect_log("client_gone")
    after
        gwport_test:release_log(Log)
    end.

a_client_that_has_left_is_found_by_what_is_sent(Config) ->
    Tag = tag(?FUNCTION_NAME),
    Server = with_app(?FUNCTION_NAME, faults, Config),
    Client = open(Server),
    Stream = start_get(Client, ["/faults/events?ms=20&tag=", Tag]),
    ?assertMatch(#{status := 200}, head(Stream)),
    close(Client),
    gwport_test:until(fun() -> has_ended(Tag, Config) end).

the_options_are_checked_without_a_request(_) ->
    %% A router is compiled where gwport may not run.
    ?assertError({bad_option, {pol, shop, "no such option"}}, gwport_plug:init([{pol, shop}])),
    ?assertError({missing_option, pool}, gwport_plug:init([])),
    {checked, Mount} = Checked = gwport_plug:init([{pool, shop}, {app, "admin"}]),
    ?assertMatch(#{pool := shop, app := <<"admin">>}, Mount),
    ?assertEqual(Checked, gwport_plug:init(Checked)),
    ?assertMatch(Checked, 'Elixir.Gwport.Plug':init([{pool, shop}, {app, "admin"}])).
