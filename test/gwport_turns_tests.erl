-module(gwport_turns_tests).

-include_lib("eunit/include/eunit.hrl").

%% Each in a process of its own, as a connection is.
turns_test_() ->
    [{spawn, {atom_to_list(Name), Fun}} || {Name, Fun} <- [
        {nobody_keeps_turns_unasked, fun nobody_keeps_turns_unasked/0},
        {the_first_is_never_held, fun the_first_is_never_held/0},
        {one_before_its_turn_is_held_once, fun one_before_its_turn_is_held_once/0},
        {one_that_was_held_is_told_of_its_turn, fun one_that_was_held_is_told_of_its_turn/0},
        {one_that_was_not_held_is_told_nothing, fun one_that_was_not_held_is_told_nothing/0},
        {one_that_leaves_before_its_turn_is_told_nothing,
            fun one_that_leaves_before_its_turn_is_told_nothing/0},
        {one_that_is_not_known_is_not_held, fun one_that_is_not_known_is_not_held/0}]].

nobody_keeps_turns_unasked() ->
    ?assertNot(gwport_turns:are_kept()),
    gwport_turns:keep(),
    ?assert(gwport_turns:are_kept()).

the_first_is_never_held() ->
    enter([1, 2]),
    ?assertNot(gwport_turns:is_held(1)).

one_before_its_turn_is_held_once() ->
    enter([1, 2]),
    ?assert(gwport_turns:is_held(2)),
    ?assertNot(gwport_turns:is_held(2)).

one_that_was_held_is_told_of_its_turn() ->
    enter([1, 2, 3]),
    ?assert(gwport_turns:is_held(3)),
    gwport_turns:leave(1),
    ?assertEqual([], told()),
    gwport_turns:leave(2),
    ?assertEqual([3], told()),
    ?assertNot(gwport_turns:is_held(3)).

one_that_was_not_held_is_told_nothing() ->
    enter([1, 2]),
    gwport_turns:leave(1),
    ?assertEqual([], told()).

one_that_leaves_before_its_turn_is_told_nothing() ->
    enter([1, 2, 3]),
    ?assert(gwport_turns:is_held(2)),
    ?assert(gwport_turns:is_held(3)),
    gwport_turns:leave(2),
    gwport_turns:leave(1),
    ?assertEqual([3], told()).

one_that_is_not_known_is_not_held() ->
    enter([1]),
    ?assertNot(gwport_turns:is_held(7)),
    gwport_turns:leave(7),
    ?assertNot(gwport_turns:is_held(1)).

enter(Ids) ->
    gwport_turns:keep(),
    lists:foreach(fun gwport_turns:enter/1, Ids).

told() ->
    Self = self(),
    receive {{Self, Id}, gwport_turn} -> [Id | told()]
    after 0 -> []
    end.
