%% The one process that writes to a port.
%%
%% A port whose program does not read suspends whoever writes to it, without a timeout, so nobody
%% else may: the owner reads, routes and kills while this process waits. It is linked to the owner
%% and dies with it, or with the port.
%%
%% It numbers the streams when it writes their `open`, so that numbers rise on the wire, and tells
%% the owner of them before the program can answer. What is ready goes out in one write: first what
%% has no stream, opens, credit and aborts, then one chunk for each stream in turn (SPEC.md, 7.5).
%%
%% It sends its owner {opened, [gwport_mux:opening() without its monitor]} before the frames are
%% written, {abort, Ref, Code, Text} for a stream that is numbered, and `drain` at the last number.
-module(gwport_writer).

-export([start_link/1]).
-export([open/2, abort/3, control/2, body/3, drop/3, replace/3, leave/2, stop_opening/1, last/2,
    finish/1]).
-export([init/1]).

-export_type([open/0]).

%% An open as it waits to be numbered. `request` is the encoded Request of SPEC.md, section 6,
%% without a version byte; `window` is what the stream would like.
-type open() :: #{
    pid := pid(), to := gwport_watch:to(), ref := reference(), request := iodata(),
    body := none | now | continue, idempotent := boolean()
}.

%% A write beyond this leaves the rest for the next one, so that an abort is never behind more.
-define(WRITE_BYTES, 262144).
%% At most so many messages are taken before something is written.
-define(BATCH, 512).

-record(writer, {
    owner :: pid(),
    port :: port(),
    load :: gwport_load:load(),
    watch :: gwport_watch:watch(),
    next = 256 :: pos_integer(),
    last :: pos_integer(),
    opening = true :: boolean(),
    %% The last frame is taken.
    ended = false :: boolean(),
    opens = [] :: [open()],
    control = [] :: iodata(),
    %% Frames of streams that wait for their turn; ring holds each of their numbers once.
    bodies = #{} :: #{gwport_frame:stream() => queue:queue(iodata())},
    ring = queue:new() :: queue:queue(gwport_frame:stream())
}).

-spec start_link(#{port := port(), load := gwport_load:load(), watch := gwport_watch:watch(),
    last_stream := pos_integer()}) -> pid().
start_link(#{port := Port, load := Load, watch := Watch, last_stream := Last}) ->
    proc_lib:spawn_link(?MODULE, init,
        [#writer{owner = self(), port = Port, load = Load, watch = Watch, last = Last}]).

%% Called by a stream's end. The answer is an event, or {refused, Why} in the place of one.
-spec open(pid(), open()) -> ok.
open(Writer, Open) ->
    Writer ! {open, Open},
    ok.

%% Called by a stream's end, by the same way as its open, so that it cannot come before it.
-spec abort(pid(), reference(), {gwport_frame:code(), binary()}) -> ok.
abort(Writer, Ref, Abort) ->
    Writer ! {abort, Ref, Abort},
    ok.

%% Called by the owner: a frame that goes before all bodies.
-spec control(pid(), iodata()) -> ok.
control(Writer, Frame) ->
    Writer ! {control, Frame},
    ok.

%% Called by the owner: a frame that keeps its place in its stream.
-spec body(pid(), gwport_frame:stream(), iodata()) -> ok.
body(Writer, Stream, Frame) ->
    Writer ! {body, Stream, Frame},
    ok.

%% Called by the owner: an abort, which replaces what the stream still has here.
-spec drop(pid(), gwport_frame:stream(), iodata()) -> ok.
drop(Writer, Stream, Abort) ->
    Writer ! {drop, Stream, Abort},
    ok.

%% Called by the owner: an abort in the place of what the stream still has here, if it has anything.
-spec replace(pid(), gwport_frame:stream(), iodata()) -> ok.
replace(Writer, Stream, Abort) ->
    Writer ! {replace, Stream, Abort},
    ok.

%% Called by the owner, behind an abort or the end of a stream that was given Window: its place is
%% free for an open that is written behind that.
-spec leave(pid(), Window :: non_neg_integer()) -> ok.
leave(Writer, Window) ->
    Writer ! {leave, Window},
    ok.

%% Called by the owner: opens that come from now on are refused.
-spec stop_opening(pid()) -> ok.
stop_opening(Writer) ->
    Writer ! stop_opening,
    ok.

%% Called by the owner: a fault. Bodies that wait are dropped, and nothing is written behind it.
-spec last(pid(), iodata()) -> ok.
last(Writer, Fault) ->
    Writer ! {last, Fault},
    ok.

%% Called by the owner at its end: the writer ends, and refuses the opens that it had not come to.
-spec finish(pid()) -> ok.
finish(Writer) ->
    Writer ! finish,
    ok.

-spec init(#writer{}) -> no_return().
init(Writer) ->
    gwport_failure:run("the writer of a port", fun() -> loop(Writer) end).

loop(Writer = #writer{ring = Ring}) ->
    Timeout = case queue:is_empty(Ring) of true -> infinity; false -> 0 end,
    Writer1 = receive Message -> batch(?BATCH, take(Message, Writer)) after Timeout -> Writer end,
    loop(write(Writer1)).

batch(0, Writer) ->
    Writer;
batch(Left, Writer) ->
    receive Message -> batch(Left - 1, take(Message, Writer)) after 0 -> Writer end.

take({Kind, _, _}, Writer = #writer{ended = true}) when Kind =:= body; Kind =:= drop; Kind =:= replace ->
    Writer;
take({Kind, _}, Writer = #writer{ended = true}) when Kind =:= control; Kind =:= last ->
    Writer;
take({last, Fault}, Writer = #writer{control = Control}) ->
    Writer#writer{control = [Control | Fault], bodies = #{}, ring = queue:new(),
        opening = false, ended = true};
take({open, Open}, Writer = #writer{opens = Opens}) ->
    Writer#writer{opens = [Open | Opens]};
take({body, Stream, Frame}, Writer = #writer{bodies = Bodies, ring = Ring}) ->
    case Bodies of
        #{Stream := Queue} ->
            Writer#writer{bodies = Bodies#{Stream := queue:in(Frame, Queue)}};
        #{} ->
            Writer#writer{bodies = Bodies#{Stream => queue:in(Frame, queue:new())},
                ring = queue:in(Stream, Ring)}
    end;
take({control, Frame}, Writer = #writer{control = Control}) ->
    Writer#writer{control = [Control | Frame]};
take({drop, Stream, Abort}, Writer = #writer{bodies = Bodies}) when is_map_key(Stream, Bodies) ->
    take({control, Abort}, Writer#writer{bodies = maps:remove(Stream, Bodies),
        ring = queue:delete(Stream, Writer#writer.ring)});
take({replace, Stream, Abort}, Writer = #writer{bodies = Bodies}) ->
    case Bodies of
        #{Stream := _} -> take({drop, Stream, Abort}, Writer);
        #{} -> Writer
    end;
take({drop, _, Abort}, Writer) ->
    take({control, Abort}, Writer);
take({leave, Window}, Writer = #writer{load = Load}) ->
    gwport_load:leave(Window, Load),
    Writer;
take({abort, Ref, {Name, Text}}, Writer = #writer{opens = Opens, owner = Owner}) ->
    case lists:partition(fun(#{ref := R}) -> R =:= Ref end, Opens) of
        {[Open], Rest} ->
            left(Open, Writer),
            Writer#writer{opens = Rest};
        {[], _} ->
            Owner ! {abort, Ref, Name, Text},
            Writer
    end;
take(stop_opening, Writer) ->
    Writer#writer{opening = false};
take(finish, Writer = #writer{opens = Opens}) ->
    lists:foreach(fun(Open) -> refuse(Open, draining, Writer) end, Opens),
    exit(normal).

%% Control goes before opens: an abort in it frees the place at the program that an open takes. It
%% cannot be about a stream of these opens, which the owner does not know before they are numbered.
write(Writer = #writer{port = Port}) ->
    {Opens, Writer1} = opens(Writer),
    Control = Writer1#writer.control,
    Room = ?WRITE_BYTES - iolist_size(Opens) - iolist_size(Control),
    {Bodies, Writer2} = bodies(Room, Writer1#writer{control = []}),
    command(Port, [Control, Opens | Bodies]),
    Writer2.

command(_, [[], [] | []]) ->
    ok;
command(Port, Data) ->
    %% The error of a port that died meanwhile holds all of Data, bodies included: it must not
    %% reach a log. The owner has its own word of the port's end.
    try port_command(Port, Data) of
        true -> ok
    catch
        error:badarg -> exit(normal)
    end.

opens(Writer = #writer{opens = []}) ->
    {[], Writer};
opens(Writer = #writer{opens = Opens, owner = Owner}) ->
    {Frames, Opened, Writer1} = lists:foldr(fun number/2, {[], [], Writer}, Opens),
    _ = [Owner ! {opened, lists:reverse(Opened)} || Opened =/= []],
    {lists:reverse(Frames), Writer1#writer{opens = []}}.

number(Open, Acc = {_, _, Writer = #writer{opening = false}}) ->
    refuse(Open, draining, Writer),
    Acc;
number(Open, {Frames, Opened, Writer = #writer{next = N, load = Load}}) ->
    #{to := _, request := Request} = Open,
    case gwport_load:enter(Load) of
        {ok, Window} ->
            {[gwport_frame:encode_open(N, Window, Request) | Frames],
                [(maps:with([pid, to, ref, body, idempotent], Open))#{stream => N,
                    window => Window} | Opened],
                numbered(Writer)};
        busy ->
            refuse(Open, busy, Writer),
            {Frames, Opened, Writer}
    end.

%% Numbers are not used twice: at the last one the port is drained, and replaced.
numbered(Writer = #writer{next = N, last = Last, owner = Owner}) when N + 2 > Last ->
    Owner ! drain,
    Writer#writer{next = N + 2, opening = false};
numbered(Writer = #writer{next = N}) ->
    Writer#writer{next = N + 2}.

refuse(Open = #{to := To}, Why, Writer) ->
    left(Open, Writer),
    gwport_watch:tell(To, {refused, Why}).

%% It does not become a stream.
left(#{ref := Ref}, #writer{load = Load, watch = Watch}) ->
    gwport_watch:leave(Ref, Watch),
    gwport_load:left(Load).

%% One frame of each stream in turn, while there is room.
bodies(Room, Writer = #writer{ring = Ring}) when Room > 0 ->
    case queue:out(Ring) of
        {empty, _} ->
            {[], Writer};
        {{value, Stream}, Rest} ->
            {Frame, Writer1} = turn(Stream, Writer#writer{ring = Rest}),
            {Frames, Writer2} = bodies(Room - iolist_size(Frame), Writer1),
            {[Frame | Frames], Writer2}
    end;
bodies(_, Writer) ->
    {[], Writer}.

turn(Stream, Writer = #writer{bodies = Bodies, ring = Ring}) ->
    {{value, Frame}, Queue} = queue:out(maps:get(Stream, Bodies)),
    case queue:is_empty(Queue) of
        true ->
            {Frame, Writer#writer{bodies = maps:remove(Stream, Bodies)}};
        false ->
            {Frame, Writer#writer{bodies = Bodies#{Stream := Queue}, ring = queue:in(Stream, Ring)}}
    end.
