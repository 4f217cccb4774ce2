%% What is kept of listeners and mounts: each thing once, in a bounded table, and nothing without one.
-module(gwport_seen_tests).

-include_lib("eunit/include/eunit.hrl").

seen_test_() ->
    {foreach, fun() -> [application:stop(gwport), gwport_seen:create()] end,
        fun(_) -> ets:delete(gwport_seen) end,
        [{Name, Case} || {Name, Case} <- [
            {"the first to see a thing is told so, and no other", fun once/0},
            {"what was seen first is found", fun found/0},
            {"of 10000 things each is kept, and not one more", fun bounded/0}]]}.

once() ->
    ?assertEqual([true, false, true, false], [gwport_seen:is_first(Key) || Key <- [a, a, b, a]]).

found() ->
    ?assertEqual(none, gwport_seen:find(a)),
    _ = [gwport_seen:is_first(a, Value) || Value <- [1, 2]],
    ?assertEqual({ok, 1}, gwport_seen:find(a)).

bounded() ->
    ?assertEqual([], [N || N <- lists:seq(1, 10000), not gwport_seen:is_first(N)]),
    ?assertNot(gwport_seen:is_first(10001)),
    ?assertEqual([{ok, true}, none], [gwport_seen:find(N) || N <- [10000, 10001]]).

without_the_application_nothing_is_kept_test() ->
    ok = case application:stop(gwport) of ok -> ok; {error, {not_started, gwport}} -> ok end,
    ?assertEqual({false, none}, {gwport_seen:is_first(a), gwport_seen:find(a)}).
