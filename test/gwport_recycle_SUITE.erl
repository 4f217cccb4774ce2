%% Programs that make room for others: spare ones, kept warm for when a port ends, and recycling, when a program has served its
%% time. What is to have the place is there before it is needed, so no request fails for it, with one port too.
-module(gwport_recycle_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 90}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, recycled_under_load, nothing_leaks],
        [{parallel, [parallel], [
        by_requests, by_age, by_idleness, by_memory, what_is_under_way_is_finished, it_stays_where_no_other_comes_up,
        of_two_one_at_a_time, a_spare_takes_the_place_of_one_that_is_killed, a_spare_takes_the_place_of_one_that_is_recycled,
        a_spare_that_ends_has_a_successor, a_spare_that_is_old_has_a_successor, spares_are_reloaded, spares_drain,
        a_program_that_ends_soon_is_no_faster_for_a_spare, how_many_spares_there_are
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_probe:watched(Mount, ["badport", "flowport"], fun(Built) ->
        Server = gwport_probe:flow(#{pool => #{recycle_requests => 1, spare => 1}}, Built),
        recycles(Server, fun() -> #{status := 200} = gwport_test:get(Server, "/hello") end),
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

serving(Server) ->
    lists:sort([OsPid || #{os_pid := OsPid} <- gwport_probe:serving(Server)]).

spares(Server) ->
    lists:sort([OsPid || #{state := spare, os_pid := OsPid} <- gwport_test:ports(Server)]).

%% When there are so many that serve, and so many spares.
await(Serving, Spares, Server) ->
    gwport_test:until(fun() ->
        case {serving(Server), spares(Server)} of
            {S, P} when length(S) =:= Serving, length(P) =:= Spares -> true;
            Other -> Other
        end
    end).

%% The program of a pool that has one is another one, when Fun has been called.
recycles(Server, Fun) ->
    [Before] = serving(Server),
    Fun(),
    gwport_test:until(fun() -> [After || After <- serving(Server), After =/= Before] =/= [] end),
    gwport_test:until(fun() -> gwport_probe:gone(Before) end),
    Before.

%% It is looked now whether its program is to be recycled, and if so the keeper has been told, and has heard it.
look(Server) ->
    [#{owner := Owner}] = gwport_probe:serving(Server),
    Owner ! {gwport_recycle, look},
    _ = gwport_port:info(Owner),
    _ = gwport_test:ports(Server),
    ok.

hello(Server) ->
    ?assertMatch(#{status := 200, complete := true}, gwport_test:get(Server, "/hello")).

is_logged(OsPid, Because, Server) ->
    {notice, Line, #{os_pid := OsPid}} = gwport_probe:expect(Server, "is recycled, because " ++ Because),
    ?assertNotEqual(nomatch, string:find(Line, ", and drains: ")),
    {notice, _, #{os_pid := OsPid}} = gwport_probe:expect(Server, "is gone: it has drained, exit status 0").

by_requests(Config) ->
    %% Two it may answer, and with the third it has answered enough.
    Server = gwport_probe:flow(#{pool => #{recycle_requests => 3, recycle_jitter => 0}}, Config),
    [hello(Server) || _ <- [1, 2]],
    [OsPid] = serving(Server),
    look(Server),
    ?assertMatch([#{os_pid := OsPid, state := serving, served := 2}], gwport_test:ports(Server)),
    OsPid = recycles(Server, fun() -> hello(Server) end),
    is_logged(OsPid, "it has answered 3 requests", Server),
    hello(Server),
    gwport_probe:stop(Server).

by_age(Config) ->
    Server = gwport_probe:flow(#{pool => #{recycle_age => 1000}}, Config),
    OsPid = recycles(Server, fun() -> ok end),
    is_logged(OsPid, "it has run for ", Server),
    hello(Server),
    gwport_probe:stop(Server).

by_idleness(Config) ->
    %% One that has a request under way is not idle, and one that has answered none is as its successor would be.
    Server = gwport_probe:flow(#{pool => #{recycle_idle => 1000}}, Config),
    [OsPid] = serving(Server),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/faults/sleep?s=3")),
    ?assertEqual([OsPid], serving(Server)),
    OsPid = recycles(Server, fun() -> ok end),
    is_logged(OsPid, "it has had nothing to do for ", Server),
    gwport_probe:stop(Server).

by_memory(Config) ->
    %% A program of Go holds more than a mebibyte. Where it may hold all that there is, requests count.
    Server = gwport_probe:flow(#{pool => #{recycle_memory => 1048576}}, Config),
    OsPid = recycles(Server, fun() -> hello(Server) end),
    is_logged(OsPid, "it holds ", Server),
    gwport_probe:stop(Server),
    Large = gwport_probe:flow(#{pool => #{recycle_memory => 1 bsl 50, recycle_requests => 1}}, Config),
    LargePid = recycles(Large, fun() -> hello(Large) end),
    is_logged(LargePid, "it has answered 1 requests", Large),
    gwport_probe:stop(Large).

what_is_under_way_is_finished(Config) ->
    %% An upload of which half is sent, and a stream of events, while new requests have another program.
    Server = gwport_probe:flow(#{pool => #{recycle_requests => 1}}, Config),
    [Old] = serving(Server),
    Upload = gwport_reload_SUITE:half_of_an_upload(Server),
    Events = gwport_reload_SUITE:events(Server, "/faults/events?ms=20"),
    hello(Server),
    gwport_test:until(fun() -> [New || New <- serving(Server), New =/= Old] =/= [] end),
    gwport_test:send(Upload, binary:copy(<<"u">>, 100000)),
    #{status := 200, body := Digest} = gwport_test:recv(Upload),
    ?assertNotEqual(nomatch, string:find(Digest, "\"bytes\":200000")),
    [_ | _] = gwport_reload_SUITE:more_events(Events),
    ?assertMatch([#{in_flight := 1}], [Port || Port = #{os_pid := Pid} <- gwport_test:ports(Server), Pid =:= Old]),
    gwport_test:close(Events),
    gwport_test:close(Upload),
    gwport_test:until(fun() -> gwport_probe:gone(Old) end),
    gwport_probe:stop(Server).

it_stays_where_no_other_comes_up(Config) ->
    %% The file of the program is a broken one by now: the old program serves on, and is recycled when the file is mended.
    File = filename:join(proplists:get_value(priv_dir, Config),
        "recycled_" ++ integer_to_list(erlang:unique_integer([positive]))),
    place(File, ["exec ", proplists:get_value(badport, Config), " good\n"]),
    Server = gwport_probe:serve(#{command => File, recycle_age => 2000, recycle_jitter => 0, max_restart_delay => 500}, #{}),
    [OsPid] = serving(Server),
    place(File, "exit 3\n"),
    {warning, _, _} = gwport_probe:expect(Server, "that is to be recycled stays for now: of another one, it ended "),
    {warning, _, _} = gwport_probe:expect(Server, "that is to be recycled stays for now: of another one, it ended "),
    ?assertEqual([OsPid], serving(Server)),
    ?assertMatch(#{status := 200, body := <<"ok\n">>}, gwport_test:get(Server, "/ok")),
    place(File, ["exec ", proplists:get_value(badport, Config), " good\n"]),
    OsPid = recycles(Server, fun() -> ok end),
    ?assertMatch(#{status := 200, body := <<"ok\n">>}, gwport_test:get(Server, "/ok")),
    gwport_probe:stop(Server).

%% A script in the place of the file, at once.
place(File, Script) ->
    ok = file:write_file(File ++ ".new", ["#!/bin/sh\n" | Script]),
    ok = file:change_mode(File ++ ".new", 8#755),
    ok = file:rename(File ++ ".new", File).

of_two_one_at_a_time(Config) ->
    %% Both are of the same age; in the meantime there is one program more, not two.
    Server = gwport_probe:flow(#{pool => #{ports => 2, recycle_age => 3000, recycle_jitter => 0, drain_timeout => 0}}, Config),
    await(2, 0, Server),
    Old = serving(Server),
    gwport_test:until(fun() ->
        Live = [Port || Port = #{state := State} <- gwport_test:ports(Server), State =/= draining, State =/= ending],
        ?assert(length(Live) =< 3),
        length(serving(Server) -- Old) =:= 2
    end),
    gwport_probe:stop(Server).

a_spare_takes_the_place_of_one_that_is_killed(Config) ->
    %% At once, and another spare is started.
    Server = gwport_probe:flow(#{pool => #{spare => 1}}, Config),
    await(1, 1, Server),
    [OsPid] = serving(Server),
    [Spare] = spares(Server),
    gwport_probe:os_kill("KILL", OsPid),
    gwport_test:until(fun() -> serving(Server) =:= [Spare] end),
    hello(Server),
    {notice, _, _} = gwport_probe:expect(Server, "takes the place of another one: "),
    await(1, 1, Server),
    ?assertEqual([Spare], serving(Server)),
    ?assertNotEqual([Spare], spares(Server)),
    gwport_probe:stop(Server).

a_spare_takes_the_place_of_one_that_is_recycled(Config) ->
    Server = gwport_probe:flow(#{pool => #{spare => 1, recycle_requests => 2, recycle_jitter => 0}}, Config),
    await(1, 1, Server),
    [Spare] = spares(Server),
    OsPid = recycles(Server, fun() -> [hello(Server) || _ <- [1, 2]] end),
    ?assertEqual([Spare], serving(Server)),
    is_logged(OsPid, "it has answered 2 requests", Server),
    await(1, 1, Server),
    gwport_probe:stop(Server).

a_spare_that_ends_has_a_successor(Config) ->
    %% Who serves does not notice.
    Server = gwport_probe:flow(#{pool => #{spare => 2}}, Config),
    await(1, 2, Server),
    Serving = serving(Server),
    [First, Second] = spares(Server),
    gwport_probe:os_kill("KILL", First),
    gwport_test:until(fun() -> not lists:member(First, spares(Server)) end),
    await(1, 2, Server),
    ?assert(lists:member(Second, spares(Server))),
    ?assertEqual(Serving, serving(Server)),
    gwport_probe:stop(Server).

a_spare_that_is_old_has_a_successor(Config) ->
    %% It has had no request.
    Server = gwport_probe:flow(#{pool => #{spare => 1, recycle_age => 1000}}, Config),
    await(1, 1, Server),
    [Spare] = spares(Server),
    gwport_test:until(fun() -> gwport_probe:gone(Spare) end),
    await(1, 1, Server),
    hello(Server),
    gwport_probe:stop(Server).

spares_are_reloaded(Config) ->
    %% A spare of the programs before would not do.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{spare => 1}}, Config),
    await(1, 1, Server),
    Old = serving(Server) ++ spares(Server),
    {ok, #{started := [_], replaced := [_, _]}} = gwport:reload(Pool),
    gwport_test:until(fun() -> lists:all(fun gwport_probe:gone/1, Old) end),
    await(1, 1, Server),
    {ok, _} = gwport:reload(Pool, #{spare => 0}),
    await(1, 0, Server),
    gwport_test:until(fun() -> length(gwport_test:ports(Server)) =:= 1 end),
    gwport_probe:stop(Server).

spares_drain(Config) ->
    %% With the pool; and are there again with its ports.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{spare => 1}}, Config),
    await(1, 1, Server),
    All = serving(Server) ++ spares(Server),
    ok = gwport:drain(Pool),
    ?assertEqual([], gwport_test:ports(Server)),
    [gwport_test:until(fun() -> gwport_probe:gone(OsPid) end) || OsPid <- All],
    ok = gwport:resize(Pool, 2),
    await(2, 1, Server),
    ok = gwport:resize(Pool, 1),
    await(1, 1, Server),
    gwport_probe:stop(Server).

a_program_that_ends_soon_is_no_faster_for_a_spare(Config) ->
    %% The spare is there at once, but the next one only when the program would have been started again: that is the second
    %% time in a row, so there is a delay, and a long one.
    Server = gwport_probe:flow(#{pool => #{spare => 1, restart_delay => 3600000, max_restart_delay => 3600000}}, Config),
    await(1, 1, Server),
    [Spare] = spares(Server),
    gwport_probe:os_kill("KILL", hd(serving(Server))),
    gwport_test:until(fun() -> serving(Server) =:= [Spare] end),
    await(1, 1, Server),
    [Other] = spares(Server),
    gwport_probe:os_kill("KILL", Spare),
    gwport_test:until(fun() -> serving(Server) =:= [Other] end),
    hello(Server),
    [#{next_try := Time}] = [Port || Port = #{state := waiting} <- gwport_test:ports(Server)],
    ?assert(Time > 1000000),
    ?assertEqual([], spares(Server)),
    gwport_probe:stop(Server).

how_many_spares_there_are(Config) ->
    %% None, unless they are wanted; and the option's edges.
    Server = gwport_probe:flow(#{}, Config),
    await(1, 0, Server),
    ?assertMatch([_], gwport_test:ports(Server)),
    gwport_probe:stop(Server),
    Three = gwport_probe:flow(#{pool => #{spare => 3}}, Config),
    await(1, 3, Three),
    ?assertMatch([_, _, _, _], gwport_test:ports(Three)),
    gwport_probe:stop(Three).

recycled_under_load(Config) ->
    %% GETs, POSTs with bodies, uploads in pieces and streams of events, while one program after the other makes room: none
    %% fails, with one port as with two, with a spare as without.
    [under_load(Ports, Spare, Config) || Ports <- [1, 2], Spare <- [0, 1]].

under_load(Ports, Spare, Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => Ports, spare => Spare, recycle_requests => 50}}, Config),
    await(Ports, Spare, Server),
    Load = gwport_attack:load(Server, 4),
    Slow = [gwport_reload_SUITE:again(Fun, Server)
        || Fun <- [fun gwport_reload_SUITE:upload_in_pieces/1, fun gwport_reload_SUITE:some_events/1]],
    gwport_test:until(fun() ->
        {ok, #{programs := #{drained := Drained}}} = gwport:counts(Pool),
        Drained >= 5 orelse Drained
    end),
    {Seen, Longest} = gwport_attack:stop_load(Load),
    Slowly = [gwport_reload_SUITE:stop_again(Pid) || Pid <- Slow],
    ct:pal("~b ports, ~b spares: clients saw ~p and waited ~b ms at most; uploads and streams: ~p",
        [Ports, Spare, Seen, Longest, Slowly]),
    ?assertEqual([200], maps:keys(Seen)),
    [?assert(Count > 0) || Count <- Slowly],
    {ok, #{failures := Failures, programs := #{failed := Failed}}} = gwport:counts(Pool),
    %% Clients of streams of events leave.
    ?assertEqual([], maps:keys(Failures) -- [client_gone]),
    ?assertEqual(0, Failed),
    gwport_probe:stop(Server).
