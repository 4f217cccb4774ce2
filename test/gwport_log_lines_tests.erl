-module(gwport_log_lines_tests).

-include_lib("eunit/include/eunit.hrl").

lines_test_() ->
    {foreach, fun table/0, fun(_) -> ok end, [
        {"of a pool that is not there nothing is kept", fun nothing_is_kept_of_no_pool/0},
        {"lines are told once, in their order", fun lines_are_told_once/0},
        {"the last hundred are kept", fun the_last_are_kept/0},
        {"a line is cut behind a whole character", fun a_line_is_cut/0},
        {"a pool that begins anew is told from its beginning", fun a_new_pool_is_told_anew/0}
    ]}.

%% The application's, or one of the test's own.
table() ->
    _ = [gwport_log_lines:create() || ets:info(gwport_log_lines) =:= undefined],
    gwport_log_lines:close(logged),
    gwport_log_lines:close(other).

nothing_is_kept_of_no_pool() ->
    add(["a"]),
    ?assertEqual({0, []}, texts(0)),
    gwport_log_lines:open(logged),
    ?assertEqual({0, []}, texts(0)).

lines_are_told_once() ->
    gwport_log_lines:open(logged),
    gwport_log_lines:open(other),
    gwport_log_lines:add(other, error, "not ours"),
    add(["a", "b"]),
    gwport_log_lines:open(logged),
    ?assertEqual({2, [<<"a">>, <<"b">>]}, texts(0)),
    add(["c"]),
    ?assertEqual({3, [<<"c">>]}, texts(2)),
    ?assertEqual({3, []}, texts(3)),
    ?assertMatch({3, [#{level := notice, os_pid := undefined, time := Time}]} when is_integer(Time),
        gwport_log_lines:since(2, logged)).

the_last_are_kept() ->
    gwport_log_lines:open(logged),
    Texts = [integer_to_binary(N) || N <- lists:seq(1, 250)],
    add(Texts),
    ?assertEqual({250, lists:nthtail(150, Texts)}, texts(0)),
    ?assertEqual({250, lists:nthtail(150, Texts)}, texts(150)),
    ?assertEqual({250, lists:nthtail(151, Texts)}, texts(151)).

a_line_is_cut() ->
    gwport_log_lines:open(logged),
    Whole = binary:copy(<<"x">>, 4096),
    Long = <<(binary:copy(<<"x">>, 4094))/binary, "\x{20ac}"/utf8>>,
    add([Whole, <<Whole/binary, "y">>, Long]),
    ?assertEqual({3, [Whole, <<Whole/binary, "...">>, <<(binary:copy(<<"x">>, 4094))/binary, "...">>]}, texts(0)).

a_new_pool_is_told_anew() ->
    gwport_log_lines:open(logged),
    add(["a", "b"]),
    gwport_log_lines:close(logged),
    gwport_log_lines:open(logged),
    add(["c"]),
    ?assertEqual({1, [<<"c">>]}, texts(2)).

add(Texts) ->
    lists:foreach(fun(Text) -> gwport_log_lines:add(logged, notice, Text) end, Texts).

texts(After) ->
    {Last, Lines} = gwport_log_lines:since(After, logged),
    {Last, [Text || #{text := Text} <- Lines]}.
