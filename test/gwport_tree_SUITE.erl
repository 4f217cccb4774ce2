%% The tree of processes under attack: whoever is killed, whatever is taken away, clients see 200, 502, 503 or a response
%% that is visibly broken off, nothing hangs, the tree stands again, and what is no part of it is not touched.
-module(gwport_tree_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 90}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, descriptors}, {group, disk}, shell_falls_silent,
        {group, ends}, each_is_killed_when_idle, each_is_killed_under_load, each_is_killed_while_the_pool_stops, nothing_is_left, the_root_is_killed], [{disk, [parallel], [
        a_killed_log_reader_leaves_no_folder, a_socket_that_cannot_be_bound_leaves_no_folder,
        a_relative_folder_of_sockets_is_found
    ]}, {ends, [parallel], [
        a_stream_that_is_over_leaves_nothing, the_streams_of_a_port_that_ends_leave_nothing, what_waits_for_a_writer_that_is_killed_is_told_at_once,
        what_waits_for_a_writer_is_told_of_every_end, an_owner_is_killed_with_its_watch,
        a_watch_dies_after_its_owner_while_the_pool_ends
    ]}, {descriptors, [parallel], [
        clients_that_use_up_descriptors_cost_no_program, a_start_without_descriptors_is_tried_again_soon,
        a_program_is_ended_without_a_descriptor, a_log_is_read_when_there_are_descriptors_again, a_killed_shell_comes_back_with_the_descriptors
    ]}]).

init_per_group(Group, Config) when Group =:= route; Group =:= stream ->
    gwport_test:mount(Group),
    ok = logger:set_handler_config(default, level, none),
    {ok, _} = application:ensure_all_started(gwport),
    Server = gwport_test:start(#{}),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    gwport_test:stop(Server),
    [{counts, gwport_probe:counts()} | Config];
init_per_group(_, Config) ->
    Config.

end_per_group(Group, _) when Group =:= route; Group =:= stream ->
    ok = logger:set_handler_config(default, level, all);
end_per_group(_, _) ->
    ok.

%% Descriptors

%% A BEAM with few of them, a pool in it that serves, and a connection that is open already.
scarce() ->
    Peer = gwport_attack:peer("-n 200"),
    Server = #{pool := Pool} = gwport_attack:peer_pool(Peer, #{listener => #{request_timeout => infinity}}),
    Socket = gwport_test:connect(Server),
    #{status := 200} = gwport_test:call(Socket, #{path => "/hello"}),
    {Peer, Server, Socket, program(Peer, Pool)}.

program(Peer, Pool) ->
    {ok, [#{os_pid := OsPid, state := serving}]} = gwport_attack:call(Peer, gwport, info, [Pool]),
    OsPid.

%% Clients that connect and say half a head, until the BEAM has no descriptor left.
use_up(Peer, Server) ->
    Sockets = [half_open(Server) || _ <- lists:seq(1, 250)],
    is_used_up(Peer),
    Sockets.

half_open(Server) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "GET /hello HTTP/1.1\r\nhost: x\r\n"),
    Socket.

is_used_up(Peer) ->
    gwport_test:until(fun() ->
        gwport_attack:call(Peer, file, open, ["/dev/null", [raw, read, binary]]) =:= {error, emfile}
    end).

%% A request of somebody who has a connection.
status(Socket) ->
    #{status := Status} = gwport_test:call(Socket, #{path => "/hello"}),
    Status.

clients_that_use_up_descriptors_cost_no_program(_) ->
    %% Connections without end leave the BEAM no descriptor. The program that runs goes on, and whoever has a
    %% connection is served, for longer than it takes to miss a program that has ended.
    {Peer, Server = #{pool := Pool}, Socket, OsPid} = scarce(),
    Sockets = use_up(Peer, Server),
    Until = erlang:monotonic_time(millisecond) + 4000,
    serves_until(Until, Socket, 0),
    is_used_up(Peer),
    lists:foreach(fun gwport_test:close/1, Sockets),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    ?assertEqual(OsPid, program(Peer, Pool)),
    gwport_attack:stop_peer(Peer).

serves_until(Until, Socket, Count) ->
    ?assertEqual(200, status(Socket)),
    case erlang:monotonic_time(millisecond) > Until of
        true -> ct:pal("~b requests were served without a descriptor to spare", [Count]);
        false -> receive after 5 -> serves_until(Until, Socket, Count + 1) end
    end.

a_start_without_descriptors_is_tried_again_soon(_) ->
    %% A program ends while the BEAM has no descriptor left. The next one comes up when there are descriptors, and not
    %% after a delay that has grown meanwhile.
    gwport_test:undisturbed(fun() ->
        Scarce = {Peer, _, _, _} = scarce(),
        try is_tried_again_soon(Scarce) after gwport_attack:stop_peer(Peer) end
    end).

is_tried_again_soon({Peer, Server = #{pool := Pool}, Socket, OsPid}) ->
    Sockets = use_up(Peer, Server),
    Keeper = gwport_attack:call(Peer, gwport_pool, keeper, [Pool]),
    Owner = gwport_attack:call(Peer, gwport_attack, find, [owner, Pool]),
    ok = gwport_attack:call(Peer, sys, suspend, [Keeper]),
    gwport_probe:os_kill("KILL", OsPid),
    gwport_test:until(fun() -> not gwport_attack:call(Peer, erlang, is_process_alive, [Owner]) end),
    %% What the program had is taken before another one can be started with it.
    More = use_up(Peer, Server),
    ok = gwport_attack:call(Peer, sys, resume, [Keeper]),
    receive after 7000 -> ok end,
    ?assertEqual(503, status(Socket)),
    is_used_up(Peer),
    At = erlang:monotonic_time(millisecond),
    lists:foreach(fun gwport_test:close/1, Sockets ++ More),
    gwport_test:until(fun() -> status(Socket) =:= 200 end),
    Took = erlang:monotonic_time(millisecond) - At,
    ct:pal("served again ~b ms after there were descriptors", [Took]),
    ?assert(Took < 3000).

a_program_is_ended_without_a_descriptor(_) ->
    %% An owner is killed whose program does not look at the end of its input: it is ended all the same.
    {Peer, Server = #{pool := Pool}, _, OsPid} = scarce(),
    _ = use_up(Peer, Server),
    gwport_probe:os_kill("STOP", OsPid),
    _ = gwport_attack:call(Peer, gwport_attack, kill, [owner, Pool]),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_attack:stop_peer(Peer).

a_log_is_read_when_there_are_descriptors_again(_) ->
    %% A program connects its standard error when the connection cannot be accepted. It is when there is a descriptor:
    %% the program would wait for ever for somebody who reads.
    {Peer, Server = #{pool := Pool}, _, _} = scarce(),
    Path = gwport_attack:call(Peer, gwport_attack, log_reader, [Pool]),
    Sockets = use_up(Peer, Server),
    {ok, Stderr} = gen_tcp:connect({local, Path}, 0, [binary, {active, false}, {send_timeout, 5000}]),
    ?assertEqual({error, timeout}, gen_tcp:recv(Stderr, 0, 500)),
    lists:foreach(fun gwport_test:close/1, Sockets),
    Lines = binary:copy(<<"a line\n">>, 10000),
    [?assertEqual(ok, gen_tcp:send(Stderr, Lines)) || _ <- lists:seq(1, 50)],
    gwport_attack:stop_peer(Peer).

a_killed_shell_comes_back_with_the_descriptors(_) ->
    %% The shell that ends programs is killed, and with it the process that has it, while there is no descriptor; then
    %% an owner. Its program is ended as soon as there is one.
    {Peer, Server = #{pool := Pool}, _, OsPid} = scarce(),
    Sockets = use_up(Peer, Server),
    gwport_probe:os_kill("STOP", OsPid),
    gwport_probe:os_kill("KILL", gwport_attack:call(Peer, gwport_attack, shell, [])),
    More = use_up(Peer, Server),
    _ = gwport_attack:call(Peer, gwport_attack, kill, [[os, owner], Pool]),
    lists:foreach(fun gwport_test:close/1, Sockets ++ More),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    gwport_attack:stop_peer(Peer).

%% Disk

%% A program that never connects, and the folders of its BEAM's sockets below Dir.
sleeping_pool(Peer, Options) ->
    gwport_attack:call(Peer, gwport_attack, start_pool, [Options#{command => "sleep", args => ["60"], log_lines => 0}]).

folders(Dir, Peer) ->
    filelib:wildcard(filename:join(Dir, "gwport-" ++ gwport_attack:call(Peer, os, getpid, []) ++ "-*")).

tmpdir(Name, Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), Name),
    ok = filelib:ensure_path(Dir),
    Dir.

a_killed_log_reader_leaves_no_folder(_) ->
    %% It is killed before the program has connected, alone and with those beside it.
    [begin
        Peer = gwport_attack:peer(""),
        %% Of a BEAM that was killed, and had the same process id.
        Others = folders("/tmp", Peer),
        Pool = sleeping_pool(Peer, #{greeting_timeout => 60000}),
        [Folder] = folders("/tmp", Peer) -- Others,
        _ = gwport_attack:call(Peer, gwport_attack, kill, [Parts, Pool]),
        gwport_test:until(fun() -> not lists:member(Folder, folders("/tmp", Peer)) end),
        gwport_attack:stop_peer(Peer)
    end || Parts <- [[log], [os, log], [log, owner, keeper]]].

a_socket_that_cannot_be_bound_leaves_no_folder(Config) ->
    %% Its path is too long. The program is started all the same.
    Dir = tmpdir(lists:duplicate(100, $x), Config),
    Peer = gwport_attack:peer(""),
    true = gwport_attack:call(Peer, os, putenv, ["TMPDIR", Dir]),
    Server = gwport_attack:peer_pool(Peer, #{}),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    ?assertEqual([], folders(Dir, Peer)),
    gwport_attack:stop_peer(Peer).

a_relative_folder_of_sockets_is_found(_) ->
    %% The program runs elsewhere, and has its standard error read.
    Peer = gwport_attack:peer(""),
    Dir = "/tmp/gwport-tree-" ++ binary_to_list(binary:encode_hex(rand:bytes(8))),
    ok = file:make_dir(Dir),
    ok = gwport_attack:call(Peer, file, set_cwd, ["/tmp"]),
    true = gwport_attack:call(Peer, os, putenv, ["TMPDIR", filename:basename(Dir)]),
    #{pool := Pool} = gwport_attack:peer_pool(Peer, #{pool => #{cd => "/"}}),
    Reader = gwport_attack:call(Peer, gwport_attack, find, [log, Pool]),
    gwport_test:until(fun() -> gwport_attack:call(Peer, gwport_attack, sockets, [Reader]) =:= 1 end),
    %% Nothing is left in it, when the reader has heard that the connection is its own.
    gwport_test:until(fun() -> ok =:= file:del_dir(Dir) end),
    gwport_attack:stop_peer(Peer).

%% The shell

shell_falls_silent(_) ->
    %% It is stopped, not killed: another one takes its place, and ends the program; and the silent one.
    Pool = gwport_test:start_pool(#{}),
    gwport_attack:stands(Pool),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
    Shell = gwport_attack:shell(),
    gwport_probe:os_kill("STOP", Shell),
    gwport_probe:os_kill("STOP", OsPid),
    gwport_attack:kill(owner, Pool),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) andalso gwport_probe:gone(Shell) end),
    gwport_attack:stands(Pool),
    ?assertNotEqual(Shell, gwport_attack:shell()),
    gwport_test:stop_pool(Pool).

%% Processes

%% All but the root, without which there is no application.
parts() ->
    gwport_attack:parts() -- [gwport_sup].

os_pid(Pool) ->
    {ok, [#{os_pid := OsPid, state := serving}]} = gwport:info(Pool),
    OsPid.

is_running(App) ->
    lists:keymember(App, 1, application:which_applications()).

each_is_killed_when_idle(_) ->
    %% Twice in a row, the second time as soon as there is another: each time the pool stands again, and a pool beside
    %% it goes on with the program that it had.
    Other = gwport_test:start(#{}),
    OsPid = gwport_test:os_pid(Other),
    Server = #{pool := Pool} = gwport_test:start(#{pool => #{restart_delay => 10, max_restart_delay => 10}}),
    [begin
        gwport_attack:kill(Part, Pool),
        gwport_test:until(fun() -> try is_pid(gwport_attack:find(Part, Pool)) catch _:_ -> Part end end),
        gwport_attack:kill(Part, Pool),
        gwport_attack:stands(Pool),
        ?assertMatch({Part, #{status := 200}}, {Part, gwport_test:get(Server, "/hello")}),
        ?assertEqual({Part, OsPid}, {Part, gwport_test:os_pid(Other)})
    end || Part <- parts()],
    ?assert(is_running(gwport)),
    gwport_test:stop(Server),
    gwport_test:stop(Other).

each_is_killed_under_load(_) ->
    %% Clients of the pool see what they may see and have an answer each; clients of the pool beside it see nothing.
    Other = gwport_test:start(#{}),
    Server = #{pool := Pool} = gwport_test:start(#{}),
    OthersLoad = gwport_attack:load(Other, 2),
    Load = gwport_attack:load(Server, 6),
    [begin
        gwport_attack:kill(Part, Pool),
        gwport_attack:stands(Pool),
        gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end)
    end || Part <- parts()],
    {Seen, Longest} = gwport_attack:stop_load(Load),
    {Others, _} = gwport_attack:stop_load(OthersLoad),
    ct:pal("clients of the pool saw ~p and waited ~b ms at most; those of the other one saw ~p", [Seen, Longest, Others]),
    ?assert(Longest < 10000),
    ?assertEqual([], maps:keys(Seen) -- [200, 502, 503, cut]),
    ?assertEqual([200], maps:keys(Others)),
    ?assert(is_running(gwport)),
    gwport_test:stop(Server),
    gwport_test:stop(Other).

each_is_killed_while_the_pool_stops(_) ->
    %% The pool waits for a request when one of its processes is killed. It stops all the same, the request is answered or
    %% visibly broken off, and no program is left.
    [begin
        Server = #{pool := Pool} = gwport_test:start(#{}),
        OsPid = os_pid(Pool),
        Pids = [{P, gwport_attack:find(P, Pool)} || P <- gwport_attack:parts()],
        Self = self(),
        Client = spawn_link(fun() -> Self ! {self(), status_or_cut(Server, "/faults/sleep?s=1")} end),
        gwport_test:until(fun() -> [1] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end),
        Stop = spawn_link(fun() -> gwport_test:stop_pool(Pool), Self ! {self(), stopped} end),
        gwport_test:until(fun() -> element(1, gwport_pool:choose(Pool)) =/= ok end),
        exit(proplists:get_value(Part, Pids), kill),
        receive {Client, Seen} -> ?assert(lists:member(Seen, [200, 502, 503, cut])) end,
        receive {Stop, stopped} -> ok end,
        gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
        ?assertEqual({error, no_pool}, gwport:info(Pool)),
        ct:pal("~p: the client saw ~p", [Part, Seen]),
        %% The name is free.
        Pool = gwport_test:start_pool(#{name => Pool}),
        ?assertMatch({Part, #{status := 200}}, {Part, gwport_test:get(Server, "/hello")}),
        gwport_test:stop(Server)
    end || Part <- parts()],
    ?assert(is_running(gwport)).

status_or_cut(Server, Path) ->
    try gwport_test:get(Server, Path) of
        #{status := Status, complete := true} -> Status;
        #{complete := false} -> cut
    catch
        error:{badmatch, {error, _}} -> cut
    end.

the_root_is_killed(_) ->
    %% With it the application ends, as any does, and its processes are killed by OTP. The programs end with their input,
    %% clients are told, and it can be started again.
    Server = #{pool := Pool} = gwport_test:start(#{}),
    OsPid = os_pid(Pool),
    gwport_attack:kill(gwport_sup, Pool),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_test:until(fun() -> not is_running(gwport) end),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/hello")),
    ok = cowboy:stop_listener(Pool),
    {ok, _} = application:ensure_all_started(gwport),
    gwport_test:stop(gwport_test:start(#{})).

nothing_is_left(Config) ->
    %% No process, port, table, program, folder or key more than before.
    ?assertEqual([], gwport_attack:leaks(proplists:get_value(counts, Config))).

%% Streams and their ends

%% Whoever ends a stream, and however, nobody is left to be told of it, and nothing is counted any more.
a_stream_that_is_over_leaves_nothing(_) ->
    Server = #{pool := Pool} = gwport_test:start(#{pool => #{max_streams => 20},
        mount => #{head_timeout => 500}}),
    Ways = [
        fun() -> {ok, {200, _, _}} = gwport:request(Pool, #{path => <<"/hello">>}, #{app => hello}) end,
        fun() -> {error, _} = gwport:request(Pool, #{path => <<"/faults/write">>, query => <<"bytes=100000">>,
            path_info => 1}, #{app => faults, max_response => 10}) end,
        fun() -> asked(Pool, "s=60", fun(Pid) -> exit(Pid, kill) end) end,
        fun() -> #{status := 200} = gwport_test:get(Server, "/hello") end,
        fun() -> #{status := 504} = gwport_test:get(Server, "/faults/sleep?s=60") end,
        fun() -> #{status := 500} = gwport_test:get(Server, "/faults/panic") end,
        fun() -> left(Server, "GET /faults/sleep?s=60 HTTP/1.1\r\nhost: x\r\n\r\n") end,
        fun() -> left(Server, "GET /faults/events?ms=10 HTTP/1.1\r\nhost: x\r\n\r\n") end,
        fun() -> left(Server, "POST /faults/never-read?s=60 HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n12") end],
    [begin
        [Way() || _ <- lists:seq(1, 10)],
        nothing_is_under_way(Server)
    end || Way <- Ways],
    %% Those that were turned away.
    [spawn(fun() -> gwport_test:get(Server, "/faults/sleep?s=60") end) || _ <- lists:seq(1, 60)],
    gwport_test:until(fun() -> length(gwport_attack:rows(Pool)) >= 20 end),
    nothing_is_under_way(Server),
    gwport_test:stop(Server).

%% No row, no place, no budget, and nobody watched, of a pool with one port.
nothing_is_under_way(#{pool := Pool}) ->
    gwport_test:until(fun() ->
        case gwport_pool:choose(Pool) of
            {ok, Handle} ->
                {ok, [#{in_flight := Streams, budget_left := Budget, owner := Owner}]} = gwport:info(Pool),
                {monitors, Monitors} = erlang:process_info(Owner, monitors),
                Left = {Streams, Budget, gwport_handle:under_way(Handle), gwport_attack:rows(Pool), length(Monitors)},
                Left =:= {0, 67108864, 0, [], 1} orelse Left;
            Error ->
                Error
        end
    end).

%% A call by a process with which something happens when the app has its request.
asked(Pool, Query, Happens) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        gwport:request(Pool, #{path => <<"/faults/sleep">>, query => list_to_binary(Query), path_info => 1}, #{app => faults})
    end),
    gwport_test:until(fun() -> {ok, [#{in_flight := N}]} = gwport:info(Pool), N > 0 end),
    Happens(Pid),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

%% Its owner, its watch, its writer or its program is killed, or it drains: requests of listeners and of processes are
%% told, and the port that follows has nothing of them.
the_streams_of_a_port_that_ends_leave_nothing(_) ->
    [begin
        Server = #{pool := Pool} = gwport_test:start(#{pool => #{drain_timeout => 200}, mount => #{replay => false}}),
        Self = self(),
        Clients = [spawn_link(fun() -> _ = Ask(Server), Self ! {self(), told} end) || Ask <- [
            fun(_) -> status_or_cut(Server, "/faults/sleep?s=60") end,
            fun(_) -> status_or_cut(Server, "/faults/write?bytes=2000&chunk=1000&delay_ms=60000") end,
            fun(_) -> {error, _} = gwport:request(Pool, #{path => <<"/faults/sleep">>, query => <<"s=60">>, path_info => 1},
                #{app => faults, replay => false}) end]],
        gwport_test:until(fun() -> [3] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end),
        Table = table(Pool),
        End(Server),
        [receive {Client, told} -> ok end || Client <- Clients],
        gwport_test:until(fun() -> ets:info(Table) =:= undefined end),
        gwport_attack:stands(Pool),
        nothing_is_under_way(Server),
        gwport_test:stop(Server)
    end || End <- [fun(#{pool := Pool}) -> gwport_attack:kill(Parts, Pool) end
            || Parts <- [owner, watch, writer, [owner, watch], [watch, keeper]]] ++ [
        fun(Server) -> gwport_probe:os_kill("KILL", gwport_test:os_pid(Server)) end,
        fun(#{pool := Pool}) -> gwport_port:drain(gwport_attack:find(owner, Pool)) end]].

table(Pool) ->
    Watch = gwport_attack:find(watch, Pool),
    [Table] = [Table || Table <- ets:all(), ets:info(Table, owner) =:= Watch],
    Table.

%% A client that leaves, when the app has its request.
left(Server, Request) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, Request),
    in_flight(1, Server),
    gwport_test:close(Socket),
    in_flight(0, Server).

in_flight(Count, Server) ->
    gwport_test:until(fun() -> [Count] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end).

%% Requests that wait for a program which does not read: what each saw, and how long after Event it did. None of them may
%% wait for the next program.
unwritten(Event) ->
    Server = #{pool := Pool} = gwport_test:start(#{pool => #{port_queue => 65536, max_queue => 0}}),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    OsPid = gwport_attack:jam(Pool),
    {ok, Handle} = gwport_pool:choose(Pool),
    Self = self(),
    Clients = [spawn_link(fun() -> Self ! {self(), gwport_test:request(Server, Request)} end) || Request <-
        [#{path => "/hello"}, #{method => <<"POST">>, path => "/echo", body => "x"}, #{path => "/faults/sleep?s=5"}]],
    Waits = length(Clients),
    gwport_test:until(fun() -> gwport_handle:under_way(Handle) =:= Waits end),
    %% The owner has them all when it answers this, and has given none a number.
    ?assertMatch([#{in_flight := 0}], gwport_test:ports(Server)),
    At = erlang:monotonic_time(millisecond),
    Event(Server),
    Seen = [receive {Client, #{status := Status}} -> {Status, erlang:monotonic_time(millisecond) - At} end
        || Client <- Clients],
    %% It may be gone, or go now.
    _ = os:cmd("kill -CONT " ++ integer_to_list(OsPid)),
    %% Not while it is rebuilt: a keeper that is killed and has no successor leaves the pool's name behind.
    gwport_test:until(fun() -> is_process_alive(gwport_pool:keeper(Pool)) end),
    gwport_test:stop(Server),
    Seen.

what_waits_for_a_writer_that_is_killed_is_told_at_once(_) ->
    %% No program has seen it, which is 503, and before the program is ended.
    gwport_test:undisturbed(fun() ->
        [?assertMatch({503, Ms} when Ms < 700, Seen) || Seen <- unwritten(fun(#{pool := Pool}) ->
            gwport_attack:kill(writer, Pool)
        end)]
    end).

what_waits_for_a_writer_is_told_of_every_end(_) ->
    %% The program ends, the watch is killed, alone and with its heir, the port drains.
    [[?assertMatch({503, Ms} when Ms < 2000, Seen) || Seen <- unwritten(Event)] || Event <- [
        fun(Server = #{pool := Pool}) ->
            Owner = gwport_attack:find(owner, Pool),
            gwport_probe:os_kill("KILL", gwport_test:os_pid(Server)),
            gwport_test:until(fun() -> not is_process_alive(Owner) end)
        end,
        fun(#{pool := Pool}) ->
            gwport_attack:kill(watch, Pool)
        end,
        %% The table of ends is lost with these two.
        fun(#{pool := Pool}) ->
            gwport_attack:kill([keeper, watch], Pool)
        end,
        fun(#{pool := Pool}) ->
            Owner = gwport_attack:find(owner, Pool),
            gwport_port:drain(Owner),
            gwport_test:until(fun() -> maps:get(state, gwport_port:info(Owner)) =:= draining end)
        end]].

a_watch_dies_after_its_owner_while_the_pool_ends(_) ->
    %% The keeper has forgotten the owner, and is ended, before the watch leaves it the clients.
    Server = #{pool := Pool} = gwport_test:start(#{mount => #{replay => false}}),
    Self = self(),
    Client = spawn_link(fun() -> Self ! {self(), gwport_test:get(Server, "/faults/sleep?s=60")} end),
    gwport_test:until(fun() -> [1] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end),
    [Owner, Watch, Keeper, Sup] = [gwport_attack:find(Part, Pool) || Part <- [owner, watch, keeper, ports_sup]],
    true = erlang:suspend_process(Watch),
    true = exit(Owner, kill),
    gwport_test:until(fun() ->
        {Owners, [], _} = gen_server:call(Keeper, owners),
        not lists:member(Owner, Owners)
    end),
    true = exit(Sup, kill),
    gwport_test:until(fun() -> process_info(Keeper, current_function) =:= undefined
        orelse process_info(Keeper, current_function) =:= {current_function, {gwport_pool_keeper, await_down, 2}} end),
    true = exit(Watch, kill),
    receive {Client, Answer} -> ?assertMatch(#{status := 502, complete := true}, Answer) after 25000 -> error(not_told) end,
    gwport_attack:stands(Pool),
    gwport_test:stop(Server).

an_owner_is_killed_with_its_watch(_) ->
    %% Nobody of the port is left to tell: the keeper does. Likewise where the supervisor of the ports is killed too.
    [begin
        Server = #{pool := Pool} = gwport_test:start(#{mount => #{replay => false}}),
        Self = self(),
        Clients = [spawn_link(fun() -> Self ! {self(), gwport_test:get(Server, Path)} end)
            || Path <- ["/faults/sleep?s=60", "/faults/write?bytes=2000&chunk=1000&delay_ms=60000"]],
        gwport_test:until(fun() -> [2] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end),
        At = erlang:monotonic_time(millisecond),
        gwport_attack:kill(Parts, Pool),
        [receive {Client, Answer} -> ?assertMatch(#{status := Status, complete := Complete}
            when {Status, Complete} =:= {502, true}; {Status, Complete} =:= {200, false}, Answer) end || Client <- Clients],
        ?assert(erlang:monotonic_time(millisecond) - At < 3000),
        gwport_attack:stands(Pool),
        gwport_test:stop(Server)
    end || Parts <- [[owner, watch], [watch, owner, writer], [owner, watch, ports_sup]]].
