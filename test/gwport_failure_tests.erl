-module(gwport_failure_tests).

-include_lib("eunit/include/eunit.hrl").

-define(SECRET, "secret-4711").

a_callback_that_returns_is_left_alone_test() ->
    ?assertEqual({noreply, state}, gwport_failure:callback("x", other, fun() -> {noreply, state} end)).

what_a_process_exits_with_on_purpose_is_passed_on_test_() ->
    [?_assertExit(Reason, gwport_failure:run("x", fun() -> exit(Reason) end)) || Reason <- [normal, shutdown]].

%% Whatever is thrown, and whatever is in the arguments of who threw it.
a_failure_is_told_without_what_it_was_about_test_() ->
    [{lists:concat([Tag]), ?_test(begin
        Captured = gwport_test:capture_log(),
        ok = logger:set_handler_config(default, level, none),
        try
            ?assertEqual({stop, {shutdown, {failed, Tag}}, state}, gwport_failure:callback("x", state, Fun)),
            ?assertExit({shutdown, {failed, Tag}}, gwport_failure:run("x", Fun)),
            [begin
                {error, Text, Meta} = gwport_test:expect_log("gwport: x failed: "),
                ?assertEqual(nomatch, string:find(Text, ?SECRET)),
                ?assertEqual(nomatch, string:find(io_lib:format("~0p", [Meta]), ?SECRET)),
                ?assertNotEqual(nomatch, string:find(Text, "gwport_failure"))
            end || _ <- [callback, run]]
        after
            ok = logger:set_handler_config(default, level, all),
            gwport_test:release_log(Captured)
        end
    end)} || {Tag, Fun} <- failures()].

failures() ->
    [{function_clause, fun() -> lists:foldl(fun(x, _) -> y end, 0, hidden([list_to_binary(?SECRET)])) end},
        {badarg, fun() -> binary_to_integer(hidden(list_to_binary(?SECRET))) end},
        {badmatch, fun() -> {error, _} = hidden({ok, ?SECRET}) end},
        {case_clause, fun() -> case hidden(?SECRET) of none -> ok end end},
        {nocatch, fun() -> error({nocatch, ?SECRET}) end},
        {other, fun() -> throw(?SECRET) end},
        {other, fun() -> exit({?SECRET, reason}) end},
        {broken, fun() -> exit({{broken, ?SECRET}, [{m, f, [?SECRET], []}]}) end},
        {other, fun() -> exit({?SECRET, [{m, f, [?SECRET], []}]}) end},
        {timeout, fun() -> exit({timeout, {gen_server, call, [self(), ?SECRET]}}) end},
        {'EXIT', fun() -> exit({'EXIT', self(), ?SECRET}) end}].

hidden(Value) ->
    binary_to_term(term_to_binary(Value)).

the_status_of_a_process_shows_nothing_it_holds_test() ->
    Status = #{state => ?SECRET, message => {tcp, ?SECRET}, log => [{in, ?SECRET}],
        reason => {{badmatch, ?SECRET}, [{m, f, [?SECRET], [{line, 1}]}]}},
    ?assertEqual(#{state => hidden, message => hidden, log => [], reason => {badmatch, [{m, f, 1, 1}]}},
        gwport_failure:status(Status)),
    ?assertEqual(#{reason => normal}, gwport_failure:status(#{reason => normal})).

nothing_that_waits_is_left_test() ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        self() ! ?SECRET,
        ok = gwport_failure:forget(),
        self() ! ?SECRET,
        {messages, []} = process_info(self(), messages),
        receive Message -> exit({got, Message}) end
    end),
    receive {'DOWN', Monitor, process, Pid, Reason} -> ?assertEqual({got, ?SECRET}, Reason) end.
