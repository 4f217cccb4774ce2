%% The middlewares gwport_mw_... under both mounts and both protocols, each around an app in Erlang and around a program's;
%% and those of bridge/middleware in the program. What they make of which request is in test/vectors/middleware.txt: here
%% it reaches clients, and bodies stream.
-module(gwport_mw_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [open/1, close/1, ask/2, start/2, send/3, head/1, piece/2, rest/1, header/2]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, h1}, {group, h2}], [{h1, [], cases()}, {h2, [], cases()}]).

cases() -> [
    a_request_has_a_name,
    the_time_of_an_app_is_told,
    pages_of_other_origins_are_answered,
    who_does_not_say_who_he_is_is_401,
    a_post_may_be_another_method,
    what_is_below_a_prefix_is_anothers,
    what_a_client_has_is_304,
    a_body_that_is_not_sent_is_closed,
    a_body_is_compressed_as_it_streams,
    a_large_body_is_compressed,
    a_client_that_leaves_ends_what_is_compressed,
    a_deferred_response_goes_through_all_of_them,
    a_program_has_its_own
].

init_per_suite(Config) ->
    [{pool, gwport_test:start_pool(#{})} | Config].

end_per_suite(Config) ->
    gwport_test:stop_pool(proplists:get_value(pool, Config)).

init_per_group(Mount, Config) when Mount =:= route; Mount =:= stream ->
    gwport_test:mount(Mount),
    Config;
init_per_group(Proto, Config) ->
    [{proto, Proto} | Config].

end_per_group(_, _) -> ok.

init_per_testcase(_, Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

%% A listener is the calling process's.
end_per_testcase(Case, _) ->
    _ = cowboy:stop_listener(Case),
    ok.

%% Middleware around an app in Erlang at /erlang, and around one of the program's at /go.
served(Case, Around, App, GoApp, Config) ->
    {ok, _} = cowboy:start_clear(Case, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]},
        gwport_test:mounted([{["/", Name, "/[...]"], #{run => gwport_gateway:chain(Inner, Around)}}
            || {Name, Inner} <- [{"erlang", App}, {"go", go(GoApp, Config)}]], #{idle_timeout => infinity})),
    [{server, #{port => ranch:get_port(Case)}} | Config].

go(App, Config) ->
    gwport_gateway:pool(#{pool => proplists:get_value(pool, Config), app => App}).

apps() -> ["/erlang", "/go"].

%% What the program's app `environ' says, as far as it is asked for here.
environ(Environ) ->
    gwport_gateway:text(200, [[Key, ": ", Value, "\n"] || {Key, Value} <- maps:to_list(Environ), is_binary(Value)]).

a_request_has_a_name(Config) ->
    Server = served(?FUNCTION_NAME, [gwport_mw_request_id:around([])], fun environ/1, environ, Config),
    [begin
        Response = ask(Server, #{path => App, headers => [{<<"x-request-id">>, <<"mine">>}]}),
        Id = header(<<"x-request-id">>, Response),
        ?assertEqual({App, 32}, {App, byte_size(Id)}),
        ?assertMatch(#{<<"HTTP_X_REQUEST_ID">> := Id}, gwport_http_client:fields(Response))
    end || App <- apps()].

the_time_of_an_app_is_told(Config) ->
    Server = served(?FUNCTION_NAME, [gwport_mw_server_timing:around([{name, <<"all">>}])], fun environ/1, gateway, Config),
    ?assertMatch({match, _}, re:run(header(<<"server-timing">>, ask(Server, "/erlang")), "^all;dur=[0-9]+\\.[0-9]{3}$")),
    ?assertMatch({match, _}, re:run(header(<<"server-timing">>, ask(Server, "/go")),
        "^app;dur=[0-9]+\\.[0-9]{3}, all;dur=[0-9]+\\.[0-9]{3}$")).

pages_of_other_origins_are_answered(Config) ->
    Cors = gwport_mw_cors:around(#{origins => ["https://a.example"], methods => ["PUT"]}),
    Server = served(?FUNCTION_NAME, [Cors], fun environ/1, hello, Config),
    [begin
        Preflight = ask(Server, #{method => <<"OPTIONS">>, path => App, headers => [{<<"origin">>, <<"https://a.example">>},
            {<<"access-control-request-method">>, <<"PUT">>}]}),
        ?assertMatch({App, #{status := 204, body := <<>>}}, {App, Preflight}),
        ?assertEqual(<<"GET, HEAD, POST, PUT">>, header(<<"access-control-allow-methods">>, Preflight)),
        [?assertEqual({App, Origin, Allowed}, {App, Origin, header(<<"access-control-allow-origin">>,
                ask(Server, #{path => App, headers => [{<<"origin">>, Origin}]}))})
            || {Origin, Allowed} <- [{<<"https://a.example">>, <<"https://a.example">>},
                {<<"https://b.example">>, undefined}]]
    end || App <- apps()].

who_does_not_say_who_he_is_is_401(Config) ->
    Auth = gwport_mw_basic_auth:around(#{users => #{"joe" => "secret"}, field => "x-remote-user"}),
    Server = served(?FUNCTION_NAME, [Auth], fun environ/1, environ, Config),
    [begin
        Unknown = ask(Server, App),
        ?assertMatch({App, #{status := 401, body := <<"Who are you?\n">>}}, {App, Unknown}),
        ?assertEqual(<<"Basic realm=\"restricted\", charset=\"UTF-8\"">>, header(<<"www-authenticate">>, Unknown)),
        Known = ask(Server, #{path => App, headers => [{<<"x-remote-user">>, <<"admin">>},
            {<<"authorization">>, <<"Basic ", (base64:encode(<<"joe:secret">>))/binary>>}]}),
        ?assertMatch(#{<<"HTTP_X_REMOTE_USER">> := <<"joe">>}, gwport_http_client:fields(Known))
    end || App <- apps()].

a_post_may_be_another_method(Config) ->
    Server = served(?FUNCTION_NAME, [gwport_mw_method_override:around([{parameter, <<"_method">>}])], fun environ/1,
        environ, Config),
    [begin
        ?assertMatch({App, #{<<"REQUEST_METHOD">> := <<"PUT">>}}, {App, gwport_http_client:fields(
            ask(Server, #{path => [App, "?_method=put"], body => <<"abc">>}))}),
        ?assertMatch({App, #{status := 400}}, {App, ask(Server, #{path => App, body => <<"abc">>,
            headers => [{<<"x-http-method-override">>, <<"GET">>}]})})
    end || App <- apps()].

what_is_below_a_prefix_is_anothers(Config) ->
    Prefixes = [gwport_mw_prefix:around(#{at => "/in", app => fun environ/1}),
        gwport_mw_prefix:around(#{at => "/out", app => go(environ, Config)})],
    Server = served(?FUNCTION_NAME, Prefixes, fun(_) -> gwport_gateway:text(200, "else") end, hello, Config),
    [?assertMatch({App, #{<<"SCRIPT_NAME">> := Script, <<"PATH_INFO">> := <<"/a/b">>, <<"gwport.path_info">> := <<"/a%2Fb">>,
            <<"gwport.script_name">> := Script, <<"REQUEST_URI">> := Uri}},
            {App, gwport_http_client:fields(ask(Server, Uri))})
        || App <- apps(), At <- ["/in", "/out"], Script <- [iolist_to_binary([App, At])],
            Uri <- [<<Script/binary, "/a%2Fb">>]],
    [?assertMatch({App, #{body := Body}}, {App, ask(Server, [App, "/inner"])})
        || {App, Body} <- [{"/erlang", <<"else">>}, {"/go", <<"Hello from Go\n">>}]].

what_a_client_has_is_304(Config) ->
    Conditional = gwport_mw_conditional:around([etags]),
    Server = served(?FUNCTION_NAME, [Conditional], fun(_) -> gwport_gateway:text(200, "hello") end, hello, Config),
    [begin
        Response = ask(Server, App),
        Tag = header(<<"etag">>, Response),
        Again = ask(Server, #{path => App, headers => [{<<"if-none-match">>, Tag}]}),
        ?assertMatch({App, #{status := 304, body := <<>>, complete := true}}, {App, Again}),
        ?assertEqual({Tag, undefined}, {header(<<"etag">>, Again), header(<<"content-type">>, Again)}),
        ?assertMatch({App, #{status := 412, body := <<>>, complete := true}},
            {App, ask(Server, #{path => App, headers => [{<<"if-match">>, <<"\"other\"">>}]})})
    end || App <- apps()].

a_body_that_is_not_sent_is_closed(Config) ->
    %% Of a program that would write for ever, too.
    Case = self(),
    Server = served(?FUNCTION_NAME, [gwport_mw_conditional:around([])],
        fun(_) -> {200, [], {fun(_) -> Case ! asked, stop end, 0, fun() -> Case ! closed end}} end, faults, Config),
    [?assertMatch({Path, #{status := 304, body := <<>>}}, {Path, ask(Server, #{path => Path,
        headers => [{<<"if-none-match">>, <<"*">>}]})}) || Path <- ["/erlang", "/go/write?bytes=100000000"]],
    receive closed -> ok end,
    gwport_test:until(fun() -> in_flight(Config) =:= 0 end),
    ?assertEqual(none, receive Other -> Other after 0 -> none end).

in_flight(Config) ->
    {ok, #{in_flight := Count}} = gwport:status(proplists:get_value(pool, Config)),
    Count.

a_body_is_compressed_as_it_streams(Config) ->
    %% Each piece comes back, and can be read, before the next is sent.
    Server = served(?FUNCTION_NAME, [gwport_mw_gzip:around([])], fun(#{<<"gwport.input">> := Input}) ->
        {200, [{<<"content-type">>, <<"text/plain">>}], {fun(Read) -> echo(Read(10000), Read) end, Input}}
    end, echo, Config),
    [begin
        Client = open(Server),
        Stream = start(Client, #{path => App, headers => [{<<"content-type">>, <<"text/plain">>},
            {<<"accept-encoding">>, <<"gzip">>}]}),
        send(Stream, nofin, <<"first">>),
        Head = head(Stream),
        ?assertEqual({App, <<"gzip">>}, {App, header(<<"content-encoding">>, Head)}),
        Z = zlib:open(),
        ok = zlib:inflateInit(Z, 31),
        ?assertEqual(<<"first">>, inflated(5, Stream, Z)),
        [begin
            send(Stream, nofin, Piece),
            ?assertEqual(Piece, inflated(byte_size(Piece), Stream, Z))
        end || Piece <- [<<"second">>, binary:copy(<<"third">>, 5000)]],
        send(Stream, fin, <<>>),
        #{complete := true, body := Last} = rest({Stream, Head}),
        ?assertEqual(<<>>, iolist_to_binary(zlib:inflate(Z, Last))),
        %% Which fails where the end is missing.
        ok = zlib:inflateEnd(Z),
        ok = zlib:close(Z),
        close(Client)
    end || App <- apps()].

echo({ok, Data}, Read) -> {continue, Data, Read};
echo(eof, _) -> stop.

inflated(Size, _, _) when Size =< 0 ->
    <<>>;
inflated(Size, Stream, Z) ->
    Some = iolist_to_binary(zlib:inflate(Z, piece(Stream, 1))),
    <<Some/binary, (inflated(Size - byte_size(Some), Stream, Z))/binary>>.

a_large_body_is_compressed(Config) ->
    %% Whole, and in blocks; to HEAD there is none.
    Lines = gwport_http_client:lines(1000000),
    Gzip = gwport_mw_gzip:around(#{types => ["application/octet-stream"]}),
    Headers = [{<<"content-type">>, <<"application/octet-stream">>}, {<<"etag">>, <<"\"big-1000000\"">>}],
    Server = served(?FUNCTION_NAME, [Gzip], fun(_) -> {200, Headers, Lines} end, files, Config),
    [begin
        Response = ask(Server, #{path => Path, headers => [{<<"accept-encoding">>, <<"gzip">>}]}),
        ?assertMatch({Path, #{status := 200, complete := true}}, {Path, Response}),
        ?assertEqual({Path, Lines}, {Path, zlib:gunzip(maps:get(body, Response))}),
        ?assertEqual({<<"W/\"big-1000000\"">>, <<"Accept-Encoding">>, undefined},
            {header(<<"etag">>, Response), header(<<"vary">>, Response), header(<<"accept-ranges">>, Response)}),
        Head = ask(Server, #{method => <<"HEAD">>, path => Path, headers => [{<<"accept-encoding">>, <<"gzip">>}]}),
        ?assertMatch({Path, #{status := 200, body := <<>>}}, {Path, Head}),
        ?assertEqual({Path, <<"1000000">>}, {Path, header(<<"content-length">>, Head)}),
        ?assertMatch({Path, #{body := Lines}}, {Path, ask(Server, Path)})
    end || Path <- ["/erlang", "/go/big?bytes=1000000"]].

a_client_that_leaves_ends_what_is_compressed(Config) ->
    Case = self(),
    Server = served(?FUNCTION_NAME, [gwport_mw_gzip:around([])], fun(_) ->
        {200, [{<<"content-type">>, <<"text/plain">>}],
            {fun(0) -> {continue, <<"first">>, 1}; (1) -> receive never -> stop end end, 0, fun() -> Case ! closed end}}
    end, events, Config),
    [begin
        Client = open(Server),
        Stream = start(Client, #{method => <<"GET">>, path => Path, headers => [{<<"accept-encoding">>, <<"gzip">>}]}),
        send(Stream, fin, <<>>),
        ?assertEqual(<<"gzip">>, header(<<"content-encoding">>, head(Stream))),
        _ = piece(Stream, 1),
        close(Client)
    end || Path <- ["/erlang", "/go/stream"]],
    receive closed -> ok end,
    gwport_test:until(fun() -> in_flight(Config) =:= 0 end),
    ?assertEqual(once, receive closed -> twice after 0 -> once end).

a_deferred_response_goes_through_all_of_them(Config) ->
    Around = [gwport_mw_request_id:around([]), gwport_mw_server_timing:around([]),
        gwport_mw_cors:around(#{origins => ["*"]}), gwport_mw_basic_auth:around(#{check => fun(_, _) -> true end}),
        gwport_mw_method_override:around([]), gwport_mw_gzip:around([]), gwport_mw_conditional:around([etags]),
        gwport_mw_prefix:around(#{at => "/none", app => fun environ/1})],
    Text = binary:copy(<<"hello ">>, 1000),
    Server = served(?FUNCTION_NAME, Around, fun(#{<<"gwport.wake">> := Wake}) ->
        Asked = counters:new(1, []),
        fun() ->
            ok = counters:add(Asked, 1, 1),
            case counters:get(Asked, 1) of
                3 -> gwport_gateway:text(200, Text);
                _ -> Wake(), wait
            end
        end
    end, hello, Config),
    Headers = [{<<"authorization">>, <<"Basic ", (base64:encode(<<"joe:secret">>))/binary>>},
        {<<"accept-encoding">>, <<"gzip">>}, {<<"origin">>, <<"https://a.example">>}],
    Response = ask(Server, #{path => "/erlang", headers => Headers}),
    ?assertMatch(#{status := 200}, Response),
    ?assertEqual(Text, zlib:gunzip(maps:get(body, Response))),
    [?assertNotEqual({Name, undefined}, {Name, header(Name, Response)}) || Name <- [<<"x-request-id">>,
        <<"server-timing">>, <<"access-control-allow-origin">>]],
    Tag = header(<<"etag">>, Response),
    ?assertMatch(<<"W/\"", _/binary>>, Tag),
    ?assertMatch(#{status := 304}, ask(Server, #{path => "/erlang", headers => [{<<"if-none-match">>, Tag} | Headers]})).

a_program_has_its_own(Config) ->
    %% bridge/middleware, which the app `gateway' has around it.
    Server = served(?FUNCTION_NAME, [], fun environ/1, gateway, Config),
    Response = ask(Server, #{path => "/go", headers => [{<<"accept-encoding">>, <<"gzip">>}]}),
    ?assertNotEqual(nomatch, binary:match(zlib:gunzip(maps:get(body, Response)), <<"</html>">>)),
    ?assertEqual({<<"gzip">>, <<"Accept-Encoding">>},
        {header(<<"content-encoding">>, Response), header(<<"vary">>, Response)}),
    ?assertMatch(#{status := 304, body := <<>>}, ask(Server, #{path => "/go",
        headers => [{<<"if-none-match">>, header(<<"etag">>, Response)}]})).
