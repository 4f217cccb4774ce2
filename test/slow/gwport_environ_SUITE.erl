%% One environ in three languages: an app in Erlang, a Go App, an http.Handler that asks bridge.EnvironOf, and a WSGI
%% app of the Python program answer the requests of the shared vectors behind real Cowboy with the environ that they
%% have got. What may differ is in other/1, and nothing else does.
-module(gwport_environ_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {minutes, 2}}].

all() ->
    gwport_test:mounts() ++ [the_python_program_keeps_to_the_vectors].

groups() ->
    gwport_test:mounts([four_apps_have_the_environ_of_the_vectors, a_unix_socket_has_no_peer], []).

init_per_suite(Config) ->
    case os:find_executable("python3") of
        false -> {skip, "python3 is not on PATH; one of the four is written in Python"};
        Python -> [{python, run(Python, ["-c", "import sys; sys.stdout.write(sys.executable)"])} | started(Config)]
    end.

started(Config) ->
    {ok, _} = application:ensure_all_started(ssl),
    [{go, gwport_probe:build("environport")} | Config].

end_per_suite(_) ->
    ok.

init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    [{pools, pools(Config)} | Config].

end_per_group(_, Config) ->
    {Go, Python} = proplists:get_value(pools, Config),
    [gwport_test:stop_pool(Pool) || Pool <- [Go, Python]].

%% Cases

four_apps_have_the_environ_of_the_vectors(Config) ->
    %% On the protocols that a vector may be sent by, each app mounted as deep as the vector says.
    Pools = proplists:get_value(pools, Config),
    Listeners = maps:from_list([{{App, Depth, Tls}, listener({App, Depth, Tls}, Mount)}
        || {App, Mount} <- apps(Pools), {Depth, Tls} <- [{0, clear}, {1, clear}, {2, clear}, {0, tls}]]),
    Asked = [compared(Vector, App, Proto, Listeners) || Vector = #{name := Name} <- vectors(),
        Name =/= <<"unix_peer">>, Proto <- protocols(Vector), {App, _} <- apps(Pools)],
    %% 43 vectors, of which one is of HTTP/1.0, one of HTTP/2 with TLS, and the rest of both.
    ?assertEqual(4 * (2 * 41 + 1 + 1), length(Asked)),
    [ok = cowboy:stop_listener(Name) || Name <- maps:keys(Listeners)].

a_unix_socket_has_no_peer(Config) ->
    [Vector] = [Vector || Vector = #{name := <<"unix_peer">>} <- vectors()],
    [begin
        File = filename:join("/tmp", "gwport_environ_" ++ os:getpid() ++ atom_to_list(App)),
        {ok, _} = cowboy:start_clear(App, #{socket_opts => [{ip, {local, File}}, {port, 0}]}, mounted(0, Mount)),
        {ok, Socket} = gen_tcp:connect({local, File}, 0, [local, binary, {active, false}]),
        ok = gwport_test:send(Socket, h1_bytes(Vector)),
        ?assertEqual({App, expected(Vector, App, h1, #{})}, {App, environ(gwport_test:recv(Socket))}),
        gwport_test:close(Socket),
        ok = cowboy:stop_listener(App),
        _ = file:delete(File) % which some releases of ranch have done
    end || {App, Mount} <- apps(proplists:get_value(pools, Config))].

the_python_program_keeps_to_the_vectors(Config) ->
    %% Without a host: what it makes of the Request term.
    Said = run(proplists:get_value(python, Config), [pyport("environ_app.py"),
        filename:join([gwport_probe:root(), "test", "vectors", "environ.txt"])]),
    ?assertEqual(integer_to_list(length(vectors())) ++ " environs are those of the vectors\n", Said).

%% What differs

%% By app: what stands in its environ besides what the vectors have, or instead; `none` where a key is not there.
%% `object` is a value of the language at hand.
other(erlang) ->
    %% Of an app of the host's: it may be deferred, and all apps of a node are in one program.
    #{<<"gwport.async">> => true, <<"gwport.multithread">> => true, <<"gwport.multiprocess">> => false,
        <<"gwport.run_once">> => false, <<"gwport.input">> => object, <<"gwport.errors">> => object,
        <<"gwport.wake">> => object, <<"gwport.request">> => object};
other(app) ->
    %% One of ours may be deferred where it is called by the bridge.
    (other(handler))#{<<"gwport.async">> => true, <<"gwport.wake">> => object};
other(handler) ->
    #{<<"gwport.async">> => false, <<"gwport.multithread">> => true, <<"gwport.multiprocess">> => true,
        <<"gwport.run_once">> => false, <<"gwport.input">> => object, <<"gwport.errors">> => object};
other(python) ->
    %% WSGI has other names for the dotted keys, and none for raw paths. Its values are native strings, of which each
    %% character is a byte, so that the lines have the same bytes.
    #{<<"gwport.version">> => none, <<"gwport.url_scheme">> => none, <<"gwport.script_name">> => none,
        <<"gwport.path_info">> => none, <<"wsgi.version">> => {1, 0}, <<"wsgi.url_scheme">> => <<"gwport.url_scheme">>,
        <<"wsgi.multithread">> => true, <<"wsgi.multiprocess">> => true, <<"wsgi.run_once">> => false,
        <<"wsgi.input">> => object, <<"wsgi.errors">> => object,
        %% What the Python program has besides.
        <<"pyport.read">> => object, <<"pyport.over">> => object, <<"pyport.next">> => object}.

%% What reaches no app, or not each: the answer instead. A path with a stray percent sign is refused for all; Go's
%% server answers `OPTIONS *' itself, as net/http does, and WSGI has no such path, as wsgiref.validate says. Cowlib
%% takes Proxy-Authorization for a field of the connection, which HTTP/2 does not have.
instead(<<"percent_without_digits_stays">>, _, _) -> 400;
instead(<<"star">>, App, _) when App =:= app; App =:= handler -> 200;
instead(<<"star">>, python, _) -> 500;
instead(<<"proxy_authorization_is_another">>, _, h2) -> {reset, protocol_error};
instead(_, _, _) -> none.

%% The four

apps({Go, Python}) ->
    [{erlang, #{run => fun told/1}}, {app, #{pool => Go, app => <<"app">>}},
        {handler, #{pool => Go, app => <<"handler">>}}, {python, #{pool => Python}}].

pools(Config) ->
    {gwport_test:start_pool(#{command => proplists:get_value(go, Config)}),
        gwport_test:start_pool(#{command => proplists:get_value(python, Config),
            args => ["-S", pyport("gwport_wsgi.py"), "environ_app:app"]})}.

%% In Erlang, with the lines of the other two.
told(Environ) ->
    {200, [{<<"content-type">>, <<"text/plain">>}], [line(Key, Value) || {Key, Value} <- maps:to_list(Environ)]}.

line(Key, Value) when is_binary(Value) -> line(Key, "text", Value);
line(Key, Value) when is_boolean(Value) -> line(Key, "flag", atom_to_binary(Value));
line(Key, {Major, Minor}) when is_integer(Major), is_integer(Minor) ->
    line(Key, "pair", <<(integer_to_binary(Major))/binary, ".", (integer_to_binary(Minor))/binary>>);
line(Key, _) -> line(Key, "object", <<>>).

line(Key, Kind, Shown) ->
    [binary:encode_hex(Key), " ", Kind, " ", binary:encode_hex(Shown), "\n"].

environ({reset, Code}) ->
    {reset, Code};
environ(#{status := Status, body := Body}) when Status =/= 200; Body =:= <<>> ->
    Status;
environ(#{body := Body}) ->
    maps:from_list([begin
        [Key, Kind, Shown] = binary:split(Line, <<" ">>, [global]),
        {binary:decode_hex(Key), value(Kind, binary:decode_hex(Shown))}
    end || Line <- binary:split(Body, <<"\n">>, [global, trim])]).

value(<<"text">>, Text) -> Text;
value(<<"flag">>, <<"true">>) -> true;
value(<<"flag">>, <<"false">>) -> false;
value(<<"pair">>, <<"1.0">>) -> {1, 0};
value(<<"object">>, <<>>) -> object.

%% What the vectors say, on this connection, to this app.
expected(#{name := Name, environ := Environ}, App, Proto, Connection) ->
    case instead(Name, App, Proto) of
        none -> with_other(maps:to_list(other(App)), Environ, maps:merge(Environ, Connection));
        Status -> Status
    end.

with_other([], _, Expected) ->
    Expected;
with_other([{Key, none} | Rest], Environ, Expected) ->
    with_other(Rest, Environ, maps:remove(Key, Expected));
with_other([{Key, Of} | Rest], Environ, Expected) when is_binary(Of) ->
    with_other(Rest, Environ, Expected#{Key => maps:get(Of, Environ)});
with_other([{Key, Value} | Rest], Environ, Expected) ->
    with_other(Rest, Environ, Expected#{Key => Value}).

compared(Vector = #{name := Name}, App, Proto, Listeners) ->
    Port = maps:get({App, depth(Vector), transport(Proto)}, Listeners),
    {Answer, Connection} = asked(Proto, Vector, Port),
    Of = {Name, App, Proto},
    ?assertEqual({Of, expected(Vector, App, Proto, Connection)}, {Of, environ(Answer)}).

transport(h2_tls) -> tls;
transport(_) -> clear.

%% The requests

protocols(#{request := #{<<"version">> := {1, 1}}}) -> [h1, h2];
protocols(#{request := #{<<"version">> := {1, 0}}}) -> [h1];
protocols(#{request := #{<<"version">> := {2, 0}, <<"scheme">> := <<"https">>}}) -> [h2_tls].

%% Segments of the mount.
depth(#{environ := #{<<"gwport.script_name">> := Script}}) ->
    length(binary:matches(Script, <<"/">>)).

listener(Name = {_, Depth, clear}, Mount) ->
    {ok, _} = cowboy:start_clear(Name, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, mounted(Depth, Mount)),
    ranch:get_port(Name);
listener(Name = {_, Depth, tls}, Mount) ->
    Key = [{key, {namedCurve, secp256r1}}, {digest, sha256}],
    #{server_config := Tls} = public_key:pkix_test_data(#{
        server_chain => #{root => Key, peer => Key, intermediates => []},
        client_chain => #{root => Key, peer => Key, intermediates => []}}),
    {ok, _} = cowboy:start_tls(Name, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0} | Tls]}, mounted(Depth, Mount)),
    ranch:get_port(Name).

%% The route for everything is for `*', which has no segments.
mounted(0, Mount) -> routed([{"/[...]", Mount}, {'_', Mount}]);
mounted(1, Mount) -> routed([{"/:a/[...]", Mount}]);
mounted(2, Mount) -> routed([{"/:a/:b/[...]", Mount}]).

routed(Routes) ->
    gwport_test:mounted(Routes, #{idle_timeout => infinity}).

%% The answer, and what the connection has made of the environ.
asked(h1, Vector, Port) ->
    Socket = gwport_test:connect(#{port => Port}),
    {ok, Mine} = inet:port(Socket),
    ok = gwport_test:send(Socket, h1_bytes(Vector)),
    Answer = gwport_test:recv(Socket),
    gwport_test:close(Socket),
    {Answer, (peer(Mine))#{<<"SERVER_NAME">> => server_name(Vector)}};
asked(h2, Vector, Port) ->
    Socket = gwport_test:connect(#{port => Port}),
    {ok, Mine} = inet:port(Socket),
    {over_h2(Vector, Socket), (peer(Mine))#{<<"SERVER_PROTOCOL">> => <<"HTTP/2">>}};
asked(h2_tls, Vector, Port) ->
    {ok, Socket} = ssl:connect("127.0.0.1", Port, [binary, {active, false}, {verify, verify_none},
        {alpn_advertised_protocols, [<<"h2">>]}]),
    {ok, {_, Mine}} = ssl:sockname(Socket),
    {over_h2(Vector, {ssl, Socket}), peer(Mine)}.

peer(Port) ->
    #{<<"REMOTE_ADDR">> => <<"127.0.0.1">>, <<"REMOTE_PORT">> => integer_to_binary(Port)}.

%% Without a Host that is where the client has connected to.
server_name(#{request := #{<<"host">> := <<>>}}) -> <<"127.0.0.1">>;
server_name(#{environ := #{<<"SERVER_NAME">> := Name}}) -> Name.

h1_bytes(#{request := #{<<"method">> := Method, <<"version">> := {1, Minor}, <<"headers">> := Headers}} = Vector) ->
    [Method, " ", target(Vector), " HTTP/1.", $0 + Minor, "\r\n",
        [[Name, ": ", Value, "\r\n"] || {Name, Value} <- Headers], "\r\n", body(Vector)].

over_h2(Vector = #{request := #{<<"method">> := Method, <<"scheme">> := Scheme, <<"headers">> := Headers}}, Socket) ->
    Client = gwport_raw_h2:upgraded(Socket),
    {_, Host} = lists:keyfind(<<"host">>, 1, Headers),
    Fields = [{<<":method">>, Method}, {<<":scheme">>, Scheme}, {<<":authority">>, Host},
        {<<":path">>, iolist_to_binary(target(Vector))} | lists:keydelete(<<"host">>, 1, Headers)],
    case body(Vector) of
        <<>> ->
            gwport_raw_h2:headers(1, fin, Fields, Client);
        Body ->
            gwport_raw_h2:headers(1, nofin, Fields, Client),
            gwport_raw_h2:data(1, fin, Body, Client)
    end,
    Answer = gwport_raw_h2:answer(1, Client),
    gwport_raw_h2:close(Client),
    Answer.

target(#{request := #{<<"path">> := Path, <<"query">> := <<>>}}) -> Path;
target(#{request := #{<<"path">> := Path, <<"query">> := Query}}) -> [Path, "?", Query].

body(#{request := #{<<"length">> := Length}}) -> binary:copy(<<"x">>, Length).

vectors() ->
    {ok, Text} = file:read_file(filename:join([gwport_probe:root(), "test", "vectors", "environ.txt"])),
    vectors([binary:split(Line, <<": ">>) || Line <- binary:split(Text, <<"\n">>, [global])]).

vectors([[<<"case">>, Name], [<<"open">>, Request], [<<"env">>, Environ] | Rest]) ->
    [#{name => Name, request => term(Request), environ => term(Environ)} | vectors(Rest)];
vectors([_ | Rest]) ->
    vectors(Rest);
vectors([]) ->
    [].

term(Hex) ->
    binary_to_term(binary:decode_hex(Hex)).

%% Helpers

pyport(File) ->
    filename:join([gwport_probe:root(), "test", "pyport", File]).

run(Command, Args) ->
    Port = open_port({spawn_executable, Command}, [exit_status, binary, {args, Args}]),
    collect(Port, []).

collect(Port, Said) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Said, Data]);
        {Port, {exit_status, 0}} -> binary_to_list(iolist_to_binary(Said));
        {Port, {exit_status, Status}} -> error({Status, iolist_to_binary(Said)})
    end.
