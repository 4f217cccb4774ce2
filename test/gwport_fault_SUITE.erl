%% Whatever goes wrong, its client sees it: as a status before the head of a response, as a response that is visibly
%% broken off after it; and nobody else's request is touched.
-module(gwport_fault_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, killed_under_load, nothing_leaks], [{parallel, [parallel], [
        no_pool, no_port, busy, busy_until_the_program_knows, draining, not_entered, port_died, refused, no_app, app_failed, driver_failed, given_up,
        bad_response,
        too_large_response, head_timeout, long_head_timeout, idle_timeout, deadline, too_large_head, too_large_body, slow_body, bad_option,
        broken_off_by_a_panic, broken_off_by_the_end_of_the_port, whole_response_outlives_its_port,
        broken_off_when_idle, broken_off_at_the_deadline,
        deadline_does_not_look_like_an_end, broken_off_in_its_turn,
        broken_off_by_a_wrong_length, broken_off_behind_a_head_alone,
        panic_costs_one_stream, what_ends_a_program_costs_its_own_requests, fatal_error_reaches_the_log, long_crash_reaches_the_log,
        stray_output_harms_nobody, flood_of_lines_is_bounded, flood_of_records_is_bounded, records_arrive_with_level_and_metadata,
        log_level_says_which_records_arrive
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_probe:watched(Mount, ["badport", "flowport"], fun(Built) ->
        Server = gwport_probe:flow(#{}, Built),
        [#{status := 200} = Answer || {_, Answer} <- both(Server, "/hello")],
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

%% The same request over HTTP/1.1 and HTTP/2.
both(Server, Path) when is_list(Path) ->
    both(Server, #{path => Path});
both(Server, Request) ->
    [{h1, gwport_test:request(Server, Request)}, {h2, h2(Server, Request)}].

h2(Server, Request = #{path := Path}) ->
    Conn = gwport_test:h2_open(Server),
    try gwport_test:h2_call(Conn, maps:get(method, Request, <<"GET">>), Path, maps:with([headers, body], Request))
    after gwport_h2:close(Conn)
    end.

%% Each row of the table: the status, its text, and Retry-After with 503.
is_reason(Reason, Answers) ->
    [is_answer(Reason, Answer) || {_, Answer} <- Answers].

is_answer(Reason, Answer) ->
    Status = gwport_status:status(Reason),
    Text = gwport_status:text(Reason),
    ?assertMatch({Reason, #{status := Status, body := Text, complete := true,
        headers := #{<<"content-type">> := <<"text/plain; charset=utf-8">>}}}, {Reason, Answer}),
    ?assertEqual(Status =:= 503, maps:is_key(<<"retry-after">>, maps:get(headers, Answer))).

post(Path) -> #{method => <<"POST">>, path => Path}.

%% A client that holds a request open.
holding(Server, Path) ->
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    Socket.

in_flight(Server, Count) ->
    gwport_test:until(fun() -> case [N || #{in_flight := N} <- gwport_test:ports(Server)] of
        [Count | _] -> true;
        Other -> Other
    end end).

%% The table of statuses

no_pool(Config) ->
    %% A route names a pool that does not run.
    Server = gwport_probe:flow(#{routes => [{"/nowhere", #{pool => no_such_pool}}]}, Config),
    is_reason(no_pool, both(Server, "/nowhere")),
    gwport_probe:stop(Server).

no_port(Config) ->
    %% The pool's program does not come up.
    Server = gwport_probe:bad("exit/1", Config),
    is_reason(no_port, both(Server, "/ok")),
    is_reason(no_port, both(Server, post("/ok"))),
    gwport_probe:stop(Server).

busy(Config) ->
    %% max_streams requests are served, one more is not; when one has left there is room again.
    Server = gwport_probe:flow(#{pool => #{max_streams => 2}}, Config),
    First = holding(Server, "/faults/sleep?s=60"),
    in_flight(Server, 1),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    Second = holding(Server, "/faults/sleep?s=60"),
    in_flight(Server, 2),
    is_reason(busy, both(Server, "/hello")),
    gwport_test:close(First),
    in_flight(Server, 1),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    gwport_test:close(Second),
    gwport_probe:stop(Server).

busy_until_the_program_knows(Config) ->
    %% An app answers a request whose body is still to come. Until the program has been told that it will not come, it
    %% counts the stream, and would refuse another. Here it does not read, and its pipe is full of somebody else's body.
    Server = #{pool := Pool} = gwport_probe:bad("window/16777216", #{pool => #{max_streams => 2,
        port_queue => 65536}}, Config),
    OsPid = gwport_test:os_pid(Server),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, "POST /stop-early HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"),
    #{status := 200} = gwport_test:recv_head(Socket),
    gwport_probe:await_stopped(OsPid),
    Self = self(),
    Other = spawn_link(fun() ->
        Self ! {self(), gwport_test:request(Server, (post("/ok"))#{body => binary:copy(<<"b">>, 2000000)})}
    end),
    Writer = gwport_attack:find(writer, Pool),
    gwport_test:until(fun() -> {status, suspended} =:= erlang:process_info(Writer, status) end),
    gwport_probe:os_kill("CONT", OsPid),
    ?assertMatch({<<>>, true}, gwport_test:recv_chunks(Socket, [])),
    gwport_probe:await_stopped(OsPid),
    is_reason(busy, both(Server, "/ok")),
    gwport_probe:os_kill("CONT", OsPid),
    receive {Other, Answer} -> ?assertMatch(#{status := 200}, Answer) end,
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/ok")) =:= 200 end),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

draining(Config) ->
    %% A request that reaches a port which has just begun to drain: the keeper has not yet taken it off the table.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    [#{owner := Owner}] = gwport_test:ports(Server),
    Socket = holding(Server, "/faults/sleep?s=60"),
    in_flight(Server, 1),
    Keeper = gwport_pool:keeper(Pool),
    ok = sys:suspend(Keeper),
    ok = gwport_port:drain(Owner),
    gwport_test:until(fun() -> maps:get(state, gwport_port:info(Owner)) =:= draining end),
    is_reason(draining, both(Server, "/hello")),
    ok = sys:resume(Keeper),
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

not_entered(Config) ->
    %% The port ended before the app was entered, which for a POST is known.
    Server = gwport_probe:bad("good", Config),
    is_answer(not_entered, gwport_test:request(Server, post("/exit/0"))),
    again(Server),
    is_answer(not_entered, h2(Server, post("/exit/0"))),
    gwport_probe:stop(Server).

again(Server) ->
    gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/ok")) =/= 503 end).

port_died(Config) ->
    %% The port ended while the app ran, or may have run: after a kill nobody knows.
    Server = gwport_probe:flow(#{}, Config),
    [begin
        gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
        is_answer(port_died, Ask(Server, Request))
    end || Ask <- [fun gwport_test:request/2, fun h2/2],
        Request <- [#{path => "/faults/exit?code=0"}, post("/faults/exit?code=0"), post("/faults/fatal")]],
    gwport_probe:stop(Server),
    Bad = gwport_probe:bad("good", Config),
    is_answer(port_died, gwport_test:request(Bad, post("/entered-exit"))),
    gwport_probe:stop(Bad).

refused(Config) ->
    %% The program did not take the stream.
    Server = gwport_probe:bad("good", Config),
    is_reason(refused, both(Server, "/abort/6") ++ both(Server, post("/abort/6"))),
    gwport_probe:stop(Server).

no_app(Config) ->
    %% The program has no app of the route's name: known here, or said by the program.
    Server = gwport_probe:flow(#{routes => [{"/none", #{app => "none"}}]}, Config),
    is_reason(no_app, both(Server, "/none")),
    gwport_probe:stop(Server),
    Bad = gwport_probe:bad("good", Config),
    is_reason(no_app, both(Bad, "/abort/7")),
    gwport_probe:stop(Bad),
    Nameless = #{pool := Pool} = gwport_probe:bad("good", #{mount => #{app => other}}, Config),
    is_reason(no_app, both(Nameless, "/ok")),
    gwport_test:expect_log("pool " ++ atom_to_list(Pool) ++ ", whose program has one app, without a name"),
    gwport_probe:stop(Nameless).

app_failed(Config) ->
    %% The app gave up: its panic is answered by the bridge with a 500 of its own, an abort by us.
    Server = gwport_probe:flow(#{}, Config),
    [?assertMatch(#{status := 500, complete := true}, Answer) || {_, Answer} <- both(Server, "/faults/panic")],
    gwport_probe:stop(Server),
    Bad = gwport_probe:bad("good", Config),
    is_reason(app_failed, both(Bad, "/abort/1")),
    gwport_probe:stop(Bad).

driver_failed(Config) ->
    %% What drives a stream fails by a mistake of ours (here an event that no port sends): before the head that is a 500,
    %% and on HTTP/2 the other streams of the connection live on.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    Fail = fun(Count) ->
        gwport_test:until(fun() -> length(gwport_attack:rows(Pool)) =:= Count end),
        {To, _} = hd(lists:sort(gwport_attack:rows(Pool))),
        gwport_watch:tell(To, {credit, wrong})
    end,
    Socket = holding(Server, "/faults/sleep?s=60"),
    Fail(1),
    ?assertMatch(#{status := 500}, gwport_test:recv_head(Socket)),
    gwport_test:close(Socket),
    %% Its row stays until the program has answered the abort, and would be taken for the next one's.
    gwport_test:until(fun() -> gwport_attack:rows(Pool) =:= [] end),
    Conn = gwport_test:h2_open(Server),
    Failing = gwport_h2:request(Conn, <<"GET">>, "/faults/sleep?s=60", []),
    Fail(1),
    ?assertMatch({response, _, 500, _}, gwport_h2:await(Conn, Failing, 5000)),
    ?assertMatch(#{status := 200}, gwport_test:h2_call(Conn, <<"GET">>, "/hello", #{})),
    gwport_h2:close(Conn),
    gwport_test:until(fun() -> gwport_attack:rows(Pool) =:= [] end),
    gwport_probe:stop(Server).

given_up(Config) ->
    %% An app that gives up on purpose before its head (http.ErrAbortHandler): no answer, as under net/http.
    Bad = gwport_probe:bad("good", Config),
    [begin
        ?assertError({badmatch, {error, closed}}, gwport_test:request(Bad, Request)),
        ?assertMatch(#{status := error}, h2(Bad, Request))
    end || Request <- [#{path => "/abort/2"}, post("/abort/2")]],
    #{pool := Pool} = Bad,
    ?assertEqual({error, {broken_off, app_failed}}, gwport:request(Pool, #{path => "/abort/2"})),
    gwport_probe:stop(Bad).

bad_response(Config) ->
    %% What must not reach Cowboy.
    Server = gwport_probe:bad("good", Config),
    is_reason(bad_response, both(Server, "/status/42")),
    %% A field costs itself.
    [?assertMatch(#{status := 200, body := <<"ok\n">>, complete := true}, Answer)
        || {_, Answer} <- both(Server, "/value-crlf")],
    gwport_probe:stop(Server).

too_large_response(Config) ->
    %% A head over max_head: what the program says of itself, and what is seen here. N passes, N + 1 does not.
    Options = #{pool => #{max_head => 1024}},
    Server = gwport_probe:flow(Options, Config),
    Header = fun(Size) -> "/faults/header?name=x-a&value=" ++ lists:duplicate(Size, $x) end,
    [?assertMatch(#{status := 200}, Answer) || {_, Answer} <- both(Server, Header(500))],
    is_reason(too_large_response, both(Server, Header(1025))),
    gwport_probe:stop(Server),
    Bad = gwport_probe:bad("good", Options, Config),
    is_reason(too_large_response, both(Bad, "/head-size/1025")),
    gwport_probe:stop(Bad).

head_timeout(Config) ->
    %% Nothing of a response in time.
    Server = gwport_probe:flow(#{mount => #{head_timeout => 1000}}, Config),
    is_reason(head_timeout, both(Server, "/faults/sleep?s=60&ignore=1&tag=a")),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    gwport_probe:stop(Server).

long_head_timeout(Config) ->
    %% Not before its time, and hardly a second later: gwport_stream_h has no timer of its own for it.
    gwport_test:undisturbed(fun() ->
        Server = gwport_probe:flow(#{mount => #{head_timeout => 10000}}, Config),
        try
            At = erlang:monotonic_time(millisecond),
            is_reason(head_timeout, [{h1, gwport_test:request(Server, #{path => "/faults/sleep?s=60&ignore=1&tag=b"})}]),
            Took = erlang:monotonic_time(millisecond) - At,
            ?assert(Took >= 10000 andalso Took < 13000, Took)
        after
            gwport_probe:stop(Server)
        end
    end).

idle_timeout(Config) ->
    %% No byte either way.
    Server = gwport_probe:flow(#{mount => #{head_timeout => infinity, idle_timeout => 300}}, Config),
    is_reason(idle_timeout, both(Server, "/faults/sleep?s=60")),
    gwport_probe:stop(Server).

deadline(Config) ->
    %% The whole exchange took too long; the handler does not look at its context.
    Server = gwport_probe:flow(#{mount => #{deadline => 300}}, Config),
    is_reason(deadline, both(Server, "/faults/sleep?s=60&ignore=1")),
    gwport_probe:stop(Server).

too_large_head(Config) ->
    %% A request over the program's max_head.
    Server = gwport_probe:flow(#{env => #{"FLOWPORT_MAX_HEAD" => "1024"}}, Config),
    Request = fun(Size) -> #{path => "/hello", headers => [{<<"x-a">>, lists:duplicate(Size, $x)}]} end,
    [?assertMatch(#{status := 200}, Answer) || {_, Answer} <- both(Server, Request(100))],
    is_reason(too_large_head, both(Server, Request(1024))),
    gwport_probe:stop(Server).

too_large_body(Config) ->
    %% max_body bytes pass, one more does not: by its length, and chunked, as it is read.
    Server = gwport_probe:flow(#{mount => #{max_body => 1000}}, Config),
    Upload = fun(Size) -> (post("/upload"))#{body => binary:copy(<<"b">>, Size)} end,
    [?assertMatch(#{status := 200}, Answer) || {_, Answer} <- both(Server, Upload(1000))],
    is_reason(too_large_body, both(Server, Upload(1001))),
    Chunked = fun(Size) -> (post("/upload"))#{headers => [{<<"transfer-encoding">>, <<"chunked">>}],
        body => [integer_to_list(Size, 16), "\r\n", lists:duplicate(Size, $b), "\r\n0\r\n\r\n"]} end,
    ?assertMatch(#{status := 200}, gwport_test:request(Server, Chunked(1000))),
    is_answer(too_large_body, gwport_test:request(Server, Chunked(1001))),
    gwport_probe:stop(Server).

slow_body(Config) ->
    %% A client that never pauses for long and is too slow all the same, with a length, chunked and on HTTP/2. One that sends
    %% more than the rate has its answer, as has one that waits for a handler to ask.
    Server = gwport_probe:flow(#{mount => #{min_body_rate => 2000, body_grace => 1500, idle_timeout => 10000}}, Config),
    Length = trickle(Server, "content-length: 100000", fun(Bytes) -> Bytes end, 10),
    Answer = #{headers := #{<<"connection">> := <<"close">>}} = gwport_test:recv(Length),
    is_answer(slow_body, Answer),
    ?assertMatch({error, Why} when Why =:= closed; Why =:= econnreset, gen_tcp:recv(Length, 0, 10000)),
    Chunked = trickle(Server, "transfer-encoding: chunked", fun(Bytes) -> ["a\r\n", Bytes, "\r\n"] end, 10),
    is_answer(slow_body, gwport_test:recv(Chunked)),
    is_answer(slow_body, slow_on_h2(Server)),
    Fast = trickle(Server, "content-length: 100000", fun(Bytes) -> Bytes end, 1000),
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Fast)),
    Unread = gwport_test:connect(Server),
    ok = gwport_test:send(Unread, "POST /faults/never-read?s=3 HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
        "content-length: 100000\r\n\r\n"),
    ?assertMatch(#{status := 200}, gwport_test:recv(Unread)),
    #{pool := Pool} = Server,
    ?assertMatch({ok, #{failures := #{slow_body := 3}}}, gwport:counts(Pool)),
    gwport_probe:stop(Server).

%% So many bytes of an upload each 40 ms, until all has gone or nobody takes it.
trickle(Server, Field, Framed, Bytes) ->
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, ["POST /upload HTTP/1.1\r\nhost: x\r\n", Field, "\r\n\r\n"]),
    Piece = Framed(binary:copy(<<"b">>, Bytes)),
    spawn_link(fun() -> trickled(fun() -> gen_tcp:send(Socket, Piece) end, 100000 div Bytes) end),
    Socket.

trickled(_, 0) ->
    ok;
trickled(Send, Left) ->
    case Send() of
        ok -> receive after 40 -> trickled(Send, Left - 1) end;
        {error, _} -> ok
    end.

slow_on_h2(Server) ->
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, <<"POST">>, "/upload", [{<<"content-length">>, <<"100000">>}], follows),
    Client = spawn_link(fun() -> trickled(fun() -> gwport_h2:data(Conn, Ref, nofin, <<"bbbbbbbbbb">>), ok end, 1000) end),
    Answer = gwport_test:h2_recv(Conn, Ref),
    unlink(Client),
    exit(Client, kill),
    gwport_h2:close(Conn),
    Answer.

bad_option(Config) ->
    %% A route's own mistake is logged, and is nobody else's; the stream handler's mounts do not even start.
    bad_option(gwport_test:mount(), Config).

bad_option(stream, _) ->
    ?assertError({bad_mount, "/wrong", {bad_option, {head_timeout, soon, _}}},
        gwport_stream_h:mounts([{'_', [{"/wrong", #{pool => a, head_timeout => soon}}]}]));
bad_option(route, Config) ->
    Server = gwport_probe:flow(#{routes => [{"/wrong", #{head_timeout => soon}}]}, Config),
    is_reason(bad_option, both(Server, "/wrong")),
    gwport_test:expect_log("{bad_option,{head_timeout,soon,"),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    gwport_probe:stop(Server).

%% After the head

%% On HTTP/1.1 with a length and chunked, and on HTTP/2: not whole, and on HTTP/2 another stream of the same
%% connection lives on.
broken_off(Server, Plain, WithLength) ->
    broken_off(Server, Plain, WithLength, fun() -> ok end).

broken_off(Server, Plain, WithLength, Break) ->
    [?assertMatch({Path, #{status := 200, complete := false}}, {Path, halfway(Server, Path, Break)})
        || Path <- [Plain, WithLength]],
    [broken_off_h2(Server, Path, Break) || Path <- [Plain, WithLength]].

halfway(Server, Path, Break) ->
    Socket = holding(Server, Path),
    Answer = gwport_test:recv_head(Socket),
    Break(),
    {Body, Complete} = rest(Socket, Answer),
    gwport_test:close(Socket),
    Answer#{body => Body, complete => Complete}.

rest(Socket, #{headers := #{<<"transfer-encoding">> := <<"chunked">>}}) ->
    {Body, Closed} = until_closed(Socket, []),
    {Body, Closed =/= true orelse binary:match(Body, <<"\r\n0\r\n">>) =/= nomatch};
rest(Socket, #{headers := #{<<"content-length">> := Length}}) ->
    {Body, true} = until_closed(Socket, []),
    {Body, byte_size(Body) =:= binary_to_integer(Length)}.

until_closed(Socket, Acc) ->
    case gen_tcp:recv(Socket, 0, 20000) of
        {ok, Data} -> until_closed(Socket, [Acc, Data]);
        {error, closed} -> {iolist_to_binary(Acc), true};
        {error, econnreset} -> {iolist_to_binary(Acc), true}
    end.

broken_off_h2(Server, Path, Break) ->
    Conn = gwport_test:h2_open(Server),
    %% Another stream of this connection, from a route without limits.
    Other = gwport_h2:request(Conn, <<"GET">>, "/free/events?ms=50", []),
    {response, nofin, 200, _} = gwport_h2:await(Conn, Other, 10000),
    [#{os_pid := OsPid} | _] = gwport_test:ports(Server),
    Ref = gwport_h2:request(Conn, <<"GET">>, Path, []),
    {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 10000),
    Break(),
    ?assertMatch({error, {stream_error, _}}, gwport_h2:await_body(Conn, Ref, 20000)),
    _ = [still_alive(Conn, Other) || not gwport_probe:gone(OsPid)],
    gwport_test:until(fun() -> maps:get(status, gwport_test:h2_call(Conn, <<"GET">>, "/hello")) =:= 200 end),
    gwport_h2:close(Conn).

%% Events that were sent after the other stream had ended: all that had come before is read first.
still_alive(Conn, Ref) ->
    gwport_h2:flush(Ref),
    [{data, nofin, _} = gwport_h2:await(Conn, Ref, 5000) || _ <- lists:seq(1, 3)].

free() ->
    [{"/free/[...]", #{app => "faults"}}].

broken_off_by_a_panic(Config) ->
    %% The handler panics after the head. One that panics right behind it may have its head overtaken by the abort,
    %% which is a 500 then.
    Server = gwport_probe:flow(#{routes => free()}, Config),
    ?assertMatch(#{status := 200, complete := false, body := <<"some">>}, gwport_test:get(Server, "/late")),
    broken_off_h2(Server, "/late", fun() -> ok end),
    [is_not_whole(Answer) || _ <- lists:seq(1, 20), {_, Answer} <- both(Server, "/faults/panic-late")],
    gwport_probe:stop(Server),
    Bad = gwport_probe:bad("good", Config),
    ?assertMatch(#{status := 200, complete := false}, gwport_test:get(Bad, "/abort-late/1")),
    gwport_probe:stop(Bad).

is_not_whole(#{status := 200, complete := false}) -> ok;
is_not_whole(#{status := Status, complete := true}) when Status >= 500 -> ok;
is_not_whole(#{status := error}) -> ok.

broken_off_behind_a_head_alone(Config) ->
    %% A response without a body is whole with its head. When the app fails behind that, its connection of HTTP/1.1 is
    %% closed, as under net/http; on HTTP/2 the stream has ended, and others live on.
    Bad = gwport_probe:bad("good", Config),
    [begin
        Socket = gwport_test:connect(Bad),
        gwport_test:send(Socket, ["HEAD /abort-late/", Code, " HTTP/1.1\r\nHost: localhost\r\n\r\n"]),
        ?assertMatch(#{status := 200}, gwport_test:recv_head(Socket)),
        ?assertMatch({<<>>, true}, until_closed(Socket, [])),
        Conn = gwport_test:h2_open(Bad),
        ?assertMatch(#{status := 200, complete := true},
            gwport_test:h2_call(Conn, <<"HEAD">>, ["/abort-late/", Code], #{})),
        ?assertMatch(#{status := 200}, gwport_test:h2_call(Conn, <<"GET">>, "/ok", #{})),
        gwport_h2:close(Conn)
    end || Code <- ["1", "2"]],
    gwport_probe:stop(Bad).

broken_off_by_the_end_of_the_port(Config) ->
    %% The program is killed in the middle of a response.
    Server = gwport_probe:flow(#{routes => free()}, Config),
    broken_off(Server, waiting(""), waiting("&length=1"), fun() ->
        [#{os_pid := OsPid}] = gwport_probe:await_ports(Server, 1),
        gwport_probe:os_kill("KILL", OsPid),
        gwport_test:until(fun() -> [P || #{os_pid := P, state := serving} <- gwport_test:ports(Server),
            P =/= OsPid] =/= [] end)
    end),
    gwport_probe:stop(Server).

%% Some bytes, and then none for long.
waiting(More) ->
    "/faults/write?bytes=2000&chunk=1000&delay_ms=60000" ++ More.

whole_response_outlives_its_port(Config) ->
    %% The program is killed when it has sent as many bytes as it had declared, and before it has said that they are all.
    %% They are: whoever is behind that response on its connection is served. Cowboy may have given that request to the same
    %% program already; as a GET it goes to the next one then.
    Server = gwport_probe:flow(#{mount => #{replay => true}}, Config),
    #{os_pid := OsPid} = hd(gwport_probe:await_ports(Server, 1)),
    Path = "/faults/write?bytes=2000&chunk=2000&delay_ms=60000&length=1",
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, <<"GET">>, Path, []),
    {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 10000),
    Socket = holding(Server, Path),
    ?assertMatch(#{status := 200, body := <<_:2000/binary>>, complete := true}, gwport_test:recv(Socket)),
    ok = gwport_test:send(Socket, "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_probe:os_kill("KILL", OsPid),
    ?assertMatch({ok, <<_:2000/binary>>}, gwport_h2:await_body(Conn, Ref, 20000)),
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

broken_off_when_idle(Config) ->
    %% Nothing more comes.
    Server = gwport_probe:flow(#{mount => #{idle_timeout => 1000}, routes => free()}, Config),
    broken_off(Server, waiting(""), waiting("&length=1")),
    gwport_probe:stop(Server).

broken_off_at_the_deadline(Config) ->
    %% It goes on, but for too long.
    Server = gwport_probe:flow(#{mount => #{deadline => 1000}, routes => free()}, Config),
    Endless = "/faults/write?bytes=1000000000000&chunk=1000",
    broken_off(Server, Endless, Endless ++ "&length=1"),
    gwport_probe:stop(Server).

deadline_does_not_look_like_an_end(Config) ->
    %% A handler that heeds its context returns when the deadline has passed: what it has sent until then is not
    %% the whole response, and what it has not sent is no empty one.
    Server = gwport_probe:flow(#{mount => #{deadline => 100}}, Config),
    Streamed = [gwport_test:get(Server, "/faults/events?ms=20") || _ <- lists:seq(1, 20)],
    Whole = [gwport_test:get(Server, "/faults/sleep?s=60") || _ <- lists:seq(1, 20)],
    gwport_probe:stop(Server),
    ?assertEqual([], [Answer || Answer = #{complete := true} <- Streamed, maps:get(status, Answer) =:= 200]),
    ?assertEqual([], [Answer || Answer = #{status := Status} <- Whole, Status =/= 504]).

broken_off_in_its_turn(Config) ->
    %% A response that fails while earlier ones of its connection are under way does not cost them anything, however
    %% long they take.
    Server = gwport_probe:flow(#{routes => [{"/brief/[...]", #{app => "faults", deadline => 1000}}]}, Config),
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, [["GET ", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]
        || Path <- ["/faults/sleep?s=6.5", "/brief/write?bytes=1000000000&chunk=1000"]]),
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Socket)),
    ?assertMatch(#{status := 200, complete := false}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

broken_off_by_a_wrong_length(Config) ->
    %% Fewer bytes than were declared, and more.
    Server = gwport_probe:flow(#{}, Config),
    [is_not_whole(Answer) || {_, Answer} <- both(Server, "/faults/short?declared=100000&sent=50000")],
    gwport_probe:stop(Server),
    Bad = gwport_probe:bad("good", Config),
    [?assertMatch({Path, #{complete := false}}, {Path, Answer})
        || Path <- ["/length-short", "/length-long"], {_, Answer} <- both(Bad, Path)],
    gwport_probe:stop(Bad).

%% The end of the program

killed_under_load(Config) ->
    %% 50 clients, and kill -9 again and again: each request has a whole answer, a 502 or 503, or is visibly broken
    %% off; nobody hangs, and the pool is back within two seconds.
    gwport_test:undisturbed(fun() ->
        Server = gwport_probe:flow(#{pool => #{ports => 2}}, Config),
        try both_are_killed(Server) after gwport_probe:stop(Server) end
    end).

both_are_killed(Server) ->
    Self = self(),
    Paths = ["/hello", "/faults/write?bytes=300000", "/faults/write?bytes=300000&length=1", "/faults/sleep?s=0.05"],
    Clients = [spawn_monitor(fun() -> client(Server, lists:nth(N rem 4 + 1, Paths), Self, #{}) end)
        || N <- lists:seq(1, 50)],
    Back = [killed(Server) || _ <- lists:seq(1, 3)],
    [Pid ! stop || {Pid, _} <- Clients],
    Counts = [receive
        {counts, Pid, Count} -> true = erlang:demonitor(Monitor, [flush]), Count;
        {'DOWN', Monitor, process, Pid, Reason} -> error({client, Reason})
    after 20000 -> error({hangs, erlang:process_info(Pid, current_stacktrace)})
    end || {Pid, Monitor} <- Clients],
    Sum = lists:foldl(fun({Result, Count}, Acc) -> Acc#{Result => Count + maps:get(Result, Acc, 0)} end,
        #{}, lists:flatmap(fun maps:to_list/1, Counts)),
    ct:pal("answers: ~p, back after ms: ~p", [Sum, Back]),
    ?assertEqual([], maps:keys(Sum) -- [whole, broken, 502, 503]),
    ?assert(maps:get(whole, Sum) >= 50),
    [?assert(Ms < 2000) || Ms <- Back].

killed(Server) ->
    Before = [OsPid || #{os_pid := OsPid} <- gwport_probe:await_ports(Server, 2)],
    [gwport_probe:os_kill("KILL", OsPid) || OsPid <- Before],
    At = erlang:monotonic_time(millisecond),
    gwport_test:until(fun() ->
        length([OsPid || #{os_pid := OsPid, state := serving} <- gwport_test:ports(Server),
            not lists:member(OsPid, Before)]) =:= 2
    end),
    erlang:monotonic_time(millisecond) - At.

client(Server, Path, Parent, Counts) ->
    Result = case gwport_test:get(Server, Path) of
        #{status := 200, complete := true, body := Body} when Body =/= <<>> -> whole;
        #{status := 200, complete := false} -> broken;
        #{status := Status, complete := true} -> Status
    end,
    Counted = Counts#{Result => 1 + maps:get(Result, Counts, 0)},
    receive stop -> last_client(Result, Server, Path, Parent, Counted)
    after 0 -> client(Server, Path, Parent, Counted)
    end.

%% Told to stop, it does once it has been served.
last_client(whole, _, _, Parent, Counts) ->
    Parent ! {counts, self(), Counts};
last_client(_, Server, Path, Parent, Counts) ->
    self() ! stop,
    client(Server, Path, Parent, Counts).

what_ends_a_program_costs_its_own_requests(Config) ->
    %% Of two ports each has an endless response. What a handler does to its program costs the one that is in it, if it
    %% costs the program, and never the other; there are two ports again soon.
    [{Path, Status, Lost} = suffered(Path, Config) || {Path, Status, Lost} <- [
        {"/wrong/goexit", 500, 0}, {"/wrong/segv", 502, 1}, {"/wrong/memory", 502, 1}, {"/faults/exit?code=3", 502, 1},
        {"/faults/fatal?kind=mutex", 502, 1}]].

suffered(Path, Config) ->
    Server = gwport_probe:flow(#{pool => #{ports => 2}}, Config),
    _ = gwport_probe:await_ports(Server, 2),
    Sockets = [begin
        Socket = holding(Server, "/faults/events?ms=20"),
        #{status := 200} = gwport_test:recv_head(Socket),
        Socket
    end || _ <- [1, 2]],
    ?assertEqual([1, 1], [N || #{in_flight := N} <- gwport_test:ports(Server)]),
    #{status := Status} = gwport_test:get(Server, Path),
    At = erlang:monotonic_time(millisecond),
    _ = gwport_probe:await_ports(Server, 2),
    Lost = length([Socket || Socket <- Sockets, not goes_on(Socket)]),
    ct:pal("~s: ~b, two ports again after ~b ms", [Path, Status, erlang:monotonic_time(millisecond) - At]),
    lists:foreach(fun gwport_test:close/1, Sockets),
    gwport_probe:stop(Server),
    {Path, Status, Lost}.

%% More than can have been under way when its program ended.
goes_on(Socket) ->
    lists:all(fun(_) -> element(1, gen_tcp:recv(Socket, 0, 5000)) =:= ok end, lists:seq(1, 20)).

panic_costs_one_stream(Config) ->
    %% A panic is logged with its stack and its request; others on the same port go on.
    Server = gwport_probe:flow(#{}, Config),
    OsPid = gwport_test:os_pid(Server),
    Socket = holding(Server, "/faults/events?ms=50"),
    #{status := 200} = gwport_test:recv_head(Socket),
    ?assertMatch(#{status := 500}, gwport_test:get(Server, "/faults/panic")),
    {error, Line, _} = gwport_probe:expect(Server, "a panic before the head"),
    ?assertNotEqual(nomatch, string:find(Line, "faults_end.go")),
    ?assertNotEqual(nomatch, string:find(Line, "GET /faults/panic")),
    [{ok, _} = gen_tcp:recv(Socket, 0, 5000) || _ <- lists:seq(1, 5)],
    gwport_test:close(Socket),
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    gwport_probe:stop(Server).

fatal_error_reaches_the_log(Config) ->
    %% What the runtime says last, each in one event; and the program is replaced.
    Server = gwport_probe:flow(#{}, Config),
    [begin
        gwport_test:until(fun() -> maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end),
        ?assertMatch(#{status := 502}, gwport_test:get(Server, "/faults/fatal?kind=" ++ Kind)),
        {error, Line, _} = gwport_probe:expect(Server, Sentence),
        ?assertNotEqual(nomatch, string:find(Line, "goroutine "))
    end || {Kind, Sentence} <- [{"mutex", "fatal error: sync: unlock of unlocked mutex"},
        {"map", "fatal error: concurrent map writes"}, {"goroutine", "panic: faults: a panic that nobody recovers"},
        {"stack", "stack overflow"}]],
    gwport_probe:stop(Server).

long_crash_reaches_the_log(Config) ->
    %% A crash trace of more than a pipe holds neither hangs the program nor is cut to nothing.
    Server = gwport_probe:flow(#{}, Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 502}, gwport_test:get(Server, "/faults/fatal?kind=goroutine&bytes=300000")),
    {error, Line, _} = gwport_probe:expect(Server, "panic: faults: a panic that nobody recovers"),
    ?assert(byte_size(Line) > 200000),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    gwport_probe:stop(Server).

stray_output_harms_nobody(Config) ->
    %% What a handler prints to standard output, by os.Stdout and by the descriptor, is a line in the log.
    Server = gwport_probe:flow(#{}, Config),
    OsPid = gwport_test:os_pid(Server),
    ?assertMatch(#{status := 200, body := <<"printed\n">>}, gwport_test:get(Server, "/faults/print")),
    gwport_probe:expect(Server, "Hello, stdout"),
    gwport_probe:expect(Server, "Hello, descriptor 1"),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    gwport_probe:stop(Server).

flood_of_lines_is_bounded(Config) ->
    %% Of standard error log_lines lines a second are logged, N and not N + 1; the rest are counted, and the
    %% program does not wait for it.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{log_lines => 20}}, Config),
    #{status := 200} = gwport_test:get(Server, "/faults/stderr?bytes=1600"),
    [gwport_probe:expect(Server, "stderr 0") || _ <- lists:seq(1, 20)],
    #{status := 200} = gwport_test:get(Server, "/hello"),
    ?assertEqual({0, 0}, logged_until_discarded(Pool, "stderr ", 0, 1500)),
    %% 200 lines: as many as the socket holds while its reader has no turn, or the program might lose some.
    #{status := 200} = gwport_test:get(Server, "/faults/stderr?bytes=16000"),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    {Logged, Discarded} = logged_until_discarded(Pool, "stderr ", 0, 5000),
    ct:pal("~b lines logged, ~b discarded", [Logged, Discarded]),
    ?assert(Logged >= 20),
    ?assert(Logged =< 60),
    ?assertEqual(200, Logged + Discarded + rest_discarded(Pool, "stderr ", 0)),
    gwport_probe:stop(Server).

flood_of_records_is_bounded(Config) ->
    %% So it is with slog's records, of which the program sends no more than the host logs: each that is not
    %% logged is counted, also where the program ends in the same second.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{log_lines => 20}}, Config),
    #{status := 200} = gwport_test:get(Server, "/faults/slog?text=flood&count=20"),
    [gwport_probe:expect(Server, "flood") || _ <- lists:seq(1, 20)],
    ?assertEqual({0, 0}, logged_until_discarded(Pool, "flood", 0, 1500)),
    Read = read_of(Server),
    #{status := 200} = gwport_test:get(Server, "/faults/slog?text=flood&count=5000"),
    {Logged, Discarded} = logged_until_discarded(Pool, "flood", 0, 5000),
    ct:pal("~b lines logged, ~b discarded", [Logged, Discarded]),
    ?assert(Logged >= 20),
    ?assert(Logged =< 60),
    ?assertEqual(5000, Logged + Discarded + rest_discarded(Pool, "flood", 0)),
    %% All of them would be a quarter of a megabyte.
    ?assert(read_of(Server) - Read < 20000),
    #{status := 200} = gwport_test:get(Server, "/faults/slog?text=flood&count=30"),
    {ok, _} = gwport:reload(Pool),
    ?assertEqual(30, rest_discarded(Pool, "flood", 0)),
    gwport_probe:stop(Server).

%% The bytes that its program has written so far.
read_of(Server) ->
    OsPid = gwport_test:os_pid(Server),
    [Port] = [Port || Port <- erlang:ports(), erlang:port_info(Port, os_pid) =:= {os_pid, OsPid}],
    {input, Bytes} = erlang:port_info(Port, input),
    Bytes.

%% Lines that begin so, until a count of discarded ones, or nothing for so long.
logged_until_discarded(Pool, Begin, Lines, Ms) ->
    receive
        {log_event, _, Text, #{pool := Pool}} ->
            case {re:run(Text, "gwport: (\\d+) lines of pool", [{capture, all_but_first, list}]), string:prefix(Text, Begin)} of
                {{match, [Count]}, _} -> {Lines, list_to_integer(Count)};
                {nomatch, nomatch} -> logged_until_discarded(Pool, Begin, Lines, Ms);
                {nomatch, _} -> logged_until_discarded(Pool, Begin, Lines + 1, Ms)
            end
    after Ms -> {Lines, 0}
    end.

%% All of both, until there is none for a second and a half.
rest_discarded(Pool, Begin, Sum) ->
    case logged_until_discarded(Pool, Begin, 0, 1500) of
        {0, 0} -> Sum;
        {Lines, Discarded} -> rest_discarded(Pool, Begin, Sum + Lines + Discarded)
    end.

records_arrive_with_level_and_metadata(Config) ->
    %% slog's levels are OTP's, its attributes metadata.
    Server = #{pool := Pool} = gwport_probe:flow(#{}, Config),
    [begin
        #{status := 200} = gwport_test:get(Server, "/faults/slog?text=hello-" ++ Level ++ "&level=" ++ Level),
        {Got, _, Meta} = gwport_probe:expect(Server, "hello-" ++ Level),
        ?assertEqual(Expected, Got),
        ?assertMatch(#{pool := Pool, gwport := log,
            meta := #{<<"n">> := 0, <<"app">> := <<"faults">>, <<"stream">> := _}}, Meta)
    end || {Level, Expected} <- [{"info", info}, {"warn", warning}, {"error", error}]],
    gwport_probe:stop(Server).

log_level_says_which_records_arrive(Config) ->
    %% One of each level, and an error that shows that the others have come before. A record from before the greeting is
    %% like others.
    [begin
        Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{log_level => Least},
            env => #{"FLOWPORT_DEBUG" => "in main"}}, Config),
        _ = [{debug, <<"in main">>, #{pool := Pool}} = gwport_probe:expect(Server, "in main") || Least =:= debug],
        [#{status := 200} = gwport_test:get(Server, "/faults/slog?text=hello&level=" ++ Level)
            || Level <- ["debug", "info", "warn"]],
        #{status := 200} = gwport_test:get(Server, "/faults/slog?text=last&level=error"),
        ?assertEqual({Least, Levels}, {Least, levels_until_last(Pool)}),
        gwport_probe:stop(Server)
    end || {Least, Levels} <- [{debug, [debug, info, warning]}, {info, [info, warning]}, {notice, [warning]},
        {error, []}]].

levels_until_last(Pool) ->
    receive
        {log_event, Level, <<"hello", _/binary>>, #{pool := Pool}} -> [Level | levels_until_last(Pool)];
        {log_event, Level, <<"in main">>, #{pool := Pool}} -> error({logged, Level});
        {log_event, error, <<"last", _/binary>>, #{pool := Pool}} -> []
    after 25000 -> error(silence)
    end.
