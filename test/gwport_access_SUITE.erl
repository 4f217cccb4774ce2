%% The access log of a mount, by both mounts: a line for a request, and what erlang/doc/operate.md says of where it goes.
-module(gwport_access_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(PARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts() ++ [{group, node}].

groups() ->
    gwport_test:mounts([
        a_request_is_a_line_of_its_mount,
        the_requests_of_a_connection_are_a_line_each,
        a_request_is_a_line_whatever_becomes_of_it,
        a_request_that_is_in_two_programs_is_one_line,
        a_connection_that_is_taken_over_is_a_line_when_it_has_ended,
        a_connection_is_a_line_whatever_becomes_of_it,
        nothing_secret_is_in_a_line,
        a_client_cannot_forge_a_line,
        cowboys_metrics_stand_in_front
    ], [{node, [], [
        a_request_without_http_is_a_line,
        the_readmes_handler_writes_a_file_of_its_own
    ]}]).

init_per_group(node, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Routes = [route("/combined/[...]", #{app => hello, access_log => combined}), route("/nowhere", #{app => nowhere}),
        route("/takeover", #{app => 'gwport.check'})],
    [{server, gwport_test:start(#{mount => #{access_log => json}, routes => Routes})} | Config].

route(Path, Options) ->
    fun(Pool) -> {Path, maps:merge(#{pool => Pool, access_log => json}, Options)} end.

end_per_group(node, _) -> ok;
end_per_group(_, Config) -> gwport_test:stop(server(Config)).

init_per_testcase(_, Config) -> [{log, gwport_test:capture_log()} | Config].

end_per_testcase(_, Config) -> gwport_test:release_log(proplists:get_value(log, Config)).

server(Config) -> proplists:get_value(server, Config).

a_request_is_a_line_of_its_mount(Config) ->
    %% In the format that the mount has, as a notice, on HTTP/1.1 and HTTP/2; with the client's traceparent in JSON.
    Pool = atom_to_binary(gwport_test:pool(server(Config))),
    Fields = [{"user-agent", "a \"test\""}, {"traceparent", ?PARENT}],
    #{status := 200, body := Body} = gwport_test:request(server(Config), #{path => "/hello?name=you", headers => Fields}),
    Bytes = integer_to_binary(byte_size(Body)),
    matches(["^\\{\"time\":\"[-0-9]{10}T[0-9:]{8}\\.[0-9]{6}Z\",\"pool\":\"", Pool, "\",\"app\":\"hello\",\"peer\":\"127\\.0\\.0\\.1\","
        "\"method\":\"GET\",\"path\":\"/hello\",\"version\":\"HTTP/1\\.1\",\"host\":\"localhost\",\"status\":200,\"bytes\":", Bytes,
        ",\"duration_us\":[0-9]+,\"user_agent\":\"a \\\\\"test\\\\\"\",\"traceparent\":\"", ?PARENT, "\"\\}$"]),
    #{status := 200} = gwport_test:request(server(Config), #{path => "/combined", headers => Fields}),
    matches("^127\\.0\\.0\\.1 - - \\[[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9:]{8} \\+0000\\] \"GET /combined HTTP/1\\.1\" 200 14 \"-\" "
        "\"a \\\\\"test\\\\\"\"$"),
    H2 = gwport_test:h2_open(server(Config)),
    #{status := 200} = gwport_test:h2_call(H2, <<"GET">>, <<"/combined">>),
    matches("\"GET /combined HTTP/2\\.0\" 200 14 "),
    nothing_more().

the_requests_of_a_connection_are_a_line_each(Config) ->
    Socket = gwport_test:connect(server(Config)),
    [begin
        #{status := 200} = gwport_test:call(Socket, #{method => Method, path => Path}),
        matches(["\"method\":\"", Method, "\".*\"status\":200,\"bytes\":", integer_to_list(Bytes), ","])
    end || {Method, Path, Bytes} <- [{<<"GET">>, "/faults/write?bytes=10", 10}, {<<"GET">>, "/faults/write?bytes=300000", 300000},
        {<<"HEAD">>, "/faults/write?bytes=10", 0}, {<<"GET">>, "/faults/write?bytes=900000&length=1", 900000}]],
    gwport_test:close(Socket),
    nothing_more().

a_request_is_a_line_whatever_becomes_of_it(Config) ->
    #{status := 500} = gwport_test:get(server(Config), "/nowhere"),
    matches("\"status\":500,\"bytes\":24,.*\"reason\":\"no_app\""),
    #{status := 500} = gwport_test:get(server(Config), "/faults/panic"),
    matches("\"status\":500,\"bytes\":[0-9]+,\"duration_us\":[0-9]+\\}$"),
    #{status := 200, complete := false} = gwport_test:get(server(Config), "/faults/panic-late?bytes=100000"),
    matches("\"status\":200,\"bytes\":[0-9]+,.*\"reason\":\"app_failed\""),
    Socket = gwport_test:connect(server(Config)),
    gwport_test:send(Socket, "GET /faults/events?ms=50 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    _ = gwport_test:recv_head(Socket),
    gwport_test:close(Socket),
    matches("\"status\":200,\"bytes\":[0-9]+,.*\"reason\":\"client_gone\""),
    in_flight(0, Config), % the program has heard that the client is gone
    Silent = gwport_test:connect(server(Config)),
    gwport_test:send(Silent, "GET /faults/sleep?s=30 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    in_flight(1, Config),
    gwport_test:close(Silent),
    matches("\"status\":null,\"bytes\":0,.*\"reason\":\"client_gone\""),
    nothing_more().

in_flight(Wanted, Config) ->
    #{pool := Pool} = server(Config),
    gwport_test:until(fun() -> {ok, [#{in_flight := N}]} = gwport:info(Pool), N =:= Wanted end).

a_request_that_is_in_two_programs_is_one_line(Config) ->
    %% Its program is killed, and the next one answers.
    #{pool := Pool} = server(Config),
    in_flight(0, Config),
    Socket = gwport_test:connect(server(Config)),
    gwport_test:send(Socket, "GET /faults/sleep?s=1 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    in_flight(1, Config),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
    [] = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    #{status := 200} = gwport_test:recv(Socket),
    gwport_test:close(Socket),
    matches("\"path\":\"/faults/sleep\".*\"status\":200,\"bytes\":6,\"duration_us\":[0-9]+\\}$"),
    nothing_more().

a_connection_that_is_taken_over_is_a_line_when_it_has_ended(Config) ->
    %% Its status is 101, whatever head the app has written; what the app has sent are its bytes.
    Combined = gwport_test:start(#{routes => [route("/takeover", #{app => 'gwport.check', access_log => combined})]}),
    [begin
        Socket = upgrading("/takeover", Server),
        [begin
            ok = gen_tcp:send(Socket, Sent),
            {ok, Sent} = gen_tcp:recv(Socket, byte_size(Sent))
        end || Sent <- [<<"begun">>, Bytes]],
        nothing_more(),
        ok = gen_tcp:shutdown(Socket, write),
        {error, closed} = gen_tcp:recv(Socket, 0),
        gwport_test:close(Socket),
        matches([Before, integer_to_list(5 + byte_size(Bytes)), Behind]),
        nothing_more()
    end || {Server, Before, Behind} <- [
            {server(Config), "\"path\":\"/takeover\".*\"status\":101,\"bytes\":", ",\"duration_us\":[0-9]+\\}$"},
            {Combined, "\"GET /takeover HTTP/1\\.1\" 101 ", " \"-\" \"-\"$"}],
        Bytes <- [<<"bytes">>, binary:copy(<<"bytes">>, 20000)]],
    gwport_test:stop(Combined).

a_connection_is_a_line_whatever_becomes_of_it(Config) ->
    %% Its client resets it, leaves before it has been handed over, or behind that; its program dies. No process fails.
    Socket = upgrading("/takeover", server(Config)),
    ok = gen_tcp:send(Socket, "bytes"),
    {ok, <<"bytes">>} = gen_tcp:recv(Socket, 5),
    ok = inet:setopts(Socket, [{linger, {true, 0}}]),
    gwport_test:close(Socket),
    matches("\"status\":101,\"bytes\":5,.*\"reason\":\"client_gone\"\\}$"),
    no_connection_is_left(Config),
    nothing_more(),
    TakenOver = taken_over(Config),
    [begin
        Hasty = upgrading("/takeover", server(Config)),
        there_is_a_connection(Config),
        _ = [erlang:yield() || _ <- lists:seq(1, Yields)],
        gwport_test:close(Hasty),
        no_connection_is_left(Config)
    end || Yields <- lists:seq(0, 3980, 20)],
    Lines = lines(),
    ct:pal("~b of 200 connections were taken over, of ~b requests", [taken_over(Config) - TakenOver, length(Lines)]),
    ?assertEqual(taken_over(Config) - TakenOver, length([Line || Line <- Lines, string:find(Line, "\"status\":101,") =/= nomatch])),
    {ok, [#{os_pid := OsPid}]} = gwport:info(gwport_test:pool(server(Config))),
    Last = upgrading("/takeover", server(Config)),
    ok = gen_tcp:send(Last, "bytes"),
    {ok, <<"bytes">>} = gen_tcp:recv(Last, 5),
    [] = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    {error, closed} = gen_tcp:recv(Last, 0),
    gwport_test:close(Last),
    matches("\"status\":101,\"bytes\":5,.*\"reason\":\"port_died\"\\}$"),
    no_connection_is_left(Config),
    nothing_more(),
    ?assertEqual([], [Error || Error <- errors(), string:find(Error, "gwport: the program of pool") =:= nomatch]).

taken_over(Config) ->
    {ok, #{responses := #{1 := Count}}} = gwport:counts(gwport_test:pool(server(Config))),
    Count.

%% Without a pause: it is early in its life.
there_is_a_connection(Config) ->
    case connections(Config) of
        [] -> there_is_a_connection(Config);
        [_] -> ok
    end.

no_connection_is_left(Config) ->
    gwport_test:until(fun() -> connections(Config) =:= [] end).

connections(Config) ->
    ranch:procs(gwport_test:pool(server(Config)), connections).

lines() ->
    receive {log_event, notice, Line, #{domain := [gwport, access]}} -> [Line | lines()]
    after 0 -> []
    end.

errors() ->
    receive {log_event, error, Text, _} -> [Text | errors()]
    after 0 -> []
    end.

upgrading(Path, Server) ->
    Socket = gwport_test:connect(Server),
    ok = gen_tcp:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\n"]),
    Socket.

nothing_secret_is_in_a_line(Config) ->
    %% No query, whosever, no cookie, no credentials.
    [begin
        _ = gwport_test:request(server(Config), #{path => Path ++ "?password=t0psecret", headers => [
            {"cookie", "a=t0psecret"}, {"authorization", "Basic dDBwc2VjcmV0"}, {"x-key", "t0psecret"},
            {"referer", "http://example.com/from?key=t0psecret"}]}),
        Line = matches("http://example.com/from\""),
        ?assertEqual({nomatch, Line}, {re:run(Line, "t0psecret|dDBwc2VjcmV0"), Line})
    end || Path <- ["/hello", "/combined", "/nowhere"]].

a_client_cannot_forge_a_line(Config) ->
    %% What a field may have: quotes, tabs, and bytes that are no UTF-8.
    [begin
        #{status := 200} = gwport_test:request(server(Config), #{path => Path, headers => [
            {"user-agent", <<"a\" 404 7 \"\tb\\", 16#ff, 16#e2, 16#80, 16#a8, "c">>}]}),
        matches(Pattern)
    end || {Path, Pattern} <- [
        {"/combined", "\" 200 14 \"-\" \"a\\\\\" 404 7 \\\\\"\\\\tb\\\\\\\\\\\\xff\\\\u2028c\"$"},
        {"/hello", "\"user_agent\":\"a\\\\\" 404 7 \\\\\"\\\\u0009b\\\\\\\\\\\\ufffd\\\\u2028c\"\\}$"}]].

cowboys_metrics_stand_in_front(Config) ->
    %% As the page has it.
    Pool = gwport_test:pool(server(Config)),
    Shown = #{stream_handlers := Handlers} = evaluate(["#{", readme("metrics"), "}."]),
    Options = gwport_test:mounted([{"/faults/[...]", #{pool => Pool, app => faults, access_log => json}}],
        #{metrics_callback => maps:get(metrics_callback, Shown), idle_timeout => infinity}),
    Listener = {?FUNCTION_NAME, Pool},
    {ok, _} = cowboy:start_clear(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, Options#{
        stream_handlers := [Handler || Handler <- Handlers, gwport_test:mount() =:= stream orelse Handler =/= gwport_stream_h]}),
    Server = #{port => ranch:get_port(Listener)},
    [begin
        #{status := 200, body := Body} = gwport_test:get(Server, ["/faults/write?bytes=", integer_to_list(Bytes)]),
        ?assertEqual(Bytes, byte_size(Body)),
        receive {observed, Metrics} ->
            ?assertMatch(#{resp_status := 200, resp_body_length := Bytes, req := #{method := <<"GET">>}}, Metrics)
        after 25000 -> error(no_metrics)
        end,
        matches(["\"status\":200,\"bytes\":", integer_to_list(Bytes), ","])
    end || Bytes <- [10, 300000]],
    ok = cowboy:stop_listener(Listener).

a_request_without_http_is_a_line(_) ->
    Pool = gwport_test:start_pool(#{}),
    {ok, {200, _, _}} = gwport:request(Pool, #{path => "/hello"}, #{app => hello, access_log => combined}),
    matches("^127\\.0\\.0\\.1 - - \\[[^]]+\\] \"GET /hello HTTP/1\\.1\" 200 14 \"-\" \"-\"$"),
    {ok, {200, _, _}} = gwport:request(Pool, #{path => "/hello"}, #{app => hello}),
    nothing_more(),
    gwport_test:stop_pool(Pool).

the_readmes_handler_writes_a_file_of_its_own(Config) ->
    %% Of a node that has it in its sys.config. OTP's default handler writes the rest.
    Dir = filename:join(proplists:get_value(priv_dir, Config), "access"),
    File = filename:join(Dir, "access.log"),
    SysConfig = filename:join(Dir, "sys.config"),
    ok = filelib:ensure_dir(SysConfig),
    ok = file:write_file(SysConfig, string:replace(readme("access"), "log/access.log", File)),
    Eval = "{ok, _} = application:ensure_all_started(gwport),"
        "{ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(#{name => shop, command => {priv, gwport, \"gwport\"}})),"
        "[{ok, {200, _, _}} = gwport:request(shop, #{path => \"/hello\"}, #{app => hello, access_log => combined}) || _ <- lists:seq(1, 1000)],"
        "ok = logger_std_h:filesync(access), init:stop().",
    Node = open_port({spawn_executable, os:find_executable("erl")}, [binary, exit_status, stderr_to_stdout,
        {args, ["-noshell", "-boot", "start_sasl", "-config", SysConfig, "-pa" | code:get_path()] ++ ["-eval", Eval]}]),
    Output = output(Node, <<>>),
    ct:pal("~ts", [Output]),
    ?assertMatch({match, _}, re:run(Output, "the program of pool shop .* is up")),
    ?assertEqual(nomatch, re:run(Output, "GET /hello")),
    {ok, Written} = file:read_file(File),
    Lines = binary:split(Written, <<"\n">>, [global, trim]),
    ?assertEqual(1000, length(Lines)),
    ?assertEqual([], [Line || Line <- Lines, match =/= re:run(Line, "^127\\.0\\.0\\.1 - - .*\"GET /hello HTTP/1\\.1\" 200 ", [{capture, none}])]).

output(Port, Before) ->
    receive
        {Port, {data, Data}} -> output(Port, <<Before/binary, Data/binary>>);
        {Port, {exit_status, Status}} -> ?assertEqual({0, Before}, {Status, Before}), Before
    end.

%% The block of the page behind a line `<!-- tested: NAME -->'.
readme(Name) ->
    Root = filename:dirname(filename:dirname(proplists:get_value(source, ?MODULE:module_info(compile)))),
    {ok, Page} = file:read_file(filename:join([Root, "erlang", "doc", "operate.md"])),
    {match, [Block]} = re:run(Page, ["<!-- tested: ", Name, " -->\n```erlang\n(.*?)```\n"], [dotall, {capture, all_but_first, binary}]),
    Block.

%% A call of a module that is not ours is a message to the calling process.
evaluate(Text) ->
    Self = self(),
    {ok, Tokens, _} = erl_scan:string(binary_to_list(iolist_to_binary(Text))),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    {value, Value, _} = erl_eval:exprs(Expressions, [], none, {value, fun({myshop_metrics, observe}, [Metrics]) ->
        Self ! {observed, Metrics}
    end}),
    Value.

%% The next line of the access log, which is to be like that.
matches(Pattern) ->
    receive
        {log_event, notice, Line, #{domain := [gwport, access]}} ->
            ?assertEqual({match, Line}, {re:run(Line, Pattern, [{capture, none}]), Line}),
            Line
    after 25000 ->
        error({no_line, iolist_to_binary(Pattern)})
    end.

nothing_more() ->
    receive {log_event, _, Line, #{domain := [gwport, access]}} -> error({another_line, Line})
    after 0 -> ok
    end.
