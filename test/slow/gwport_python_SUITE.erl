%% The port program in Python (test/pyport), behind real Cowboy: a WSGI app is served, drained and killed like any
%% other, and what its broken variants do costs what the table in broken.py says.
-module(gwport_python_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").

-import(proper_types, [byte/0, integer/2, oneof/1]).

-define(MB, 1048576).

suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    gwport_test:mounts() ++ [the_program_keeps_every_rule].

groups() ->
    gwport_test:mounts([{group, served}, {group, broken}, nothing_leaks], [{served, [parallel], [
        get_head_and_no_content, lines_come_back_before_the_next_is_sent, large_upload, large_download,
        no_byte_that_is_forbidden_reaches_the_app,
        many_at_a_time, client_that_leaves, app_that_fails, app_that_is_not_wsgi, drain_loses_nothing,
        killed_program_is_replaced, messages_come_back, a_message_that_is_none_ends_its_connection,
        a_drain_closes_with_a_word]},
     {broken, [parallel], [
        broken_streams, broken_wires, broken_greetings, broken_ends]}]).

init_per_suite(Config) ->
    case os:find_executable("python3") of
        false -> {skip, "python3 is not on PATH; the programs in test/pyport are written in Python"};
        Found -> init(interpreter(Found), Config)
    end.

%% The interpreter itself: what is found on PATH may be a script that looks for it, and takes longer than Python.
interpreter(Found) ->
    string:trim(run(Found, ["-c", "import sys; print(sys.executable)"])).

init(Python, Config) ->
    [{python, Python}, {log, gwport_probe:start_log()} | Config].

end_per_suite(Config) ->
    gwport_probe:stop_log(proplists:get_value(log, Config)).

init_per_group(Mount, Config) when Mount =:= route; Mount =:= stream ->
    gwport_test:mount(Mount),
    %% What the first request of all loads and starts for good.
    Server = sample(Config),
    #{status := 200} = gwport_test:get(Server, "/"),
    Conn = gwport_test:h2_open(Server),
    #{status := 200} = gwport_test:h2_call(Conn, <<"GET">>, <<"/">>),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server),
    [{counts, gwport_probe:counts()} | Config];
init_per_group(_, Config) ->
    Config.

end_per_group(_, _) ->
    ok.

init_per_testcase(_, Config) ->
    gwport_probe:hear_log(proplists:get_value(log, Config)),
    Config.

end_per_testcase(_, _) ->
    ok.

nothing_leaks(Config) ->
    %% After all of that there is no process, port, table, program or file more than before.
    ?assertEqual([], gwport_probe:leaks(proplists:get_value(counts, Config))).

%% Programs

sample(Config) ->
    sample(#{}, Config).

%% A request is in one program, as it is below: another that took it over would hide what came of it there.
sample(Options, Config) ->
    gwport_probe:serve(program(["gwport_wsgi.py", "sample_app:app"], Options, Config), #{replay => false}).

program([File | Args], Options, Config) ->
    maps:merge(#{command => proplists:get_value(python, Config), args => ["-S", pyport(File) | Args]}, Options).

pyport(File) ->
    filename:join([gwport_probe:root(), "test", "pyport", File]).

run(Command, Args) ->
    Port = open_port({spawn_executable, Command}, [exit_status, binary, {args, Args}]),
    collect(Port, []).

collect(Port, Acc) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Acc, Data]);
        {Port, {exit_status, 0}} -> unicode:characters_to_list(iolist_to_binary(Acc));
        {Port, {exit_status, Status}} -> error({Status, iolist_to_binary(Acc)})
    end.

%% On HTTP/1.1 and on HTTP/2: what is asked, by a function of a request.
on_both(Server, Fun) ->
    Fun(fun(Request) -> gwport_test:request(Server, Request) end),
    Conn = gwport_test:h2_open(Server),
    Fun(fun(Request) -> h2(Conn, Request) end),
    gwport_h2:close(Conn).

h2(Conn, Request = #{path := Path}) ->
    Body = maps:get(body, Request, <<>>),
    gwport_test:h2_call(Conn, maps:get(method, Request, <<"GET">>), Path, #{body => Body,
        headers => [{<<"content-length">>, integer_to_binary(iolist_size(Body))} || Body =/= <<>>]}).

%% A WSGI app

get_head_and_no_content(Config) ->
    %% The app's status, fields and body arrive; HEAD has the fields alone, 204 has no body, an unknown route its 404.
    Server = sample(Config),
    ?assertMatch(#{body := <<"hello from HTTP/1.1\n">>}, gwport_test:get(Server, "/")),
    on_both(Server, fun(Ask) ->
        #{status := 200, complete := true, headers := Fields, body := <<"hello from HTTP/", _/binary>>} =
            Ask(#{path => "/"}),
        ?assertMatch(#{<<"content-type">> := <<"text/plain">>}, Fields),
        ?assertMatch(#{status := 200, complete := true, body := <<>>, headers := #{<<"content-type">> := _}},
            Ask(#{method => <<"HEAD">>, path => "/"})),
        ?assertMatch(#{status := 204, complete := true, body := <<>>}, Ask(#{path => "/empty"})),
        ?assertMatch(#{status := 404, body := <<"no such route\n">>}, Ask(#{path => "/nowhere"}))
    end),
    gwport_probe:stop(Server).

lines_come_back_before_the_next_is_sent(Config) ->
    %% 2 MB go up and come down at the same time, a line of 50,000 bytes being read back before the next is sent: many
    %% times around both windows.
    Server = sample(Config),
    Lines = [[binary:copy(<<C>>, 49999), $\n] || C <- lists:seq($A, $Z) ++ lists:seq($a, $n)],
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "POST /lines HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"),
    Send = fun(Line) -> gwport_test:send(Socket, [integer_to_list(50000, 16), "\r\n", Line, "\r\n"]) end,
    Send(hd(Lines)),
    #{status := 200} = gwport_test:recv_head(Socket),
    <<>> = recv_line(Socket, hd(Lines), <<>>),
    Left = lists:foldl(fun(Line, Rest) -> Send(Line), recv_line(Socket, Line, Rest) end, <<>>, tl(Lines)),
    ok = gwport_test:send(Socket, "0\r\n\r\n"),
    ?assertEqual({<<>>, true}, {Left, element(2, gwport_test:recv_chunks(Socket, []))}),
    gwport_test:close(Socket),
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, <<"POST">>, "/lines", [], follows),
    ok = gwport_h2:data(Conn, Ref, nofin, hd(Lines)),
    {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 30000),
    <<>> = h2_line(Conn, Ref, hd(Lines), <<>>),
    _ = [begin
        ok = gwport_h2:data(Conn, Ref, nofin, Line),
        <<>> = h2_line(Conn, Ref, Line, <<>>)
    end || Line <- tl(Lines)],
    ok = gwport_h2:data(Conn, Ref, fin, <<>>),
    ?assertMatch({ok, <<>>}, gwport_h2:await_body(Conn, Ref, 30000)),
    gwport_h2:close(Conn),
    gwport_probe:stop(Server).

%% Reads chunks until the line is there; what is behind it is given back.
recv_line(Socket, Line, Got) ->
    whole(Line, Got, fun() ->
        ok = inet:setopts(Socket, [{packet, line}]),
        {ok, Size} = gen_tcp:recv(Socket, 0, 30000),
        ok = inet:setopts(Socket, [{packet, raw}]),
        Length = binary_to_integer(string:trim(Size), 16),
        {ok, <<Data:Length/binary, "\r\n">>} = gen_tcp:recv(Socket, Length + 2, 30000),
        Data
    end).

h2_line(Conn, Ref, Line, Got) ->
    whole(Line, Got, fun() -> {data, nofin, Data} = gwport_h2:await(Conn, Ref, 30000), Data end).

whole(Line, Got, More) when byte_size(Got) < 50000 ->
    whole(Line, <<Got/binary, (More())/binary>>, More);
whole(Line, <<Whole:50000/binary, Rest/binary>>, _) ->
    ?assertEqual(iolist_to_binary(Line), Whole),
    Rest.

large_upload(Config) ->
    %% The app reads 16 MB, byte for byte those that were sent, with a length that is known and with one that is not.
    Server = sample(Config),
    Body = crypto:strong_rand_bytes(16 * ?MB),
    Digest = iolist_to_binary([string:lowercase(binary:encode_hex(crypto:hash(sha256, Body))), " 16777216\n"]),
    on_both(Server, fun(Ask) ->
        ?assertMatch(#{status := 200, body := Digest}, Ask(#{method => <<"POST">>, path => "/digest", body => Body}))
    end),
    Chunks = [["40000\r\n", binary:part(Body, N * 262144, 262144), "\r\n"] || N <- lists:seq(0, 63)],
    ?assertMatch(#{status := 200, body := Digest}, gwport_test:request(Server, #{method => <<"PUT">>,
        path => "/digest", headers => [{<<"transfer-encoding">>, <<"chunked">>}], body => [Chunks, "0\r\n\r\n"]})),
    gwport_probe:stop(Server).

large_download(Config) ->
    %% The client reads 16 MB, byte for byte those that the app has written.
    Server = sample(Config),
    Size = 16 * ?MB,
    Expected = binary:part(<< <<(binary:copy(<<(N rem 256)>>, 50000))/binary>> || N <- lists:seq(0, 335) >>, 0, Size),
    on_both(Server, fun(Ask) ->
        #{status := 200, complete := true, body := Body} = Ask(#{path => "/download/" ++ integer_to_list(Size)}),
        ?assert(Body =:= Expected)
    end),
    gwport_probe:stop(Server).

no_byte_that_is_forbidden_reaches_the_app(Config) ->
    %% Whatever bytes stand in a request, on either protocol: it is refused, or its environ has none that SPEC.md
    %% forbids, and no variable that the client has not named.
    Server = sample(Config),
    Property = ?FORALL({Name, Value, Query, Suffix, Method}, {noise(<<"x-a">>), noise(<<"1">>), noise(<<"q=1">>),
            noise(<<"p">>), noise(<<"GET">>)},
        begin
            Path = <<"/environ/", Suffix/binary, "?", Query/binary>>,
            told(Name, h1_noise(Server, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n",
                Name, ": ", Value, "\r\n\r\n"]))
                andalso told(Name, gwport_raw_h2:ask(Server, [{<<":method">>, Method}, {<<":scheme">>, <<"http">>},
                    {<<":authority">>, <<"x">>}, {<<":path">>, Path}, {Name, Value}]))
        end),
    ?assertEqual(true, proper:quickcheck(Property, [{numtests, 300}, quiet, long_result])),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/environ/p")),
    gwport_probe:stop(Server).

%% The usual, with a byte of any kind in some place; not one that ends a line of HTTP/1.1 as the client's end.
noise(Usual) ->
    oneof([Usual, ?LET({Byte, At}, {oneof([byte(), oneof([0, 1, 10, 13, 127])]), integer(0, byte_size(Usual))}, begin
        <<Before:At/binary, After/binary>> = Usual,
        <<Before/binary, Byte, After/binary>>
    end)]).

h1_noise(Server, Bytes) ->
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, Bytes),
    Answer = gwport_test:recv(Socket),
    gwport_test:close(Socket),
    Answer.

told(Name, #{status := 200, body := Body}) ->
    Variables = [list_to_tuple([binary:decode_hex(Hex) || Hex <- binary:split(Line, <<" ">>)])
        || Line <- binary:split(Body, <<"\n">>, [global, trim])],
    Bad = [Pair || Pair = {_, Value} <- Variables,
        re:run(Value, "[\\x00-\\x08\\x0a-\\x1f\\x7f]", [{capture, none}]) =:= match],
    Fields = [<<"HTTP_", (binary:replace(string:uppercase(N), <<"-">>, <<"_">>, [global]))/binary>>
        || N <- [<<"host">>, <<"connection">> | binary:split(Name, <<":">>)]],
    {[], []} =:= {Bad, [Key || {Key = <<"HTTP_", _/binary>>, _} <- Variables, not lists:member(Key, Fields)]};
told(_, #{status := Status}) ->
    Status >= 400 andalso Status < 600;
told(_, {reset, protocol_error}) ->
    true.

many_at_a_time(Config) ->
    %% Forty clients, some of which upload and some of which download, each get their own.
    Server = sample(Config),
    Self = self(),
    Pids = [spawn_link(fun() -> Self ! {self(), one_of_many(Server, N)} end) || N <- lists:seq(1, 40)],
    [receive {Pid, ok} -> ok end || Pid <- Pids],
    gwport_probe:stop(Server).

one_of_many(Server, N) when N rem 2 =:= 0 ->
    Body = binary:copy(<<N>>, N * 20000),
    Digest = iolist_to_binary([string:lowercase(binary:encode_hex(crypto:hash(sha256, Body))), $\s,
        integer_to_list(byte_size(Body)), $\n]),
    #{status := 200, body := Digest} = gwport_test:request(Server,
        #{method => <<"POST">>, path => "/digest", body => Body}),
    ok;
one_of_many(Server, N) ->
    Size = N * 20000,
    #{status := 200, complete := true, body := <<_:Size/binary>>} =
        gwport_test:get(Server, "/download/" ++ integer_to_list(Size)),
    ok.

client_that_leaves(Config) ->
    %% Whether the app writes or waits when its client leaves, it learns of it.
    Server = sample(Config),
    [begin
        Socket = gwport_test:connect(Server),
        ok = gwport_test:send(Socket, ["GET /", Route, "/h1", Route, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
        #{status := 200} = gwport_test:recv_head(Socket),
        gwport_test:close(Socket),
        ?assertMatch(#{body := <<"gone\n">>}, gwport_test:get(Server, ["/gone/h1", Route])),
        Conn = gwport_test:h2_open(Server),
        Ref = gwport_h2:request(Conn, <<"GET">>, ["/", Route, "/h2", Route], []),
        {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 30000),
        ok = gwport_h2:cancel(Conn, Ref),
        ?assertMatch(#{body := <<"gone\n">>}, gwport_test:h2_call(Conn, <<"GET">>, ["/gone/h2", Route])),
        gwport_h2:close(Conn)
    end || Route <- ["waiting", "endless"]],
    gwport_test:until(fun() -> in_flight(Server) =:= 0 end),
    gwport_probe:stop(Server).

in_flight(Server) ->
    lists:sum([InFlight || #{in_flight := InFlight} <- gwport_test:ports(Server)]).

app_that_fails(Config) ->
    %% Before its head that is a 500, behind it the response is broken off; the log has why, and others go on.
    Server = sample(Config),
    OsPid = gwport_test:os_pid(Server),
    on_both(Server, fun(Ask) ->
        ?assertMatch(#{status := 500}, Ask(#{path => "/fail"})),
        {error, _, _} = gwport_probe:expect(Server, "RuntimeError: sample_app: this route fails")
    end),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, "POST /fail-late HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n"),
    #{status := 200} = gwport_test:recv_head(Socket),
    ok = gwport_test:send(Socket, "line\n"),
    ?assertEqual({<<"so far">>, false}, gwport_test:recv_chunks(Socket, [])),
    gwport_test:close(Socket),
    Conn = gwport_test:h2_open(Server),
    Ref = gwport_h2:request(Conn, <<"POST">>, "/fail-late", [], follows),
    {response, nofin, 200, _} = gwport_h2:await(Conn, Ref, 30000),
    {data, nofin, <<"so far">>} = gwport_h2:await(Conn, Ref, 30000),
    ok = gwport_h2:data(Conn, Ref, fin, <<"line\n">>),
    ?assertMatch({error, {stream_error, _}}, gwport_h2:await(Conn, Ref, 30000)),
    gwport_h2:close(Conn),
    {error, _, _} = gwport_probe:expect(Server, "RuntimeError: sample_app: this route fails late"),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/")),
    ?assertEqual(OsPid, gwport_test:os_pid(Server)),
    gwport_probe:stop(Server).

app_that_is_not_wsgi(Config) ->
    %% wsgiref.validate stands around the app: what is not WSGI fails, and the log says what it is.
    Server = sample(Config),
    ?assertMatch(#{status := 500}, gwport_test:get(Server, "/invalid")),
    {error, _, _} = gwport_probe:expect(Server, "AssertionError"),
    gwport_probe:stop(Server).

%% A WebSocket, from the standard library alone

messages_come_back(Config) ->
    %% Whole or in fragments, small or large, on HTTP/1.1 and on HTTP/2; a ping is answered, and a close.
    Server = sockets(Config),
    Large = binary:copy(<<"0123456789abcdef">>, 65536),
    [begin
        Socket = {Module, _} = Open(Server),
        [begin
            ws_send(Socket, cow_ws:masked_frame({Kind, Message}, #{})),
            ws_expect(Socket, cow_ws:frame({Kind, Message}, #{}))
        end || Kind <- [text, binary], Size <- [0, 5, 126 | Sizes], Message <- [binary:part(Large, 0, Size)]],
        ws_send(Socket, [masked(0, 1, <<"frag">>), masked(1, 9, <<"ping">>), masked(1, 0, <<"ments">>)]),
        ws_expect(Socket, [cow_ws:frame({pong, <<"ping">>}, #{}), cow_ws:frame({text, <<"fragments">>}, #{})]),
        ws_send(Socket, cow_ws:masked_frame({close, 4321, <<"done">>}, #{})),
        ws_expect(Socket, cow_ws:frame({close, 4321, <<>>}, #{})),
        ws_ended(Socket),
        Module:close(element(2, Socket))
    end || {Open, Sizes} <- [{fun ws_open/1, [70000, 1048576]}, {fun ws_open_h2/1, [20000]}]],
    ?assertMatch(#{status := 426}, gwport_test:get(Server, "/")),
    gwport_probe:stop(Server).

a_message_that_is_none_ends_its_connection(Config) ->
    %% With the code that says why, and that connection alone.
    Server = sockets(Config),
    Other = ws_open(Server),
    [begin
        Socket = ws_open(Server),
        ws_send(Socket, Bytes),
        ws_expect(Socket, cow_ws:frame({close, Code, <<>>}, #{})),
        ws_ended(Socket)
    end || {Bytes, Code} <- [{masked(1, 1, <<255>>), 1007}, {masked(1, 3, <<>>), 1002}, {masked(1, 0, <<>>), 1002},
        {masked(0, 9, <<>>), 1002}, {<<16#81, 5, "plain">>, 1002}, {masked(1, 8, <<1005:16>>), 1002},
        {<<16#82, 16#ff, 1048577:64, 0:32>>, 1009}]],
    ws_send(Other, masked(1, 1, <<"still here">>)),
    ws_expect(Other, cow_ws:frame({text, <<"still here">>}, #{})),
    gwport_probe:stop(Server).

a_drain_closes_with_a_word(Config) ->
    %% The app of a connection is told of the drain, says 1012, and its program ends when the client has answered.
    Server = #{pool := Pool} = sockets(Config),
    OsPid = gwport_test:os_pid(Server),
    Sockets = [ws_open(Server), ws_open_h2(Server)],
    Stopping = stopping(Server),
    [begin
        ws_expect(Socket, cow_ws:frame({close, 1012, <<>>}, #{})),
        ws_send(Socket, cow_ws:masked_frame({close, 1012, <<>>}, #{})),
        ws_ended(Socket)
    end || Socket <- Sockets],
    ok = stopped(Stopping),
    ?assert(gwport_probe:gone(OsPid)),
    ok = cowboy:stop_listener(Pool).

sockets(Config) ->
    Pool = gwport_probe:pool(program(["gwport_wsgi.py", "websocket_app:app"], #{}, Config)),
    gwport_probe:listen(Pool, #{idle_timeout => infinity, enable_connect_protocol => true}, [{"/[...]", #{}}]).

%% A connection is who closes it and what it is.
ws_open(Server) ->
    Socket = gwport_test:connect(Server),
    %% The key and the answer of RFC 6455.
    ok = gwport_test:send(Socket, "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
    ws_expect({gwport_test, Socket}, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
    {gwport_test, Socket}.

ws_open_h2(Server) ->
    Client = gwport_raw_h2:open(Server),
    {settings, #{enable_connect_protocol := true}} = h2_frame(settings, Client),
    %% Windows for all that is sent back.
    gwport_raw_h2:send([cow_http2:settings_ack(), cow_http2:settings(#{initial_window_size => 16#7fffffff}),
        cow_http2:window_update(16#7fff0000)], Client),
    gwport_raw_h2:headers(1, nofin, [{<<":method">>, <<"CONNECT">>}, {<<":protocol">>, <<"websocket">>},
        {<<":scheme">>, <<"http">>}, {<<":authority">>, <<"x">>}, {<<":path">>, <<"/">>},
        {<<"sec-websocket-version">>, <<"13">>}], Client),
    {headers, 1, nofin, head_fin, _} = h2_frame(headers, Client),
    {gwport_raw_h2, Client}.

h2_frame(Kind, Client) ->
    case gwport_raw_h2:frame(Client) of
        Frame when element(1, Frame) =:= Kind -> Frame;
        Frame when Frame =:= settings_ack; element(1, Frame) =/= rst_stream, element(1, Frame) =/= error ->
            h2_frame(Kind, Client)
    end.

masked(Fin, Opcode, Data) when byte_size(Data) < 126 ->
    <<Fin:1, 0:3, Opcode:4, 1:1, (byte_size(Data)):7, 0:32, Data/binary>>.

ws_send({gwport_test, Socket}, Bytes) ->
    ok = gwport_test:send(Socket, Bytes);
ws_send({gwport_raw_h2, Client}, Bytes) ->
    h2_data(iolist_to_binary(Bytes), Client).

%% A frame has so much. All together is less than the first window.
h2_data(<<Piece:16384/binary, Rest/binary>>, Client) when Rest =/= <<>> ->
    gwport_raw_h2:data(1, nofin, Piece, Client),
    h2_data(Rest, Client);
h2_data(Piece, Client) ->
    gwport_raw_h2:data(1, nofin, Piece, Client).

ws_expect(Socket, Bytes0) ->
    Bytes = iolist_to_binary(Bytes0),
    ?assertEqual(Bytes, ws_read(Socket, byte_size(Bytes), <<>>)).

ws_read({gwport_test, Socket}, Size, _) ->
    {ok, Bytes} = gen_tcp:recv(Socket, Size, 30000),
    Bytes;
ws_read(_, Size, Bytes) when byte_size(Bytes) >= Size ->
    Bytes;
ws_read(Socket = {_, Client}, Size, Bytes) ->
    {data, 1, nofin, Data} = h2_frame(data, Client),
    ws_read(Socket, Size, <<Bytes/binary, Data/binary>>).

ws_ended({gwport_test, Socket}) ->
    ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 30000));
ws_ended({_, Client}) ->
    ?assertMatch({data, 1, fin, <<>>}, h2_frame(data, Client)).

%% The program's life

drain_loses_nothing(Config) ->
    %% A pool that is stopped ends its program when the uploads that are under way have been sent and answered.
    Server = #{pool := Pool} = sample(Config),
    OsPid = gwport_test:os_pid(Server),
    Body = crypto:strong_rand_bytes(?MB),
    Digest = iolist_to_binary([string:lowercase(binary:encode_hex(crypto:hash(sha256, Body))), " 1048576\n"]),
    Sockets = [begin
        Socket = gwport_test:connect(Server),
        ok = gwport_test:send(Socket, ["POST /digest HTTP/1.1\r\nhost: x\r\ncontent-length: 1048576\r\n\r\n",
            binary:part(Body, 0, ?MB div 2)]),
        Socket
    end || _ <- lists:seq(1, 8)],
    gwport_test:until(fun() -> in_flight(Server) =:= 8 end),
    [#{owner := Owner}] = gwport_test:ports(Server),
    Stopping = stopping(Server),
    gwport_test:until(fun() -> maps:get(state, gwport_port:info(Owner)) =:= draining end),
    [begin
        ok = gwport_test:send(Socket, binary:part(Body, ?MB div 2, ?MB div 2)),
        ?assertMatch(#{status := 200, body := Digest, complete := true}, gwport_test:recv(Socket)),
        gwport_test:close(Socket)
    end || Socket <- Sockets],
    ok = stopped(Stopping),
    ?assert(gwport_probe:gone(OsPid)),
    gwport_probe:none(["pool ", atom_to_list(Pool), " (OS pid"], 0),
    ok = cowboy:stop_listener(Pool).

%% Stops the pool alone, aside; its listener goes on.
stopping(#{parent := Parent}) ->
    Monitor = erlang:monitor(process, Parent),
    Parent ! {stop, self()},
    {Parent, Monitor}.

stopped({Parent, Monitor}) ->
    receive {Parent, stopped} -> ok end,
    receive {'DOWN', Monitor, process, Parent, _} -> ok end.

killed_program_is_replaced(Config) ->
    %% kill -9 breaks off what is under way, is logged with its signal, and the next program serves.
    Server = sample(Config),
    OsPid = gwport_test:os_pid(Server),
    Begun = gwport_test:connect(Server),
    ok = gwport_test:send(Begun, "GET /waiting/killed HTTP/1.1\r\nhost: x\r\n\r\n"),
    #{status := 200} = gwport_test:recv_head(Begun),
    Waits = gwport_test:connect(Server),
    ok = gwport_test:send(Waits, "GET /gone/nobody HTTP/1.1\r\nhost: x\r\n\r\n"),
    gwport_test:until(fun() -> in_flight(Server) =:= 2 end),
    gwport_probe:os_kill("KILL", OsPid),
    ?assertMatch({_, false}, gwport_test:recv_chunks(Begun, [])),
    ?assertMatch(#{status := 502}, gwport_test:recv(Waits)),
    {error, _, _} = gwport_probe:expect(Server, "exit status 137 (signal 9)"),
    [gwport_test:close(Socket) || Socket <- [Begun, Waits]],
    gwport_test:until(fun() -> others(Server, OsPid) =/= [] end),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, "/")),
    gwport_probe:stop(Server).

%% Programs that serve, but for that one.
others(Server, OsPid) ->
    [Other || #{state := serving, os_pid := Other} <- gwport_test:ports(Server), Other =/= OsPid].

the_program_keeps_every_rule(Config) ->
    %% gwport check has nothing to say against it, and leaves nothing untested but capabilities that it does not have.
    Check = filename:absname(filename:join(code:priv_dir(gwport), "gwport")),
    Said = run(Check, ["check", "--timeout", "20s", "--", proplists:get_value(python, Config), "-S",
        pyport("gwport_wsgi.py")]),
    ct:pal("~ts", [lists:last(string:lexemes(Said, "\n"))]),
    ?assertMatch({match, _}, re:run(Said, " passed, 0 failed, ")),
    ?assertEqual([], [Line || Line <- string:split(Said, "\n", all), string:prefix(Line, "not tested") =/= nomatch,
        re:run(Line, "^not tested \\[I[1-9]\\] .*: evidence is 0$") =:= nomatch]).

%% Programs with one thing wrong each

broken_streams(Config) ->
    %% Those whose fault costs a stream, or nobody anything: the same program serves on.
    [broken(Row, Config) || Row = #{then := [$/ | _]} <- table(Config)].

broken_wires(Config) ->
    %% Those whose fault ends the port: the next program serves.
    [broken(Row, Config) || Row = #{then := "next", request := Request} <- table(Config), Request =/= "start"].

broken_greetings(Config) ->
    %% Those that cannot be greeted: nobody is sent to them, and the next program serves.
    [broken(Row, Config) || Row = #{request := "start"} <- table(Config)].

broken_ends(Config) ->
    %% Those whose fault shows when their pool is stopped.
    [broken(Row, Config) || Row = #{then := "gone"} <- table(Config)].

%% broken.py --list
table(Config) ->
    List = run(proplists:get_value(python, Config), ["-S", pyport("broken.py"), "--list"]),
    [begin
        [Name, _Rule, _Says, Request, Client, Then, Log, _What] = string:split(Line, "\t", all),
        #{name => Name, request => Request, client => Client, then => Then, log => Log}
    end || Line <- string:lexemes(List, "\n")].

broken(Row = #{name := Name}, Config) ->
    At = erlang:monotonic_time(millisecond),
    try broken_program(Row, Config)
    catch Class:Reason:Stack -> erlang:raise(Class, {Row, Reason}, Stack)
    end,
    ct:log("~s: ~b ms", [Name, erlang:monotonic_time(millisecond) - At]).

broken_program(Row = #{name := Name, request := Request, log := Log, then := Then}, Config) ->
    First = filename:join(proplists:get_value(priv_dir, Config),
        "first_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Server = serve(Name, program(["broken.py", Name, First], pool_options(Name), Config)),
    Before = case Request of "start" -> none; _ -> gwport_test:os_pid(Server) end,
    asked(string:lexemes(Request, " "), Row, Server),
    _ = [gwport_probe:expect(Server, Log) || Log =/= ""],
    then(Then, Before, Row, Server).

serve(Name, Pool) ->
    Mount = (mount_options(Name))#{app => <<"gwport.check">>, replay => false},
    gwport_probe:listen(gwport_probe:pool(Pool), #{idle_timeout => infinity},
        [{"/nobody", Mount#{app => <<"nobody">>}}, {"/[...]", Mount}]).

%% What brings a fault about in less time than by default, or shows it.
pool_options("no-pong") -> #{ping_interval => 500, ping_timeout => 3000};
pool_options("waits-for-the-app") -> #{ping_interval => 500, ping_timeout => 3000};
pool_options("never-ready") -> #{greeting_timeout => 3000};
pool_options("outlives-input") -> #{drain_timeout => 300};
pool_options("never-drained") -> #{drain_timeout => 3000};
pool_options("level-9") -> #{log_level => debug};
pool_options("beyond-credit") -> #{window => 4096, window_floor => 4096};
pool_options(_) -> #{}.

mount_options("never-fin") -> #{idle_timeout => 3000};
mount_options("never-grants") -> #{idle_timeout => 3000};
mount_options(_) -> #{}.

%% The request, and what happens beside it.
asked(["start"], _, _) ->
    ok;
asked(["leave", Method, Path], #{then := Then}, Server) ->
    [#{owner := Owner}] = gwport_test:ports(Server),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    #{status := 200} = gwport_test:recv_head(Socket),
    gwport_test:close(Socket),
    gwport_test:until(fun() -> ranch:procs(maps:get(pool, Server), connections) =:= [] end),
    %% The second look at an abort that has not been answered, which takes a minute by itself.
    [Owner ! check_aborts || Then =:= "next", _ <- [1, 2]];
asked(["stop", Method, Path], #{client := Client}, Server = #{pool := Pool}) ->
    [#{owner := Owner}] = gwport_test:ports(Server),
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\n\r\n"]),
    gwport_test:until(fun() -> maps:get(in_flight, gwport_port:info(Owner)) =:= 1 end),
    Stopping = stopping(Server),
    ?assertEqual(Client, seen(gwport_test:recv(Socket))),
    gwport_test:close(Socket),
    ok = stopped(Stopping),
    ok = cowboy:stop_listener(Pool);
asked(["upgrade", Method, Path], #{client := Client}, Server) ->
    Socket = gwport_test:connect(Server),
    ok = gwport_test:send(Socket, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"]),
    _ = gen_tcp:send(Socket, "hello"), % which fails where it has been cut by then
    ?assertEqual(Client, case gen_tcp:recv(Socket, 5, 30000) of
        {ok, <<"hello">>} -> "echoed";
        {ok, Other} -> Other;
        {error, closed} -> "cut"
    end),
    gwport_test:close(Socket);
asked(["term" | Request], Row, Server) ->
    gwport_probe:os_kill("TERM", gwport_test:os_pid(Server)),
    asked(Request, Row, Server);
asked([Method, Path | Bytes], #{client := Client, then := Then}, Server) ->
    Request = #{method => list_to_binary(Method), path => Path,
        body => << <<(binary:copy(<<"b">>, list_to_integer(N)))/binary>> || N <- Bytes >>},
    ?assertEqual(Client, seen(gwport_test:request(Server, Request))),
    _ = [over_http2(Client, Request, Server) || hd(Then) =:= $/].

over_http2(Client, Request, Server) ->
    Conn = gwport_test:h2_open(Server),
    ?assertEqual(Client, seen(h2(Conn, Request))),
    gwport_h2:close(Conn).

%% What a client sees, as the table has it.
seen(Answer = #{status := Status, complete := Complete}) ->
    ?assertNot(maps:is_key(<<"set-cookie">>, maps:get(headers, Answer))),
    integer_to_list(Status) ++ case Complete of true -> ""; false -> " broken" end.

%% What is asked next.
then("gone", Before, _, _) ->
    ?assert(gwport_probe:gone(Before));
then("next", Before, _, Server) ->
    gwport_test:until(fun() -> others(Server, Before) =/= [] end),
    ?assertMatch(#{status := 200, complete := true, body := <<0, 1, 2, 3, 4, 5, 6, 7, 8, 9>>},
        gwport_test:get(Server, "/bytes/10")),
    gwport_test:until(fun() -> Before =:= none orelse gwport_probe:gone(Before) end),
    gwport_probe:stop(Server);
then(Path, Before, _, Server) ->
    gwport_test:until(fun() -> in_flight(Server) =:= 0 end),
    #{status := Status, complete := true} = gwport_test:get(Server, Path),
    ?assert(Status =:= 200 orelse Status =:= 204),
    ?assertMatch([#{os_pid := Before, budget_left := 67108864}], gwport_test:ports(Server)),
    gwport_probe:stop(Server).
