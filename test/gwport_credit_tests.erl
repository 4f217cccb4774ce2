-module(gwport_credit_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [integer/2, list/1, oneof/1]).

-define(MAX, 2147483647).

what_is_left_can_be_spent_and_not_a_byte_more_test() ->
    Credit = gwport_credit:new(100),
    {ok, Some} = gwport_credit:spend(60, Credit),
    ?assertEqual(40, gwport_credit:left(Some)),
    ?assertEqual(error, gwport_credit:spend(41, Some)),
    {ok, None} = gwport_credit:spend(40, Some),
    ?assertEqual(0, gwport_credit:left(None)),
    ?assertEqual({ok, None}, gwport_credit:spend(0, None)),
    ?assertEqual(error, gwport_credit:spend(1, None)).

a_window_stays_what_it_was_test() ->
    {ok, Spent} = gwport_credit:spend(60, gwport_credit:new(100)),
    {60, Taken} = gwport_credit:taken(60, Spent),
    {ok, Granted} = gwport_credit:grant(1000, Taken),
    ?assertEqual([100, 100, 100], [gwport_credit:window(Credit) || Credit <- [Spent, Taken, Granted]]).

a_grant_is_at_least_1_test() ->
    ?assertMatch({ok, _}, gwport_credit:grant(1, gwport_credit:new(0))),
    [?assertEqual(error, gwport_credit:grant(Grant, gwport_credit:new(0))) || Grant <- [0, -1, -?MAX]].

a_sum_of_grants_is_2147483647_at_most_test() ->
    ?assertMatch({ok, _}, gwport_credit:grant(?MAX - 100, gwport_credit:new(100))),
    ?assertEqual(error, gwport_credit:grant(?MAX - 99, gwport_credit:new(100))),
    {ok, Full} = gwport_credit:grant(?MAX, gwport_credit:new(0)),
    ?assertEqual(error, gwport_credit:grant(1, Full)),
    {ok, Spent} = gwport_credit:spend(1, Full),
    ?assertMatch({ok, _}, gwport_credit:grant(1, Spent)).

half_a_window_is_granted_again_and_less_is_not_test() ->
    [begin
        {ok, Spent} = gwport_credit:spend(Window, gwport_credit:new(Window)),
        {0, Less} = gwport_credit:taken(Half - 1, Spent),
        {Half, Granted} = gwport_credit:taken(1, Less),
        ?assertEqual(Half, gwport_credit:left(Granted)),
        ?assertMatch({0, _}, gwport_credit:taken(Half - 1, Granted))
    end || {Window, Half} <- [{100, 50}, {101, 51}, {2, 1}, {1, 1}]].

nothing_that_was_taken_grants_nothing_test() ->
    ?assertMatch({0, _}, gwport_credit:taken(0, gwport_credit:new(0))),
    ?assertMatch({0, _}, gwport_credit:taken(0, gwport_credit:new(100))).

%% A receiver that grants so lets its sender never have more out than a window, and loses no byte of it.
what_is_out_is_a_window_at_most_and_comes_back_test_() ->
    gwport_gen:check(?FORALL({Window, Steps}, {integer(1, 1000), list({oneof([spend, take]), integer(0, 1000)})},
        begin
            {Credit, Waits} = lists:foldl(fun(Step, Acc) -> step(Step, Window, Acc) end,
                {gwport_credit:new(Window), 0}, Steps),
            {_, Rest} = gwport_credit:taken(Waits, Credit),
            2 * gwport_credit:left(Rest) > Window orelse gwport_credit:left(Rest) =:= Window
        end)).

step({spend, Bytes}, Window, {Credit, Waits}) ->
    Some = min(Bytes, gwport_credit:left(Credit)),
    {ok, Spent} = gwport_credit:spend(Some, Credit),
    ?assert(gwport_credit:left(Spent) + Waits + Some =< Window),
    {Spent, Waits + Some};
step({take, Bytes}, Window, {Credit, Waits}) ->
    Some = min(Bytes, Waits),
    {_, Taken} = gwport_credit:taken(Some, Credit),
    ?assert(gwport_credit:left(Taken) + Waits - Some =< Window),
    {Taken, Waits - Some}.
