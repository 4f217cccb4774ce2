%% The tree of processes under a siege: every pair of its processes killed at the same moment under load, every process
%% again and again, a disk that is full or shut, and little memory. See gwport_tree_SUITE for what takes less time.
-module(gwport_siege_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([every_pair_is_killed_under_load, killed_again_and_again, the_beam_is_killed_under_load,
        nothing_is_left,
        no_place_for_sockets, no_room_for_sockets, little_memory], []).

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    ok = logger:set_handler_config(default, level, none),
    {ok, _} = application:ensure_all_started(gwport),
    Server = gwport_test:start(#{}),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    gwport_test:stop(Server),
    [{flowport, gwport_probe:build("flowport")}, {counts, gwport_probe:counts()} | Config].

end_per_group(_, _) ->
    ok = logger:set_handler_config(default, level, all).

parts() ->
    gwport_attack:parts() -- [gwport_sup].

pairs() ->
    [[A, B] || A <- parts(), B <- parts(), A < B].

%% A pool under load, and one beside it that sees nothing of it. Fun is called with the pool's name.
besieged(Fun) ->
    Other = gwport_test:start(#{}),
    OsPid = gwport_test:os_pid(Other),
    Server = #{pool := Pool} = gwport_test:start(#{}),
    Load = gwport_attack:load(Server, 6),
    OthersLoad = gwport_attack:load(Other, 1),
    Fun(Pool),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    {Seen, Longest} = gwport_attack:stop_load(Load),
    {Others, _} = gwport_attack:stop_load(OthersLoad),
    ct:pal("clients of the pool saw ~p and waited ~b ms at most; those of the other one saw ~p", [Seen, Longest, Others]),
    ?assertEqual([], maps:keys(Seen) -- [200, 502, 503, cut]),
    ?assert(Longest < 10000),
    ?assertEqual([200], maps:keys(Others)),
    ?assertEqual(OsPid, gwport_test:os_pid(Other)),
    ?assertEqual([], gwport_attack:rows(gwport_test:pool(Other))),
    gwport_test:until(fun() -> gwport_attack:rows(Pool) =:= [] end),
    gwport_test:stop(Server),
    gwport_test:stop(Other).

every_pair_is_killed_under_load(_) ->
    %% Also those that look after one another.
    besieged(fun(Pool) ->
        [begin
            gwport_attack:kill(Pair, Pool),
            gwport_attack:stands(Pool)
        end || Pair <- pairs()]
    end).

killed_again_and_again(_) ->
    %% As soon as there is another to be killed, five times each.
    besieged(fun(Pool) ->
        [begin
            [gwport_test:until(fun() -> try gwport_attack:kill(Part, Pool) of _ -> true catch C:R -> {Part, C, R} end end)
                || _ <- lists:seq(1, 5)],
            gwport_attack:stands(Pool),
            %% A new keeper has no delay to keep to.
            gwport_attack:kill(keeper, Pool),
            gwport_attack:stands(Pool)
        end || Part <- parts()]
    end).

the_beam_is_killed_under_load(Config) ->
    %% kill -9, 25 times with each mount: no process is left of those below it, be it a program whose handlers sleep and spin,
    %% what that has started and leaves behind, or the shell that looks after programs.
    Times = [killed_beam(Config) || _ <- lists:seq(1, 25)],
    ct:pal("ms from the BEAM's end to that of the last process: ~w", [Times]).

killed_beam(Config) ->
    #{io := Io, beam := Beam, servers := [Server = #{os_pid := OsPid}]} = gwport_probe:second_beam(1, Config),
    Load = gwport_attack:load(Server, 6),
    Sockets = [handled(Server, Path) || Path <- ["sleep?s=3600&ignore=1", "spin?s=3600", "events?ms=10"]],
    #{status := 200, body := Child} = gwport_test:get(Server, "/faults/children"),
    Below = [Pid || {Pid, _} <- gwport_probe:descendants(Beam)],
    ?assertEqual([], [OsPid, binary_to_integer(string:trim(Child))] -- Below),
    At = erlang:monotonic_time(millisecond),
    gwport_probe:os_kill("KILL", Beam),
    gwport_test:until(fun() -> case [Pid || Pid <- Below, not gwport_probe:gone(Pid)] of [] -> true; Left -> Left end end),
    Took = erlang:monotonic_time(millisecond) - At,
    receive {Io, {exit_status, _}} -> ok after 25000 -> error(second_beam) end,
    {Seen, _} = gwport_attack:stop_load(Load),
    ?assert(maps:get(200, Seen) > 0),
    ?assertEqual([], maps:keys(Seen) -- [200, cut]),
    lists:foreach(fun gwport_test:close/1, Sockets),
    Took.

%% A request that its handler has.
handled(Server, Path) ->
    Tag = integer_to_list(erlang:unique_integer([positive])),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, ["GET /faults/", Path, "&tag=", Tag, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, Tag)) =/= <<>> end),
    Socket.

nothing_is_left(Config) ->
    %% No process, port, table, program, folder or key more than before.
    ?assertEqual([], gwport_attack:leaks(proplists:get_value(counts, Config))).

no_place_for_sockets(Config) ->
    %% A folder that is not there, is a file, or may not be written to.
    Priv = proplists:get_value(priv_dir, Config),
    File = filename:join(Priv, "file"),
    ok = file:write_file(File, <<>>),
    [serves_without_socket(Dir) || Dir <- [filename:join(Priv, "nowhere"), File, "/proc", "/sys"]].

no_room_for_sockets(Config) ->
    %% A file system that is full: without room for a folder, or for the socket in it.
    Dir = filename:join(proplists:get_value(priv_dir, Config), "full-" ++ atom_to_list(gwport_test:mount())),
    ok = file:make_dir(Dir),
    full(Dir, [1, 2]).

full(_, []) ->
    ok;
full(Dir, [Inodes | Rest]) ->
    case run("mount", ["-t", "tmpfs", "-o", "size=64k,nr_inodes=" ++ integer_to_list(Inodes), "tmpfs", Dir]) of
        {0, _} ->
            try
                ?assertEqual({error, enospc}, fill(Dir, Inodes)),
                serves_without_socket(Dir)
            after
                {0, _} = run("umount", [Dir])
            end,
            full(Dir, Rest);
        {_, Said} ->
            {skip, "no small file system could be mounted, which takes root on Linux: " ++ Said}
    end.

%% The root of the file system is one of the inodes. What is made here is gone again afterwards.
fill(Dir, Inodes) ->
    Made = [filename:join(Dir, integer_to_list(N)) || N <- lists:seq(2, Inodes)],
    [ok = file:make_dir(Folder) || Folder <- Made],
    Full = file:make_dir(filename:join(Dir, "one")),
    [ok = file:del_dir(Folder) || Folder <- Made],
    Full.

run(Name, Args) ->
    case os:find_executable(Name) of
        false -> {127, "there is no " ++ Name};
        Path -> output(open_port({spawn_executable, Path}, [{args, Args}, exit_status, stderr_to_stdout]), [])
    end.

output(Port, Said) ->
    receive
        {Port, {data, Data}} -> output(Port, Said ++ Data);
        {Port, {exit_status, Status}} -> {Status, Said}
    end.

%% Programs come up all the same, serve, and leave nothing there when they are killed.
serves_without_socket(Dir) ->
    Peer = gwport_attack:peer("", [{"TMPDIR", Dir}]),
    Server = #{pool := Pool} = gwport_attack:peer_pool(Peer, #{}),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/faults/stderr?bytes=1000")),
    gwport_attack:call(Peer, gwport_attack, kill, [owner, Pool]),
    ok = gwport_attack:call(Peer, gwport_attack, stands, [Pool]),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    ?assertEqual([], filelib:wildcard(filename:join(Dir, "gwport-*"))),
    gwport_attack:stop_peer(Peer).

little_memory(_) ->
    %% A BEAM that may have little memory more than it needs serves; uploads and downloads of many times as much pass
    %% through it, and nobody is ended for want of it.
    Peer = gwport_attack:peer("-v 3000000", []),
    Server = #{pool := Pool} = gwport_attack:peer_pool(Peer, #{}),
    OsPid = gwport_attack:call(Peer, gwport_test, os_pid, [Server]),
    Load = gwport_attack:load(Server, 4),
    Self = self(),
    Body = binary:copy(<<"x">>, 20000000),
    Clients = [spawn_link(fun() -> Self ! {self(), [gwport_test:request(Server, Request) || Request <- [
        #{method => <<"POST">>, path => "/echo", body => Body}, #{path => "/faults/write?bytes=20000000"}]]} end)
        || _ <- lists:seq(1, 8)],
    [receive {Client, Answers} -> [?assertMatch(#{status := 200, complete := true}, Answer) || Answer <- Answers] end
        || Client <- Clients],
    {Seen, _} = gwport_attack:stop_load(Load),
    ?assertEqual([200], maps:keys(Seen)),
    ?assertEqual(OsPid, gwport_attack:call(Peer, gwport_test, os_pid, [Server])),
    ?assertEqual([], gwport_attack:call(Peer, gwport_attack, rows, [Pool])),
    gwport_attack:stop_peer(Peer).
