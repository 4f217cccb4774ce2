%% Which requests a listener's stream handler takes: hosts and paths with a mount's options, compiled
%% and checked at start, and matched by Cowboy's own router.
-module(gwport_mounts).

-export([compile/1, match/2]).

-export_type([mounts/0, routes/0]).

%% Routes as for cowboy_router:compile/1, with a mount's options for handler and handler options.
-type routes() :: [{Host :: '_' | iodata(), [path()]} | {Host :: '_' | iodata(), list(), [path()]}].
-type path() :: {Path :: '_' | iodata(), map()} | {Path :: '_' | iodata(), list(), map()}.
%% Tagged, so that a listener's routes in this place are told from it.
-opaque mounts() :: {?MODULE, cowboy_router:dispatch_rules()}.

%% See gwport_stream_h:mounts/1.
-spec compile(routes()) -> mounts().
compile(Routes) when is_list(Routes) ->
    {?MODULE, cowboy_router:compile([host(Route) || Route <- Routes] ++ [{'_', [pass()]}])};
compile(Routes) ->
    bad_mount(Routes, bad_route).

host({Host, Paths}) when is_list(Paths) ->
    host({Host, [], Paths});
host({Host, Fields, Paths}) when is_list(Paths) ->
    compiles(Host, bad_host, [{Host, []}]),
    constraints(Host, Fields),
    {Host, Fields, [path(Path) || Path <- Paths] ++ [pass()]};
host(Route) ->
    bad_mount(Route, bad_route).

path({Path, Options}) ->
    path({Path, [], Options});
path({Path, Fields, Options}) ->
    compiles(Path, bad_path, [{'_', [{Path, ?MODULE, pass}]}]),
    constraints(Path, Fields),
    {Path, Fields, ?MODULE, mount(Path, Options)};
path(Route) ->
    bad_mount(Route, bad_route).

%% Where cowboy_router wants a handler's name stands ours, which nobody calls.
pass() ->
    {'_', ?MODULE, pass}.

mount(Path, Options) ->
    case gwport_options:mount(Options) of
        {ok, Mount} -> Mount;
        {error, Error} -> bad_mount(Path, Error)
    end.

compiles(Where, Why, Routes) ->
    try cowboy_router:compile(Routes) of
        _ -> ok
    catch
        error:_ -> bad_mount(Where, Why)
    end.

%% What the router would find out at the first request that matches.
constraints(Where, Fields) ->
    try lists:all(fun is_field/1, Fields) of
        true -> ok;
        false -> bad_mount(Where, bad_constraints)
    catch
        error:_ -> bad_mount(Where, bad_constraints)
    end.

is_field({Name, Constraints}) when is_atom(Name), is_list(Constraints) ->
    lists:all(fun is_constraint/1, Constraints);
is_field({Name, Constraint}) when is_atom(Name) ->
    is_constraint(Constraint);
is_field(Name) ->
    is_atom(Name).

is_constraint(int) -> true;
is_constraint(nonempty) -> true;
is_constraint(Constraint) -> is_function(Constraint, 2).

-spec bad_mount(term(), term()) -> no_return().
bad_mount(Where, Why) ->
    error({bad_mount, Where, Why}).

%% `pass`: nothing is mounted there. `refused`: the path cannot be decoded, and the router sends this
%% process the 400 for it. {none, _}: these are no mounts.
-spec match(cowboy_req:req(), mounts() | term()) ->
    {gwport_options:mount(), cowboy_req:req()} | pass | refused | {none, missing | wrong}.
match(Req, {?MODULE, Dispatch}) ->
    try cowboy_router:execute(Req, #{dispatch => Dispatch}) of
        {ok, _, #{handler_opts := pass}} -> pass;
        {ok, MatchedReq, #{handler_opts := Mount}} -> {Mount, MatchedReq};
        {stop, _} -> refused
    catch
        error:{badmatch, true}:Stack -> pass_bad_host(Stack)
    end;
match(_, none) ->
    {none, missing};
match(_, _) ->
    {none, wrong}.

%% A host that has no name between two dots: it is none of ours.
pass_bad_host([{cowboy_router, split_host, _, _} | _]) -> pass;
pass_bad_host(Stack) -> erlang:raise(error, {badmatch, true}, Stack).
