%% What is counted of a pool, and that nothing else changes.
-module(gwport_count_tests).

-include_lib("eunit/include/eunit.hrl").

-define(POOL, gwport_count_tests).

count_test_() ->
    {foreach, fun() -> ok = gwport_count:create(?POOL) end, fun(_) -> ok = gwport_count:delete(?POOL) end,
        [fun responses_are_counted_by_class/0, fun failures_are_counted_by_reason/0, fun every_reason_has_its_place/0,
            fun programs_are_counted/0, fun ends_are_counted_by_reason/0, fun replays_are_counted/0, fun bytes_are_counted/0, fun times_are_counted/0, fun it_is_known_whether_telemetry_is_to_be_told/0,
            fun a_keeper_that_comes_again_goes_on/0]}.

nothing_is_counted_of_a_pool_that_is_none_test() ->
    ?assertEqual({error, no_pool}, gwport_count:counts(?POOL)),
    Count = gwport_count:find(?POOL),
    ?assertEqual(ok, gwport_count:response(200, Count)),
    ?assertEqual(ok, gwport_count:failure(busy, Count)),
    ?assertEqual(ok, gwport_count:program(up, ?POOL)),
    ?assertEqual(ok, gwport_count:ended(exited, ?POOL)),
    ?assertEqual(ok, gwport_count:replay(Count)),
    ?assertEqual(ok, gwport_count:bytes(in, 1, Count)),
    ?assertEqual(ok, gwport_count:time(head, 1, Count)).

responses_are_counted_by_class() ->
    [ok = gwport_count:response(Status, gwport_count:find(?POOL)) || Status <- [200, 299, 304, 404, 500, 599, 999]],
    {ok, #{responses := Responses, failures := Failures}} = gwport_count:counts(?POOL),
    ?assertEqual(#{1 => 0, 2 => 2, 3 => 1, 4 => 1, 5 => 2, 6 => 0, 7 => 0, 8 => 0, 9 => 1}, Responses),
    ?assertEqual(#{}, Failures).

failures_are_counted_by_reason() ->
    [ok = gwport_count:failure(Reason, gwport_count:find(?POOL)) || Reason <- [busy, client_gone, busy, of_another_version,
        bad_order, bad_payload]],
    {ok, #{failures := Failures}} = gwport_count:counts(?POOL),
    ?assertEqual(#{busy => 2, client_gone => 1, other => 1, bad_order => 1, bad_payload => 1}, Failures).

every_reason_has_its_place() ->
    %% Those of gwport_status, as its type names them.
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(code:which(gwport_status), [abstract_code]),
    [{type, _, union, Atoms}] = [Type || {attribute, _, type, {reason, Type, []}} <- Forms],
    Reasons = [Reason || {atom, _, Reason} <- Atoms],
    [ok = gwport_count:failure(Reason, gwport_count:find(?POOL)) || Reason <- Reasons],
    {ok, #{failures := Failures}} = gwport_count:counts(?POOL),
    ?assertEqual(maps:from_list([{Reason, 1} || Reason <- Reasons]), Failures).

programs_are_counted() ->
    [ok = gwport_count:program(Event, ?POOL) || Event <- [up, up, drained, failed]],
    ?assertMatch({ok, #{programs := #{up := 2, drained := 1, failed := 1}}}, gwport_count:counts(?POOL)).

ends_are_counted_by_reason() ->
    {ok, #{ends := None}} = gwport_count:counts(?POOL),
    ?assertEqual([0], lists:usort(maps:values(None))),
    lists:foldl(fun(Reason, Before) ->
        ok = gwport_count:ended(Reason, ?POOL),
        {ok, Counts = #{ends := Ends}} = gwport_count:counts(?POOL),
        ?assertEqual(Before#{Reason := 1}, Ends),
        ?assertMatch(#{programs := #{up := 0, drained := 0, failed := 0}, queue := #{waited := 0}}, Counts),
        Ends
    end, None, maps:keys(None)).

it_is_known_whether_telemetry_is_to_be_told() ->
    %% Of a pool that was there before telemetry, and of none.
    Counts = [gwport_count:find(?POOL), gwport_count:none()],
    IsTold = fun() -> [gwport_count:is_told(Count) || Count <- Counts] end,
    ?assertEqual([false, false], IsTold()),
    %% What it is found by.
    true = register(telemetry_sup, self()),
    ok = gwport_telemetry:look(),
    ?assertEqual([true, true], IsTold()),
    true = unregister(telemetry_sup),
    ok = gwport_telemetry:look(),
    ?assertEqual([false, false], IsTold()).

%% And nothing else is.
replays_are_counted() ->
    {ok, Before = #{replays := 0}} = gwport_count:counts(?POOL),
    ok = gwport_count:replay(gwport_count:find(?POOL)),
    ?assertEqual({ok, Before#{replays := 1}}, gwport_count:counts(?POOL)).

bytes_are_counted() ->
    {ok, Before = #{bytes := #{in := 0, out := 0}}} = gwport_count:counts(?POOL),
    [ok = gwport_count:bytes(Way, Bytes, gwport_count:find(?POOL)) || {Way, Bytes} <- [{in, 0}, {in, 7}, {out, 5}, {out, 1 bsl 40}]],
    ?assertEqual({ok, Before#{bytes := #{in => 7, out => 5 + (1 bsl 40)}}}, gwport_count:counts(?POOL)).

times_are_counted() ->
    %% At the edge of a class, one more, and beyond all of them.
    {ok, Before = #{times := Times = #{head := #{at_most := AtMost, count := 0, sum := 0}}}} = gwport_count:counts(?POOL),
    ?assertEqual([{Most, 0} || Most <- [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, infinity]], AtMost),
    [[ok = gwport_count:time(What, Ms, gwport_count:find(?POOL)) || Ms <- All]
        || {What, All} <- [{head, [0, 5, 6, 10000, 10001]}, {queue, [70]}]],
    ?assertEqual({ok, Before#{times := Times#{
        head := #{at_most => lists:zip([Most || {Most, _} <- AtMost], [2 | lists:duplicate(9, 3)] ++ [4, 5]), count => 5, sum => 20012},
        queue := #{at_most => [{Most, case Most >= 100 of true -> 1; false -> 0 end} || {Most, _} <- AtMost], count => 1, sum => 70}}}},
        gwport_count:counts(?POOL)).

a_keeper_that_comes_again_goes_on() ->
    ok = gwport_count:response(200, gwport_count:find(?POOL)),
    ok = gwport_count:create(?POOL),
    ?assertMatch({ok, #{responses := #{2 := 1}}}, gwport_count:counts(?POOL)).
