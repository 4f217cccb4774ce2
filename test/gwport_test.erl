%% What the suites share: a pool of real programs under a real listener, and a plain client that
%% tells a complete response from one that was broken off.
-module(gwport_test).

-export([start/1, start_pool/1, stop/1, stop_pool/1, url_port/1, pool/1]).
-export([mounts/0, mounts/2, mount/0, mount/1, mount_here/1, mounted/2, mounted/3]).
-export([connect/1, send/2, request/2, get/2, call/2, recv/1, recv_head/1, recv_chunks/2, close/1]).
-export([h2_open/1, h2_call/3, h2_call/4, h2_recv/2]).
-export([until/1, until/2, undisturbed/1, ports/1, os_pid/1, cowboy/1]).
-export([capture_log/0, release_log/1, expect_log/1, expect_log/2, log/2]).

%% A pool of the bundled program with its faults switched on, mounted app by app at /NAME, and a
%% listener on a port of its own. Keys: pool (options on top), mount (options of every route),
%% routes (more of them, {Path, Mount} as functions of the pool's name), listener (protocol options),
%% socket (its socket's).
start(Options) ->
    {ok, _} = application:ensure_all_started(gwport),
    Name = start_pool(maps:get(pool, Options, #{})),
    Mount = (maps:get(mount, Options, #{}))#{pool => Name},
    {ok, [#{apps := Apps} | _]} = gwport:info(Name),
    Routes = [Route(Name) || Route <- maps:get(routes, Options, [])]
        ++ [{["/", App, "/[...]"], Mount#{app => App}} || App <- Apps, App =/= <<>>],
    Listener = mounted(Routes, maps:merge(#{idle_timeout => infinity, max_stream_buffer_size => 262144,
        max_received_frame_rate => {1000000, 1000}, max_reset_stream_rate => {10000, 1000}},
        maps:get(listener, Options, #{}))),
    {ok, _} = cowboy:start_clear(Name,
        #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0} | maps:get(socket, Options, [{buffer, 65536}])]}, Listener),
    #{pool => Name, port => ranch:get_port(Name)}.

%% The mount is the suites' parameter: each runs once with gwport_handler and once with gwport_stream_h.
%% A suite's all() is mounts(), its groups are mounts(Cases, Groups); init_per_group(Mount, _) calls mount/1.
mounts() ->
    [{group, route}, {group, stream}].

mounts(Cases, Groups) ->
    [{route, [], Cases}, {stream, [], Cases} | Groups].

mount(Mount) when Mount =:= route; Mount =:= stream ->
    persistent_term:put({?MODULE, mount}, Mount).

%% For the calling process alone, where cases with both run side by side.
mount_here(Mount) ->
    put({?MODULE, mount}, Mount).

mount() ->
    case get({?MODULE, mount}) of
        undefined -> persistent_term:get({?MODULE, mount}, route);
        Mount -> Mount
    end.

%% Protocol options that have routes, each a path and a mount's options, on every host.
mounted(Routes, Options) ->
    mounted(mount(), Routes, maps:merge(#{stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}, Options)).

mounted(route, Routes, Options) ->
    Options#{env => #{dispatch => cowboy_router:compile([{'_',
        [{Path, gwport_handler, Mount} || {Path, Mount} <- Routes]}])}};
mounted(stream, Routes, Options = #{stream_handlers := Handlers}) ->
    Options#{env => #{dispatch => cowboy_router:compile([{'_', []}])},
        gwport => gwport_stream_h:mounts([{'_', Routes}]),
        stream_handlers => lists:droplast(Handlers) ++ [gwport_stream_h, cowboy_stream_h]}.

start_pool(Options) ->
    {ok, _} = application:ensure_all_started(gwport),
    Name = case Options of
        #{name := Given} -> Given;
        #{} -> list_to_atom("pool_" ++ integer_to_list(erlang:unique_integer([positive])))
    end,
    Pool = maps:merge(#{name => Name, command => {priv, gwport, "gwport"},
        env => #{"GWPORT_FAULTS" => "1"}}, Options),
    {ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(Pool)),
    Name.

stop(#{pool := Name}) ->
    _ = cowboy:stop_listener(Name),
    stop_pool(Name).

stop_pool(Name) ->
    ok = supervisor:terminate_child(gwport_sup, {gwport, Name}),
    ok = supervisor:delete_child(gwport_sup, {gwport, Name}).

url_port(#{port := Port}) -> Port.
pool(#{pool := Pool}) -> Pool.

ports(#{pool := Pool}) ->
    {ok, Ports} = gwport:info(Pool),
    Ports.

os_pid(Server) ->
    [#{os_pid := OsPid} | _] = ports(Server),
    OsPid.

%% Whether Cowboy is of this version or a later one.
cowboy(Since) ->
    {ok, Version} = application:get_key(cowboy, vsn),
    [Major, Minor | _] = string:lexemes(Version, "."),
    {list_to_integer(Major), list_to_integer(Minor)} >= Since.

%% HTTP/1.1

connect(#{port := Port}) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, false}, {nodelay, true}]),
    Socket.

close(Socket) ->
    gen_tcp:close(Socket).

send(Socket, Data) ->
    ok = gen_tcp:send(Socket, Data).

%% One request on a connection of its own: path, or a map of method, path, headers, body.
get(Server, Path) ->
    request(Server, #{path => Path}).

request(Server, Request) ->
    Socket = connect(Server),
    try call(Socket, Request)
    after close(Socket)
    end.

call(Socket, Request) ->
    Method = maps:get(method, Request, <<"GET">>),
    Body = maps:get(body, Request, <<>>),
    Headers = maps:get(headers, Request, []),
    Length = [["content-length: ", integer_to_list(iolist_size(Body)), "\r\n"]
        || Body =/= <<>> orelse Method =:= <<"POST">>,
           not lists:keymember(<<"transfer-encoding">>, 1, Headers)],
    send(Socket, [Method, " ", maps:get(path, Request, "/"), " HTTP/1.1\r\nhost: localhost\r\n",
        [[N, ": ", V, "\r\n"] || {N, V} <- Headers], Length, "\r\n", Body]),
    case Method of
        <<"HEAD">> -> recv_without_body(Socket);
        _ -> recv(Socket)
    end.

%% #{status, reason, headers, informs, body, complete}: whether the body ended as its framing says.
recv(Socket) ->
    Head = #{status := Status, headers := Headers} = recv_head(Socket),
    {Body, Complete} = case Headers of
        _ when Status =:= 204; Status =:= 304 -> {<<>>, true};
        #{<<"transfer-encoding">> := <<"chunked">>} -> recv_chunks(Socket, []);
        #{<<"content-length">> := Length} -> recv_length(Socket, binary_to_integer(Length));
        #{} -> recv_close(Socket, [])
    end,
    Head#{body => Body, complete => Complete}.

recv_without_body(Socket) ->
    (recv_head(Socket))#{body => <<>>, complete => true}.

recv_head(Socket) ->
    recv_head(Socket, []).

recv_head(Socket, Informs) ->
    ok = inet:setopts(Socket, [{packet, http_bin}]),
    {ok, {http_response, _, Status, Reason}} = gen_tcp:recv(Socket, 0, 90000),
    ok = inet:setopts(Socket, [{packet, httph_bin}]),
    Headers = recv_headers(Socket, []),
    ok = inet:setopts(Socket, [{packet, raw}]),
    case Status of
        _ when Status < 200 -> recv_head(Socket, [{Status, maps:from_list(Headers)} | Informs]);
        _ -> #{status => Status, reason => Reason, headers => maps:from_list(Headers),
            header_list => Headers, informs => lists:reverse(Informs)}
    end.

recv_headers(Socket, Acc) ->
    case gen_tcp:recv(Socket, 0, 30000) of
        {ok, {http_header, _, Name, _, Value}} ->
            Lower = string:lowercase(if is_atom(Name) -> atom_to_binary(Name); true -> Name end),
            recv_headers(Socket, [{Lower, Value} | Acc]);
        {ok, http_eoh} ->
            lists:reverse(Acc)
    end.

recv_length(_, 0) ->
    {<<>>, true};
recv_length(Socket, Length) ->
    case gen_tcp:recv(Socket, Length, 90000) of
        {ok, Body} -> {Body, true};
        {error, closed} -> {<<>>, false}
    end.

recv_chunks(Socket, Acc) ->
    ok = inet:setopts(Socket, [{packet, line}]),
    case gen_tcp:recv(Socket, 0, 90000) of
        {ok, Line} ->
            ok = inet:setopts(Socket, [{packet, raw}]),
            case binary_to_integer(string:trim(Line), 16) of
                0 -> recv_trailers(Socket, Acc);
                Size -> recv_chunk(Socket, gen_tcp:recv(Socket, Size + 2, 90000), Size, Acc)
            end;
        {error, _} ->
            {iolist_to_binary(lists:reverse(Acc)), false}
    end.

recv_chunk(Socket, {ok, Data}, Size, Acc) ->
    recv_chunks(Socket, [binary:part(Data, 0, Size) | Acc]);
recv_chunk(_, {error, _}, _, Acc) ->
    {iolist_to_binary(lists:reverse(Acc)), false}.

recv_trailers(Socket, Acc) ->
    ok = inet:setopts(Socket, [{packet, line}]),
    case gen_tcp:recv(Socket, 0, 30000) of
        {ok, <<"\r\n">>} ->
            ok = inet:setopts(Socket, [{packet, raw}]),
            {iolist_to_binary(lists:reverse(Acc)), true};
        {ok, _} -> recv_trailers(Socket, Acc);
        {error, _} -> {iolist_to_binary(lists:reverse(Acc)), false}
    end.

recv_close(Socket, Acc) ->
    case gen_tcp:recv(Socket, 0, 90000) of
        {ok, Data} -> recv_close(Socket, [Acc, Data]);
        {error, _} -> {iolist_to_binary(Acc), true}
    end.

%% HTTP/2, without TLS and with prior knowledge.

h2_open(#{port := Port}) ->
    gwport_h2:open(Port).

h2_call(Conn, Method, Path) ->
    h2_call(Conn, Method, Path, #{}).

h2_call(Conn, Method, Path, Options) ->
    Headers = maps:get(headers, Options, []),
    Ref = gwport_h2:request(Conn, Method, Path, Headers, maps:get(body, Options, <<>>)),
    h2_recv(Conn, Ref).

h2_recv(Conn, Ref) ->
    h2_recv(Conn, Ref, []).

h2_recv(Conn, Ref, Informs) ->
    case gwport_h2:await(Conn, Ref, 90000) of
        {inform, Status, Headers} ->
            h2_recv(Conn, Ref, [{Status, maps:from_list(Headers)} | Informs]);
        {response, IsFin, Status, Headers} ->
            {Body, Complete, Trailers} = h2_body(Conn, Ref, IsFin),
            #{status => Status, headers => maps:from_list(Headers), header_list => Headers,
                informs => lists:reverse(Informs), body => Body, complete => Complete,
                trailers => Trailers};
        {error, Reason} ->
            #{status => error, reason => Reason, complete => false}
    end.

h2_body(_, _, fin) ->
    {<<>>, true, []};
h2_body(Conn, Ref, nofin) ->
    case gwport_h2:await_body(Conn, Ref, 90000) of
        {ok, Body} -> {Body, true, []};
        {ok, Body, Trailers} -> {Body, true, Trailers};
        {error, _} -> {<<>>, false, []}
    end.

%% How long a machine that has much else to do may take for what has no time of its own to keep to. A pool's own times,
%% of which a draining port's is 30 seconds by default, are not waited out.
-define(PATIENCE, 25000).

%% A state that nothing announces: asked for again until it is there, for at most Ms.
until(Fun) ->
    until(Fun, ?PATIENCE).

until(Fun, Ms) ->
    until_at(Fun, erlang:monotonic_time(millisecond) + Ms).

until_at(Fun, At) ->
    case Fun() of
        true -> ok;
        Other ->
            case erlang:monotonic_time(millisecond) > At of
                true -> error({never, Other});
                false -> receive after 20 -> until_at(Fun, At) end
            end
    end.

%% For what has to be seen within a second or less: where it is not, and a process that only looks at the clock was kept
%% from doing so meanwhile, nothing has been shown, and Fun is called again. It has to clean up when it fails.
undisturbed(Fun) ->
    undisturbed(Fun, 3).

undisturbed(Fun, Times) ->
    Clock = spawn_link(fun() -> clock(0, erlang:monotonic_time(millisecond)) end),
    try Fun()
    catch
        Class:Reason:Stack ->
            case Times > 1 andalso latest(Clock) > 250 of
                true -> undisturbed(Fun, Times - 1);
                false -> erlang:raise(Class, Reason, Stack)
            end
    after
        unlink(Clock),
        exit(Clock, kill)
    end.

latest(Clock) ->
    Clock ! {latest, self()},
    receive {Clock, Latest} -> Latest end.

%% How late it was woken up at most.
clock(Latest, Before) ->
    receive
        {latest, From} -> From ! {self(), Latest}
    after 10 ->
        Now = erlang:monotonic_time(millisecond),
        clock(max(Latest, Now - Before - 10), Now)
    end.

%% The log, as events to the calling process.

capture_log() ->
    Id = list_to_atom("log_" ++ integer_to_list(erlang:unique_integer([positive]))),
    #{level := Level} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, debug),
    ok = logger:add_handler(Id, ?MODULE, #{config => #{pid => self()}, level => all}),
    {Id, Level}.

release_log({Id, Level}) ->
    ok = logger:remove_handler(Id),
    ok = logger:set_primary_config(level, Level).

%% The first event from now on whose text contains Part: {Level, Text, Meta}.
expect_log(Part) ->
    expect_log(Part, ?PATIENCE).

expect_log(Part, Ms) ->
    receive
        {log_event, Level, Text, Meta} ->
            case string:find(Text, Part) of
                nomatch -> expect_log(Part, Ms);
                _ -> {Level, Text, Meta}
            end
    after Ms ->
        error({not_logged, Part})
    end.

%% logger handler.
log(#{level := Level, msg := Msg, meta := Meta}, #{config := #{pid := Pid}}) ->
    %% A handler that fails is taken away, and its case would wait in vain.
    Text = try text(Msg) of Good when is_binary(Good) -> Good; Bad -> dump(Bad)
        catch _:_ -> dump(Msg)
    end,
    Pid ! {log_event, Level, Text, Meta}.

dump(Term) -> iolist_to_binary(io_lib:format("~0w", [Term])).

text({string, String}) -> unicode:characters_to_binary(String);
text({report, Report}) -> iolist_to_binary(io_lib:format("~0p", [Report]));
text({Format, Args}) -> unicode:characters_to_binary(io_lib:format(Format, Args)).
