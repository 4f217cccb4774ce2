%% What becomes of a connection of HTTP/1.1 behind a request whose body its app has not read: it serves the
%% next request, always, or says that it will not.
-module(gwport_keep_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

%% What is taken of a body that nobody wants, behind the response.
-define(DISCARD, 262144).

suite() -> [{timetrap, {seconds, 120}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([
        the_next_request_is_answered_whatever_was_left_of_the_last,
        a_request_behind_more_than_cowboy_takes_at_once_is_answered_or_the_connection_ends,
        a_body_that_is_read_keeps_the_connection_whatever_its_size,
        an_unread_body_of_so_many_bytes_keeps_the_connection_and_one_more_ends_it,
        an_unread_body_of_unknown_length_is_taken_to_the_same_bound,
        a_body_of_unknown_length_of_which_more_has_come_is_said_to_end_the_connection,
        a_response_is_whole_where_the_connection_is_cut,
        a_client_that_closes_is_not_waited_for,
        an_answer_of_the_routers_keeps_the_connection_too
    ], []).

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Routes = [
        fun(Pool) -> {"/small/[...]", #{pool => Pool, app => echo, max_body => 1000}} end,
        fun(Pool) -> {"/late/[...]", #{pool => Pool, app => faults, head_timeout => 1000}} end,
        fun(_) -> {"/nopool", #{pool => nowhere}} end],
    %% With sockets as Cowboy opens them, whose small reads end in the middle of anything.
    Options = #{routes => Routes, socket => []},
    [{server, gwport_test:start(Options#{listener => #{initial_stream_flow_size => 1048576, max_keepalive => infinity}})},
        {default, gwport_test:start(Options)} | Config].

end_per_group(_, Config) ->
    gwport_test:stop(server(Config)),
    gwport_test:stop(proplists:get_value(default, Config)).

server(Config) -> proplists:get_value(server, Config).

the_next_request_is_answered_whatever_was_left_of_the_last(Config) ->
    %% Many connections at a time, sizes around those of windows and buffers, the body in one piece with its head or in
    %% several, sent without a look at the answer: whatever is in flight when the answer is out, what follows is found.
    %% The listener lets Cowboy take such bodies at once.
    ?assertEqual([], [Answer || Answer = {_, Outcome} <- next(server(Config), sizes()), Outcome =/= answered]).

a_request_behind_more_than_cowboy_takes_at_once_is_answered_or_the_connection_ends(Config) ->
    %% By default that is 65535 bytes, and Cowboy before 2.13 may be deaf behind more: then it must not be kept.
    Server = proplists:get_value(default, Config),
    ?assertEqual([], [Answer || Answer = {_, timeout} <- next(Server, sizes())]),
    ?assertEqual([], [Answer || Answer = {_, Outcome} <- next(Server, [65534]), Outcome =/= answered]),
    ?assertEqual([], [Answer || Answer = {{_, _, _, length, _}, Outcome} <- next(Server, [65535]),
        Outcome =/= answered]).

sizes() -> [1, 1000, 16384, 65534, 65535, 65536, 65537, 100000, ?DISCARD].

next(Server, Sizes) ->
    Mount = gwport_test:mount(),
    Cases = [{Path, Size, Pieces, Framing, N} || Path <- ["/hello", "/nopool"],
        Size <- Sizes, Pieces <- [1, 2, 7], Framing <- [length, chunked], N <- lists:seq(1, 6)],
    side_by_side(16, Cases, fun({Path, Size, Pieces, Framing, _}) ->
        gwport_test:mount_here(Mount),
        Socket = gwport_test:connect(Server),
        send_body(Socket, Path, Size, Pieces, Framing),
        #{status := Status, complete := true} = gwport_test:recv(Socket),
        true = Status >= 200,
        _ = gen_tcp:send(Socket, "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"),
        Next = gen_tcp:recv(Socket, 12, 5000),
        gwport_test:close(Socket),
        case Next of
            {ok, <<"HTTP/1.1 200">>} -> answered;
            {error, Reason} -> Reason
        end
    end).

send_body(Socket, Path, Size, Pieces, Framing) ->
    Body = binary:copy(<<"b">>, Size),
    {Head, Wire} = case Framing of
        length -> {["content-length: ", integer_to_list(Size)], Body};
        chunked -> {"transfer-encoding: chunked", iolist_to_binary(chunked(Body))}
    end,
    All = iolist_to_binary(["POST ", Path, " HTTP/1.1\r\nhost: x\r\n", Head, "\r\n\r\n", Wire]),
    [gwport_test:send(Socket, Piece) || Piece <- gwport_gen:split(All, [byte_size(All) div Pieces + 1])].

chunked(Body) when byte_size(Body) > 30000 ->
    <<Chunk:30000/binary, Rest/binary>> = Body,
    [chunk(Chunk) | chunked(Rest)];
chunked(Body) ->
    [chunk(Body), "0\r\n\r\n"].

chunk(Data) ->
    [integer_to_list(byte_size(Data), 16), "\r\n", Data, "\r\n"].

%% What Fun answers for each, in so many processes.
side_by_side(Processes, Cases, Fun) ->
    Self = self(),
    Shares = [[Case || {N, Case} <- lists:enumerate(Cases), N rem Processes =:= I] || I <- lists:seq(0, Processes - 1)],
    Pids = [spawn_link(fun() -> Self ! {self(), [{Case, Fun(Case)} || Case <- Share]} end) || Share <- Shares],
    lists:append([receive {Pid, Answers} -> Answers end || Pid <- Pids]).

a_body_that_is_read_keeps_the_connection_whatever_its_size(Config) ->
    %% Also where it is more than Cowboy takes before somebody reads, and when the answer begins before it has come.
    Socket = gwport_test:connect(server(Config)),
    [begin
        send_body(Socket, Path, Size, 1, Framing),
        #{status := 200, complete := true, headers := Headers} = gwport_test:recv(Socket),
        ?assertNot(is_map_key(<<"connection">>, Headers))
    end || Path <- ["/upload", "/echo"], Size <- [65535, 65536, 300000, 1000000], Framing <- [length, chunked],
        %% A client that reads nothing while it sends could wait for ever for an echo.
        Path =:= "/upload" orelse Size =< 300000],
    ?assertMatch(#{status := 200}, gwport_test:call(Socket, #{path => "/hello"})),
    gwport_test:close(Socket).

an_unread_body_of_so_many_bytes_keeps_the_connection_and_one_more_ends_it(Config) ->
    %% The answer is there at once, and says which it will be.
    [begin
        Socket = begun(Config, Path, ["content-length: ", integer_to_list(Size)]),
        #{status := Status, complete := true, headers := Headers} = gwport_test:recv(Socket),
        ?assertEqual({Path, Size > ?DISCARD}, {Path, maps:get(<<"connection">>, Headers, none) =:= <<"close">>}),
        case Size > ?DISCARD of
            true -> ?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000));
            false ->
                gwport_test:send(Socket, binary:copy(<<"b">>, Size)),
                ?assertMatch(#{status := 200}, gwport_test:call(Socket, #{path => "/hello"}))
        end,
        gwport_test:close(Socket)
    end || {Path, Status} <- [{"/hello", 200}, {"/small", 413}, {"/faults/panic", 500}, {"/nopool", 503}],
        Size <- [?DISCARD, ?DISCARD + 1]].

begun(Config, Path, Head) ->
    Socket = gwport_test:connect(server(Config)),
    gwport_test:send(Socket, ["POST ", Path, " HTTP/1.1\r\nhost: x\r\n", Head, "\r\n\r\n"]),
    Socket.

an_unread_body_of_unknown_length_is_taken_to_the_same_bound(Config) ->
    %% Nobody knows in time what to say, so the connection is cut without a word.
    [begin
        Socket = begun(Config, Path, "transfer-encoding: chunked"),
        ?assertMatch(#{status := Status, complete := true}, gwport_test:recv(Socket)),
        _ = gen_tcp:send(Socket, chunked(binary:copy(<<"b">>, Size))),
        _ = gen_tcp:send(Socket, "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"),
        case Size > ?DISCARD of
            true -> ?assertMatch({error, _}, gen_tcp:recv(Socket, 0, 5000));
            false -> ?assertMatch(#{status := 200}, gwport_test:recv(Socket))
        end,
        gwport_test:close(Socket)
    end || {Path, Status} <- [{"/hello", 200}, {"/faults/panic", 500}, {"/nopool", 503}],
        Size <- [?DISCARD, ?DISCARD + 1]].

a_body_of_unknown_length_of_which_more_has_come_is_said_to_end_the_connection(Config) ->
    %% What was sent before the answer is seen. Behind a route Cowboy has it, and nobody else knows.
    Socket = begun(Config, "/late/sleep?s=60", "transfer-encoding: chunked"),
    gwport_test:send(Socket, [chunk(binary:copy(<<"b">>, 30000)) || _ <- lists:seq(1, 20)]),
    #{status := 504, complete := true, headers := Headers} = gwport_test:recv(Socket),
    Said = case gwport_test:mount() of stream -> <<"close">>; route -> none end,
    ?assertEqual(Said, maps:get(<<"connection">>, Headers, none)),
    _ = [?assertEqual({error, closed}, gen_tcp:recv(Socket, 0, 5000)) || Said =/= none],
    gwport_test:close(Socket).

a_response_is_whole_where_the_connection_is_cut(Config) ->
    %% A client that sends without end reads all that was said to it.
    Socket = begun(Config, "/faults/write?bytes=200000", "transfer-encoding: chunked"),
    _ = gen_tcp:send(Socket, [chunk(binary:copy(<<"b">>, 30000)) || _ <- lists:seq(1, 20)]),
    ?assertMatch(#{status := 200, complete := true}, gwport_test:recv(Socket)),
    gwport_test:close(Socket).

a_client_that_closes_is_not_waited_for(Config) ->
    %% Nor is one of HTTP/1.0, for which the end of the connection may be that of the response.
    [begin
        Socket = gwport_test:connect(server(Config)),
        gwport_test:send(Socket, ["POST /hello HTTP/", Rest, "\r\nhost: x\r\ncontent-length: 1000\r\n\r\nsome"]),
        #{status := 200, headers := Headers} = gwport_test:recv(Socket),
        ?assertEqual({Rest, <<"close">>}, {Rest, maps:get(<<"connection">>, Headers, none)}),
        ?assertEqual({Rest, {error, closed}}, {Rest, gen_tcp:recv(Socket, 0, 5000)}),
        gwport_test:close(Socket)
    end || Rest <- ["1.1\r\nconnection: close", "1.1\r\nConnection: x-a, Close", "1.0",
        "1.0\r\nconnection: keep-alive"]].

an_answer_of_the_routers_keeps_the_connection_too(Config) ->
    %% A path that cannot be decoded. A client that has yet to be told to go on is told that this was all. (Behind a
    %% route nobody but Cowboy has a say in it.)
    Socket = begun(Config, "/hello/%zz", "content-length: 5"),
    ?assertMatch(#{status := 400, complete := true}, gwport_test:recv(Socket)),
    _ = [begin
        gwport_test:send(Socket, "12345GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"),
        ?assertMatch(#{status := 200}, gwport_test:recv(Socket)),
        Expecting = begun(Config, "/hello/%zz", "expect: 100-continue\r\ncontent-length: 5"),
        ?assertMatch(#{status := 400, headers := #{<<"connection">> := <<"close">>}}, gwport_test:recv(Expecting)),
        gwport_test:close(Expecting)
    end || gwport_test:mount() =:= stream],
    gwport_test:close(Socket).
