%% What of a program's words reaches the log, and as what: a real reader, told by its socket and by log frames.
-module(gwport_log_tests).

-include_lib("eunit/include/eunit.hrl").

log_test_() ->
    {setup, fun() -> persistent_term:get(gwport_log_budget, none) end, fun gwport_log_budget_tests:restore/1,
        {inorder, [{Name, {timeout, 30, with_log(Test)}} || {Name, Test} <- [
            {"every event names the pool and the program", fun whose_words/0},
            {"a line may have a level", fun levels_of_lines/0},
            {"what is below log_level is not logged", fun levels_below/0},
            {"OTP's default level lets through what programs log", fun let_through/0},
            {"a line cannot be forged", fun no_line_is_forged/0},
            {"attributes cannot be forged", fun no_attribute_is_forged/0},
            {"the stack of a panic is a block", fun a_stack_is_a_block/0},
            {"what is no log frame is said to be none", fun unreadable_frames/0},
            {"a long line is cut between characters", fun long_lines/0},
            {"a crash is one event", fun a_crash_is_one_event/0},
            {"a panic that a framework has caught is one event", fun recovered_panics/0},
            {"a program may die of another panic", fun dies_of_another/0},
            {"last words behind a panic that waits for the budget are logged", fun dies_behind_one_that_waits/0},
            {"an empty line is no event", fun empty_lines/0},
            {"a crash lasts until a second of silence", fun silence_ends_a_crash/0},
            {"what goes on for long is no crash", fun a_crash_does_not_last/0},
            {"a crash has so many lines", fun lines_of_a_crash/0},
            {"a crash has so many bytes", fun bytes_of_a_crash/0},
            {"a long crash costs little memory", fun memory_of_a_crash/0},
            {"crashes keep to log_lines", fun crashes_keep_to_the_budget/0},
            {"last words are logged whatever was before", fun last_words/0},
            {"last words may come when the port has ended", fun words_behind_the_end/0},
            {"log_lines 0 is silence", fun silence/0},
            {"a node's budget is for all programs", fun budget_of_the_node/0}]]}}.

with_log(Test) ->
    fun() ->
        Captured = gwport_test:capture_log(),
        ok = logger:set_handler_config(default, level, none),
        try gwport_test:undisturbed(Test)
        after
            ok = logger:set_handler_config(default, level, all),
            gwport_test:release_log(Captured)
        end
    end.

%% A reader, its program, and what it has logged: the levels and texts until it has ended, in order.

said(Lines, Say) ->
    said(Lines, 1000000, Say).

said(Lines, Node, Say) ->
    ok = gwport_log_budget:create(Node),
    Program = start(Lines),
    Say(Program),
    stop(Program),
    logged(Program).

%% With a parent, and with an owner of the port.
start(Lines) ->
    start(Lines, debug).

start(Lines, Level) ->
    Program = #{path := Path} = opened(Lines, Level),
    {ok, Socket} = gen_tcp:connect({local, Path}, 0, [binary, {active, false}]),
    Program#{socket => Socket}.

opened(Lines) ->
    opened(Lines, debug).

opened(Lines, Level) ->
    Self = self(),
    Parent = spawn(fun() ->
        {ok, Pid} = gwport_log:start_link(#{pool => test, log_lines => Lines, log_level => Level}),
        Self ! {self(), Pid},
        receive stop -> ok end
    end),
    Pid = receive {Parent, P} -> P end,
    Owner = spawn(fun() ->
        Opened = {Log, _} = gwport_log:open(Pid),
        ok = gwport_log:belongs(Log, 4711),
        Self ! {self(), Opened},
        receive stop -> ok end
    end),
    {Log, Path} = receive {Owner, Answer} -> Answer end,
    #{pid => Pid, log => Log, path => Path, parent => Parent, owner => Owner}.

%% The program ends, and its port; when all is read the reader does.
stop(#{pid := Pid, socket := Socket, owner := Owner, parent := Parent}) ->
    Monitor = erlang:monitor(process, Pid),
    ok = gen_tcp:close(Socket),
    Owner ! stop,
    receive {'DOWN', Monitor, process, Pid, normal} -> ok end,
    Parent ! stop.

print(#{socket := Socket}, Data) ->
    ok = gen_tcp:send(Socket, Data).

frame(#{log := Log}, Term) ->
    gwport_log:frame(Log, term_to_binary(Term)).

logged(Program = #{pid := Pid}) ->
    receive
        {log_event, Level, Text, #{pid := Pid}} -> [{Level, Text} | logged(Program)]
    after 0 -> []
    end.

%% Waits until the reader has logged a crash, which is left to be seen.
await_crash(#{pid := Pid}) ->
    receive Event = {log_event, error, _, #{pid := Pid}} -> self() ! Event, ok
    after 25000 -> error(silence)
    end.

%% Metadata

whose_words() ->
    %% Printed, logged, a crash, and what is said of lines that were too many.
    ok = gwport_log_budget:create(1000),
    Program = #{pid := Pid} = start(2),
    print(Program, "hello\n"),
    frame(Program, {6, <<"hello">>, #{}}),
    print(Program, "too many\npanic: boom\n"),
    stop(Program),
    Events = events(Pid),
    ?assertEqual(4, length(Events)),
    [?assertMatch(#{pool := test, os_pid := 4711}, Meta) || Meta <- Events].

events(Pid) ->
    receive {log_event, _, _, Meta = #{pid := Pid}} -> [Meta | events(Pid)]
    after 0 -> []
    end.

%% Levels

levels_of_lines() ->
    ?assertEqual([{emergency, <<"zero">>}, {error, <<"three">>}, {warning, <<>>}, {info, <<"a=1">>}, {debug, <<"seven">>},
            {notice, <<"<8>eight">>}, {notice, <<"<3 three">>}, {notice, <<" <3>three">>}, {info, <<"\"\\x1b\"">>}],
        said(1000, fun(Program) ->
            print(Program, "<0>zero\n<3>three\n<4>\n<6>a=1\n<7>seven\n<8>eight\n<3 three\n <3>three\n<6>\e\n")
        end)).

levels_below() ->
    %% Nor counted: neither as a line of the budget nor as one that was discarded.
    ok = gwport_log_budget:create(1000),
    Levels = [error, warning, notice, info, debug],
    [begin
        Program = start(length(Kept), Level),
        _ = [frame(Program, {N, <<"logged">>, #{}}) || N <- [7, 6, 5, 4, 3]],
        stop(Program),
        ?assertEqual(lists:reverse([{L, <<"logged">>} || L <- Kept]), logged(Program))
    end || {Level, Kept} <- lists:zip(Levels, [lists:sublist(Levels, N) || N <- lists:seq(1, 5)])].

let_through() ->
    #{level := Before} = logger:get_primary_config(),
    Modules = logger:get_module_level(gwport_log),
    ok = logger:unset_module_level(gwport_log),
    try
        Seen = fun(Level) ->
            ok = logger:set_primary_config(level, Level),
            Done = gwport_log:let_through(),
            Events = said(1000, fun(Program) -> frame(Program, {6, <<"info">>, #{}}) end),
            ok = gwport_log:withhold(Done),
            {Done, Events, logger:get_module_level(gwport_log)}
        end,
        ?assertEqual({true, [{info, <<"info">>}], []}, Seen(notice)),
        ?assertEqual({false, [], []}, Seen(warning)),
        ?assertEqual({false, [{info, <<"info">>}], []}, Seen(info)),
        ok = logger:set_module_level(gwport_log, error),
        ?assertEqual({false, [], [{gwport_log, error}]}, Seen(notice)),
        %% What somebody has set since is left alone.
        ok = gwport_log:withhold(true),
        ?assertEqual([{gwport_log, error}], logger:get_module_level(gwport_log))
    after
        ok = logger:set_primary_config(level, Before),
        ok = logger:unset_module_level(gwport_log),
        [ok = logger:set_module_level(gwport_log, Level) || {_, Level} <- Modules]
    end.

%% Forging

no_line_is_forged() ->
    Forged = "=ERROR REPORT==== gwport: the owner of a port failed",
    ?assertEqual([
        {notice, <<"hello">>},
        {notice, iolist_to_binary(["\"hello\\r", Forged, "\""])},
        {notice, iolist_to_binary(["\"\\x1b[2J\\x00", Forged, "\""])},
        {notice, <<"\"caf\\xe9\"">>},
        {error, iolist_to_binary(["panic: x\n    \"\\x1b[2J", Forged, "\"\n    ", Forged])}
    ], said(1000, fun(Program) ->
        print(Program, ["hello\r\nhello\r", Forged, "\n\e[2J", 0, Forged, "\ncaf", 16#e9, "\n"]),
        print(Program, ["panic: x\n\e[2J", Forged, "\n", Forged, "\n"])
    end)),
    ?assertEqual([{info, iolist_to_binary(["\"hello\\n", Forged, "\""])}],
        said(1000, fun(Program) -> frame(Program, {6, iolist_to_binary(["hello\n", Forged]), #{}}) end)).

no_attribute_is_forged() ->
    ?assertEqual([
        {info, <<"hello a=1 b=true c=\"x user=admin\" \"d e\"=\"\\n\" f=1.5">>},
        {info, <<"\"hello user=admin\" id=1">>}
    ], said(1000, fun(Program) ->
        frame(Program, {6, <<"hello">>, #{<<"a">> => 1, <<"b">> => true, <<"c">> => <<"x user=admin">>,
            <<"d e">> => <<"\n">>, <<"f">> => 1.5}}),
        frame(Program, {6, <<"hello user=admin">>, #{<<"id">> => 1}})
    end)).

a_stack_is_a_block() ->
    ?assertEqual([
        {error, <<"bridge: panic stream=256\n    goroutine 1 [running]:\n    \t/a.go:1\n    \"\\x1b[2J\"">>},
        {error, <<"odd\n    1">>}
    ], said(1000, fun(Program) ->
        frame(Program, {3, <<"bridge: panic">>, #{<<"stream">> => 256,
            <<"stack">> => <<"goroutine 1 [running]:\n\t/a.go:1\n\e[2J\n">>}}),
        frame(Program, {3, <<"odd">>, #{<<"stack">> => 1}})
    end)).

unreadable_frames() ->
    Frames = [{6, "text", #{}}, {6, <<"text">>, []}, {six, <<"text">>, #{}}, {6, <<"text">>, #{a => 1}},
        {6, <<"text">>, #{<<"a">> => {1}}}, {6, <<"text">>, #{<<"a">> => [1]}}, {6, <<"text">>, #{<<"a">> => error}}],
    ?assertEqual([{warning, <<"a log frame that cannot be read">>} || _ <- Frames],
        said(1000, fun(Program) -> [frame(Program, Frame) || Frame <- Frames] end)).

%% Long lines

long_lines() ->
    Line = binary:copy(<<"€"/utf8>>, 10000),
    Texts = [Text || {notice, Text} <- said(1000, fun(Program) -> print(Program, [Line, "\n", Line, "\n"]) end)],
    ?assertEqual(<<Line/binary, Line/binary>>, iolist_to_binary(Texts)),
    [?assert(byte_size(Text) =< 8192) || Text <- Texts],
    [?assertNotEqual($", binary:first(Text)) || Text <- Texts].

%% Crashes

a_crash_is_one_event() ->
    ?assertEqual([
        {notice, <<"SIGHUP received">>},
        {notice, <<"runtime: started">>},
        {error, <<"panic: boom\n    \n    goroutine 1 [running]:">>}
    ], said(1000, fun(Program) ->
        print(Program, "SIGHUP received\nruntime: started\npanic: boom\n\ngoroutine 1 [running]:\n")
    end)).

recovered_panics() ->
    %% As gin, chi and net/http print them; what comes later is a line again, long before a second has passed.
    [begin
        Events = said(1000, fun(Program) ->
            print(Program, [[Line, "\n"] || Line <- Lines]),
            await_crash(Program),
            print(Program, "alive\n")
        end),
        [First | Rest] = lists:dropwhile(fun(Line) -> Line =:= "" end, Lines),
        ?assertEqual([{error, gwport_line:block([list_to_binary(Line) || Line <- [First | Rest]])}, {notice, <<"alive">>}],
            Events)
    end || Lines <- [
        ["", "", "\e[31m2026/11/27 07:01:40 [Recovery] 2026/11/27 - 07:01:40 panic recovered:", "boom",
            "/a.go:5 (0x1243564)", "\tf: panic(\"boom\")", "\e[0m"],
        ["", " panic: boom", " ", " -> main.f", " ->   /a.go:8", "", "    net/http.HandlerFunc.ServeHTTP"],
        ["2026/11/27 07:01:40 http: panic serving 127.0.0.1:56466: boom", "goroutine 7 [running]:", "main.f()",
            "\t/a.go:14 +0x25"]]].

dies_of_another() ->
    ?assertEqual([{error, <<" panic: boom\n    panic: last\n    goroutine 1 [running]:">>}], said(1000, fun(Program) ->
        print(Program, " panic: boom\npanic: last\n"),
        print(Program, "goroutine 1 [running]:\n")
    end)).

dies_behind_one_that_waits() ->
    %% The node's lines are spent when a caught panic is over: it is closed, and waits. Then the program dies.
    ok = gwport_log_budget:create(0),
    try
        Program = start(1),
        print(Program, " panic: caught\n"),
        gwport_test:until(fun() -> is_closed(sys:get_state(maps:get(pid, Program))) end),
        print(Program, "panic: last\ngoroutine 1 [running]:\n"),
        stop(Program),
        ?assertEqual([<<"panic: last\n    goroutine 1 [running]:">>], [Text || {error, Text} <- logged(Program)])
    after
        ok = gwport_log_budget:create(1000)
    end.

%% Whether a crash is over, and waits for the budget.
is_closed(State) ->
    lists:any(fun gwport_log_crash:is_closed/1, [Field || Field <- tuple_to_list(State),
        is_tuple(Field), element(1, Field) =:= crash]).

empty_lines() ->
    ?assertEqual([{notice, <<"one">>}, {notice, <<"two">>}], said(2, fun(Program) -> print(Program, "\n\r\none\n\ntwo\n\n") end)).

silence_ends_a_crash() ->
    %% Lines that come one by one are one crash; behind a second without any they are lines again. How close they
    %% must come is tested by given times in gwport_log_crash_tests: a busy machine cannot be relied on to be quick.
    ?assertEqual([
        {error, <<"panic: boom\n    one\n    two\n    three\n    four\n    five">>},
        {notice, <<"alive">>}
    ], said(1000, fun(Program) ->
        [print(Program, [Line, "\n"]) || Line <- ["panic: boom", "one", "two", "three", "four", "five"]],
        await_crash(Program),
        print(Program, "alive\n")
    end)).

a_crash_does_not_last() ->
    %% A program that goes on talking has not crashed.
    Events = said(1000, fun(Program) ->
        [begin print(Program, [Line, "\n"]), timer:sleep(500) end || Line <- ["panic: boom" | lists:duplicate(12, "still here")]]
    end),
    [{error, <<"panic: boom\n    still here", _/binary>>} | Rest] = Events,
    ?assert(length(Rest) >= 1),
    [?assertEqual({notice, <<"still here">>}, Event) || Event <- Rest].

lines_of_a_crash() ->
    [begin
        [{error, Text} | Rest] = said(1000, fun(Program) ->
            print(Program, ["panic: boom\n", lists:duplicate(Lines - 1, "line\n")])
        end),
        ?assertEqual(Kept, length(binary:split(Text, <<"\n">>, [global]))),
        ?assertEqual(Discarded, Rest)
    end || {Lines, Kept, Discarded} <- [{1999, 1999, []}, {2000, 2000, []},
        {2001, 2000, [{warning, <<"gwport: 1 lines of pool test were discarded">>}]}]].

bytes_of_a_crash() ->
    %% 262,144 bytes, and not one more.
    Long = [binary:copy(<<"x">>, 8192), "\n"],
    Most = ["panic: ", binary:copy(<<"y">>, 8185), "\n" | lists:duplicate(31, Long)],
    [begin
        [{error, Text} | Rest] = said(1000, fun(Program) -> print(Program, [Most, More]) end),
        ?assertEqual(262144 + Breaks * 5, byte_size(Text)),
        ?assertEqual(Discarded, Rest)
    end || {More, Breaks, Discarded} <- [{"", 31, []}, {"\n", 32, []}, {"z\n", 31, [{warning, <<"gwport: 1 lines of pool test were discarded">>}]}]].

memory_of_a_crash() ->
    %% Long lines behind one that looks like a crash: what is kept is bounded, and what becomes of it.
    ok = gwport_log_budget:create(1000),
    Program = start(1000),
    Before = erlang:memory(total),
    Watcher = spawn_link(fun() -> watch_memory(0) end),
    print(Program, "panic: \n"),
    [print(Program, [binary:copy(<<"x">>, 8191), "\n"]) || _ <- lists:seq(1, 2500)],
    stop(Program),
    Watcher ! {self(), most},
    Most = receive {Watcher, M} -> M end,
    [{error, _} | _] = logged(Program),
    ?assert(Most - Before < 100000000).

watch_memory(Most) ->
    Now = max(Most, erlang:memory(total)),
    receive {Pid, most} -> Pid ! {self(), Now}
    after 1 -> watch_memory(Now)
    end.

%% The budget

crashes_keep_to_the_budget() ->
    %% Two lines in a second: a crash is one, and one that is too many waits for the next second, while what is behind
    %% it is discarded.
    Events = said(2, fun(Program) ->
        print(Program, "one\ntwo\nthree\npanic: boom\ngoroutine 1\n"),
        await_crash(Program),
        print(Program, "alive\n")
    end),
    ?assertEqual([{notice, <<"one">>}, {notice, <<"two">>}, {error, <<"panic: boom\n    goroutine 1">>},
        {notice, <<"alive">>}], [Event || Event = {Level, _} <- Events, Level =/= warning]),
    ?assertEqual([<<"gwport: 1 lines of pool test were discarded">>], [Text || {warning, Text} <- Events]).

last_words() ->
    ?assertEqual([{notice, <<"one">>}, {error, <<"panic: boom\n    goroutine 1">>},
        {warning, <<"gwport: 1 lines of pool test were discarded">>}],
        said(1, 1, fun(Program) -> print(Program, "one\ntwo\npanic: boom\ngoroutine 1\n") end)).

words_behind_the_end() ->
    %% A program that ends soon after its start is known to have ended before its connection is taken.
    ok = gwport_log_budget:create(1000),
    Program = #{owner := Owner, pid := Pid, path := Path, parent := Parent} = opened(1000),
    _ = [erlang:monitor(process, P) || P <- [Owner, Pid]],
    Owner ! stop,
    receive {'DOWN', _, process, Owner, normal} -> ok end,
    {ok, Socket} = gen_tcp:connect({local, Path}, 0, [binary, {active, false}]),
    ok = gen_tcp:send(Socket, "panic: boom\n"),
    ok = gen_tcp:close(Socket),
    receive {'DOWN', _, process, Pid, normal} -> ok end,
    ?assertEqual([{error, <<"panic: boom">>}], logged(Program)),
    ?assertNot(filelib:is_dir(filename:dirname(Path))),
    Parent ! stop.

silence() ->
    ?assertEqual([{warning, <<"gwport: 5 lines of pool test were discarded">>}],
        said(0, fun(Program) ->
            print(Program, "one\npanic: boom\ngoroutine 1\n"),
            frame(Program, {3, <<"three">>, #{<<"dropped">> => 1}})
        end)).

budget_of_the_node() ->
    %% Three programs, each of which might write more than the node has.
    ok = gwport_log_budget:create(5),
    Programs = [start(1000) || _ <- [1, 2, 3]],
    aligned(),
    [print(Program, lists:duplicate(4, "line\n")) || Program <- Programs],
    [stop(Program) || Program <- Programs],
    Events = lists:append([logged(Program) || Program <- Programs]),
    ?assertEqual(5, length([line || {notice, <<"line">>} <- Events])),
    ?assertEqual(7, lists:sum([binary_to_integer(hd(binary:split(Count, <<" ">>)))
        || {warning, <<"gwport: ", Count/binary>>} <- Events])).

%% Waits for the beginning of a second.
aligned() ->
    Second = erlang:monotonic_time(second),
    gwport_test:until(fun() -> erlang:monotonic_time(second) =/= Second end).
