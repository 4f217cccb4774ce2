%% When a program is to make room for another one: both sides of each limit, and how limits are drawn.
-module(gwport_recycle_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NONE, #{recycle_requests => infinity, recycle_age => infinity, recycle_idle => infinity,
    recycle_memory => infinity, recycle_jitter => 0}).

%% One that had greeted at 0.
new(Options) ->
    new(Options, 0.0).

new(Options, Chance) ->
    gwport_recycle:new(maps:merge(?NONE, Options), undefined, 0, fun() -> Chance end).

look(Now, Memory, InFlight, Served, Recycle) ->
    gwport_recycle:look(Now, Memory, #{in_flight => InFlight, served => Served}, Recycle).

is_due(Now, Memory, InFlight, Served, Recycle) ->
    element(1, look(Now, Memory, InFlight, Served, Recycle)) =:= due.

%% Each in a process of its own, with which what comes late is gone.
recycle_test_() ->
    [{spawn, Test} || Test <- [
        fun by_requests/0, fun by_age/0, fun by_idleness/0, fun by_memory/0, fun without_limits/0,
        fun a_program_that_has_answered_nothing_is_recycled_for_its_age_alone/0, fun limits_are_drawn/0,
        fun it_is_due_until_it_drains/0, fun only_where_there_is_a_limit_somebody_looks/0,
        fun memory_is_that_of_the_process/0, fun memory_of_nobody_is_none/0
    ]].

by_requests() ->
    Recycle = new(#{recycle_requests => 100}),
    ?assertMatch({ok, _}, look(1000, 0, 5, 99, Recycle)),
    ?assertMatch({due, <<"it has answered 100 requests">>, _}, look(1000, 0, 5, 100, Recycle)).

by_age() ->
    Recycle = new(#{recycle_age => 60000}),
    ?assertMatch({ok, _}, look(59999, 0, 5, 1, Recycle)),
    ?assertMatch({due, <<"it has run for 60000 ms">>, _}, look(60000, 0, 5, 1, Recycle)).

by_idleness() ->
    %% It is at work while a request is under way, or has come and gone since the look before.
    Recycle = new(#{recycle_idle => 5000}),
    {ok, Busy} = look(10000, 0, 1, 0, Recycle),
    {ok, Done} = look(11000, 0, 0, 1, Busy),
    ?assertNot(is_due(15999, 0, 0, 1, Done)),
    ?assertMatch({due, <<"it has had nothing to do for 5000 ms">>, _}, look(16000, 0, 0, 1, Done)),
    ?assertNot(is_due(16000, 0, 0, 2, Done)),
    ?assertNot(is_due(16000, 0, 1, 1, Done)).

by_memory() ->
    Recycle = new(#{recycle_memory => 1048576}),
    ?assertMatch({ok, _}, look(1000, 1048575, 1, 1, Recycle)),
    ?assertMatch({due, <<"it holds 1048576 bytes of memory">>, _}, look(1000, 1048576, 1, 1, Recycle)).

without_limits() ->
    ?assertNot(is_due(1 bsl 60, 1 bsl 60, 0, 1 bsl 60, new(#{}))).

a_program_that_has_answered_nothing_is_recycled_for_its_age_alone() ->
    Recycle = new(#{recycle_age => 60000, recycle_idle => 1000, recycle_memory => 1048576}),
    ?assertNot(is_due(59999, 1 bsl 30, 0, 0, Recycle)),
    ?assertMatch({due, <<"it has run for ", _/binary>>, _}, look(60000, 1 bsl 30, 0, 0, Recycle)).

limits_are_drawn() ->
    %% Between the limit and so many per cent less; memory is not.
    [begin
        Recycle = new(#{recycle_requests => 1000, recycle_jitter => Percent}, Chance),
        ?assertNot(is_due(0, 0, 1, Limit - 1, Recycle)),
        ?assert(is_due(0, 0, 1, Limit, Recycle))
    end || {Percent, Chance, Limit} <- [{0, 1.0, 1000}, {10, 0.0, 1000}, {10, 0.5, 950}, {10, 1.0, 900}, {100, 1.0, 1}]],
    Age = new(#{recycle_age => 10000, recycle_jitter => 20}, 0.5),
    ?assertEqual([false, true], [is_due(Now, 0, 1, 1, Age) || Now <- [8999, 9000]]),
    {ok, Done} = look(0, 0, 0, 1, new(#{recycle_idle => 10000, recycle_jitter => 20}, 0.5)),
    ?assertEqual([false, true], [is_due(Now, 0, 0, 1, Done) || Now <- [8999, 9000]]),
    Memory = new(#{recycle_memory => 2000000, recycle_jitter => 100}, 1.0),
    ?assertEqual([false, true], [is_due(0, Bytes, 1, 1, Memory) || Bytes <- [1999999, 2000000]]).

it_is_due_until_it_drains() ->
    {due, _, Recycle} = look(0, 0, 0, 7, new(#{recycle_requests => 7})),
    ?assert(is_due(1000, 0, 0, 7, Recycle)).

only_where_there_is_a_limit_somebody_looks() ->
    Hear = fun(Options) ->
        fun() -> gwport_recycle:hear(look, #{in_flight => 0, served => 0}, new(Options)) end
    end,
    ?assertEqual([], timers(Hear(#{}))),
    ?assertEqual([look, look], timers(Hear(#{recycle_age => 1 bsl 60}))).

%% What timers are set for by a process that does nothing else.
timers(Fun) ->
    {Pid, Monitor} = spawn_monitor(fun() -> receive go -> Fun() end end),
    1 = erlang:trace(Pid, true, [call]),
    1 = erlang:trace_pattern({erlang, send_after, 3}, true, [global]),
    Pid ! go,
    receive {'DOWN', Monitor, process, Pid, normal} -> ok end,
    1 = erlang:trace_pattern({erlang, send_after, 3}, false, [global]),
    Delivered = erlang:trace_delivered(Pid),
    receive {trace_delivered, Pid, Delivered} -> traced(Pid) end.

traced(Pid) ->
    receive
        {trace, Pid, call, {erlang, send_after, [_, _, {gwport_recycle, What}]}} -> [What | traced(Pid)]
    after 0 ->
        []
    end.

memory_is_that_of_the_process() ->
    ?assert(memory(list_to_integer(os:getpid())) > 1 bsl 24).

memory_of_nobody_is_none() ->
    %% No process has so high a number.
    ?assertEqual(0, memory(1 bsl 30)).

memory(OsPid) ->
    Recycle = gwport_recycle:new(maps:put(recycle_memory, 1 bsl 50, ?NONE), OsPid, 0, fun rand:uniform/0),
    {ok, _} = gwport_recycle:hear(look, #{in_flight => 0, served => 1}, Recycle),
    receive {gwport_recycle, {memory, Bytes}} -> Bytes end.
