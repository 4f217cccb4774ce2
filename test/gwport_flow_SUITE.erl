%% Credit from end to end: bodies of any size in little memory both ways, a side that does not take its bytes stops
%% the other side of its own stream and nobody else's, and a client that leaves is gone for the app too.
-module(gwport_flow_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(PROPER_NO_TRANS, true).
-include_lib("proper/include/proper.hrl").

-define(MB, 1048576).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, parallel}, client_that_never_reads, client_that_never_reads_over_http2,
        handler_that_never_reads, slow_clients_do_not_stop_a_fast_one, pipelined_responses_share_the_budget,
        whole_responses_that_wait_their_turn_are_bounded, streams_that_nobody_reads_are_bounded,
        connections_that_nobody_reads_are_bounded, little_memory_for_a_large_body,
        little_memory_for_a_large_body_over_http2, client_of_a_stalled_upload_is_given_up_when_idle,
        a_byte_now_and_then_gives_no_memory_back, idle_streams_are_small, goroutines_and_descriptors_do_not_grow, nothing_leaks], [{parallel, [parallel], [
        small_windows_carry_a_megabyte, any_sizes_and_windows, response_budget_is_spent_and_refunded,
        an_upload_goes_on_when_others_of_its_connection_have_ended, a_held_upload_holds_no_other_of_its_connection,
        client_leaves_before_the_head, client_leaves_within_the_body, client_leaves_within_its_upload,
        time_is_up_for_a_connection_that_is_stuck, time_is_up_for_a_whole_response,
        a_response_that_outlives_its_port,
        handler_that_never_returns, too_many_abandoned_handlers
    ]}]).

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Config1 = [{flowport, gwport_probe:build("flowport")} | Config],
    Server = gwport_probe:flow(#{}, Config1),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    Conn = gwport_test:h2_open(Server),
    #{status := 200} = gwport_test:h2_call(Conn, <<"GET">>, "/hello"),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server),
    [{counts, gwport_probe:counts()} | Config1].

end_per_group(parallel, _) ->
    ok;
end_per_group(_, _) ->
    ok.

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

body(Size) ->
    << <<(N * 2654435761 rem 251)>> || N <- lists:seq(1, Size) >>.

%% Bodies

small_windows_carry_a_megabyte(Config) ->
    %% 4096 bytes of credit each way, and a megabyte comes back as it was sent: HTTP/1.1 with a length and chunked,
    %% HTTP/2, and without HTTP.
    Server = #{pool := Pool} = gwport_probe:flow(#{pool => #{window => 4096, window_floor => 4096},
        env => #{"FLOWPORT_WINDOW" => "4096"}}, Config),
    Body = body(?MB),
    Post = #{method => <<"POST">>, path => "/echo", body => Body},
    ?assertMatch(#{status := 200, complete := true, body := Body}, echoed(Server, Post)),
    Chunked = Post#{headers => [{<<"transfer-encoding">>, <<"chunked">>}], body => chunked(Body)},
    ?assertMatch(#{status := 200, complete := true, body := Body}, echoed(Server, Chunked)),
    Conn = gwport_test:h2_open(Server),
    ?assertMatch(#{status := 200, complete := true, body := Body},
        gwport_test:h2_call(Conn, <<"POST">>, "/echo", #{body => Body})),
    gwport_h2:close(Conn),
    ?assertMatch({ok, {200, _, Body}}, gwport:request(Pool, Post, #{app => "echo"})),
    gwport_probe:stop(Server).

%% A client that reads while it writes, or it and the echo wait for each other.
echoed(Server, Request) ->
    Socket = gwport_test:connect(Server),
    Self = self(),
    Writer = spawn_link(fun() ->
        receive go -> ok end,
        send_only(Socket, Request),
        Self ! {self(), sent}
    end),
    Writer ! go,
    Answer = gwport_test:recv(Socket),
    receive {Writer, sent} -> ok end,
    gwport_test:close(Socket),
    Answer.

send_only(Socket, #{method := Method, path := Path, body := Body} = Request) ->
    Headers = maps:get(headers, Request, [{<<"content-length">>, integer_to_binary(iolist_size(Body))}]),
    ok = gwport_test:send(Socket, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\n",
        [[Name, ": ", Value, "\r\n"] || {Name, Value} <- Headers], "\r\n", Body]).

chunked(<<Piece:10000/binary, Rest/binary>>) -> [chunk(Piece) | chunked(Rest)];
chunked(<<>>) -> "0\r\n\r\n";
chunked(Piece) -> [chunk(Piece), "0\r\n\r\n"].

chunk(Piece) ->
    [integer_to_list(byte_size(Piece), 16), "\r\n", Piece, "\r\n"].

any_sizes_and_windows(Config) ->
    %% Whatever the size and the windows of either side: what is echoed is what was sent.
    Windows = [{Request, Response} || Request <- [-1, 1000, 65536], Response <- [100, 5000, 262144]],
    Servers = [gwport_probe:flow(#{pool => #{window => Response, window_floor => min(Response, 16384)},
        env => #{"FLOWPORT_WINDOW" => integer_to_list(Request)}}, Config) || {Request, Response} <- Windows],
    Property = ?FORALL({#{pool := Pool}, Size}, {oneof(Servers), oneof([0, 1, integer(1, 3000), integer(1, 200000)])},
        begin
            Body = body(Size),
            {ok, {200, _, Echo}} = gwport:request(Pool, #{method => <<"POST">>, path => "/echo", body => Body},
                #{app => "echo"}),
            Echo =:= Body
        end),
    true = proper:quickcheck(Property, [quiet, long_result, {numtests, 60}]),
    [gwport_probe:stop(Server) || Server <- Servers].

response_budget_is_spent_and_refunded(Config) ->
    %% Two windows fit in the budget; the third stream, and the fourth, get the floor, and finish all the same.
    Server = gwport_probe:flow(#{pool => #{window => 65536, window_floor => 4096,
        response_budget => 131072}}, Config),
    Stuck = [stalled(Server, "/faults/write?bytes=50000000&tag=budget" ++ integer_to_list(N)) || N <- [1, 2]],
    gwport_test:until(fun() -> budget_left(Server) =:= 0 end),
    [?assertMatch(#{status := 200, complete := true, body := <<_:500000/binary>>},
        gwport_test:get(Server, "/faults/write?bytes=500000")) || _ <- [3, 4]],
    ?assertEqual(0, budget_left(Server)),
    [gwport_test:close(Socket) || Socket <- Stuck],
    gwport_test:until(fun() -> budget_left(Server) =:= 131072 end),
    gwport_probe:stop(Server).

budget_left(Server) ->
    [#{budget_left := Left}] = gwport_test:ports(Server),
    Left.

%% A client that sends a request and reads nothing.
stalled(#{port := Port}, Path) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {recbuf, 4096}, {buffer, 4096}]),
    ok = gen_tcp:send(Socket, ["GET ", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    Socket.

%% A side that does not take its bytes

client_that_never_reads(Config) ->
    %% The handler's Write stops within the window and what Cowboy and the kernel hold; others go on meanwhile, and
    %% the BEAM holds no more than that.
    never_reads(fun(Server) -> Socket = stalled(Server, "/faults/write?bytes=1000000000&tag=stall"),
        fun() -> gwport_test:close(Socket) end end, Config).

client_that_never_reads_over_http2(Config) ->
    %% The same with a client whose connection has no window left: its own streams wait, other connections do not.
    never_reads(fun(Server) -> h2_stalled(Server, <<"/faults/write?bytes=1000000000&tag=stall">>) end,
        Config).

never_reads(Stall, Config) ->
    Server = gwport_probe:flow(#{}, Config),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    OsPid = gwport_test:os_pid(Server),
    Before = {erlang:memory(total), erlang:memory(binary), gwport_probe:beam_rss(), gwport_probe:rss(OsPid)},
    Close = Stall(Server),
    gwport_test:until(fun() -> maps:get(<<"written">>, gwport_probe:last(Server, "stall"), 0) > 0 end),
    Stalled = settled(Server, "stall", <<"written">>),
    [?assertMatch(#{status := 200, complete := true, body := <<_:?MB/binary>>},
        gwport_test:get(Server, "/faults/write?bytes=1048576")) || _ <- lists:seq(1, 10)],
    After = {erlang:memory(total), erlang:memory(binary), gwport_probe:beam_rss(), gwport_probe:rss(OsPid)},
    Growth = [A - B || {A, B} <- lists:zip(tuple_to_list(After), tuple_to_list(Before))],
    ct:pal("the handler wrote ~b bytes until it stalled; growth of total, binary, BEAM RSS, Go RSS: ~p",
        [Stalled, Growth]),
    ?assertEqual(Stalled, maps:get(<<"written">>, gwport_probe:last(Server, "stall"))),
    %% The window, max_stream_buffer_size, and the sockets' buffers (the kernel's tcp_wmem goes up to 4 MB).
    ?assert(Stalled < 8 * ?MB),
    [?assert(Grown < 40 * ?MB) || Grown <- Growth],
    Close(),
    ended_with(Server, "stall", <<"client gone">>, <<"cancelled">>),
    gwport_probe:stop(Server).

%% The number of bytes, once it has not changed for a second.
settled(Server, Tag, Key) ->
    settled(Server, Tag, Key, -1, erlang:monotonic_time(millisecond)).

settled(Server, Tag, Key, Last, Since) ->
    Now = erlang:monotonic_time(millisecond),
    case maps:get(Key, gwport_probe:last(Server, Tag)) of
        Last when Now - Since > 1000 -> Last;
        Last -> receive after 50 -> settled(Server, Tag, Key, Last, Since) end;
        Other -> receive after 50 -> settled(Server, Tag, Key, Other, Now) end
    end.

%% A client of HTTP/2 by hand, which grants nothing beyond the first 65535 bytes.
h2_stalled(#{port := Port}, Path) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}]),
    {Fields, _} = cow_hpack:encode([{<<":method">>, <<"GET">>}, {<<":scheme">>, <<"http">>},
        {<<":authority">>, <<"localhost">>}, {<<":path">>, Path}]),
    ok = gen_tcp:send(Socket, ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", cow_http2:settings(#{}),
        cow_http2:headers(1, fin, Fields)]),
    fun() -> gen_tcp:close(Socket) end.

%% The run has ended, and its context's cause is one of these.
ended_with(Server, Tag, Text, Name) ->
    At = erlang:monotonic_time(millisecond),
    gwport_test:until(fun() -> maps:get(<<"ended">>, gwport_probe:last(Server, Tag)) end),
    Took = erlang:monotonic_time(millisecond) - At,
    #{<<"cause">> := Cause} = gwport_probe:last(Server, Tag),
    ?assert(string:find(Cause, Text) =/= nomatch orelse string:find(Cause, Name) =/= nomatch),
    Took.

handler_that_never_reads(Config) ->
    %% An upload stops within the program's window and what Cowboy and the kernel hold; others go on.
    Server = gwport_probe:flow(#{}, Config),
    #{port := Port} = Server,
    Before = {erlang:memory(total), gwport_probe:beam_rss()},
    Socket = uploading(Port, "5"),
    Sent = fill(Socket, binary:copy(<<"b">>, 65536), 0),
    [?assertMatch(#{status := 200}, gwport_test:request(Server,
        #{method => <<"POST">>, path => "/upload", body => binary:copy(<<"b">>, ?MB)})) || _ <- lists:seq(1, 10)],
    Growth = [erlang:memory(total) - element(1, Before), gwport_probe:beam_rss() - element(2, Before)],
    ct:pal("the client sent ~b bytes until it stalled; growth of total, RSS: ~p", [Sent, Growth]),
    ?assert(Sent < 8 * ?MB),
    [?assert(Grown < 40 * ?MB) || Grown <- Growth],
    %% The handler has not read and answers: the client gets that, and no end of its upload.
    ?assertMatch(#{status := 200, body := <<"did not read\n">>, complete := true}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

an_upload_goes_on_when_others_of_its_connection_have_ended(Config) ->
    %% A connection of HTTP/2 whose window is used up, because the program stands still. Others on it, of which more was
    %% wanted, are given up meanwhile, or reset by the client. When the program goes on all of the upload comes.
    Server = gwport_probe:flow(#{routes => [{"/faults/read", #{app => faults, head_timeout => 3000}}]}, Config),
    OsPid = gwport_test:os_pid(Server),
    Conn = gwport_test:h2_open(Server),
    Others = [begun(Conn, Server, Tag) || Tag <- ["first", "second", "third"]],
    gwport_probe:os_kill("STOP", OsPid),
    Upload = gwport_h2:request(Conn, <<"POST">>, "/upload", [], follows),
    gwport_h2:data(Conn, Upload, nofin, binary:copy(<<"b">>, 400000)),
    gwport_test:until(fun() -> gwport_h2:window(Conn) =:= 0 end),
    gwport_h2:cancel(Conn, hd(Others)),
    [?assertMatch({response, _, 504, _}, gwport_h2:await(Conn, Other, 25000)) || Other <- tl(Others)],
    gwport_probe:os_kill("CONT", OsPid),
    gwport_h2:data(Conn, Upload, fin, <<>>),
    ?assertMatch({response, nofin, 200, _}, gwport_h2:await(Conn, Upload, 25000)),
    {ok, Answer} = gwport_h2:await_body(Conn, Upload, 25000),
    ?assertMatch({match, _}, re:run(Answer, <<"\"bytes\":400000,">>)),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

a_held_upload_holds_no_other_of_its_connection(Config) ->
    %% While one handler does not read, another that waits for its client gets what that sends, on the same connection.
    Server = gwport_probe:flow(#{}, Config),
    Conn = gwport_test:h2_open(Server),
    Other = begun(Conn, Server, "other"),
    Held = gwport_h2:request(Conn, <<"POST">>, "/faults/never-read?s=60", [], follows),
    gwport_h2:data(Conn, Held, nofin, binary:copy(<<"b">>, ?MB)),
    gwport_h2:data(Conn, Other, fin, binary:copy(<<"b">>, ?MB)),
    ?assertMatch({response, _, 200, _}, gwport_h2:await(Conn, Other, 25000)),
    ?assertMatch(#{<<"read">> := ?MB + 1}, gwport_probe:last(Server, "other")),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

%% An upload of which the handler has a byte, and waits for more.
begun(Conn, Server, Tag) ->
    Ref = gwport_h2:request(Conn, <<"POST">>, "/faults/read?tag=" ++ Tag, [], follows),
    gwport_h2:data(Conn, Ref, nofin, <<"b">>),
    gwport_test:until(fun() -> maps:get(<<"read">>, gwport_probe:last(Server, Tag)) =:= 1 end),
    Ref.

uploading(Port, Seconds) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port,
        [binary, {active, false}, {sndbuf, 65536}, {send_timeout, 500}]),
    ok = gen_tcp:send(Socket, ["POST /faults/never-read?tag=unread&s=", Seconds, " HTTP/1.1\r\nhost: x\r\n"
        "content-length: 1000000000\r\n\r\n"]),
    Socket.

client_of_a_stalled_upload_is_given_up_when_idle(Config) ->
    %% Where a handler does not read an upload, nobody can see whether its client is still there: the end of the
    %% connection stands behind the bytes that are not read, as under net/http. Such a request is given up when
    %% nothing has moved for idle_timeout, and nothing of it stays behind.
    Server = #{port := Port} = gwport_probe:flow(#{pool => #{drain_timeout => 500},
        mount => #{idle_timeout => 1000}}, Config),
    Socket = uploading(Port, "60"),
    _ = fill(Socket, binary:copy(<<"b">>, 65536), 0),
    gwport_test:close(Socket),
    gwport_test:until(fun() -> maps:get(<<"ended">>, gwport_probe:last(Server, "unread")) end),
    ?assertMatch(#{<<"cause">> := <<"bridge: stream aborted: idle_timeout">>},
        gwport_probe:last(Server, "unread")),
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 0 end),
    gwport_probe:stop(Server).

%% Until nothing is taken for half a second.
fill(Socket, Piece, Sent) ->
    case gen_tcp:send(Socket, Piece) of
        ok when Sent < 100 * ?MB -> fill(Socket, Piece, Sent + byte_size(Piece));
        _ -> Sent
    end.

slow_clients_do_not_stop_a_fast_one(Config) ->
    %% A hundred clients that read nothing hold their windows; one that reads has its megabytes all the same.
    {Window, N} = {262144, 100},
    Server = gwport_probe:flow(#{pool => #{window => Window}}, Config),
    {Alone, _} = timer:tc(fun() -> fast(Server) end),
    Before = memory(collected),
    Slow = [stalled(Server, "/faults/write?bytes=100000000&tag=slow" ++ integer_to_list(I)) || I <- lists:seq(1, N)],
    gwport_test:until(fun() -> [#{in_flight := F}] = gwport_test:ports(Server), F >= N end),
    all_settled(Server, -1),
    {Beside, _} = timer:tc(fun() -> fast(Server) end),
    [Grown, Kept] = [memory(How) - Before || How <- [as_it_is, collected]],
    ct:pal("20 MB alone ~b ms, beside ~b slow clients ~b ms; the BEAM's memory grew by ~b, and by ~b without garbage",
        [Alone div 1000, N, Beside div 1000, Grown, Kept]),
    ?assert(Beside < 10000000),
    %% A window of each, in binaries as they were read, which have a part of the next piece, and what a socket takes.
    %% A connection that is stuck in a send does not collect what it has sent before.
    ?assert(Kept < 4 * N * Window),
    ?assert(Grown < 8 * N * Window),
    [gwport_test:close(Socket) || Socket <- Slow],
    gwport_test:until(fun() -> [#{in_flight := F}] = gwport_test:ports(Server), F =:= 0 end),
    gwport_probe:stop(Server).

memory(collected) ->
    _ = [erlang:garbage_collect(Pid) || Pid <- processes(),
        process_info(Pid, current_function) =/= {current_function, {prim_file, open_nif, 2}}],
    memory(as_it_is);
memory(as_it_is) ->
    erlang:memory(binary) + erlang:memory(processes).

%% None of them has written anything for half a second.
all_settled(Server, Before) ->
    receive after 500 -> ok end,
    case lists:sum([maps:get(<<"written">>, gwport_probe:last(Server, "slow" ++ integer_to_list(N)))
            || N <- lists:seq(1, 100)]) of
        Before -> ok;
        Written -> all_settled(Server, Written)
    end.

%% What many requests pile up

pipelined_responses_share_the_budget(Config) ->
    %% Cowboy before 2.18 begins with all requests of a connection at once, and keeps what later ones answer until it
    %% is their turn. As many as the budget has windows for write a window ahead of that, any other the floor. (Two
    %% windows more are for the slow request and for the one that asks what was written.)
    {Window, Floor, Chunk, N} = {65536, 4096, 1024, 16},
    Budget = (N + 2) * Window,
    Server = gwport_probe:flow(#{pool => #{window => Window, window_floor => Floor,
        response_budget => Budget}}, Config),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    [begin
        Before = memory(as_it_is),
        Socket = behind_a_slow_one(Server),
        gwport_test:send(Socket, [["GET /faults/write?bytes=1000000&chunk=1024&tag=piped", integer_to_list(I),
            " HTTP/1.1\r\nhost: x\r\n\r\n"] || I <- lists:seq(1, Count)]),
        Least = case gwport_test:cowboy({2, 18}) of true -> 0; false -> min(Count, N) * Window end,
        gwport_test:until(fun() -> written(Server, "piped", Count) >= Least end),
        Written = settled(Server, "piped", Count, -1),
        Grown = memory(as_it_is) - Before,
        ct:pal("~b pipelined responses: ~b bytes were written, memory grew by ~b", [Count, Written, Grown]),
        %% A handler has a chunk in its hands besides.
        ?assert(Written =< min(Count * Window, Budget + Count * Floor) + Count * Chunk),
        ?assert(Grown < 3 * (Budget + Count * Floor) + 5 * ?MB),
        gwport_test:close(Socket),
        gwport_test:until(fun() -> [#{in_flight := F}] = gwport_test:ports(Server), F =:= 0 end),
        gwport_test:until(fun() -> budget_left(Server) =:= Budget end)
    end || Count <- [1, N, N + 1, 200]],
    gwport_probe:stop(Server).

%% A connection whose next requests have to wait.
behind_a_slow_one(Server) ->
    Socket = gwport_test:connect(Server),
    Tag = "slow" ++ integer_to_list(erlang:unique_integer([positive])),
    gwport_test:send(Socket, ["GET /faults/sleep?s=60&tag=", Tag, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, Tag)) =/= <<>> end),
    Socket.

written(Server, Tag, Count) ->
    lists:sum([maps:get(<<"written">>, gwport_probe:last(Server, Tag ++ integer_to_list(N)))
        || N <- lists:seq(1, Count)]).

%% What all of them have written, once that has not changed for half a second.
settled(Server, Tag, Count, Before) ->
    case written(Server, Tag, Count) of
        Before -> Before;
        Written -> receive after 500 -> settled(Server, Tag, Count, Written) end
    end.

whole_responses_that_wait_their_turn_are_bounded(Config) ->
    %% One that has come in one frame is Cowboy's: there are as many as the listener's max_keepalive lets a connection
    %% have requests, which Cowboy before 2.18 answers all at once.
    N = 20,
    Server = #{pool := Pool} = gwport_probe:flow(#{env => #{"FLOWPORT_DISK" => whole(Config)},
        routes => [{"/disk/[...]", #{app => disk}}],
        listener => #{idle_timeout => infinity, max_keepalive => N}}, Config),
    Whole = fun(Count) -> lists:duplicate(Count, "GET /disk/generated/whole HTTP/1.1\r\nhost: x\r\n\r\n") end,
    Early = case gwport_test:cowboy({2, 18}) of true -> 0; false -> N - 1 end,
    [begin
        Socket = behind_a_slow_one(Server),
        {ok, #{responses := #{2 := Before}}} = gwport:counts(Pool),
        Memory = erlang:memory(binary),
        gwport_test:send(Socket, Whole(Count)),
        gwport_test:until(fun() ->
            {ok, #{responses := #{2 := After}}} = gwport:counts(Pool),
            After - Before =:= Early
        end),
        gwport_test:until(fun() -> [#{in_flight := F}] = gwport_test:ports(Server), F =:= 1 end),
        Grown = erlang:memory(binary) - Memory,
        ct:pal("~b whole responses were asked for, memory grew by ~b", [Count, Grown]),
        ?assert(Grown < 2 * N * 40000 + ?MB),
        gwport_test:close(Socket)
    end || Count <- [N - 1, N + 50]],
    gwport_probe:stop(Server).

%% The folder of a file that goes in one frame, by either mount: it is too small for files in memory.
whole(Config) ->
    Folder = proplists:get_value(priv_dir, Config),
    ok = file:write_file(filename:join(Folder, "whole"), binary:copy(<<"w">>, 40000)),
    Folder.

streams_that_nobody_reads_are_bounded(Config) ->
    %% A client of HTTP/2 that grants nothing: each of its streams holds a window and max_stream_buffer_size, or a
    %% response that has come whole, which Cowboy keeps as well; and it has as many as the listener's
    %% max_concurrent_streams, whether their handlers have returned or not.
    {Window, Buffer, Piece, N} = {65536, 262144, 65536, 20},
    Server = gwport_probe:flow(#{pool => #{window => Window},
        listener => #{idle_timeout => infinity, max_concurrent_streams => N}}, Config),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    Before = memory(as_it_is),
    Streaming = granting_nothing(Server),
    [asks(Streaming, I, ["/faults/write?bytes=10000000&chunk=1024&tag=nobody", integer_to_list(I)])
        || I <- lists:seq(1, N + 1)],
    {rst_stream, _, refused_stream} = reset(Streaming),
    gwport_test:until(fun() -> written(Server, "nobody", N) > N * Window end),
    Written = settled(Server, "nobody", N + 1, -1),
    Grown = memory(as_it_is) - Before,
    ct:pal("~b streams: ~b bytes were written, memory grew by ~b", [N, Written, Grown]),
    %% One piece may go over Cowboy's size, and a handler has a chunk in its hands.
    ?assert(Written =< N * (Window + Buffer + Piece + 1024)),
    ?assert(Grown < 3 * N * (Window + Buffer + Piece) + 5 * ?MB),
    gwport_raw_h2:close(Streaming),
    Whole = granting_nothing(Server),
    [asks(Whole, I, "/hello") || I <- lists:seq(1, N)],
    gwport_test:until(fun() -> [#{in_flight := F}] = gwport_test:ports(Server), F =:= 0 end),
    asks(Whole, N + 1, "/hello"),
    Last = 2 * N + 1,
    {rst_stream, Last, refused_stream} = reset(Whole),
    gwport_raw_h2:close(Whole),
    gwport_probe:stop(Server).

granting_nothing(Server) ->
    Client = gwport_raw_h2:open(Server),
    gwport_raw_h2:send(cow_http2:settings(#{initial_window_size => 0}), Client),
    {settings, _} = gwport_raw_h2:frame(Client),
    %% The limit counts from here on.
    gwport_raw_h2:send(cow_http2:settings_ack(), Client),
    Client.

asks(Client, I, Path) ->
    gwport_raw_h2:headers(2 * I - 1, fin, [{<<":method">>, <<"GET">>}, {<<":scheme">>, <<"http">>},
        {<<":authority">>, <<"x">>}, {<<":path">>, iolist_to_binary(Path)}], Client).

%% The next one, behind the heads of other streams.
reset(Client) ->
    case gwport_raw_h2:frame(Client) of
        settings_ack -> reset(Client);
        Reset when element(1, Reset) =:= rst_stream -> Reset;
        Frame when element(1, Frame) =:= headers -> reset(Client)
    end.

connections_that_nobody_reads_are_bounded(Config) ->
    %% Each was taken over by an app that sends back what comes, and has a client that sends and does not read: it is
    %% held up when windows and sockets are full, and given up when the socket's send_timeout is over.
    {Window, N} = {65536, 20},
    Server = gwport_probe:flow(#{pool => #{window => Window}, routes => [{"/takeover", #{app => 'gwport.check'}}],
        listener => #{idle_timeout => infinity,
            socket_opts => [{send_timeout, 3000}, {sndbuf, 16384}, {recbuf, 16384}]}}, Config),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    OsPid = gwport_test:os_pid(Server),
    Memory = fun() -> {erlang:memory(total), gwport_probe:rss(OsPid)} end,
    [begin
        {Beam, Program} = Memory(),
        Sockets = [taken_over(Server) || _ <- lists:seq(1, Count)],
        Self = self(),
        Fills = [spawn_link(fun() -> Self ! {self(), fill(Socket, binary:copy(<<"x">>, 16384), 0)} end) || Socket <- Sockets],
        Sent = [receive {Fill, Bytes} -> Bytes end || Fill <- Fills],
        {BeamNow, ProgramNow} = Memory(),
        ct:pal("~b connections: ~b bytes were sent on one at most; growth of BEAM and program: ~b, ~b",
            [Count, lists:max(Sent), BeamNow - Beam, ProgramNow - Program]),
        ?assert(lists:max(Sent) < 2 * ?MB),
        ?assert(BeamNow - Beam < Count * 4 * Window + 10 * ?MB),
        ?assert(ProgramNow - Program < Count * 8 * 65536 + 20 * ?MB),
        gwport_test:until(fun() -> [#{in_flight := F}] = gwport_test:ports(Server), F =:= 0 end),
        [gwport_test:close(Socket) || Socket <- Sockets]
    end || Count <- [1, N]],
    gwport_probe:stop(Server).

taken_over(#{port := Port}) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {sndbuf, 16384}, {recbuf, 16384},
        {send_timeout, 200}]),
    gwport_test:send(Socket, ["GET /takeover HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\n",
        "begun"]),
    {ok, <<"begun">>} = gen_tcp:recv(Socket, 5, 5000),
    Socket.

fast(Server) ->
    #{status := 200, complete := true, body := <<_:20000000/binary>>} =
        gwport_test:get(Server, "/faults/write?bytes=20000000").

little_memory_for_a_large_body(Config) ->
    %% 100 MB each way, and neither side ever holds more than a few windows.
    Server = gwport_probe:flow(#{}, Config),
    OsPid = gwport_test:os_pid(Server),
    Upload = fun() -> gwport_test:connect(Server) end,
    Socket = Upload(),
    ok = gwport_test:send(Socket, "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 104857600\r\n\r\n"),
    Piece = binary:copy(<<"b">>, ?MB),
    Samples = [begin ok = gen_tcp:send(Socket, Piece), {erlang:memory(binary), gwport_probe:rss(OsPid)} end
        || _ <- lists:seq(1, 100)],
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Socket)),
    gwport_test:close(Socket),
    [{First, FirstGo} | _] = Samples,
    Binary = lists:max([B || {B, _} <- Samples]) - First,
    Go = lists:max([G || {_, G} <- Samples]) - FirstGo,
    ct:pal("100 MB up: binaries grew by at most ~b, Go's RSS by ~b", [Binary, Go]),
    ?assert(Binary < 30 * ?MB),
    ?assert(Go < 60 * ?MB),
    gwport_probe:stop(Server).

little_memory_for_a_large_body_over_http2(Config) ->
    %% A client that sends whatever it may is let no further ahead of the app than a few windows.
    Server = #{port := Port} = gwport_probe:flow(#{}, Config),
    First = erlang:memory(binary),
    Curl = open_port({spawn_executable, "/bin/sh"}, [binary, exit_status, stderr_to_stdout, {args, ["-c",
        "head -c 104857600 /dev/zero | curl -sS --http2-prior-knowledge -H Expect: -T - http://127.0.0.1:"
        ++ integer_to_list(Port) ++ "/upload"]}]),
    {Answer, Most} = sampled(Curl, [], First),
    ct:pal("100 MB up over HTTP/2: binaries grew by at most ~b", [Most - First]),
    ?assertMatch({match, _}, re:run(Answer, <<"\"bytes\":104857600,">>)),
    ?assert(Most - First < 30 * ?MB),
    gwport_probe:stop(Server).

%% What the command says, and the most that binaries had meanwhile.
sampled(Command, Output, Most) ->
    receive
        {Command, {data, Data}} -> sampled(Command, [Output, Data], Most);
        {Command, {exit_status, 0}} -> {iolist_to_binary(Output), Most}
    after 10 ->
        sampled(Command, Output, max(Most, erlang:memory(binary)))
    end.

%% A client that leaves

client_leaves_before_the_head(Config) ->
    %% The handler's context ends within a second, for that reason: HTTP/1.1 closed, HTTP/2 reset and closed.
    leaves("/faults/sleep?s=60", fun(_) -> ok end, fun(_, _) -> ok end, Config).

client_leaves_within_the_body(Config) ->
    %% The same while a response is under way.
    leaves("/faults/events?ms=20", fun(Socket) -> #{status := 200} = gwport_test:recv_head(Socket) end,
        fun(Conn, Ref) -> {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 5000) end, Config).

leaves(Path, Arrived, ArrivedH2, Config) ->
    gwport_test:undisturbed(fun() ->
        Server = gwport_probe:flow(#{}, Config),
        try leaves_it(Server, Path, Arrived, ArrivedH2) after gwport_probe:stop(Server) end
    end).

leaves_it(Server, Path, Arrived, ArrivedH2) ->
    Http1 = leave(Server, "h1", fun(Tag) ->
        Socket = gwport_test:connect(Server),
        ok = gwport_test:send(Socket, ["GET ", Path, "&tag=", Tag, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
        Arrived(Socket),
        fun() -> gwport_test:close(Socket) end
    end),
    Conn = gwport_test:h2_open(Server),
    Reset = leave(Server, "h2reset", fun(Tag) ->
        Ref = gwport_h2:request(Conn, <<"GET">>, Path ++ "&tag=" ++ Tag, []),
        ArrivedH2(Conn, Ref),
        fun() -> gwport_h2:cancel(Conn, Ref) end
    end),
    ?assertMatch(#{status := 200}, gwport_test:h2_call(Conn, <<"GET">>, "/hello")),
    Closed = leave(Server, "h2close", fun(Tag) ->
        Ref = gwport_h2:request(Conn, <<"GET">>, Path ++ "&tag=" ++ Tag, []),
        ArrivedH2(Conn, Ref),
        fun() -> gwport_h2:close(Conn) end
    end),
    ct:pal("~s: ms until the handler had ended: h1 ~b, h2 reset ~b, h2 closed ~b", [Path, Http1, Reset, Closed]).

%% Ms until the handler has ended.
leave(Server, Tag, Open) ->
    Leave = Open(Tag),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, Tag)) =/= <<>> end),
    ?assertMatch(#{<<"ended">> := false}, gwport_probe:last(Server, Tag)),
    Leave(),
    Took = ended_with(Server, Tag, <<"client gone">>, <<"cancelled">>),
    ?assert(Took < 1000),
    Took.

client_leaves_within_its_upload(Config) ->
    %% A handler that reads sees an error and no end of file; its context is over.
    Server = gwport_probe:flow(#{}, Config),
    Http1 = leave(Server, "up1", fun(Tag) ->
        Socket = gwport_test:connect(Server),
        ok = gwport_test:send(Socket, ["POST /faults/read?tag=", Tag,
            " HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n",
            binary:copy(<<"b">>, 100000)]),
        gwport_test:until(fun() -> maps:get(<<"read">>, gwport_probe:last(Server, Tag)) =:= 100000 end),
        fun() -> gwport_test:close(Socket) end
    end),
    ?assertMatch(#{<<"error">> := <<_, _/binary>>, <<"read">> := 100000}, gwport_probe:last(Server, "up1")),
    Conn = gwport_test:h2_open(Server),
    Http2 = leave(Server, "up2", fun(Tag) ->
        Ref = gwport_h2:request(Conn, <<"POST">>, "/faults/read?tag=" ++ Tag, [], follows),
        gwport_h2:data(Conn, Ref, nofin, binary:copy(<<"b">>, 50000)),
        gwport_test:until(fun() -> maps:get(<<"read">>, gwport_probe:last(Server, Tag)) =:= 50000 end),
        fun() -> gwport_h2:cancel(Conn, Ref) end
    end),
    ?assertMatch(#{<<"error">> := <<_, _/binary>>, <<"read">> := 50000}, gwport_probe:last(Server, "up2")),
    gwport_h2:close(Conn),
    ct:pal("upload: ms until the handler had ended: h1 ~b, h2 reset ~b", [Http1, Http2]),
    gwport_probe:stop(Server).

time_is_up_for_a_connection_that_is_stuck(Config) ->
    %% A connection whose send to its client does not return hears of nothing; its handler is told in time all the
    %% same, and why, and the connection is cut.
    gwport_test:undisturbed(fun() ->
        Server = gwport_probe:flow(#{mount => #{idle_timeout => 700}}, Config),
        try stuck(Server) after gwport_probe:stop(Server) end
    end).

stuck(Server = #{pool := Listener}) ->
    Socket = stalled(Server, "/faults/write?bytes=1000000000&tag=stuck"),
    Took = ended_with(Server, "stuck", <<"idle_timeout">>, <<"idle timeout">>),
    ct:pal("the handler had ended after ~b ms", [Took]),
    ?assert(Took < 3000),
    gwport_test:until(fun() -> ranch:procs(Listener, connections) =:= [] end),
    gwport_test:close(Socket),
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 0 end).

time_is_up_for_a_whole_response(Config) ->
    %% One that has come in one frame is no matter of its port's any more, nor of the mount's times: a client that does
    %% not read it is given up by Cowboy, as one of Cowboy's own handlers would be: when a send has lasted five seconds, and not
    %% the usual thirty.
    Server = #{pool := Listener} = gwport_probe:flow(#{mount => #{idle_timeout => 100},
        listener => #{idle_timeout => infinity, inactivity_timeout => 3000, socket_opts => [{sndbuf, 4096}, {send_timeout, 5000}]}}, Config),
    Socket = stalled(Server, "/faults/write?bytes=100000&length=1&tag=whole"),
    gwport_test:until(fun() -> length(ranch:procs(Listener, connections)) =:= 1 end),
    [Connection] = ranch:procs(Listener, connections),
    Monitor = erlang:monitor(process, Connection),
    gwport_test:until(fun() -> maps:get(<<"ended">>, gwport_probe:last(Server, "whole")) end),
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 0 end),
    ?assertMatch(#{<<"written">> := 100000}, gwport_probe:last(Server, "whole")),
    ?assert(is_process_alive(Connection)),
    receive {'DOWN', Monitor, process, Connection, _} -> ok end,
    {ok, Begun} = gen_tcp:recv(Socket, 0),
    ?assertMatch(<<"HTTP/1.1 200 OK\r\n", _/binary>>, Begun),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

a_response_that_outlives_its_port(Config) ->
    %% The program has written all and is drained while its client has read nothing: the client gets all the same, from
    %% a port that is gone.
    Server = #{pool := Pool} = gwport_probe:flow(#{listener => #{idle_timeout => infinity, socket_opts => [{sndbuf, 4096}]}},
        Config),
    [#{os_pid := OsPid, owner := Owner}] = gwport_test:ports(Server),
    Socket = stalled(Server, "/faults/write?bytes=200000&tag=outlives"),
    gwport_test:until(fun() -> maps:get(<<"ended">>, gwport_probe:last(Server, "outlives")) end),
    ok = gwport_port:drain(Owner),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) andalso not is_process_alive(Owner) end),
    ?assertMatch(#{status := 200, complete := true, body := <<_:200000/binary>>}, gwport_test:recv(Socket)),
    ?assertMatch({ok, [_ | _]}, gwport:info(Pool)),
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

handler_that_never_returns(Config) ->
    %% It is one goroutine that is left behind, and nothing else: no stream, no budget, nobody waits for it, nor for the
    %% time that a drain may take.
    Server = gwport_probe:flow(#{pool => #{drain_timeout => 600000}}, Config),
    #{status := 200} = gwport_test:get(Server, "/hello"),
    Goroutines = gwport_probe:goroutines(Server),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "GET /faults/sleep?s=3600&ignore=1&tag=never HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, "never")) =/= <<>> end),
    gwport_test:close(Socket),
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 0 end),
    ?assertEqual(67108864, budget_left(Server)),
    gwport_test:until(fun() -> gwport_probe:goroutines(Server) =< Goroutines + 1 end),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    ok = gwport_probe:stop(Server).

too_many_abandoned_handlers(Config) ->
    %% One more than MaxAbandoned, and the program drains and is replaced.
    Server = gwport_probe:flow(#{env => #{"FLOWPORT_MAX_ABANDONED" => "2"}}, Config),
    OsPid = gwport_test:os_pid(Server),
    Abandon = fun(N) ->
        Socket = gwport_test:connect(Server),
        Tag = "abandoned" ++ integer_to_list(N),
        ok = gwport_test:send(Socket, ["GET /faults/sleep?s=3600&ignore=1&tag=", Tag,
            " HTTP/1.1\r\nhost: x\r\n\r\n"]),
        gwport_test:until(fun() -> maps:get(<<"handler">>, gwport_probe:last(Server, Tag)) =/= <<>> end),
        gwport_test:close(Socket),
        gwport_test:until(fun() -> lists:sum([F || #{in_flight := F} <- gwport_test:ports(Server)]) =:= 0 end)
    end,
    [Abandon(N) || N <- [1, 2]],
    ?assertMatch([#{os_pid := OsPid, state := serving}], gwport_test:ports(Server)),
    Abandon(3),
    gwport_test:until(fun() ->
        [P || #{os_pid := P, state := serving} <- gwport_test:ports(Server), P =/= OsPid] =/= []
    end),
    gwport_test:until(fun() -> gwport_probe:gone(OsPid) end),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
    gwport_probe:stop(Server).

idle_streams_are_small(Config) ->
    %% A stream of events without events takes 13,000 bytes at most of the BEAM, beside its socket, and 10,000 of the
    %% program: nobody has to collect the garbage of its processes for that, only of those that serve all streams.
    %% Behind Cowboy 2.19 it is 20,000, with a buffer of the socket's size that a connection has there whatever its
    %% handler: the size is OTP's default here.
    Most = case gwport_test:cowboy({2, 13}) of true -> 20000; false -> 13000 end,
    Server = gwport_probe:listen(gwport_probe:pool(#{command => proplists:get_value(flowport, Config)}),
        #{idle_timeout => infinity, socket_opts => [{buffer, 1460}]}, [{"/[...]", #{app => "idle"}}]),
    close_all(idle(200, Server), Server),
    OsPid = gwport_test:os_pid(Server),
    %% A process that waits for a FIFO to be opened collects no garbage, and would be waited for: gwport_file_SUITE may have left one.
    Others = [Pid || Pid <- processes(),
        process_info(Pid, current_function) =/= {current_function, {prim_file, open_nif, 2}}],
    {Beam, Program} = {beam_memory(Others), gwport_probe:rss(OsPid)},
    Sockets = idle(1000, Server),
    Each = fun() -> {(beam_memory(Others) - Beam) div 1000, (gwport_probe:rss(OsPid) - Program) div 1000} end,
    gwport_test:until(fun() -> {B, P} = Each(), B =< Most andalso P =< 10000 orelse {B, P} end),
    ct:pal("an idle stream takes ~w bytes of BEAM and program", [Each()]),
    close_all(Sockets, Server),
    gwport_probe:stop(Server).

idle(Count, Server) ->
    Sockets = [gwport_test:connect(Server) || _ <- lists:seq(1, Count)],
    [gwport_test:send(Socket, "GET /idle HTTP/1.1\r\nhost: x\r\nuser-agent: idle\r\naccept: */*\r\n\r\n")
        || Socket <- Sockets],
    [{ok, _} = gen_tcp:recv(Socket, 0) || Socket <- Sockets],
    Sockets.

close_all(Sockets, #{pool := Pool}) ->
    lists:foreach(fun gwport_test:close/1, Sockets),
    gwport_test:until(fun() -> {ok, [#{in_flight := N} | _]} = gwport:info(Pool), N =:= 0 orelse N end).

beam_memory(Others) ->
    _ = [erlang:garbage_collect(Pid) || Pid <- Others],
    lists:sum([erlang:memory(Kind) || Kind <- [processes, binary, ets]]).

a_byte_now_and_then_gives_no_memory_back(Config) ->
    %% Who waits for a client gives memory back when it begins to wait, and not behind each byte of a slow upload: that
    %% is more work than the byte.
    Server = gwport_probe:flow(#{}, Config),
    Socket = gwport_test:connect(Server),
    1 = erlang:trace_pattern({gwport_cowboy, rest, 0}, true, []),
    _ = erlang:trace(all, true, [call]),
    try
        ok = gwport_test:send(Socket, "POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n"),
        ?assertNotEqual(0, rests(2000)),
        ok = gwport_test:send(Socket, "x"),
        ?assertEqual(0, rests(1000))
    after
        _ = erlang:trace(all, false, [call]),
        _ = erlang:trace_pattern({gwport_cowboy, rest, 0}, false, [])
    end,
    gwport_test:close(Socket),
    gwport_probe:stop(Server).

%% How many there are until there has been none for so long.
rests(Time) ->
    receive {trace, _, call, {gwport_cowboy, rest, []}} -> 1 + rests(Time)
    after Time -> 0
    end.

goroutines_and_descriptors_do_not_grow(Config) ->
    %% After hundreds of requests of every kind the program has the goroutines and descriptors it had, and the BEAM
    %% no stream, no budget and no atom more.
    Server = gwport_probe:flow(#{}, Config),
    OsPid = gwport_test:os_pid(Server),
    mixed(Server, 20),
    %% Go's runtime has two descriptors for its poller from the first timer on, and that may come late.
    #{status := 200} = gwport_test:get(Server, "/faults/write?bytes=100&chunk=50&delay_ms=1"),
    all_left(Server),
    Goroutines = gwport_probe:goroutines(Server),
    Fds = gwport_probe:fds(OsPid),
    Atoms = erlang:system_info(atom_count),
    [#{owner := Owner}] = gwport_test:ports(Server),
    %% The owner's own, of its helpers; those of streams go with them.
    {monitors, Before} = erlang:process_info(Owner, monitors),
    mixed(Server, 300),
    all_left(Server),
    gwport_test:until(fun() ->
        Now = gwport_probe:goroutines(Server),
        %% The runtime's own, such as that of finalizers, come when they are needed.
        Now =< Goroutines + 3 orelse {goroutines, Now, before, Goroutines}
    end),
    gwport_test:until(fun() ->
        gwport_probe:fds(OsPid) =< Fds orelse os:cmd("ls -l /proc/" ++ integer_to_list(OsPid) ++ "/fd")
    end),
    ?assertMatch([#{in_flight := 0, budget_left := 67108864}], gwport_test:ports(Server)),
    ?assert(erlang:system_info(atom_count) - Atoms < 20),
    gwport_test:until(fun() -> {monitors, Before} =:= erlang:process_info(Owner, monitors) end),
    gwport_probe:stop(Server).

all_left(Server) ->
    gwport_test:until(fun() -> [#{in_flight := N}] = gwport_test:ports(Server), N =:= 0 orelse {in_flight, N} end).

mixed(_, 0) ->
    ok;
mixed(Server, N) ->
    Unique = integer_to_list(erlang:unique_integer([positive])),
    case N rem 5 of
        0 -> #{status := 200} = gwport_test:request(Server, #{path => "/hello?" ++ Unique,
            headers => [{"x-" ++ Unique, Unique}]});
        1 -> #{status := 200} = gwport_test:request(Server, #{method => <<"POST">>, path => "/upload",
            body => binary:copy(<<"b">>, 100000)});
        2 -> #{status := 500} = gwport_test:get(Server, "/faults/panic");
        3 ->
            Socket = stalled(Server, "/faults/write?bytes=10000000"),
            #{status := 200} = gwport_test:recv_head(Socket),
            gwport_test:close(Socket);
        4 -> gwport_test:close(stalled(Server, "/faults/sleep?s=60"))
    end,
    mixed(Server, N - 1).
