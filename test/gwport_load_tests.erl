-module(gwport_load_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [integer/2, list/1, oneof/1, non_neg_integer/0]).

%% Streams

max_streams_enter_and_one_more_is_busy_test() ->
    Load = load(#{max_streams => 2}),
    {ok, _} = gwport_load:enter(Load),
    {ok, Window} = gwport_load:enter(Load),
    ?assertEqual(busy, gwport_load:enter(Load)),
    ok = gwport_load:leave(Window, Load),
    ?assertMatch({ok, _}, gwport_load:enter(Load)).

who_was_refused_is_not_counted_test() ->
    Load = load(#{max_streams => 1}),
    {ok, _} = gwport_load:enter(Load),
    Before = gwport_load:info(Load),
    busy = gwport_load:enter(Load),
    ?assertEqual(Before, gwport_load:info(Load)).

the_smaller_of_two_limits_counts_test() ->
    Load = load(#{max_streams => 2}),
    ok = gwport_load:limit(5, Load),
    {ok, Window} = gwport_load:enter(Load),
    {ok, Window} = gwport_load:enter(Load),
    ?assertEqual(busy, gwport_load:enter(Load)),
    ok = gwport_load:leave(Window, Load),
    ok = gwport_load:limit(1, Load),
    ?assertEqual(busy, gwport_load:enter(Load)).

there_is_room_below_max_streams_and_none_at_it_test() ->
    Load = load(#{max_streams => 2}),
    ok = gwport_load:arrive(Load),
    ?assert(gwport_load:has_room(Load)),
    ok = gwport_load:arrive(Load),
    ?assertNot(gwport_load:has_room(Load)),
    ok = gwport_load:left(Load),
    ?assert(gwport_load:has_room(Load)),
    ?assertEqual(1, gwport_load:under_way(Load)).

places_are_scarce_when_a_peer_may_have_its_share_test() ->
    [begin
        Load = load(#{max_streams => Max, peer_share => Percent}),
        ?assertEqual({Max, Percent, Share}, {Max, Percent, gwport_load:share(Load)}),
        [begin
            ?assertNot(gwport_load:is_scarce(Load)),
            ok = gwport_load:arrive(Load)
        end || _ <- lists:seq(1, min(Max, Share))],
        ?assertEqual({Max, Percent < 100}, {Max, gwport_load:is_scarce(Load)})
    end || {Max, Percent, Share} <- [{10, 80, 8}, {3, 80, 3}, {1, 1, 1}, {1000, 1, 10}, {10, 100, infinity}]],
    Limited = load(#{max_streams => 1000}),
    ok = gwport_load:limit(10, Limited),
    ?assertEqual(8, gwport_load:share(Limited)).

a_stream_that_leaves_is_no_longer_under_way_test() ->
    Load = load(#{}),
    ok = gwport_load:arrive(Load),
    {ok, Window} = gwport_load:enter(Load),
    ok = gwport_load:leave(Window, Load),
    ?assertEqual(#{under_way => 0, streams => 0, budget_left => 1000}, gwport_load:info(Load)).

%% Windows and the budget

windows_are_full_while_the_budget_lasts_and_the_floor_after_test() ->
    Load = load(#{window => 100, floor => 10, budget => 250}),
    ?assertEqual([100, 100, 10, 10], entered(4, Load)).

a_budget_that_is_just_enough_is_enough_test() ->
    ?assertEqual([100, 100, 10], entered(3, load(#{window => 100, floor => 10, budget => 200}))),
    ?assertEqual([100, 10, 10], entered(3, load(#{window => 100, floor => 10, budget => 199}))).

what_is_pending_takes_places_too_test() ->
    Load = load(#{max_streams => 3}),
    [ok = gwport_load:arrive(Load) || _ <- [1, 2]],
    {ok, _} = gwport_load:enter(Load),
    ?assertEqual([true, true, false], [gwport_load:has_place(Pending, Load) || Pending <- [0, 1, 2]]),
    %% Who was killed before it was counted is under way all the same, and so may more be than are streams.
    ok = gwport_load:arrive(Load),
    ?assertNot(gwport_load:has_place(0, Load)).

a_budget_of_0_gives_floors_test() ->
    ?assertEqual([10, 10], entered(2, load(#{window => 100, floor => 10, budget => 0}))).

floors_are_not_part_of_the_budget_test() ->
    Load = load(#{window => 100, floor => 10, budget => 150}),
    [100, 10, 10] = entered(3, Load),
    ?assertMatch(#{budget_left := 50}, gwport_load:info(Load)),
    ok = gwport_load:leave(10, Load),
    ?assertMatch(#{budget_left := 50}, gwport_load:info(Load)).

a_full_window_that_comes_back_is_given_again_test() ->
    Load = load(#{window => 100, floor => 10, budget => 100}),
    [100, 10] = entered(2, Load),
    ok = gwport_load:leave(100, Load),
    ?assertEqual([100, 10], entered(2, Load)).

a_window_up_to_the_floor_costs_no_budget_test() ->
    [begin
        Load = load(#{window => Window, floor => 10, budget => 0}),
        ?assertEqual([Window, Window], entered(2, Load)),
        ok = gwport_load:leave(Window, Load),
        ?assertMatch(#{budget_left := 0}, gwport_load:info(Load))
    end || Window <- [9, 10]].

%% In any order of comings and goings the counts are right at each step, and at the end all is back.
everything_is_returned_at_the_end_test_() ->
    gwport_gen:check(?FORALL({Max, Window, Floor, Budget, Steps}, {integer(1, 20), integer(0, 100),
            integer(0, 100), integer(0, 500), list(oneof([enter, {leave, non_neg_integer()}]))},
        begin
            Load = load(#{max_streams => Max, window => Window, floor => Floor, budget => Budget}),
            Left = lists:foldl(fun(Step, Live) ->
                Now = step(Step, Live, Max, Load),
                true = counts_are_right(Now, Window, Floor, Budget, Load),
                Now
            end, [], Steps),
            [ok = gwport_load:leave(Given, Load) || Given <- Left],
            gwport_load:info(Load) =:= #{under_way => 0, streams => 0, budget_left => Budget}
        end)).

step(enter, Live, Max, Load) ->
    ok = gwport_load:arrive(Load),
    case gwport_load:enter(Load) of
        {ok, Given} when length(Live) < Max -> [Given | Live];
        busy when length(Live) =:= Max -> ok = gwport_load:left(Load), Live
    end;
step({leave, _}, [], _, _) ->
    [];
step({leave, Index}, Live, _, Load) ->
    Given = lists:nth(1 + Index rem length(Live), Live),
    ok = gwport_load:leave(Given, Load),
    lists:delete(Given, Live).

counts_are_right(Live, Window, Floor, Budget, Load) ->
    Full = [Given || Given <- Live, Given =:= Window, Window > Floor],
    lists:all(fun(Given) -> Given =:= Window orelse (Given =:= Floor andalso Floor < Window) end, Live)
        andalso lists:sum(Full) =< Budget
        andalso gwport_load:info(Load) =:= #{under_way => length(Live), streams => length(Live),
            budget_left => Budget - lists:sum(Full)}.

%% Many at once: nobody gets in above the limit, and nothing is lost.
counts_survive_many_processes_test() ->
    Load = load(#{max_streams => 5, window => 100, floor => 10, budget => 300}),
    Workers = [spawn_monitor(fun() -> come_and_go(200, Load) end) || _ <- lists:seq(1, 20)],
    [receive {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual(normal, Reason) end
        || {Pid, Monitor} <- Workers],
    ?assertEqual(#{under_way => 0, streams => 0, budget_left => 300}, gwport_load:info(Load)).

come_and_go(0, _) ->
    ok;
come_and_go(Times, Load) ->
    ok = gwport_load:arrive(Load),
    case gwport_load:enter(Load) of
        {ok, Window} when Window =:= 100; Window =:= 10 -> ok = gwport_load:leave(Window, Load);
        busy -> ok = gwport_load:left(Load)
    end,
    come_and_go(Times - 1, Load).

entered(Times, Load) ->
    [Window || _ <- lists:seq(1, Times), {ok, Window} <- [gwport_load:enter(Load)]].

load(With) ->
    gwport_load:new(maps:merge(#{max_streams => 10, peer_share => 80, window => 100, floor => 10, budget => 1000}, With)).
