%% Whether a program lives and answers: this process is the owner that hears, and does what is said.
-module(gwport_health_tests).

-include_lib("eunit/include/eunit.hrl").

-define(OPTIONS, #{ping_interval => 0, ping_timeout => 0}).

%% Each in a process of its own, with which what comes late is gone.
owner_test_() ->
    [{spawn, Test} || Test <- [
        fun a_ping_is_asked_after_the_interval_and_its_answer_asks_for_the_next/0,
        fun a_ping_without_an_answer_is_a_fault/0,
        fun a_ping_that_was_answered_was_not_missed/0,
        fun nobody_is_asked_twice_at_a_time/0,
        fun a_program_that_had_ended_at_once_is_found_lifeless/0,
        fun a_program_that_ends_is_looked_for_until_it_is_gone/0,
        fun an_answer_to_no_question_is_none/0, fun without_an_interval_nobody_is_asked/0,
        fun without_a_timeout_no_answer_is_missed/0
    ]].

a_ping_is_asked_after_the_interval_and_its_answer_asks_for_the_next() ->
    Health = gwport_health:new(undefined, ?OPTIONS),
    ok = gwport_health:greeted(Health),
    {ping, 1, Asked} = gwport_health:hear(heard(ping), Health),
    {ok, Answered} = gwport_health:pong(1, Asked),
    ?assertMatch({ping, 2, _}, gwport_health:hear(heard(ping), Answered)).

a_ping_without_an_answer_is_a_fault() ->
    {ping, 1, Asked} = gwport_health:hear(ping, gwport_health:new(undefined, ?OPTIONS)),
    ?assertEqual({fault, <<"no answer to a ping within 0 ms">>}, gwport_health:hear(heard({missed, 1}), Asked)).

a_ping_that_was_answered_was_not_missed() ->
    {ping, 1, Asked} = gwport_health:hear(ping, gwport_health:new(undefined, ?OPTIONS)),
    {ok, Answered} = gwport_health:pong(1, Asked),
    ?assertEqual(ok, gwport_health:hear(heard({missed, 1}), Answered)),
    {ping, 2, Again} = gwport_health:hear(ping, Answered),
    ?assertEqual(ok, gwport_health:hear({missed, 1}, Again)).

an_answer_to_no_question_is_none() ->
    Health = gwport_health:new(undefined, ?OPTIONS),
    {ping, 1, Asked} = gwport_health:hear(ping, Health),
    {ok, Answered} = gwport_health:pong(1, Asked),
    [?assertEqual(error, gwport_health:pong(N, State))
        || {N, State} <- [{0, Health}, {1, Health}, {2, Asked}, {<<"1">>, Asked}, {1, Answered}]].

nobody_is_asked_twice_at_a_time() ->
    {ping, 1, Asked} = gwport_health:hear(ping, gwport_health:new(undefined, ?OPTIONS)),
    ?assertEqual(ok, gwport_health:hear(ping, Asked)).

a_program_that_had_ended_at_once_is_found_lifeless() ->
    Health = gwport_health:new(undefined, ?OPTIONS),
    ?assertEqual(undefined, gwport_health:os_pid(Health)),
    ok = gwport_health:hear(heard(look), Health),
    ok = gwport_health:hear(receive {gwport_os, Gone} -> Gone end, Health),
    ?assertEqual(lifeless, gwport_health:hear(heard(lifeless), Health)).

%% By these looks alone: it is not told of those that there are each second.
a_program_that_ends_is_looked_for_until_it_is_gone() ->
    {ok, _} = application:ensure_all_started(gwport),
    Port = open_port({spawn_executable, os:find_executable("sleep")}, [{args, ["60"]}]),
    Health = gwport_health:new(erlang:port_info(Port, os_pid), ?OPTIONS),
    ok = gwport_health:look_often(Health),
    [ok = gwport_health:hear(heard(look_often), Health) || _ <- [1, 2]],
    ok = gwport_health:kill(Health),
    ?assertEqual(gone, looked_often(Health)).

looked_often(Health) ->
    receive
        {gwport_os, What} -> What;
        {gwport_health, look_often} -> ok = gwport_health:hear(look_often, Health), looked_often(Health)
    end.

without_an_interval_nobody_is_asked() ->
    Greet = fun(Interval) ->
        fun() -> gwport_health:greeted(gwport_health:new(undefined, maps:put(ping_interval, Interval, ?OPTIONS))) end
    end,
    ?assertEqual([look, ping], timers(Greet(60000))),
    ?assertEqual([look], timers(Greet(infinity))).

without_a_timeout_no_answer_is_missed() ->
    Ask = fun(Timeout) -> gwport_health:hear(ping, gwport_health:new(undefined, maps:put(ping_timeout, Timeout, ?OPTIONS))) end,
    ?assertEqual([look, {missed, 1}], timers(fun() -> Ask(60000) end)),
    ?assertEqual([look], timers(fun() -> Ask(infinity) end)),
    {ping, 1, Asked} = Ask(infinity),
    %% It is not asked again either, and an answer is one whenever it comes.
    ?assertEqual(ok, gwport_health:hear(ping, Asked)),
    ?assertMatch({ok, _}, gwport_health:pong(1, Asked)).

%% What timers are set for, in their order, by a process that does nothing else.
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
        {trace, Pid, call, {erlang, send_after, [_, _, {gwport_health, What}]}} -> [What | traced(Pid)]
    after 0 ->
        []
    end.

heard(What) ->
    receive {gwport_health, What} -> What end.
