%% The Cowboy that is compared: one BEAM with a listener for each mount, clear and TLS, all before one pool of the Go
%% program, and a bare Cowboy handler on the same options as the control.
%%
%%     erl -noshell ... -s compare_server main -extra app=FILE socket=FILE cert=FILE key=FILE
%%
%% It prints `COMPARE listen:NAME:PORT` for each and ends when its standard input does. A line `call:ID:...` on that is a
%% request without HTTP, answered by `COMPARE answer:ID:...`.
-module(compare_server).

-export([main/0]).

-define(POOL, compare).

main() ->
    Options = maps:from_list([split(Arg) || Arg <- init:get_plain_arguments()]),
    %% Handlers are told to panic here, and requests to be wrong.
    ok = logger:set_primary_config(level, critical),
    {ok, _} = application:ensure_all_started(cowboy),
    {ok, _} = application:ensure_all_started(ssl),
    {ok, _} = application:ensure_all_started(gwport),
    start_pool(Options),
    Mounts = [{route, mount(route, #{pool => ?POOL})},
        {stream, mount(stream, #{pool => ?POOL})},
        {appof, mount(route, #{pool => ?POOL, app => <<"appof">>})},
        {control, route(compare_control_h, maps:get("socket", Options))}],
    [listen(Name, Transport, Protocol, Options) || {Name, Protocol} <- Mounts, Transport <- [clear, tls]],
    say(["ready"]),
    %% Whoever waits for a line must not hold up the boot: the node could not be stopped in order.
    _ = spawn(fun serve/0),
    ok.

split(Arg) ->
    [Key, Value] = string:split(Arg, "="),
    {Key, Value}.

start_pool(#{"app" := App, "socket" := Socket}) ->
    {ok, _} = supervisor:start_child(gwport_sup, gwport:child_spec(#{name => ?POOL,
        command => App, args => ["-mode", "port", "-socket", Socket]})),
    {ok, [#{state := serving} | _]} = gwport:info(?POOL),
    ok.

mount(route, Mount) ->
    route(gwport_handler, Mount);
mount(stream, Mount) ->
    #{gwport => gwport_stream_h:mounts([{'_', [{'_', Mount}]}]),
        stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h]}.

route(Handler, State) ->
    #{env => #{dispatch => cowboy_router:compile([{'_', [{'_', Handler, State}]}])},
        stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}.

%% What the README tells listeners, and room where net/http has room: its own bound for a head is 1 MB.
options() ->
    #{idle_timeout => infinity, inactivity_timeout => infinity, max_keepalive => 1 bsl 40,
        max_request_line_length => 65536, max_header_name_length => 65536,
        max_header_value_length => 65536, max_headers => 10000,
        initial_stream_flow_size => 1048576, max_stream_buffer_size => 262144, stream_window_data_threshold => 0,
        max_received_frame_rate => {100000000, 1000}, max_reset_stream_rate => {100000, 1000}}.

listen(Name, Transport, Protocol, Options) ->
    Ref = list_to_atom(atom_to_list(Name) ++ "_" ++ atom_to_list(Transport)),
    Socket = [{ip, {127, 0, 0, 1}}, {port, 0}, {buffer, 65536}],
    {ok, _} = start(Transport, Ref, Socket, maps:merge(options(), Protocol), Options),
    say(["listen:", atom_to_list(Ref), ":", integer_to_list(ranch:get_port(Ref))]).

start(clear, Ref, Socket, Protocol, _) ->
    cowboy:start_clear(Ref, transport(Socket), Protocol);
start(tls, Ref, Socket, Protocol, #{"cert" := Cert, "key" := Key}) ->
    cowboy:start_tls(Ref, transport([{certfile, Cert}, {keyfile, Key} | Socket]), Protocol).

transport(Socket) ->
    #{socket_opts => Socket, max_connections => infinity, num_acceptors => 10}.

serve() ->
    case io:get_line("") of
        eof -> halt(0);
        {error, _} -> halt(0);
        Line ->
            [["call" | Args]] = compare_script:parse(string:trim(Line)),
            _ = spawn(fun() -> call(Args) end),
            serve()
    end.

call([Id, Method, Path, Query, Body | Headers]) ->
    Request = #{method => Method, path => Path, query => Query, body => Body, headers => pairs(Headers)},
    Answer = case gwport:request(?POOL, Request) of
        {ok, {Status, Fields, Data}} ->
            ["ok", integer_to_binary(Status), Data | lists:append([[N, V] || {N, V} <- Fields])];
        {error, Reason} ->
            ["error", io_lib:format("~0p", [Reason])]
    end,
    say([compare_script:op(["answer", Id | Answer])]).

pairs([]) -> [];
pairs([Name, Value | Rest]) -> [{Name, Value} | pairs(Rest)].

say(Line) ->
    io:put_chars(iolist_to_binary(["COMPARE ", Line, "\n"])).
