%% What waits to be written to a port, in the order in which it will be (SPEC.md, 7.5): first what
%% has no stream, credit and aborts, then opens, then one chunk for each stream in turn. There is no
%% process and no I/O in here.
%%
%% Opens wait without a number, which their owner gives them when they are written, so that numbers
%% rise on the wire.
%% @hidden
-module(gwport_out).

-export([new/0, control/2, pong/2, max_pongs/0, body/3, drop/3, replace/3, last/2, leave/2]).
-export([open/2, withdraw/2, stop_opening/1, is_opening/1, waiting/1]).
-export([is_empty/1, is_full/1, left/1, opens/1, take/2]).

-export_type([out/0, open/0]).

%% Who is to be told of it, how long that process will be a client, what it asks for, and for whom.
-type open() :: {gwport_mux:client(), gwport_clients:stay(), gwport_handle:request(),
    Peer :: binary() | none}.

%% A write beyond this leaves the rest for the next one, so that an abort is never behind more.
-define(WRITE_BYTES, 262144).
%% A program that asks more, and does not read the answers, would have them all kept.
-define(MAX_PONGS, 4096).

-record(out, {
    control = [] :: iodata(),
    %% How many answers to pings are part of that.
    pongs = 0 :: non_neg_integer(),
    %% Newest first; none comes any more when the port is not `opening`.
    opens = [] :: [open()],
    opening = true :: boolean(),
    %% Places that are free when the control that stands here is written, by their windows.
    leaving = [] :: [non_neg_integer()],
    %% The last frame is taken.
    ended = false :: boolean(),
    %% Frames of streams that wait for their turn; ring holds each of their numbers once.
    bodies = #{} :: #{gwport_frame:stream() => queue:queue(iodata())},
    ring = queue:new() :: queue:queue(gwport_frame:stream()),
    %% About how much is here.
    bytes = 0 :: non_neg_integer()
}).
-opaque out() :: #out{}.

-spec new() -> out().
new() ->
    #out{}.

%% A frame that goes before all opens and bodies.
-spec control(iodata(), out()) -> out().
control(_, Out = #out{ended = true}) ->
    Out;
control(Frame, Out = #out{control = Control, bytes = Bytes}) ->
    Out#out{control = [Control | Frame], bytes = Bytes + iolist_size(Frame)}.

%% The same for the answer to a ping; `full` where too many wait.
-spec pong(iodata(), out()) -> {ok, out()} | full.
pong(_, #out{pongs = ?MAX_PONGS}) -> full;
pong(Frame, Out = #out{pongs = Pongs}) -> {ok, control(Frame, Out#out{pongs = Pongs + 1})}.

-spec max_pongs() -> pos_integer().
max_pongs() -> ?MAX_PONGS.

%% A frame that keeps its place in its stream.
-spec body(gwport_frame:stream(), iodata(), out()) -> out().
body(_, _, Out = #out{ended = true}) ->
    Out;
body(Stream, Frame, Out = #out{bodies = Bodies, ring = Ring, bytes = Before}) ->
    Bytes = Before + iolist_size(Frame),
    case Bodies of
        #{Stream := Queue} ->
            Out#out{bodies = Bodies#{Stream := queue:in(Frame, Queue)}, bytes = Bytes};
        #{} ->
            Out#out{bodies = Bodies#{Stream => queue:in(Frame, queue:new())},
                ring = queue:in(Stream, Ring), bytes = Bytes}
    end.

%% An abort, which replaces what the stream still has here.
-spec drop(gwport_frame:stream(), iodata(), out()) -> out().
drop(Stream, Abort, Out = #out{bodies = Bodies, ring = Ring}) when is_map_key(Stream, Bodies) ->
    control(Abort,
        Out#out{bodies = maps:remove(Stream, Bodies), ring = queue:delete(Stream, Ring)});
drop(_, Abort, Out) ->
    control(Abort, Out).

%% An abort in the place of what the stream still has here, if it has anything.
-spec replace(gwport_frame:stream(), iodata(), out()) -> out().
replace(Stream, Abort, Out = #out{bodies = Bodies}) when is_map_key(Stream, Bodies) ->
    drop(Stream, Abort, Out);
replace(_, _, Out) ->
    Out.

%% A fault. Bodies that wait are dropped, and nothing is written behind it.
-spec last(iodata(), out()) -> out().
last(Fault, Out) ->
    (control(Fault, Out))#out{bodies = #{}, ring = queue:new(), ended = true}.

%% Behind the abort or the end of a stream that was given Window: its place is free for an open that
%% is written behind that.
-spec leave(Window :: non_neg_integer(), out()) -> out().
leave(Window, Out = #out{leaving = Leaving}) ->
    Out#out{leaving = [Window | Leaving]}.

-spec open(open(), out()) -> {ok, out()} | refused.
open(Open, Out = #out{opening = true, opens = Opens}) ->
    {ok, Out#out{opens = [Open | Opens]}};
open(_, _) ->
    refused.

%% An open whose client has given up; `none` if it is not here, or not any more.
-spec withdraw(reference(), out()) -> {open(), out()} | none.
withdraw(Ref, Out = #out{opens = Opens}) ->
    case lists:partition(fun({{_, R, _}, _, _, _}) -> R =:= Ref end, Opens) of
        {[Open], Rest} -> {Open, Out#out{opens = Rest}};
        {[], _} -> none
    end.

%% No open is taken any more: those that wait.
-spec stop_opening(out()) -> {[open()], out()}.
stop_opening(Out = #out{opens = Opens}) ->
    {lists:reverse(Opens), Out#out{opens = [], opening = false}}.

-spec is_opening(out()) -> boolean().
is_opening(#out{opening = IsOpening}) ->
    IsOpening.

%% How many opens wait.
-spec waiting(out()) -> non_neg_integer().
waiting(#out{opens = Opens}) ->
    length(Opens).

-spec is_empty(out()) -> boolean().
is_empty(#out{control = [], opens = [], leaving = [], ring = Ring}) -> queue:is_empty(Ring);
is_empty(_) -> false.

%% Whether there is enough for a write, or more.
-spec is_full(out()) -> boolean().
is_full(#out{bytes = Bytes}) ->
    Bytes >= ?WRITE_BYTES.

%% The places that the next write frees at the program, before it opens anything there.
-spec left(out()) -> {[Window :: non_neg_integer()], out()}.
left(Out = #out{leaving = Leaving}) ->
    {Leaving, Out#out{leaving = []}}.

%% All that wait, for their numbers; take/2 is given their frames.
-spec opens(out()) -> {[open()], out()}.
opens(Out = #out{opens = Opens}) ->
    {lists:reverse(Opens), Out#out{opens = []}}.

%% What is to be written now. Control goes before opens: an abort in it frees the place at the
%% program that an open takes. It cannot be about a stream of these opens, which have only now got
%% their numbers.
-spec take(Opens :: iodata(), out()) -> {iodata(), out()}.
take(Opens, Out = #out{control = Control}) ->
    Before = iolist_size(Control),
    {Bodies, Out1} = bodies(?WRITE_BYTES - Before - iolist_size(Opens), spent(Before, Out)),
    {[Control, Opens | Bodies], Out1#out{control = [], pongs = 0}}.

%% One frame of each stream in turn, while there is room.
bodies(Room, Out = #out{ring = Ring}) when Room > 0 ->
    case queue:out(Ring) of
        {empty, _} ->
            {[], Out#out{bytes = 0}};
        {{value, Stream}, Rest} ->
            {Frame, Out1} = turn(Stream, Out#out{ring = Rest}),
            Size = iolist_size(Frame),
            {Frames, Out2} = bodies(Room - Size, spent(Size, Out1)),
            {[Frame | Frames], Out2}
    end;
bodies(_, Out) ->
    {[], Out}.

turn(Stream, Out = #out{bodies = Bodies, ring = Ring}) ->
    {{value, Frame}, Queue} = queue:out(maps:get(Stream, Bodies)),
    case queue:is_empty(Queue) of
        true ->
            {Frame, Out#out{bodies = maps:remove(Stream, Bodies)}};
        false ->
            {Frame, Out#out{bodies = Bodies#{Stream := Queue}, ring = queue:in(Stream, Ring)}}
    end.

spent(Size, Out = #out{bytes = Bytes}) ->
    Out#out{bytes = max(0, Bytes - Size)}.
