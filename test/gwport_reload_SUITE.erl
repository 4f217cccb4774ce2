%% New programs in the place of old ones, while requests go on: none of them fails, those under way are finished where they
%% are, and where the new ones do not come up nothing has changed.
-module(gwport_reload_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("kernel/include/file.hrl").

suite() ->
    [{timetrap, {seconds, 90}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, twenty_reloads_of_one_port, twenty_reloads_of_two_ports, nothing_leaks],
        [{parallel, [parallel], [
        what_is_under_way_is_finished, a_stream_is_broken_off_at_the_drain_timeout, programs_that_fail_leave_the_old_ones,
        one_of_two_that_fails_leaves_the_old_ones, a_wrong_option_changes_nothing, one_reload_at_a_time,
        what_was_changed_stays, a_broken_pool_is_mended, a_pool_that_is_reloaded_stops,
        a_new_file_is_moved_into_place, it_is_logged,
        a_request_that_is_refused_goes_elsewhere, a_port_that_is_gone_is_passed_over,
        a_pool_grows_and_shrinks, a_size_stays, a_wrong_size_changes_nothing, resized_under_load,
        a_pool_drains, a_drain_ends_a_reload, a_drain_is_bounded, the_application_drains_its_pools_together
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_probe:watched(Mount, ["badport", "flowport"], fun(Built) ->
        Server = gwport_probe:flow(#{}, Built),
        #{status := 200} = gwport_test:get(Server, "/hello"),
        {ok, _} = gwport:reload(gwport_test:pool(Server)),
        gwport_probe:stop(Server)
    end, Config).

end_per_group(Group, Config) ->
    gwport_probe:unwatched(Group, Config).

init_per_testcase(_, Config) ->
    gwport_probe:hearing(Config).

end_per_testcase(_, _) ->
    ok.

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

%% The variable that tells a program's generation.
generation(N) ->
    #{"GWPORT_FAULTS" => "1", "GENERATION" => integer_to_list(N)}.

of_generation(N, Server) ->
    ?assertMatch({N, #{status := 200}}, {N, gwport_test:get(Server, "/faults/env?name=GENERATION")}),
    #{body := Body} = gwport_test:get(Server, "/faults/env?name=GENERATION"),
    ?assertEqual(integer_to_binary(N), Body).

os_pids(Server) ->
    lists:sort([OsPid || #{os_pid := OsPid} <- gwport_test:ports(Server)]).

what_is_under_way_is_finished(Config) ->
    %% A GET, a POST with a body, an upload of which half is sent, and a stream of events: all go on while new programs
    %% serve, and the old ones end with the last of them.
    [is_finished(Ports, Config) || Ports <- [1, 2]].

is_finished(Ports, Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => Ports}, env => generation(1)}, Config),
    Old = [OsPid || #{os_pid := OsPid} <- gwport_probe:await_ports(Server, Ports)],
    Get = client(Server, #{path => "/faults/sleep?s=1"}),
    Post = client(Server, #{method => <<"POST">>, path => "/faults/never-read?s=1", body => "a body"}),
    Upload = half_of_an_upload(Server),
    Events = events(Server, "/faults/events?ms=20"),
    in_flight(4, Server),
    {ok, #{started := Started, replaced := Replaced}} = gwport:reload(Pool, #{env => generation(2)}),
    ?assertEqual(Ports, length([New || New = #{state := serving} <- Started])),
    ?assertEqual(lists:sort(Old), lists:sort([OsPid || #{os_pid := OsPid} <- Replaced])),
    [of_generation(2, Server) || _ <- lists:seq(1, 4)],
    ?assertMatch(#{status := 200, body := <<"slept\n">>, complete := true}, Get()),
    ?assertMatch(#{status := 200, body := <<"did not read\n">>, complete := true}, Post()),
    gwport_test:send(Upload, binary:copy(<<"u">>, 100000)),
    #{status := 200, body := Digest} = gwport_test:recv(Upload),
    ?assertNotEqual(nomatch, string:find(Digest, "\"bytes\":200000")),
    [_ | _] = more_events(Events),
    ?assertEqual(1, length([P || P = #{state := draining, in_flight := 1} <- gwport_test:ports(Server)])),
    gwport_test:close(Events),
    gwport_test:close(Upload),
    [gwport_test:until(fun() -> gwport_probe:gone(OsPid) end) || OsPid <- Old],
    gwport_probe:stop(Server).

client(Server, Request) ->
    Self = self(),
    Pid = spawn_link(fun() -> Self ! {self(), gwport_test:request(Server, Request)} end),
    fun() -> receive {Pid, Answer} -> Answer after 20000 -> error(nobody_answered) end end.

in_flight(Count, Server) ->
    gwport_test:until(fun() -> Count =:= lists:sum([N || #{in_flight := N} <- gwport_test:ports(Server)]) end).

half_of_an_upload(Server) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, ["PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n",
        binary:copy(<<"u">>, 100000)]),
    Socket.

events(Server, Path) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    #{status := 200} = gwport_test:recv_head(Socket),
    Socket.

%% At least one that was sent from now on.
more_events(Socket) ->
    ok = inet:setopts(Socket, [{packet, raw}]),
    {ok, _} = gen_tcp:recv(Socket, 0, 5000),
    {ok, More} = gen_tcp:recv(Socket, 10, 5000),
    binary_to_list(More).

a_stream_is_broken_off_at_the_drain_timeout(Config) ->
    %% It would go on for ever. Its client sees that it is not whole.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{drain_timeout => 300}}, Config),
    [OsPid] = os_pids(Server),
    Events = events(Server, "/faults/events?ms=20"),
    {ok, _} = gwport:reload(Pool),
    {_, false} = gwport_test:recv_chunks(Events, []),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_probe:stop(Server).

programs_that_fail_leave_the_old_ones(Config) ->
    %% It ends before it is ready, never is, or is none: the sentence says which, and what ran goes on. Where a program ends
    %% before it has read hello, OTP may tell that alone, and not its status: then it is tried again.
    Server = #{pool := Pool} = gwport_probe:flow(#{env => generation(1)}, Config),
    Before = os_pids(Server),
    Bad = proplists:get_value(badport, Config),
    None = filename:join(proplists:get_value(priv_dir, Config),
        "no_program_" ++ integer_to_list(erlang:unique_integer([positive]))),
    ok = file:write_file(None, "this is a text"),
    ok = file:change_mode(None, 8#755),
    [begin
        gwport_test:until(fun() ->
            {error, {not_ready, Why}} = gwport:reload(Pool, Changed),
            string:find(Why, Part) =/= nomatch orelse Why
        end),
        of_generation(1, Server),
        gwport_test:until(fun() -> os_pids(Server) =:= Before end)
    end || {Changed, Part} <- [
        {#{command => Bad, args => ["exit/3"]}, "it ended before it was ready, exit status 3"},
        {#{command => Bad, args => ["mute"], greeting_timeout => 200}, "no ready within 200 ms"},
        {#{command => None}, "exec format error"},
        {#{command => "/bin/sh", args => ["-c", "kill -9 $$"]}, "killed by signal 9"}]],
    gwport_probe:stop(Server).

one_of_two_that_fails_leaves_the_old_ones(Config) ->
    %% The other one, which has greeted, is no more than a try, and goes with it.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => 2}, env => generation(1)}, Config),
    _ = gwport_probe:await_ports(Server, 2),
    Before = os_pids(Server),
    Starts = filename:join(proplists:get_value(priv_dir, Config),
        "reloads_" ++ integer_to_list(erlang:unique_integer([positive]))),
    ?assertMatch({error, {not_ready, _}}, gwport:reload(Pool, #{command => proplists:get_value(badport, Config),
        args => ["exit/3", Starts, "once"]})),
    of_generation(1, Server),
    gwport_test:until(fun() -> os_pids(Server) =:= Before end),
    gwport_probe:stop(Server).

a_wrong_option_changes_nothing(Config) ->
    %% It is named as at the start, and no program is started.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    Before = os_pids(Server),
    [?assertEqual({error, Error}, gwport:reload(Pool, Changed)) || {Error, Changed} <- [
        {{bad_option, {name, another, "a pool keeps its name"}}, #{name => another}},
        {{bad_option, {ports, 0, "expected an integer from 1 to 1024"}}, [{ports, 0}]},
        {{bad_option, {command, "/no/such/program", "no such file"}}, #{command => "/no/such/program"}},
        {{bad_option, {no_such_option, 1, "no such option"}}, #{no_such_option => 1}},
        {{bad_option, {options, hidden, "expected a map, a keyword list or a property list"}}, "no options"}]],
    ?assertEqual({error, no_pool}, gwport:reload(no_such_pool)),
    ?assertEqual(Before, os_pids(Server)),
    gwport_probe:stop(Server).

one_reload_at_a_time(Config) ->
    %% The second one is told so, and the first is not disturbed.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    Self = self(),
    Mute = #{command => proplists:get_value(badport, Config), args => ["mute"], greeting_timeout => 2000},
    First = spawn_link(fun() -> Self ! {self(), gwport:reload(Pool, Mute)} end),
    gwport_test:until(fun() -> length(os_pids(Server)) =:= 2 end),
    ?assertEqual({error, reloading}, gwport:reload(Pool)),
    receive {First, Result} -> ?assertMatch({error, {not_ready, _}}, Result) end,
    gwport_test:until(fun() -> length(os_pids(Server)) =:= 1 end),
    ?assertMatch({ok, _}, gwport:reload(Pool)),
    gwport_probe:stop(Server).

what_was_changed_stays(Config) ->
    %% For programs that are started in the place of one that has ended, for a keeper that is started again, and for the
    %% next reload.
    Server = #{pool := Pool} = gwport_probe:flow(#{env => generation(1)}, Config),
    {ok, _} = gwport:reload(Pool, [{env, generation(2)}, {ports, 2}]),
    of_generation(2, Server),
    [#{os_pid := OsPid}, _] = gwport_probe:await_ports(Server, 2),
    gwport_probe:os_kill("KILL", OsPid),
    gwport_test:until(fun() -> not lists:member(OsPid, os_pids(Server)) end),
    _ = gwport_probe:await_ports(Server, 2),
    of_generation(2, Server),
    Keeper = gwport_pool:keeper(Pool),
    exit(Keeper, kill),
    gwport_test:until(fun() -> gwport_pool:keeper(Pool) =/= Keeper end),
    _ = gwport_probe:await_ports(Server, 2),
    of_generation(2, Server),
    {ok, #{started := Started}} = gwport:reload(Pool),
    ?assertEqual(2, length(Started)),
    of_generation(2, Server),
    gwport_probe:stop(Server).

a_broken_pool_is_mended(Config) ->
    %% Its program has failed so often that the circuit is open: a reload does not wait for the next try.
    Server = #{pool := Pool} = gwport_probe:serve(#{command => proplists:get_value(badport, Config), args => ["exit/1"],
        circuit_failures => 1, circuit_time => 3600000}, #{}),
    gwport_test:until(fun() -> case gwport_test:ports(Server) of [#{circuit := open}] -> true; Other -> Other end end),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/abort/6")),
    ?assertMatch({ok, #{started := [_], replaced := []}}, gwport:reload(Pool, #{args => ["good"]})),
    ?assertMatch(#{status := 404}, gwport_test:get(Server, "/no_such_answer")),
    ?assertMatch([#{state := serving}], gwport_test:ports(Server)),
    gwport_probe:stop(Server).

a_pool_that_is_reloaded_stops(Config) ->
    %% Whoever waits for the reload is told that there is no pool, and no program is left.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    Self = self(),
    Reload = spawn_link(fun() -> Self ! {self(), gwport:reload(Pool, #{command => "/bin/sleep", args => ["3600"]})} end),
    gwport_test:until(fun() -> length(os_pids(Server)) =:= 2 end),
    OsPids = os_pids(Server),
    gwport_probe:stop(Server),
    receive {Reload, Result} -> ?assertEqual({error, no_pool}, Result) end,
    [gwport_test:until(fun() -> gwport_probe:gone(OsPid) end) || OsPid <- OsPids].

a_new_file_is_moved_into_place(Config) ->
    %% As README has it. The file of a program that runs cannot be written to; another one that is renamed to its name can be
    %% there, and what runs keeps the one that it was started from.
    Dir = filename:join(proplists:get_value(priv_dir, Config), "file_" ++ integer_to_list(erlang:unique_integer([positive]))),
    ok = file:make_dir(Dir),
    [File, New] = [filename:join(Dir, Name) || Name <- ["shop", "shop.new"]],
    copy(proplists:get_value(badport, Config), File),
    Server = #{pool := Pool} = gwport_probe:serve(#{command => File, args => ["good"]}, #{app => <<>>}),
    ?assertMatch(#{status := 200, body := <<"ok\n">>}, gwport_test:get(Server, "/ok")),
    ?assertEqual({error, etxtbsy}, file:copy(proplists:get_value(flowport, Config), File)),
    copy(proplists:get_value(badport, Config), New),
    ok = file:rename(New, File),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/ok")),
    [#{os_pid := Old}] = gwport_test:ports(Server),
    {ok, #{started := [#{os_pid := OsPid}]}} = gwport:reload(Pool),
    ?assertMatch(#{status := 200, body := <<"ok\n">>}, gwport_test:get(Server, "/ok")),
    {ok, #file_info{inode = Inode}} = file:read_file_info(File),
    {ok, #file_info{inode = Runs}} = file:read_file_info(["/proc/", integer_to_list(OsPid), "/exe"]),
    ?assertEqual(Inode, Runs),
    gwport_test:until(fun() -> gwport_probe:gone(Old) end),
    gwport_probe:stop(Server).

copy(From, To) ->
    {ok, _} = file:copy(From, To),
    ok = file:change_mode(To, 8#755).

it_is_logged(Config) ->
    %% That the pool is reloaded, with which file, that a program is replaced, and why one is not.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    [OsPid] = os_pids(Server),
    {ok, _} = gwport:reload(Pool),
    {notice, Line, _} = gwport_probe:expect(Server, "is reloaded with "),
    ?assertNotEqual(nomatch, string:find(Line, proplists:get_value(flowport, Config) ++ ": 1 started, 1 replaced")),
    {notice, _, #{os_pid := OsPid}} =
        gwport_probe:expect(Server, "is replaced, and drains: 0 requests under way, 0 answered"),
    {notice, _, #{os_pid := OsPid}} = gwport_probe:expect(Server, "is gone: it has drained, exit status 0"),
    {error, _} = gwport:reload(Pool, #{command => "/bin/false"}),
    {error, _, _} = gwport_probe:expect(Server, "is not reloaded, its programs stay: of a new one, it ended "),
    gwport_probe:stop(Server).

a_request_that_is_refused_goes_elsewhere(Config) ->
    %% It was on its way to a port that had begun to drain: a port of the reload has it, a body as well as none. The new
    %% program comes up when the request is on its way.
    Held = filename:join(proplists:get_value(priv_dir, Config), "held_" ++ atom_to_list(gwport_test:mount())),
    Script = "while [ -e \"$1\" ]; do sleep 0.02; done; exec \"$0\"",
    [begin
        Server = #{pool := Pool} = gwport_probe:flow(#{env => generation(1)}, Config),
        [#{owner := Owner}] = gwport_test:ports(Server),
        ok = file:write_file(Held, <<>>),
        Self = self(),
        Reload = spawn_link(fun() -> Self ! {self(), gwport:reload(Pool, #{env => generation(2), command => "/bin/sh",
            args => ["-c", Script, proplists:get_value(flowport, Config), Held]})} end),
        gwport_test:until(fun() -> length(gwport_test:ports(Server)) =:= 2 end),
        ok = sys:suspend(Owner),
        ok = gwport_port:drain(Owner),
        Answer = client(Server, Request),
        {ok, Handle} = gwport_pool:choose(Pool),
        gwport_test:until(fun() -> gwport_handle:under_way(Handle) =:= 1 end),
        ok = file:delete(Held),
        gwport_test:until(fun() -> case gwport_pool:choose(Pool) of {ok, Handle} -> false; {ok, _} -> true end end),
        ok = sys:resume(Owner),
        ?assertMatch(#{status := 200, body := Body}, Answer()),
        receive {Reload, Result} -> ?assertMatch({ok, _}, Result) end,
        gwport_probe:stop(Server)
    end || {Request, Body} <- [
        {#{path => "/faults/env?name=GENERATION"}, <<"2">>},
        {#{method => <<"POST">>, path => "/echo", body => "a body"}, <<"a body">>}]].

a_port_that_is_gone_is_passed_over(Config) ->
    %% It still stands in the pool's table, because the keeper has not heard of its end. Clients have the other one.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => 2}}, Config),
    [#{owner := Owner}, _] = gwport_probe:await_ports(Server, 2),
    Keeper = gwport_pool:keeper(Pool),
    ok = sys:suspend(Keeper),
    Monitor = erlang:monitor(process, Owner),
    exit(Owner, kill),
    receive {'DOWN', Monitor, process, Owner, _} -> ok end,
    [?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")) || _ <- lists:seq(1, 10)],
    ok = sys:resume(Keeper),
    _ = gwport_probe:await_ports(Server, 2),
    gwport_probe:stop(Server).

a_pool_grows_and_shrinks(Config) ->
    %% What runs goes on when it grows; when it shrinks, requests are finished by the ports that are too many.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    [First] = os_pids(Server),
    ok = gwport:resize(Pool, 3),
    ?assert(lists:member(First, [OsPid || #{os_pid := OsPid} <- gwport_probe:await_ports(Server, 3)])),
    Answers = [client(Server, #{path => "/faults/sleep?s=1"}) || _ <- lists:seq(1, 6)],
    gwport_test:until(fun() -> length([P || P = #{in_flight := N} <- gwport_test:ports(Server), N > 0]) =:= 3 end),
    in_flight(6, Server),
    ok = gwport:resize(Pool, 1),
    [?assertMatch(#{status := 200, body := <<"slept\n">>}, Answer()) || Answer <- Answers],
    gwport_test:until(fun() -> length(gwport_test:ports(Server)) =:= 1 end),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    gwport_probe:stop(Server).

a_size_stays(Config) ->
    %% For a keeper that is started again, and for a reload; and what is started again is no more than is wanted.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => 3}}, Config),
    _ = gwport_probe:await_ports(Server, 3),
    ok = gwport:resize(Pool, 2),
    Keeper = gwport_pool:keeper(Pool),
    exit(Keeper, kill),
    gwport_test:until(fun() -> gwport_pool:keeper(Pool) =/= Keeper end),
    [#{os_pid := OsPid}, _] = gwport_probe:await_ports(Server, 2),
    gwport_probe:os_kill("KILL", OsPid),
    gwport_test:until(fun() -> not lists:member(OsPid, os_pids(Server)) end),
    ?assertMatch([_, _], gwport_probe:await_ports(Server, 2)),
    {ok, #{started := Started}} = gwport:reload(Pool),
    ?assertEqual(2, length(Started)),
    gwport_test:until(fun() -> length(os_pids(Server)) =:= 2 end),
    gwport_probe:stop(Server).

a_wrong_size_changes_nothing(Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    [?assertEqual({error, {bad_option, {ports, Wrong, "expected an integer from 1 to 1024"}}}, gwport:resize(Pool, Wrong))
        || Wrong <- [0, 1025, two]],
    ?assertEqual({error, no_pool}, gwport:resize(no_such_pool, 2)),
    ?assertMatch([_], os_pids(Server)),
    gwport_probe:stop(Server).

resized_under_load(Config) ->
    %% No request fails, whether the pool grows or shrinks, and before the new ports are ready.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    Load = gwport_attack:load(Server, 4),
    [begin
        ok = gwport:resize(Pool, Count),
        gwport_test:until(fun() -> length(gwport_probe:serving(Server)) =:= Count end)
    end || Count <- [3, 1, 2, 1, 3, 2, 1]],
    {Seen, _} = gwport_attack:stop_load(Load),
    ?assertEqual([200], maps:keys(Seen)),
    gwport_probe:stop(Server).

a_pool_drains(Config) ->
    %% What is under way is finished, nothing new is taken, no program is left; until it is to have ports again.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => 2}}, Config),
    _ = gwport_probe:await_ports(Server, 2),
    OsPids = os_pids(Server),
    Upload = half_of_an_upload(Server),
    in_flight(1, Server),
    Self = self(),
    Drain = spawn_link(fun() -> Self ! {self(), gwport:drain(Pool)} end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 503 end),
    ?assertEqual({error, draining}, gwport:resize(Pool, 1)),
    ?assertEqual({error, draining}, gwport:reload(Pool)),
    receive {Drain, _} -> error(too_early) after 0 -> ok end,
    gwport_test:send(Upload, binary:copy(<<"u">>, 100000)),
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Upload)),
    gwport_test:close(Upload),
    receive {Drain, Result} -> ?assertEqual(ok, Result) end,
    [?assert(gwport_probe:gone(OsPid)) || OsPid <- OsPids],
    ?assertEqual([], gwport_test:ports(Server)),
    ?assertEqual(ok, gwport:drain(Pool)),
    ok = gwport:resize(Pool, 1),
    _ = gwport_probe:await_ports(Server, 1),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    ?assertEqual({error, no_pool}, gwport:drain(no_such_pool)),
    gwport_probe:stop(Server).

a_drain_ends_a_reload(Config) ->
    %% Programs that are being started have nothing to finish.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    Self = self(),
    Reload = spawn_link(fun() -> Self ! {self(), gwport:reload(Pool, #{command => "/bin/sleep", args => ["3600"]})} end),
    gwport_test:until(fun() -> length(os_pids(Server)) =:= 2 end),
    OsPids = os_pids(Server),
    ?assertEqual(ok, gwport:drain(Pool)),
    receive {Reload, Result} -> ?assertEqual({error, {not_ready, <<"the pool drains">>}}, Result) end,
    [gwport_test:until(fun() -> gwport_probe:gone(OsPid) end) || OsPid <- OsPids],
    gwport_probe:stop(Server).

a_drain_is_bounded(Config) ->
    %% A stream without an end is broken off at the drain timeout.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{drain_timeout => 300}}, Config),
    Events = events(Server, "/faults/events?ms=20"),
    ?assertEqual(ok, gwport:drain(Pool)),
    {_, false} = gwport_test:recv_chunks(Events, []),
    gwport_probe:stop(Server).

the_application_drains_its_pools_together(_) ->
    %% Two pools of it have a request each: both finish it, and neither waits for the other.
    Peer = gwport_attack:peer(""),
    Servers = [gwport_attack:peer_pool(Peer, #{}) || _ <- [1, 2]],
    Uploads = [half_of_an_upload(Server) || Server <- Servers],
    Pools = [Pool || #{pool := Pool} <- Servers],
    [gwport_test:until(fun() ->
        {ok, [#{in_flight := Count}]} = gwport_attack:call(Peer, gwport, info, [Pool]),
        Count =:= 1
    end) || Pool <- Pools],
    Self = self(),
    Stop = spawn_link(fun() -> Self ! {self(), gwport_attack:call(Peer, application, stop, [gwport])} end),
    gwport_test:until(fun() ->
        [{error, no_port}, {error, no_port}] =:= [gwport_attack:call(Peer, gwport_pool, choose, [Pool]) || Pool <- Pools]
    end),
    [begin
        gwport_test:send(Upload, binary:copy(<<"u">>, 100000)),
        ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Upload)),
        gwport_test:close(Upload)
    end || Upload <- Uploads],
    receive {Stop, Result} -> ?assertEqual(ok, Result) end,
    gwport_attack:stop_peer(Peer).

twenty_reloads_of_one_port(Config) ->
    %% GETs, POSTs with bodies, uploads in pieces, and streams of events, all the time: none fails.
    reloads_under_load(1, #{replay => false}, Config).

twenty_reloads_of_two_ports(Config) ->
    reloads_under_load(2, #{replay => false}, Config).

%% With replay: gwport_slow_SUITE.
reloads_under_load(Ports, Mount, Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => Ports}, mount => Mount}, Config),
    _ = gwport_probe:await_ports(Server, Ports),
    Load = gwport_attack:load(Server, 6),
    Slow = [again(Fun, Server) || Fun <- [fun upload_in_pieces/1, fun upload_in_pieces/1, fun some_events/1, fun some_events/1]],
    Replaced = lists:append([begin
        {ok, #{started := Started, replaced := Before}} = gwport:reload(Pool),
        ?assertEqual(Ports, length(Started)),
        ?assertEqual(Ports, length(Before)),
        Before
    end || _ <- lists:seq(1, 20)]),
    {Seen, Longest} = gwport_attack:stop_load(Load),
    Slowly = [stop_again(Pid) || Pid <- Slow],
    ct:pal("~b programs were replaced; clients saw ~p and waited ~b ms at most; uploads and streams: ~p",
        [length(Replaced), Seen, Longest, Slowly]),
    ?assertEqual([200], maps:keys(Seen)),
    [?assert(Count > 0) || Count <- Slowly],
    {ok, #{failures := Failures}} = gwport:counts(Pool),
    %% Clients of streams of events leave.
    ?assertEqual([], maps:keys(Failures) -- [client_gone]),
    gwport_test:until(fun() -> length(gwport_test:ports(Server)) =:= Ports end),
    gwport_probe:stop(Server).

%% Somebody who does it until told to stop; how often, if never in vain.
again(Fun, Server) ->
    spawn_link(fun() -> again(Fun, Server, 0) end).

again(Fun, Server, Count) ->
    receive
        {stop, From} -> From ! {self(), Count}
    after 0 ->
        Fun(Server),
        again(Fun, Server, Count + 1)
    end.

stop_again(Pid) ->
    Pid ! {stop, self()},
    receive {Pid, Count} -> Count after 20000 -> error(hung) end.

%% Over some 300 ms.
upload_in_pieces(Server) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 300000\r\n\r\n"),
    [begin
        gwport_test:send(Socket, binary:copy(<<"u">>, 10000)),
        receive after 10 -> ok end
    end || _ <- lists:seq(1, 30)],
    #{status := 200, complete := true, body := Body} = gwport_test:recv(Socket),
    true = string:find(Body, "\"bytes\":300000") =/= nomatch,
    gwport_test:close(Socket).

%% Thirty, each with the number behind the one before, then the client leaves.
some_events(Server) ->
    Socket = events(Server, "/faults/events?ms=10"),
    ok = inet:setopts(Socket, [{packet, line}]),
    some_events(Socket, 0),
    gwport_test:close(Socket).

some_events(_, 30) ->
    ok;
some_events(Socket, N) ->
    case gen_tcp:recv(Socket, 0, 10000) of
        {ok, <<"data: ", Rest/binary>>} ->
            N = binary_to_integer(string:trim(Rest)),
            some_events(Socket, N + 1);
        {ok, _} ->
            some_events(Socket, N)
    end.
