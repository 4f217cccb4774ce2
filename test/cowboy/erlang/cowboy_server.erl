%% The Erlang half of package cowboy, which says what is served and how: listeners with both of gwport's
%% mounts and with plain Cowboy handlers, and expressions to evaluate. The options are the one plain
%% argument; the node ends when its standard input does, and takes the folder that this module is in along.
-module(cowboy_server).

-export([main/0]).

-define(POOL, app).

%% Whoever reads must not hold up the boot: code is loaded by it, and the node is stopped through it.
main() ->
    _ = spawn(fun serve/0),
    ok.

serve() ->
    [Text] = init:get_plain_arguments(),
    Main = self(),
    _ = spawn(fun() -> answer(<<"0">>, fun() -> start(evaluate(Text)) end), Main ! started end),
    receive started -> ok end,
    read(open_port({fd, 0, 1}, [in, eof, binary, {line, 65536}]), []).

read(Stdin, Line) ->
    receive
        {Stdin, {data, {noeol, Part}}} ->
            read(Stdin, [Line, Part]);
        {Stdin, {data, {eol, Part}}} ->
            [Id, Text] = binary:split(iolist_to_binary([Line, Part]), <<" ">>),
            _ = spawn(fun() -> answer(Id, fun() -> evaluate(base64:decode(Text)) end) end),
            read(Stdin, []);
        {Stdin, eof} ->
            _ = file:del_dir_r(filename:dirname(code:which(?MODULE))),
            halt(0, [{flush, false}])
    end.

answer(Id, Fun) ->
    {Word, Result} = try {ok, text(Fun())}
    catch Class:Reason:Stack -> {error, io_lib:format("~p: ~tp~n~tp", [Class, Reason, Stack])}
    end,
    io:format("~s ~s ~s~n", [Id, Word, base64:encode(unicode_or_bytes(Result))]).

text(Result) when is_binary(Result) -> Result;
text(Result) -> io_lib:format("~0tp", [Result]).

unicode_or_bytes(Bytes) when is_binary(Bytes) -> Bytes;
unicode_or_bytes(Chars) -> unicode:characters_to_binary(Chars).

evaluate(Text) ->
    {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list([Text, "."])),
    {ok, Expressions} = erl_parse:parse_exprs(Tokens),
    {value, Value, _} = erl_eval:exprs(Expressions, erl_eval:new_bindings()),
    Value.

start(Options = #{program := Program, mounts := Mounts0, control := Control}) ->
    {ok, _} = application:ensure_all_started(gwport),
    {ok, _} = application:ensure_all_started(ssl),
    Mounts = [{Path, Mount#{pool => ?POOL}} || Program =/= [], {Path, Mount} <- Mounts0],
    pool(Options),
    Ports = [{[Name, Kind], Port} || {Name, Protocol} <- listeners(Mounts, Control),
        {Kind, Port} <- listen(Name, Protocol, Options)],
    iolist_to_binary([[Name, "=", integer_to_list(Port), " "] || {Name, Port} <- Ports]).

pool(#{program := []}) ->
    ok;
pool(#{program := [Command | Args], pool := Pool}) ->
    {ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(Pool#{name => ?POOL,
        command => Command, args => Args})),
    {ok, Ports} = gwport:info(?POOL),
    {serving, [_ | _], _} = {serving, [Port || Port = #{state := serving} <- Ports], Ports},
    ok.

listeners(Mounts, Control) ->
    [
        {"route", (dispatch([{Path, gwport_handler, Mount} || {Path, Mount} <- Mounts]))#{
            stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}},
        {"stream", (dispatch([]))#{gwport => gwport_stream_h:mounts([{'_', Mounts}]),
            stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h]}},
        {"control", dispatch(Control)}
    ].

dispatch(Routes) ->
    #{env => #{dispatch => cowboy_router:compile([{'_', Routes}])}}.

%% Cowboy's clocks and counts are far away unless a test sets them.
listen(Name, Protocol0, #{listener := Listener, tls := TLS, certfile := Cert, keyfile := Key}) ->
    Protocol = maps:merge(Protocol0, maps:merge(#{idle_timeout => infinity,
        max_keepalive => 1 bsl 40, max_received_frame_rate => {1000000, 1000},
        max_reset_stream_rate => {100000, 1000}}, Listener)),
    Socket = [{ip, {127, 0, 0, 1}}, {port, 0}, {buffer, 65536}, {backlog, 1024}],
    Clear = list_to_atom(Name ++ "_clear"),
    Secure = list_to_atom(Name ++ "_tls"),
    {ok, _} = cowboy:start_clear(Clear, #{socket_opts => Socket, max_connections => infinity},
        Protocol),
    {ok, _} = cowboy:start_tls(Secure, #{max_connections => infinity,
        socket_opts => TLS ++ [{certfile, Cert}, {keyfile, Key} | Socket]}, Protocol),
    [{"_clear", ranch:get_port(Clear)}, {"_tls", ranch:get_port(Secure)}].
