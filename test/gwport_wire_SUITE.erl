%% A program that breaks the rules of the wire (test/badport): what its client sees, what the log says, and that
%% the next request finds a port that works.
-module(gwport_wire_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(PROPER_NO_TRANS, true).
-include_lib("proper/include/proper.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, floods_and_is_stopped, goes_on_behind_others_messages, promises_and_does_not_read, nothing_leaks], [{parallel, [parallel], [
        greeting_that_is_none, garbage_instead_of_a_greeting, no_greeting_at_all,
        program_that_exits_is_started_again_ever_later, circuit_opens_and_closes, a_program_is_not_started_twice, why_there_is_no_port_is_seen, stops_while_it_starts_again,
        ready_without_a_key,
        ready_with_a_wrong_value, later_program_is_served, no_common_version_is_said_by_either_side,
        fault_instead_of_ready,
        frame_of_a_bad_length, frame_of_max_frame, frame_of_a_bad_kind, frame_in_a_bad_envelope, unknown_stream,
        closed_stream_is_ignored, frames_out_of_order, response_that_does_not_end,
        chunk_of_65537, bytes_beyond_credit, informs_17, reply_larger_than_credit,
        head_over_max_head, head_over_max_head_after_it, payload_that_is_not_as_described, fields_that_must_not_pass,
        statuses_that_must_not_pass, length_that_is_not_kept, bad_grants, no_grant,
        host_keeps_to_any_grants, abort_before_the_head, abort_after_the_head,
        abort_that_is_never_answered, abort_may_be_answered_ever_so_late, a_program_is_stopped_before_it_has_greeted,
        a_program_is_stopped_while_it_greets,
        frames_without_a_stream, log_frames,
        drains_of_the_program, fault_of_the_program,
        reads_nothing, asks_and_does_not_listen, stops_itself, stopped_by_a_debugger, ignores_drain, ignores_sigterm, has_ended_already, stop_timeout, kill_timeout,
        child_holds_the_output, closes_its_output, closes_its_input, falls_silent_within_a_frame, ends_within_a_frame,
        ends_before_and_after_entered, grandchild_holds_the_output, exit_status_is_logged, deadlocks,
        ends_right_after_the_greeting, misshapen_answers_over_http2
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_probe:watched(Mount, ["badport"], fun(Built) ->
        Server = gwport_probe:bad("good", Built),
        #{status := 200} = gwport_test:get(Server, "/ok"),
        Conn = gwport_test:h2_open(Server),
        #{status := 200} = gwport_test:h2_call(Conn, <<"GET">>, <<"/ok">>),
        gwport_h2:close(Conn),
        gwport_probe:stop(Server)
    end, Config).

end_per_group(Group, Config) ->
    gwport_probe:unwatched(Group, Config).

init_per_testcase(_, Config) ->
    gwport_probe:hearing(Config).

end_per_testcase(_, _) ->
    ok.

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

%% The greeting

greeting_that_is_none(Config) ->
    %% Any frame before ready is a fault: a kind without a stream, and one with.
    [begin
        Server = not_greeted(Life, Sentence, Config),
        gwport_probe:stop(Server)
    end || {Life, Sentence} <- [{"kind/3", "expected ready, got ping"}, {"kind/6", "expected ready, got log"},
        {"stream", "expected ready, got chunk"}, {"kind/200", "kind 200 is unknown"}]].

%% Clients get 503 until the second program is there, which is good.
not_greeted(Life, Sentence, Config) ->
    not_greeted(Life, #{}, Sentence, Config).

not_greeted(Life, Pool, Sentence, Config) ->
    Server = gwport_probe:bad(Life, #{once => true, pool => Pool}, Config),
    ?assertMatch({error, _, _}, gwport_probe:expect(Server, Sentence)),
    works_again(Server),
    Server.

works_again(Server) ->
    [#{os_pid := OsPid}] = gwport_probe:await_ports(Server, 1),
    ?assertMatch(#{status := 200, body := <<"ok\n">>}, gwport_test:get(Server, "/ok")),
    OsPid.

garbage_instead_of_a_greeting(Config) ->
    %% "Hello, stdout" is not taken for the length of a frame of 1.2 GB.
    Before = erlang:memory(total),
    Server = not_greeted("stray", "a frame of 1214606444 bytes, expected 10 to 1048576: "
        "the program printed \"Hello, stdout...\" to its stdout", Config),
    ?assert(erlang:memory(total) - Before < 500000000),
    gwport_probe:stop(Server),
    [gwport_probe:stop(not_greeted("length/" ++ integer_to_list(Length), "bytes, expected 10 to 1048576", Config))
        || Length <- [0, 9, 1048577, 4294967295]].

no_greeting_at_all(Config) ->
    %% A program that says nothing is given up after the greeting timeout; until then there is no port.
    Server = gwport_probe:bad("mute", #{pool => #{greeting_timeout => 300}}, Config),
    gwport_probe:expect(Server, "no ready within 300 ms; is it a gwport program?"),
    ?assertMatch(#{status := 503, headers := #{<<"retry-after">> := <<"1">>}}, gwport_test:get(Server, "/ok")),
    gwport_probe:stop(Server).

program_that_exits_is_started_again_ever_later(Config) ->
    %% 100 ms, 200, 400 ...: in two seconds there are at most seven starts, and requests get 503 at once.
    Server = gwport_probe:bad("exit/3", Config),
    gwport_probe:expect(Server, "exit status 3"),
    gwport_test:until(fun() -> [Why || #{state := waiting, why := Why, failures := N, next_try := Ms, circuit := closed}
        <- gwport_test:ports(Server), N > 1, Ms =< 10000] =:= [<<"it ended before it was ready, exit status 3">>] end),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/ok")),
    At = erlang:monotonic_time(millisecond),
    gwport_test:until(fun() -> erlang:monotonic_time(millisecond) - At > 2000 end),
    Starts = starts(Server),
    ?assert(Starts =< 7),
    %% A start and an end take longer on a machine with other work.
    gwport_test:until(fun() -> starts(Server) >= 3 end),
    gwport_probe:stop(Server),
    ?assertEqual(starts(Server), starts(Server)).

circuit_opens_and_closes(Config) ->
    %% After so many failures in a row one program of the pool is tried, now and then, and when that one greets all are
    %% started: here the file that it wants comes to be there.
    File = filename:join(proplists:get_value(priv_dir, Config), "circuit_" ++ atom_to_list(gwport_test:mount())),
    %% What it is greeted with is read first, or its end may be seen as that of its input.
    Script = "[ -e \"$0\" ] || { head -c 4 >/dev/null; exit 7; }; exec \"$1\" good",
    Server = gwport_probe:serve(#{command => "sh", args => ["-c", Script, File, proplists:get_value(badport, Config)],
        ports => 3, restart_delay => 1, max_restart_delay => 20, circuit_failures => 4, circuit_time => 200}, #{}),
    {error, Text, _} = gwport_probe:expect(Server, "4 times in a row, at last because it ended before it was ready, "
        "exit status 7; the next try is in"),
    ?assertMatch({match, _}, re:run(Text, "in (1[0-9][0-9]|200) ms$")),
    gwport_test:until(fun() -> lists:sort([Next || #{state := waiting, circuit := open, next_try := Next}
        <- gwport_test:ports(Server), not is_integer(Next)]) =:= [circuit, circuit] end),
    %% The probe alone goes on failing.
    gwport_test:until(fun() -> [N || #{failures := N, next_try := Next} <- gwport_test:ports(Server), is_integer(Next),
        N > 5] =/= [] end),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/ok")),
    ok = file:write_file(File, <<>>),
    {notice, _, _} = gwport_probe:expect(Server, "has come up again"),
    ?assertEqual(3, length(gwport_probe:await_ports(Server, 3))),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/ok")),
    gwport_probe:stop(Server).

a_program_is_not_started_twice(Config) ->
    %% A timer that was left over from before the circuit closed finds the port running.
    Server = #{pool := Pool} = gwport_probe:bad("good", Config),
    OsPid = works_again(Server),
    Keeper = gwport_pool:keeper(Pool),
    Keeper ! {start, 1},
    _ = sys:get_state(Keeper),
    ?assertMatch([#{os_pid := OsPid, state := serving}], gwport_test:ports(Server)),
    gwport_probe:stop(Server).

why_there_is_no_port_is_seen(Config) ->
    %% In words, where the pool is looked at.
    [begin
        Server = gwport_probe:bad(Life, #{pool => #{greeting_timeout => 300}}, Config),
        gwport_test:until(fun() -> [Said || #{state := waiting, why := Said} <- gwport_test:ports(Server),
            string:find(Said, Why) =/= nomatch] =/= [] end),
        gwport_probe:stop(Server)
    end || {Life, Why} <- [{"stray", "the program printed \"Hello, stdout...\" to its stdout"},
        {"mute", "no ready within 300 ms; is it a gwport program?"}, {"fault/1", "badport: a sentence about ranges"},
        {"exit/2", "it ended before it was ready, exit status 2"}]],
    File = filename:join(proplists:get_value(priv_dir, Config), "no_program_" ++ atom_to_list(gwport_test:mount())),
    ok = file:write_file(File, "no program\n"),
    ok = file:change_mode(File, 8#755),
    Server = gwport_probe:serve(#{command => File}, #{}),
    gwport_test:until(fun() -> [Said || #{state := waiting, why := Said} <- gwport_test:ports(Server),
        Said =:= <<"exec format error: neither a program nor a script, which begins with #!">>] =/= [] end),
    gwport_probe:stop(Server).

stops_while_it_starts_again(Config) ->
    %% A pool is stopped at any moment of its program's ends and starts, and does not take longer for it: none of its times,
    %% which are longer than this case may take, is waited out.
    [begin
        Server = gwport_probe:bad("exit/0", #{pool => #{greeting_timeout => 600000, drain_timeout => 600000, stop_timeout => 600000}}, Config),
        gwport_test:until(fun() -> starts(Server) >= Starts end),
        ok = gwport_probe:stop(Server)
    end || Starts <- [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]].

starts(#{starts := File}) ->
    {ok, Lines} = file:read_file(File),
    length(binary:matches(Lines, <<"\n">>)).

ready_without_a_key(Config) ->
    %% Each key of ready is needed.
    [gwport_probe:stop(not_greeted("lacks/" ++ Key, "ready lacks a key", Config)) || Key <- keys()].

keys() ->
    ["version", "window", "max_frame", "max_head", "max_streams", "capabilities", "name", "program_version", "apps"].

ready_with_a_wrong_value(Config) ->
    %% -1 is nobody's value.
    [gwport_probe:stop(not_greeted("wrong/" ++ Key, "ready lacks a key, or has one of a wrong type or size", Config))
        || Key <- keys() -- ["version"]].

later_program_is_served(Config) ->
    %% SPEC.md, section 12: a program of a later release, with keys and capabilities that nobody here knows, and one
    %% that speaks later wire versions too.
    [begin
        Server = gwport_probe:bad(Life, Config),
        works_again(Server),
        ?assertMatch([#{program := <<"badport">>, version := Version}], gwport_test:ports(Server)),
        gwport_probe:stop(Server)
    end || {Life, Version} <- [{"more", <<"999.1">>}, {"speaks/1-3", <<"0">>}]].

no_common_version_is_said_by_either_side(Config) ->
    %% The program refuses the host's range, or the host the version that the program has chosen all the same: the
    %% sentence in the log names what either speaks, and requests get 503 meanwhile.
    [gwport_probe:stop(not_greeted(Life, Sentence, Config)) || {Life, Sentence} <- [
        {"speaks/2-3", "(no_common_version): badport speaks wire versions 2 to 3, the host 1 to 1"},
        {"version/2", "(no_common_version): the program chose wire version 2, this host speaks 1 to 1"},
        {"version/0", "(no_common_version): the program chose wire version 0, this host speaks 1 to 1"}]],
    Server = gwport_probe:bad("speaks/2-3", Config),
    gwport_probe:expect(Server, "badport speaks"),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/ok")),
    gwport_probe:stop(Server).

fault_instead_of_ready(Config) ->
    %% What the program says of itself is what the log says.
    Server = not_greeted("fault/1", "gave up (no_common_version): badport: a sentence about ranges", Config),
    gwport_probe:stop(Server).

%% Faults of the wire: the port ends, and its requests with it

frame_of_a_bad_length(Config) ->
    %% 9, one over max_frame and the most that four bytes can say are refused on sight.
    wire_fault(["/length/0", "/length/9", "/length/1048577", "/length/4294967295", "/stray"], "expected 10 to 1048576", Config).

frame_of_max_frame(Config) ->
    %% A frame of max_frame bytes is taken, one byte more ends the port.
    Server = gwport_probe:bad("good", #{pool => #{max_frame => 66000, max_head => 1024, window => 4096,
        window_floor => 4096}}, Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/log-size/65990")),
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/log-size/65991")),
    gwport_probe:expect(Server, "a frame of 66001 bytes, expected 10 to 66000"),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

frame_of_a_bad_kind(Config) ->
    %% An unknown kind, a kind in the other envelope, and kinds that are the host's, or of a capability that the program
    %% has not named.
    wire_fault(["/kind/10", "/kind/16", "/kind/255", "/stream-kind/3", "/stream-kind/99"], "is unknown", Config),
    [wire_fault(["/kind/" ++ Kind], Name ++ " out of place or misshapen", Config)
        || {Kind, Name} <- [{"0", "hello"}, {"7", "ask"}, {"8", "part"}, {"9", "answered"}]],
    wire_fault(["/stream-kind/16"], "(bad_stream): open for stream", Config).

frame_in_a_bad_envelope(Config) ->
    %% A list instead of a tuple, and a stream number that is too low to be one.
    wire_fault(["/envelope", "/low-stream"], "not an envelope", Config).

unknown_stream(Config) ->
    %% A number that was never given out, and an odd one below those that were.
    wire_fault(["/never-opened", "/odd"], "(bad_stream): chunk for stream", Config).

frames_without_a_stream(Config) ->
    %% A ready at the wrong time and a pong that nobody asked for end the port; a ping is answered.
    wire_fault(["/ready"], "a second ready", Config),
    wire_fault(["/pong"], "pong out of place", Config),
    Server = gwport_probe:bad("good", Config),
    ?assertMatch(#{status := 200, body := <<"pong\n">>}, gwport_test:get(Server, "/ping")),
    gwport_probe:stop(Server).

wire_fault(Paths, Sentence, Config) ->
    Server = gwport_probe:bad("good", Config),
    lists:foldl(fun(Path, Before) ->
        ?assertMatch({Path, #{status := 502}}, {Path, gwport_test:get(Server, Path)}),
        {error, _, _} = gwport_probe:expect(Server, Sentence),
        replaced(Server, Before)
    end, gwport_test:os_pid(Server), Paths),
    gwport_probe:stop(Server).

%% Another program serves, and the old one is gone.
replaced(Server, Before) ->
    gwport_test:until(fun() -> [After || #{os_pid := After} <- gwport_test:ports(Server), After =/= Before,
        After =/= undefined] =/= [] end),
    After = works_again(Server),
    gwport_test:until(fun() -> gwport_probe:gone(Before) end),
    ?assertNotEqual(Before, After),
    After.

closed_stream_is_ignored(Config) ->
    %% Whatever comes for a stream that has ended is nobody's fault [R3].
    Server = gwport_probe:bad("good", Config),
    OsPid = gwport_test:os_pid(Server),
    [?assertMatch(#{status := 200, body := <<"ok\n">>}, gwport_test:get(Server, Path))
        || Path <- ["/closed", "/grant-later", "/closed", "/ok"]],
    ?assertEqual(OsPid, works_again(Server)),
    gwport_probe:stop(Server).

%% Faults of one stream: the others go on

%% Each path, on HTTP/1.1, costs its own stream only.
stream_faults(Paths, Check, Options0, Config) ->
    %% The other stream has no time limit.
    Options = Options0#{mount => #{head_timeout => infinity}},
    Server = gwport_probe:bad("good", Options, Config),
    OsPid = gwport_test:os_pid(Server),
    Other = gwport_test:connect(Server),
    ok = gwport_test:send(Other, "GET /hang HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> in_flight(Server) =:= 1 end),
    [Check(Path, ask(Server, Path)) || Path <- Paths],
    ?assertEqual(OsPid, works_again(Server)),
    gwport_test:until(fun() -> in_flight(Server) =:= 1 end),
    ?assertEqual({error, timeout}, gen_tcp:recv(Other, 0, 0)),
    gwport_test:close(Other),
    gwport_test:until(fun() -> in_flight(Server) =:= 0 end),
    full_budget(Server),
    gwport_probe:stop(Server).

ask(Server, Request) when is_map(Request) -> gwport_test:request(Server, Request);
ask(Server, Path) -> gwport_test:get(Server, Path).

in_flight(Server) ->
    lists:sum([InFlight || #{in_flight := InFlight} <- gwport_test:ports(Server)]).

full_budget(Server) ->
    [?assertEqual(67108864, Left) || #{budget_left := Left} <- gwport_test:ports(Server)].

is_status(Status) ->
    fun(Path, Answer) -> ?assertMatch({Path, #{status := Status}}, {Path, Answer}) end.

is_broken(Path, Answer) ->
    ?assertMatch({Path, #{status := 200, complete := false}}, {Path, Answer}).

frames_out_of_order(Config) ->
    %% Before the head it is 502, after it the response is broken off.
    stream_faults(["/chunk-first", "/fin-first", "/trailers-first"], is_status(502), #{}, Config),
    stream_faults(["/head-twice", "/inform-late", "/reply-late"], fun is_broken/2, #{}, Config).

response_that_does_not_end(Config) ->
    %% Without fin the client waits for more, until the idle timeout breaks it off; without any frame it is 504.
    Server = gwport_probe:bad("good", #{mount => #{head_timeout => 1000, idle_timeout => 1000}}, Config),
    ?assertMatch(#{status := 200, body := <<"some">>, complete := false}, gwport_test:get(Server, "/no-fin")),
    ?assertMatch(#{status := 504}, gwport_test:get(Server, "/hang")),
    gwport_test:until(fun() -> in_flight(Server) =:= 0 end),
    gwport_probe:stop(Server).

chunk_of_65537(Config) ->
    %% 65536 bytes pass, one more or none breaks the response off.
    stream_faults(["/chunk/1", "/chunk/65536"], fun(Path, Answer) ->
        ?assertMatch({Path, #{status := 200, complete := true}}, {Path, Answer}) end, #{}, Config),
    stream_faults(["/chunk/65537", "/chunk/0"], fun is_broken/2, #{}, Config).

bytes_beyond_credit(Config) ->
    %% A window of 4096 takes a chunk of 4096 and not of 4097; nothing of the latter is delivered.
    Options = #{pool => #{window => 4096, window_floor => 4096}},
    stream_faults(["/chunk/4096"], fun(_, Answer) ->
        ?assertMatch(#{status := 200, complete := true, body := <<_:4096/binary>>}, Answer) end, Options, Config),
    stream_faults(["/chunk/4097"], fun(_, Answer) ->
        ?assertMatch(#{status := 200, complete := false, body := <<>>}, Answer) end, Options, Config).

informs_17(Config) ->
    %% Sixteen informational responses pass, the seventeenth costs the answer.
    stream_faults(["/informs/16"], fun(_, #{status := 200, informs := Informs}) ->
        ?assertEqual(16, length(Informs)) end, #{}, Config),
    stream_faults(["/informs/17"], is_status(502), #{}, Config).

reply_larger_than_credit(Config) ->
    %% A reply of the whole window passes, one byte more does not.
    Options = #{pool => #{window => 4096, window_floor => 4096}},
    stream_faults(["/reply-size/4096"], is_status(200), Options, Config),
    stream_faults(["/reply-size/4097", "/reply-size/100000"], is_status(502), Options, Config).

head_over_max_head(Config) ->
    %% 1024 is the limit here: N passes, N + 1 is a 502, and the port lives.
    Options = #{pool => #{max_head => 1024}},
    stream_faults(["/head-size/1023", "/head-size/1024"], is_status(200), Options, Config),
    stream_faults(["/head-size/1025", "/head-size/60000"], is_status(502), Options, Config).

head_over_max_head_after_it(Config) ->
    %% The same head on HTTP/2.
    Server = gwport_probe:bad("good", #{pool => #{max_head => 2048}}, Config),
    Conn = gwport_test:h2_open(Server),
    ?assertMatch(#{status := 200}, gwport_test:h2_call(Conn, <<"GET">>, <<"/head-size/2048">>)),
    ?assertMatch(#{status := 502}, gwport_test:h2_call(Conn, <<"GET">>, <<"/head-size/2049">>)),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

payload_that_is_not_as_described(Config) ->
    %% No term, bytes behind it, a compressed term, a pid, an unknown or known atom, another shape: 502; after
    %% the head: broken off.
    stream_faults(["/no-term", "/trailing", "/compressed", "/pid", "/atom/an_atom_that_nobody_knows", "/atom/true",
        "/entered-badly", "/abort-badly", "/inform-badly", "/headers-no-list"], is_status(502), #{}, Config),
    ?assertError(badarg, binary_to_existing_atom(<<"an_atom_that_", "nobody_knows">>)),
    stream_faults(["/fin-badly", "/trailers-badly"], fun is_broken/2, #{}, Config).

fields_that_must_not_pass(Config) ->
    %% A line break in a value or a name, a name that is none, a length that is no number: the response goes without.
    %% Two lengths are none.
    stream_faults(["/value-crlf", "/name-crlf", "/name-empty", "/length-word"],
        fun(Path, Answer = #{headers := Fields}) ->
            ?assertMatch({Path, #{status := 200, complete := true, body := <<"ok\n">>}}, {Path, Answer}),
            ?assertEqual({Path, []}, {Path, maps:keys(maps:without([<<"content-length">>, <<"date">>, <<"server">>,
                <<"x-a">>, <<"transfer-encoding">>], Fields))})
        end, #{}, Config),
    stream_faults(["/two-lengths"], is_status(502), #{}, Config).

statuses_that_must_not_pass(Config) ->
    %% 200 to 999 pass, whether Cowboy knows them or not; 1xx is no final status, and 42 and 1000 are none at all.
    stream_faults(["/status/" ++ S || S <- ["42", "99", "100", "101", "199", "1000", "-1"]],
        is_status(502), #{}, Config),
    stream_faults(["/status/200"], is_status(200), #{}, Config),
    stream_faults(["/status/299"], is_status(299), #{}, Config),
    stream_faults(["/status/999"], is_status(999), #{}, Config).

length_that_is_not_kept(Config) ->
    %% Fewer and more bytes than content-length: the client sees that something is wrong.
    stream_faults(["/length-short", "/length-long"], fun is_broken/2, #{}, Config).

bad_grants(Config) ->
    %% A grant of 0, too much of it, or none that is a number aborts the stream with its upload.
    %% It does not end: grants for a half that has ended are ignored [C5].
    Upload = fun(Path) -> #{method => <<"POST">>, path => Path,
        headers => [{<<"transfer-encoding">>, <<"chunked">>}],
        body => [integer_to_list(200000, 16), "\r\n", lists:duplicate(200000, $b), "\r\n"]} end,
    stream_faults([Upload(Path) || Path <- ["/grant/0", "/grant-overflow", "/grant-text", "/grant/-1"]],
        is_status(502), #{}, Config).

no_grant(Config) ->
    %% Without a grant the upload stands still, and the head timeout ends it: nothing leaves without credit.
    Server = gwport_probe:bad("window/0", #{mount => #{head_timeout => 300}}, Config),
    ?assertMatch(#{status := 504}, gwport_test:request(Server,
        #{method => <<"POST">>, path => "/hang", body => <<"abc">>})),
    gwport_probe:stop(Server).

host_keeps_to_any_grants(Config) ->
    %% Whatever the first window and the grants: the body arrives whole, and never a byte beyond credit.
    Servers = [{Window, gwport_probe:bad("window/" ++ integer_to_list(Window), Config)} || Window <- [0, 1, 4096]],
    Property = ?FORALL({{_, Server}, Grants, Size}, {oneof(Servers), grants(), integer(1, 40000)},
        upload(Server, Grants, Size)),
    true = proper:quickcheck(Property, [quiet, long_result, {numtests, 30}]),
    [gwport_probe:stop(Server) || {_, Server} <- Servers].

grants() ->
    non_empty(list(oneof([integer(7, 50), integer(50, 5000), 65536, 200000]))).

upload(#{pool := Pool}, Grants, Size) ->
    Path = ["/grants/", lists:join("-", [integer_to_list(Grant) || Grant <- Grants])],
    Expected = integer_to_binary(Size),
    {ok, {200, Headers, Expected}} = gwport:request(Pool, #{method => <<"POST">>,
        path => iolist_to_binary(Path), body => binary:copy(<<"b">>, Size)}),
    {_, Exceeded} = lists:keyfind(<<"x-exceeded">>, 1, Headers),
    Exceeded =:= <<"false">>.

abort_before_the_head(Config) ->
    %% Each code has its status, but for 2, which has no answer: gwport_fault_SUITE:given_up/1.
    [stream_faults(["/abort/" ++ integer_to_list(Code)], is_status(Status), #{}, Config)
        || {Code, Status} <- [{0, 500}, {1, 500}, {3, 504}, {4, 504}, {5, 504}, {6, 503}, {7, 500},
            {8, 502}, {9, 502}, {10, 502}, {11, 502}, {12, 502}, {13, 502}, {14, 502}, {15, 502},
            {16, 500}, {99999, 500}]].

abort_after_the_head(Config) ->
    %% After the head each code breaks the response off.
    stream_faults(["/abort-late/" ++ integer_to_list(Code) || Code <- lists:seq(0, 16)],
        fun is_broken/2, #{}, Config).

abort_that_is_never_answered(Config) ->
    %% A program that does not answer aborts is ended at the second look, and its port replaced.
    {Server, Owner, OsPid} = owes_an_abort(#{}, Config),
    Owner ! check_aborts,
    ?assertMatch([#{os_pid := OsPid, in_flight := 1}], gwport_test:ports(Server)),
    Owner ! check_aborts,
    gwport_probe:expect(Server, "1 aborts were not answered"),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

abort_may_be_answered_ever_so_late(Config) ->
    %% With a ping timeout of infinity the looks go on, and none ends the program.
    {Server, Owner, OsPid} = owes_an_abort(#{ping_timeout => infinity}, Config),
    [Owner ! check_aborts || _ <- [first, second, third]],
    ?assertMatch([#{os_pid := OsPid, in_flight := 1, state := serving}], gwport_test:ports(Server)),
    ?assertEqual(OsPid, works_again(Server)),
    gwport_probe:stop(Server).

%% A program that does not answer the abort of its one stream.
owes_an_abort(Pool, Config) ->
    Server = gwport_probe:bad("good", #{pool => Pool}, Config),
    [#{owner := Owner, os_pid := OsPid}] = gwport_test:ports(Server),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "GET /unanswered HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> in_flight(Server) =:= 1 end),
    gwport_test:close(Socket),
    _ = sys:get_state(Owner),
    gwport_test:until(fun() -> ranch:procs(maps:get(pool, Server), connections) =:= [] end),
    {Server, Owner, OsPid}.

a_program_is_stopped_before_it_has_greeted(Config) ->
    %% Nobody's fault: it is said at the level of any other stop.
    {Server = #{pool := Pool}, _, _} = not_yet("exec \"$1\" mute", Config),
    gwport_probe:stop(Server),
    ?assertMatch({notice, _, #{pool := Pool}},
        gwport_probe:expect(Server, "it was stopped before it was ready")).

a_program_is_stopped_while_it_greets(Config) ->
    %% Its greeting is on its way when its port is told to drain: nobody's fault either.
    {Server = #{pool := Pool}, Owner, File} = not_yet(
        "while [ ! -e \"$0.go\" ]; do sleep 0.01; done; exec \"$1\" good", Config),
    true = erlang:suspend_process(Owner),
    ok = gwport_port:drain(Owner),
    ok = file:write_file(File ++ ".go", ""),
    gwport_test:until(fun() -> {message_queue_len, Waiting} = process_info(Owner, message_queue_len), Waiting >= 2 end),
    true = erlang:resume_process(Owner),
    ?assertMatch({notice, _, #{pool := Pool}},
        gwport_probe:expect(Server, "it was stopped before it was ready")),
    gwport_probe:stop(Server).

%% A server whose program has failed once, and then does what a line of shell says, with the port's owner, which waits
%% for its greeting, and a file: $0 in that line, where $1 is badport.
not_yet(Line, Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config),
        "not_yet_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Script = "if [ -e \"$0\" ]; then " ++ Line ++ "; fi; : > \"$0\"; exit 1",
    Server = gwport_probe:serve(#{command => "sh",
        args => ["-c", Script, File, proplists:get_value(badport, Config)]}, #{}),
    gwport_test:until(fun() -> [State || #{state := State} <- gwport_test:ports(Server)] =:= [greeting] end),
    [#{owner := Owner}] = gwport_test:ports(Server),
    {Server, Owner, File}.

misshapen_answers_over_http2(Config) ->
    %% The same over HTTP/2: a status before the head, a reset stream after it, and the connection lives on.
    Server = gwport_probe:bad("good", Config),
    Conn = gwport_test:h2_open(Server),
    [?assertMatch({Path, #{status := 502}}, {Path, gwport_test:h2_call(Conn, <<"GET">>, Path)})
        || Path <- [<<"/chunk-first">>, <<"/no-term">>, <<"/status/42">>, <<"/two-lengths">>]],
    [?assertMatch({Path, #{status := 200, complete := true}}, {Path, gwport_test:h2_call(Conn, <<"GET">>, Path)})
        || Path <- [<<"/value-crlf">>, <<"/name-crlf">>, <<"/length-word">>]],
    [?assertMatch({Path, #{complete := false}}, {Path, gwport_test:h2_call(Conn, <<"GET">>, Path)})
        || Path <- [<<"/head-twice">>, <<"/chunk/65537">>, <<"/abort-late/2">>,
            <<"/length-short">>, <<"/length-long">>]],
    ?assertMatch(#{status := 200, complete := true}, gwport_test:h2_call(Conn, <<"GET">>, <<"/ok">>)),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

%% Frames without a stream

log_frames(Config) ->
    %% Level, text and metadata arrive; a frame of 65536 bytes does, one more is discarded and counted; another
    %% shape is said to be unreadable.
    Server = #{pool := Pool} = gwport_probe:bad("good", #{pool => #{log_level => debug}}, Config),
    [begin
        #{status := 200} = gwport_test:get(Server, "/log/" ++ integer_to_list(N)),
        {Got, Line, Meta} = gwport_probe:expect(Server, "badport: a line"),
        ?assertEqual(Level, Got),
        ?assertMatch(#{pool := Pool, meta := #{<<"colour">> := <<"red">>, <<"n">> := 7, <<"yes">> := true}}, Meta),
        ?assertNotEqual(nomatch, string:find(Line, "colour=red"))
    end || {N, Level} <- [{0, emergency}, {1, alert}, {2, critical}, {3, error}, {4, warning},
        {5, notice}, {6, info}, {7, debug}]],
    #{status := 200} = gwport_test:get(Server, "/log-size/65536"),
    {warning, _, _} = gwport_probe:expect(Server, "lllllll"),
    #{status := 200} = gwport_test:get(Server, "/log-size/65537"),
    {warning, _, _} = gwport_probe:expect(Server, "1 lines of pool"),
    #{status := 200} = gwport_test:get(Server, "/log-badly"),
    {warning, _, _} = gwport_probe:expect(Server, "a log frame that cannot be read"),
    gwport_probe:stop(Server).

drains_of_the_program(Config) ->
    %% A program that drains and names a lower number has not taken the request: 503. One that has named the
    %% request's own, or a higher, number answers it. Both are replaced.
    Server = gwport_probe:bad("good", #{pool => #{drain_timeout => 300}}, Config),
    First = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 503}, gwport_test:get(Server, "/drain/255")),
    gwport_test:until(fun() -> [P || #{os_pid := P} <- gwport_test:ports(Server), P =/= First] =/= [] end),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/ok")) =:= 200 end),
    gwport_probe:stop(Server),
    Early = gwport_probe:bad("drains/255", #{once => true, pool => #{drain_timeout => 300}}, Config),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Early, "/ok")) =:= 200 end),
    gwport_probe:stop(Early).

fault_of_the_program(Config) ->
    %% What the program gives up with is logged by name and sentence; its client gets 502.
    Server = gwport_probe:bad("good", Config),
    lists:foldl(fun({Code, Name}, Before) ->
        ?assertMatch(#{status := 502}, gwport_test:get(Server, "/fault/" ++ integer_to_list(Code))),
        gwport_probe:expect(Server, "gave up (" ++ Name ++ "): badport: cannot go on"),
        replaced(Server, Before)
    end, gwport_test:os_pid(Server), [{5, "failed"}, {3, "bad_stream"}, {200, "bad_frame"}]),
    gwport_probe:stop(Server).

%% The program's life

reads_nothing(Config) ->
    %% A program that does not read suspends the writer alone: the owner still answers, and ends the port when its
    %% ping has had no answer. Whom it had not been sent is served by the next program, the others get 502 or 503.
    Server = #{pool := Listener} = gwport_probe:bad("deaf", #{once => true, pool => #{ping_interval => 1000, ping_timeout => 3000,
        port_queue => 65536}}, Config),
    [#{os_pid := Deaf, owner := Owner}] = gwport_test:ports(Server),
    Clients = [ask_aside(Server, #{method => <<"POST">>, path => "/ok", body => binary:copy(<<"b">>, 2000000)})
        || _ <- lists:seq(1, 4)],
    %% Whom the program suspends, it suspends for good; a process that logs may be so for a moment.
    gwport_test:until(fun() ->
        length(suspended(linked(Owner))) =:= 1 andalso suspended(ranch:procs(Listener, connections)) =:= []
    end),
    ?assertMatch(#{state := serving}, gwport_port:info(Owner)),
    gwport_probe:expect(Server, "no answer to a ping within 3000 ms"),
    [?assert(lists:member(Status, [200, 502, 503])) || {ok, #{status := Status}} <- answers(Clients)],
    replaced(Server, Deaf),
    gwport_probe:stop(Server).

suspended(Pids) ->
    [Pid || Pid <- Pids, erlang:process_info(Pid, status) =:= {status, suspended}].

linked(Pid) ->
    {links, Links} = erlang:process_info(Pid, links),
    [Link || Link <- Links, is_pid(Link)].

ask_aside(Server, Request) ->
    Self = self(),
    Tag = make_ref(),
    spawn(fun() -> Self ! {Tag, attempt(Server, Request)} end),
    Tag.

attempt(Server, Request) ->
    try {ok, gwport_test:request(Server, Request)}
    catch Class:Reason -> {Class, Reason}
    end.

answers(Tags) ->
    [receive {Tag, Answer} -> Answer after 50000 -> error(nobody_answered) end || Tag <- Tags].

floods_and_is_stopped(Config) ->
    %% A program that writes faster than its port's owner handles is stopped and goes on, again and again: the node has
    %% little more than 16 MiB of it at any time. It serves meanwhile, late. In small pieces it may be no faster.
    [begin
        Server = gwport_probe:bad("floods/" ++ Lines, Config),
        [#{os_pid := OsPid}] = gwport_probe:await_ports(Server, 1),
        Before = erlang:memory(total),
        _ = [gwport_probe:await_stopped(OsPid) || Lines =:= "10000"],
        Until = erlang:monotonic_time(millisecond) + 1500,
        Client = ask_aside(Server, #{path => "/ok"}),
        Most = most_memory(Until, Before),
        ct:pal("in pieces of ~s lines: the node had ~b bytes more at most", [Lines, Most - Before]),
        ?assert(Most - Before < 96 * 1048576),
        ?assertMatch([{ok, #{status := 200}}], answers([Client])),
        ?assertMatch([#{os_pid := OsPid}], gwport_probe:await_ports(Server, 1)),
        gwport_probe:stop(Server)
    end || Lines <- ["10000", "1"]].

goes_on_behind_others_messages(Config) ->
    %% What is ahead of its port's owner is counted with the messages of others, which may be all that is left behind its
    %% last bytes. It was not stopped for good.
    Server = gwport_probe:bad("floods/10000", #{pool => #{ping_interval => infinity}}, Config),
    [#{os_pid := OsPid, owner := Owner}] = gwport_probe:await_ports(Server, 1),
    true = erlang:suspend_process(Owner),
    %% Far ahead, or so far that it has been stopped already.
    Enough = erlang:memory(total) + 32 * 1048576,
    gwport_test:until(fun() -> erlang:memory(total) > Enough orelse gwport_probe:is_stopped(OsPid) end),
    gwport_probe:os_kill("STOP", OsPid),
    gwport_probe:await_stopped(OsPid),
    _ = [Owner ! another_ones || _ <- lists:seq(1, 40000)],
    true = erlang:resume_process(Owner),
    Client = ask_aside(Server, #{path => "/ok"}),
    ?assertMatch([{ok, #{status := 200}}], answers([Client])),
    gwport_probe:stop(Server).

most_memory(Until, Most) ->
    case erlang:monotonic_time(millisecond) < Until of
        true ->
            receive after 5 -> ok end,
            most_memory(Until, max(Most, erlang:memory(total)));
        false ->
            Most
    end.

promises_and_does_not_read(Config) ->
    %% A gigabyte of credit, and then it reads nothing: its client is held up behind what the port, its owner and the
    %% sockets take.
    Server = gwport_probe:bad("good", #{pool => #{ping_interval => infinity}}, Config),
    Socket = gwport_test:connect(Server),
    Before = erlang:memory(total),
    ok = inet:setopts(Socket, [{send_timeout, 700}]),
    ok = gwport_test:send(Socket, "POST /grant-deaf/1073741824 HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n"),
    Sent = fill(Socket, binary:copy(<<"x">>, 65536), 0),
    Grown = erlang:memory(total) - Before,
    ct:pal("its client sent ~b bytes, of which the node had ~b", [Sent, Grown]),
    ?assert(Sent < 64 * 1048576),
    ?assert(Grown < 12 * 1048576),
    gwport_test:close(Socket),
    gwport_probe:os_kill("KILL", gwport_test:os_pid(Server)),
    gwport_probe:stop(Server).

fill(Socket, Piece, Sent) ->
    case gen_tcp:send(Socket, Piece) of
        ok when Sent < 300 * 1048576 -> fill(Socket, Piece, Sent + byte_size(Piece));
        _ -> Sent
    end.

asks_and_does_not_listen(Config) ->
    %% The answers to its pings are kept for it, but not without end.
    Server = gwport_probe:bad("pesters", #{once => true, pool => #{port_queue => 65536}}, Config),
    {error, _, _} = gwport_probe:expect(Server, "more than 4096 pings whose answers wait to be written"),
    works_again(Server),
    gwport_probe:stop(Server).

stops_itself(Config) ->
    %% A program that is stopped cannot answer, not even SIGTERM: it is killed after the ping timeout.
    Server = gwport_probe:bad("good", #{pool => #{ping_interval => 1000, ping_timeout => 1000}}, Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/stop")),
    gwport_probe:expect(Server, "no answer to a ping within 1000 ms"),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

stopped_by_a_debugger(Config) ->
    %% With a ping timeout of infinity it is waited for, where another program is killed: it goes on where it was.
    Waits = gwport_probe:bad("good", #{pool => #{ping_interval => 100, ping_timeout => infinity}}, Config),
    Other = gwport_probe:bad("good", #{pool => #{ping_interval => 100, ping_timeout => 1000}}, Config),
    [OsPid, Killed] = [gwport_test:os_pid(Server) || Server <- [Waits, Other]],
    [gwport_probe:os_kill("STOP", Program) || Program <- [OsPid, Killed]],
    replaced(Other, Killed),
    gwport_probe:os_kill("CONT", OsPid),
    ?assertEqual(OsPid, works_again(Waits)),
    [gwport_probe:stop(Server) || Server <- [Waits, Other]].

ignores_drain(Config) ->
    %% A program that neither drains nor heeds the end of its input is asked by SIGTERM when its time is over.
    Server = gwport_probe:bad("undying", #{pool => #{drain_timeout => 300, stop_timeout => 200, kill_timeout => 600000}}, Config),
    OsPid = gwport_test:os_pid(Server),
    works_again(Server),
    %% It ends by that signal, and is not waited for any longer.
    ok = gwport_probe:stop(Server),
    {warning, _, _} = gwport_probe:expect(Server, "has not ended within 200 ms; it is sent SIGTERM"),
    {error, _, _} = gwport_probe:expect(Server, "ended while draining: timeout, exit status 143 (signal 15)"),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end).

ignores_sigterm(Config) ->
    %% One that does not heed SIGTERM either is killed, a while later.
    Server = gwport_probe:bad("stubborn", #{pool => #{drain_timeout => 0, stop_timeout => 100, kill_timeout => 200}}, Config),
    OsPid = gwport_test:os_pid(Server),
    works_again(Server),
    gwport_probe:stop(Server),
    {warning, _, _} = gwport_probe:expect(Server, "has not ended within 100 ms; it is sent SIGTERM"),
    {warning, _, _} = gwport_probe:expect(Server, "has not ended within 200 ms of SIGTERM; it is killed"),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end).

has_ended_already(_) ->
    %% Where a program ends before it has read what is queued, OTP tells that it takes no more input, and not its status. It is
    %% found to have ended, and is not said to be asked to.
    gwport_test:undisturbed(fun() ->
        Server = gwport_probe:serve(#{command => "true", restart_delay => 1, max_restart_delay => 1,
            circuit_failures => infinity}, #{}),
        Lines = try lines(Server, "it took no more input (epipe), exit status not told by OTP")
        after
            gwport_probe:stop(Server)
        end,
        ?assertEqual([], [Line || Line <- Lines, string:find(Line, "SIGTERM") =/= nomatch])
    end).

%% Of this pool, to the first with Part.
lines(Server = #{pool := Pool}, Part) ->
    receive
        {log_event, _, Line, #{pool := Pool}} ->
            case string:find(Line, Part) of
                nomatch -> [Line | lines(Server, Part)];
                _ -> [Line]
            end
    after 20000 -> error({not_logged, Part})
    end.

stop_timeout(Config) ->
    %% A program that ends late, but within it, is not asked; one that would end later is.
    [begin
        Server = gwport_probe:bad(Life, #{pool => #{drain_timeout => 0, stop_timeout => Timeout, kill_timeout => 10000}}, Config),
        works_again(Server),
        gwport_probe:stop(Server),
        {error, Line, _} = gwport_probe:expect(Server, "ended while draining: timeout"),
        ?assertMatch({_, {match, _}}, {Line, re:run(Line, Status)})
    end || {Life, Timeout, Status} <- [
        {"lingers/1500", 20000, "exit status 0;"}, {"lingers/60000", 0, "exit status 143 \\(signal 15\\);"}]].

kill_timeout(Config) ->
    %% A program that takes a moment to tidy up behind SIGTERM ends as it wants to, if that is within it.
    [begin
        Server = gwport_probe:bad(Life, #{pool => #{drain_timeout => 0, stop_timeout => 0, kill_timeout => Timeout}}, Config),
        works_again(Server),
        gwport_probe:stop(Server),
        {error, Line, _} = gwport_probe:expect(Server, "ended while draining: timeout"),
        ?assertMatch({_, {match, _}}, {Line, re:run(Line, Status)})
    end || {Life, Timeout, Status} <- [
        {"tidies/300", 20000, "exit status 7;"}, {"tidies/60000", 0, "exit status not told by OTP;"}]].

child_holds_the_output(Config) ->
    %% The program has drained, and what it has started keeps its output open. That gets SIGTERM as well, and is killed if
    %% it does not heed it.
    [begin
        Server = child_of(Trap, Config),
        Child = child(gwport_test:os_pid(Server)),
        gwport_probe:stop(Server),
        gwport_probe:expect(Server, "has not ended within 100 ms; it is sent SIGTERM"),
        _ = [gwport_probe:expect(Server, "has not ended within 300 ms of SIGTERM; it is killed") || Trap =/= ""],
        gwport_test:until(fun() -> gwport_probe:gone(Child) end)
    end || Trap <- ["", "trap '' TERM; "]].

%% When it is what it is to be.
child(OsPid) ->
    Children = fun() -> gwport_probe:children(integer_to_list(OsPid)) end,
    gwport_test:until(fun() -> case Children() of [{_, <<"sleep">>}] -> true; Other -> Other end end),
    [{Child, _}] = Children(),
    Child.

%% A shell that has a child becomes the program.
child_of(Trap, Config) ->
    Script = Trap ++ "sleep 3600 & exec \"$0\" good",
    Server = gwport_probe:serve(#{command => "/bin/sh", args => ["-c", Script, proplists:get_value(badport, Config)],
        stop_timeout => 100, kill_timeout => 300}, #{}),
    works_again(Server),
    Server.

closes_its_output(Config) ->
    %% OTP tells the end of a program's output when the program ends, not before. One that has closed it and
    %% lives on is found by its missing pong, like any other that does not answer: 502, and it is killed.
    Server = gwport_probe:bad("good", #{pool => #{ping_interval => 1000, ping_timeout => 1000}}, Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/close-stdout")),
    gwport_probe:expect(Server, "no answer to a ping within 1000 ms"),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

closes_its_input(Config) ->
    %% What is written to it then fails, and the port ends at the next ping at the latest.
    is_replaced("/close-stdin", Config).

falls_silent_within_a_frame(Config) ->
    %% It is found by its missing pong.
    is_replaced("/half", Config).

is_replaced(Path, Config) ->
    Server = gwport_probe:bad("good", #{pool => #{ping_interval => 1000, ping_timeout => 1000}}, Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, Path)),
    replaced(Server, OsPid),
    ?assert(gwport_probe:gone(OsPid)),
    gwport_probe:stop(Server).

ends_within_a_frame(Config) ->
    %% What stood behind the part of a frame nobody knows: 502 also for a POST.
    Server = gwport_probe:bad("good", Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:request(Server, #{method => <<"POST">>, path => "/partial"})),
    gwport_probe:expect(Server, "ended while serving"),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

ends_before_and_after_entered(Config) ->
    %% entered is what makes a 502 of a 503.
    Server = gwport_probe:bad("good", Config),
    First = gwport_test:os_pid(Server),
    Post = fun(Path) -> gwport_test:request(Server, #{method => <<"POST">>, path => Path}) end,
    ?assertMatch(#{status := 503}, Post("/exit/0")),
    Second = replaced(Server, First),
    ?assertMatch(#{status := 502}, Post("/entered-exit")),
    Third = replaced(Server, Second),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/exit/0")),
    Fourth = replaced(Server, Third),
    ?assertMatch(#{status := 200, complete := false}, gwport_test:get(Server, "/head-exit")),
    replaced(Server, Fourth),
    gwport_probe:stop(Server).

grandchild_holds_the_output(Config) ->
    %% A child of the program that keeps standard output open keeps neither the client nor the pool waiting, and
    %% goes with the program's process group.
    Server = gwport_probe:bad("good", Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/grandchild")),
    {_, Line, _} = gwport_probe:expect(Server, "grandchild"),
    Grandchild = binary_to_integer(lists:last(string:lexemes(Line, " "))),
    replaced(Server, OsPid),
    gwport_probe:expect(Server, "ended while serving: lifeless"),
    gwport_test:until(fun() -> gwport_probe:gone(Grandchild) end),
    gwport_probe:stop(Server).

exit_status_is_logged(Config) ->
    %% The log has the status with which a program ended, and the signal that ended it.
    Server = gwport_probe:bad("good", Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/exit/3")),
    {error, _, _} = gwport_probe:expect(Server, "exit status 3"),
    Second = replaced(Server, OsPid),
    gwport_probe:os_kill("KILL", Second),
    {error, _, _} = gwport_probe:expect(Server, "exit status 137 (signal 9)"),
    replaced(Server, Second),
    gwport_probe:stop(Server).

deadlocks(Config) ->
    %% All its goroutines wait for one another, and Go's runtime ends it.
    Server = gwport_probe:bad("good", Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/deadlock")),
    gwport_probe:expect(Server, "ended while serving: closed, exit status 2"),
    replaced(Server, OsPid),
    gwport_probe:stop(Server).

ends_right_after_the_greeting(Config) ->
    %% A program that ends as soon as it was ready is replaced, and its status logged.
    Server = gwport_probe:bad("leaves/4", #{once => true}, Config),
    {error, _, _} = gwport_probe:expect(Server, "exit status 4"),
    works_again(Server),
    gwport_probe:stop(Server).
