%% A pool as requests see it: a table of ports to choose from, read without a process in between.
%% @hidden
-module(gwport_pool).

-export([choose/1, choose/2, queue/1, look/1, lack/1, await/1]).
-export([names/0, info/1, status/1, ready/1, keeper/1]).
%% For the keeper.
-export([create/3, publish/3, served/3, delete/1]).

-export_type([outlook/0, status/0]).

%% What is to become of a pool: how many ports it is to have, and whether more than one is tried.
-type outlook() :: {Wanted :: non_neg_integer(), Circuit :: closed | open}.

%% A name's table and keeper, the supervisors above the keeper, and the queue. Persistent terms are
%% cheap to read and dear to change: this one changes when the pool starts and stops, never when a
%% port does.
-define(KEY(Name), {?MODULE, Name}).

%% See gwport:status/1.
-type status() :: #{
    uptime := non_neg_integer(),
    size := non_neg_integer(),
    ports := #{greeting | serving | spare | draining | ending | waiting => pos_integer()},
    in_flight := non_neg_integer(),
    queue := non_neg_integer(),
    restarts := non_neg_integer(),
    last_end := none | #{why := binary(), ago := non_neg_integer()},
    circuit := closed | open,
    next_try := none | non_neg_integer(),
    memory := non_neg_integer()
}.

%% What the keeper of a pool whose supervisor was killed may take to end.
-define(END_GRACE, 2000).

%% The port with the fewest requests under way; or the queue, where there is something to wait for
%% and others wait, or no place is free.
-spec choose(atom()) -> chosen().
choose(Name) ->
    choose(Name, []).

-type chosen() :: {ok, gwport_handle:handle()} | {wait, busy | no_port, gwport_queue:queue()}
    | {error, no_pool | no_port}.

%% The same of the others: some have refused a request because they drain, or are gone.
-spec choose(atom(), Others :: [gwport_handle:handle()]) -> chosen().
choose(Name, Others) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined ->
            {error, no_pool};
        {Table, _, Sups, Queue} ->
            {Ports, Outlook} = ports(Table),
            chosen(least(but(Others, Ports)), Outlook, Sups, Queue)
    end.

but([], Ports) -> Ports;
but(Others, Ports) -> Ports -- Others.

%% The table of a keeper that was killed is gone until there is another.
ports(Table) ->
    try ets:lookup(Table, ports) of
        [{ports, Ports, Outlook}] -> {Ports, Outlook}
    catch
        error:badarg -> {[], {1, closed}}
    end.

%% Who comes is behind those who wait.
chosen({ok, Port}, _, _, Queue) ->
    case gwport_queue:is_waited(Queue) of
        false -> {ok, Port};
        true -> {wait, busy, Queue}
    end;
chosen(busy, _, _, Queue) ->
    {wait, busy, Queue};
chosen(no_port, Outlook, [Top | _], Queue) ->
    %% A keeper that was killed while its pool stopped could not say that there is none any more.
    case {is_process_alive(Top), is_coming(Outlook)} of
        {true, true} -> {wait, no_port, Queue};
        {true, false} -> {error, no_port};
        {false, _} -> {error, no_pool}
    end.

%% Whether a port comes up soon, if there is none.
is_coming({Wanted, Circuit}) ->
    Wanted > 0 andalso Circuit =:= closed.

-spec queue(atom()) -> {ok, gwport_queue:queue()} | {error, no_pool}.
queue(Name) ->
    case state(Name) of
        {_, _, Queue} -> {ok, Queue};
        Error -> Error
    end.

%% For a client that has joined the queue: what has become free before, it may have seen too late,
%% and who freed it may have seen the client too late. Owners that have room look again. An error
%% where there is nothing to wait for any more.
-spec look(atom()) -> ok | {error, no_pool | no_port}.
look(Name) ->
    case state(Name) of
        {[], Outlook, _} -> coming(is_coming(Outlook));
        {Ports, _, _} -> lists:foreach(fun gwport_handle:look/1, with_room(Ports));
        Error -> Error
    end.

coming(true) -> ok;
coming(false) -> {error, no_port}.

%% Why a request finds no place.
-spec lack(atom()) -> busy | no_port | no_pool.
lack(Name) ->
    case state(Name) of
        {[], _, _} -> no_port;
        {[_ | _], _, _} -> busy;
        {error, Reason} -> Reason
    end.

with_room(Ports) ->
    [Port || Port <- Ports, gwport_handle:has_room(Port)].

state(Name) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined ->
            {error, no_pool};
        {Table, _, [Top | _], Queue} ->
            {Ports, Outlook} = ports(Table),
            case is_process_alive(Top) of
                true -> {Ports, Outlook, Queue};
                false -> {error, no_pool}
            end
    end.

%% See gwport:ready/1.
-spec ready(atom()) -> {ready | not_ready, gwport:readiness()} | {error, no_pool}.
ready(Name) ->
    case state(Name) of
        {Ports, {Wanted, Circuit}, Queue} ->
            Waiting = gwport_queue:count(Queue),
            IsReady = Ports =/= [] andalso
                (with_room(Ports) =/= [] orelse Waiting < gwport_queue:max(Queue)),
            {is_ready(IsReady), #{ports => length(Ports), wanted => Wanted, queue => Waiting,
                circuit => Circuit}};
        Error ->
            Error
    end.

is_ready(true) -> ready;
is_ready(false) -> not_ready.

least([]) ->
    no_port;
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
        false -> busy
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
    lists:sort([Name || {?KEY(Name), {_, _, [Top | _], _}} <- persistent_term:get(),
        is_process_alive(Top)]).

-spec info(atom()) -> {ok, [gwport:port_info()]} | {error, no_pool}.
info(Name) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined ->
            {error, no_pool};
        {_, Keeper, [Top | _], Queue} ->
            case is_process_alive(Top) of
                true ->
                    {Owners, Spares, Waiting} = owners(Keeper),
                    Count = gwport_queue:count(Queue),
                    Ports = lists:flatmap(fun port_info/1, Owners)
                        ++ [spare(Port) || Owner <- Spares, Port <- port_info(Owner)]
                        ++ Waiting,
                    {ok, [Port#{queue => Count} || Port <- Ports]};
                false -> {error, no_pool}
            end
    end.

%% To its owner it serves.
spare(Port = #{state := serving}) -> Port#{state := spare};
spare(Port) -> Port.

%% A pool in one map; of one whose keeper does not answer nothing is known.
-spec status(atom()) -> {ok, status()} | {error, no_pool}.
status(Name) ->
    case {info(Name), queue(Name), gwport_count:counts(Name), gwport_count:since(Name),
            kept(keeper(Name))} of
        {{ok, Ports}, {ok, Queue}, {ok, #{programs := #{failed := Failed}}}, {ok, Uptime},
                Kept = #{}} ->
            {ok, Kept#{uptime => Uptime, restarts => Failed, ports => by_state(Ports),
                in_flight => lists:sum([InFlight || #{in_flight := InFlight} <- Ports]),
                queue => gwport_queue:count(Queue),
                memory => lists:sum([gwport_recycle:memory(OsPid)
                    || #{os_pid := OsPid} <- Ports, is_integer(OsPid)])}};
        _ ->
            {error, no_pool}
    end.

kept(Keeper) ->
    try gen_server:call(Keeper, status)
    catch exit:_ -> none
    end.

by_state(Ports) ->
    lists:foldl(fun(#{state := State}, Count) ->
        maps:update_with(State, fun(N) -> N + 1 end, 1, Count)
    end, #{}, Ports).

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
        {_, Keeper, _, _} -> Keeper
    end.

%% Called by the keeper, which owns the table. Names are the node's: there is one pool of each. One
%% that has lost a supervisor is no more, although its keeper may still be ending: that is awaited,
%% as is that of another one that has waited with us, was first, and has lost its supervisor
%% meanwhile.
-spec create(atom(), Sups :: [pid()], gwport_queue:queue()) ->
    {ok, ets:table()} | {error, {pool_exists, atom()}}.
create(Name, Sups, Queue) ->
    case alone(Name, fun() -> take(Name, Sups, Queue) end) of
        {await, Keeper} ->
            ended(Keeper),
            create(Name, Sups, Queue);
        Result ->
            Result
    end.

take(Name, Sups, Queue) ->
    case persistent_term:get(?KEY(Name), undefined) of
        undefined ->
            {ok, create_table(Name, Sups, Queue)};
        {_, Keeper, Before, _} ->
            case {is_process_alive(Keeper), lists:all(fun is_process_alive/1, Before)} of
                {false, _} -> {ok, create_table(Name, Sups, Queue)};
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

create_table(Name, Sups, Queue) ->
    ok = gwport_count:create(Name),
    ok = gwport_log_lines:open(Name),
    Table = ets:new(?MODULE, [protected, {read_concurrency, true}]),
    ok = publish(Table, [], {1, closed}),
    persistent_term:put(?KEY(Name), {Table, self(), Sups, Queue}),
    Table.

-spec publish(ets:table(), [gwport_handle:handle()], outlook()) -> ok.
publish(Table, Handles, Outlook) ->
    true = ets:insert(Table, {ports, Handles, Outlook}),
    ok.

%% Called by the keeper behind that: whoever waits is told that there are places, or that there will
%% be none.
-spec served([gwport_handle:handle()], outlook(), gwport_queue:queue()) -> ok.
served([], Outlook, Queue) ->
    _ = [gwport_queue:refuse(no_port, Queue) || not is_coming(Outlook)],
    ok;
served(Handles, _, Queue) ->
    _ = [lists:foreach(fun gwport_handle:look/1, Handles) || gwport_queue:is_waited(Queue)],
    ok.

%% Called by the keeper at its end. The name may be another one's by now: where this keeper's
%% supervisors were killed, their successors do not wait for it.
-spec delete(atom()) -> ok.
delete(Name) ->
    alone(Name, fun() ->
        case keeper(Name) =:= self() of
            true ->
                _ = persistent_term:erase(?KEY(Name)),
                ok = gwport_log_lines:close(Name),
                gwport_count:delete(Name);
            false ->
                ok
        end
    end).
