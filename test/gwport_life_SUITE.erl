%% Whoever dies, nothing is left of what depended on it, and what can go on goes on.
-module(gwport_life_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, beam_is_killed, nothing_leaks], [{parallel, [parallel], [
        owner_is_killed, owner_fails, writer_is_killed, keeper_is_killed, log_reader_is_killed,
        grandchild_goes_with_its_program, stopped_pool_leaves_nothing, stop_waits_for_requests_under_way,
        stop_does_not_wait_longer_than_the_drain_timeout, last_stream_number_replaces_the_port, sigterm_drains,
        the_life_of_a_program_is_logged, requests_and_programs_are_counted
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Config1 = [{flowport, gwport_probe:build("flowport")} | Config],
    ok = logger:set_handler_config(default, level, none),
    Server = gwport_probe:flow(#{}, Config1),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    gwport_probe:stop(Server),
    [{counts, gwport_probe:counts()} | Config1].

end_per_group(parallel, _) ->
    ok;
end_per_group(_, _) ->
    ok = logger:set_handler_config(default, level, all).

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

beam_is_killed(Config) ->
    %% kill -9 of the BEAM: its programs are gone within a second, although one handler sleeps for an hour, another
    %% spins for one, and a second program is stopped and can do nothing at all.
    gwport_test:undisturbed(fun() -> its_beam_is_killed(Config) end).

its_beam_is_killed(Config) ->
    #{io := Io, beam := Beam, servers := [Busy, Stopped]} = gwport_probe:second_beam(2, Config),
    #{os_pid := BusyPid} = Busy,
    #{os_pid := StoppedPid} = Stopped,
    Sockets = [begin
        Socket = gwport_test:connect(Busy),
        ok = gwport_test:send(Socket, ["GET /faults/", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
        Socket
    end || Path <- ["sleep?s=3600&ignore=1&tag=sleeps", "spin?s=3600&tag=spins"]],
    [gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Busy, Tag)) =/= <<>> end)
        || Tag <- ["sleeps", "spins"]],
    gwport_probe:os_kill("STOP", StoppedPid),
    [?assertNot(gwport_probe:gone(Pid)) || Pid <- [Beam, BusyPid, StoppedPid]],
    At = erlang:monotonic_time(millisecond),
    gwport_probe:os_kill("KILL", Beam),
    Times = [begin
        gwport_test:until(fun() -> gwport_probe:gone(Pid) end),
        erlang:monotonic_time(millisecond) - At
    end || Pid <- [BusyPid, StoppedPid]],
    ct:pal("ms from the BEAM's end to that of its busy program and of its stopped program: ~p", [Times]),
    [?assert(Ms < 1000) || Ms <- Times],
    receive {Io, {exit_status, _}} -> ok after 25000 -> error(second_beam) end,
    [gwport_test:close(Socket) || Socket <- Sockets].

owner(Server) ->
    [#{owner := Owner, os_pid := OsPid}] = gwport_probe:await_ports(Server, 1),
    {Owner, OsPid}.

%% Another program serves, and the first is gone.
replaced(Server, OsPid) ->
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    {_, After} = owner(Server),
    ?assertNotEqual(OsPid, After).

%% A client that waits for an answer.
waits(Server, Path) ->
    Self = self(),
    Pid = spawn(fun() -> Self ! {self(), gwport_test:get(Server, Path)} end),
    gwport_test:until(fun() -> lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]) > 0 end),
    fun() -> receive {Pid, Answer} -> Answer after 25000 -> error(nobody_answered) end end.

owner_is_killed(Config) ->
    %% Its clients get 502, its program is ended, and there is another port.
    Server = gwport_probe:flow(#{}, Config),
    {Owner, OsPid} = owner(Server),
    Answer = waits(Server, "/faults/sleep?s=60&ignore=1"),
    exit(Owner, kill),
    ?assertMatch(#{status := 502}, Answer()),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

owner_fails(Config) ->
    %% A fault of its own is no stop: what is logged and counted is a failure. Here it cannot reach its log.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    {Owner, OsPid} = owner(Server),
    _ = sys:replace_state(Owner, fun(State) -> setelement(5, State, none) end),
    _ = gwport_test:get(Server, "/faults/slog?level=warn&text=lost"),
    replaced(Server, OsPid),
    gwport_test:until(fun() -> #{up => 2, drained => 0, failed => 1} =:= programs(Pool) end),
    gwport_probe:stop(Server).

writer_is_killed(Config) ->
    %% The owner does not go on without it.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    {_, OsPid} = owner(Server),
    Answer = waits(Server, "/faults/sleep?s=60&ignore=1"),
    exit(gwport_attack:find(writer, Pool), kill),
    ?assertMatch(#{status := 502}, Answer()),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

keeper_is_killed(Config) ->
    %% The pool starts afresh; requests meanwhile get an answer.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    {_, OsPid} = owner(Server),
    exit(gwport_pool:keeper(Pool), kill),
    #{status := Status} = gwport_test:get(Server, "/hello"),
    ?assert(lists:member(Status, [200, 502, 503])),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    gwport_probe:stop(Server).

log_reader_is_killed(Config) ->
    %% The program's standard error has no reader any more; it finishes what it has and is replaced.
    Server = gwport_probe:flow(#{}, Config),
    {_, OsPid} = owner(Server),
    #{parent := Parent} = Server,
    {links, Sups} = erlang:process_info(Parent, links),
    [Reader] = [Pid || Sup <- Sups, is_pid(Sup), {logs, Logs, _, _} <- supervisor:which_children(Sup),
        {_, Pid, _, _} <- supervisor:which_children(Logs)],
    %% It has taken its socket's name away, which a killed process could not do any more.
    gwport_test:until(fun() -> element(3, sys:get_state(Reader)) =:= none end),
    Answer = waits(Server, "/faults/sleep?s=1"),
    exit(Reader, kill),
    ?assertMatch(#{status := 200, body := <<"slept\n">>}, Answer()),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

grandchild_goes_with_its_program(Config) ->
    %% What the program has started in its process group goes when the program is killed, and when it drains.
    Server = gwport_probe:flow(#{}, Config),
    {_, OsPid} = owner(Server),
    Killed = grandchild(Server),
    gwport_probe:os_kill("KILL", OsPid),
    gwport_test:until(fun() -> gwport_probe:gone(Killed) end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    Drained = grandchild(Server),
    ?assertNot(gwport_probe:gone(Drained)),
    gwport_probe:stop(Server),
    gwport_test:until(fun() -> gwport_probe:gone(Drained) end).

grandchild(Server) ->
    #{status := 200, body := Body} = gwport_test:get(Server, "/faults/children"),
    binary_to_integer(string:trim(Body)).

stopped_pool_leaves_nothing(Config) ->
    %% Three ports, their programs, their tables.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => 3}}, Config),
    OsPids = [OsPid || #{os_pid := OsPid} <- gwport_probe:await_ports(Server, 3)],
    ?assertEqual(3, length(lists:usort(OsPids))),
    gwport_probe:stop(Server),
    [?assert(gwport_probe:gone(OsPid)) || OsPid <- OsPids],
    ?assertEqual({error, no_pool}, gwport:info(Pool)),
    ?assertEqual({error, no_pool}, gwport:request(Pool, #{})).

stop_waits_for_requests_under_way(Config) ->
    %% A request that ends within the drain timeout is answered.
    #{pool := Pool} = Server = gwport_probe:flow(#{}, Config),
    Self = self(),
    Caller = spawn(fun() -> Self ! {self(), gwport:request(Pool, #{path => <<"/faults/sleep">>, query => <<"s=1">>,
        path_info => 1}, #{app => "faults"})} end),
    gwport_test:until(fun() -> lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]) =:= 1 end),
    gwport_probe:stop(Server),
    receive {Caller, Answer} -> ?assertMatch({ok, {200, _, <<"slept\n">>}}, Answer)
    after 25000 -> error(nobody_answered)
    end.

stop_does_not_wait_longer_than_the_drain_timeout(Config) ->
    %% One that does not is told that the port has died.
    #{pool := Pool} = Server = gwport_probe:flow(#{pool => #{drain_timeout => 500}}, Config),
    Self = self(),
    Caller = spawn(fun() -> Self ! {self(), gwport:request(Pool, #{path => <<"/faults/sleep">>, path_info => 1,
        query => <<"s=3600&ignore=1">>}, #{app => "faults"})} end),
    gwport_test:until(fun() -> lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]) =:= 1 end),
    {Time, ok} = timer:tc(gwport_probe, stop, [Server]),
    ?assert(Time >= 500000),
    %% The request would have taken an hour.
    ?assert(Time < 25000000),
    receive {Caller, Answer} -> ?assertMatch({error, port_died}, Answer) after 25000 -> error(nobody_answered) end.

last_stream_number_replaces_the_port(Config) ->
    %% Numbers are not used twice: the port that has given out its last one drains and is replaced, unnoticed.
    Server = gwport_probe:flow(#{pool => #{last_stream => 264}}, Config),
    {_, OsPid} = owner(Server),
    [?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")) || _ <- lists:seq(1, 5)],
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    gwport_probe:stop(Server).

sigterm_drains(Config) ->
    %% SIGTERM to the program [P6]: what is under way is finished, the next request has another port.
    Server = gwport_probe:flow(#{}, Config),
    {_, OsPid} = owner(Server),
    Answer = waits(Server, "/faults/sleep?s=1&tag=term"),
    %% A request that is written may not have been read: a signal can be sooner, and then it is not taken.
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, "term")) =/= <<>> end),
    gwport_probe:os_kill("TERM", OsPid),
    ?assertMatch(#{status := 200, body := <<"slept\n">>}, Answer()),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

the_life_of_a_program_is_logged(Config) ->
    %% That it is up, drains and is gone: three events that name the pool and the program's process.
    Log = gwport_test:capture_log(),
    try
        Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
        {_, OsPid} = owner(Server),
        #{status := 200} = gwport_test:get(Server, "/hello"),
        gwport_probe:os_kill("TERM", OsPid),
        [?assertMatch({notice, _, #{pool := Pool}}, said_of(OsPid, Part)) || Part <- ["is up, ready after",
            "drains, of its own accord: 0 requests under way, 1 answered",
            "is gone: it has drained, exit status 0; 1 requests answered"]],
        replaced(Server, OsPid),
        gwport_probe:stop(Server)
    after
        gwport_test:release_log(Log)
    end.

said_of(OsPid, Part) ->
    case gwport_test:expect_log(Part) of
        Event = {_, _, #{os_pid := OsPid}} -> Event;
        _ -> said_of(OsPid, Part)
    end.

requests_and_programs_are_counted(Config) ->
    %% Responses by their class, requests that failed by their reason, and programs; a pool that has stopped has no
    %% figures, and one that is started again begins anew.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    ?assert(lists:member(Pool, gwport:pools())),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    #{status := 404} = gwport_test:get(Server, "/faults/nothing-of-that-name"),
    %% The program answers for an app that fails before its head.
    #{status := 500} = gwport_test:get(Server, "/faults/panic"),
    #{complete := false} = gwport_test:get(Server, "/faults/panic-late"),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "GET /faults/sleep?s=60&tag=counted HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, "counted")) =/= <<>> end),
    gwport_test:close(Socket),
    %% Cowboy kills the process of gwport_handler when its client leaves, and nobody is left to count.
    gwport_test:until(fun() -> lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]) =:= 0 end),
    ?assertEqual(gwport_test:mount() =:= stream, is_map_key(client_gone, failures(Pool))),
    {_, OsPid} = owner(Server),
    gwport_probe:os_kill("KILL", OsPid),
    replaced(Server, OsPid),
    %% The owner counts a program when it has told its clients.
    gwport_test:until(fun() -> maps:get(failed, programs(Pool)) =:= 1 end),
    {ok, Counts} = gwport:counts(Pool),
    ?assertMatch(#{failures := #{app_failed := 1}, programs := #{up := 2, drained := 0, failed := 1}},
        Counts),
    #{responses := #{2 := Good, 3 := 0, 4 := 1, 5 := Bad}} = Counts,
    %% Asking for what has become of the handler is a request too, and so is one that is sent while the port dies.
    ?assert(Good >= 3),
    ?assert(Bad >= 1),
    gwport_probe:stop(Server),
    ?assertEqual({error, no_pool}, gwport:counts(Pool)),
    ?assertNot(lists:member(Pool, gwport:pools())).

programs(Pool) ->
    {ok, #{programs := Programs}} = gwport:counts(Pool),
    Programs.

failures(Pool) ->
    {ok, #{failures := Failures}} = gwport:counts(Pool),
    Failures.
