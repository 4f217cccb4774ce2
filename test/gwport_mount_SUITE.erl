%% How a pool stands under a Cowboy route and a listener: what an app sees of the route, what a wrong
%% option or an unfit listener makes gwport say, and what Cowboy's other parts add.
-module(gwport_mount_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").
-include_lib("public_key/include/public_key.hrl").

-define(PROPER_NO_TRANS, true).
-include_lib("proper/include/proper.hrl").

-import(gwport_http_client, [open/1, close/1, ask/2, call/2, start/2, send/3, head/1, piece/2, rest/1,
    header/2, headers/2, lines/1, fields/1]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    Routes = [{group, routes_h1}, {group, routes_h2}],
    [{route, [], [{group, h1}, {group, h2}, {group, alone} | Routes]},
     {stream, [], [{group, h1}, {group, h2}, {group, alone}, {group, streams}]},
     {h1, [], both()}, {h2, [], both()}, {alone, [], alone()},
     {routes_h1, [], routes()}, {routes_h2, [], routes()}, {streams, [], streams()}].

both() -> [
    script_name_and_path_info_follow_the_route,
    paths_that_the_router_refuses_are_400,
    an_exact_route_is_all_script_name,
    a_route_at_the_root_is_all_path_info,
    bindings_belong_to_script_name,
    an_apps_name_may_be_of_any_text,
    the_routes_deadline_is_the_handlers,
    an_app_that_is_not_there_is_500_and_named_in_the_log_once,
    a_pool_that_is_not_there_is_503_and_named_in_the_log_once
].

%% Of gwport_handler alone: its options come with each request, and it runs behind the middlewares.
routes() -> [
    a_wrong_mount_option_is_500_and_named_in_the_log,
    what_a_middleware_has_set_goes_along,
    what_the_app_sets_goes_over_the_middlewares
].

%% Of gwport_stream_h alone: what it leaves to the handlers behind it.
streams() -> [
    a_wrong_mount_option_stops_the_start_and_is_named,
    a_wrong_route_stops_the_start_and_is_named,
    what_nobody_takes_is_404,
    a_constraint_that_crashes_is_500_and_named_in_the_log,
    a_listener_without_mounts_is_warned_of_once,
    hosts_are_matched_as_the_router_does,
    no_encoding_slips_past_a_prefix,
    what_is_not_mounted_goes_to_the_next_handler,
    a_request_has_no_process,
    a_connection_carries_mounted_and_other_requests,
    a_killed_connection_ends_its_requests,
    a_crash_in_a_callback_logs_no_request
].

alone() -> [
    a_listener_that_cuts_http2_streams_is_warned_of_once,
    a_listener_with_infinite_idle_timeout_is_not_warned_of,
    a_listener_without_the_pipeline_handler_is_warned_of_once,
    a_pipelined_response_does_not_pile_up_before_its_turn,
    cowboys_other_stream_handlers_work_in_front,
    a_tls_listener_shows_in_the_request,
    a_proxys_scheme_is_no_word_on_tls,
    a_unix_socket_can_be_listened_on,
    a_proxy_may_come_by_a_unix_socket,
    an_ipv6_peer_is_written_with_brackets
].

init_per_group(alone, Config) -> Config;
init_per_group(streams, Config) -> [{proto, h1} | Config];
init_per_group(Proto, Config) when Proto =:= h1; Proto =:= routes_h1 -> [{proto, h1} | Config];
init_per_group(Proto, Config) when Proto =:= h2; Proto =:= routes_h2 -> [{proto, h2} | Config];
init_per_group(Kind, Config) ->
    gwport_test:mount(Kind),
    Mount = fun(Path, More) ->
        fun(Pool) -> {Path, maps:merge(#{pool => Pool, app => environ}, More)} end
    end,
    Wrong = [
        Mount("/wrong/value", #{max_body => -1}),
        Mount("/wrong/key", #{max_bodies => 1}),
        Mount("/wrong/time", #{head_timeout => 0}),
        fun(_) -> {"/wrong/none", #{}} end
    ],
    Server = gwport_test:start(#{routes => [
        Mount("/exact", #{}),
        Mount("/users/:id/[...]", #{}),
        Mount("/text/charlist", #{app => "hello"}),
        Mount("/text/binary", #{app => <<"hello">>}),
        Mount("/text/atom", #{app => hello}),
        Mount("/deadline", #{deadline => 60000}),
        fun(_) -> {"/wrong/pool", #{pool => nowhere}} end
        | [Route || Kind =:= route, Route <- Wrong]
    ], listener => #{middlewares => [gwport_http_middleware, cowboy_router, cowboy_handler]}}),
    Root = gwport_test:start(#{routes => [Mount("/[...]", #{})]}),
    [{server, Server}, {root, Root} | Config].

end_per_group(Kind, Config) when Kind =:= route; Kind =:= stream ->
    gwport_test:stop(proplists:get_value(server, Config)),
    gwport_test:stop(proplists:get_value(root, Config));
end_per_group(_, _) ->
    ok.

script_name_and_path_info_follow_the_route(Config) ->
    %% The route is "/environ/[...]". Cowboy's router compares decoded segments, with dots resolved; so
    %% does the environ, and what the client wrote stays available beside it.
    [begin
        Fields = fields(ask(Config, Path)),
        ?assertEqual({Path, Script, Info, RawScript, RawInfo}, {Path, maps:get(<<"SCRIPT_NAME">>, Fields),
            maps:get(<<"PATH_INFO">>, Fields), maps:get(<<"gwport.script_name">>, Fields),
            maps:get(<<"gwport.path_info">>, Fields)}),
        ?assertEqual(Path, maps:get(<<"REQUEST_URI">>, Fields))
    end || {Path, Script, Info, RawScript, RawInfo} <- [
        {<<"/environ">>, <<"/environ">>, <<>>, <<"/environ">>, <<>>},
        {<<"/environ/">>, <<"/environ">>, <<"/">>, <<"/environ">>, <<"/">>},
        {<<"/environ/a">>, <<"/environ">>, <<"/a">>, <<"/environ">>, <<"/a">>},
        {<<"/environ/a/b/">>, <<"/environ">>, <<"/a/b/">>, <<"/environ">>, <<"/a/b/">>},
        {<<"/environ/a%2Fb">>, <<"/environ">>, <<"/a/b">>, <<"/environ">>, <<"/a%2Fb">>},
        {<<"/environ/a%20b+c">>, <<"/environ">>, <<"/a b+c">>, <<"/environ">>, <<"/a%20b+c">>},
        {<<"/environ//a">>, <<"/environ">>, <<"//a">>, <<"/environ">>, <<"//a">>},
        {<<"/environ//">>, <<"/environ">>, <<"//">>, <<"/environ">>, <<"//">>},
        {<<"/%65nviron/a">>, <<"/environ">>, <<"/a">>, <<"/%65nviron">>, <<"/a">>},
        {<<"/./environ/./a">>, <<"/environ">>, <<"/a">>, <<"/environ">>, <<"/a">>},
        {<<"/x/../environ/a">>, <<"/environ">>, <<"/a">>, <<"/environ">>, <<"/a">>},
        {<<"/../environ/a">>, <<"/environ">>, <<"/a">>, <<"/environ">>, <<"/a">>},
        {<<"/environ/a/../b">>, <<"/environ">>, <<"/b">>, <<"/environ">>, <<"/b">>},
        {<<"/environ/a/..">>, <<"/environ">>, <<"/">>, <<"/environ">>, <<"/">>},
        {<<"/environ/a/%2e%2E/b">>, <<"/environ">>, <<"/b">>, <<"/environ">>, <<"/b">>},
        {<<"/environ/.">>, <<"/environ">>, <<"/">>, <<"/environ">>, <<"/">>},
        {<<"/hello/../environ">>, <<"/environ">>, <<>>, <<"/environ">>, <<>>}
    ]].

paths_that_the_router_refuses_are_400(Config) ->
    %% A broken escape never becomes a path of the app's, nor does a byte that must have been escaped.
    [?assertMatch({Path, #{status := 400}}, {Path, ask(Config, Path)})
        || Path <- ["/environ/%", "/environ/%zz", "/environ/a%2", "/environ/\"", "/environ/<", "/environ/[", "/environ/\\",
            <<"/environ/", 233>>]].

an_exact_route_is_all_script_name(Config) ->
    %% Without [...] there is nothing behind it but, maybe, a slash.
    ?assertMatch(#{<<"SCRIPT_NAME">> := <<"/exact">>, <<"PATH_INFO">> := <<>>}, fields(ask(Config, "/exact"))),
    ?assertMatch(#{<<"SCRIPT_NAME">> := <<"/exact">>, <<"PATH_INFO">> := <<"/">>}, fields(ask(Config, "/exact/"))),
    ?assertMatch(#{status := 404}, ask(Config, "/exact/a")).

a_route_at_the_root_is_all_path_info(Config0) ->
    %% SCRIPT_NAME is empty there, never "/".
    Config = lists:keystore(server, 1, Config0, {server, proplists:get_value(root, Config0)}),
    [?assertMatch({Path, #{<<"SCRIPT_NAME">> := <<>>, <<"PATH_INFO">> := Info}}, {Path, fields(ask(Config, Path))})
        || {Path, Info} <- [{"/", <<"/">>}, {"/a", <<"/a">>}, {"/a/b/", <<"/a/b/">>}, {"//a", <<"//a">>},
            {"/a/..", <<"/">>}, {"/a%2Fb", <<"/a/b">>}]].

bindings_belong_to_script_name(Config) ->
    %% What the route matched by name is not what is behind it.
    ?assertMatch(#{<<"SCRIPT_NAME">> := <<"/users/a b">>, <<"PATH_INFO">> := <<"/x/y">>,
        <<"gwport.script_name">> := <<"/users/a%20b">>}, fields(ask(Config, "/users/a%20b/x/y"))).

an_apps_name_may_be_of_any_text(Config) ->
    %% Charlist, binary or atom.
    [?assertMatch(#{status := 200, body := <<"Hello from Go\n">>}, ask(Config, Path))
        || Path <- ["/text/charlist", "/text/binary", "/text/atom"]].

the_routes_deadline_is_the_handlers(Config) ->
    %% r.Context() has it; without the option there is none.
    ?assertNotMatch(#{<<"Context deadline">> := <<"none">>}, fields(ask(Config, "/deadline"))),
    ?assertMatch(#{<<"Context deadline">> := <<"none">>}, fields(ask(Config, "/environ"))).

a_wrong_mount_option_is_500_and_named_in_the_log(Config) ->
    %% The client learns nothing of it, the log all.
    [begin
        {error, Text, _} = logged(fun() ->
            ?assertMatch({Path, #{status := 500, body := <<"The application failed.\n">>}},
                {Path, ask(Config, Path)})
        end, "a route's options are wrong"),
        ?assertNotEqual({Path, nomatch}, {Path, string:find(Text, Named)})
    end || {Path, Named} <- [{"/wrong/value", "{bad_option,{max_body,-1,\"expected an integer from 0 to "},
        {"/wrong/key", "{bad_option,{max_bodies,1,\"no such option\"}}"}, {"/wrong/time", "{bad_option,{head_timeout,0,\"expected"},
        {"/wrong/none", "{missing_option,pool}"}]],
    ?assertEqual({500, <<"close">>}, refused_expectation(proplists:get_value(server, Config), "/wrong/none")).

an_app_that_is_not_there_is_500_and_named_in_the_log_once(Config) ->
    %% The route and its program do not fit together. No client can fill the log with it.
    with_server(#{routes => [fun(Pool) -> {"/other", #{pool => Pool, app => other}} end]}, fun(Server) ->
        [Text] = warnings(fun() ->
            [?assertMatch(#{status := 500}, ask([{server, Server} | Config], "/other")) || _ <- [1, 2, 3]]
        end),
        [?assertNotEqual({Part, nomatch}, {Part, string:find(Text, Part)})
            || Part <- [atom_to_list(gwport_test:pool(Server)), "app <<\"other\">>", "<<\"hello\">>"]]
    end).

a_pool_that_is_not_there_is_503_and_named_in_the_log_once(Config) ->
    %% It may be started yet.
    Nowhere = list_to_atom("nowhere_" ++ integer_to_list(erlang:unique_integer([positive]))),
    with_server(#{routes => [fun(_) -> {"/nowhere", #{pool => Nowhere}} end]}, fun(Server) ->
        [Text] = warnings(fun() ->
            [begin
                Response = ask([{server, Server} | Config], "/nowhere"),
                ?assertMatch(#{status := 503}, Response),
                ?assertEqual(<<"1">>, header(<<"retry-after">>, Response))
            end || _ <- [1, 2, 3]]
        end),
        ?assertNotEqual(nomatch, string:find(Text, atom_to_list(Nowhere)))
    end).

what_a_middleware_has_set_goes_along(Config) ->
    %% With whole responses, streams and our own errors: headers, and cookies beside the app's.
    [begin
        Response = ask(Config, Path),
        ?assertEqual({Path, <<"DENY">>}, {Path, header(<<"x-frame-options">>, Response)}),
        Names = [hd(binary:split(Cookie, <<"=">>)) || Cookie <- headers(<<"set-cookie">>, Response)],
        ?assertEqual({Path, [<<"lang">>, <<"session">>]}, {Path, lists:sort(Names)})
    end || Path <- ["/hello", "/faults/write?bytes=100000", "/wrong/pool"]],
    Cookies = headers(<<"set-cookie">>, ask(Config, "/faults/header?name=Set-Cookie&value=app=1")),
    ?assertEqual(3, length(Cookies)),
    ?assert(lists:member(<<"app=1">>, Cookies)).

what_the_app_sets_goes_over_the_middlewares(Config) ->
    %% As with cowboy_req:reply.
    ?assertEqual([<<"middleware">>], headers(<<"x-a">>, ask(Config, "/hello"))),
    ?assertEqual([<<"app">>], headers(<<"x-a">>, ask(Config, "/faults/header?name=X-A&value=app"))).

%% The stream handler

a_wrong_mount_option_stops_the_start_and_is_named(_) ->
    %% Where a route's options are looked at with each request, these are looked at once.
    [?assertError({bad_mount, "/x", Error}, gwport_stream_h:mounts([{'_', [{"/x", Options}]}]))
        || {Options, Error} <- [{#{pool => a, max_body => -1},
                {bad_option, {max_body, -1, "expected an integer from 0 to 4611686018427387904, or infinity"}}},
            {[{pool, a}, {max_bodies, 1}], {bad_option, {max_bodies, 1, "no such option"}}},
            {#{pol => a}, {bad_option, {pol, a, "no such option"}}}, {#{}, {missing_option, pool}}]].

a_wrong_route_stops_the_start_and_is_named(_) ->
    %% Also where it looks like one of cowboy_router's, and what the router would stumble over at a request.
    Mount = #{pool => a},
    [?assertError({bad_mount, Where, Why}, gwport_stream_h:mounts(Routes)) || {Where, Why, Routes} <- [
        {"/x", bad_constraints, [{'_', [{"/x", gwport_handler, Mount}]}]},
        {"/:id", bad_constraints, [{'_', [{"/:id", [{id, number}], Mount}]}]},
        {"/:id", bad_constraints, [{'_', [{"/:id", [{id, [int | fun(_) -> ok end]}], Mount}]}]},
        {":host", bad_constraints, [{":host", [{host, 1}], []}]},
        {"/[x", bad_path, [{'_', [{"/[x", Mount}]}]},
        {"x", bad_path, [{'_', [{"x", Mount}]}]},
        {"[x", bad_host, [{"[x", [{"/x", Mount}]}]},
        {{"/x", Mount}, bad_route, [{"/x", Mount}]},
        {{'_', [], [], []}, bad_route, [{'_', [], [], []}]},
        {"/x", bad_route, [{'_', ["/x"]}]},
        {Mount, bad_route, Mount}]],
    [gwport_stream_h:mounts([{Host, HostFields, [{Path, Fields, Mount}]}]) || {Host, HostFields, Path, Fields} <- [
        {":host.example", [{host, nonempty}], "/:id", [{id, int}]}, {'_', [host], '_', []},
        {<<"one.example">>, [], <<"/[...]">>, [{id, [int, fun(_, _) -> {ok, 1} end]}]}]].

a_listener_without_mounts_is_warned_of_once(_) ->
    %% Its requests go on to the next handler.
    [without_mounts(Options, Said) || {Options, Said} <- [
        {#{}, "no option gwport"},
        {#{gwport => [{'_', [{"/x", #{pool => a}}]}]}, "has not made"},
        {#{gwport => cowboy_router:compile([{'_', [{"/x", gwport_stream_h, #{pool => a}}]}])}, "has not made"}]].

without_mounts(Options, Said) ->
    Listener = {nothing, make_ref()},
    {ok, _} = cowboy:start_clear(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        Options#{env => native(), stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h]}),
    Server = #{port => ranch:get_port(Listener)},
    [Warning] = warnings(fun() ->
        [?assertMatch(#{status := 200, body := <<"native">>}, gwport_test:get(Server, "/x")) || _ <- [1, 2, 3]]
    end),
    [?assertNotEqual(nomatch, string:find(Warning, Part)) || Part <- ["gwport_stream_h:mounts", Said]],
    cowboy:stop_listener(Listener).

what_nobody_takes_is_404(Config) ->
    %% Without a stream handler behind it Cowboy would leave the request without an answer.
    with_mounts([{'_', ["/environ/[...]"]}], #{stream_handlers => [gwport_pipeline_h, gwport_stream_h]}, Config, fun(Server) ->
        [begin
            At = [{proto, Proto}, {server, Server}],
            ?assertMatch(#{status := 200}, ask(At, "/environ/x")),
            ?assertMatch(#{status := 404, body := <<"Nothing is mounted here.\n">>}, ask(At, "/x")),
            ?assertMatch(#{status := 404}, ask(At, #{method => <<"POST">>, path => "/x", body => <<"abc">>}))
        end || Proto <- [h1, h2]],
        ?assertEqual({404, <<"close">>}, refused_expectation(Server, "/x"))
    end).

%% What a client gets that waits to be told to go on: it may send its body all the same, or not.
refused_expectation(Server, Path) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, ["POST ", Path, " HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
        "content-length: 3\r\n\r\n"]),
    #{status := Status, headers := Headers} = gwport_test:recv(Socket),
    gwport_test:close(Socket),
    {Status, maps:get(<<"connection">>, Headers, none)}.

a_constraint_that_crashes_is_500_and_named_in_the_log(Config) ->
    %% The next request of the connection is served; nothing of the request is in the log.
    Crash = fun(_, <<"good">>) -> {ok, good}; (_, _) -> error({secret, <<"of the request">>}) end,
    with_mounts([{'_', [{"/environ/:id", [{id, Crash}]}]}], #{}, Config, fun(#{port := Port}) ->
        Way = {h1, gwport_test:connect(#{port => Port})},
        [Text] = warnings(fun() -> ?assertMatch(#{status := 500}, call(Way, #{path => "/environ/bad"})) end),
        ?assertEqual(nomatch, string:find(Text, "request\"")),
        ?assertNotEqual(nomatch, string:find(Text, "secret")),
        ?assertMatch(#{status := 200}, call(Way, #{path => "/environ/good"})),
        close(Way)
    end).

hosts_are_matched_as_the_router_does(Config) ->
    %% A host of its own, one with a binding, and all the others, which go to the next handler; so does what a
    %% host that matches does not mount.
    with_native(Config, [{"one.example", ["/only"]}, {"[...].two.example", ["/[...]"]}], fun(Server) ->
        [?assertMatch({Host, Path, #{status := 200, body := Body}}, {Host, Path, answered(
            ask([{proto, h1}, {server, Server}], #{path => Path, headers => [{<<"host">>, Host}]}))})
            || {Host, Path, Body} <- [{"one.example", "/only", app}, {"ONE.example", "/only", app},
                {"one.example", "/other", native}, {"a.b.two.example", "/x", app}, {"three.example", "/only", native},
                {"..", "/only", native}]]
    end).

%% Whose response it is.
answered(Response = #{body := <<"native">>}) -> Response#{body := native};
answered(Response = #{status := 200}) -> Response#{body := app};
answered(Response) -> Response.

no_encoding_slips_past_a_prefix(Config) ->
    %% Whatever a path is made of, the stream handler and Cowboy's own router agree on whose it is, on its
    %% SCRIPT_NAME, and on what is refused.
    Pool = gwport_test:pool(proplists:get_value(server, Config)),
    Mount = #{pool => Pool, app => environ},
    Routed = {routed, self()},
    {ok, _} = cowboy:start_clear(Routed, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        #{env => #{dispatch => cowboy_router:compile([{'_', [{"/environ/[...]", gwport_handler, Mount},
            {"/[...]", ?MODULE, native}]}])}, max_keepalive => infinity}),
    with_native(Config, [{'_', ["/environ/[...]"]}], fun(Server) ->
        Ways = [{h1, gwport_test:connect(#{port => Port})} || Port <- [maps:get(port, Server), ranch:get_port(Routed)]],
        Property = ?FORALL(Path, path(), begin
            [Here, There] = [whose(call(Way, #{path => Path})) || Way <- Ways],
            ?WHENFAIL(ct:pal("~s: stream handler ~p, router ~p", [Path, Here, There]), Here =:= There)
        end),
        ?assert(proper:quickcheck(Property, [quiet, {numtests, 500}])),
        [close(Way) || Way <- Ways]
    end),
    cowboy:stop_listener(Routed).

path() ->
    ?LET(Pieces, non_empty(list(oneof(["/", "/environ", "/%65nviron", "/%2e%2E", "/..", "/.", "/a", "/%2F", "%2f",
        "/environ%2Fa", "/ENVIRON", "//environ", "%", "/%zz", "/environ/.."]))),
        iolist_to_binary(["/" || hd(hd(Pieces)) =/= $/] ++ Pieces)).

whose(#{status := 200, body := <<"native">>}) ->
    native;
whose(Response = #{status := 200}) ->
    maps:with([<<"SCRIPT_NAME">>, <<"PATH_INFO">>, <<"REQUEST_URI">>], fields(Response));
whose(#{status := Status}) ->
    Status.

what_is_not_mounted_goes_to_the_next_handler(Config) ->
    %% With its body, in both directions, on both versions.
    with_native(Config, [{'_', ["/environ"]}], fun(Server) ->
        Body = binary:copy(<<"0123456789">>, 30000),
        [begin
            Client = open([{server, Server}, {proto, Proto}]),
            ?assertMatch(#{status := 200, body := Body},
                call(Client, #{method => <<"POST">>, path => "/native", body => Body})),
            close(Client)
        end || Proto <- [h1, h2]]
    end).

a_request_has_no_process(Config) ->
    %% While it is under way its connection has no child; with a native one it has.
    with_native(Config, [{'_', ["/faults/[...]"]}], fun(Server = #{listener := Listener}) ->
        [begin
            Client = open([{server, Server}, {proto, Proto}]),
            Waiting = start(Client, #{path => "/faults/sleep?s=60"}),
            gwport_test:until(fun() -> in_flight(Config) =:= 1 end),
            [Connection] = ranch:procs(Listener, connections),
            ?assertEqual({Proto, []}, {Proto, supervisor:which_children(Connection)}),
            _ = Waiting,
            close(Client),
            gwport_test:until(fun() -> in_flight(Config) =:= 0 end),
            gwport_test:until(fun() -> ranch:procs(Listener, connections) =:= [] end)
        end || Proto <- [h1, h2]]
    end).

a_connection_carries_mounted_and_other_requests(Config) ->
    %% One after the other, and pipelined.
    with_native(Config, [{'_', ["/environ"]}], fun(Server) ->
        [begin
            Client = open([{server, Server}, {proto, Proto}]),
            [begin
                ?assertMatch(#{status := 200, body := <<"native">>}, call(Client, #{path => "/x"})),
                ?assertMatch(#{<<"PATH_INFO">> := <<>>}, fields(call(Client, #{path => "/environ"})))
            end || _ <- [1, 2, 3]],
            close(Client)
        end || Proto <- [h1, h2]],
        {h1, Socket} = Client = open([{server, Server}, {proto, h1}]),
        gwport_test:send(Socket, [["GET /", Path, " HTTP/1.1\r\nhost: localhost\r\n\r\n"]
            || Path <- ["x", "environ", "x", "environ"]]),
        [?assertMatch({Whose, #{status := 200, body := Whose}}, {Whose, answered(rest({h1, Socket, <<"GET">>}))})
            || Whose <- [native, app, native, app]],
        close(Client)
    end).

a_killed_connection_ends_its_requests(Config) ->
    %% It has no time to say anything; the port's owner sees it all the same.
    with_native(Config, [{'_', ["/faults/[...]"]}], fun(Server = #{listener := Listener}) ->
        Client = open([{server, Server}, {proto, h2}]),
        _ = [start(Client, #{path => "/faults/sleep?s=60"}) || _ <- [1, 2, 3]],
        gwport_test:until(fun() -> in_flight(Config) =:= 3 end),
        [Connection] = ranch:procs(Listener, connections),
        exit(Connection, kill),
        gwport_test:until(fun() -> in_flight(Config) =:= 0 end)
    end).

a_crash_in_a_callback_logs_no_request(Config) ->
    %% Cowboy would log the request and its data. Here a message that nobody sends is the bug.
    with_native(Config, [{'_', ["/faults/[...]"]}], fun(Server = #{listener := Listener}) ->
        Client = open([{server, Server}, {proto, h1}]),
        Secret = "Bearer 0123456789",
        Stream = start(Client, #{path => "/faults/sleep?s=60", headers => [{<<"authorization">>, Secret}]}),
        gwport_test:until(fun() -> in_flight(Config) =:= 1 end),
        [Connection] = ranch:procs(Listener, connections),
        Logged = warnings(fun() ->
            Connection ! {{Connection, 1}, {gwport, {credit, Secret}}},
            ?assertMatch(#{status := 500}, gwport_http_client:rest(Stream)),
            gwport_test:until(fun() -> in_flight(Config) =:= 0 end)
        end),
        ?assertMatch([_ | _], [Line || Line <- Logged, string:find(Line, "a request failed") =/= nomatch]),
        ?assertEqual([], [Line || Line <- Logged, string:find(Line, "0123456789") =/= nomatch]),
        close(Client)
    end).

in_flight(Config) ->
    lists:sum([N || #{in_flight := N} <- gwport_test:ports(proplists:get_value(server, Config))]).

%% A listener with mounts of the suite's pool, hosts with paths, and behind them a handler in Erlang.
with_native(Config, Hosts, Fun) ->
    with_mounts(Hosts, #{}, Config, Fun).

%% The same, with other options of the listener.
with_mounts(Hosts, Options, Config, Fun) ->
    Pool = gwport_test:pool(proplists:get_value(server, Config)),
    Listener = {native, make_ref()},
    Mounts = [{Host, [mount(Path, Pool) || Path <- Paths]} || {Host, Paths} <- Hosts],
    {ok, _} = cowboy:start_clear(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        maps:merge(#{env => native(), gwport => gwport_stream_h:mounts(Mounts), idle_timeout => infinity,
            max_keepalive => infinity, stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h]}, Options)),
    try Fun(#{port => ranch:get_port(Listener), listener => Listener})
    after cowboy:stop_listener(Listener)
    end.

mount({Path, Fields}, Pool) -> {Path, Fields, #{pool => Pool, app => app(Path)}};
mount(Path, Pool) -> {Path, #{pool => Pool, app => app(Path)}}.

app("/faults" ++ _) -> faults;
app(_) -> environ.

native() ->
    #{dispatch => cowboy_router:compile([{'_', [{"/[...]", ?MODULE, native}]}])}.

%% cowboy_handler: says that it is no Go app, or gives the body back.
init(Req0, native) ->
    case cowboy_req:has_body(Req0) of
        true ->
            {ok, Body, Req} = cowboy_req:read_body(Req0, #{length => 1000000, period => 10000}),
            {ok, cowboy_req:reply(200, #{}, Body, Req), native};
        false ->
            {ok, cowboy_req:reply(200, #{}, <<"native">>, Req0), native}
    end.

%% Listeners

a_listener_that_cuts_http2_streams_is_warned_of_once(_) ->
    %% Only its owner can change that; many requests and connections later there is still one line.
    with_server(#{listener => #{idle_timeout => 60000}}, fun(Server) ->
        Config = [{server, Server}, {proto, h2}],
        {warning, Text, _} = logged(fun() -> [ask(Config, "/hello") || _ <- [1, 2, 3]] end, "idle_timeout"),
        [?assertNotEqual(nomatch, string:find(Text, Part))
            || Part <- [atom_to_list(gwport_test:pool(Server)), "60000 ms", "idle_timeout => infinity"]],
        ?assertEqual([], warnings(fun() -> ask(Config, "/hello") end)),
        %% HTTP/1.1 is taken care of.
        ?assertEqual([], warnings(fun() -> ask([{proto, h1} | proplists:delete(proto, Config)], "/hello") end))
    end).

a_listener_with_infinite_idle_timeout_is_not_warned_of(_) ->
    %% Nor is anything else of a listener that is as README has it.
    with_server(#{}, fun(Server) ->
        ?assertEqual([], warnings(fun() ->
            [ask([{server, Server}, {proto, Proto}], "/hello") || Proto <- [h1, h2]]
        end))
    end).

a_listener_without_the_pipeline_handler_is_warned_of_once(_) ->
    %% With a Cowboy that needs it. The responses are right all the same.
    with_server(#{listener => #{stream_handlers => [cowboy_stream_h]}}, fun(Server) ->
        Config = [{server, Server}, {proto, h1}],
        Warned = warnings(fun() -> [?assertMatch(#{status := 200}, ask(Config, "/hello")) || _ <- [1, 2, 3]] end),
        case needs_pipeline_handler() of
            true -> ?assertMatch([_], [T || T <- Warned, string:find(T, "gwport_pipeline_h") =/= nomatch]);
            false -> ?assertEqual([], Warned)
        end,
        ?assertEqual([], warnings(fun() -> ask([{proto, h2} | proplists:delete(proto, Config)], "/hello") end))
    end).

needs_pipeline_handler() ->
    {ok, Version} = application:get_key(cowboy, vsn),
    [Major, Minor | _] = [list_to_integer(Part) || Part <- string:lexemes(Version, ".")],
    {Major, Minor} < {2, 18}.

a_pipelined_response_does_not_pile_up_before_its_turn(_) ->
    %% [slow GET, big GET] on one connection: while the slow one takes its time the big one's app is held
    %% within a window, and so is the BEAM's memory. Then everything arrives, in order.
    with_server(#{}, fun(Server) ->
        Size = 50000000,
        Config = [{server, Server}, {proto, h1}],
        {h1, Socket} = Client = open(Config),
        Before = memory(),
        gwport_test:send(Socket, [["GET ", Path, " HTTP/1.1\r\nhost: localhost\r\n\r\n"] || Path <- [
            "/faults/sleep?s=1.5&tag=slow", ["/faults/write?tag=big&bytes=", integer_to_list(Size)]]]),
        %% Cowboy from 2.18 on does not even begin with it.
        Begins = not gwport_test:cowboy({2, 18}),
        gwport_test:until(fun() -> last(Config, "slow", "\"handler\":\"([^\"]*)\"") =/= "" end),
        _ = [gwport_test:until(fun() -> written(Config) > 0 end) || Begins],
        {Memory, Written} = until_ended(Config, {0, 0}),
        ?assert(Memory > 0),
        ?assertEqual(Begins, Written > 0),
        ?assert(Memory - Before < 16000000),
        ?assert(Written < 4000000),
        ?assertMatch(#{status := 200, body := <<"slept\n">>}, rest({h1, Socket, <<"GET">>})),
        #{status := 200, complete := true, body := Body} = rest({h1, Socket, <<"GET">>}),
        ?assertEqual(Size, byte_size(Body)),
        ?assertEqual(<<"000000003124999\n">>, binary:part(Body, Size - 16, 16)),
        close(Client)
    end).

%% What the big one's app has been able to write.
written(Config) ->
    list_to_integer(last(Config, "big", "\"written\":([0-9]+)")).

last(Config, Tag, Pattern) ->
    #{status := 200, body := Json} = ask(Config, ["/faults/last?tag=", Tag]),
    {match, [Text]} = re:run(Json, Pattern, [{capture, all_but_first, list}]),
    Text.

%% The most that is seen while the slow one has not ended.
until_ended(Config, {Memory, Written}) ->
    Most = {max(Memory, memory()), max(Written, written(Config))},
    case last(Config, "slow", "\"ended\":([a-z]+)") of
        "false" ->
            receive after 20 -> ok end,
            until_ended(Config, Most);
        "true" ->
            {Memory, Written}
    end.

memory() ->
    erlang:memory(processes) + erlang:memory(binary).

cowboys_other_stream_handlers_work_in_front(Config) ->
    %% Compression of whole and of streamed responses, and metrics, as for a handler in Erlang.
    Self = self(),
    Options = everything(gwport_test:pool(proplists:get_value(server, Config)), faults),
    #{stream_handlers := [Pipeline | Handlers]} = Options,
    [in_front(Front ++ Handlers, Options, Self) || Front <- [[Pipeline, cowboy_metrics_h, cowboy_compress_h],
        [cowboy_metrics_h, cowboy_compress_h, Pipeline]]].

in_front(Handlers, Options, Self) ->
    Listener = {others, make_ref()},
    {ok, _} = cowboy:start_clear(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        Options#{stream_handlers => Handlers,
            metrics_callback => fun(Metrics) -> Self ! {metrics, Metrics} end, idle_timeout => infinity}),
    Server = #{port => ranch:get_port(Listener)},
    [begin
        Size = integer_to_list(Bytes),
        Response = ask([{server, Server}, {proto, Proto}], #{path => "/faults/write?bytes=" ++ Size,
            headers => [{<<"accept-encoding">>, <<"gzip">>}]}),
        ?assertMatch(#{status := 200, complete := true}, Response),
        ?assertEqual(<<"gzip">>, header(<<"content-encoding">>, Response)),
        ?assertEqual(Bytes, byte_size(zlib:gunzip(maps:get(body, Response)))),
        receive {metrics, Metrics} ->
            ?assertMatch(#{resp_status := 200, reason := normal}, Metrics)
        after 25000 -> error(no_metrics)
        end
    end || Proto <- [h1, h2], Bytes <- [1000, 1000000]],
    cowboy:stop_listener(Listener).

a_tls_listener_shows_in_the_request(Config) ->
    %% Scheme, port and r.TLS, with the client's certificate if it has shown one.
    {ok, _} = application:ensure_all_started(ssl),
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    #{server_config := ServerTls, client_config := ClientTls} = public_key:pkix_test_data(#{
        server_chain => #{root => Key, peer => Key, intermediates => []},
        client_chain => #{root => Key, peer => Key, intermediates => []}}),
    Pool = gwport_test:pool(proplists:get_value(server, Config)),
    Listener = {tls, Pool},
    {ok, _} = cowboy:start_tls(Listener,
        #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}, {verify, verify_peer}, {fail_if_no_peer_cert, false}
            | ServerTls]},
        everything(Pool)),
    try
        Fields = fun(Options) -> fields(tls_get(ranch:get_port(Listener), Options)) end,
        Without = Fields([{verify, verify_none}]),
        ?assertMatch(#{<<"gwport.url_scheme">> := <<"https">>, <<"SERVER_PORT">> := <<"443">>,
            <<"TLS">> := <<"yes, 0 client certificates">>}, Without),
        ?assertMatch(#{<<"TLS">> := <<"yes, 1 client certificates">>}, Fields([{verify, verify_none} | ClientTls])),
        {ok, Socket} = ssl:connect("127.0.0.1", ranch:get_port(Listener), [binary, {active, false}, {verify, verify_none},
            {alpn_advertised_protocols, [<<"h2">>]}]),
        ?assertMatch(#{<<"Proto">> := <<"HTTP/2.0">>, <<"TLS">> := <<"yes, 0 client certificates">>},
            over_http2({ssl, Socket}))
    after
        cowboy:stop_listener(Listener)
    end,
    %% Another listener may take the name, and is looked at again.
    {ok, _} = cowboy:start_clear(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, everything(Pool)),
    Clear = gwport_test:connect(#{port => ranch:get_port(Listener)}),
    ?assertMatch(#{<<"Proto">> := <<"HTTP/2.0">>, <<"TLS">> := <<"no">>}, over_http2(Clear)),
    cowboy:stop_listener(Listener).

%% By a client that says https.
over_http2(Socket) ->
    Client = gwport_raw_h2:upgraded(Socket),
    gwport_raw_h2:headers(1, fin, [{<<":method">>, <<"GET">>}, {<<":scheme">>, <<"https">>},
        {<<":authority">>, <<"localhost">>}, {<<":path">>, <<"/x">>}], Client),
    Fields = fields(gwport_raw_h2:answer(1, Client)),
    gwport_raw_h2:close(Client),
    Fields.

tls_get(Port, Options) ->
    tls_get(Port, Options, "").

tls_get(Port, Options, Fields) ->
    {ok, Socket} = ssl:connect("127.0.0.1", Port, [binary, {active, false} | proplists:delete(verify, Options)]
        ++ [{verify, verify_none}]),
    ok = ssl:send(Socket, ["GET /x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n", Fields, "\r\n"]),
    All = ssl_all(Socket, <<>>),
    [<<"HTTP/1.1 200", _/binary>>, Body] = binary:split(All, <<"\r\n\r\n">>),
    #{status => 200, body => Body}.

ssl_all(Socket, Data) ->
    case ssl:recv(Socket, 0, 10000) of
        {ok, More} -> ssl_all(Socket, <<Data/binary, More/binary>>);
        {error, closed} -> Data
    end.

a_proxys_scheme_is_no_word_on_tls(Config) ->
    %% A trusted proxy speaks TLS with us, and says that its client does not.
    {ok, _} = application:ensure_all_started(ssl),
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    #{server_config := ServerTls} = public_key:pkix_test_data(#{
        server_chain => #{root => Key, peer => Key, intermediates => []},
        client_chain => #{root => Key, peer => Key, intermediates => []}}),
    Pool = gwport_test:pool(proplists:get_value(server, Config)),
    Listener = {tls_proxy, Pool},
    {ok, _} = cowboy:start_tls(Listener, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0} | ServerTls]},
        everything(Pool, environ, #{trusted_proxies => ["127.0.0.1"]})),
    try
        [?assertMatch(#{<<"gwport.url_scheme">> := Scheme, <<"SERVER_PORT">> := Port,
                <<"TLS">> := <<"yes, 0 client certificates">>},
            fields(tls_get(ranch:get_port(Listener), [], Fields)))
        || {Scheme, Port, Fields} <- [{<<"http">>, <<"80">>, "x-forwarded-proto: http\r\n"},
            {<<"https">>, <<"443">>, "x-forwarded-proto: https\r\n"}, {<<"https">>, <<"443">>, ""}]]
    after
        cowboy:stop_listener(Listener)
    end.

a_unix_socket_can_be_listened_on(Config) ->
    %% Its clients have no address.
    ?assertMatch(#{<<"REMOTE_ADDR">> := <<>>, <<"PATH_INFO">> := <<"/a">>}, by_unix_socket(#{}, Config)).

a_proxy_may_come_by_a_unix_socket(Config) ->
    %% It is trusted by the word unix, and by no network.
    ?assertMatch(#{<<"REMOTE_ADDR">> := <<"192.0.2.7">>}, by_unix_socket(#{trusted_proxies => [unix]}, Config)),
    ?assertMatch(#{<<"REMOTE_ADDR">> := <<>>},
        by_unix_socket(#{trusted_proxies => ["0.0.0.0/0", "::/0"]}, Config)).

by_unix_socket(Mount, Config) ->
    Pool = gwport_test:pool(proplists:get_value(server, Config)),
    Listener = {unix, Pool},
    Path = filename:join("/tmp", atom_to_list(Pool) ++ os:getpid() ++ ".sock"),
    {ok, _} = cowboy:start_clear(Listener, #{socket_opts => [{ip, {local, Path}}, {port, 0}]},
        everything(Pool, environ, Mount)),
    try
        {ok, Socket} = gen_tcp:connect({local, Path}, 0, [binary, {active, false}]),
        gwport_test:send(Socket, "GET /a HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 6.6.6.6, 192.0.2.7\r\n\r\n"),
        Fields = fields(rest({h1, Socket, <<"GET">>})),
        gen_tcp:close(Socket),
        Fields
    after
        cowboy:stop_listener(Listener),
        file:delete(Path)
    end.

an_ipv6_peer_is_written_with_brackets(Config) ->
    %% In RemoteAddr, as net/http has it; REMOTE_ADDR is the bare address.
    Pool = gwport_test:pool(proplists:get_value(server, Config)),
    Listener = {ipv6, Pool},
    case cowboy:start_clear(Listener, #{socket_opts => [inet6, {ip, {0, 0, 0, 0, 0, 0, 0, 1}}, {port, 0}]},
        everything(Pool)) of
        {ok, _} ->
            {ok, Socket} = gen_tcp:connect({0, 0, 0, 0, 0, 0, 0, 1}, ranch:get_port(Listener),
                [inet6, binary, {active, false}]),
            gwport_test:send(Socket, "GET /a HTTP/1.1\r\nhost: [::1]\r\n\r\n"),
            Fields = #{<<"REMOTE_PORT">> := Port} = fields(rest({h1, Socket, <<"GET">>})),
            RemoteAddr = <<"[::1]:", Port/binary>>,
            ?assertMatch(#{<<"REMOTE_ADDR">> := <<"::1">>, <<"RemoteAddr">> := RemoteAddr}, Fields),
            gen_tcp:close(Socket),
            cowboy:stop_listener(Listener);
        {error, _} ->
            {skip, "no IPv6 here"}
    end.

%% Helpers

%% Protocol options of a listener that has the environ app at every path.
everything(Pool) ->
    everything(Pool, environ).

everything(Pool, App) ->
    everything(Pool, App, #{}).

everything(Pool, App, Mount) ->
    gwport_test:mounted([{"/[...]", Mount#{pool => Pool, app => App}}], #{}).

with_server(Options, Fun) ->
    Server = gwport_test:start(Options),
    try Fun(Server)
    after gwport_test:stop(Server)
    end.

%% The line of the log that Fun brings about.
logged(Fun, Part) ->
    Log = gwport_test:capture_log(),
    try
        _ = Fun(),
        gwport_test:expect_log(Part)
    after
        gwport_test:release_log(Log)
    end.

%% The warnings, and worse, that have been logged when Fun is done. A line of our own is behind them.
warnings(Fun) ->
    Log = gwport_test:capture_log(),
    try
        _ = Fun(),
        logger:debug("that was all"),
        warnings_until("that was all")
    after
        gwport_test:release_log(Log)
    end.

warnings_until(Last) ->
    receive
        {log_event, debug, Text, _} ->
            case string:find(Text, Last) of
                nomatch -> warnings_until(Last);
                _ -> []
            end;
        {log_event, Level, Text, _} ->
            case logger:compare_levels(Level, warning) of
                lt -> warnings_until(Last);
                _ -> [Text | warnings_until(Last)]
            end
    after 25000 ->
        error({not_logged, Last})
    end.
