%% Of what a program grants its client is told a part, and of the rest when it has sent that.
-module(gwport_lent_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [integer/2, list/1, oneof/1]).

what_is_within_the_limit_is_told_at_once_test() ->
    Max = gwport_lent:max(),
    {To, New} = {to(), gwport_lent:new()},
    {10, Lent} = gwport_lent:granted(To, 10, New),
    ?assertMatch({Rest, _} when Rest =:= Max - 10, gwport_lent:granted(To, Max - 10, Lent)),
    ?assertMatch({Rest, _} when Rest =:= Max - 10, gwport_lent:granted(To, Max - 9, Lent)),
    ?assertMatch({Max, _}, gwport_lent:granted(to(), Max + 1, Lent)).

the_rest_is_told_when_some_was_sent_test() ->
    {To = {Ref, _}, Max} = {to(), gwport_lent:max()},
    {Max, Lent} = gwport_lent:granted(To, 1 bsl 30, gwport_lent:new()),
    ?assertNot(gwport_lent:is_wanted(Lent)),
    Sent = gwport_lent:sent(Ref, 3, gwport_lent:sent(Ref, 4, Lent)),
    ?assert(gwport_lent:is_wanted(Sent)),
    {[{To, 7}], Lent1} = gwport_lent:lend(Sent),
    ?assertNot(gwport_lent:is_wanted(Lent1)).

who_has_been_told_of_all_wants_nothing_test() ->
    {To = {Ref, _}, New} = {to(), gwport_lent:new()},
    {10, Lent} = gwport_lent:granted(To, 10, New),
    ?assertNot(gwport_lent:is_wanted(gwport_lent:sent(Ref, 10, Lent))).

what_is_over_is_forgotten_test() ->
    {To = {Ref, _}, New} = {to(), gwport_lent:new()},
    {_, Lent} = gwport_lent:granted(To, 1 bsl 30, New),
    ?assertEqual(New, gwport_lent:forget(Ref, gwport_lent:sent(Ref, 1, Lent))),
    ?assertEqual(New, gwport_lent:sent(Ref, 1, New)),
    ?assertEqual(New, gwport_lent:forget(Ref, New)).

%% Whatever is granted and sent: no client may send more than the limit, and each hears of all in the end.
all_is_told_and_never_too_much_test_() ->
    gwport_gen:check(?FORALL(Steps, list(oneof([{granted, integer(1, 600000)}, {sent, integer(0, 300000)}, lend])),
        begin
            To = to(),
            State = lists:foldl(fun(Step, S) -> bounded(step(Step, To, S)) end, {gwport_lent:new(), 0, 0, 0}, Steps),
            {_, Granted, Told, Told} = drained(To, State),
            Granted =:= Told
        end)).

bounded(State = {_, _, Told, Sent}) ->
    true = Told - Sent =< gwport_lent:max(),
    State.

step({granted, Bytes}, To, {Lent, Granted, Told, Sent}) ->
    {More, Lent1} = gwport_lent:granted(To, Bytes, Lent),
    {Lent1, Granted + Bytes, Told + More, Sent};
step({sent, Most}, {Ref, _}, {Lent, Granted, Told, Sent}) ->
    Bytes = min(Most, Told - Sent),
    {gwport_lent:sent(Ref, Bytes, Lent), Granted, Told, Sent + Bytes};
step(lend, _, {Lent, Granted, Told, Sent}) ->
    {More, Lent1} = gwport_lent:lend(Lent),
    {Lent1, Granted, Told + lists:sum([Bytes || {_, Bytes} <- More]), Sent}.

%% The client sends what it may until it hears of no more.
drained(To, State = {_, _, Told, Sent}) ->
    case step(lend, To, step({sent, Told - Sent}, To, State)) of
        After = {_, _, Told, _} -> After;
        After -> drained(To, bounded(After))
    end.

to() ->
    {make_ref(), tag}.
