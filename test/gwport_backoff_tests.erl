%% When a program is started again: numbers, without a clock.
-module(gwport_backoff_tests).

-include_lib("eunit/include/eunit.hrl").

new(Changes) ->
    gwport_backoff:new(maps:merge(#{restart_delay => 100, max_restart_delay => 1000, circuit_failures => 4,
        circuit_time => 5000}, Changes)).

%% What a port that fails so often is told each time.
fails(0, _, Backoff) ->
    {[], Backoff};
fails(Times, {Number, IsServing, Chance}, Backoff) ->
    case gwport_backoff:failed(Number, IsServing, Chance, Backoff) of
        {What, Ms, Backoff1} -> fails(Times, {Number, IsServing, Chance}, {What, Ms}, Backoff1);
        {waits, Backoff1} -> fails(Times, {Number, IsServing, Chance}, waits, Backoff1)
    end.

fails(Times, Who, Told, Backoff) ->
    {More, Backoff1} = fails(Times - 1, Who, Backoff),
    {[Told | More], Backoff1}.

told(Times, Who, Backoff) ->
    element(1, fails(Times, Who, Backoff)).

a_delay_doubles_to_its_bound_test() ->
    ?assertEqual([{again, Ms} || Ms <- [0, 100, 200, 400, 800, 1000, 1000]], told(7, {1, true, 1.0}, new(#{}))),
    ?assertEqual({again, 1000}, lists:last(told(2000, {1, true, 1.0}, new(#{})))).

a_delay_is_drawn_between_its_half_and_its_whole_test() ->
    [?assertEqual([{again, 0}, {again, Ms}], told(2, {1, true, Chance}, new(#{restart_delay => 101})))
        || {Chance, Ms} <- [{0.0, 50}, {1.0, 101}]],
    ?assertEqual([{again, 0}, {again, 1}], told(2, {1, true, 1.0}, new(#{restart_delay => 1}))).

the_first_delay_may_be_above_the_bound_test() ->
    ?assertEqual([{again, 0}, {again, 5000}, {again, 5000}], told(3, {1, true, 1.0}, new(#{restart_delay => 5000}))).

the_circuit_opens_with_the_failure_that_reaches_the_limit_test() ->
    {Told, Backoff} = fails(6, {1, false, 1.0}, new(#{})),
    ?assertEqual([{again, 0}, {again, 100}, {again, 200}, {opened, 5000}, {again, 5000}, {again, 5000}], Told),
    ?assertEqual({open, 6}, {gwport_backoff:circuit(Backoff), gwport_backoff:failures(1, Backoff)}),
    ?assert(lists:all(fun({What, _}) -> What =:= again end, told(100, {1, false, 1.0}, new(#{circuit_failures => infinity})))).

it_does_not_while_another_port_serves_test() ->
    {Told, Backoff} = fails(5, {1, true, 1.0}, new(#{})),
    ?assertEqual({again, 800}, lists:last(Told)),
    ?assertEqual(closed, gwport_backoff:circuit(Backoff)).

while_it_is_open_one_is_tried_and_the_others_wait_test() ->
    {_, Backoff} = fails(4, {1, false, 1.0}, new(#{})),
    ?assertEqual([waits], told(1, {2, false, 1.0}, Backoff)),
    ?assertEqual({true, false}, {gwport_backoff:may_start(1, Backoff), gwport_backoff:may_start(2, Backoff)}),
    {closed, Closed} = gwport_backoff:up(Backoff),
    ?assert(gwport_backoff:may_start(2, Closed)),
    ?assertEqual({was_closed, Closed}, gwport_backoff:up(Closed)),
    %% It greets, and fails again: that was no recovery.
    ?assertEqual([{opened, 5000}], told(1, {1, false, 1.0}, Closed)),
    %% One that has served for long begins anew.
    ?assertEqual([{again, 0}], told(1, {1, false, 1.0}, gwport_backoff:steady(1, Closed))).

a_port_that_is_not_wanted_any_more_takes_the_circuit_along_test() ->
    {_, Open} = fails(4, {1, false, 1.0}, new(#{})),
    %% Another one's end says nothing of the one that is tried.
    ?assertEqual({false, Open}, gwport_backoff:forget(2, Open)),
    {true, Closed} = gwport_backoff:forget(1, Open),
    ?assertEqual({closed, 0, true}, {gwport_backoff:circuit(Closed), gwport_backoff:failures(1, Closed),
        gwport_backoff:may_start(2, Closed)}).
