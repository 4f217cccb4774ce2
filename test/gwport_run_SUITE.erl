%% Apps in Erlang under both mounts and both protocols: what a client gets of what an app returns, and what becomes
%% of the app when somebody does not do what he should.
-module(gwport_run_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-behaviour(gwport_gateway).

-import(gwport_http_client, [open/1, close/1, ask/2, call/2, start/2, send/3, head/1, piece/2, rest/1, header/2,
    headers/2]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, h1}, {group, h2}], [{h1, [], both() ++ h1()}, {h2, [], both() ++ h2()}]).

both() -> [
    a_triple_is_the_response,
    the_environ_is_that_of_the_request,
    a_module_may_be_named_alone,
    an_answer_that_has_no_body_is_sent_none,
    a_large_body_is_whole,
    a_block_is_passed_on_before_the_next_is_asked_for,
    a_body_is_read_while_the_response_is_written,
    a_body_is_read_as_far_as_the_app_wants,
    a_body_that_is_too_large_is_413,
    a_failure_is_500_and_the_log_says_where_alone,
    what_is_no_response_is_500_and_the_log_says_why,
    a_failure_behind_the_head_is_seen,
    an_app_that_is_killed_is_500,
    close_is_called_once_at_the_end,
    close_is_called_once_when_the_body_fails,
    close_is_called_once_when_the_client_leaves,
    a_client_that_leaves_ends_an_app_that_waits,
    an_app_that_takes_too_long_is_504_and_ends,
    a_client_that_takes_nothing_is_given_up_and_ends_the_app,
    what_is_beyond_the_mounts_limits_reaches_no_app,
    what_the_mount_makes_of_a_request_is_in_the_environ,
    a_request_is_a_line_of_the_access_log,
    middleware_is_around_an_app,
    middleware_changes_what_a_program_sees_and_answers,
    middleware_streams_both_ways_through_a_program,
    a_large_body_goes_through_a_program,
    an_answer_of_a_programs_without_a_body_is_sent_none,
    a_client_that_leaves_is_gone_for_a_program,
    what_a_client_is_told_without_a_program_is_a_triple,
    what_a_program_breaks_off_is_broken_off,
    a_header_and_a_footer_are_around_what_a_program_says,
    an_input_of_middleware_that_fails_is_500,
    what_middleware_makes_wrong_is_500_and_the_log_says_what,
    a_deadline_is_that_of_a_program_behind_the_app,
    who_finds_a_program_full_behind_middleware_waits,
    trailers_and_informational_responses_are_not_passed_on,
    a_deferred_response_is_asked_for_until_it_is_there,
    a_deferred_response_comes_when_it_is_woken,
    a_deferred_response_that_does_not_come_is_504,
    what_a_validated_app_does_wrong_is_in_the_log,
    what_a_validated_app_does_wrong_may_fail,
    a_validated_body_streams_both_ways_through_a_program,
    a_body_that_middleware_forgets_is_found,
    a_body_whose_client_leaves_is_closed_and_nothing_is_found
].

h1() -> [
    a_client_is_told_to_go_on_by_the_first_read_alone,
    what_is_not_read_of_a_body_does_not_cost_the_connection,
    an_upgrade_is_declined
].

h2() -> [
    what_asks_for_a_tunnel_gets_none
].

init_per_suite(Config) ->
    [{pool, gwport_test:start_pool(#{})} | Config].

end_per_suite(Config) ->
    gwport_test:stop_pool(proplists:get_value(pool, Config)).

init_per_group(Mount, Config) when Mount =:= route; Mount =:= stream ->
    gwport_test:mount(Mount),
    Config;
init_per_group(Proto, Config) ->
    [{proto, Proto} | Config].

end_per_group(_, _) -> ok.

init_per_testcase(_, Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

%% A listener is the calling process's.
end_per_testcase(Case, _) ->
    _ = cowboy:stop_listener(Case),
    ok.

%% With one app at /app/[...].
served(Case, App, Config) ->
    served(Case, App, #{}, Config).

served(Case, App, Mount, Config) ->
    mounted(Case, [{"/app/[...]", Mount#{run => App}}], Config).

mounted(Case, Routes, Config) ->
    {ok, _} = cowboy:start_clear(Case, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        gwport_test:mounted(Routes, #{idle_timeout => infinity, enable_connect_protocol => true})),
    [{server, #{port => ranch:get_port(Case)}} | Config].

%% gwport_gateway

app(#{<<"PATH_INFO">> := Path}) ->
    gwport_gateway:text(200, ["the module at ", Path]).

a_triple_is_the_response(Config) ->
    Server = served(?FUNCTION_NAME, fun(_) ->
        {{201, <<"Made">>}, [{<<"X-Two">>, <<"1">>}, {<<"Set-Cookie">>, <<"a=1">>}, {<<"x-two">>, <<"2">>},
            {<<"set-cookie">>, <<"b=2">>}], ["whole", $\s, <<"body">>]}
    end, Config),
    Response = ask(Server, "/app"),
    ?assertMatch(#{status := 201, body := <<"whole body">>, complete := true}, Response),
    ?assertEqual([<<"a=1">>, <<"b=2">>], headers(<<"set-cookie">>, Response)),
    ?assertEqual(<<"1, 2">>, header(<<"x-two">>, Response)),
    ?assertEqual(<<"10">>, header(<<"content-length">>, Response)).

the_environ_is_that_of_the_request(Config) ->
    %% But for what is of the language at hand it is what any app gets; gwport_environ's vectors have the rest.
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(Environ) ->
        Case ! {environ, Environ},
        {204, [], <<>>}
    end, Config),
    ?assertMatch(#{status := 204}, ask(Server, #{path => "/app/a%2Fb/?q=1", headers => [{<<"x-name">>, <<"v">>}]})),
    Environ = receive {environ, One} -> One end,
    ?assertMatch(#{<<"REQUEST_METHOD">> := <<"GET">>, <<"SCRIPT_NAME">> := <<"/app">>, <<"PATH_INFO">> := <<"/a/b/">>,
        <<"QUERY_STRING">> := <<"q=1">>, <<"HTTP_X_NAME">> := <<"v">>, <<"gwport.version">> := {1, 0},
        <<"gwport.path_info">> := <<"/a%2Fb/">>, <<"gwport.async">> := true, <<"gwport.multithread">> := true,
        <<"gwport.multiprocess">> := false, <<"gwport.run_once">> := false}, Environ),
    ?assertEqual(3, length([Value || Value <- maps:values(Environ), is_function(Value)])).

a_module_may_be_named_alone(Config) ->
    Server = served(?FUNCTION_NAME, ?MODULE, Config),
    ?assertMatch(#{status := 200, body := <<"the module at /x">>}, ask(Server, "/app/x")).

an_answer_that_has_no_body_is_sent_none(Config) ->
    %% And a generator is not asked for one.
    Case = self(),
    Server = served(?FUNCTION_NAME, fun
        (#{<<"PATH_INFO">> := <<"/blocks">>}) ->
            {200, [], {fun(_) -> Case ! asked, stop end, 0, fun() -> Case ! closed end}};
        (#{<<"PATH_INFO">> := <<"/", Status/binary>>}) -> {binary_to_integer(Status), [], <<"12345">>}
    end, Config),
    Client = open(Server),
    Head = call(Client, #{method => <<"HEAD">>, path => "/app/200"}),
    ?assertMatch(#{status := 200, body := <<>>}, Head),
    ?assertEqual(<<"5">>, header(<<"content-length">>, Head)),
    ?assertMatch(#{status := 204, body := <<>>}, call(Client, "/app/204")),
    ?assertMatch(#{status := 304, body := <<>>}, call(Client, "/app/304")),
    ?assertMatch(#{status := 200, body := <<>>}, call(Client, #{method => <<"HEAD">>, path => "/app/blocks"})),
    receive closed -> ok end,
    ?assertEqual(none, receive asked -> asked after 0 -> none end),
    close(Client).

a_large_body_is_whole(Config) ->
    Body = binary:copy(<<"0123456789">>, 100000),
    Server = served(?FUNCTION_NAME, fun(_) -> {200, [], [Body]} end, Config),
    Response = ask(Server, "/app"),
    ?assertMatch(#{status := 200, body := Body, complete := true}, Response),
    ?assertEqual(<<"1000000">>, header(<<"content-length">>, Response)).

a_block_is_passed_on_before_the_next_is_asked_for(Config) ->
    %% Each waits for this process, which says so when the client has the one before it.
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) ->
        Case ! {app, self()},
        {200, [], {fun(N) -> receive {go, N} -> block(N) end end, 1}}
    end, Config),
    Client = open(Server),
    Stream = asked(Client),
    App = receive {app, Pid} -> Pid end,
    Head = head(Stream),
    _ = [begin
        App ! {go, N},
        ?assertEqual(Block, piece(Stream, 1))
    end || {N, Block} <- [{1, <<"block 1">>}, {2, <<"block 2">>}]],
    App ! {go, 3},
    ?assertMatch(#{status := 200, body := <<"the end">>, complete := true}, rest({Stream, Head})),
    close(Client).

block(3) -> {stop, ["the", " end"]};
block(N) -> {continue, ["block ", integer_to_list(N)], N + 1}.

asked(Client) ->
    Stream = start(Client, #{path => "/app"}),
    send(Stream, fin, <<>>),
    Stream.

a_body_is_read_while_the_response_is_written(Config) ->
    Server = served(?FUNCTION_NAME, fun(#{<<"gwport.input">> := Input}) ->
        {200, [], {fun(Read) -> echo(Read(10000), Read) end, Input}}
    end, Config),
    Client = open(Server),
    Stream = start(Client, #{path => "/app"}),
    Head = head(Stream),
    _ = [begin
        send(Stream, nofin, Piece),
        ?assertEqual(Piece, piece(Stream, byte_size(Piece)))
    end || Piece <- [<<"one">>, <<"two">>, binary:copy(<<"0123456789abcdef">>, 16384)]],
    send(Stream, fin, <<>>),
    ?assertMatch(#{body := <<>>, complete := true}, rest({Stream, Head})),
    close(Client).

echo({ok, Data}, Read) -> {continue, Data, Read};
echo(eof, _) -> stop.

a_body_is_read_as_far_as_the_app_wants(Config) ->
    %% Pieces are of no more bytes than are asked for, and what is read whole is of no more than may be.
    Server = served(?FUNCTION_NAME, fun
        (#{<<"PATH_INFO">> := <<"/one">>, <<"gwport.input">> := Input}) ->
            {ok, <<One>>} = Input(1),
            gwport_gateway:text(200, [One]);
        (Environ = #{<<"QUERY_STRING">> := Max}) ->
            gwport_gateway:text(200, io_lib:format("~p",
                [gwport_gateway:read_body(Environ, binary_to_integer(Max))]))
    end, Config),
    ?assertMatch(#{body := <<"a">>}, ask(Server, #{path => "/app/one", body => <<"abc">>})),
    _ = [?assertMatch(#{body := Read}, ask(Server, #{path => ["/app?", Max], body => Body}))
        || {Max, Body, Read} <- [{"3", <<"abc">>, <<"{ok,<<\"abc\">>}">>}, {"2", <<"abc">>, <<"{error,too_large}">>},
            {"5", {unknown, [<<"ab">>, <<"cde">>]}, <<"{ok,<<\"abcde\">>}">>},
            {"4", {unknown, [<<"ab">>, <<"cde">>]}, <<"{error,too_large}">>},
            {"0", none, <<"{ok,<<>>}">>}]].

a_body_that_is_too_large_is_413(Config) ->
    %% Where its length is not told, the app is ended when there is too much of it.
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(Environ) ->
        Case ! {app, self()},
        {ok, Body} = gwport_gateway:read_body(Environ, 1000),
        gwport_gateway:text(200, Body)
    end, #{max_body => 4}, Config),
    ?assertMatch(#{status := 200, body := <<"abcd">>}, ask(Server, #{path => "/app", body => <<"abcd">>})),
    receive {app, _} -> ok end,
    ?assertMatch(#{status := 413}, ask(Server, #{path => "/app", body => <<"abcde">>})),
    Client = open(Server),
    Stream = start(Client, #{path => "/app"}),
    ended(fun() -> send(Stream, nofin, <<"abcde">>), ?assertMatch(#{status := 413}, head(Stream)) end),
    close(Client).

%% The process of the app that says so is ended by what Fun does.
ended(Fun) ->
    receive {app, App} ->
        Monitor = erlang:monitor(process, App),
        %% The VM may hold a monitor back until the process that asked for it is scheduled out.
        true = erlang:yield(),
        Fun(),
        receive {'DOWN', Monitor, process, _, Reason} -> ?assertEqual(shutdown, Reason) end
    end.

%% Errors

a_failure_is_500_and_the_log_says_where_alone(Config) ->
    Server = served(?FUNCTION_NAME, fun(Environ) -> error({no_such_item, Environ}) end, Config),
    Log = gwport_test:capture_log(),
    ?assertMatch(#{status := 500, body := <<"The application failed.\n">>},
        ask(Server, #{path => "/app?sesame", headers => [{<<"cookie">>, <<"sesame">>}]})),
    {error, Line, _} = gwport_test:expect_log("an app failed"),
    ?assertMatch({match, _}, re:run(Line, "error no_such_item at .*gwport_run_SUITE")),
    {_, Notice, _} = gwport_test:expect_log("app_failed"),
    gwport_test:release_log(Log),
    ?assertEqual(nomatch, string:find([Line, Notice], "sesame")),
    ?assertEqual([], [Text || {log_event, _, Text, _} <- logged(), string:find(Text, "sesame") =/= nomatch]).

logged() ->
    receive Event = {log_event, _, _, _} -> [Event | logged()]
    after 0 -> []
    end.

what_is_no_response_is_500_and_the_log_says_why(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) ->
        Case ! {app, self()},
        receive {return, What} -> What end
    end, Config),
    Log = gwport_test:capture_log(),
    _ = [begin
        Client = open(Server),
        Stream = asked(Client),
        receive {app, App} -> App ! {return, Returned} end,
        ?assertMatch({Why, #{status := 500}}, {Why, head(Stream)}),
        {error, Line, _} = gwport_test:expect_log(Why),
        ?assertEqual({Why, nomatch}, {Why, string:find(Line, "sesame")}),
        close(Client)
    end || {Returned, Why} <- [
        {sesame, "expected {Status, Headers, Body}"},
        {{200, []}, "expected {Status, Headers, Body}"},
        {fun() -> sesame end, "expected {Status, Headers, Body}"},
        {{199, [], <<>>}, "expected a status from 200 to 999"},
        {{1000, [], <<>>}, "expected a status from 200 to 999"},
        {{{200, "OK"}, [], <<>>}, "expected a status from 200 to 999"},
        {{{200, <<"sesame\r\n">>}, [], <<>>}, "a reason with a control character"},
        {{200, #{}, <<>>}, "expected headers as a list"},
        {{200, [{"sesame", <<>>}], <<>>}, "expected headers as a list"},
        {{200, [{<<"x">>, <<>>} | x], <<>>}, "expected headers as a list"},
        {{200, [], sesame}, "expected a body as iodata"},
        {{200, [], {sesame, 1}}, "expected a body as iodata"},
        {{200, [], {fun(_) -> stop end, 1, sesame}}, "expected a body as iodata"},
        {{200, [{<<"content-length">>, <<"3">>}], <<"four">>}, "content-length is not that of its body"}]],
    gwport_test:release_log(Log).

a_failure_behind_the_head_is_seen(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(#{<<"PATH_INFO">> := <<"/", Kind/binary>>}) ->
        {200, [], {fun(first) -> {continue, <<"first">>, next}; (next) -> Case ! failing, failing(Kind) end, first}}
    end, Config),
    _ = [begin
        Response = ask(Server, ["/app/", Kind]),
        receive failing -> ok end,
        ?assertMatch({Kind, #{status := 200, complete := false}}, {Kind, Response})
    end || Kind <- ["error", "block", "answer", "exit"]].

failing(<<"error">>) -> error(failing);
failing(<<"block">>) -> {continue, not_iodata, next};
failing(<<"answer">>) -> not_an_answer;
failing(<<"exit">>) -> exit(self(), kill), receive never -> stop end.

an_app_that_is_killed_is_500(Config) ->
    %% By whom it is linked to, say.
    Server = served(?FUNCTION_NAME, fun(_) ->
        _ = spawn_link(fun() -> exit(broken) end),
        receive never -> never end
    end, Config),
    Log = gwport_test:capture_log(),
    ?assertMatch(#{status := 500}, ask(Server, "/app")),
    {error, _, _} = gwport_test:expect_log("was ended before its response was: broken"),
    gwport_test:release_log(Log).

%% Close

close_is_called_once_at_the_end(Config) ->
    Client = closing(?FUNCTION_NAME, fun(3) -> stop; (N) -> {continue, integer_to_binary(N), N + 1} end, Config),
    ?assertMatch(#{body := <<"12">>, complete := true}, rest(asked(Client))),
    closed_once(fun() -> ok end),
    close(Client).

close_is_called_once_when_the_body_fails(Config) ->
    Client = closing(?FUNCTION_NAME, fun(2) -> error(failing); (N) -> {continue, integer_to_binary(N), N + 1} end,
        Config),
    ?assertMatch(#{complete := false}, rest(asked(Client))),
    closed_once(fun() -> ok end),
    close(Client).

close_is_called_once_when_the_client_leaves(Config) ->
    %% Though the app is in the middle of something, and hears of nothing.
    Client = closing(?FUNCTION_NAME, fun(2) -> receive never -> stop end;
        (N) -> {continue, integer_to_binary(N), N + 1} end, Config),
    Stream = asked(Client),
    {_, <<"1">>} = {head(Stream), piece(Stream, 1)},
    closed_once(fun() -> close(Client) end).

closing(Case, Next, Config) ->
    To = self(),
    open(served(Case, fun(_) ->
        To ! {app, self()},
        {200, [], {Next, 1, fun() -> To ! {closed, self()} end}}
    end, Config)).

%% Who has called it, and the app's process, are gone, and nobody else has called it.
closed_once(Fun) ->
    receive {app, App} ->
        Fun(),
        receive {closed, Closer} -> _ = [gone(Pid) || Pid <- [App, Closer]] end
    end,
    ?assertEqual(once, receive {closed, _} -> twice after 0 -> once end).

gone(Pid) ->
    Monitor = erlang:monitor(process, Pid),
    receive {'DOWN', Monitor, process, _, _} -> ok end.

%% Time

a_client_that_leaves_ends_an_app_that_waits(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) -> Case ! {app, self()}, receive never -> never end end, Config),
    Client = open(Server),
    _ = asked(Client),
    ended(fun() -> close(Client) end).

an_app_that_takes_too_long_is_504_and_ends(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) -> Case ! {app, self()}, receive never -> never end end,
        #{head_timeout => 100}, Config),
    Client = open(Server),
    Stream = asked(Client),
    ended(fun() -> ?assertMatch(#{status := 504}, head(Stream)) end),
    close(Client).

a_client_that_takes_nothing_is_given_up_and_ends_the_app(Config) ->
    %% Whose body would have no end.
    Case = self(),
    Block = binary:copy(<<"x">>, 65536),
    Server = served(?FUNCTION_NAME, fun(_) ->
        Case ! {app, self()},
        {200, [], {fun(N) -> {continue, Block, N} end, 0}}
    end, #{idle_timeout => 500}, Config),
    Client = stubborn(proplists:get_value(proto, Config), Server),
    ended(fun() -> ok end),
    Client ! stop.

%% Asks, and reads nothing: of a connection, or of a stream.
stubborn(Proto, Server) ->
    Port = maps:get(port, proplists:get_value(server, Server)),
    spawn_link(fun() ->
        {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {recbuf, 4096}]),
        ok = gen_tcp:send(Socket, asks(Proto)),
        receive stop -> gen_tcp:close(Socket) end
    end).

asks(h1) ->
    "GET /app HTTP/1.1\r\nhost: localhost\r\n\r\n";
asks(h2) ->
    {Fields, _} = cow_hpack:encode([{<<":method">>, <<"GET">>}, {<<":scheme">>, <<"http">>},
        {<<":authority">>, <<"localhost">>}, {<<":path">>, <<"/app">>}]),
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", cow_http2:settings(#{}), cow_http2:headers(1, fin, Fields)].

%% What the mount does

what_is_beyond_the_mounts_limits_reaches_no_app(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) -> Case ! reached, gwport_gateway:text(200, "ok") end,
        #{max_target => 20, max_fields => 8, max_header => 300}, Config),
    Field = fun(N) -> {<<"x-", (integer_to_binary(N))/binary>>, <<"1">>} end,
    _ = [begin
        ?assertMatch({Request, #{status := Status}}, {Request, ask(Server, Request)}),
        ?assertEqual({Request, Status =:= 200}, {Request, receive reached -> true after 0 -> false end})
    end || {Status, Request} <- [{200, #{path => "/app/67890?2345678-0"}}, {414, #{path => "/app/67890?2345678-01"}},
        {200, #{path => "/app", headers => [Field(N) || N <- lists:seq(1, 6)]}},
        {431, #{path => "/app", headers => [Field(N) || N <- lists:seq(1, 9)]}},
        {431, #{path => "/app", headers => [{<<"x-long">>, binary:copy(<<"x">>, 300)}]}}]].

what_the_mount_makes_of_a_request_is_in_the_environ(Config) ->
    Server = served(?FUNCTION_NAME, fun(Environ) ->
        gwport_gateway:text(200, io_lib:format("~s ~s ~s", [maps:get(Key, Environ, "none")
            || Key <- [<<"REMOTE_ADDR">>, <<"gwport.url_scheme">>, <<"HTTP_X_USER">>]]))
    end, #{trusted_proxies => ["127.0.0.1"], underscores => drop}, Config),
    _ = [?assertMatch({Name, #{body := Body}}, {Name, ask(Server, #{path => "/app", headers => [{Name, <<"me">>},
            {<<"x-forwarded-for">>, <<"192.0.2.7">>}, {<<"x-forwarded-proto">>, <<"https">>}]})})
        || {Name, Body} <- [{<<"x_user">>, <<"192.0.2.7 https none">>}, {<<"x-user">>, <<"192.0.2.7 https me">>}]].

a_request_is_a_line_of_the_access_log(Config) ->
    %% Of no pool, whatever becomes of it.
    App = fun(#{<<"PATH_INFO">> := <<"/fails">>}) -> error(failing); (_) -> gwport_gateway:text(200, "text") end,
    Server = mounted(?FUNCTION_NAME, [{"/json/[...]", #{run => App, access_log => json}},
        {"/combined/[...]", #{run => App, access_log => combined}}], Config),
    Log = gwport_test:capture_log(),
    _ = [begin
        _ = ask(Server, Path),
        Line = line(),
        ?assertEqual({match, Line}, {re:run(Line, Pattern, [{capture, none}]), Line})
    end || {Path, Pattern} <- [
        {"/json/x", "^\\{\"time\":\"[^\"]+\",\"peer\":\"127.0.0.1\",\"method\":\"GET\",\"path\":\"/json/x\".*\"status\":200,"
            "\"bytes\":4,\"duration_us\":[0-9]+\\}$"},
        {"/json/fails", "\"path\":\"/json/fails\".*\"status\":500,.*\"reason\":\"app_failed\""},
        {"/combined/x", "\"GET /combined/x HTTP/[12]\\.[01]\" 200 4 \"-\" \""}]],
    gwport_test:release_log(Log).

line() ->
    receive {log_event, notice, Line, #{domain := [gwport, access]}} -> Line
    after 25000 -> error(no_line)
    end.

%% Middleware, and responses that come later

middleware_is_around_an_app(Config) ->
    %% The first one is the outermost. One changes the environ and the response, one answers itself.
    App = gwport_gateway:chain(fun ?MODULE:app/1, [fun framed/1, fun guarded/1]),
    Server = served(?FUNCTION_NAME, App, Config),
    ?assertMatch(#{status := 200, body := <<"<the module at /in>">>}, ask(Server, "/app/in")),
    ?assertMatch(#{status := 403, body := <<"<no>">>}, ask(Server, "/app/secret")).

framed(App) ->
    fun(Environ) ->
        {Status, Headers, Body} = App(Environ),
        {Status, gwport_gateway:without(<<"content-length">>, Headers), gwport_gateway:frame_body("<", Body, ">")}
    end.

guarded(App) ->
    fun (#{<<"PATH_INFO">> := <<"/secret">>}) -> gwport_gateway:text(403, "no");
        (Environ) -> App(Environ)
    end.

%% An app of the pool's behind middleware that says so, and what else is given.
around(Name, Around, Config) ->
    gwport_gateway:chain(gwport_gateway:pool(#{pool => proplists:get_value(pool, Config), app => Name}),
        [fun marked/1 | Around]).

marked(App) ->
    fun(Environ) ->
        gwport_gateway:then(App(Environ), fun({Status, Headers, Body}) ->
            {Status, [{<<"x-marked">>, <<"yes">>} | Headers], Body}
        end)
    end.

middleware_changes_what_a_program_sees_and_answers(Config) ->
    Changes = fun(App) ->
        fun(Environ) ->
            App(maps:remove(<<"HTTP_COOKIE">>, Environ#{<<"REQUEST_METHOD">> => <<"REPORT">>,
                <<"SCRIPT_NAME">> => <<"/app/v1">>, <<"PATH_INFO">> => <<"/x y">>, <<"QUERY_STRING">> => <<"a=b">>,
                <<"HTTP_X_USER">> => <<"erl">>}))
        end
    end,
    Server = served(?FUNCTION_NAME, around(environ, [Changes], Config), Config),
    Response = ask(Server, #{path => "/app/v1/x?c=d",
        headers => [{<<"cookie">>, <<"a=1">>}, {<<"x-other">>, <<"1">>}]}),
    ?assertMatch(#{status := 200, complete := true}, Response),
    ?assertEqual(<<"yes">>, header(<<"x-marked">>, Response)),
    Fields = gwport_http_client:fields(Response),
    ?assertMatch(#{<<"REQUEST_METHOD">> := <<"REPORT">>, <<"SCRIPT_NAME">> := <<"/app/v1">>,
        <<"PATH_INFO">> := <<"/x y">>, <<"REQUEST_URI">> := <<"/app/v1/x%20y?a=b">>,
        <<"HTTP_X_USER">> := <<"erl">>, <<"HTTP_X_OTHER">> := <<"1">>}, Fields),
    ?assertNot(is_map_key(<<"HTTP_COOKIE">>, Fields)).

middleware_streams_both_ways_through_a_program(Config) ->
    %% A piece that was sent is back, changed, before the next one is.
    Server = served(?FUNCTION_NAME, around(echo, [fun shouted/1], Config), Config),
    Client = open(Server),
    Stream = start(Client, #{path => "/app"}),
    Head = begin send(Stream, nofin, <<"one">>), head(Stream) end,
    ?assertEqual(<<"yes">>, header(<<"x-marked">>, Head)),
    ?assertEqual(<<"ONE">>, piece(Stream, 3)),
    send(Stream, nofin, <<"two">>),
    ?assertEqual(<<"TWO">>, piece(Stream, 3)),
    send(Stream, fin, <<>>),
    ?assertMatch(#{body := <<>>, complete := true}, rest({Stream, Head})),
    close(Client).

shouted(App) ->
    fun(Environ) ->
        {Status, Headers, Body} = App(Environ),
        {Status, Headers, gwport_gateway:map_body(fun(Block) -> string:uppercase(iolist_to_binary(Block)) end, Body)}
    end.

a_large_body_goes_through_a_program(Config) ->
    Server = served(?FUNCTION_NAME, around(echo, [], Config), Config),
    Body = binary:copy(<<"0123456789abcdef">>, 65536),
    Client = open(Server),
    Stream = start(Client, #{path => "/app", headers => [{<<"content-length">>, integer_to_binary(byte_size(Body))}]}),
    %% Who sends must not have to read meanwhile.
    Test = self(),
    case Stream of
        {h1, Socket, _} ->
            _ = spawn_link(fun() -> ok = gen_tcp:send(Socket, Body), Test ! sent end),
            ?assertMatch(#{status := 200, body := Body, complete := true}, rest(Stream)),
            receive sent -> ok end;
        {h2, _, _} ->
            send(Stream, fin, Body),
            ?assertMatch(#{status := 200, body := Body, complete := true}, rest(Stream))
    end,
    close(Client).

an_answer_of_a_programs_without_a_body_is_sent_none(Config) ->
    Server = served(?FUNCTION_NAME, around(hello, [], Config), Config),
    Client = open(Server),
    #{status := 200, body := Hello} = Response = call(Client, "/app"),
    Length = header(<<"content-length">>, Response),
    ?assertEqual(byte_size(Hello), binary_to_integer(Length)),
    Head = call(Client, #{method => <<"HEAD">>, path => "/app"}),
    ?assertMatch(#{status := 200, body := <<>>}, Head),
    ?assertEqual(Length, header(<<"content-length">>, Head)),
    close(Client).

a_client_that_leaves_is_gone_for_a_program(Config) ->
    Server = served(?FUNCTION_NAME, around(faults, [], Config), Config),
    Client = open(Server),
    Stream = start(Client, #{path => "/app/sleep?s=60"}),
    send(Stream, fin, <<>>),
    gwport_test:until(fun() -> in_flight(Config) =:= 1 end),
    close(Client),
    gwport_test:until(fun() -> in_flight(Config) =:= 0 end).

in_flight(Config) ->
    {ok, #{in_flight := Count}} = gwport:status(proplists:get_value(pool, Config)),
    Count.

what_a_client_is_told_without_a_program_is_a_triple(Config) ->
    App = marked(gwport_gateway:pool(#{pool => no_such_pool})),
    Response = ask(served(?FUNCTION_NAME, App, Config), "/app"),
    ?assertMatch(#{status := 503, body := <<"The application is not available right now.\n">>}, Response),
    ?assertEqual({<<"yes">>, <<"1">>}, {header(<<"x-marked">>, Response), header(<<"retry-after">>, Response)}).

what_a_program_breaks_off_is_broken_off(Config) ->
    Server = served(?FUNCTION_NAME, around(faults, [], Config), Config),
    ?assertMatch(#{status := 200, complete := false}, ask(Server, "/app/panic-late?bytes=16")),
    ?assertMatch(#{status := 500, complete := true}, ask(Server, "/app/panic")).

a_header_and_a_footer_are_around_what_a_program_says(Config) ->
    %% Whole, or in pieces.
    Server = served(?FUNCTION_NAME, around(faults, [fun framed/1], Config), Config),
    [begin
        Response = ask(Server, Path),
        ?assertMatch({Path, #{status := 200, complete := true, body := <<"<", _/binary>>}}, {Path, Response}),
        ?assertEqual({Path, Size, $>}, {Path, byte_size(maps:get(body, Response)),
            binary:last(maps:get(body, Response))})
    end || {Path, Size} <- [{"/app/write?bytes=100&length=1", 102}, {"/app/write?bytes=200000&chunk=50000", 200002},
        {"/app/write?bytes=200000&length=1", 200002}]].

an_input_of_middleware_that_fails_is_500(Config) ->
    Failing = fun(App) ->
        fun(Environ) -> App(Environ#{<<"gwport.input">> => fun(_) -> error({failing, "sesame"}) end}) end
    end,
    Server = served(?FUNCTION_NAME, around(echo, [Failing], Config), Config),
    Log = gwport_test:capture_log(),
    ?assertMatch(#{status := 500}, ask(Server, #{path => "/app", body => <<"abc">>})),
    {error, Line, _} = gwport_test:expect_log("an app failed: error failing"),
    gwport_test:release_log(Log),
    ?assertEqual([], [Text || Text <- [Line | [Text || {log_event, _, Text, _} <- logged()]],
        string:find(Text, "sesame") =/= nomatch]).

what_middleware_makes_wrong_is_500_and_the_log_says_what(Config) ->
    Test = self(),
    Changing = fun(App) ->
        fun(Environ) ->
            Test ! {changes, self()},
            receive {change, Change} -> App(Change(Environ)) end
        end
    end,
    Server = served(?FUNCTION_NAME, around(environ, [Changing], Config), Config),
    Log = gwport_test:capture_log(),
    _ = [begin
        Client = open(Server),
        Stream = asked(Client),
        receive {changes, App} -> App ! {change, fun(Environ) -> changed(Key, Value, Environ) end} end,
        ?assertMatch({Key, Value, #{status := 500}}, {Key, Value, head(Stream)}),
        {error, Line, _} = gwport_test:expect_log("what middleware has made of"),
        ?assertEqual({match, Line}, {re:run(Line, [" /app cannot be sent to a program: ", What, " is wrong$"],
            [{capture, none}]), Line}),
        close(Client)
    end || {Key, Value, What} <- [
        {<<"HTTP_X_USER">>, "sesame", "HTTP_X_USER of its environ"}, {<<"HTTP_X_USER">>, <<"a\r\nb">>, "its field x-user"},
        {<<"HTTP_X USER">>, <<"sesame">>, "its field x user"}, {<<"SERVER_PORT">>, 80, "SERVER_PORT of its environ"},
        {<<"SERVER_PORT">>, <<"+80">>, "SERVER_PORT of its environ"}, {<<"SERVER_PORT">>, <<"65536">>, "its port"},
        {<<"CONTENT_LENGTH">>, <<>>, "CONTENT_LENGTH of its environ"},
        {<<"REQUEST_METHOD">>, none, "REQUEST_METHOD of its environ"}, {<<"REQUEST_METHOD">>, <<"A B">>, "its method"},
        {<<"PATH_INFO">>, "/", "PATH_INFO of its environ"}, {<<"QUERY_STRING">>, <<"a\n">>, "its query"}]],
    gwport_test:release_log(Log).

changed(Key, none, Environ) -> maps:remove(Key, Environ);
changed(Key, Value, Environ) -> Environ#{Key => Value}.

a_deadline_is_that_of_a_program_behind_the_app(Config) ->
    %% The earlier one of the mount around and of its own, if there is one.
    Cases = [{infinity, infinity, none}, {60000, infinity, minute}, {infinity, 60000, minute},
        {60000, 3600000, minute}, {3600000, 60000, minute}, {3600000, 7200000, hour}],
    Path = fun(Outer, Inner) -> io_lib:format("/~p-~p", [Outer, Inner]) end,
    Server = mounted(?FUNCTION_NAME, [{[Path(Outer, Inner), "/[...]"], #{deadline => Outer, run => gwport_gateway:pool(
        #{pool => proplists:get_value(pool, Config), app => environ, deadline => Inner})}}
        || {Outer, Inner, _} <- Cases], Config),
    _ = [?assertEqual({Outer, Inner, Left}, {Outer, Inner, left(ask(Server, Path(Outer, Inner)))})
        || {Outer, Inner, Left} <- Cases].

left(Response = #{status := 200}) ->
    left(maps:get(<<"Context deadline">>, gwport_http_client:fields(Response)));
left(<<"none">>) ->
    none;
%% A time of the day.
left(<<Hour:2/binary, ":", Minute:2/binary, ":", Second:2/binary, ".", Milli:3/binary, " UTC">>) ->
    [H, M, S, Ms] = [binary_to_integer(Digits) || Digits <- [Hour, Minute, Second, Milli]],
    Day = 86400000,
    case (((H * 60 + M) * 60 + S) * 1000 + Ms + Day - os:system_time(millisecond) rem Day) rem Day of
        Left when Left =< 60000 -> minute;
        Left when Left > 1800000, Left =< 3600000 -> hour
    end.

who_finds_a_program_full_behind_middleware_waits(Config) ->
    %% And is gone from there when he leaves.
    Pool = gwport_test:start_pool(#{max_streams => 1, max_queue => 1, queue_timeout => 60000}),
    Server = mounted(?FUNCTION_NAME, [{"/app/[...]", #{run => around(echo, [], [{pool, Pool} | Config])}}], Config),
    Client = open(Server),
    Stream = start(Client, #{path => "/app"}),
    send(Stream, nofin, <<"one">>),
    Head = head(Stream),
    Log = gwport_test:capture_log(),
    Leaver = open(Server),
    _ = asked(Leaver),
    waiting(1, Pool),
    Refused = ask(Server, "/app"),
    ?assertEqual({503, <<"yes">>, <<"1">>},
        {maps:get(status, Refused), header(<<"x-marked">>, Refused), header(<<"retry-after">>, Refused)}),
    %% Which is no news, as without middleware.
    gwport_test:release_log(Log),
    ?assertEqual([], [Text || {log_event, _, Text, _} <- logged(), string:find(Text, "busy") =/= nomatch]),
    close(Leaver),
    waiting(0, Pool),
    Waiter = open(Server),
    Waits = asked(Waiter),
    waiting(1, Pool),
    send(Stream, fin, <<>>),
    ?assertMatch(#{body := <<"one">>, complete := true}, rest({Stream, Head})),
    ?assertMatch(#{status := 200, complete := true}, rest(Waits)),
    _ = [close(Each) || Each <- [Client, Waiter]],
    {ok, #{failures := Failures, queue := Queue}} = gwport:counts(Pool),
    gwport_test:stop_pool(Pool),
    ?assertMatch({#{busy := 1}, #{waited := 2, full := 1, timeout := 0}}, {Failures, Queue}).

waiting(Count, Pool) ->
    gwport_test:until(fun() ->
        {_, #{queue := Queue}} = gwport:ready(Pool),
        Queue =:= Count
    end).

trailers_and_informational_responses_are_not_passed_on(Config) ->
    Server = served(?FUNCTION_NAME, around(faults, [], Config), Config),
    Trailing = ask(Server, "/app/trailers?bytes=3"),
    ?assertMatch(#{status := 200, body := <<"trailers follow\nxxx">>, complete := true, trailers := []}, Trailing),
    ?assertEqual(undefined, header(<<"trailer">>, Trailing)),
    ?assertMatch(#{status := 200, informs := [], body := <<"hinted\n">>}, ask(Server, "/app/informational")).

a_deferred_response_is_asked_for_until_it_is_there(Config) ->
    Server = served(?FUNCTION_NAME, fun(_) ->
        Asked = counters:new(1, []),
        fun() ->
            ok = counters:add(Asked, 1, 1),
            case counters:get(Asked, 1) of
                3 -> gwport_gateway:text(200, "at last");
                _ -> none
            end
        end
    end, Config),
    ?assertMatch(#{status := 200, body := <<"at last">>}, ask(Server, "/app")).

a_deferred_response_comes_when_it_is_woken(Config) ->
    %% And is not asked for before; through middleware too.
    Case = self(),
    Server = served(?FUNCTION_NAME, marked(fun(#{<<"gwport.wake">> := Wake}) ->
        fun() ->
            Case ! {asked, self(), Wake},
            receive {answer, Answer} -> Answer end
        end
    end), Config),
    Client = open(Server),
    Stream = asked(Client),
    {App, Wake} = receive {asked, Pid, Fun} -> {Pid, Fun} end,
    %% Words that come while it is asked are one.
    ok = Wake(),
    ok = Wake(),
    App ! {answer, wait},
    receive {asked, App, _} -> App ! {answer, wait} end,
    gwport_test:until(fun() ->
        [{current_function, {gwport_run_app, deferred, 3}}, {message_queue_len, 0}, {status, waiting}]
            =:= process_info(App, [current_function, message_queue_len, status])
    end),
    ?assertEqual(none, receive {asked, _, _} -> asked after 0 -> none end),
    ok = Wake(),
    receive {asked, App, _} -> App ! {answer, gwport_gateway:text(200, "woken")} end,
    Response = rest(Stream),
    ?assertMatch(#{status := 200, body := <<"woken">>}, Response),
    ?assertEqual(<<"yes">>, header(<<"x-marked">>, Response)),
    close(Client).

a_deferred_response_that_does_not_come_is_504(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) ->
        Case ! {app, self()},
        fun() -> none end
    end, #{head_timeout => 100}, Config),
    Client = open(Server),
    Stream = asked(Client),
    ended(fun() -> ?assertMatch(#{status := 504}, head(Stream)) end),
    close(Client).

%% HTTP/1.1

%% gwport_validate

what_a_validated_app_does_wrong_is_in_the_log(Config) ->
    %% And is what it was: warnings and errors change nothing, and what is right is not spoken of.
    Server = served(?FUNCTION_NAME, fun
        (#{<<"PATH_INFO">> := <<"/right">>}) -> gwport_gateway:text(200, "right\n");
        (_) -> {200, [{<<"content-type">>, <<"text/plain">>}, {<<"etag">>, <<"abc">>},
            {<<"connection">>, <<"close">>}], <<"wrong">>}
    end, #{validate => true}, Config),
    Log = gwport_test:capture_log(),
    ?assertMatch(#{status := 200, body := <<"right\n">>}, ask(Server, "/app/right")),
    ?assertMatch(#{status := 200, body := <<"wrong">>}, ask(Server, "/app/x?sesame")),
    {warning, Warning, #{gwport_finding := #{rule := <<"response.etag.quoted">>, path := <<"/app/x">>}}} =
        gwport_test:expect_log("broken rule"),
    {error, Error, #{gwport_finding := #{rule := <<"response.header.hop">>}}} = gwport_test:expect_log("broken rule"),
    gwport_test:release_log(Log),
    ?assertMatch({match, _}, re:run(Warning, "^gwport: broken rule response.etag.quoted in header etag: .* Seen: \"abc\"\\. ")),
    ?assertEqual(nomatch, string:find([Warning, Error], "sesame")).

what_a_validated_app_does_wrong_may_fail(Config) ->
    %% With 500 before the head, and else by breaking off; a warning fails nobody.
    Type = {<<"content-type">>, <<"text/plain">>},
    Server = served(?FUNCTION_NAME, fun
        (#{<<"PATH_INFO">> := <<"/odd">>}) -> {200, [Type, {<<"etag">>, <<"abc">>}], <<"odd">>};
        (#{<<"PATH_INFO">> := <<"/head">>}) -> {200, [Type, {<<"connection">>, <<"close">>}], <<"head">>};
        (#{<<"PATH_INFO">> := <<"/body">>}) ->
            {200, [Type], {fun(0) -> {continue, "some", 1}; (1) -> {stop, nothing} end, 0}}
    end, #{validate => [{report, fail}]}, Config),
    ?assertMatch(#{status := 200, body := <<"odd">>}, ask(Server, "/app/odd")),
    ?assertMatch(#{status := 500}, ask(Server, "/app/head")),
    ?assertMatch(#{status := 200, complete := false}, ask(Server, "/app/body")).

a_validated_body_streams_both_ways_through_a_program(Config) ->
    %% The gateway's side of an app that is a program's breaks no rule either.
    Case = self(),
    App = gwport_gateway:pool(#{pool => proplists:get_value(pool, Config), app => echo}),
    Report = fun(Finding) -> Case ! {finding, Finding} end,
    Server = served(?FUNCTION_NAME, App, #{validate => #{report => Report}}, Config),
    Client = open(Server),
    Stream = start(Client, #{method => <<"POST">>, path => "/app", headers => [{<<"content-type">>, <<"text/plain">>}]}),
    send(Stream, nofin, <<"one">>),
    Head = head(Stream),
    ?assertEqual(<<"one">>, piece(Stream, 3)),
    send(Stream, nofin, <<"two">>),
    ?assertEqual(<<"two">>, piece(Stream, 3)),
    send(Stream, fin, <<>>),
    ?assertMatch(#{status := 200, body := <<>>, complete := true}, rest({Stream, Head})),
    close(Client),
    ?assertEqual([], found()).

found() ->
    receive {finding, #{rule := Rule}} -> [Rule | found()]
    after 0 -> []
    end.

a_body_that_middleware_forgets_is_found(Config) ->
    %% When the response is over, whose other body was sent whole.
    Case = self(),
    Forgets = fun(App) ->
        fun(Environ) -> {Status, Headers, {_, _, _}} = App(Environ), {Status, Headers, <<"another">>} end
    end,
    Validate = gwport_validate:middleware([{report, fun(Finding) -> Case ! {finding, Finding} end}]),
    Server = served(?FUNCTION_NAME, gwport_gateway:chain(fun(_) ->
        {200, [{<<"content-type">>, <<"text/plain">>}], {fun(_) -> stop end, 0, fun() -> Case ! closed end}}
    end, [Forgets, Validate]), Config),
    ?assertMatch(#{status := 200, body := <<"another">>}, ask(Server, "/app")),
    receive {finding, Finding} ->
        ?assertMatch(#{rule := <<"body.close.there">>, side := gateway, path := <<"/app">>}, Finding)
    end.

a_body_whose_client_leaves_is_closed_and_nothing_is_found(Config) ->
    %% Though it is not the app's process that closes it.
    Case = self(),
    Server = served(?FUNCTION_NAME, fun(_) ->
        Case ! {app, self()},
        {200, [{<<"content-type">>, <<"text/plain">>}], {fun
            (1) -> {continue, "1", 2};
            (2) -> receive never -> stop end
        end, 1, fun() -> Case ! {closed, self()} end}}
    end, #{validate => #{report => fun(Finding) -> Case ! {finding, Finding} end}}, Config),
    Client = open(Server),
    Stream = asked(Client),
    {_, <<"1">>} = {head(Stream), piece(Stream, 1)},
    App = receive {app, Pid} -> Pid end,
    %% Who looks whether it is closed.
    [Watcher] = [Other || Other <- processes(), erlang:process_info(Other, parent) =:= {parent, App}],
    close(Client),
    receive {closed, Closer} -> ?assertNotEqual(App, Closer) end,
    gone(Watcher),
    ?assertEqual([], found()).

a_client_is_told_to_go_on_by_the_first_read_alone(Config) ->
    Server = served(?FUNCTION_NAME, fun
        (#{<<"PATH_INFO">> := <<"/unread">>}) -> gwport_gateway:text(200, "unread");
        (Environ) ->
            {ok, Body} = gwport_gateway:read_body(Environ, 100),
            gwport_gateway:text(200, Body)
    end, Config),
    [begin
        Client = open(Server),
        Stream = start(Client, #{path => Path,
            headers => [{<<"content-length">>, <<"3">>}, {<<"expect">>, <<"100-continue">>}]}),
        {h1, Socket} = Client,
        First = case Path of "/app" -> gen_tcp:recv(Socket, 25, 10000); _ -> none end,
        _ = [send(Stream, nofin, <<"abc">>) || First =/= none],
        ?assertEqual({Path, Continue}, {Path, First}),
        ?assertMatch({Path, #{status := 200, body := Body}}, {Path, rest(Stream)}),
        close(Client)
    end || {Path, Continue, Body} <- [{"/app", {ok, <<"HTTP/1.1 100 Continue\r\n\r\n">>}, <<"abc">>},
        {"/app/unread", none, <<"unread">>}]].

what_is_not_read_of_a_body_does_not_cost_the_connection(Config) ->
    Server = served(?FUNCTION_NAME, fun(_) -> gwport_gateway:text(200, "ok") end, Config),
    Client = open(Server),
    _ = [?assertMatch(#{status := 200, body := <<"ok">>}, call(Client, #{path => "/app", body => Body}))
        || Body <- [<<"abc">>, binary:copy(<<"x">>, 50000), none]],
    close(Client).

an_upgrade_is_declined(Config) ->
    %% By the app's own answer, be it in Erlang or a program's that would take the connection over.
    Server = mounted(?FUNCTION_NAME, [{"/app", #{run => fun(_) -> gwport_gateway:text(200, "no") end}},
        {"/takeover", #{run => around('gwport.check', [], Config)}}], Config),
    [?assertMatch({Path, #{status := Status, complete := true}}, {Path, ask(Server, #{path => Path,
            headers => [{<<"connection">>, <<"upgrade">>}, {<<"upgrade">>, <<"bytes">>}]})})
        || {Path, Status} <- [{"/app", 200}, {"/takeover", 501}]].

%% HTTP/2

what_asks_for_a_tunnel_gets_none(Config) ->
    %% Which any 2xx would open. What is answered otherwise is passed on.
    Server = mounted(?FUNCTION_NAME, [{"/app/[...]", #{run => fun(#{<<"PATH_INFO">> := <<"/", Status/binary>>}) ->
            {{binary_to_integer(Status), <<"reason">>}, [], <<"no">>}
        end}}, {"/module/[...]", #{run => ?MODULE}}, {"/program/[...]", #{run => around(environ, [], Config)}},
        {"/takeover", #{run => around('gwport.check', [], Config)}}], Config),
    Client = gwport_raw_h2:open(proplists:get_value(server, Server)),
    {settings, #{enable_connect_protocol := true}} = gwport_raw_h2:frame(Client),
    gwport_raw_h2:send(cow_http2:settings_ack(), Client),
    _ = [begin
        gwport_raw_h2:headers(Id, nofin, [{<<":method">>, <<"CONNECT">>}, {<<":protocol">>, <<"bytes">>},
            {<<":scheme">>, <<"http">>}, {<<":authority">>, <<"x">>}, {<<":path">>, Path}], Client),
        ?assertMatch({Path, #{status := Status, complete := true}}, {Path, gwport_raw_h2:answer(Id, Client)})
    end || {Id, Path, Status} <- [{1, <<"/app/200">>, 501}, {3, <<"/app/299">>, 501}, {5, <<"/app/300">>, 300},
        {7, <<"/app/404">>, 404}, {9, <<"/module/x">>, 501}, {11, <<"/program/x">>, 501}, {13, <<"/takeover">>, 501}]],
    gwport_raw_h2:close(Client).
