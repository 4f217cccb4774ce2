%% How much of a request's body a client may be ahead of what its program takes. A program says by
%% credit how much it has room for, and may say too much: of that no more than MAX is passed on to
%% the client at a time, and what it has sent is passed on anew when the port's owner is not full of
%% what waits to be written. So the BEAM keeps little of a body whatever a program promises.
%% @hidden
-module(gwport_lent).

-export([new/0, max/0, is_empty/1, granted/3, sent/3, is_wanted/1, lend/1, forget/2]).

-export_type([lent/0]).

-record(lent, {
    %% What the client may send now, and what it is to be told of later.
    streams = #{} :: #{reference() =>
        {gwport_watch:to(), Now :: integer(), Later :: non_neg_integer()}},
    %% Those that have sent some and are to be told of more.
    wanting = [] :: [reference()]
}).
-opaque lent() :: #lent{}.

%% As much as the widest window that the bridge gives.
-define(MAX, 262144).

-spec new() -> lent().
new() ->
    #lent{}.

-spec max() -> pos_integer().
max() -> ?MAX.

-spec is_empty(lent()) -> boolean().
is_empty(#lent{streams = Streams}) ->
    map_size(Streams) =:= 0.

%% The program has room for so many bytes more: how many of them the client is told of.
-spec granted(gwport_watch:to(), pos_integer(), lent()) -> {non_neg_integer(), lent()}.
granted(To = {Ref, _}, Grant, Lent = #lent{streams = Streams}) ->
    {_, Now, Later} = maps:get(Ref, Streams, {To, 0, 0}),
    {More, Stream} = more(To, Now, Later + Grant),
    {More, Lent#lent{streams = Streams#{Ref => Stream}}}.

more(To, Now, Later) ->
    More = max(0, min(Later, ?MAX - Now)),
    {More, {To, Now + More, Later - More}}.

%% The client has sent so many.
-spec sent(reference(), non_neg_integer(), lent()) -> lent().
sent(Ref, Bytes, Lent = #lent{streams = Streams, wanting = Wanting}) ->
    case Streams of
        #{Ref := {To, Now, 0}} ->
            Lent#lent{streams = Streams#{Ref := {To, Now - Bytes, 0}}};
        #{Ref := {To, Now, Later}} ->
            Lent#lent{streams = Streams#{Ref := {To, Now - Bytes, Later}},
                wanting = [Ref | lists:delete(Ref, Wanting)]};
        #{} ->
            Lent
    end.

-spec is_wanted(lent()) -> boolean().
is_wanted(#lent{wanting = Wanting}) ->
    Wanting =/= [].

%% Who is to be told of how many more.
-spec lend(lent()) -> {[{gwport_watch:to(), pos_integer()}], lent()}.
lend(Lent = #lent{wanting = Wanting}) ->
    lists:foldl(fun lend/2, {[], Lent#lent{wanting = []}}, Wanting).

lend(Ref, {Told, Lent = #lent{streams = Streams}}) ->
    #{Ref := {To, Now, Later}} = Streams,
    {More, Stream} = more(To, Now, Later),
    {[{To, More} || More > 0] ++ Told, Lent#lent{streams = Streams#{Ref := Stream}}}.

%% It is over.
-spec forget(reference(), lent()) -> lent().
forget(Ref, Lent = #lent{streams = Streams, wanting = Wanting}) ->
    Lent#lent{streams = maps:remove(Ref, Streams), wanting = lists:delete(Ref, Wanting)}.
