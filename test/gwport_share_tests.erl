%% Who has how many requests in a port: as many as have come and are not over, whatever the order.
-module(gwport_share_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [list/1, oneof/1, frequency/1, non_neg_integer/0]).

as_many_come_as_may_and_one_more_does_not_test() ->
    {Refs, Shares} = came([<<"a">>, <<"a">>], 2, gwport_share:new()),
    ?assertEqual(full, gwport_share:came(make_ref(), <<"a">>, 2, Shares)),
    ?assertEqual(2, count(<<"a">>, Shares)),
    {_, Shares1} = came([<<"b">>], 2, Shares),
    Shares2 = gwport_share:went(hd(Refs), Shares1),
    ?assertMatch({ok, _}, gwport_share:came(make_ref(), <<"a">>, 2, Shares2)).

without_a_bound_all_may_come_test() ->
    {_, Shares} = came(lists:duplicate(100, <<"a">>), infinity, gwport_share:new()),
    ?assertEqual(100, count(<<"a">>, Shares)).

what_goes_on_under_another_name_is_counted_once_test() ->
    {[Ref], Shares} = came([<<"a">>], 1, gwport_share:new()),
    New = make_ref(),
    Moved = gwport_share:moved(make_ref(), make_ref(), gwport_share:moved(Ref, New, Shares)),
    ?assertEqual(1, count(<<"a">>, Moved)),
    ?assertEqual(1, count(<<"a">>, gwport_share:went(Ref, Moved))),
    ?assertEqual(0, count(<<"a">>, gwport_share:went(New, Moved))).

nobody_has_anything_where_the_owner_has_ended_test() ->
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() ->
        {_, Shares} = came([<<"a">>], 1, gwport_share:new()),
        Self ! {counts, gwport_share:counts(Shares)},
        receive over -> ok end
    end),
    Counts = receive {counts, It} -> It end,
    ?assertEqual(1, gwport_share:count(<<"a">>, Counts)),
    Pid ! over,
    receive {'DOWN', Monitor, process, Pid, _} -> ok end,
    ?assertEqual(0, gwport_share:count(<<"a">>, Counts)).

%% Requests that are over twice, or have never come, change nothing; in the end nothing is kept.
counts_are_those_of_requests_under_way_test_() ->
    gwport_gen:check(?FORALL(Steps, list(frequency([{3, {came, oneof([<<"a">>, <<"b">>])}}, {2, {went, non_neg_integer()}},
            {1, {moved, non_neg_integer()}}])),
        begin
            {Shares, Live, _} = lists:foldl(fun step/2, {gwport_share:new(), [], []}, Steps),
            true = are_right(Live, Shares),
            Over = lists:foldl(fun({Ref, _}, S) -> gwport_share:went(Ref, S) end, Shares, Live),
            gwport_share:is_empty(Over) andalso [] =:= ets:tab2list(gwport_share:counts(Over))
        end)).

step({came, Peer}, {Shares, Live, Over}) ->
    Ref = make_ref(),
    Has = length([P || {_, P} <- Live, P =:= Peer]),
    case gwport_share:came(Ref, Peer, 3, Shares) of
        {ok, Shares1} when Has < 3 -> {Shares1, [{Ref, Peer} | Live], Over};
        full when Has =:= 3 -> {Shares, Live, [Ref | Over]}
    end;
step({What, N}, {Shares, Live, Over}) ->
    Refs = [Ref || {Ref, _} <- Live] ++ Over ++ [make_ref()],
    Ref = lists:nth(1 + N rem length(Refs), Refs),
    gone(What, Ref, lists:keytake(Ref, 1, Live), {Shares, Live, Over}).

gone(went, Ref, false, {Shares, Live, Over}) ->
    {gwport_share:went(Ref, Shares), Live, Over};
gone(went, Ref, {value, _, Rest}, {Shares, _, Over}) ->
    {gwport_share:went(Ref, Shares), Rest, [Ref | Over]};
gone(moved, Ref, false, {Shares, Live, Over}) ->
    {gwport_share:moved(Ref, make_ref(), Shares), Live, Over};
gone(moved, Ref, {value, {_, Peer}, Rest}, {Shares, _, Over}) ->
    New = make_ref(),
    {gwport_share:moved(Ref, New, Shares), [{New, Peer} | Rest], [Ref | Over]}.

are_right(Live, Shares) ->
    Peers = [Peer || {_, Peer} <- Live],
    Wanted = [{Peer, length([P || P <- Peers, P =:= Peer])} || Peer <- lists:usort(Peers)],
    Wanted =:= lists:sort(ets:tab2list(gwport_share:counts(Shares))).

came(Peers, Max, Shares) ->
    lists:mapfoldl(fun(Peer, S) ->
        Ref = make_ref(),
        {ok, S1} = gwport_share:came(Ref, Peer, Max, S),
        {Ref, S1}
    end, Shares, Peers).

count(Peer, Shares) ->
    gwport_share:count(Peer, gwport_share:counts(Shares)).
