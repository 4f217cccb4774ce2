%% What the log says of a program's life.
-module(gwport_life_tests).

-include_lib("eunit/include/eunit.hrl").

-define(PROGRAM, #{name => <<"till">>, program_version => <<"v1.2.3">>}).
-define(COUNTS, #{in_flight => 2, served => 17}).

%% Each in a process of its own, whose metadata is changed.
life_test_() ->
    [{spawn, Test} || Test <- [
        fun a_program_is_up_with_its_name_and_its_time/0,
        fun what_a_program_calls_itself_is_quoted/0,
        fun a_program_drains_and_somebody_wanted_it/0,
        fun a_program_is_asked_to_end_and_killed/0,
        fun an_end_is_said_with_its_reason_and_status/0,
        fun an_end_that_was_wanted_or_is_known_is_no_error/0,
        fun an_end_is_counted_by_its_reason/0, fun events_name_pool_and_program/0, fun a_pool_may_have_any_name/0
    ]].

a_program_is_up_with_its_name_and_its_time() ->
    [{notice, Text}] = said(fun() -> up(4711, ?PROGRAM) end),
    ?assertMatch({match, _}, re:run(Text,
        "^gwport: the program of pool shop \\(till v1\\.2\\.3, OS pid 4711\\) is up, ready after [0-9]+ ms$")).

what_a_program_calls_itself_is_quoted() ->
    [{notice, Text}] = said(fun() -> up(4711, #{name => <<"till\n">>, program_version => <<>>}) end),
    ?assertNotEqual(nomatch, string:find(Text, "(\"till\\n\", OS pid 4711)")).

a_program_drains_and_somebody_wanted_it() ->
    Life = quietly(fun() -> up(4711, ?PROGRAM) end),
    Whose = "gwport: the program of pool shop (till v1.2.3, OS pid 4711) ",
    [?assertEqual([{notice, iolist_to_binary([Whose, Text])}],
        said(fun() -> gwport_life:drains(Who, {?COUNTS, Life}) end))
        || {Who, Text} <- [{told, "drains, as it was told to: 2 requests under way, 17 answered"},
            {replaced, "is replaced, and drains: 2 requests under way, 17 answered"},
            {{recycled, <<"it has run for 9000 ms">>},
                "is recycled, because it has run for 9000 ms, and drains: 2 requests under way, 17 answered"},
            {itself, "drains, of its own accord: 2 requests under way, 17 answered"}]].

a_program_is_asked_to_end_and_killed() ->
    Life = quietly(fun() -> up(4711, ?PROGRAM) end),
    Whose = "gwport: the program of pool shop (till v1.2.3, OS pid 4711) ",
    [?assertEqual([{warning, iolist_to_binary([Whose, Text])}], said(fun() -> gwport_life:is_ended(How, 300, Life) end))
        || {How, Text} <- [{term, "has not ended within 300 ms; it is sent SIGTERM"},
            {kill, "has not ended within 300 ms of SIGTERM; it is killed"}]].

an_end_is_said_with_its_reason_and_status() ->
    [?assertEqual([{error, text(["ended while ", Text])}], ends(Ended, Status)) || {Text, Ended, Status} <- [
        {"serving: closed, exit status 3", {serving, closed}, 3},
        {"serving: it took no more input (epipe), exit status not told by OTP", {serving, epipe}, unknown},
        {"draining: timeout, exit status 137 (signal 9)", {draining, timeout}, 137},
        {"serving: its port failed (badarg), exit status not told by OTP",
            {serving, {owner_failed, badarg}}, unknown},
        {"greeting: {writer,killed}, exit status 0", {greeting, {writer, killed}}, 0}]].

an_end_is_counted_by_its_reason() ->
    ok = gwport_count:create(shop),
    Life = quietly(fun() -> up(4711, ?PROGRAM) end),
    [begin
        {ok, #{ends := Before, programs := Programs}} = gwport_count:counts(shop),
        _ = said(fun() -> gwport_life:gone(Ended, Status, {?COUNTS, Of(Life)}) end),
        {ok, #{ends := After, programs := Now}} = gwport_count:counts(shop),
        ?assertEqual({Ended, [Why]}, {Ended, [R || R <- maps:keys(After), maps:get(R, After) > maps:get(R, Before)]}),
        ?assertEqual({Ended, [How]}, {Ended, [E || E <- maps:keys(Now), maps:get(E, Now) > maps:get(E, Programs)]})
    end || {How, Why, Ended, Status, Of} <- [
        {drained, told, undefined, 0, fun same/1}, {drained, told, {greeting, stopped}, 0, fun same/1},
        {drained, told, {draining, closed}, 0, drains(told)}, {drained, replaced, {draining, closed}, 0, drains(replaced)},
        {drained, recycled, {draining, closed}, 0, drains({recycled, <<"of its age">>})},
        {drained, own_accord, {draining, closed}, 143, drains(itself)}, {drained, replaced, undefined, unknown, drains(replaced)},
        {failed, not_ready, {greeting, closed}, 3, fun same/1}, {failed, not_ready, {greeting, {wire_fault, bad_greeting}}, 0, fun same/1},
        {failed, exited, {serving, closed}, 3, fun same/1}, {failed, exited, {serving, epipe}, unknown, fun same/1},
        {failed, signal, {serving, lifeless}, 137, fun same/1},
        {failed, unresponsive, {serving, {wire_fault, failed}}, 137, fun same/1},
        {failed, broke_wire, {serving, {wire_fault, bad_frame}}, 137, fun same/1},
        {failed, gave_up, {serving, {fault, failed}}, 1, fun same/1},
        {failed, drain_timeout, {draining, timeout}, 137, drains(told)},
        {failed, port_failed, {greeting, {owner_failed, badarg}}, unknown, fun same/1},
        {failed, port_failed, {serving, {watch, killed}}, 0, fun same/1}]],
    ok = gwport_count:delete(shop).

same(Life) -> Life.

drains(Who) ->
    fun(Life) -> quietly(fun() -> gwport_life:drains(Who, {?COUNTS, Life}) end) end.

an_end_that_was_wanted_or_is_known_is_no_error() ->
    [?assertEqual([{notice, text(["is gone: ", Text, ", exit status 0"])}], ends(Ended, 0)) || {Text, Ended} <- [
        {"its port was stopped", undefined}, {"it has drained", {draining, closed}},
        {"it was stopped before it was ready", {draining, stopped}},
        {"bad_frame", {serving, {wire_fault, bad_frame}}}, {"failed", {greeting, {fault, failed}}}]].

text(What) ->
    iolist_to_binary(["gwport: the program of pool shop (OS pid not known) ", What, "; 17 requests answered in 0 ms"]).

%% How long it has lived is not to be known here to the millisecond.
ends(Ended, Status) ->
    Life = gwport_life:began(#{name => shop, os_pid => undefined}),
    [{Level, re:replace(Text, "in [0-9]+ ms$", "in 0 ms", [{return, binary}])}
        || {Level, Text} <- said(fun() -> gwport_life:gone(Ended, Status, {?COUNTS, Life}) end)].

events_name_pool_and_program() ->
    logger:set_process_metadata(#{other => 1}),
    Log = gwport_test:capture_log(),
    try
        _ = up(4711, ?PROGRAM),
        ?assertMatch({notice, _, #{pool := shop, os_pid := 4711, other := 1}}, gwport_test:expect_log("is up"))
    after
        gwport_test:release_log(Log)
    end.

a_pool_may_have_any_name() ->
    Whose = "gwport: the program of pool лавка (till v1.2.3, OS pid 4711) ",
    Life = gwport_life:began(#{name => 'лавка', os_pid => 4711}),
    [{notice, Up}] = said(fun() -> self() ! {life, gwport_life:up(?PROGRAM, Life)} end),
    Known = receive {life, Greeted} -> Greeted end,
    [{notice, Drains}] = said(fun() -> gwport_life:drains(itself, {?COUNTS, Known}) end),
    [{error, Gone}] = said(fun() -> gwport_life:gone({serving, closed}, 1, {?COUNTS, Known}) end),
    [?assertNotEqual({Text, nomatch}, {Text, string:prefix(Text, Whose)}) || Text <- [Up, Drains, Gone]].

up(OsPid, Program) ->
    gwport_life:up(Program, gwport_life:began(#{name => shop, os_pid => OsPid})).

quietly(Fun) ->
    Log = gwport_test:capture_log(),
    try Fun() after gwport_test:release_log(Log), lines() end.

said(Fun) ->
    Log = gwport_test:capture_log(),
    try
        _ = Fun(),
        lines()
    after
        gwport_test:release_log(Log)
    end.

lines() ->
    receive
        {log_event, Level, Text = <<"gwport:", _/binary>>, _} -> [{Level, Text} | lines()];
        {log_event, _, _, _} -> lines()
    after 0 -> []
    end.

%% In words, for who looks at the pool.
why_it_has_ended_is_said_in_words_test_() ->
    [?_assertEqual(Text, gwport_life:ended(Ended, Status, "/bin/sh", <<"a sentence">>)) || {Text, Ended, Status} <- [
        {<<"its port was stopped">>, undefined, 0}, {<<"it has drained">>, {draining, closed}, 0},
        {<<"it was stopped before it was ready">>, {draining, stopped}, 0},
        {<<"its port failed while serving">>, {serving, {owner_failed, badarg}}, unknown},
        {<<"a sentence">>, {serving, {wire_fault, bad_frame}}, 0}, {<<"a sentence">>, {greeting, {fault, failed}}, 1},
        {<<"it ended before it was ready, exit status 2">>, {greeting, closed}, 2},
        {<<"it ended before it was ready, killed by signal 9">>, {greeting, closed}, 137},
        {<<"it ended while greeting, exit status 0">>, {greeting, closed}, 0},
        {<<"it ended while serving, exit status not told by OTP">>, {serving, epipe}, unknown},
        {<<"it ended while serving, killed by signal 11">>, {serving, closed}, 139},
        {<<"it ended while draining (timeout), killed by signal 9">>, {draining, timeout}, 137}]].
