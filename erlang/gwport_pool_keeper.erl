%% The keeper of a pool: it has as many ports running as the pool wants.
%%
%% It owns the pool's table, which requests read without coming here (gwport_pool). A port that ends
%% is replaced at once if it had served, and after a growing delay if it ends again soon
%% (gwport_waiting), so that a broken program costs neither the CPU nor the user's supervision tree.
%% A port that drains is replaced when it begins to. When the keeper is stopped it drains all ports
%% first.
%%
%% A reload starts as many new ports as the pool is to have beside those that there are. When all of
%% them have greeted they are the pool's, and the others drain; when one of them ends before, all of
%% them go, and the others stay. A port has a number, under which it is started again; a pool that
%% is resized has more or fewer of them, and one that drains has none.
%%
%% A spare port has no number yet. When it has greeted it waits to take the place of one that ends
%% or drains, and another spare is started, as soon as that port would have been. A port that is to
%% be recycled goes on until a spare can take its place; where the pool keeps none, one is started
%% for that.
%%
%% Owners of ports tell it of their state by casts, see gwport_port:report().
%% @hidden
-module(gwport_pool_keeper).
-behaviour(gen_server).

-export([start_link/3]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-include_lib("kernel/include/logger.hrl").

-record(slot, {
    number :: gwport_waiting:slot_number(),
    %% Of the options that it was started with.
    version :: gwport_plan:version(),
    state :: starting | spare | ready | draining,
    handle :: gwport_handle:handle() | undefined,
    since :: integer(),
    %% Why it has ended, as its owner says it; an owner that is killed says nothing.
    why = <<"its owner was killed">> :: binary()
}).

%% What is to be the pool's, and who waits for it.
-record(reload, {
    from :: gen_server:from(),
    version :: gwport_plan:version(),
    given :: gwport_plan:given(),
    options :: gwport_plan:options(),
    ports :: pos_integer()
}).

-record(keeper, {
    plan :: gwport_plan:plan(),
    version :: gwport_plan:version(),
    %% With those that are secret, for the next start.
    options :: gwport_plan:options(),
    reload = none :: none | #reload{},
    %% The port that is to make room, and why; one at a time.
    recycling = none :: none | {Owner :: pid(), Why :: binary()},
    %% Of the ports that there are to be.
    wanted :: [pos_integer()],
    %% Who waits until there is no port any more.
    drainers = [] :: [gen_server:from()],
    name :: atom(),
    %% What a port may take to end that is told to drain.
    end_time :: non_neg_integer(),
    %% The supervisor of the pool, and the keeper's own.
    top :: pid(),
    sup :: pid(),
    starter :: undefined | pid(),
    table :: ets:table(),
    queue :: gwport_queue:queue(),
    ports = #{} :: #{Owner :: pid() => #slot{}},
    %% The ports that are not there.
    waiting :: gwport_waiting:waiting(),
    %% Tables of streams whose watch was killed, until their owner is dead as well.
    inherited = #{} :: #{Owner :: pid() => ets:table()},
    %% Of owners that are dead, until they are as well: they are still about to tell the clients, or
    %% to leave that to us.
    watches = [] :: [reference()],
    awaiting = [] :: [gen_server:from()],
    %% Why and when the last of its programs has ended.
    last_end = none :: none | {Why :: binary(), At :: integer()},
    tried = false :: boolean()
}).

%% What is known of a port that begins to end.
-define(DRAINS, <<"it drains, or has ended">>).
%% How often clients that were killed while they waited are looked for.
-define(SWEEP, 500).
-define(END_GRACE, 2000).

-spec start_link(gwport_plan:plan(), pid(), pid()) -> {ok, pid()}.
start_link(Plan, Top, Sup) ->
    gen_server:start_link(?MODULE, {Plan, Top, Sup}, []).

init({Plan, Top, Sup}) ->
    process_flag(trap_exit, true),
    Options = gwport_plan:options(Plan),
    #{name := Name, ports := Ports} = Pool = gwport_secret:show(Options),
    Wanted = lists:seq(1, Ports),
    logger:set_process_metadata(#{pool => Name}),
    Queue = gwport_plan:queue(Plan),
    ok = limit_queue(Pool, Queue),
    case gwport_pool:create(Name, [Top, Sup], Queue) of
        {ok, Table} ->
            Version = gwport_plan:version(Plan),
            State = #keeper{plan = Plan, version = Version, options = Options,
                wanted = Wanted, name = Name, end_time = end_time(Pool), top = Top, sup = Sup,
                queue = Queue, table = Table, waiting = gwport_waiting:new(Pool, Version)},
            {ok, State, {continue, {start, Wanted}}};
        {error, Reason} ->
            {stop, Reason}
    end.

%% With what the owner gives it besides, and a little for us.
end_time(#{drain_timeout := Drain, stop_timeout := Stop, kill_timeout := Kill}) ->
    Drain + Stop + Kill + ?END_GRACE.

handle_continue({start, Slots}, State = #keeper{sup = Sup}) ->
    sweep_later(),
    case gwport_pool_sup:ports(Sup) of
        {ok, Starter} ->
            Started = lists:foldl(fun start/2, publish(State#keeper{starter = Starter}), Slots),
            {noreply, spares(Started)};
        {error, _} ->
            {stop, shutdown, State}
    end.

handle_call(await, _From, State = #keeper{tried = true}) ->
    {reply, ok, State};
handle_call(await, From, State = #keeper{awaiting = Awaiting}) ->
    {noreply, State#keeper{awaiting = [From | Awaiting]}};
handle_call(owners, _From, State = #keeper{ports = Ports, waiting = Waiting}) ->
    Spares = [Owner || {Owner, #slot{number = spare}} <- maps:to_list(Ports)],
    {reply, {maps:keys(Ports) -- Spares, Spares, gwport_waiting:info(Waiting)}, State};
handle_call(status, _From, State) ->
    {reply, status(State), State};
handle_call(plan, _From, State = #keeper{plan = Plan}) ->
    {reply, {ok, {gwport_plan:version(Plan), gwport_plan:given(Plan)}}, State};
handle_call(drain, From, State) ->
    {noreply, drained(spares(drain_all(From, State)))};
handle_call(_, _From, State = #keeper{reload = #reload{}}) ->
    {reply, {error, reloading}, State};
handle_call(_, _From, State = #keeper{drainers = [_ | _]}) ->
    {reply, {error, draining}, State};
handle_call({resize, Count}, _From, State) ->
    {reply, ok, drained(spares(resize(Count, State)))};
handle_call({reload, Version, Given, Options}, From, State = #keeper{plan = Plan}) ->
    case gwport_plan:version(Plan) of
        Version -> {noreply, reload(new_reload(From, Given, Options), State)};
        _ -> {reply, {error, changed}, State}
    end.

new_reload(From, Given, Options) ->
    #{ports := Ports} = gwport_secret:show(Options),
    #reload{from = From, version = make_ref(), given = Given, options = Options, ports = Ports}.

%% What the keeper alone knows of what gwport:status/1 shows.
status(#keeper{wanted = Wanted, waiting = Waiting, last_end = Last}) ->
    (gwport_waiting:status(Waiting))#{size => length(Wanted), last_end => last_end(Last)}.

last_end(none) -> none;
last_end({Why, At}) -> #{why => Why, ago => now_ms() - At}.

handle_cast({ready, Owner, Handle}, State) ->
    {noreply, spares(came_up(Owner, update(Owner, fun(Slot) -> up(Handle, Slot) end, State)))};
handle_cast({recycle, Owner, Why}, State) ->
    {noreply, spares(recycle(Owner, Why, State))};
handle_cast({ended, Owner, Why}, State) ->
    {noreply, know(Owner, Why, update(Owner, fun(Slot) -> Slot#slot{why = Why} end, State))};
handle_cast({draining, Owner}, State = #keeper{ports = Ports}) ->
    case Ports of
        #{Owner := Slot = #slot{state = Is}} when Is =:= ready; Is =:= spare ->
            {noreply, spares(drains(Owner, Slot, State))};
        #{} ->
            {noreply, State}
    end.

handle_info({'DOWN', Monitor, process, Owner, _}, State) ->
    #keeper{ports = Ports, inherited = Inherited, watches = Watches} = State,
    tell_clients(Owner, Inherited),
    State1 = State#keeper{inherited = maps:remove(Owner, Inherited),
        watches = lists:delete(Monitor, Watches)},
    case maps:take(Owner, Ports) of
        {Slot = #slot{why = Why}, Rest} ->
            State2 = follow(Slot, State1#keeper{ports = Rest, last_end = {Why, now_ms()}}),
            {noreply, drained(spares(ended(Slot, State2)))};
        error ->
            {noreply, drained(State1)}
    end;
handle_info({'ETS-TRANSFER', Table, _, Owner}, State = #keeper{ports = Ports})
        when is_map_key(Owner, Ports) ->
    #keeper{inherited = Inherited} = State,
    {noreply, State#keeper{inherited = Inherited#{Owner => Table}}};
handle_info({'ETS-TRANSFER', Table, _, _}, State) ->
    gwport_watch:last_words(Table),
    {noreply, State};
%% Where the pool was reloaded, others are started.
handle_info({start, Version, Number}, State = #keeper{version = Version, waiting = Waiting}) ->
    case gwport_waiting:due(Number, Waiting) of
        start -> {noreply, spares(start(Number, State))};
        {wait, Waiting1} -> {noreply, State#keeper{waiting = Waiting1}}
    end;
handle_info(sweep, State = #keeper{queue = Queue}) ->
    sweep_later(),
    ok = gwport_queue:sweep(Queue),
    {noreply, State};
handle_info(_, State) ->
    {noreply, State}.

sweep_later() ->
    _ = erlang:send_after(?SWEEP, self(), sweep),
    ok.

%% The pool's own ports, that have not begun to drain.
standing(#keeper{ports = Ports, version = Version}) ->
    [Port || Port = {_, #slot{version = Of, state = Is}} <- maps:to_list(Ports), Of =:= Version,
        Is =/= draining].

start(Number, State = #keeper{version = Version, options = Options}) ->
    case start_port(Number, Version, Options, State) of
        {ok, State1 = #keeper{waiting = Waiting}} ->
            State1#keeper{waiting = gwport_waiting:started(Number, Waiting)};
        {error, Reason} ->
            not_started(Reason, Number, tried(State))
    end.

start_port(Number, Version, Options, State) ->
    #keeper{top = Top, starter = Starter, ports = Ports, queue = Queue} = State,
    case gwport_pool_sup:start_port(Top, Starter, self(), Queue, Options) of
        {ok, Owner} ->
            _ = erlang:monitor(process, Owner),
            {ok, State#keeper{ports = Ports#{Owner => #slot{number = Number, version = Version,
                state = starting, since = now_ms()}}}};
        Error ->
            Error
    end.

%% One that was told to drain meanwhile does.
up(Handle, Slot = #slot{state = starting, number = spare}) ->
    Slot#slot{state = spare, handle = Handle, since = now_ms()};
up(Handle, Slot = #slot{state = starting}) ->
    Slot#slot{state = ready, handle = Handle, since = now_ms()};
up(Handle, Slot) ->
    Slot#slot{handle = Handle}.

came_up(Owner, State = #keeper{ports = Ports, reload = Reload}) ->
    case {Ports, Reload} of
        {#{Owner := #slot{version = Version}}, #reload{version = Version}} -> all_up(State);
        {#{Owner := #slot{state = ready}}, _} -> tried(publish(close_circuit(State)));
        {#{Owner := #slot{state = spare}}, _} -> close_circuit(State);
        _ -> State
    end.

%% A port of a reload that drains is about to end.
drains(Owner, #slot{version = Version}, State = #keeper{reload = #reload{version = Version}}) ->
    update(Owner, fun(Slot) -> Slot#slot{state = draining} end, State);
drains(Owner, #slot{number = Number, since = Since}, State) ->
    State1 = publish(update(Owner, fun(Slot) -> Slot#slot{state = draining} end, State)),
    again(Number, now_ms() - Since, ?DRAINS, State1).

ended(#slot{version = Version, why = Why}, State = #keeper{reload = #reload{version = Version}}) ->
    not_reloaded(Why, State);
ended(Slot, State) ->
    replace(Slot, tried(publish(State))).

%% Reloading

reload(Reload = #reload{ports = Ports}, State) ->
    start_new(lists:seq(1, Ports), State#keeper{reload = Reload}).

start_new([], State) ->
    State;
start_new([Number | Rest], State = #keeper{reload = Reload}) ->
    #reload{version = Version, options = Options} = Reload,
    case start_port(Number, Version, Options, State) of
        {ok, State1} -> start_new(Rest, State1);
        {error, Reason} -> not_reloaded(not_run(Reason), State)
    end.

all_up(State = #keeper{ports = Ports, reload = #reload{version = Version, ports = Count}}) ->
    Up = [Owner || {Owner, #slot{version = Of, state = ready}} <- maps:to_list(Ports),
        Of =:= Version],
    case length(Up) of
        Count -> reloaded(Up, State);
        _ -> State
    end.

%% In this order: who is refused by a port that drains finds the new ones in the table.
reloaded(Up, State0 = #keeper{plan = Plan, ports = Ports}) ->
    #keeper{reload = #reload{from = From, given = Given, options = Options, version = New}} =
        State = close_circuit(State0),
    Pool = gwport_secret:show(Options),
    Old = [Owner || {Owner, #slot{version = Of, state = Is}} <- maps:to_list(Ports), Of =/= New,
        Is =/= draining],
    ok = gwport_plan:change(New, Given, Options, Plan),
    ok = limit_queue(Pool, State#keeper.queue),
    ?LOG_NOTICE("gwport: pool ~ts is reloaded with ~ts: ~b started, ~b replaced",
        [State#keeper.name, maps:get(command, Pool), length(Up), length(Old)]),
    State1 = drain(replaced, Old, State#keeper{version = New, options = Options,
        end_time = end_time(Pool), wanted = lists:seq(1, length(Up)),
        waiting = gwport_waiting:new(Pool, New), reload = none, recycling = none}),
    gen_server:reply(From, {ok, {Up, Old}}),
    spares(tried(State1)).

not_reloaded(Why, State = #keeper{ports = Ports, name = Name}) ->
    #keeper{reload = #reload{from = From, version = Version}} = State,
    ?LOG_ERROR("gwport: pool ~ts is not reloaded, its programs stay: of a new one, ~ts",
        [Name, Why]),
    New = [Owner || {Owner, #slot{version = Of}} <- maps:to_list(Ports), Of =:= Version],
    gen_server:reply(From, {error, {not_ready, Why}}),
    drain(told, New, State#keeper{reload = none}).

%% Resizing

resize(Count, State0 = #keeper{wanted = Wanted, plan = Plan, options = Hidden}) ->
    Options = gwport_secret:hide((gwport_secret:show(Hidden))#{ports := Count}),
    {ok, Given} = gwport_options:map(gwport_secret:show(gwport_plan:given(Plan))),
    ok = gwport_plan:change(make_ref(), gwport_secret:hide(Given#{ports => Count}), Options, Plan),
    State = State0#keeper{options = Options},
    case Count - length(Wanted) of
        More when More >= 0 -> grow(More, State);
        _ -> shrink(Count, State)
    end.

grow(More, State = #keeper{wanted = Wanted}) ->
    First = lists:max([0 | Wanted]) + 1,
    New = lists:seq(First, First + More - 1),
    lists:foldl(fun start/2, publish(State#keeper{wanted = Wanted ++ New}), New).

%% Those that serve stay before those that do not.
shrink(Count, State = #keeper{wanted = Wanted}) ->
    Ranked = lists:sort([{rank(Number, State), Number} || Number <- Wanted]),
    {Stay, Go} = lists:split(Count, [Number || {_, Number} <- Ranked]),
    Unwanted = [Owner || {Owner, #slot{number = Number}} <- standing(State),
        lists:member(Number, Go)],
    drain(told, Unwanted, lists:foldl(fun forget/2, State#keeper{wanted = Stay}, Go)).

rank(Number, State) ->
    case [Is || {_, #slot{number = Of, state = Is}} <- standing(State), Of =:= Number] of
        [ready] -> 1;
        [starting] -> 2;
        [] -> 3
    end.

forget(Number, State = #keeper{waiting = Waiting}) ->
    State#keeper{waiting = gwport_waiting:forget(Number, Waiting)}.

%% Spares, and recycling

%% A spare makes room for a new one. While the pool is reloaded all of them are about to.
recycle(Owner, Why, State = #keeper{ports = Ports, version = Version, recycling = Recycling}) ->
    case Ports of
        #{Owner := #slot{state = spare}} ->
            drain({recycled, Why}, [Owner], State);
        #{Owner := #slot{state = ready, version = Version}}
                when Recycling =:= none, State#keeper.reload =:= none ->
            State#keeper{recycling = {Owner, Why}};
        #{} ->
            State
    end.

%% Whatever has happened: a spare that is ready takes the place of who is recycled, or else of one
%% that is not there, and there are as many spares as there are to be.
spares(State0) ->
    State = still_recycling(State0),
    case {[Owner || {Owner, #slot{state = spare}} <- standing(State)], place(State)} of
        {[Spare | _], {Number, Then}} -> spares(takes(Number, Spare, Then, State));
        _ -> as_many_spares(State)
    end.

%% It may have ended before there was one for it, or drain.
still_recycling(State = #keeper{ports = Ports, recycling = {Owner, _}}) ->
    case Ports of
        #{Owner := #slot{state = ready}} -> State;
        #{} -> State#keeper{recycling = none}
    end;
still_recycling(State) ->
    State.

%% The number that a spare is to have, and what is to be done behind that.
place(#keeper{ports = Ports, recycling = {Owner, Why}}) ->
    #{Owner := #slot{number = Number}} = Ports,
    {Number, fun(State) ->
        drain({recycled, Why}, [Owner], State#keeper{recycling = none})
    end};
place(#keeper{waiting = Waiting, name = Name}) ->
    case gwport_waiting:first(Waiting) of
        none ->
            none;
        {Number, Why} ->
            {Number, fun(State) ->
                ?LOG_NOTICE("gwport: a spare program of pool ~ts takes the place of another one: "
                    "~ts", [Name, Why]),
                State#keeper{waiting = gwport_waiting:lend(Number, State#keeper.waiting)}
            end}
    end.

%% In this order, as in a reload: who is refused finds the new one in the table.
takes(Number, Spare, Then, State = #keeper{waiting = Waiting}) ->
    Then(publish(update(Spare,
        fun(Slot) -> Slot#slot{state = ready, number = Number, since = now_ms()} end,
        State#keeper{waiting = gwport_waiting:steady(spare, Waiting)}))).

as_many_spares(State = #keeper{waiting = Waiting}) ->
    Spares = [Owner || {Owner, #slot{number = spare}} <- standing(State)],
    case {spares_wanted(State) - length(Spares), gwport_waiting:is_waiting(spare, Waiting)} of
        {0, true} -> forget(spare, State);
        {0, false} -> State;
        {More, true} when More > 0 -> State;
        {More, false} when More > 0 -> as_many_spares(start(spare, State));
        {Fewer, _} -> drain(told, lists:sublist(Spares, -Fewer), State)
    end.

spares_wanted(#keeper{wanted = []}) ->
    0;
spares_wanted(#keeper{options = Options, recycling = Recycling}) ->
    case {gwport_secret:show(Options), Recycling} of
        {#{spare := 0}, {_, _}} -> 1;
        {#{spare := Spare}, _} -> Spare
    end.

%% Draining

drain_all(From, State = #keeper{reload = #reload{}}) ->
    drain_all(From, not_reloaded(<<"the pool drains">>, State));
drain_all(From, State = #keeper{drainers = Drainers}) ->
    shrink(0, State#keeper{drainers = [From | Drainers]}).

drained(State = #keeper{drainers = Drainers, ports = Ports, watches = Watches})
        when map_size(Ports) =:= 0, Watches =:= [] ->
    lists:foreach(fun(From) -> gen_server:reply(From, ok) end, Drainers),
    State#keeper{drainers = []};
drained(State) ->
    State.

%% They are nobody's to choose any more, and end when they are done.
drain(Why, Owners, State) ->
    State1 = publish(lists:foldl(fun(Owner, Acc) ->
        update(Owner, fun(Slot) -> Slot#slot{state = draining} end, Acc)
    end, State, Owners)),
    lists:foreach(fun(Owner) -> gwport_port:drain(Why, Owner) end, Owners),
    State1.

not_started({shutdown, {open_port, Lack}}, Number, State = #keeper{waiting = Waiting})
        when Lack =:= emfile; Lack =:= enfile; Lack =:= enomem; Lack =:= eagain;
            Lack =:= system_limit ->
    State#keeper{waiting = gwport_waiting:lacks(Number, Lack, no_run(Lack), Waiting)};
not_started(Reason, Number, State = #keeper{name = Name}) ->
    Why = not_run(Reason),
    ?LOG_ERROR("gwport: cannot start the program of pool ~ts: ~ts", [Name, Why]),
    again(Number, 0, Why, State).

not_run({shutdown, {open_port, Error}}) when is_atom(Error) ->
    no_run(Error);
not_run(Reason) ->
    iolist_to_binary(io_lib:format("~0p", [gwport_failure:tag(Reason)])).

no_run(Error) ->
    iolist_to_binary([file:format_error(Error), " (", atom_to_list(Error), ")"]).

%% Of a port that served and has ended its owner knows more than when it began to end. A reason that
%% its successor has given meanwhile is newer.
know(Owner, Why, State = #keeper{ports = Ports, version = Version, waiting = Waiting}) ->
    case Ports of
        #{Owner := #slot{state = draining, version = Version, number = Number}} ->
            State#keeper{waiting = gwport_waiting:explain(Number, ?DRAINS, Why, Waiting)};
        #{} ->
            State
    end.

%% One that was draining has its successor already.
replace(#slot{state = draining}, State) ->
    State;
replace(#slot{state = starting, number = Number, why = Why}, State) ->
    again(Number, 0, Why, State);
replace(#slot{number = Number, since = Since, why = Why}, State) ->
    again(Number, now_ms() - Since, Why, State).

again(spare, Lived, Why, State = #keeper{name = Name, recycling = Recycling}) ->
    _ = [?LOG_WARNING("gwport: a program of pool ~ts that is to be recycled stays for now: of "
        "another one, ~ts", [Name, Why]) || Recycling =/= none],
    once_more(spare, Lived, Why, State);
again(Number, Lived, Why, State = #keeper{wanted = Wanted}) ->
    case lists:member(Number, Wanted) of
        true -> once_more(Number, Lived, Why, State);
        false -> State
    end.

once_more(Number, Lived, Why, State = #keeper{waiting = Waiting, ports = Ports}) ->
    IsServing = lists:any(fun(#slot{state = Is}) -> Is =:= ready orelse Is =:= spare end,
        maps:values(Ports)),
    case gwport_waiting:ended(Number, Lived, IsServing, Why, Waiting) of
        {again, Waiting1} -> State#keeper{waiting = Waiting1};
        {opened, Waiting1} -> publish(State#keeper{waiting = Waiting1})
    end.

close_circuit(State = #keeper{waiting = Waiting}) ->
    State#keeper{waiting = gwport_waiting:up(Waiting)}.

update(Owner, Fun, State = #keeper{ports = Ports}) ->
    case Ports of
        #{Owner := Slot} -> State#keeper{ports = Ports#{Owner := Fun(Slot)}};
        #{} -> State
    end.

publish(State = #keeper{table = Table, ports = Ports, version = Version, queue = Queue}) ->
    Handles = [Handle || #slot{state = ready, version = Of, handle = Handle} <- maps:values(Ports),
        Of =:= Version],
    Outlook = {length(State#keeper.wanted), gwport_waiting:circuit(State#keeper.waiting)},
    ok = gwport_pool:publish(Table, Handles, Outlook),
    ok = gwport_pool:served(Handles, Outlook, Queue),
    State.

limit_queue(#{max_queue := Max, peer_share := Share, queue_timeout := Timeout}, Queue) ->
    gwport_queue:limit(Max, Share, Timeout, Queue).

tried(State = #keeper{awaiting = Awaiting}) ->
    _ = [gen_server:reply(From, ok) || From <- Awaiting],
    State#keeper{awaiting = [], tried = true}.

tell_clients(Owner, Inherited) ->
    case Inherited of
        #{Owner := Table} -> gwport_watch:last_words(Table);
        #{} -> ok
    end.

%% A port that has not been ready had no clients.
follow(#slot{handle = undefined}, State) ->
    State;
follow(#slot{handle = Handle}, State = #keeper{watches = Watches}) ->
    State#keeper{watches = [gwport_watch:follow(gwport_handle:watch(Handle)) | Watches]}.

now_ms() ->
    erlang:monotonic_time(millisecond).

%% New requests find no port; those under way have the drain timeout.
terminate(_, State = #keeper{ports = Ports, inherited = Inherited}) ->
    #keeper{name = Name, end_time = Time} = State,
    _ = publish(State#keeper{ports = #{}, wanted = []}),
    lists:foreach(fun gwport_port:drain/1, maps:keys(Ports)),
    Until = now_ms() + Time,
    #keeper{watches = Watches} = lists:foldl(fun follow/2, State, maps:values(Ports)),
    lists:foreach(fun(Who) -> await_down(Who, Until) end, maps:keys(Ports) ++ Watches),
    lists:foreach(fun gwport_watch:last_words/1, maps:values(Inherited)),
    inherit(),
    gwport_pool:delete(Name).

await_down(Owner, Until) when is_pid(Owner) ->
    receive
        {'DOWN', _, process, Owner, _} -> ok
    after max(0, Until - now_ms()) -> ok
    end;
await_down(Watch, Until) ->
    receive
        {'DOWN', Watch, process, _, _} -> ok
    after max(0, Until - now_ms()) -> ok
    end.

inherit() ->
    receive
        {'ETS-TRANSFER', Table, _, _} ->
            gwport_watch:last_words(Table),
            inherit()
    after 0 -> ok
    end.
