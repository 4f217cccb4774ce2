%% The keeper of a pool: it has as many ports running as the pool wants.
%%
%% It owns the pool's table, which requests read without coming here (gwport_pool). A port that ends
%% is replaced at once if it had served, and after a growing delay if it ends again soon
%% (gwport_backoff), so that a broken program costs neither the CPU nor the user's supervision tree.
%% A port that drains is replaced when it begins to. When the keeper is stopped it drains all ports
%% first.
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
    since :: integer(),
    %% Why it has ended, as its owner says it; an owner that is killed says nothing.
    why = <<"its owner was killed">> :: binary()
}).

%% A port that is not there: why not, and when it is started again.
-record(waiting, {
    why :: binary(),
    due :: integer() | circuit
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
    backoff :: gwport_backoff:backoff(),
    waiting = #{} :: #{pos_integer() => #waiting{}},
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

%% What is known of a port that begins to end.
-define(DRAINS, <<"it drains, or has ended">>).
-define(LACK_DELAY, 250).
%% A port that was ready for so long has shown that its program works.
-define(STEADY, 5000).

-spec start_link(gwport_secret:secret(gwport_options:pool()), pid(), pid()) -> {ok, pid()}.
start_link(Options, Top, Sup) ->
    gen_server:start_link(?MODULE, {Options, Top, Sup}, []).

init({Options, Top, Sup}) ->
    process_flag(trap_exit, true),
    #{name := Name, ports := Ports, drain_timeout := Timeout} = Pool = gwport_secret:show(Options),
    logger:set_process_metadata(#{pool => Name}),
    case gwport_pool:create(Name, [Top, Sup]) of
        {ok, Table} ->
            State = #keeper{options = Options, name = Name, drain_timeout = Timeout, top = Top,
                sup = Sup, table = Table, backoff = gwport_backoff:new(Pool)},
            {ok, State, {continue, {start, lists:seq(1, Ports)}}};
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
    {reply, {maps:keys(Ports), waiting(State)}, State}.

%% What info/1 shows for a port that is not there.
waiting(#keeper{waiting = Waiting, backoff = Backoff}) ->
    Now = now_ms(),
    [#{state => waiting, why => Why, failures => gwport_backoff:failures(Number, Backoff),
        circuit => gwport_backoff:circuit(Backoff), next_try => next_try(Due, Now)}
        || {Number, #waiting{why = Why, due = Due}} <- lists:sort(maps:to_list(Waiting))].

next_try(circuit, _) -> circuit;
next_try(Due, Now) -> max(0, Due - Now).

handle_cast({ready, Owner, Handle}, State) ->
    State1 = update(Owner,
        fun(Slot) -> Slot#slot{state = ready, handle = Handle, since = now_ms()} end, State),
    {noreply, tried(publish(close_circuit(State1)))};
handle_cast({ended, Owner, Why}, State) ->
    {noreply, know(Owner, Why, update(Owner, fun(Slot) -> Slot#slot{why = Why} end, State))};
handle_cast({draining, Owner}, State = #keeper{ports = Ports}) ->
    case Ports of
        #{Owner := #slot{state = ready, number = Number, since = Since}} ->
            State1 = publish(update(Owner, fun(Slot) -> Slot#slot{state = draining} end, State)),
            {noreply, again(Number, now_ms() - Since, ?DRAINS, State1)};
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
%% Where the circuit has closed meanwhile, the port was started then.
handle_info({start, Number}, State = #keeper{backoff = Backoff, waiting = Waiting})
        when is_map_key(Number, Waiting) ->
    case gwport_backoff:may_start(Number, Backoff) of
        true -> {noreply, start(Number, State)};
        false -> {noreply, wait_for_circuit(Number, State)}
    end;
handle_info(_, State) ->
    {noreply, State}.

start(Number, State = #keeper{top = Top, starter = Starter, options = Options, ports = Ports,
        lacking = Lacking, waiting = Waiting}) ->
    case gwport_pool_sup:start_port(Top, Starter, self(), Options) of
        {ok, Owner} ->
            _ = erlang:monitor(process, Owner),
            State#keeper{lacking = maps:remove(Number, Lacking),
                waiting = maps:remove(Number, Waiting),
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
    _ = [?LOG_ERROR("gwport: cannot start the program of pool ~ts, for want of what is shared by all"
        " (~s); it is tried again every ~b ms", [Name, Lack, ?LACK_DELAY])
        || not is_map_key(Number, Lacking)],
    start_in(?LACK_DELAY, Number, no_run(Lack), State#keeper{lacking = Lacking#{Number => Lack}});
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
know(Owner, Why, State = #keeper{ports = Ports, waiting = Waiting}) ->
    case Ports of
        #{Owner := #slot{state = draining, number = Number}} when is_map_key(Number, Waiting) ->
            State#keeper{waiting = Waiting#{Number := better(Why, maps:get(Number, Waiting))}};
        #{} ->
            State
    end.

better(Why, Wait = #waiting{why = ?DRAINS}) -> Wait#waiting{why = Why};
better(_, Wait) -> Wait.

%% One that was draining has its successor already.
replace(#slot{state = draining}, State) ->
    State;
replace(#slot{state = starting, number = Number, why = Why}, State) ->
    again(Number, 0, Why, State);
replace(#slot{state = ready, number = Number, since = Since, why = Why}, State) ->
    again(Number, now_ms() - Since, Why, State).

again(Number, Lived, Why, State = #keeper{backoff = Backoff}) when Lived >= ?STEADY ->
    start_in(0, Number, Why, State#keeper{backoff = gwport_backoff:steady(Number, Backoff)});
again(Number, _, Why, State = #keeper{backoff = Backoff, ports = Ports}) ->
    IsServing = lists:any(fun(#slot{state = Is}) -> Is =:= ready end, maps:values(Ports)),
    case gwport_backoff:failed(Number, IsServing, rand:uniform(), Backoff) of
        {again, Delay, Backoff1} ->
            start_in(Delay, Number, Why, State#keeper{backoff = Backoff1});
        {opened, Delay, Backoff1} ->
            say_open(Number, Delay, Why, State#keeper{backoff = Backoff1});
        {waits, Backoff1} ->
            State1 = State#keeper{backoff = Backoff1},
            State1#keeper{waiting = (State1#keeper.waiting)#{Number =>
                #waiting{why = Why, due = circuit}}}
    end.

start_in(Delay, Number, Why, State = #keeper{waiting = Waiting}) ->
    _ = erlang:send_after(Delay, self(), {start, Number}),
    State#keeper{waiting = Waiting#{Number => #waiting{why = Why, due = now_ms() + Delay}}}.

say_open(Number, Delay, Why, State = #keeper{name = Name, backoff = Backoff}) ->
    ?LOG_ERROR("gwport: the program of pool ~ts has failed ~b times in a row, at last because ~ts; "
        "the next try is in ~b ms", [Name, gwport_backoff:failures(Number, Backoff), Why, Delay]),
    start_in(Delay, Number, Why, State).

wait_for_circuit(Number, State = #keeper{waiting = Waiting}) ->
    #{Number := Wait} = Waiting,
    State#keeper{waiting = Waiting#{Number := Wait#waiting{due = circuit}}}.

close_circuit(State = #keeper{backoff = Backoff, waiting = Waiting, name = Name}) ->
    case gwport_backoff:up(Backoff) of
        {was_closed, _} ->
            State;
        {closed, Backoff1} ->
            ?LOG_NOTICE("gwport: the program of pool ~ts has come up again", [Name]),
            %% The one that was to be tried alone as well, whose time may be far away.
            _ = [self() ! {start, Number} || Number <- maps:keys(Waiting)],
            State#keeper{backoff = Backoff1}
    end.

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
