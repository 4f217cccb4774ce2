%% A pool as requests see it: a table of ports to choose from, read without a process in between.
-module(gwport_pool).

-export([choose/1, choose/2, await/1, names/0, info/1, keeper/1]).
%% For the keeper.
-export([create/2, publish/2, delete/1]).

%% A name's table and keeper, and the supervisors above the keeper. Persistent terms are cheap to
%% read and dear to change: this one changes when the pool starts and stops, never when a port does.
-define(KEY(Name), {?MODULE, Name}).
%% What the keeper of a pool whose supervisor was killed may take to end.
-define(END_GRACE, 2000).

%% The port with the fewest requests under way.
-spec choose(atom()) -> {ok, gwport_handle:handle()} | {error, no_pool | no_port | busy}.
choose(Name) ->
    choose(Name, []).

%% The same of the others: some have refused a request because they drain, or are gone.
-spec choose(atom(), Others :: [gwport_handle:handle()]) ->
    {ok, gwport_handle:handle()} | {error, no_pool | no_port | busy}.
choose(Name, Others) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined -> {error, no_pool};
        {Table, _, Sups} when Others =:= [] -> least(ports(Table), Sups);
        {Table, _, Sups} -> least(ports(Table) -- Others, Sups)
    end.

%% The table of a keeper that was killed is gone until there is another.
ports(Table) ->
    try ets:lookup(Table, ports) of
        [{ports, Ports}] -> Ports;
        [] -> []
    catch
        error:badarg -> []
    end.

%% A keeper that was killed while its pool stopped could not say that there is none any more.
least([], [Top | _]) ->
    case is_process_alive(Top) of
        true -> {error, no_port};
        false -> {error, no_pool}
    end;
least(Ports, _) ->
    least(Ports).

least([Port]) ->
    room(Port);
least(Ports) ->
    %% Equal loads are common; beginning anywhere keeps them from meeting at the first port.
    {Front, Back} = lists:split(erlang:phash2(self(), length(Ports)), Ports),
    [First | Rest] = Back ++ Front,
    room(least(Rest, First, gwport_handle:under_way(First))).

least([], Best, _) ->
    Best;
least([Port | Rest], Best, Least) ->
    case gwport_handle:under_way(Port) of
        Load when Load < Least -> least(Rest, Port, Load);
        _ -> least(Rest, Best, Least)
    end.

room(Port) ->
    case gwport_handle:has_room(Port) of
        true -> {ok, Port};
        false -> {error, busy}
    end.

%% Returns when a port is ready, or the first try at one has failed; or the keeper has ended.
-spec await(atom()) -> ok | ended.
await(Name) ->
    try gen_server:call(keeper(Name), await, infinity)
    catch exit:_ -> ended
    end.

%% For people: it looks through all persistent terms of the node.
-spec names() -> [atom()].
names() ->
    lists:sort([Name || {?KEY(Name), {_, _, [Top | _]}} <- persistent_term:get(),
        is_process_alive(Top)]).

-spec info(atom()) -> {ok, [map()]} | {error, no_pool}.
info(Name) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined ->
            {error, no_pool};
        {_, Keeper, [Top | _]} ->
            case is_process_alive(Top) of
                true ->
                    {Owners, Spares, Waiting} = owners(Keeper),
                    {ok, lists:flatmap(fun port_info/1, Owners)
                        ++ [Port#{state := spare} || Owner <- Spares, Port <- port_info(Owner)]
                        ++ Waiting};
                false -> {error, no_pool}
            end
    end.

owners(Keeper) ->
    try gen_server:call(Keeper, owners)
    catch exit:_ -> {[], [], []}
    end.

%% It may end while it is asked.
port_info(Owner) ->
    try [gwport_port:info(Owner)]
    catch exit:_ -> []
    end.

-spec keeper(atom()) -> pid() | undefined.
keeper(Name) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined -> undefined;
        {_, Keeper, _} -> Keeper
    end.

%% Called by the keeper, which owns the table. Names are the node's: there is one pool of each. One
%% that has lost a supervisor is no more, although its keeper may still be ending: that is awaited,
%% as is that of another one that has waited with us, was first, and has lost its supervisor
%% meanwhile.
-spec create(atom(), Sups :: [pid()]) -> {ok, ets:table()} | {error, {pool_exists, atom()}}.
create(Name, Sups) ->
    case alone(Name, fun() -> take(Name, Sups) end) of
        {await, Keeper} ->
            ended(Keeper),
            create(Name, Sups);
        Result ->
            Result
    end.

take(Name, Sups) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined ->
            {ok, create_table(Name, Sups)};
        {_, Keeper, Before} ->
            case {is_process_alive(Keeper), lists:all(fun is_process_alive/1, Before)} of
                {false, _} -> {ok, create_table(Name, Sups)};
                {true, false} -> {await, Keeper};
                {true, true} -> {error, {pool_exists, Name}}
            end
    end.

%% Nobody else on this node takes the name, or gives it back, meanwhile.
alone(Name, Fun) ->
    global:trans({?KEY(Name), self()}, Fun, [node()]).

%% It drains its ports, which those who wait for the pool to stand again cannot wait for.
ended(Keeper) ->
    Monitor = erlang:monitor(process, Keeper),
    receive {'DOWN', Monitor, process, _, _} -> ok
    after ?END_GRACE ->
        exit(Keeper, kill),
        receive {'DOWN', Monitor, process, _, _} -> ok end
    end.

create_table(Name, Sups) ->
    ok = gwport_count:create(Name),
    Table = ets:new(?MODULE, [protected, {read_concurrency, true}]),
    persistent_term:put(?KEY(Name), {Table, self(), Sups}),
    Table.

-spec publish(ets:table(), [gwport_handle:handle()]) -> ok.
publish(Table, Handles) ->
    true = ets:insert(Table, {ports, Handles}),
    ok.

%% Called by the keeper at its end. The name may be another one's by now: where this keeper's
%% supervisors were killed, their successors do not wait for it.
-spec delete(atom()) -> ok.
delete(Name) ->
    alone(Name, fun() ->
        case keeper(Name) =:= self() of
            true ->
                _ = persistent_term:erase(?KEY(Name)),
                gwport_count:delete(Name);
            false ->
                ok
        end
    end).
