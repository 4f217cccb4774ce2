%% The keeper of a pool: it has as many ports running as the pool wants.
%%
%% It owns the pool's table, which requests read without coming here (gwport_pool). A port that ends
%% is replaced at once if it had served, and after a growing delay if it ends again soon, so that a
%% broken program costs neither the CPU nor the user's supervision tree. A port that drains is
%% replaced when it begins to. When the keeper is stopped it drains all ports first.
%%
%% Owners of ports tell it of their state by casts, see gwport_port:report().
-module(gwport_pool_keeper).
-behaviour(gen_server).

-export([start_link/3]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-include_lib("kernel/include/logger.hrl").

-record(slot, {
    number :: pos_integer(),
    state :: starting | ready | draining,
    handle :: gwport_handle:handle() | undefined,
    since :: integer()
}).

-record(keeper, {
    %% With those that are secret, for the next start.
    options :: gwport_secret:secret(gwport_options:pool()),
    name :: atom(),
    drain_timeout :: non_neg_integer(),
    %% The supervisor of the pool, and the keeper's own.
    top :: pid(),
    sup :: pid(),
    starter :: undefined | pid(),
    table :: ets:table(),
    ports = #{} :: #{Owner :: pid() => #slot{}},
    %% Of each slot: how long the next start waits if the port ends soon.
    delays = #{} :: #{pos_integer() => pos_integer()},
    %% Tables of streams whose watch was killed, until their owner is dead as well.
    inherited = #{} :: #{Owner :: pid() => ets:table()},
    %% Of owners that are dead, until they are as well: they are still about to tell the clients, or
    %% to leave that to us.
    watches = [] :: [reference()],
    %% What is lacking to start them.
    lacking = #{} :: #{pos_integer() => atom()},
    awaiting = [] :: [gen_server:from()],
    tried = false :: boolean()
}).

-define(FIRST_DELAY, 100).
-define(MAX_DELAY, 10000).
-define(LACK_DELAY, 250).
%% A port that was ready for so long has shown that its program works.
-define(STEADY, 5000).

-spec start_link(gwport_secret:secret(gwport_options:pool()), pid(), pid()) -> {ok, pid()}.
start_link(Options, Top, Sup) ->
    gen_server:start_link(?MODULE, {Options, Top, Sup}, []).

init({Options, Top, Sup}) ->
    process_flag(trap_exit, true),
    #{name := Name, ports := Ports, drain_timeout := Timeout} = gwport_secret:show(Options),
    logger:set_process_metadata(#{pool => Name}),
    case gwport_pool:create(Name, [Top, Sup]) of
        {ok, Table} ->
            {ok, #keeper{options = Options, name = Name, drain_timeout = Timeout, top = Top,
                sup = Sup, table = Table}, {continue, {start, lists:seq(1, Ports)}}};
        {error, Reason} ->
            {stop, Reason}
    end.

handle_continue({start, Slots}, State = #keeper{sup = Sup}) ->
    case gwport_pool_sup:ports(Sup) of
        {ok, Starter} ->
            {noreply, lists:foldl(fun start/2, State#keeper{starter = Starter}, Slots)};
        {error, _} ->
            {stop, shutdown, State}
    end.

handle_call(await, _From, State = #keeper{tried = true}) ->
    {reply, ok, State};
handle_call(await, From, State = #keeper{awaiting = Awaiting}) ->
    {noreply, State#keeper{awaiting = [From | Awaiting]}};
handle_call(owners, _From, State = #keeper{ports = Ports}) ->
    {reply, maps:keys(Ports), State}.

handle_cast({ready, Owner, Handle}, State) ->
    State1 = update(Owner,
        fun(Slot) -> Slot#slot{state = ready, handle = Handle, since = now_ms()} end, State),
    {noreply, tried(publish(State1))};
handle_cast({draining, Owner}, State = #keeper{ports = Ports}) ->
    case Ports of
        #{Owner := #slot{state = ready, number = Number, since = Since}} ->
            State1 = publish(update(Owner, fun(Slot) -> Slot#slot{state = draining} end, State)),
            {noreply, again(Number, now_ms() - Since, State1)};
        #{} ->
            {noreply, State}
    end.

handle_info({'DOWN', Monitor, process, Owner, _}, State) ->
    #keeper{ports = Ports, inherited = Inherited, watches = Watches} = State,
    tell_clients(Owner, Inherited),
    State1 = State#keeper{inherited = maps:remove(Owner, Inherited),
        watches = lists:delete(Monitor, Watches)},
    case maps:take(Owner, Ports) of
        {Slot, Rest} ->
            State2 = follow(Slot, State1#keeper{ports = Rest}),
            {noreply, replace(Slot, tried(publish(State2)))};
        error ->
            {noreply, State1}
    end;
handle_info({'ETS-TRANSFER', Table, _, Owner}, State = #keeper{ports = Ports, inherited = Inherited})
        when is_map_key(Owner, Ports) ->
    {noreply, State#keeper{inherited = Inherited#{Owner => Table}}};
handle_info({'ETS-TRANSFER', Table, _, _}, State) ->
    gwport_watch:last_words(Table),
    {noreply, State};
handle_info({start, Number}, State) ->
    {noreply, start(Number, State)};
handle_info(_, State) ->
    {noreply, State}.

start(Number, State = #keeper{top = Top, starter = Starter, options = Options, ports = Ports,
        lacking = Lacking}) ->
    case gwport_pool_sup:start_port(Top, Starter, self(), Options) of
        {ok, Owner} ->
            _ = erlang:monitor(process, Owner),
            State#keeper{lacking = maps:remove(Number, Lacking),
                ports = Ports#{Owner => #slot{number = Number, state = starting,
                    since = now_ms()}}};
        {error, Reason} ->
            not_started(Reason, Number, tried(State))
    end.

%% Where the BEAM or the machine has nothing left to start a program with, that is no fault of the
%% program: it is tried again soon, however long it lasts, and said once.
not_started({shutdown, {open_port, Lack}}, Number,
        State = #keeper{lacking = Lacking, name = Name})
        when Lack =:= emfile; Lack =:= enfile; Lack =:= enomem; Lack =:= eagain;
            Lack =:= system_limit ->
    _ = [?LOG_ERROR("gwport: cannot start the program of pool ~s, for want of what is shared by all"
        " (~s); it is tried again every ~b ms", [Name, Lack, ?LACK_DELAY])
        || not is_map_key(Number, Lacking)],
    _ = erlang:send_after(?LACK_DELAY, self(), {start, Number}),
    State#keeper{lacking = Lacking#{Number => Lack}};
not_started(Reason, Number, State = #keeper{name = Name}) ->
    ?LOG_ERROR("gwport: cannot start the program of pool ~s: ~0p", [Name, Reason]),
    again(Number, 0, State).

%% One that was draining has its successor already.
replace(#slot{state = draining}, State) ->
    State;
replace(#slot{state = starting, number = Number}, State) ->
    again(Number, 0, State);
replace(#slot{state = ready, number = Number, since = Since}, State) ->
    again(Number, now_ms() - Since, State).

again(Number, Lived, State = #keeper{delays = Delays}) when Lived >= ?STEADY ->
    self() ! {start, Number},
    State#keeper{delays = maps:remove(Number, Delays)};
again(Number, _, State = #keeper{delays = Delays}) ->
    Delay = maps:get(Number, Delays, 0),
    _ = erlang:send_after(Delay, self(), {start, Number}),
    State#keeper{delays = Delays#{Number => min(?MAX_DELAY, max(?FIRST_DELAY, 2 * Delay))}}.

update(Owner, Fun, State = #keeper{ports = Ports}) ->
    case Ports of
        #{Owner := Slot} -> State#keeper{ports = Ports#{Owner := Fun(Slot)}};
        #{} -> State
    end.

publish(State = #keeper{table = Table, ports = Ports}) ->
    gwport_pool:publish(Table,
        [Handle || #slot{state = ready, handle = Handle} <- maps:values(Ports)]),
    State.

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
    #keeper{name = Name, drain_timeout = Timeout} = State,
    _ = publish(State#keeper{ports = #{}}),
    lists:foreach(fun gwport_port:drain/1, maps:keys(Ports)),
    Until = now_ms() + Timeout + 2000,
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
