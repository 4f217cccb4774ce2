%% When a program that has ended is started again, for all ports of a pool. One that has served long
%% enough is replaced at once. One that ends soon is tried again after a delay that doubles each time,
%% to a bound, and is drawn between its half and its whole, lest many pools start at the same moment.
%%
%% Where a port has failed often in a row and none of the pool serves, the circuit opens: of all its
%% ports one is tried, and again after circuit_time, which is drawn in the same way. When that one has
%% greeted the circuit closes, and the others are started again. There is no clock and no chance here.
%% @hidden
-module(gwport_backoff).

-export([new/1, failed/4, steady/2, forget/2, up/1, may_start/2, circuit/1, failures/2]).

-export_type([backoff/0]).

-type slot() :: pos_integer() | spare.

-record(backoff, {
    first :: pos_integer(),
    most :: pos_integer(),
    limit :: pos_integer() | infinity,
    pause :: pos_integer(),
    failures = #{} :: #{slot() => pos_integer()},
    circuit = closed :: closed | {open, Probe :: slot()}
}).
-opaque backoff() :: #backoff{}.

-spec new(gwport_pool_options:pool()) -> backoff().
new(#{restart_delay := First, max_restart_delay := Most, circuit_failures := Limit,
        circuit_time := Pause}) ->
    #backoff{first = First, most = max(First, Most), limit = Limit, pause = Pause}.

%% The program of the port with this number has ended soon. Chance is from 0 to 1. `opened`: the
%% circuit has, with this one. `waits`: it is started when the circuit closes.
-spec failed(slot(), IsServing :: boolean(), Chance :: float(), backoff()) ->
    {again | opened, Ms :: non_neg_integer(), backoff()} | {waits, backoff()}.
failed(Number, IsServing, Chance, Backoff = #backoff{failures = Failures}) ->
    Count = maps:get(Number, Failures, 0) + 1,
    next(Number, Count, IsServing, Chance, Backoff#backoff{failures = Failures#{Number => Count}}).

next(Number, _, _, Chance, Backoff = #backoff{circuit = {open, Number}, pause = Pause}) ->
    {again, drawn(Pause, Chance), Backoff};
next(_, _, _, _, Backoff = #backoff{circuit = {open, _}}) ->
    {waits, Backoff};
next(Number, Count, false, Chance, Backoff = #backoff{limit = Limit, pause = Pause})
        when Count >= Limit ->
    {opened, drawn(Pause, Chance), Backoff#backoff{circuit = {open, Number}}};
next(_, Count, _, Chance, Backoff) ->
    {again, drawn(delay(Count, Backoff), Chance), Backoff}.

%% The first time it is tried again at once.
delay(1, _) -> 0;
delay(Count, #backoff{first = First, most = Most}) -> min(Most, First bsl min(Count - 2, 40)).

drawn(Ms, Chance) ->
    Ms div 2 + round((Ms - Ms div 2) * Chance).

%% The program of this port has served for long.
-spec steady(slot(), backoff()) -> backoff().
steady(Number, Backoff = #backoff{failures = Failures}) ->
    Backoff#backoff{failures = maps:remove(Number, Failures)}.

%% There is no port with this number any more. Whether it was the one that was tried for all: the
%% circuit closes without it, and those that waited are to be started.
-spec forget(slot(), backoff()) -> {IsProbe :: boolean(), backoff()}.
forget(Number, Backoff = #backoff{circuit = {open, Number}}) ->
    {true, steady(Number, Backoff#backoff{circuit = closed})};
forget(Number, Backoff) ->
    {false, steady(Number, Backoff)}.

%% A program has greeted.
-spec up(backoff()) -> {closed | was_closed, backoff()}.
up(Backoff = #backoff{circuit = closed}) -> {was_closed, Backoff};
up(Backoff) -> {closed, Backoff#backoff{circuit = closed}}.

%% Whether this port may be started now. One that may not is when the circuit closes.
-spec may_start(slot(), backoff()) -> boolean().
may_start(Number, #backoff{circuit = {open, Probe}}) -> Number =:= Probe;
may_start(_, #backoff{circuit = closed}) -> true.

-spec circuit(backoff()) -> open | closed.
circuit(#backoff{circuit = closed}) -> closed;
circuit(#backoff{circuit = {open, _}}) -> open.

%% How often in a row this port has failed.
-spec failures(slot(), backoff()) -> non_neg_integer().
failures(Number, #backoff{failures = Failures}) ->
    maps:get(Number, Failures, 0).
