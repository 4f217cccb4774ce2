%% When a crash is over, and how much of it goes into the log.
-module(gwport_log_crash_tests).

-include_lib("eunit/include/eunit.hrl").

a_second_of_silence_ends_it_test() ->
    Crash0 = gwport_log_crash:new(fatal, <<"panic: x">>, 10000),
    ?assertEqual(1000, gwport_log_crash:left(10000, Crash0)),
    {added, Crash} = gwport_log_crash:add(<<"goroutine 1">>, 10900, Crash0),
    ?assertEqual(1, gwport_log_crash:left(11899, Crash)),
    ?assertEqual(0, gwport_log_crash:left(11900, Crash)),
    ?assertEqual([<<"panic: x">>, <<"goroutine 1">>], gwport_log_crash:lines(Crash)).

lines_less_than_a_second_apart_go_on_with_it_test() ->
    Crash = lists:foldl(
        fun(Now, Crash0) ->
            ?assertEqual(1, gwport_log_crash:left(Now, Crash0)),
            {added, Crash1} = gwport_log_crash:add(<<"x">>, Now, Crash0),
            Crash1
        end, gwport_log_crash:new(fatal, <<"panic: x">>, 0), [999, 1998, 2997, 3996]),
    ?assertEqual(5, gwport_log_crash:count(Crash)).

five_seconds_end_it_whatever_comes_test() ->
    Crash = lists:foldl(
        fun(Now, Crash0) -> {added, Crash1} = gwport_log_crash:add(<<"x">>, Now, Crash0), Crash1 end,
        gwport_log_crash:new(fatal, <<"panic: x">>, 0), lists:seq(500, 4900, 100)),
    ?assertEqual(1, gwport_log_crash:left(4999, Crash)),
    ?assertEqual(0, gwport_log_crash:left(5000, Crash)).

a_panic_that_was_caught_is_over_soon_test() ->
    Crash0 = gwport_log_crash:new(recovered, <<"http: panic serving 127.0.0.1:1: x">>, 10000),
    ?assertEqual(50, gwport_log_crash:left(10000, Crash0)),
    Crash = lists:foldl(fun(Now, C0) -> {added, C} = gwport_log_crash:add(<<"x">>, Now, C0), C end,
        Crash0, lists:seq(10040, 10980, 10)),
    ?assertEqual(1, gwport_log_crash:left(10999, Crash)),
    ?assertEqual(0, gwport_log_crash:left(11000, Crash)),
    ?assertEqual(980, gwport_log_crash:left(11000, gwport_log_crash:fatal(Crash))).

it_has_2000_lines_at_most_test() ->
    Crash = crash(1999, <<"x">>),
    ?assertEqual(2000, gwport_log_crash:count(Crash)),
    ?assertMatch({full, _}, gwport_log_crash:add(<<"x">>, 0, Crash)).

it_has_262144_bytes_at_most_test() ->
    Crash = crash(255, binary:copy(<<"x">>, 1024)),
    Left = 262144 - 255 * 1024 - byte_size(<<"panic: x">>),
    ?assertMatch({added, _}, gwport_log_crash:add(binary:copy(<<"x">>, Left), 0, Crash)),
    ?assertMatch({full, _}, gwport_log_crash:add(binary:copy(<<"x">>, Left + 1), 0, Crash)).

a_crash_that_is_over_takes_no_more_test() ->
    Crash0 = gwport_log_crash:close(gwport_log_crash:new(fatal, <<"panic: x">>, 0)),
    ?assert(gwport_log_crash:is_closed(Crash0)),
    {full, Crash} = gwport_log_crash:add(<<"x">>, 0, Crash0),
    ?assertEqual([<<"panic: x">>], gwport_log_crash:lines(Crash)).

crash(More, Line) ->
    lists:foldl(
        fun(_, Crash0) -> {added, Crash} = gwport_log_crash:add(Line, 0, Crash0), Crash end,
        gwport_log_crash:new(fatal, <<"panic: x">>, 0), lists:seq(1, More)).
