%% A connection of HTTP/1.1 whose first request asks for HTTP/2 without TLS (h2c), as the clients of curl --http2 and of
%% Java do: it is told 101, and the answer comes on stream 1, whatever it is.
-module(gwport_upgrade_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(SETTINGS, "AAMAAABkAAQCAAAAAAIAAAAA").

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([
        whatever_is_answered_comes_behind_the_101,
        the_connection_goes_on_in_http2,
        the_app_sees_a_request_of_http2,
        a_broken_response_is_reset_and_not_whole,
        curl_upgrades,
        without_its_fields_there_is_no_upgrade
    ], []).

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    [{server, gwport_test:start(#{routes => [fun(_) -> {"/nopool", #{pool => nowhere}} end,
        fun(Pool) -> {"/small/[...]", #{pool => Pool, app => echo, max_body => 1000}} end]})} | Config].

end_per_group(_, Config) ->
    gwport_test:stop(server(Config)).

server(Config) -> proplists:get_value(server, Config).

whatever_is_answered_comes_behind_the_101(Config) ->
    %% Of apps, of ours, of the router's, of nobody's.
    [begin
        Client = upgraded(Config, Method, Path, Fields),
        ?assertMatch({Path, #{status := Status, complete := true}}, {Path, gwport_raw_h2:answer(1, Client)}),
        gwport_raw_h2:close(Client)
    end || {Method, Path, Fields, Status} <- [{"GET", "/hello", "", 200}, {"HEAD", "/hello", "", 200},
        {"GET", "/faults/write?bytes=60000", "", 200}, {"GET", "/faults/panic", "", 500}, {"GET", "/nopool", "", 503},
        {"GET", "/hello/%zz", "", 400}, {"GET", "/hello", "x-a: \1\r\n", 400}, {"GET", "/nothing", "", 404},
        {"GET", "/faults/informational", "", 200}]].

%% The connection, when it has said 101.
upgraded(Config, Method, Path, Fields) ->
    Socket = gwport_test:connect(server(Config)),
    gwport_test:send(Socket, [Method, " ", Path, " HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\n"
        "upgrade: h2c\r\nhttp2-settings: " ?SETTINGS "\r\n", Fields, "\r\n"]),
    ok = inet:setopts(Socket, [{packet, http_bin}]),
    {ok, {http_response, {1, 1}, 101, _}} = gen_tcp:recv(Socket, 0, 5000),
    ok = inet:setopts(Socket, [{packet, httph_bin}]),
    [{http_header, _, 'Connection', _, <<"Upgrade">>}, {http_header, _, 'Upgrade', _, <<"h2c">>}] =
        lists:sort(fields_of(Socket)),
    ok = inet:setopts(Socket, [{packet, raw}]),
    gwport_raw_h2:upgraded(Socket).

fields_of(Socket) ->
    case gen_tcp:recv(Socket, 0, 5000) of
        {ok, http_eoh} -> [];
        {ok, Field} -> [Field | fields_of(Socket)]
    end.

the_connection_goes_on_in_http2(Config) ->
    %% With a stream of the client's, while the first one is still under way.
    Client = upgraded(Config, "GET", "/faults/sleep?s=0.5", ""),
    gwport_raw_h2:headers(3, fin, [{<<":method">>, <<"GET">>}, {<<":scheme">>, <<"http">>}, {<<":authority">>, <<"x">>},
        {<<":path">>, <<"/hello">>}], Client),
    ?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, gwport_raw_h2:answer(3, Client)),
    ?assertMatch(#{status := 200, body := <<"slept\n">>}, gwport_raw_h2:answer(1, Client)),
    gwport_raw_h2:close(Client).

the_app_sees_a_request_of_http2(Config) ->
    %% What made the upgrade is of the connection, and is done with.
    Client = upgraded(Config, "GET", "/environ", "x-a: 1\r\n"),
    Fields = gwport_http_client:fields(gwport_raw_h2:answer(1, Client)),
    ?assertMatch(#{<<"SERVER_PROTOCOL">> := <<"HTTP/2">>, <<"HTTP_HOST">> := <<"x">>, <<"HTTP_X_A">> := <<"1">>},
        Fields),
    ?assertEqual([], [Name || Name <- [<<"HTTP_CONNECTION">>, <<"HTTP_UPGRADE">>, <<"HTTP_HTTP2_SETTINGS">>],
        is_map_key(Name, Fields)]),
    gwport_raw_h2:close(Client).

a_broken_response_is_reset_and_not_whole(Config) ->
    %% The way to break off a response of HTTP/1.1 does nothing here.
    Client = upgraded(Config, "GET", "/faults/panic-late", ""),
    ?assertEqual({reset, internal_error}, gwport_raw_h2:answer(1, Client)),
    gwport_raw_h2:close(Client).

curl_upgrades(Config) ->
    %% As it asks for itself.
    #{port := Port} = server(Config),
    Curl = "curl -sS --http2 -w ' %{http_version}' http://127.0.0.1:" ++ integer_to_list(Port),
    case string:find(os:cmd("curl --version"), "HTTP2") of
        nomatch -> {skip, "this curl does not speak HTTP/2"};
        _ ->
            ?assertEqual("Hello from Go\n 2", os:cmd(Curl ++ "/hello")),
            ?assertEqual("The application is not available right now.\n 2", os:cmd(Curl ++ "/nopool"))
    end.

without_its_fields_there_is_no_upgrade(Config) ->
    %% A request that speaks of h2c and does not ask for it is one of HTTP/1.1.
    [?assertMatch({Fields, #{status := 200, reason := <<"OK">>}}, {Fields, gwport_test:request(server(Config),
            #{path => "/environ", headers => Fields})})
        || Fields <- [[{"upgrade", "h2c"}], [{"connection", "upgrade"}, {"upgrade", "h2c"}],
            [{"connection", "upgrade"}, {"upgrade", "h2c"}, {"http2-settings", ?SETTINGS}],
            [{"connection", "upgrade, http2-settings"}, {"upgrade", "websocket"}, {"http2-settings", ?SETTINGS}]]].
