-module(gwport_log_budget_tests).

-export([restore/1]).

-include_lib("eunit/include/eunit.hrl").

budget_test_() ->
    {setup, fun() -> persistent_term:get(gwport_log_budget, none) end, fun restore/1, [
        fun a_second_has_so_many_lines_and_no_more/0,
        fun all_processes_share_them/0,
        fun none_at_all_is_a_budget/0,
        fun without_the_application_there_is_no_bound/0,
        fun what_is_no_number_of_lines_is_refused_by_name/0,
        fun the_application_does_not_start_with_a_wrong_one/0]}.

restore(none) -> persistent_term:erase(gwport_log_budget);
restore(Budget) -> persistent_term:put(gwport_log_budget, Budget).

a_second_has_so_many_lines_and_no_more() ->
    ok = gwport_log_budget:create(3),
    [begin
        ?assertEqual([true, true, true, false, false], [gwport_log_budget:take(Second) || _ <- lists:seq(1, 5)])
    end || Second <- [-1, 0, 1, 1 bsl 40]].

all_processes_share_them() ->
    ok = gwport_log_budget:create(1000),
    Takers = [spawn_monitor(fun() -> exit(length([taken || _ <- lists:seq(1, 500), gwport_log_budget:take(7)])) end)
        || _ <- lists:seq(1, 8)],
    Taken = [receive {'DOWN', Monitor, process, Pid, Count} -> Count end || {Pid, Monitor} <- Takers],
    ?assertEqual(1000, lists:sum(Taken)).

none_at_all_is_a_budget() ->
    ok = gwport_log_budget:create(0),
    ?assertNot(gwport_log_budget:take()).

without_the_application_there_is_no_bound() ->
    persistent_term:erase(gwport_log_budget),
    ?assert(gwport_log_budget:take()).

what_is_no_number_of_lines_is_refused_by_name() ->
    [?assertEqual({error, {bad_option, {node_log_lines, Lines, "expected an integer from 0 to 1000000"}}}, gwport_log_budget:create(Lines))
        || Lines <- [-1, 1000001, 1.0, many, "1"]],
    ?assertEqual(ok, gwport_log_budget:create(1000000)).

the_application_does_not_start_with_a_wrong_one() ->
    _ = application:load(gwport),
    ok = application:set_env(gwport, node_log_lines, many),
    try ?assertMatch({error, {bad_option, {node_log_lines, many, _}}}, gwport_app:start(normal, []))
    after application:unset_env(gwport, node_log_lines)
    end.
