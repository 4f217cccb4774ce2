%% What a client on HTTP/2 gets for an extended CONNECT (RFC 8441), frame by frame: a stream of which an app has both
%% directions. What libraries for WebSocket make of that is test/thirdparty's.
-module(gwport_connect_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([
        bytes_go_both_ways_and_each_direction_ends_by_itself,
        what_is_declined_leaves_the_connection,
        a_protocol_that_is_no_name_is_refused,
        a_connect_with_a_length_asks_for_nothing,
        a_client_that_resets_has_left,
        a_program_that_dies_resets_the_stream,
        a_listener_that_does_not_offer_it_is_told_of_once
    ], []).

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Config.

end_per_group(_, _) -> ok.

init_per_testcase(Case, Config) ->
    Offers = Case =/= a_listener_that_does_not_offer_it_is_told_of_once,
    [{server, gwport_test:start(#{listener => #{enable_connect_protocol => Offers}, routes => [
        fun(Pool) -> {"/takeover", #{pool => Pool, app => 'gwport.check'}} end,
        fun(Pool) -> {"/status/[...]", #{pool => Pool, app => 'gwport.check'}} end]})} | Config].

end_per_testcase(_, Config) ->
    gwport_test:stop(server(Config)).

server(Config) -> proplists:get_value(server, Config).

bytes_go_both_ways_and_each_direction_ends_by_itself(Config) ->
    Client = opened(Config),
    gwport_raw_h2:data(1, nofin, <<"hello">>, Client),
    {data, 1, nofin, <<"hello">>} = frame_of(data, Client),
    %% No more than the first windows let through.
    Bytes = binary:copy(<<"0123456789abcdef">>, 2048),
    _ = [gwport_raw_h2:data(1, nofin, binary:part(Bytes, At, 4096), Client) || At <- lists:seq(0, 28672, 4096)],
    ?assertEqual(Bytes, read(byte_size(Bytes), <<>>, Client)),
    gwport_raw_h2:data(1, fin, <<>>, Client),
    %% The app ends its direction when ours has ended, and then the stream is over: nobody resets it.
    {data, 1, fin, <<>>} = frame_of(data, Client),
    gwport_raw_h2:send(cow_http2:ping(1), Client),
    {ping_ack, 1} = frame_of(ping_ack, Client),
    gwport_raw_h2:close(Client),
    {ok, #{responses := #{2 := 1}, failures := Failures}} = gwport:counts(pool(Config)),
    ?assertEqual(#{}, Failures).

read(Size, Read, _) when byte_size(Read) >= Size ->
    Read;
read(Size, Read, Client) ->
    {data, 1, nofin, Data} = frame_of(data, Client),
    read(Size, <<Read/binary, Data/binary>>, Client).

what_is_declined_leaves_the_connection(Config) ->
    %% By an app, and by one that answers 200, which would open what it is not.
    Client = offered(Config),
    [begin
        gwport_raw_h2:headers(Id, nofin, fields(<<"bytes">>, Path, []), Client),
        ?assertMatch({Path, #{status := Status}}, {Path, gwport_raw_h2:answer(Id, Client)})
    end || {Id, Path, Status} <- [{1, "/status/404", 404}, {3, "/status/200", 501}, {5, "/nothing", 404}]],
    gwport_raw_h2:close(Client).

a_protocol_that_is_no_name_is_refused(Config) ->
    %% By us where this Cowboy lets it through.
    [begin
        Client = offered(Config),
        gwport_raw_h2:headers(1, nofin, fields(Protocol, "/takeover", []), Client),
        case gwport_raw_h2:answer(1, Client) of
            {reset, protocol_error} -> ?assert(gwport_test:cowboy({2, 9}));
            Answer -> ?assertMatch({Protocol, #{status := 400}}, {Protocol, Answer})
        end,
        gwport_raw_h2:close(Client)
    end || Protocol <- [<<"a b">>, <<"a/1/2">>, <<"a\r\nb: c">>]].

a_connect_with_a_length_asks_for_nothing(Config) ->
    %% There is nothing to take over then.
    Client = offered(Config),
    gwport_raw_h2:headers(1, nofin, fields(<<"bytes">>, "/takeover", [{<<"content-length">>, <<"1">>}]), Client),
    gwport_raw_h2:data(1, fin, <<"x">>, Client),
    ?assertMatch(#{status := 501}, gwport_raw_h2:answer(1, Client)),
    gwport_raw_h2:close(Client).

a_client_that_resets_has_left(Config) ->
    Client = opened(Config),
    gwport_raw_h2:send(cow_http2:rst_stream(1, cancel), Client),
    ok = gwport_test:until(fun() -> [#{in_flight := Streams} | _] = gwport_test:ports(server(Config)), Streams =:= 0 end),
    gwport_raw_h2:close(Client).

a_program_that_dies_resets_the_stream(Config) ->
    Client = opened(Config),
    _ = os:cmd("kill -9 " ++ integer_to_list(gwport_test:os_pid(server(Config)))),
    {rst_stream, 1, internal_error} = frame_of(rst_stream, Client),
    gwport_raw_h2:close(Client).

a_listener_that_does_not_offer_it_is_told_of_once(Config) ->
    %% When an app takes a connection of HTTP/1.1 over, for which clients on HTTP/2 might ask as well.
    Log = gwport_test:capture_log(),
    try
        [begin
            Socket = gwport_test:connect(server(Config)),
            gwport_test:send(Socket, "GET /takeover HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: bytes\r\n\r\nx"),
            {ok, <<"x">>} = gen_tcp:recv(Socket, 1, 5000),
            gwport_test:close(Socket)
        end || _ <- [1, 2]],
        {notice, Text, _} = gwport_test:expect_log("enable_connect_protocol => true"),
        ?assertNotEqual(nomatch, string:find(Text, atom_to_list(pool(Config)))),
        logger:debug("that was all"),
        ?assertMatch({debug, _, _}, gwport_test:expect_log("that was all")),
        ?assertError({not_logged, _}, gwport_test:expect_log("enable_connect_protocol", 0))
    after
        gwport_test:release_log(Log)
    end.

%% Helpers

pool(Config) -> maps:get(pool, server(Config)).

%% A connection whose listener has said that it takes an extended CONNECT.
offered(Config) ->
    Client = gwport_raw_h2:open(server(Config)),
    {settings, #{enable_connect_protocol := true}} = frame_of(settings, Client),
    gwport_raw_h2:send(cow_http2:settings_ack(), Client),
    Client.

opened(Config) ->
    Client = offered(Config),
    gwport_raw_h2:headers(1, nofin, fields(<<"bytes">>, "/takeover", []), Client),
    {headers, 1, nofin, head_fin, _} = frame_of(headers, Client),
    Client.

fields(Protocol, Path, More) ->
    [{<<":method">>, <<"CONNECT">>}, {<<":protocol">>, Protocol}, {<<":scheme">>, <<"http">>},
        {<<":authority">>, <<"x">>}, {<<":path">>, list_to_binary(Path)} | More].

%% The next frame of a kind; a reset is none that is passed over.
frame_of(Kind, Client) ->
    case gwport_raw_h2:frame(Client) of
        settings_ack -> frame_of(Kind, Client);
        Frame when element(1, Frame) =:= Kind -> Frame;
        Frame when element(1, Frame) =/= rst_stream, element(1, Frame) =/= error -> frame_of(Kind, Client)
    end.
