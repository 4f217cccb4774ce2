%% A pool is changed while requests go on: gwport:reload/2, gwport:resize/2, gwport:drain/1. The
%% keeper does it. In here is what is no business of its process: files are looked for, ports are
%% asked.
%% @hidden
-module(gwport_reload).

-export([reload/2, resize/2, drain/1, options/1]).

-export_type([result/0]).

%% Ports as gwport:info/1 shows them: those that serve now, and those that finish what they have.
-type result() ::
    {ok, gwport:reloaded()}
  | {error, no_pool | reloading | draining | {not_ready, Why :: binary()}
        | gwport_options:error()}.

%% Everything is looked for anew, `command` on PATH or in an app's priv folder too.
-spec reload(atom(), gwport_options:given()) -> result().
reload(Pool, Changed) ->
    case once(Pool, Changed) of
        {error, changed} -> reload(Pool, Changed);
        Result -> Result
    end.

%% `changed`: somebody else has reloaded the pool between the two questions.
once(Pool, Changed) ->
    case {ask(Pool, plan), gwport_options:map(Changed)} of
        {{ok, {Version, Given}}, {ok, Map}} ->
            checked(Pool, Version, changed(Given, Map));
        {{ok, _}, error} ->
            {error, {bad_option, {options, hidden,
                "expected a map, a keyword list or a property list"}}};
        {Error, _} ->
            Error
    end.

changed(Given, Changed) ->
    {ok, Before} = gwport_options:map(gwport_secret:show(Given)),
    maps:merge(Before, Changed).

checked(Pool, Version, Given) ->
    case gwport_pool_options:pool(Given) of
        {ok, Options = #{name := Pool}} ->
            Before = before(Pool),
            Reload = {reload, Version, gwport_secret:hide(Given), gwport_secret:hide(Options)},
            reloaded(ask(Pool, Reload), Before);
        {ok, #{name := Name}} ->
            {error, {bad_option, {name, Name, "a pool keeps its name"}}};
        Error ->
            Error
    end.

before(Pool) ->
    case gwport_pool:info(Pool) of
        {ok, Ports} -> maps:from_list([{Owner, Port} || Port = #{owner := Owner} <- Ports]);
        {error, no_pool} -> #{}
    end.

reloaded({ok, {Started, Replaced}}, Before) ->
    {ok, #{started => ports(Started, Before), replaced => ports(Replaced, Before)}};
reloaded(Error, _) ->
    Error.

%% One that had nothing to finish may have ended.
ports(Owners, Before) ->
    [try gwport_port:info(Owner)
    catch exit:_ -> (maps:get(Owner, Before, #{owner => Owner}))#{state => ended}
    end || Owner <- Owners].

-spec resize(atom(), pos_integer()) ->
    ok | {error, no_pool | reloading | draining | gwport_options:error()}.
resize(Pool, Given) ->
    case gwport_pool_options:ports(Given) of
        {ok, Ports} -> ask(Pool, {resize, Ports});
        Error -> Error
    end.

-spec drain(atom()) -> ok | {error, no_pool}.
drain(Pool) ->
    ask(Pool, drain).

%% The options that a pool would be started with now.
-spec options(atom()) ->
    {ok, gwport_pool_options:pool()} | {error, no_pool | gwport_options:error()}.
options(Pool) ->
    case ask(Pool, plan) of
        {ok, {_, Given}} -> gwport_pool_options:pool(gwport_secret:show(Given));
        Error -> Error
    end.

%% The keeper may be killed, or stopped with its pool, while it is asked.
ask(Pool, What) ->
    try gen_server:call(gwport_pool:keeper(Pool), What, infinity)
    catch exit:_ -> {error, no_pool}
    end.
