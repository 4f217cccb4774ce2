%% The watch of a port: it acts where those who should cannot.
%%
%% A port's owner tells the clients of its streams how they fare, but an owner that is killed says
%% nothing; and a connection that is stuck in a send to somebody who does not read hears of no
%% deadline. The watch knows who is at the streams (a table), is linked to the owner, and is told
%% when a stuck stream's time will be up. It is also the clock of those who would have to set a
%% timer for every request, and to cancel it: theirs is a number in the table, which is looked at
%% now and then.
%%
%% A stream's events go to {Ref, Tag}: Ref is sent {Tag, {gwport, Event}}, and is an alias of the
%% client's process, so that nothing reaches it once it has left. The client writes its stream into
%% the table before it asks the owner for it, and the owner takes it out when the stream is over. A
%% client that was killed before it asked is found by a sweep.
%%
%% It ends with the owner, after the clients have heard of it; the owner ends when the watch does.
%% @hidden
-module(gwport_watch).

-export([start_link/1, alone/1, follow/1, last_words/1, join/3, leave/2, close/3, tell/2, is_watch/2]).
-export([guard/5, unguard/1]).
-export([init/1]).

-export_type([watch/0, to/0, guard/0, refusal/0]).

-record(watch, {
    pid :: pid(),
    %% {Ref, Tag, Pid, Due} for each stream, and ?CLOSED with its flag.
    table :: ets:table() | none,
    closed :: atomics:atomics_ref() | none
}).
-opaque watch() :: #watch{}.
-type to() :: {Ref :: reference(), Tag :: term()}.
-opaque guard() :: reference().
%% Why a request is not taken; `share' where its peer has its share of the places.
-type refusal() :: busy | share | draining | no_port.

%% The key of a flag that is 1 when the clients have been told: who comes later looks after itself.
-define(CLOSED, closed).
%% How often it is looked for clients whose time has come, and so how late they hear of it.
-define(LOOK, 1000).
%% How often it is looked for clients that were killed.
-define(SWEEP, 30000).
%% How long a connection may take to notice, after its stream's time is up, before it is killed.
-define(GRACE, 5000).

%% Called by the owner. The heir is who tells the clients when owner and watch are killed together:
%% it is sent {'ETS-TRANSFER', Table, _, Owner} when the watch is, and calls last_words/1 when both
%% are dead.
-spec start_link(Heir :: pid() | none) -> watch().
start_link(Heir) ->
    {ok, Watch} = proc_lib:start_link(?MODULE, init, [{self(), Heir}]),
    Watch.

%% Of an owner that has one stream, and needs no watch but for guard/5, whose word it is sent
%% itself.
-spec alone(Owner :: pid()) -> watch().
alone(Owner) ->
    #watch{pid = Owner, table = none, closed = none}.

%% Called by the heir: what it inherits comes before the message that the watch is down.
-spec follow(watch()) -> reference().
follow(#watch{pid = Pid}) ->
    erlang:monitor(process, Pid).

%% Called by whoever has the table when the owner is dead.
-spec last_words(ets:table()) -> ok.
last_words(Table) ->
    [{?CLOSED, Closed}] = ets:lookup(Table, ?CLOSED),
    ok = atomics:put(Closed, 1, 1),
    lists:foreach(fun({_, To}) -> tell(To, {port_down, true, owner_down}) end, clients(Table)),
    true = ets:delete(Table),
    ok.

clients(Table) ->
    [{Pid, {Ref, Tag}} || {Ref, Tag, Pid, _} <- ets:tab2list(Table)].

%% The calling process is about to ask for a stream; `gone` if the owner is dead and nothing will be
%% heard. If the stream stands here when it is Due, in monotonic milliseconds, the client is told
%% so, once, with the event `due`.
-spec join(to(), Due :: integer() | infinity, watch()) -> ok | gone.
join({Ref, Tag}, Due, #watch{table = Table, closed = Closed}) ->
    try ets:insert(Table, {Ref, Tag, self(), Due}) of
        true ->
            case atomics:get(Closed, 1) of
                0 -> ok;
                1 -> gone
            end
    catch
        %% The watch has ended, and its table with it.
        error:badarg -> gone
    end.

%% Called by the owner: the stream is over, or is none.
-spec leave(reference(), watch()) -> ok.
leave(Ref, #watch{table = Table}) ->
    try ets:delete(Table, Ref) of
        true -> ok
    catch
        error:badarg -> ok
    end.

%% Called by the owner at its end: who comes now is turned away, and the clients that have come, but
%% for those of live streams, are told Event.
-spec close(IsLive :: fun((pid(), reference()) -> boolean()), gwport_mux:event(), watch()) -> ok.
close(IsLive, Event, #watch{table = Table, closed = Closed}) ->
    ok = atomics:put(Closed, 1, 1),
    try clients(Table) of
        Clients -> lists:foreach(fun({_, To}) -> tell(To, Event) end,
            [Client || {Pid, {Ref, _}} = Client <- Clients, not IsLive(Pid, Ref)])
    catch
        error:badarg -> ok
    end.

-spec is_watch(pid() | port(), watch()) -> boolean().
is_watch(Pid, #watch{pid = Watch}) ->
    Pid =:= Watch.

-spec tell(to(), Event) -> ok when
    Event :: gwport_mux:event() | {refused, refusal()} | due | gwport_file:opened()
        | {room, gwport_handle:handle()}.
tell({Ref, Tag}, Event) ->
    Ref ! {Tag, {gwport, Event}},
    ok.

%% The calling process is about to send what may take long, on behalf of stream Ref. If it does not
%% call unguard/1 within Time, the owner is told that the stream is given up, and why. With `kill`
%% the calling process is killed if it does not end within a grace after that: it carries one
%% stream, and is stuck. The port may have ended by then, and well: its clients are still taking
%% what it has sent. So the time is kept by a process that stays.
-spec guard(Time :: timeout(), gwport_frame:code(), keep | kill, reference(), watch()) ->
    guard() | none.
guard(infinity, _, _, _, _) ->
    none;
guard(Time, Code, Fate, Ref, #watch{pid = Pid}) ->
    gwport_os:remind(Time, Pid, {overdue, Ref, Code, self()}, stuck(Fate)).

stuck(keep) -> nobody;
stuck(kill) -> {self(), ?GRACE}.

%% Whether it was in time.
-spec unguard(guard() | none) -> boolean().
unguard(none) -> true;
unguard(Guard) -> is_integer(erlang:cancel_timer(Guard)).

-spec init({Owner :: pid(), Heir :: pid() | none}) -> ok.
init({Owner, Heir}) ->
    process_flag(trap_exit, true),
    Table = ets:new(?MODULE, [public, {write_concurrency, true}, heir(Heir, Owner)]),
    Closed = atomics:new(1, []),
    true = ets:insert(Table, {?CLOSED, Closed}),
    _ = erlang:send_after(?SWEEP, self(), sweep),
    _ = erlang:send_after(?LOOK, self(), look),
    proc_lib:init_ack({ok, #watch{pid = self(), table = Table, closed = Closed}}),
    gwport_failure:run("the watch of a port", fun() -> loop(Owner, Table) end).

heir(none, _) -> {heir, none};
heir(Heir, Owner) -> {heir, Heir, Owner}.

loop(Owner, Table) ->
    receive
        {'EXIT', Owner, _} ->
            last_words(Table);
        {overdue, Ref, Code, Pid} ->
            Owner ! {abort, {Pid, Ref}, Code, <<>>},
            loop(Owner, Table);
        look ->
            look(now_ms(), Table),
            _ = erlang:send_after(?LOOK, self(), look),
            loop(Owner, Table);
        sweep ->
            sweep(Table),
            _ = erlang:send_after(?SWEEP, self(), sweep),
            loop(Owner, Table);
        _ ->
            loop(Owner, Table)
    end.

%% Nobody is there to be told.
sweep(Table) ->
    _ = [true = ets:delete(Table, Ref)
        || {Ref, _, Pid, _} <- ets:tab2list(Table), not is_process_alive(Pid)],
    ok.

%% A row may go meanwhile: whose stream is over needs no word.
look(Now, Table) ->
    Due = {{'$1', '$2', '_', '$3'}, [{is_integer, '$3'}, {'=<', '$3', Now}], [{{'$1', '$2'}}]},
    lists:foreach(
        fun(To = {Ref, _}) ->
            _ = [tell(To, due) || ets:update_element(Table, Ref, {4, infinity})]
        end, ets:select(Table, [Due])).

now_ms() ->
    erlang:monotonic_time(millisecond).
