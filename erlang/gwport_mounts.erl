%% Which requests a listener's stream handler takes: hosts and paths with a mount's options, compiled
%% and checked at start, and matched by Cowboy's own router.
%%
%% The router splits and decodes the whole of a path, which is dear for each request. Most mounts
%% are prefixes under any host, and most paths have nothing that is encoded, or has to be resolved.
%% Of those it is told here what the router would say; all others go to the router.
%% @hidden
-module(gwport_mounts).

-export([compile/1, rules/1, match/2, behind/1]).

-export_type([mounts/0, routes/0]).

%% Routes as for cowboy_router:compile/1, with a mount's options for handler and handler options.
-type routes() :: [{Host :: '_' | iodata(), [path()]}
  | {Host :: '_' | iodata(), cowboy:fields(), [path()]}].
-type path() :: {Path :: '_' | iodata(), gwport:mount_options()}
  | {Path :: '_' | iodata(), cowboy:fields(), gwport:mount_options()}.
%% Tagged, so that a listener's routes in this place are told from it.
-opaque mounts() :: {?MODULE, plain(), cowboy_router:dispatch_rules()}.
%% What needs no router, in the router's order: whether a mount has what is below Prefix as well.
%% Behind it nothing is mounted, or the router is asked.
-type plain() :: [{whole | below, Prefix :: binary(), Size :: non_neg_integer(), mount()} | router].
-type mount() :: gwport_mount_options:mount().

%% What stands for itself in a segment of a path. (Other bytes the router decodes, or refuses.)
-define(IS_PLAIN(C), (C >= $a andalso C =< $z orelse C >= $& andalso C =< $; andalso C =/= $/
    orelse C >= $@ andalso C =< $Z orelse C =:= $_ orelse C =:= $= orelse C =:= $~ orelse C =:= $!
    orelse C =:= $$)).

%% See gwport_stream_h:mounts/1.
-spec compile(routes()) -> mounts().
compile(Routes) when is_list(Routes) ->
    Hosts = [host(Route) || Route <- Routes] ++ [{'_', [], [pass()]}],
    {?MODULE, plain(hd(Hosts)), cowboy_router:compile(Hosts)};
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
    case gwport_mount_options:mount(Options) of
        {ok, Mount} -> Mount;
        {error, Error} -> bad_mount(Path, Error)
    end.

compiles(Where, Why, Routes) ->
    try cowboy_router:compile(Routes) of
        _ -> ok
    catch
        error:_ -> bad_mount(Where, Why)
    end.

plain({'_', [], Paths}) -> plain_paths(Paths);
plain(_) -> [router].

plain_paths([{'_', ?MODULE, pass}]) ->
    [];
plain_paths([{Path, [], ?MODULE, Mount} | Paths]) when Path =/= '_' ->
    case plain_path(iolist_to_binary(Path)) of
        router -> [router];
        {How, Prefix} -> [{How, Prefix, byte_size(Prefix), Mount} | plain_paths(Paths)]
    end;
plain_paths(_) ->
    [router].

plain_path(Path) ->
    case re:run(Path, "^((?:/[^][/:]+)*)(?:/(\\[\\.\\.\\.\\])?)?$",
            [{capture, all_but_first, binary}, dollar_endonly]) of
        {match, [Prefix]} -> {whole, Prefix};
        {match, [Prefix, _]} -> {below, Prefix};
        nomatch -> router
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

%% All of them, as cowboy_router:compile/1 gives them, with a mount, or `pass`, for each path's
%% options.
-spec rules(mounts() | term()) -> term().
rules({?MODULE, _, Dispatch}) -> Dispatch;
rules(_) -> [].

%% `pass`: nothing is mounted there. `refused`: the path cannot be decoded, and the router sends this
%% process the 400 for it. {none, _}: these are no mounts. Behind is how many segments of the path
%% `[...]` has matched.
-spec match(cowboy_req:req(), mounts() | term()) ->
    {gwport_mount_options:mount(), Behind :: non_neg_integer()} | pass | refused
    | {none, missing | wrong}.
match(Req = #{path := Path}, {?MODULE, Plain = [{_, _, _, _} | _], Dispatch}) ->
    case is_plain(Path) andalso find(Plain, Path) of
        No when No =:= false; No =:= router -> routed(Req, Dispatch);
        Match -> Match
    end;
match(Req, {?MODULE, _, Dispatch}) ->
    routed(Req, Dispatch);
match(_, none) ->
    {none, missing};
match(_, _) ->
    {none, wrong}.

%% Whether the router would take the segments of a path as they stand: none is empty but the last,
%% and none begins with a dot, lest it have to be resolved.
is_plain(<<"/", Path/bits>>) -> is_segment(Path);
is_plain(_) -> false.

is_segment(<<C, Path/bits>>) when C =/= $., ?IS_PLAIN(C) -> are_plain(Path);
is_segment(Path) -> Path =:= <<>>.

are_plain(<<C, Path/bits>>) when ?IS_PLAIN(C) -> are_plain(Path);
are_plain(<<"/", Path/bits>>) -> is_segment(Path);
are_plain(Path) -> Path =:= <<>>.

%% The first mount that has the path.
find([{How, Prefix, Size, Mount} | Plain], Path) ->
    case Path of
        <<Prefix:Size/binary, "/", Below/binary>> when How =:= below -> {Mount, segments(Below, 0)};
        <<Prefix:Size/binary, "/">> -> {Mount, 0};
        <<Prefix:Size/binary>> -> {Mount, 0};
        _ -> find(Plain, Path)
    end;
find([router], _) ->
    router;
find([], _) ->
    pass.

segments(<<>>, N) -> N;
segments(<<"/", Path/bits>>, N) -> segments(Path, N);
segments(<<_, Path/bits>>, N) -> segment(Path, N + 1).

segment(<<C, Path/bits>>, N) when C =/= $/ -> segment(Path, N);
segment(Path, N) -> segments(Path, N).

routed(Req, Dispatch) ->
    try cowboy_router:execute(Req, #{dispatch => Dispatch}) of
        {ok, _, #{handler_opts := pass}} -> pass;
        {ok, #{path_info := Below}, #{handler_opts := Mount}} -> {Mount, behind(Below)};
        {stop, _} -> refused
    catch
        error:{badmatch, true}:Stack -> pass_bad_host(Stack)
    end.

%% A route without `[...]` is all SCRIPT_NAME.
-spec behind(undefined | [binary()]) -> non_neg_integer().
behind(undefined) -> 0;
behind(Below) -> length(Below).

%% A host that has no name between two dots: it is none of ours.
pass_bad_host([{cowboy_router, split_host, _, _} | _]) -> pass;
pass_bad_host(Stack) -> erlang:raise(error, {badmatch, true}, Stack).
