%% What the owner of a port has of its streams: their table (gwport_mux), their clients, their
%% places and numbers, and what waits to be written. It is state in the owner's process, and does
%% there what the table says: it tells clients, watches them, frees places, and writes.
%%
%% A client's open waits until it can be written. Only then has it a place and a number, so that
%% numbers rise on the wire; no number is used twice, and at the last one the owner is sent `drain`.
%%
%% Where requests wait for a place (gwport_queue), one that is free is offered to the first of them,
%% and counts as taken until its client accepts or declines it. A client that is stuck elsewhere
%% does not keep it for long: then it is offered to the next, and the client asks like any other.
%% @hidden
-module(gwport_streams).

-export([new/4, greeted/3, known_as/2, load/1, watch/1, shares/1, info/1, helper/2]).
-export([look_for_waiting/1, accept/2, decline/2]).
-export([open/2, send/4, consumed/3, taken/3, claim/3, abort/4, down/2]).
-export([frame/2, drained/2, look/1]).
-export([control/2, pong/2, last/2, through/1, can_write/1, is_full/1, write/1]).
-export([stop_opening/1, port_down/2, close/1]).

-export_type([streams/0]).

-record(streams, {
    mux :: gwport_mux:mux(),
    clients = gwport_clients:new() :: gwport_clients:clients(),
    out = gwport_out:new() :: gwport_out:out(),
    writer :: gwport_writer:writer(),
    watch :: gwport_watch:watch(),
    load :: gwport_load:load(),
    shares = gwport_share:new() :: gwport_share:shares(),
    lent = gwport_lent:new() :: gwport_lent:lent(),
    queue :: gwport_queue:queue(),
    %% What a client is given with a place that it is offered; and those who have not answered, each
    %% with the timer of its offer.
    handle = none :: none | gwport_handle:handle(),
    offers = #{} :: #{reference() => reference()},
    next = 256 :: pos_integer(),
    last :: pos_integer()
}).
-opaque streams() :: #streams{}.

%% How long a place is kept for a client that was offered it.
-define(OFFER_TIME, 250).

%% Called by the owner of Port, as all of these.
-spec new(port(), Heir :: pid(), gwport_queue:queue(), map()) -> streams().
new(Port, Heir, Queue, Options) ->
    #{max_streams := MaxStreams, peer_share := Share, window := Window, window_floor := Floor,
        response_budget := Budget, last_stream := Last, max_head := MaxHead} = Options,
    #streams{queue = Queue,
        mux = gwport_mux:new(#{window => 0, max_head => MaxHead, files => false, hijack => false}),
        writer = gwport_writer:start_link(Port), watch = gwport_watch:start_link(Heir),
        load = gwport_load:new(#{max_streams => MaxStreams, peer_share => Share, window => Window,
            floor => Floor, budget => Budget}),
        last = Last}.

%% What the program takes: the first credit of a request, and how many streams.
-spec greeted(gwport_greeting:program(), MaxHead :: pos_integer(), streams()) -> streams().
greeted(Program, MaxHead, Streams = #streams{load = Load}) ->
    #{window := Window, max_streams := MaxStreams, files := Files, hijack := Hijack} = Program,
    gwport_load:limit(MaxStreams, Load),
    Streams#streams{mux = gwport_mux:new(#{window => Window, max_head => MaxHead, files => Files,
        hijack => Hijack})}.

%% What clients have of the port.
-spec known_as(gwport_handle:handle(), streams()) -> streams().
known_as(Handle, Streams) ->
    Streams#streams{handle = Handle}.

-spec load(streams()) -> gwport_load:load().
load(#streams{load = Load}) ->
    Load.

-spec watch(streams()) -> gwport_watch:watch().
watch(#streams{watch = Watch}) ->
    Watch.

%% For clients to look at.
-spec shares(streams()) -> gwport_share:counts().
shares(#streams{shares = Shares}) ->
    gwport_share:counts(Shares).

-spec info(streams()) -> #{in_flight := integer(), max_streams := pos_integer(),
    served := integer(), budget_left := integer()}.
info(#streams{load = Load, mux = Mux}) ->
    #{streams := InFlight, budget_left := BudgetLeft} = gwport_load:info(Load),
    #{in_flight => InFlight, max_streams => gwport_load:max(Load),
        served => gwport_mux:served(Mux), budget_left => BudgetLeft}.

%% Which of the processes it is that the owner does not live without.
-spec helper(pid() | port(), streams()) -> watch | writer | none.
helper(Pid, #streams{watch = Watch, writer = Writer}) ->
    case {gwport_watch:is_watch(Pid, Watch), gwport_writer:is_writer(Pid, Writer)} of
        {true, _} -> watch;
        {_, true} -> writer;
        {false, false} -> none
    end.

%% From clients

-spec open(gwport_out:open(), streams()) -> streams().
open(Open = {_, _, _, none}, Streams) ->
    to_be_opened(Open, Streams);
open(Open = {{_, Ref, _}, _, _, Peer}, Streams = #streams{shares = Shares, load = Load}) ->
    case gwport_share:came(Ref, Peer, gwport_load:share(Load), Shares) of
        {ok, Shares1} -> to_be_opened(Open, Streams#streams{shares = Shares1});
        full -> look_for_waiting(refuse(Open, share, Streams))
    end.

to_be_opened(Open, Streams = #streams{out = Out}) ->
    case gwport_out:open(Open, Out) of
        {ok, Out1} -> Streams#streams{out = Out1};
        refused -> refuse(Open, draining, Streams)
    end.

refuse(Open = {{_, _, To}, _, _, _}, Why, Streams) ->
    Left = left(Open, Streams),
    gwport_watch:tell(To, {refused, Why}),
    Left.

%% A place that was offered.
-spec accept(gwport_out:open(), streams()) -> streams().
accept(Open = {{_, Ref, _}, _, _, _}, Streams = #streams{load = Load}) ->
    case answered(Ref, Streams) of
        {true, Streams1} ->
            open(Open, Streams1);
        {false, _} ->
            gwport_load:arrive(Load),
            open(Open, Streams)
    end.

-spec decline(reference(), streams()) -> streams().
decline(Ref, Streams = #streams{load = Load}) ->
    case answered(Ref, Streams) of
        {true, Streams1} ->
            gwport_load:left(Load),
            look_for_waiting(Streams1);
        {false, _} ->
            Streams
    end.

answered(Ref, Streams = #streams{offers = Offers}) ->
    case maps:take(Ref, Offers) of
        {Timer, Rest} ->
            _ = erlang:cancel_timer(Timer),
            {true, Streams#streams{offers = Rest}};
        error ->
            {false, Streams}
    end.

%% Behind everything that frees a place, and when the owner is told to.
-spec look_for_waiting(streams()) -> streams().
look_for_waiting(Streams = #streams{queue = Queue}) ->
    case gwport_queue:is_waited(Queue) of
        false -> Streams;
        true -> offer(Streams)
    end.

offer(Streams = #streams{queue = Queue, handle = Handle}) ->
    case Handle =/= none andalso has_place(Streams) andalso gwport_queue:take(Queue) of
        {ok, To} -> look_for_waiting(offer(To, Handle, Streams));
        _ -> Streams
    end.

has_place(#streams{out = Out, load = Load, offers = Offers}) ->
    gwport_out:is_opening(Out)
        andalso gwport_load:has_place(gwport_out:waiting(Out) + map_size(Offers), Load).

offer(To = {Ref, _}, Handle, Streams = #streams{load = Load, offers = Offers}) ->
    gwport_load:arrive(Load),
    gwport_watch:tell(To, {room, Handle}),
    Timer = erlang:send_after(?OFFER_TIME, self(), {decline, Ref}),
    Streams#streams{offers = Offers#{Ref => Timer}}.

%% It does not become a stream.
left({{_, Ref, _}, _, _, _}, Streams = #streams{load = Load}) ->
    gwport_load:left(Load),
    over(Ref, Streams).

%% Nobody is told of it any more, nor is it counted.
over(Ref, Streams = #streams{watch = Watch, shares = Shares, lent = Lent}) ->
    gwport_watch:leave(Ref, Watch),
    case gwport_share:is_empty(Shares) andalso gwport_lent:is_empty(Lent) of
        true -> Streams;
        false -> Streams#streams{shares = gwport_share:went(Ref, Shares),
            lent = gwport_lent:forget(Ref, Lent)}
    end.

-spec send(gwport_clients:name(), chunk | fin | trailers, iodata() | term(), streams()) ->
    streams().
send(Name = {_, Ref}, Kind, Data, Streams0) ->
    Streams = by_name(Name, fun(N, Mux) -> gwport_mux:send(N, Kind, Data, Mux) end, Streams0),
    sent(Ref, Kind, Data, Streams).

sent(Ref, chunk, Data, Streams = #streams{lent = Lent}) ->
    lend(Streams#streams{lent = gwport_lent:sent(Ref, iolist_size(Data), Lent)});
sent(_, _, _, Streams) ->
    Streams.

%% While there is enough for a write, nobody is asked for more.
lend(Streams = #streams{out = Out, lent = Lent}) ->
    case gwport_lent:is_wanted(Lent) andalso not gwport_out:is_full(Out) of
        true -> told(gwport_lent:lend(Lent), Streams);
        false -> Streams
    end.

told({Told, Lent}, Streams) ->
    lists:foreach(fun({To, More}) -> gwport_watch:tell(To, {credit, More}) end, Told),
    Streams#streams{lent = Lent}.

-spec consumed(gwport_clients:name(), non_neg_integer(), streams()) -> streams().
consumed(Name, Bytes, Streams) ->
    by_name(Name, fun(N, Mux) -> gwport_mux:consumed(N, Bytes, Mux) end, Streams).

-spec taken(gwport_clients:name(), non_neg_integer(), streams()) -> streams().
taken(Name, Bytes, Streams) ->
    by_name(Name, fun(N, Mux) -> gwport_mux:taken(N, Bytes, Mux) end, Streams).

%% A stream that the program has taken over gets another client, which stands in the watch's table.
-spec claim(Old :: gwport_clients:name(), gwport_mux:client(), streams()) -> streams().
claim(Old, Client, Streams = #streams{mux = Mux, clients = Clients}) ->
    case gwport_clients:find(Old, Clients) of
        {ok, N} -> claimed(gwport_mux:claim(N, Client, Mux), N, Old, Client, Streams);
        none -> too_late(Client, Streams)
    end.

claimed(gone, _, _, Client, Streams) ->
    too_late(Client, Streams);
claimed(Claimed, N, Old = {_, OldRef}, {Pid, Ref, _}, Streams) ->
    #streams{clients = Clients0, watch = Watch, shares = Shares, lent = Lent} = Streams,
    gwport_watch:leave(OldRef, Watch),
    Clients = gwport_clients:add({Pid, Ref}, once, N, gwport_clients:remove(Old, Clients0)),
    run(Claimed, Streams#streams{clients = Clients,
        shares = gwport_share:moved(OldRef, Ref, Shares),
        lent = gwport_lent:forget(OldRef, Lent)}).

too_late({_, Ref, To}, Streams = #streams{watch = Watch}) ->
    gwport_watch:leave(Ref, Watch),
    gwport_watch:tell(To, {abort, cancelled, <<>>}),
    Streams.

%% What comes for a stream that is over is nobody's fault.
by_name(Name, Fun, Streams = #streams{mux = Mux, clients = Clients}) ->
    case gwport_clients:find(Name, Clients) of
        {ok, N} -> run(Fun(N, Mux), Streams);
        none -> Streams
    end.

-spec abort(gwport_clients:name(), gwport_frame:code(), binary(), streams()) -> streams().
abort(Name, Code, Text, Streams = #streams{mux = Mux, clients = Clients}) ->
    case gwport_clients:find(Name, Clients) of
        {ok, N} -> run(gwport_mux:abort(N, Code, Text, Mux), Streams);
        none -> withdraw(Name, Streams)
    end.

%% The open may not have been written.
withdraw({_, Ref}, Streams = #streams{out = Out}) ->
    case gwport_out:withdraw(Ref, Out) of
        none ->
            Streams;
        {Open, Out1} ->
            look_for_waiting(left(Open, Streams#streams{out = Out1}))
    end.

%% A client is gone, which is the abort of what it had.
-spec down(pid(), streams()) -> streams().
down(Pid, Streams = #streams{clients = Clients}) ->
    {Numbers, Clients1} = gwport_clients:down(Pid, Clients),
    lists:foldl(fun gone/2, Streams#streams{clients = Clients1}, Numbers).

gone(N, Streams = #streams{mux = Mux}) ->
    run(gwport_mux:abort(N, cancelled, <<>>, Mux), Streams).

%% From the program

-spec frame({gwport_frame:kind(), gwport_frame:stream(), binary() | [binary()]}, streams()) ->
    {ok, streams()} | {fault, gwport_frame:fault(), Sentence :: binary()}.
frame(Frame, Streams = #streams{mux = Mux}) ->
    case gwport_mux:frame(Frame, Mux) of
        {ok, Commands, Mux1} -> {ok, run({Commands, Mux1}, Streams)};
        Fault -> Fault
    end.

%% It drains, and will not serve streams above Last.
-spec drained(integer(), streams()) -> streams().
drained(Last, Streams = #streams{mux = Mux}) ->
    run(gwport_mux:drained(Last, Mux), Streams).

%% Now and then: how many aborts it has not answered since the look before, and whom there is no
%% reason to watch any more.
-spec look(streams()) -> {Overdue :: non_neg_integer(), streams()}.
look(Streams = #streams{mux = Mux, clients = Clients}) ->
    {Overdue, Mux1} = gwport_mux:overdue(Mux),
    {Overdue, Streams#streams{mux = Mux1, clients = gwport_clients:sweep(Clients)}}.

run({Commands, Mux}, Streams) ->
    lists:foldl(fun command/2, Streams#streams{mux = Mux}, Commands).

command({deliver, To, {credit, Grant}}, Streams = #streams{lent = Lent0}) ->
    {More, Lent} = gwport_lent:granted(To, Grant, Lent0),
    told({[{To, More} || More > 0], Lent}, Streams);
command({deliver, To, Event}, Streams) ->
    gwport_watch:tell(To, Event),
    Streams;
command({write, N, abort, Term}, Streams = #streams{out = Out}) ->
    Streams#streams{out = gwport_out:drop(N, gwport_frame:encode(abort, N, Term), Out)};
command({replace, N, Term}, Streams = #streams{out = Out}) ->
    Streams#streams{out = gwport_out:replace(N, gwport_frame:encode(abort, N, Term), Out)};
command({write, N, Kind, Bytes}, Streams) when Kind =:= credit; Kind =:= taken ->
    control(gwport_frame:encode(Kind, N, Bytes), Streams);
command({write, N, Kind, Term}, Streams = #streams{out = Out}) ->
    Streams#streams{out = gwport_out:body(N, gwport_frame:encode(Kind, N, Term), Out)};
command({closed, _, {Pid, Ref, _}, Window, Free}, Streams0) ->
    Streams = #streams{clients = Clients} = over(Ref, Streams0),
    free(Free, Window, Streams#streams{clients = gwport_clients:remove({Pid, Ref}, Clients)}).

%% The place of a stream that is over.
free(now, Window, Streams = #streams{load = Load}) ->
    gwport_load:leave(Window, Load),
    look_for_waiting(Streams);
free(written, Window, Streams = #streams{out = Out}) ->
    Streams#streams{out = gwport_out:leave(Window, Out)}.

%% Writing

%% The answer to a ping; `full` where the program does not read those that it has.
-spec pong(iodata(), streams()) -> {ok, streams()} | full.
pong(Frame, Streams = #streams{out = Out0}) ->
    case gwport_out:pong(Frame, Out0) of
        {ok, Out} -> {ok, Streams#streams{out = Out}};
        full -> full
    end.

%% A frame without a stream.
-spec control(iodata(), streams()) -> streams().
control(Frame, Streams = #streams{out = Out}) ->
    Streams#streams{out = gwport_out:control(Frame, Out)}.

%% A fault, behind which nothing is written.
-spec last(iodata(), streams()) -> streams().
last(Fault, Streams = #streams{out = Out}) ->
    Streams#streams{out = gwport_out:last(Fault, Out)}.

%% The writer has said so.
-spec through(streams()) -> streams().
through(Streams = #streams{writer = Writer}) ->
    Streams#streams{writer = gwport_writer:through(Writer)}.

-spec can_write(streams()) -> boolean().
can_write(#streams{out = Out, writer = Writer}) ->
    gwport_writer:is_free(Writer) andalso not gwport_out:is_empty(Out).

-spec is_full(streams()) -> boolean().
is_full(#streams{out = Out}) ->
    gwport_out:is_full(Out).

%% When it can: as much as one write takes. `closed` if the port is.
-spec write(streams()) -> {ok | closed, streams()}.
write(Streams0) ->
    {Frames, Streams = #streams{out = Out, writer = Writer}} = number(places(Streams0)),
    {Data, Out1} = gwport_out:take(Frames, Out),
    {Said, Writer1} = gwport_writer:write(Data, Writer),
    {Said, lend(Streams#streams{out = Out1, writer = Writer1})}.

%% An abort frees the place that an open takes behind it.
places(Streams = #streams{out = Out, load = Load}) ->
    {Windows, Out1} = gwport_out:left(Out),
    lists:foreach(fun(Window) -> gwport_load:leave(Window, Load) end, Windows),
    freed(Windows, Streams#streams{out = Out1}).

freed([], Streams) -> Streams;
freed(_, Streams) -> look_for_waiting(Streams).

number(Streams = #streams{out = Out}) ->
    {Opens, Out1} = gwport_out:opens(Out),
    {Frames, Streams1} = lists:foldl(fun number/2, {[], Streams#streams{out = Out1}}, Opens),
    {lists:reverse(Frames), Streams1}.

number(Open, {Frames, Streams = #streams{next = N, last = Last}}) when N > Last ->
    {Frames, refuse(Open, draining, Streams)};
number(Open = {_, _, {Request, _, _}, _}, {Frames, Streams = #streams{next = N, load = Load}}) ->
    case gwport_load:enter(Load) of
        {ok, Window} ->
            Frame = gwport_frame:encode_open(N, Window, Request),
            {[Frame | Frames], opened(Open, Window, Streams)};
        busy ->
            {Frames, refuse(Open, busy, Streams)}
    end.

opened(Open, Window, Streams = #streams{next = N, last = Last, mux = Mux, clients = Clients}) ->
    {Client = {Pid, Ref, _}, Stay, {_, Body, IsIdempotent}, _} = Open,
    %% What the owner makes of it is written behind this open, or the program would end before it.
    _ = [self() ! drain || N + 2 > Last],
    run(gwport_mux:opened({N, Client, Window, Body, IsIdempotent}, Mux),
        Streams#streams{next = N + 2, clients = gwport_clients:add({Pid, Ref}, Stay, N, Clients)}).

%% The end

%% Opens that wait are refused, and those that come from now on.
-spec stop_opening(streams()) -> streams().
stop_opening(Streams = #streams{out = Out}) ->
    {Opens, Out1} = gwport_out:stop_opening(Out),
    lists:foldl(fun(Open, Left) -> refuse(Open, draining, Left) end, Streams#streams{out = Out1},
        Opens).

%% See gwport_mux:port_down/2.
-spec port_down(#{clean := boolean(), reason := term()}, streams()) -> streams().
port_down(Down, Streams = #streams{mux = Mux}) ->
    run({gwport_mux:port_down(Down, Mux), Mux}, Streams).

%% The owner's last act, when the clients of streams have been told: no program has seen the opens
%% that are left. Those in the mailbox are looked for there, since the table of streams may be gone
%% with the watch; whoever has come to the table and not yet asked is told from there.
-spec close(streams()) -> ok.
close(Streams = #streams{clients = Clients, watch = Watch}) ->
    not_opened(stop_opening(Streams)),
    gwport_watch:close(fun(Pid, Ref) -> none =/= gwport_clients:find({Pid, Ref}, Clients) end,
        {port_down, false, stopped}, Watch).

not_opened(Streams) ->
    receive
        {How, Open} when How =:= open; How =:= accept ->
            not_opened(refuse(Open, draining, Streams))
    after 0 -> ok
    end.
