%% What of this node's listeners leads to gwport: the routes of gwport_handler and the mounts of
%% gwport_stream_h, as they were written. For people: it looks at all listeners and their routes.
%% @hidden
-module(gwport_cowboy_routes).

-export([all/0]).

-export_type([route/0]).

-type route() :: #{
    listener := ranch:ref(),
    scheme := http | https,
    %% As they are written for cowboy_router:compile/1.
    host := binary(),
    path := binary(),
    handler := gwport_handler | gwport_stream_h,
    %% A pool's app, or the module of an app in Erlang.
    to := {pool, atom(), App :: binary()} | {run, module()} | unknown,
    %% Where it listens.
    port := inet:port_number() | undefined
}.

%% In the order of listeners' names, and of their routes.
-spec all() -> [route()].
all() ->
    lists:append([of_listener(Ref, info(Ref))
        || {Ref, _} <- lists:sort(ranch_server:get_listener_sups())]).

%% It may stop while it is asked.
info(Ref) ->
    try ranch:info(Ref)
    catch _:_ -> #{}
    end.

of_listener(Ref, Info = #{transport := Transport, protocol_options := Options})
        when is_map(Options) ->
    Listener = #{listener => Ref, scheme => scheme(Transport:secure()),
        port => maps:get(port, Info, undefined)},
    [maps:merge(Listener, Route) || Route <- mounts(Options) ++ routes(Options)];
of_listener(_, _) ->
    [].

scheme(true) -> https;
scheme(false) -> http.

%% Without gwport_stream_h among the handlers the option does nothing.
mounts(#{gwport := Mounts, stream_handlers := Handlers}) ->
    case lists:member(gwport_stream_h, Handlers) of
        true -> of_hosts(gwport_stream_h, gwport_mounts:rules(Mounts));
        false -> []
    end;
mounts(_) ->
    [].

routes(#{env := #{dispatch := {persistent_term, Key}}}) ->
    of_hosts(gwport_handler, persistent_term:get(Key, []));
routes(#{env := #{dispatch := Dispatch}}) when is_list(Dispatch) ->
    of_hosts(gwport_handler, Dispatch);
routes(_) ->
    [].

%% Cowboy's compiled rules have a host's labels from right to left, and the names of bindings as
%% atoms.
of_hosts(Handler, Hosts) ->
    [#{host => host(Host), path => path(Path), handler => Handler, to => to(Options)}
        || {Host, _, Paths} <- Hosts, {Path, _, Module, Options} <- Paths,
            is_ours(Handler, Module, Options)].

is_ours(gwport_handler, Module, _) -> Module =:= gwport_handler;
is_ours(gwport_stream_h, _, Options) -> Options =/= pass.

host('_') -> <<"any">>;
host(Labels) -> iolist_to_binary(lists:join($., [part(Label) || Label <- lists:reverse(Labels)])).

path('_') -> <<"any">>;
path([]) -> <<"/">>;
path(Segments) -> iolist_to_binary([[$/, part(Segment)] || Segment <- Segments]).

part('...') -> <<"[...]">>;
part(Name) when is_atom(Name) -> [$:, atom_to_binary(Name)];
part(Text) -> Text.

%% Nobody has looked at the options of a route yet that was not given to gwport_handler:routes/1.
to({checked, Mount}) ->
    to(Mount);
to(Given) ->
    case gwport_options:map(Given) of
        {ok, #{run := Module}} when is_atom(Module) -> {run, Module};
        {ok, #{run := App}} when is_function(App) -> {run, module(App)};
        {ok, Mount = #{pool := Pool}} when is_atom(Pool) ->
            {pool, Pool, app(maps:get(app, Mount, <<>>))};
        _ -> unknown
    end.

module(App) ->
    {module, Module} = erlang:fun_info(App, module),
    Module.

app(App) when is_atom(App) -> atom_to_binary(App);
app(App) ->
    try unicode:characters_to_binary(App) of
        Name when is_binary(Name) -> Name;
        _ -> <<>>
    catch
        error:badarg -> <<>>
    end.
