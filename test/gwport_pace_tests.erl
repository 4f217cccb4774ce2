-module(gwport_pace_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [integer/2, list/1]).

%% A hundred bytes a second, and a second of grace.
pace() ->
    pace(0).

pace(Now) ->
    gwport_pace:new(true, #{min_body_rate => 100, body_grace => 1000}, Now).

look(Now, Pace) ->
    case gwport_pace:look(Now, Pace) of
        {ok, _} -> ok;
        slow -> slow
    end.

without_a_body_or_a_rate_there_is_none_test_() ->
    [?_assertEqual(infinity, gwport_pace:due(gwport_pace:came(1, 5, gwport_pace:awaited(0, Pace))))
        || Pace <- [gwport_pace:new(false, #{min_body_rate => 100, body_grace => 1000}, 0),
            gwport_pace:new(true, #{min_body_rate => 0, body_grace => 1000}, 0)]].

a_client_has_the_grace_for_the_first_byte_test() ->
    Pace = gwport_pace:awaited(5, pace(0)),
    ?assertEqual(1005, gwport_pace:due(Pace)),
    ?assertEqual({ok, slow}, {look(1004, Pace), look(1005, Pace)}).

bytes_make_up_for_time_test() ->
    %% 50 bytes are half a second's, and came after a second but one millisecond.
    Pace = gwport_pace:awaited(999, gwport_pace:came(50, 999, gwport_pace:awaited(0, pace()))),
    ?assertEqual(999 + 501, gwport_pace:due(Pace)).

nothing_is_saved_beyond_the_grace_test() ->
    Pace = gwport_pace:awaited(10, gwport_pace:came(1 bsl 30, 10, gwport_pace:awaited(0, pace()))),
    ?assertEqual(1010, gwport_pace:due(Pace)).

time_in_which_nothing_is_awaited_does_not_count_test() ->
    Pace = gwport_pace:rest(400, gwport_pace:awaited(0, pace())),
    ?assertEqual({infinity, ok}, {gwport_pace:due(Pace), look(1000000, Pace)}),
    ?assertEqual(1000600, gwport_pace:due(gwport_pace:awaited(1000000, Pace))).

being_awaited_twice_is_being_awaited_test() ->
    ?assertEqual(1000, gwport_pace:due(gwport_pace:awaited(700, gwport_pace:awaited(0, pace())))).

it_is_looked_at_once_though_nothing_was_awaited_test() ->
    {ok, Pace} = gwport_pace:look(1000, pace()),
    ?assertEqual({1000, infinity}, {gwport_pace:due(pace()), gwport_pace:due(Pace)}).

%% Whoever is always in time by the rate is never slow; whoever sends half of it is, in the end.
rate_test_() ->
    {timeout, 60, ?_assert(proper:quickcheck(rate(), [{to_file, user}, {numtests, tests()}]))}.

tests() ->
    list_to_integer(os:getenv("GWPORT_PROPER_TESTS", "100")).

rate() ->
    ?FORALL({Grace, Every}, {integer(1, 5000), list(integer(1, 900))},
        begin
            New = gwport_pace:new(true, #{min_body_rate => 1000, body_grace => Grace}, 0),
            Within = [min(Ms, Grace) || Ms <- Every],
            sends(1, Within, New, 0) =:= in_time
                andalso sends(0.5, lists:append(lists:duplicate(2 + 2 * Grace, [100])), New, 0) =:= slow
        end).

%% A thousand bytes a second are one for each millisecond. It is looked at before they come.
sends(_, [], _, _) ->
    in_time;
sends(Share, [Ms | Rest], Pace0, Now) ->
    Pace = gwport_pace:awaited(Now, Pace0),
    case look(Now + Ms - 1, Pace) of
        slow -> slow;
        ok -> sends(Share, Rest, gwport_pace:came(trunc(Share * Ms), Now + Ms, Pace), Now + Ms)
    end.
