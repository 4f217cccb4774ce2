%% What an operator can ask of a pool's programs while they serve: stacks and profiles, and what is said where
%% there are none.
-module(gwport_evidence_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, parallel}].

groups() ->
    [{parallel, [parallel], [
        stacks_are_those_of_handlers, each_program_of_a_pool_is_asked, pprof_reads_a_heap_profile,
        pprof_reads_a_cpu_profile_taken_under_load, a_profile_is_written_to_a_file, two_profiles_at_once,
        an_answer_has_max_size_bytes_at_most, what_nobody_has_asked_is_ignored, unknown_evidence,
        an_answer_that_does_not_come, a_program_that_ends, a_misshapen_part_is_a_wire_fault,
        a_handler_that_overruns_its_deadline_is_in_the_log, too_many_that_overrun_are_in_the_log_before_the_drain,
        a_program_without_the_capability, no_pool_and_no_port, a_wrong_option_is_named
    ]}].

init_per_suite(Config) ->
    [{Name, gwport_probe:build(atom_to_list(Name))} || Name <- [flowport, badport]] ++ Config.

end_per_suite(_) ->
    ok.

init_per_group(parallel, Config) ->
    gwport_test:mount(stream),
    [{log, gwport_probe:start_log()} | Config].

end_per_group(parallel, Config) ->
    gwport_probe:stop_log(proplists:get_value(log, Config)).

stacks_are_those_of_handlers(Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    gwport_probe:await_ports(Server, 1),
    Socket = sleeping(Server),
    OsPid = gwport_test:os_pid(Server),
    {ok, [{OsPid, Stacks}]} = gwport:stacks(Pool),
    ?assertNotEqual(nomatch, string:find(Stacks, "(*faults).sleep")),
    ?assertMatch({ok, [{OsPid, <<"goroutine ", _/binary>>}]}, gwport:stacks(Pool, [{os_pid, OsPid}, {timeout, 5000}])),
    ?assertEqual([], queued()),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

each_program_of_a_pool_is_asked(Config) ->
    %% A spare one, too.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{ports => 2, spare => 1}}, Config),
    gwport_test:until(fun() -> [serving, serving, spare] =:= lists:sort([State || #{state := State} <- gwport_test:ports(Server)]) end),
    Ports = gwport_test:ports(Server),
    {ok, Stacks} = gwport:stacks(Pool),
    ?assertEqual(lists:sort([OsPid || #{os_pid := OsPid} <- Ports]), lists:sort([OsPid || {OsPid, _} <- Stacks])),
    [?assertMatch(<<"goroutine ", _/binary>>, Text) || {_, Text} <- Stacks],
    gwport_probe:stop(Server).

pprof_reads_a_heap_profile(Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    gwport_probe:await_ports(Server, 1),
    {ok, Profile} = gwport:profile(Pool, heap, #{}),
    ?assertNotEqual(nomatch, string:find(pprof("-raw", Profile, Config), "inuse_space/bytes")),
    gwport_probe:stop(Server).

pprof_reads_a_cpu_profile_taken_under_load(Config) ->
    %% A handler that computes is seen in it, and requests are answered meanwhile.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    gwport_probe:await_ports(Server, 1),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "GET /faults/spin?s=60&tag=spins HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, "spins")) =/= <<>> end),
    {Asker, Monitor} = spawn_monitor(fun() -> exit(gwport:profile(Pool, cpu, [{seconds, 1}])) end),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    Profile = receive {'DOWN', Monitor, process, Asker, {ok, Taken}} -> Taken end,
    ?assertNotEqual(nomatch, string:find(pprof("-top", Profile, Config), "spin")),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

a_profile_is_written_to_a_file(Config) ->
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    gwport_probe:await_ports(Server, 1),
    File = filename:join(proplists:get_value(priv_dir, Config), "written.pprof"),
    ?assertEqual({ok, File}, gwport:profile(Pool, heap, #{file => File})),
    {ok, Profile} = file:read_file(File),
    ?assertNotEqual(nomatch, string:find(pprof("-raw", Profile, Config), "inuse_space/bytes")),
    ?assertMatch({error, {bad_option, {file, _, "no such folder"}}},
        gwport:profile(Pool, heap, #{file => filename:join([File ++ ".none", "x"])})),
    ?assertMatch({error, {bad_option, {file, _, "a folder"}}},
        gwport:profile(Pool, heap, #{file => filename:dirname(File)})),
    {error, {file, Why}} = gwport:profile(Pool, heap, #{file => filename:join(filename:dirname(File),
        lists:duplicate(300, $x))}),
    ?assertNotEqual(nomatch, string:find(Why, "cannot be written")),
    gwport_probe:stop(Server).

two_profiles_at_once(Config) ->
    %% The second is told so; stacks are to be had meanwhile.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    gwport_probe:await_ports(Server, 1),
    Asker = spawn_link(fun() -> gwport:profile(Pool, cpu, #{seconds => 600}) end),
    await_asking(Asker),
    {error, {busy, Why}} = gwport:profile(Pool, cpu, #{seconds => 1}),
    ?assertNotEqual(nomatch, string:find(Why, "is asked for the same already")),
    ?assertMatch({ok, [{_, <<"goroutine ", _/binary>>}]}, gwport:stacks(Pool)),
    ?assertMatch({ok, _}, gwport:profile(Pool, heap, #{})),
    unlink(Asker),
    exit(Asker, kill),
    gwport_probe:stop(Server).

an_answer_has_max_size_bytes_at_most(Config) ->
    %% The bridge says so itself, and a program that sends a byte more is not believed.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    gwport_probe:await_ports(Server, 1),
    {error, {too_large, Why}} = gwport:profile(Pool, heap, #{max_size => 100}),
    ?assertNotEqual(nomatch, string:find(Why, "100 bytes, which is max_size")),
    {ok, [{_, {error, {too_large, _}}}]} = gwport:stacks(Pool, #{max_size => 1}),
    gwport_probe:stop(Server),
    [begin
        Bad = #{pool := BadPool} = gwport_probe:bad("tells/" ++ Tells, Config),
        gwport_probe:await_ports(Bad, 1),
        ?assertMatch(Expected, {Tells, outcome(gwport:profile(BadPool, heap, #{max_size => 100000}))}),
        gwport_probe:stop(Bad)
    end || {Tells, _} = Expected <- [{"edge", 100000}, {"more", too_large}]].

outcome({ok, Profile}) -> byte_size(Profile);
outcome({error, {Reason, _}}) -> Reason.

what_nobody_has_asked_is_ignored(Config) ->
    %% As are a result that nobody knows, and what comes behind the end; the text is quoted.
    Server = #{pool := Pool} = gwport_probe:bad("tells/odd", Config),
    gwport_probe:await_ports(Server, 1),
    OsPid = gwport_test:os_pid(Server),
    {error, {failed, Why}} = gwport:profile(Pool, heap, #{}),
    ?assertNotEqual(nomatch, string:find(Why, "odd")),
    ?assertEqual(nomatch, string:find(Why, "\n")),
    {error, {failed, _}} = gwport:profile(Pool, heap, #{}),
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    gwport_probe:stop(Server).

unknown_evidence(Config) ->
    Server = #{pool := Pool} = gwport_probe:bad("tells/unknown", Config),
    gwport_probe:await_ports(Server, 1),
    ?assertMatch({error, {unknown, _}}, gwport:profile(Pool, heap, #{})),
    gwport_probe:stop(Server).

an_answer_that_does_not_come(Config) ->
    %% Sixteen may be waited for at a time; what is given up makes room.
    Server = #{pool := Pool} = gwport_probe:bad("tells/nothing", Config),
    gwport_probe:await_ports(Server, 1),
    {error, {timeout, Why}} = gwport:profile(Pool, heap, #{timeout => 1}),
    ?assertNotEqual(nomatch, string:find(Why, "has not answered within 1 ms")),
    {error, {timeout, More}} = gwport:profile(Pool, cpu, #{timeout => 1, seconds => 1}),
    ?assertNotEqual(nomatch, string:find(More, "within the 1000 ms of the profile and 1 ms more")),
    ?assertEqual([], queued()),
    Waiting = [spawn_link(fun() -> gwport:profile(Pool, heap, #{timeout => 600000}) end) || _ <- lists:seq(1, 16)],
    [await_asking(Pid) || Pid <- Waiting],
    ?assertMatch({error, {busy, _}}, gwport:profile(Pool, heap, #{})),
    [begin unlink(Pid), exit(Pid, kill) end || Pid <- Waiting],
    gwport_probe:stop(Server).

a_program_that_ends(Config) ->
    Server = #{pool := Pool} = gwport_probe:bad("tells/nothing", Config),
    gwport_probe:await_ports(Server, 1),
    OsPid = gwport_test:os_pid(Server),
    {Asker, Monitor} = spawn_monitor(fun() -> exit(gwport:profile(Pool, heap, #{})) end),
    await_asking(Asker),
    gwport_probe:os_kill("KILL", OsPid),
    receive {'DOWN', Monitor, process, Asker, Reason} -> ?assertMatch({error, {port_down, _}}, Reason) end,
    gwport_probe:stop(Server).

a_misshapen_part_is_a_wire_fault(Config) ->
    Server = #{pool := Pool} = gwport_probe:bad("tells/misshape", Config),
    gwport_probe:await_ports(Server, 1),
    ?assertMatch({error, {port_down, _}}, gwport:profile(Pool, heap, #{})),
    gwport_probe:stop(Server).

a_handler_that_overruns_its_deadline_is_in_the_log(Config) ->
    %% With its stack, the method and the path; the program is as it was.
    Server = gwport_probe:flow(#{mount => #{deadline => 200}}, Config),
    gwport_probe:hear_log(proplists:get_value(log, Config)),
    gwport_probe:await_ports(Server, 1),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 504}, overrun(Server)),
    overran(Server),
    ?assertMatch([#{os_pid := OsPid, state := serving}], gwport_test:ports(Server)),
    gwport_probe:stop(Server).

too_many_that_overrun_are_in_the_log_before_the_drain(Config) ->
    %% Two where the program allows one: both are in the log, and then it drains and is replaced.
    Server = gwport_probe:flow(#{env => #{"FLOWPORT_MAX_ABANDONED" => "1"}, mount => #{deadline => 200}}, Config),
    gwport_probe:hear_log(proplists:get_value(log, Config)),
    gwport_probe:await_ports(Server, 1),
    OsPid = gwport_test:os_pid(Server),
    [?assertMatch(#{status := 504}, overrun(Server)) || _ <- [1, 2]],
    overran(Server),
    overran(Server),
    {error, _, _} = gwport_probe:expect(Server, "draining, because too many handlers"),
    gwport_test:until(fun() ->
        [P || #{os_pid := P, state := serving} <- gwport_test:ports(Server), P =/= OsPid] =/= []
    end),
    gwport_probe:stop(Server).

%% A request whose handler does not heed its deadline.
overrun(Server) ->
    gwport_test:get(Server, "/faults/sleep?s=3600&ignore=1&tag=overruns").

overran(Server) ->
    {warning, Line, _} = gwport_probe:expect(Server, "goes on after the time of its request was over"),
    [?assertNotEqual({nomatch, Part}, {string:find(Line, Part), Part})
        || Part <- ["method=GET", "path=/faults/sleep", "stream=", "(*faults).sleep"]].

a_program_without_the_capability(Config) ->
    %% It goes on as before.
    Server = #{pool := Pool} = gwport_probe:bad("good", Config),
    gwport_probe:await_ports(Server, 1),
    OsPid = gwport_test:os_pid(Server),
    {error, {unsupported, Why}} = gwport:profile(Pool, cpu, #{}),
    ?assertNotEqual(nomatch, string:find(Why, "has not the capability evidence")),
    ?assertMatch({ok, [{OsPid, {error, {unsupported, _}}}]}, gwport:stacks(Pool)),
    ?assertMatch([#{os_pid := OsPid, state := serving}], gwport_test:ports(Server)),
    gwport_probe:stop(Server).

no_pool_and_no_port(Config) ->
    ?assertEqual({error, {no_pool, <<"there is no pool nowhere on this node">>}}, gwport:stacks(nowhere)),
    ?assertMatch({error, {no_pool, _}}, gwport:profile(nowhere, heap, #{})),
    Server = #{pool := Pool} = gwport_probe:bad("mute", #{pool => #{greeting_timeout => 100}}, Config),
    ?assertMatch({error, {no_port, _}}, gwport:stacks(Pool)),
    gwport_probe:stop(Server),
    Good = #{pool := GoodPool} = gwport_probe:bad("good", Config),
    gwport_probe:await_ports(Good, 1),
    ?assertMatch({error, {no_port, _}}, gwport:stacks(GoodPool, #{os_pid => 1})),
    gwport_probe:stop(Good).

a_wrong_option_is_named(_) ->
    [?assertMatch({error, {bad_option, {Key, Value, _}}}, gwport:profile(nowhere, What, #{Key => Value}))
        || {What, Key, Value} <- [{cpu, seconds, 0}, {cpu, seconds, 601}, {heap, seconds, 1}, {heap, max_size, 0},
            {heap, max_size, 1073741825}, {heap, timeout, 0}, {heap, timeout, 600001}, {heap, os_pid, 0},
            {cpu, second, 1}]],
    [?assertMatch({error, {no_pool, _}}, gwport:profile(nowhere, What, #{Key => Value}))
        || {What, Key, Value} <- [{cpu, seconds, 1}, {cpu, seconds, 600}, {heap, max_size, 1},
            {heap, max_size, 1073741824}, {heap, timeout, 1}, {heap, timeout, 600000}, {heap, os_pid, any}]],
    ?assertMatch({error, {bad_option, {file, _, _}}}, gwport:stacks(nowhere, #{file => "x"})),
    ?assertMatch({error, {bad_option, {profile, block, _}}}, gwport:profile(nowhere, block, #{})),
    ?assertMatch({error, {bad_option, {options, 1, _}}}, gwport:stacks(nowhere, 1)).

%% A connection whose request is in a handler that sleeps.
sleeping(Server) ->
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "GET /faults/sleep?s=60&tag=sleeps HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, "sleeps")) =/= <<>> end),
    Socket.

%% It has asked, and waits.
await_asking(Pid) ->
    gwport_test:until(fun() ->
        process_info(Pid, current_function) =:= {current_function, {gwport_evidence, parts, 2}}
    end).

%% What is left with whoever has asked.
queued() ->
    {messages, Messages} = process_info(self(), messages),
    Messages.

%% What the tool says that people would look at a profile with.
pprof(Flag, Profile, Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config),
        "profile_" ++ integer_to_list(erlang:unique_integer([positive]))),
    ok = file:write_file(File, Profile),
    Port = open_port({spawn_executable, os:find_executable("go")},
        [exit_status, binary, {args, ["tool", "pprof", Flag, File]}]),
    said(Port, []).

said(Port, Acc) ->
    receive
        {Port, {data, Data}} -> said(Port, [Acc, Data]);
        {Port, {exit_status, 0}} -> iolist_to_binary(Acc)
    end.
