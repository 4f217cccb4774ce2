%% What takes long: a gigabyte each way in little memory, streams that live for longer than any timeout, windows of
%% one byte.
-module(gwport_slow_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(GB, 1073741824).
%% seq -f %015.0f 0 67108863 | sha256sum, which is what /faults/write writes.
-define(SHA256, <<"5aa96ffe7e2af1c40f6e28dfab981dbbf37224d73faa6f7ff36eac8ef7b22ddc">>).
-define(MAX_RSS, 150 * 1048576).

suite() ->
    [{timetrap, {minutes, 10}}].

all() ->
    [{group, side_by_side}, {group, reloads_route}, {group, reloads_stream}, nothing_leaks].

%% Most of them wait, so they do it together; the gigabytes do not, so they go one after the other.
groups() ->
    Events = [events_for_75_seconds_over_http1, events_for_75_seconds_over_http2],
    [{side_by_side, [parallel], [{group, gigabytes}, {group, events_route}, {group, events_stream}, windows_of_one_byte,
        {group, unread_route}, {group, unread_stream}, {group, stalled_route}, {group, stalled_stream}]},
     {reloads_route, [], [twenty_reloads_with_replay]}, {reloads_stream, [], [twenty_reloads_with_replay]},
     {unread_route, [], [a_body_that_does_not_come_ends_the_connection]},
     {unread_stream, [], [a_body_that_does_not_come_ends_the_connection]},
     {stalled_route, [], [a_client_that_reads_nothing_is_given_up_by_send_timeout]},
     {stalled_stream, [], [a_client_that_reads_nothing_is_given_up_by_send_timeout]},
     {gigabytes, [], [{group, gigabyte_route}, {group, gigabyte_stream}]},
     {gigabyte_route, [], [a_gigabyte_each_way]}, {gigabyte_stream, [], [a_gigabyte_each_way]},
     {events_route, [parallel], Events}, {events_stream, [parallel], Events}].

init_per_group(Group, Config) when Group =:= gigabyte_route; Group =:= events_route;
        Group =:= unread_route; Group =:= stalled_route -> [{mount, route} | Config];
init_per_group(Group, Config) when Group =:= gigabyte_stream; Group =:= events_stream;
        Group =:= unread_stream; Group =:= stalled_stream -> [{mount, stream} | Config];
init_per_group(reloads_route, Config) -> gwport_test:mount(route), Config;
init_per_group(reloads_stream, Config) -> gwport_test:mount(stream), Config;
init_per_group(_, Config) -> Config.

end_per_group(_, _) ->
    ok.

init_per_suite(Config) ->
    Config1 = [{flowport, gwport_probe:build("flowport")} | Config],
    Server = gwport_probe:flow(#{}, Config1),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    gwport_probe:stop(Server),
    [{counts, gwport_probe:counts()} | Config1].

end_per_suite(_) ->
    ok.

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

twenty_reloads_with_replay(Config) ->
    %% As gwport_reload_SUITE has it for requests that go to no other program: with one port, and with two, none fails.
    [gwport_reload_SUITE:reloads_under_load(Ports, #{replay => true}, Config) || Ports <- [1, 2]].

a_gigabyte_each_way(Config) ->
    %% Downloaded and uploaded, by HTTP/1.1 and by HTTP/2: the same bytes, and the BEAM and the program each below
    %% 150 MB all the time.
    gwport_test:mount_here(proplists:get_value(mount, Config)),
    Curl = os:find_executable("curl"),
    #{io := Io, beam := Beam, servers := [#{port := Port, os_pid := OsPid}]} = gwport_probe:second_beam(1, Config),
    Url = "http://127.0.0.1:" ++ integer_to_list(Port),
    File = filename:join(proplists:get_value(priv_dir, Config), "gigabyte"),
    %% HTTP/2 has no chunked coding: a declared length changes nothing there.
    Versions = [{"HTTP/1.1", "--http1.1", ["", "&length=1"]}]
        ++ [{"HTTP/2", "--http2-prior-knowledge", [""]} || string:find(os:cmd(Curl ++ " --version"), "HTTP2") =/= nomatch],
    [begin
        Ask = Curl ++ " -sS " ++ Version,
        [begin
            {Down, DownMs, DownRss} = sampled(Beam, OsPid, Ask ++ " '" ++ Url ++ "/faults/write?bytes=1073741824" ++ Length
                ++ "' | tee " ++ File ++ " | sha256sum"),
            ct:pal("~s down~s: ~b ms, largest RSS of BEAM and program: ~p", [Name, Length, DownMs, DownRss]),
            ?assertMatch({match, _}, re:run(Down, ?SHA256)),
            ?assertEqual(?GB, filelib:file_size(File)),
            is_small(DownRss)
        end || Length <- Lengths],
        {Up, UpMs, UpRss} = sampled(Beam, OsPid, Ask ++ " -H 'Expect:' -T " ++ File ++ " " ++ Url ++ "/upload"),
        ct:pal("~s up: ~b ms, largest RSS of BEAM and program: ~p", [Name, UpMs, UpRss]),
        ?assertMatch({match, _}, re:run(Up, ?SHA256)),
        ?assertMatch({match, _}, re:run(Up, <<"1073741824">>)),
        is_small(UpRss)
    end || {Name, Version, Lengths} <- Versions],
    ok = file:delete(File),
    gwport_probe:os_kill("KILL", Beam),
    receive {Io, {exit_status, _}} -> ok end.

a_body_that_does_not_come_ends_the_connection(Config) ->
    %% Behind the response to a request whose body the app has not read, the client has 30 s for the rest, with a
    %% listener that waits for ever. One that sends it in time goes on.
    gwport_test:mount_here(proplists:get_value(mount, Config)),
    Server = gwport_test:start(#{}),
    [begin
        Late = gwport_test:connect(Server),
        InTime = gwport_test:connect(Server),
        [begin
            gwport_test:send(Socket, ["POST /hello HTTP/1.1\r\nhost: x\r\n", Framing, "\r\n\r\n1\r\na"]),
            ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Socket))
        end || Socket <- [Late, InTime]],
        At = erlang:monotonic_time(millisecond),
        ?assertEqual({error, timeout}, gen_tcp:recv(InTime, 0, 25000)),
        gwport_test:send(InTime, "\r\n0\r\n\r\n"),
        ?assertMatch(#{status := 200}, gwport_test:call(InTime, #{path => "/hello"})),
        ?assertEqual({error, closed}, gen_tcp:recv(Late, 0, 20000)),
        Took = erlang:monotonic_time(millisecond) - At,
        ?assert(Took > 29000 andalso Took < 40000),
        gwport_test:close(InTime)
    end || Framing <- ["content-length: 11", "transfer-encoding: chunked"]],
    gwport_test:stop(Server).

a_client_that_reads_nothing_is_given_up_by_send_timeout(Config) ->
    %% Where no time of the mount or of the listener ends it, ranch's 30 s do: a response that comes in pieces, and a
    %% connection that an app has taken over. Until then the app is held up.
    gwport_test:mount_here(proplists:get_value(mount, Config)),
    Server = #{pool := Listener} = gwport_probe:flow(#{mount => #{idle_timeout => infinity},
        routes => [{"/takeover", #{app => 'gwport.check', idle_timeout => infinity}}],
        listener => #{idle_timeout => infinity, inactivity_timeout => infinity,
            socket_opts => [{sndbuf, 4096}]}}, Config),
    At = erlang:monotonic_time(millisecond),
    Writing = stalled(Server, "GET /faults/write?bytes=1000000000&tag=stalled HTTP/1.1\r\nhost: x\r\n\r\n"),
    Taken = stalled(Server, "GET /takeover HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\nx"),
    {ok, <<"x">>} = gen_tcp:recv(Taken, 1, 5000),
    {error, timeout} = fill(Taken),
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 2 end),
    gwport_test:until(fun() -> maps:get(<<"ended">>, gwport_probe:last(Server, "stalled")) end, 60000),
    Took = erlang:monotonic_time(millisecond) - At,
    #{<<"written">> := Written, <<"cause">> := Cause} = gwport_probe:last(Server, "stalled"),
    ct:pal("the handler had written ~b bytes and ended after ~b ms: ~ts", [Written, Took, Cause]),
    ?assert(Took > 29000 andalso Took < 40000),
    ?assert(Written < 8 * 1048576),
    ?assertNotEqual(<<>>, Cause),
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 0 end),
    gwport_test:until(fun() -> ranch:procs(Listener, connections) =:= [] end),
    [gwport_test:close(Socket) || Socket <- [Writing, Taken]],
    gwport_probe:stop(Server).

stalled(#{port := Port}, Request) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {recbuf, 4096}, {buffer, 4096},
        {send_timeout, 1000}]),
    gwport_test:send(Socket, Request),
    Socket.

%% Until nothing is taken for a second.
fill(Socket) ->
    case gen_tcp:send(Socket, binary:copy(<<"x">>, 65536)) of
        ok -> fill(Socket);
        Error -> Error
    end.

is_small(Rss) ->
    [?assert(Bytes < ?MAX_RSS) || Bytes <- Rss].

%% What the command says, how long it took, and the largest memory of both processes meanwhile.
sampled(Beam, OsPid, Command) ->
    At = erlang:monotonic_time(millisecond),
    Port = open_port({spawn_executable, "/bin/sh"}, [binary, stderr_to_stdout, exit_status, {args, ["-c", Command]}]),
    {Output, Rss} = sampled(Port, [Beam, OsPid], [0, 0], []),
    {Output, erlang:monotonic_time(millisecond) - At, Rss}.

sampled(Port, OsPids, Largest, Output) ->
    receive
        {Port, {data, Data}} -> sampled(Port, OsPids, Largest, [Output, Data]);
        {Port, {exit_status, 0}} -> {iolist_to_binary(Output), Largest};
        {Port, {exit_status, Status}} -> error({Status, iolist_to_binary(Output)})
    after 50 ->
        sampled(Port, OsPids,
            [max(Max, gwport_probe:rss(OsPid)) || {Max, OsPid} <- lists:zip(Largest, OsPids)], Output)
    end.

events_for_75_seconds_over_http1(Config) ->
    %% A listener with Cowboy's own idle_timeout of 60 s, a client that says nothing after its request, an event
    %% every second; when it leaves the handler ends within a second.
    gwport_test:mount_here(proplists:get_value(mount, Config)),
    Server = gwport_probe:flow(#{listener => #{}}, Config),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "GET /faults/events?ms=1000&tag=long HTTP/1.1\r\nhost: x\r\n\r\n"),
    #{status := 200} = gwport_test:recv_head(Socket),
    Events = events(fun(Ms) -> gen_tcp:recv(Socket, 0, Ms) end, erlang:monotonic_time(millisecond) + 75000, 0),
    ?assert(Events >= 70),
    gwport_test:close(Socket),
    ended(Server, "long"),
    gwport_probe:stop(Server).

%% As many as come in that time; none for five seconds is an error.
events(Recv, Until, Count) ->
    case erlang:monotonic_time(millisecond) > Until of
        true -> Count;
        false ->
            {ok, Data} = Recv(5000),
            events(Recv, Until, Count + length(binary:matches(Data, <<"data: ">>)))
    end.

ended(Server, Tag) ->
    At = erlang:monotonic_time(millisecond),
    gwport_test:until(fun() -> maps:get(<<"ended">>, gwport_probe:last(Server, Tag)) end),
    Took = erlang:monotonic_time(millisecond) - At,
    ct:pal("the handler ended ~b ms after its client had left", [Took]),
    ?assert(Took < 1000).

events_for_75_seconds_over_http2(Config) ->
    %% The same over HTTP/2 under idle_timeout => infinity, which only the listener can set there.
    gwport_test:mount_here(proplists:get_value(mount, Config)),
    Server = gwport_probe:flow(#{listener => #{idle_timeout => infinity}}, Config),
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, <<"GET">>, "/faults/events?ms=1000&tag=long", []),
    {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 5000),
    Events = events(fun(Ms) ->
        case gwport_h2:await(Conn, Ref, Ms) of
            {data, nofin, Data} -> {ok, Data};
            Other -> Other
        end
    end, erlang:monotonic_time(millisecond) + 75000, 0),
    ?assert(Events >= 70),
    gwport_h2:close(Conn),
    ended(Server, "long"),
    gwport_probe:stop(Server).

windows_of_one_byte(Config) ->
    %% A byte of credit at a time carries a megabyte both ways at once.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{window => 1, window_floor => 1},
        env => #{"FLOWPORT_WINDOW" => "1"}}, Config),
    Body = << <<(N * 2654435761 rem 251)>> || N <- lists:seq(1, 1048576) >>,
    {Time, Answer} = timer:tc(gwport, request, [Pool, #{method => <<"POST">>, path => <<"/echo">>, body => Body},
        #{app => "echo", head_timeout => infinity, idle_timeout => infinity}]),
    ct:pal("1 MB both ways with windows of one byte took ~b ms", [Time div 1000]),
    ?assertMatch({ok, {200, _, Body}}, Answer),
    gwport_probe:stop(Server).
