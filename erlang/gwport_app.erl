%% @hidden
-module(gwport_app).
-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).

%% Of the 500 lines a second that OTP's own handler takes a reserve is left to the node.
-define(NODE_LOG_LINES, 400).

-spec start(application:start_type(), term()) -> {ok, pid(), term()} | {error, term()}.
start(_, _) ->
    ok = load_modules(),
    ok = gwport_telemetry:look(),
    case gwport_log_budget:create(application:get_env(gwport, node_log_lines, ?NODE_LOG_LINES)) of
        ok ->
            gwport_cowboy_listener:warn_version(),
            start_pools(application:get_env(gwport, pools, []));
        Error -> Error
    end.

%% Looked at first, because a supervisor's report of one is hard to read.
start_pools(Pools) ->
    Watched = application:get_env(gwport, dev, []),
    case {gwport_pool_options:pools(Pools), gwport_dev:check(Watched)} of
        {ok, ok} ->
            %% Before there is a program that says something.
            IsLetThrough = gwport_log:let_through(),
            started(gwport_sup:start_link(), IsLetThrough);
        {ok, Error} -> Error;
        {Error, _} -> Error
    end.

started({ok, Sup}, IsLetThrough) ->
    {ok, Sup, IsLetThrough};
started(Error, IsLetThrough) ->
    ok = gwport_log:withhold(IsLetThrough),
    Error.

%% A BEAM that is not embedded opens a module's file at its first call. The modules that answer when
%% something is wrong would be looked for when clients have used up the descriptors.
load_modules() ->
    {ok, Modules} = application:get_key(gwport, modules),
    lists:foreach(fun code:ensure_loaded/1, Modules).

%% Its supervisor stops one pool after the other. All of them drain at the same time.
-spec prep_stop(State) -> State.
prep_stop(State) ->
    Drains = [spawn_monitor(fun() -> gwport:drain(Name) end) || Name <- gwport_sup:pools()],
    lists:foreach(fun({Pid, Monitor}) ->
        receive {'DOWN', Monitor, process, Pid, _} -> ok end
    end, Drains),
    State.

-spec stop(term()) -> ok.
stop(IsLetThrough) ->
    ok = gwport_telemetry:forget(),
    gwport_log:withhold(IsLetThrough).
