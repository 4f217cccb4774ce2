%% What telemetry is told of requests and ports, by both mounts. Where the application telemetry is on the code path it is
%% that one, and else what the suite's data has of it.
-module(gwport_telemetry_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(PARENT, <<"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01">>).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts() ++ [{group, node}].

groups() ->
    gwport_test:mounts([
        a_request_has_a_start_and_a_stop,
        the_bytes_of_a_response_are_those_of_its_body,
        a_traceparent_reaches_the_handler_and_the_events,
        a_request_without_a_whole_answer_has_an_exception,
        a_client_that_leaves_is_an_exception_once,
        an_app_in_erlang_is_of_no_pool,
        a_connection_that_is_taken_over_is_one_request,
        a_request_that_is_in_two_programs_is_one,
        a_handler_that_fails_costs_no_request
    ], [{node, [], [
        a_request_without_http_is_told_as_well,
        a_port_is_told_when_it_is_up_and_when_it_is_down,
        telemetry_is_found_with_the_next_program,
        without_telemetry_nothing_is_told
    ]}]).

init_per_suite(Config) ->
    _ = application:stop(gwport),
    case application:ensure_all_started(telemetry) of
        {ok, _} ->
            ct:pal("telemetry is that in ~ts", [code:which(telemetry)]),
            [{brought, false} | Config];
        {error, _} -> [{brought, bring(Config)} | Config]
    end.

bring(Config) ->
    {ok, telemetry, Beam} = compile:file(filename:join(proplists:get_value(data_dir, Config), "telemetry.erl"), [binary]),
    {module, telemetry} = code:load_binary(telemetry, "telemetry.erl", Beam),
    ok = application:load({application, telemetry, [{vsn, "1"}, {modules, [telemetry]}, {registered, [telemetry_sup]},
        {mod, {telemetry, []}}, {applications, [kernel, stdlib]}]}),
    ok = application:start(telemetry),
    true.

end_per_suite(Config) ->
    _ = application:stop(gwport),
    ok = application:stop(telemetry),
    _ = [begin
        ok = application:unload(telemetry),
        true = code:delete(telemetry),
        code:purge(telemetry)
    end || proplists:get_value(brought, Config)],
    ok.

init_per_group(node, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Routes = [fun(Pool) -> {"/nowhere", #{pool => Pool, app => nowhere}} end,
        fun(Pool) -> {"/takeover", #{pool => Pool, app => 'gwport.check'}} end,
        fun(_) -> {"/erlang/[...]", #{run => fun erlang_app/1}} end],
    [{server, gwport_test:start(#{routes => Routes})} | Config].

end_per_group(node, _) -> ok;
end_per_group(_, Config) -> gwport_test:stop(server(Config)).

init_per_testcase(Case, Config) ->
    Self = self(),
    ok = telemetry:attach_many(Case, [[gwport, request, start], [gwport, request, stop], [gwport, request, exception],
        [gwport, port, up], [gwport, port, down]],
        fun(Event, Measurements, About, _) -> Self ! {told, Event, Measurements, About}, ok end, #{}),
    Config.

end_per_testcase(Case, _) -> telemetry:detach(Case).

server(Config) -> proplists:get_value(server, Config).

a_request_has_a_start_and_a_stop(Config) ->
    %% With what it is about, what came of it, and one reference for both; without its query.
    Pool = gwport_test:pool(server(Config)),
    #{status := 200} = gwport_test:get(server(Config), "/hello?name=secret"),
    {Started, About} = told(start),
    ?assertMatch(#{pool := Pool, app := <<"hello">>, method := <<"GET">>, path := <<"/hello">>, host := <<"localhost">>,
        peer := <<"127.0.0.1">>, version := {1, 1}}, About),
    ?assertNot(is_map_key(traceparent, About)),
    ?assertMatch(#{system_time := _, monotonic_time := _}, Started),
    {Stopped, End} = told(stop),
    ?assertEqual(About#{status => 200}, End),
    #{duration := Duration, monotonic_time := Now, response_bytes := 21} = Stopped,
    ?assertEqual(Duration, Now - maps:get(monotonic_time, Started)),
    nothing_more().

the_bytes_of_a_response_are_those_of_its_body(Config) ->
    %% However it goes: in one piece, in chunks, by sendfile, or not at all. The client stays until that is known.
    Socket = gwport_test:connect(server(Config)),
    [begin
        #{body := Body} = gwport_test:call(Socket, #{path => Path, method => Method}),
        _ = told(start),
        {#{response_bytes := Bytes}, #{status := 200}} = told(stop),
        ?assertEqual({Path, byte_size(Body)}, {Path, Bytes})
    end || {Method, Path} <- [{<<"GET">>, "/hello"}, {<<"HEAD">>, "/hello"}, {<<"GET">>, "/faults/write?bytes=300000"},
        {<<"GET">>, "/faults/write?bytes=900000&length=1"}, {<<"HEAD">>, "/faults/write?bytes=900000&length=1"}]],
    gwport_test:close(Socket).

a_traceparent_reaches_the_handler_and_the_events(Config) ->
    %% One that is none is the handler's to see, and nobody else's.
    [begin
        #{status := 200, body := Body} = gwport_test:request(server(Config),
            #{path => "/environ", headers => [{"traceparent", Parent}]}),
        ?assertNotEqual(nomatch, binary:match(Body, Parent)),
        [?assertEqual({Parent, Told}, {Parent, maps:get(traceparent, element(2, told(Event)), none)})
            || Event <- [start, stop]]
    end || {Parent, Told} <- [{?PARENT, ?PARENT}, {<<"00-xyz-00f067aa0ba902b7-01">>, none}]].

a_request_without_a_whole_answer_has_an_exception(Config) ->
    %% With the reason that counts/1 has, and the status that the client was given, if any.
    [begin
        _ = gwport_test:get(server(Config), Path),
        {_, About} = told(start),
        {#{duration := _}, End} = told(exception),
        ?assertEqual({Path, About#{status => Status, reason => Reason, kind => error, stacktrace => []}}, {Path, End})
    end || {Path, Status, Reason} <- [{"/nowhere", 500, no_app}, {"/faults/panic-late?bytes=100000", 200, app_failed}]],
    %% Of a panic before the head the program makes a response, which is whole.
    #{status := 500} = gwport_test:get(server(Config), "/faults/panic"),
    _ = told(start),
    ?assertMatch({_, #{status := 500}}, told(stop)),
    nothing_more().

erlang_app(#{<<"PATH_INFO">> := <<"/fails">>}) -> error(failing);
erlang_app(_) -> gwport_gateway:text(200, "text").

an_app_in_erlang_is_of_no_pool(Config) ->
    #{status := 200} = gwport_test:get(server(Config), "/erlang/x"),
    {_, About = #{pool := undefined, app := <<>>, path := <<"/erlang/x">>}} = told(start),
    ?assertEqual(About#{status => 200}, element(2, told(stop))),
    #{status := 500} = gwport_test:get(server(Config), "/erlang/fails"),
    {_, Failing} = told(start),
    ?assertEqual(Failing#{status => 500, reason => app_failed, kind => error, stacktrace => []},
        element(2, told(exception))),
    nothing_more().

a_client_that_leaves_is_an_exception_once(Config) ->
    %% Before a head, and behind one.
    [begin
        Socket = gwport_test:connect(server(Config)),
        gwport_test:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\n\r\n"]),
        _ = told(start),
        _ = [gwport_test:recv_head(Socket) || Status =/= none],
        gwport_test:close(Socket),
        {_, End} = told(exception),
        ?assertMatch({Path, #{reason := client_gone, status := Status}}, {Path, End}),
        nothing_more()
    end || {Path, Status} <- [{"/faults/sleep?s=30", none}, {"/faults/events?ms=50", 200}]].

a_connection_that_is_taken_over_is_one_request(Config) ->
    %% It ends when both of its directions have, and what the app has sent counts as its body.
    Socket = gwport_test:connect(server(Config)),
    ok = gen_tcp:send(Socket, "GET /takeover HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\n"),
    ok = gen_tcp:send(Socket, "bytes"),
    {ok, <<"bytes">>} = gen_tcp:recv(Socket, 5),
    {_, About} = told(start),
    ok = gen_tcp:shutdown(Socket, write),
    {error, closed} = gen_tcp:recv(Socket, 0),
    {#{response_bytes := 5}, End} = told(stop),
    ?assertEqual(About#{status => 101}, End),
    nothing_more(),
    gwport_test:close(Socket).

a_request_that_is_in_two_programs_is_one(Config) ->
    %% Its program is killed, and the next one answers.
    Server = server(Config),
    Pool = gwport_test:pool(Server),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /faults/sleep?s=1 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    gwport_test:until(fun() -> [#{in_flight := InFlight}] = gwport_test:ports(Server), InFlight =:= 1 end),
    [] = os:cmd("kill -9 " ++ integer_to_list(gwport_test:os_pid(Server))),
    #{status := 200} = gwport_test:recv(Socket),
    gwport_test:close(Socket),
    {_, About} = told(start),
    {#{response_bytes := 6}, End} = told(stop),
    ?assertEqual(About#{status => 200}, End),
    [?assertMatch({_, #{pool := Pool}}, told(port, What)) || What <- [down, up]],
    nothing_more().

a_handler_that_fails_costs_no_request(Config) ->
    %% It is telemetry that takes it away.
    ok = telemetry:attach_many(failing, [[gwport, request, start]], fun(_, _, _, _) -> error(failing) end, #{}),
    ?assertMatch(#{status := 200}, gwport_test:get(server(Config), "/hello")),
    ?assertMatch(#{status := 200}, gwport_test:get(server(Config), "/hello")).

a_request_without_http_is_told_as_well(_) ->
    Pool = gwport_test:start_pool(#{}),
    {ok, {200, _, _}} = gwport:request(Pool, #{path => "/hello", headers => #{traceparent => ?PARENT}}, #{app => hello}),
    {_, #{pool := Pool, traceparent := ?PARENT}} = told(start),
    {_, #{pool := Pool, status := 200}} = told(stop),
    %% Its caller is the client.
    {Caller, Monitor} = spawn_monitor(fun() -> gwport:request(Pool, #{path => "/faults/sleep", query => "s=30"}, #{app => faults}) end),
    _ = told(start),
    exit(Caller, kill),
    receive {'DOWN', Monitor, _, _, _} -> ok end,
    ?assertMatch({_, #{reason := client_gone}}, told(exception)),
    gwport_test:stop_pool(Pool).

a_port_is_told_when_it_is_up_and_when_it_is_down(_) ->
    Pool = gwport_test:start_pool(#{}),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
    {#{duration := _}, #{pool := Pool, os_pid := OsPid, program := <<"gwport", _/binary>>}} = told(port, up),
    [] = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    ?assertMatch({#{duration := _, served := 0}, #{pool := Pool, os_pid := OsPid, reason := failed, why := signal, exit_status := 137}},
        told(port, down)),
    {_, #{pool := Pool, os_pid := Next}} = told(port, up),
    gwport_test:stop_pool(Pool),
    ?assertMatch({_, #{pool := Pool, os_pid := Next, reason := drained}}, told(port, down)).

telemetry_is_found_with_the_next_program(_) ->
    %% Where it has started behind gwport.
    ok = gwport_telemetry:forget(),
    Pool = gwport_test:start_pool(#{}),
    _ = told(port, up),
    gwport_test:stop_pool(Pool).

without_telemetry_nothing_is_told(Config) ->
    %% There is no account of a request where it does not run.
    ok = application:stop(telemetry),
    Pool = gwport_test:start_pool(#{}),
    try
        {ok, Mount} = gwport_mount_options:mount(#{pool => Pool}),
        gwport_test:until(fun() -> not gwport_account:is_wanted(Mount, gwport_count:find(Pool)) end),
        {ok, {200, _, _}} = gwport:request(Pool, #{}),
        nothing_more()
    after
        gwport_test:stop_pool(Pool),
        ok = application:start(telemetry),
        init_per_testcase(without_telemetry_nothing_is_told, Config),
        gwport_telemetry:look()
    end.

%% The next event: what was measured, and what it is about.
told(Name) -> told(request, Name).

told(What, Name) ->
    receive {told, [gwport, What, Name], Measurements, About} -> {Measurements, About}
    after 25000 -> error({not_told, Name, process_info(self(), messages)})
    end.

nothing_more() ->
    receive {told, _, _, _} = Told -> error(Told)
    after 0 -> ok
    end.
