%% The requests of a pool for which no place was free, in the order in which they came. It is a
%% table that all see: a request waits in the process of its client, with a row in here, and nobody
%% stands between the requests and the ports.
%%
%% A request is in one of four states. It has no row: it was placed at once, or is over. It waits:
%% its row is here. It is offered a place: an owner has taken the row, told the client {Tag,
%% {gwport, {room, Handle}}}, and keeps the place for a while (gwport_streams). It is refused: the
%% keeper has taken the row, and told the client {Tag, {gwport, {refused, Reason}}}. Whoever takes a
%% row out is the only one who does, and says what has become of it.
%%
%% What may cross, and why nobody waits beside a free place:
%%
%% - A place is freed while a client joins. The client writes its row and raises the flag, and then
%%   looks at the ports; an owner frees the place, and then looks at the flag. One of them sees the
%%   other: the owner takes the row, or the client tells the owner to look (gwport_pool:look/1).
%% - The last row goes while a client joins. Who finds the table empty lowers the flag and looks
%%   again, and raises it if there is a row by then; a client raises it behind its row. A flag that
%%   is up over an empty table costs the next client a look, and nothing else.
%% - A client is killed. Its row is passed over by who takes it, and swept up by the keeper; of a
%%   place that was offered to it, the offer ends by itself.
%% - A client is killed when it is counted as its peer's and has no row yet, or has taken its row and
%%   is still counted. The sweep holds the counts against the rows; what crosses that is seen once,
%%   and only what is seen twice is put right.
%% - A client's time is up, or it leaves. It takes its own row; where that is gone an offer is in
%%   its mailbox or about to be, and it declines that, or the offer ends by itself.
%% - The port dies, or drains, between the offer and the open. It refuses the open as it would any
%%   other, and the client joins again with the ticket that it had, which is in front.
%% - A port comes up, by itself, by a reload, by a resize: the keeper publishes it and then looks at
%%   the flag, and tells it to look. One that drains or has not been published offers nothing.
%% - The circuit opens, the pool drains or stops: the keeper publishes that there is nothing to wait
%%   for, and then refuses all rows; a client looks for that behind its row as well.
%% - The keeper is killed. The table is its supervisor's, and the next keeper's ports find the rows.
%%   Where the supervisor is killed nothing is left, and the clients' own time ends it.
%% @hidden
-module(gwport_queue).

-export([new/0, limit/4, timeout/1, is_waited/1, count/1, max/1]).
-export([join/4, leave/1, ticket/1, take/1, refuse/2, sweep/1]).

-export_type([queue/0, place/0, ticket/0]).

-record(queue, {
    %% {{Ticket, Ref}, Pid, Tag, Peer}
    table :: ets:table(),
    %% {Peer, Count} for each on whose behalf somebody waits: whoever writes a row adds one before,
    %% and whoever takes one out subtracts it behind that.
    peers :: ets:table(),
    numbers :: atomics:atomics_ref()
}).
-opaque queue() :: #queue{}.
-opaque place() :: {{ticket(), reference()}, queue()}.
-type ticket() :: integer().

%% 1 when there may be a row: all that a request sees of a queue in which nobody waits.
-define(FLAG, 1).
-define(MAX, 2).
-define(TIMEOUT, 3).
%% How many of them may be one peer's.
-define(SHARE, 4).

%% Called by the supervisor of the pool.
-spec new() -> queue().
new() ->
    #queue{table = ets:new(?MODULE, [ordered_set, public]), peers = ets:new(?MODULE, [public]),
        numbers = atomics:new(4, [])}.

%% Called by the keeper: so many may wait, so many per cent of them on behalf of one peer, for so
%% many milliseconds each.
-spec limit(Max :: non_neg_integer(), Share :: 1..100, Timeout :: non_neg_integer(), queue()) -> ok.
limit(Max, Share, Timeout, #queue{numbers = Numbers}) ->
    atomics:put(Numbers, ?MAX, Max),
    atomics:put(Numbers, ?SHARE, (Max * Share + 99) div 100),
    atomics:put(Numbers, ?TIMEOUT, Timeout).

-spec max(queue()) -> non_neg_integer().
max(#queue{numbers = Numbers}) ->
    atomics:get(Numbers, ?MAX).

-spec timeout(queue()) -> non_neg_integer().
timeout(#queue{numbers = Numbers}) ->
    atomics:get(Numbers, ?TIMEOUT).

%% Whether anybody may be waiting: who comes now is behind them.
-spec is_waited(queue()) -> boolean().
is_waited(#queue{numbers = Numbers}) ->
    atomics:get(Numbers, ?FLAG) =:= 1.

-spec count(queue()) -> non_neg_integer().
count(#queue{table = Table}) ->
    case ets:info(Table, size) of
        undefined -> 0;
        Count -> Count
    end.

%% The calling process waits, for what is sent to To; with a ticket of its own if it has waited
%% before. It looks at the ports when it has joined. Peer is on whose behalf.
-spec join(new | ticket(), gwport_watch:to(), Peer :: binary() | none, queue()) ->
    {ok, place()} | full.
join(Ticket, To, Peer, Queue) ->
    %% Where nobody may wait, nobody is to see a flag.
    case max(Queue) of
        0 -> full;
        Max -> try joins(Ticket, To, Peer, Max, Queue)
            %% Its owner has ended, and the pool with it.
            catch error:badarg -> full
            end
    end.

%% Who has waited before has been within its peer's share.
joins(new, To, Peer, Max, Queue = #queue{numbers = Numbers}) ->
    Share = atomics:get(Numbers, ?SHARE),
    case counted(1, Peer, Queue) of
        Count when Count > Share -> _ = counted(-1, Peer, Queue), full;
        _ -> write(erlang:unique_integer([monotonic]), To, Peer, Max, Queue)
    end;
joins(Ticket, To, Peer, Max, Queue) ->
    _ = counted(1, Peer, Queue),
    write(Ticket, To, Peer, Max, Queue).

write(Ticket, {Ref, Tag}, Peer, Max, Queue = #queue{table = Table, numbers = Numbers}) ->
    Key = {Ticket, Ref},
    true = ets:insert(Table, {Key, self(), Tag, Peer}),
    ok = atomics:put(Numbers, ?FLAG, 1),
    joined(ets:info(Table, size) =< Max, {Key, Queue}).

%% So many more, or less, wait on behalf of a peer: how many do.
counted(_, none, _) ->
    0;
counted(By, Peer, #queue{peers = Peers}) ->
    Count = ets:update_counter(Peers, Peer, By, {Peer, 0}),
    _ = [ets:delete_object(Peers, {Peer, 0}) || Count =:= 0],
    Count.

%% One that is too many may have been seen, and taken.
joined(true, Place) ->
    {ok, Place};
joined(false, Place) ->
    case leave(Place) of
        ok -> full;
        taken -> {ok, Place}
    end.

-spec ticket(place()) -> ticket().
ticket({{Ticket, _}, _}) ->
    Ticket.

%% `taken`: somebody has said, or is about to say, what becomes of it.
-spec leave(place()) -> ok | taken.
leave({Key, Queue = #queue{table = Table}}) ->
    try ets:take(Table, Key) of
        [{_, _, _, Peer}] -> _ = counted(-1, Peer, Queue), settled(Queue);
        [] -> taken
    catch
        error:badarg -> ok
    end.

%% The first that waits, for an owner that has a place.
-spec take(queue()) -> {ok, gwport_watch:to()} | empty.
take(Queue = #queue{table = Table}) ->
    try first(ets:first(Table), Queue)
    catch error:badarg -> empty
    end.

first('$end_of_table', Queue) ->
    ok = settled(Queue),
    empty;
first(Key = {_, Ref}, Queue = #queue{table = Table}) ->
    case ets:take(Table, Key) of
        [{_, Pid, Tag, Peer}] ->
            _ = counted(-1, Peer, Queue),
            case is_process_alive(Pid) of
                true -> {ok, {Ref, Tag}};
                false -> take(Queue)
            end;
        [] ->
            take(Queue)
    end.

%% The flag is lowered behind the last row, and raised again if there is another by then.
settled(Queue = #queue{numbers = Numbers}) ->
    case count(Queue) of
        0 ->
            ok = atomics:put(Numbers, ?FLAG, 0),
            _ = [ok = atomics:put(Numbers, ?FLAG, 1) || count(Queue) > 0],
            ok;
        _ ->
            ok
    end.

%% There is nothing to wait for.
-spec refuse(gwport_watch:refusal(), queue()) -> ok.
refuse(Reason, Queue) ->
    case take(Queue) of
        {ok, To} ->
            gwport_watch:tell(To, {refused, Reason}),
            refuse(Reason, Queue);
        empty ->
            ok
    end.

%% Called by the keeper, now and then: clients that were killed are no part of the queue's length,
%% nor of their peers' shares.
-spec sweep(queue()) -> ok.
sweep(Queue = #queue{table = Table}) ->
    _ = [leave({Key, Queue}) || is_waited(Queue),
        {Key, Pid, _, _} <- ets:tab2list(Table), not is_process_alive(Pid)],
    Off = off(Queue),
    _ = [counted(By, Peer, Queue) || Off =/= [], {Peer, By} = Is <- off(Queue),
        lists:member(Is, Off)],
    settled(Queue).

%% Peers that have more rows than are counted, by how many; or fewer.
off(#queue{table = Table, peers = Peers}) ->
    Counted = maps:from_list([{Peer, -Count} || {Peer, Count} <- ets:tab2list(Peers)]),
    Rows = ets:select(Table, [{{'_', '_', '_', '$1'}, [{'=/=', '$1', none}], ['$1']}]),
    Off = lists:foldl(fun(Peer, Sum) -> Sum#{Peer => maps:get(Peer, Sum, 0) + 1} end, Counted,
        Rows),
    [Is || Is = {_, By} <- maps:to_list(Off), By =/= 0].
