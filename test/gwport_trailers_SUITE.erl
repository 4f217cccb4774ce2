%% The trailers of a response reach a client of HTTP/1.1 that has not said it takes them, as net/http has it, whatever
%% its connection carries besides; and those of a request end its body.
-module(gwport_trailers_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(BOTH, [{<<"x-announced">>, <<"yes">>}, {<<"x-late">>, <<"yes">>}]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([
        they_reach_a_client_that_says_nothing,
        one_that_was_not_announced_comes_as_well,
        a_client_that_says_te_is_answered_by_cowboy,
        a_te_that_says_something_else_changes_nothing,
        there_are_none_on_http_1_0,
        there_are_none_behind_a_head,
        a_broken_response_has_no_end,
        the_connection_serves_on,
        a_connection_that_serves_on_does_not_grow,
        requests_behind_are_answered_in_order,
        requests_that_come_in_pieces_are_answered_in_order,
        a_connection_carries_max_keepalive_requests,
        a_client_that_closes_is_closed,
        a_body_that_nobody_reads_costs_the_connection,
        a_large_body_comes_whole,
        a_client_that_leaves_is_no_news,
        a_compressed_body_ends,
        a_listener_without_the_pipeline_handler_drops_them,
        they_come_over_tls,
        those_of_an_http_2_request_end_its_body,
        a_body_that_goes_on_is_not_ended
    ], []).

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    [{server, gwport_test:start(#{})} | Config].

end_per_group(_, Config) ->
    gwport_test:stop(server(Config)).

init_per_testcase(_, Config) ->
    [{log, gwport_test:capture_log()} | Config].

%% Nothing that is done to a connection is news to anybody; that an app panics is.
end_per_testcase(Case, Config) ->
    gwport_test:release_log(proplists:get_value(log, Config)),
    case [Text || {Level, Text} <- logged(), Level =:= error orelse string:find(Text, "stray") =/= nomatch] of
        [_ | _] = News when Case =/= a_broken_response_has_no_end -> {fail, News};
        _ -> ok
    end.

logged() ->
    receive {log_event, Level, Text, _} -> [{Level, Text} | logged()]
    after 0 -> []
    end.

server(Config) -> proplists:get_value(server, Config).

they_reach_a_client_that_says_nothing(Config) ->
    %% Announced and not, behind the last chunk; the head has the announcement.
    Response = asked(Config, "/faults/trailers", ""),
    ?assertMatch(#{status := 200, body := <<"trailers follow\n">>, trailers := ?BOTH,
        headers := #{<<"trailer">> := <<"X-Announced">>}}, Response).

one_that_was_not_announced_comes_as_well(Config) ->
    %% The head has been flushed by then, and says nothing.
    Response = #{headers := Headers} = asked(Config, "/faults/trailers?announced=0", ""),
    ?assertMatch(#{status := 200, body := <<"trailers follow\n">>, trailers := [{<<"x-late">>, <<"yes">>}]}, Response),
    ?assertNot(is_map_key(<<"trailer">>, Headers)),
    ?assertNot(is_map_key(<<"connection">>, Headers)).

a_client_that_says_te_is_answered_by_cowboy(Config) ->
    %% Its connection is never touched, whatever Cowboy's version.
    Socket = connect(Config),
    [begin
        send(Socket, "/faults/trailers", ["te: ", Te, "\r\n"]),
        ?assertMatch(#{status := 200, trailers := ?BOTH, headers := #{<<"trailer">> := <<"X-Announced">>}}, recv(Socket))
    end || Te <- ["trailers", "gzip;q=0.5, trailers", "Trailers"]].

a_te_that_says_something_else_changes_nothing(Config) ->
    %% Nor does one that Cowboy cannot read.
    [?assertMatch({Te, #{status := 200, trailers := ?BOTH}},
        {Te, asked(Config, "/faults/trailers", ["te: ", Te, "\r\n"])})
        || Te <- ["gzip", "gzip;q=0.5", ";;", ""]].

there_are_none_on_http_1_0(Config) ->
    %% It has no chunks, and the end of its body is the connection's.
    Socket = connect(Config),
    ok = gen_tcp:send(Socket, "GET /faults/trailers HTTP/1.0\r\nhost: x\r\n\r\n"),
    [Head, Body] = binary:split(all(Socket, <<>>), <<"\r\n\r\n">>),
    ?assertEqual(<<"trailers follow\n">>, Body),
    ?assertEqual(nomatch, string:find(string:lowercase(Head), "transfer-encoding")).

there_are_none_behind_a_head(Config) ->
    %% The next response follows at once.
    Socket = connect(Config),
    ok = gen_tcp:send(Socket, "HEAD /faults/trailers HTTP/1.1\r\nhost: x\r\n\r\n"),
    ?assertMatch(#{status := 200}, head(Socket)),
    send(Socket, "/hello", ""),
    ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, recv(Socket)).

a_broken_response_has_no_end(Config) ->
    %% The app panics when all but the end is out.
    [?assertMatch({Path, #{status := 200, body := <<"trailers follow\n">>, trailers := broken}},
        {Path, asked(Config, Path, "")})
        || Path <- ["/faults/trailers?panic=1", "/faults/trailers?announced=0&panic=1"]].

the_connection_serves_on(Config) ->
    %% From Cowboy 2.18 on, as often as it likes; before that the head says that it ends, where it announces trailers.
    Socket = connect(Config),
    send(Socket, "/faults/trailers", ""),
    #{trailers := ?BOTH, headers := Headers} = recv(Socket),
    case keeps() of
        true ->
            ?assertNot(is_map_key(<<"connection">>, Headers)),
            [begin
                send(Socket, "/faults/trailers?announced=0", ""),
                ?assertMatch(#{trailers := [{<<"x-late">>, <<"yes">>}]}, recv(Socket)),
                send(Socket, "/hello", ""),
                ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, recv(Socket))
            end || _ <- lists:seq(1, 50)];
        false ->
            ?assertMatch(#{<<"connection">> := <<"close">>}, Headers),
            ?assertEqual(<<>>, all(Socket, <<>>))
    end.

a_connection_that_serves_on_does_not_grow(_) ->
    %% Its process leaves Cowboy's loop and enters it anew, with the same on its stack each time.
    with_server(#{}, fun(Server = #{pool := Listener}) ->
        Socket = gwport_test:connect(Server),
        Ask = fun() -> send(Socket, "/faults/trailers?announced=0", ""), #{trailers := [_]} = recv(Socket) end,
        Stack = fun() ->
            [Connection] = ranch:procs(Listener, connections),
            gwport_test:until(fun() -> {status, waiting} =:= process_info(Connection, status) end),
            process_info(Connection, stack_size)
        end,
        Ask(),
        case keeps() of
            true ->
                Before = Stack(),
                [Ask() || _ <- lists:seq(1, 30)],
                ?assertEqual(Before, Stack());
            false ->
                ?assertEqual(<<>>, all(Socket, <<>>))
        end
    end).

%% Whether the connection is kept behind trailers.
keeps() -> gwport_test:cowboy({2, 18}).

requests_behind_are_answered_in_order(Config) ->
    %% A client that does not wait. Cowboy before 2.18 has read what stands behind: the trailers are dropped for it, and
    %% nothing of the bodies.
    Socket = connect(Config),
    ok = gen_tcp:send(Socket, lists:duplicate(3, [get("/faults/trailers", ""), get("/hello", "")])),
    [begin
        #{status := 200, body := <<"trailers follow\n">>, trailers := Trailers} = recv(Socket),
        ?assertEqual(case keeps() of true -> ?BOTH; false -> [] end, Trailers),
        ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, recv(Socket))
    end || _ <- [1, 2, 3]].

requests_that_come_in_pieces_are_answered_in_order(Config) ->
    %% Cut at each byte of the second one, whose first part is there before the first has been answered. Cowboy before 2.18
    %% may know that part, so its connection ends, and nothing of it is taken for a request.
    Two = iolist_to_binary([get("/faults/trailers", ""), get("/hello?x=GET%20/%20HTTP/1.1", "x-a: 1\r\n")]),
    First = iolist_size(get("/faults/trailers", "")),
    [begin
        Socket = connect(Config),
        ok = gen_tcp:send(Socket, binary:part(Two, 0, At)),
        ?assertMatch({At, #{status := 200, body := <<"trailers follow\n">>, trailers := ?BOTH}}, {At, recv(Socket)}),
        ok = gen_tcp:send(Socket, binary:part(Two, At, byte_size(Two) - At)),
        case keeps() of
            true -> ?assertMatch({At, #{status := 200, body := <<"Hello from Go\n">>}}, {At, recv(Socket)});
            false -> ?assertEqual({At, <<>>}, {At, all(Socket, <<>>)})
        end,
        gen_tcp:close(Socket)
    end || At <- lists:seq(First, byte_size(Two) - 1, 3)].

a_connection_carries_max_keepalive_requests(_) ->
    %% As many as the listener's owner wants, with trailers or without; the last response says so.
    with_server(#{listener => #{max_keepalive => 3}}, fun(Server) ->
        Socket = gwport_test:connect(Server),
        Paths = case keeps() of
            true -> ["/faults/trailers?announced=0", "/faults/trailers?announced=0", "/faults/trailers"];
            false -> ["/hello", "/hello", "/faults/trailers?announced=0"]
        end,
        [_, _, #{headers := Headers, trailers := [_ | _]}] = [begin
            send(Socket, Path, ""),
            recv(Socket)
        end || Path <- Paths],
        ?assertMatch(#{<<"connection">> := <<"close">>}, Headers),
        ?assertEqual(<<>>, all(Socket, <<>>))
    end).

a_client_that_closes_is_closed(Config) ->
    %% Behind the trailers.
    Socket = connect(Config),
    send(Socket, "/faults/trailers", "connection: close\r\n"),
    ?assertMatch(#{trailers := ?BOTH, headers := #{<<"connection">> := <<"close">>}}, recv(Socket)),
    ?assertEqual(<<>>, all(Socket, <<>>)).

a_body_that_nobody_reads_costs_the_connection(Config) ->
    %% The response does not wait for it, and what is left of it is taken for no request.
    Socket = connect(Config),
    ok = gen_tcp:send(Socket, ["POST /faults/trailers HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"]),
    ?assertMatch(#{status := 200, trailers := ?BOTH}, recv(Socket)),
    _ = gen_tcp:send(Socket, ["c\r\n\r\n", get("/hello", "")]),
    ?assertEqual(<<>>, all(Socket, <<>>)).

a_large_body_comes_whole(Config) ->
    %% In many chunks, to a client that reads late: nothing overtakes anything.
    Size = 8000000,
    Socket = connect(Config),
    send(Socket, ["/faults/trailers?bytes=", integer_to_list(Size)], ""),
    #{body := Body, trailers := ?BOTH} = recv(Socket),
    ?assertEqual(erlang:md5(["trailers follow\n", binary:copy(<<"x">>, Size)]), erlang:md5(Body)).

a_client_that_leaves_is_no_news(Config) ->
    %% Before the end, or when it has come: the server goes on.
    [begin
        Socket = connect(Config),
        send(Socket, "/faults/trailers?bytes=1000000", ""),
        _ = head(Socket),
        gen_tcp:close(Socket)
    end || _ <- lists:seq(1, 5)],
    ?assertMatch(#{status := 200, trailers := ?BOTH}, asked(Config, "/faults/trailers", "")).

a_compressed_body_ends(_) ->
    %% By a stream handler behind ours. One in front of it would not see where to end: those trailers are Cowboy's.
    [with_server(#{listener => #{stream_handlers => Handlers, metrics_callback => fun(_) -> ok end}}, fun(Server) ->
        Socket = gwport_test:connect(Server),
        send(Socket, "/faults/trailers?bytes=5000&announced=0", "accept-encoding: gzip\r\n"),
        Response = recv(Socket),
        ?assertMatch(#{headers := #{<<"content-encoding">> := <<"gzip">>}, trailers := Trailers}, Response),
        ?assertEqual(iolist_to_binary(["trailers follow\n", binary:copy(<<"x">>, 5000)]), zlib:gunzip(maps:get(body, Response)))
    end) || {Handlers, Trailers} <- [
        {[gwport_pipeline_h, cowboy_compress_h, cowboy_stream_h], [{<<"x-late">>, <<"yes">>}]},
        {[cowboy_compress_h, gwport_pipeline_h, cowboy_stream_h], []},
        {[cowboy_metrics_h, gwport_pipeline_h, cowboy_compress_h, cowboy_stream_h], [{<<"x-late">>, <<"yes">>}]}]].

a_listener_without_the_pipeline_handler_drops_them(_) ->
    %% The response is whole, and so is the connection.
    with_server(#{listener => #{stream_handlers => [cowboy_stream_h]}}, fun(Server) ->
        Socket = gwport_test:connect(Server),
        [begin
            send(Socket, "/faults/trailers", ""),
            ?assertMatch(#{status := 200, body := <<"trailers follow\n">>, trailers := []}, recv(Socket))
        end || _ <- [1, 2]]
    end).

they_come_over_tls(_) ->
    %% The connection changes hands there as well.
    {ok, _} = application:ensure_all_started(ssl),
    Pool = gwport_test:start_pool(#{}),
    Listener = {tls, Pool},
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    Chain = #{root => Key, peer => Key, intermediates => []},
    #{server_config := Options} = public_key:pkix_test_data(#{server_chain => Chain, client_chain => Chain}),
    {ok, _} = cowboy:start_tls(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0} | Options]},
        gwport_test:mounted([{"/faults/[...]", #{pool => Pool, app => faults}}], #{})),
    try
        {ok, Socket} = ssl:connect("127.0.0.1", ranch:get_port(Listener), [binary, {active, false}, {verify, verify_none}], 10000),
        End = <<"trailers follow\n\r\n0\r\nx-late: yes\r\n\r\n">>,
        Ask = fun() ->
            ok = ssl:send(Socket, get("/faults/trailers?announced=0", "")),
            <<"HTTP/1.1 200 OK\r\n", _/binary>> = tls_until(Socket, End, <<>>)
        end,
        Ask(),
        case keeps() of
            true ->
                [Ask() || _ <- [2, 3, 4]];
            false ->
                ?assertEqual({error, closed}, ssl:recv(Socket, 0, 10000))
        end,
        ssl:close(Socket)
    after
        _ = cowboy:stop_listener(Listener),
        gwport_test:stop_pool(Pool)
    end.

those_of_an_http_2_request_end_its_body(Config) ->
    %% Announced or not. The handler reads the whole body, and does not see them.
    [begin
        Client = gwport_raw_h2:open(server(Config)),
        begin_body(1, Fields, Client),
        gwport_raw_h2:headers(1, fin, [{<<"x-sum">>, <<"1">>}], Client),
        ?assertMatch(#{status := 200, body := <<"{\"bytes\":5}\n">>, complete := true}, gwport_raw_h2:answer(1, Client)),
        gwport_raw_h2:close(Client)
    end || Fields <- [[], [{<<"trailer">>, <<"x-sum">>}]]].

a_body_that_goes_on_is_not_ended(Config) ->
    %% The end of the later request shows that the earlier one has been looked at as well.
    Client = gwport_raw_h2:open(server(Config)),
    begin_body(1, [{<<"trailer">>, <<"x-sum">>}], Client),
    begin_body(3, [{<<"trailer">>, <<"x-sum">>}], Client),
    gwport_raw_h2:headers(3, fin, [{<<"x-sum">>, <<"1">>}], Client),
    ?assertMatch(#{status := 200, body := <<"{\"bytes\":5}\n">>}, gwport_raw_h2:answer(3, Client)),
    gwport_raw_h2:data(1, nofin, <<" and">>, Client),
    gwport_raw_h2:data(1, fin, <<" more">>, Client),
    ?assertMatch(#{status := 200, body := <<"{\"bytes\":14}\n">>, complete := true}, gwport_raw_h2:answer(1, Client)),
    gwport_raw_h2:close(Client).

%% Of a request whose handler answers when it has read all.
begin_body(Id, Fields, Client) ->
    gwport_raw_h2:headers(Id, nofin, [{<<":method">>, <<"POST">>}, {<<":scheme">>, <<"http">>},
        {<<":authority">>, <<"x">>}, {<<":path">>, <<"/faults/read">>} | Fields], Client),
    gwport_raw_h2:data(Id, nofin, <<"hello">>, Client).

tls_until(Socket, End, Data) ->
    case binary:longest_common_suffix([End, Data]) =:= byte_size(End) of
        true ->
            Data;
        false ->
            {ok, More} = ssl:recv(Socket, 0, 10000),
            tls_until(Socket, End, <<Data/binary, More/binary>>)
    end.

with_server(Options, Fun) ->
    Server = gwport_test:start(Options),
    try Fun(Server)
    after gwport_test:stop(Server)
    end.

%% A client of bytes

connect(Config) -> gwport_test:connect(server(Config)).

get(Path, Fields) ->
    ["GET ", Path, " HTTP/1.1\r\nhost: x\r\n", Fields, "\r\n"].

send(Socket, Path, Fields) ->
    ok = gen_tcp:send(Socket, get(Path, Fields)).

asked(Config, Path, Fields) ->
    Socket = connect(Config),
    send(Socket, Path, Fields),
    try recv(Socket)
    after gen_tcp:close(Socket)
    end.

%% #{status, headers, body, trailers}: `broken` where the last chunk does not come.
recv(Socket) ->
    Head = #{headers := Headers} = head(Socket),
    case Headers of
        #{<<"content-length">> := Length} ->
            {ok, Body} = gen_tcp:recv(Socket, binary_to_integer(Length), 20000),
            Head#{body => Body, trailers => []};
        #{<<"transfer-encoding">> := <<"chunked">>} ->
            chunks(Socket, Head, [])
    end.

head(Socket) ->
    ok = inet:setopts(Socket, [{packet, http_bin}]),
    {ok, {http_response, {1, 1}, Status, _}} = gen_tcp:recv(Socket, 0, 20000),
    Head = #{status => Status, headers => maps:from_list(fields(Socket))},
    ok = inet:setopts(Socket, [{packet, raw}]),
    Head.

fields(Socket) ->
    ok = inet:setopts(Socket, [{packet, httph_bin}]),
    case gen_tcp:recv(Socket, 0, 20000) of
        {ok, http_eoh} -> [];
        {ok, {http_header, _, Name, _, Value}} ->
            [{iolist_to_binary(string:lowercase(if is_atom(Name) -> atom_to_list(Name); true -> Name end)), Value}
                | fields(Socket)]
    end.

chunks(Socket, Head, Acc) ->
    ok = inet:setopts(Socket, [{packet, line}]),
    case gen_tcp:recv(Socket, 0, 20000) of
        {ok, <<"0\r\n">>} ->
            Trailers = lists:sort(fields(Socket)),
            ok = inet:setopts(Socket, [{packet, raw}]),
            Head#{body => iolist_to_binary(lists:reverse(Acc)), trailers => Trailers};
        {ok, Line} ->
            ok = inet:setopts(Socket, [{packet, raw}]),
            Size = binary_to_integer(string:trim(Line), 16),
            {ok, <<Data:Size/binary, "\r\n">>} = gen_tcp:recv(Socket, Size + 2, 20000),
            chunks(Socket, Head, [Data | Acc]);
        {error, closed} ->
            Head#{body => iolist_to_binary(lists:reverse(Acc)), trailers => broken}
    end.

all(Socket, Data) ->
    ok = inet:setopts(Socket, [{packet, raw}]),
    case gen_tcp:recv(Socket, 0, 20000) of
        {ok, More} -> all(Socket, <<Data/binary, More/binary>>);
        {error, closed} -> Data
    end.
