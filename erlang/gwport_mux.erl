%% The streams of one port as their owner sees them: who answers for which number, which half has
%% ended, what credit is out (SPEC.md, section 7). Events go in, commands come out; there is no
%% process, no clock and no I/O in here.
%%
%% This is where a peer's promises are held to: order, credit and counts are checked before anything
%% is handed to a stream's end, because what lies in a mailbox is already allocated.
-module(gwport_mux).

-export([new/1, opened/2, frame/2, send/4, consumed/3, abort/4, down/3]).
-export([drained/2, port_down/2, is_live/2, live/1, served/1, overdue/1]).

-export_type([mux/0, client/0, command/0, event/0, opening/0]).

%% Who is at this side of a stream: its process, the stream's name here, and where its events go.
-type client() :: {pid(), reference(), gwport_watch:to()}.

-record(stream, {
    client :: client(),
    %% The half that we send. When the other one ends the stream is closed and forgotten.
    %% Its last frame is `queued` until it is written, of which nothing is said in here.
    local :: open | queued | ended,
    %% Our abort is not answered yet, and all else is ignored. `overdue` at the second look.
    aborted = false :: false | waiting | overdue,
    phase = start :: start | body,
    informs = 0 :: non_neg_integer(),
    entered :: boolean(),
    window :: non_neg_integer(),
    credit :: non_neg_integer(),
    consumed = 0 :: non_neg_integer(),
    send_credit :: non_neg_integer()
}).

-record(mux, {
    request_window :: non_neg_integer(),
    max_head :: pos_integer(),
    highest = 254 :: non_neg_integer(),
    served = 0 :: non_neg_integer(),
    streams = #{} :: #{gwport_frame:stream() => #stream{}},
    refs = #{} :: #{reference() => gwport_frame:stream()}
}).

-opaque mux() :: #mux{}.

-type opening() :: #{
    stream := gwport_frame:stream(), client := client(),
    window := non_neg_integer(), body := none | now | continue, idempotent := boolean(),
    _ => _
}.
%% What a stream's end is told.
-type event() ::
    {credit, pos_integer()}
  | {inform | head | trailers | chunk, Payload :: binary()}
  | {reply, Payload :: binary(), Credit :: non_neg_integer()}
  | fin
  | {abort, gwport_frame:code(), Text :: binary()}
  | {port_down, Entered :: boolean(), Reason :: term()}.
-type command() ::
    {deliver, gwport_watch:to(), event()}
  | {write, gwport_frame:stream(), gwport_frame:kind(), term()}
    %% Write this abort if frames of the stream are still waiting to be written, in their place.
  | {replace, gwport_frame:stream(), {non_neg_integer(), binary()}}
    %% The stream's end is told no more, and its place is free: now, or when the program has been
    %% written all that is for it.
  | {closed, gwport_frame:stream(), client(), Window :: non_neg_integer(), now | written}.

-define(MAX_CHUNK, 65536).
-define(MAX_INFORMS, 16).
-define(MAX_CREDIT, 2147483647).
-define(MAX_CODE, 2147483647).
-define(MAX_TEXT, 1024).
-define(NIL, <<131, 106>>).

-spec new(#{window := non_neg_integer(), max_head := pos_integer()}) -> mux().
new(#{window := Window, max_head := MaxHead}) ->
    #mux{request_window = Window, max_head = MaxHead}.

%% Streams that are live or wait for the answer to an abort.
-spec live(mux()) -> non_neg_integer().
live(#mux{streams = Streams}) ->
    map_size(Streams).

-spec is_live(reference(), mux()) -> boolean().
is_live(Ref, #mux{refs = Refs}) ->
    is_map_key(Ref, Refs).

-spec served(mux()) -> non_neg_integer().
served(#mux{served = Served}) ->
    Served.

%% A stream was numbered. Its end may send its body from the first credit on.
-spec opened(opening(), mux()) -> {[command()], mux()}.
opened(Opening, Mux = #mux{streams = Streams, refs = Refs, request_window = RequestWindow}) ->
    #{stream := N, client := {_, Ref, To} = Client, window := Window, body := Body,
        idempotent := Idempotent} = Opening,
    SendCredit = first_credit(Body, RequestWindow),
    Stream = #stream{client = Client, local = local(Body),
        entered = Idempotent, window = Window, credit = Window, send_credit = SendCredit},
    {[{deliver, To, {credit, SendCredit}} || SendCredit > 0],
        Mux#mux{highest = N, streams = Streams#{N => Stream}, refs = Refs#{Ref => N}}}.

first_credit(now, Window) -> Window;
first_credit(_, _) -> 0.

local(none) -> ended;
local(_) -> open.

%% A frame with a stream came in. Only a number that was never given out is the port's fault.
-spec frame({gwport_frame:kind(), gwport_frame:stream(), binary()}, mux()) ->
    {ok, [command()], mux()} | {fault, gwport_frame:fault(), binary()}.
frame({Kind, N, Payload}, Mux = #mux{streams = Streams, highest = Highest}) ->
    case Streams of
        #{N := Stream} when Kind =/= open ->
            {Commands, Mux1} = live(Kind, Payload, N, Stream, Mux),
            {ok, Commands, Mux1};
        #{} when N =< Highest, N rem 2 =:= 0, Kind =/= open ->
            {ok, [], Mux};
        #{} ->
            {fault, bad_stream, iolist_to_binary(
                io_lib:format("~s for stream ~b, which cannot be", [Kind, N]))}
    end.

%% Our abort is under way: everything but the other half's end is ignored.
live(Kind, _, N, Stream = #stream{aborted = At}, Mux) when At =/= false ->
    case lists:member(Kind, [abort, fin, trailers, reply]) of
        true -> close([], N, Stream, Mux);
        false -> {[], Mux}
    end;
live(chunk, Data, N, Stream = #stream{phase = body, credit = Credit}, Mux) ->
    case byte_size(Data) of
        Size when Size =:= 0; Size > ?MAX_CHUNK ->
            fail(bad_payload, <<"a chunk has 1 to 65536 bytes">>, N, Stream, Mux);
        Size when Size > Credit ->
            fail(flow_exceeded, <<"bytes beyond credit">>, N, Stream, Mux);
        Size ->
            deliver({chunk, own(Data)}, N, Stream#stream{credit = Credit - Size}, Mux)
    end;
live(reply, Payload, N, Stream = #stream{phase = start, window = Window}, Mux) ->
    case byte_size(Payload) > Window + max_head(Mux) of
        true -> fail_end(too_large, <<"a reply over max_head and its credit">>, N, Stream, Mux);
        false -> remote_end({reply, Payload, Stream#stream.credit}, N, Stream, Mux)
    end;
live(head, Payload, N, Stream = #stream{phase = start}, Mux) ->
    bounded(head, Payload, N, Stream#stream{phase = body, entered = true}, Mux);
live(inform, Payload, N, Stream = #stream{phase = start, informs = I}, Mux) when I < ?MAX_INFORMS ->
    bounded(inform, Payload, N, Stream#stream{informs = I + 1, entered = true}, Mux);
live(fin, ?NIL, N, Stream = #stream{phase = body}, Mux) ->
    remote_end(fin, N, Stream, Mux);
live(trailers, Payload, N, Stream = #stream{phase = body}, Mux) ->
    case byte_size(Payload) > max_head(Mux) of
        true -> fail_end(too_large, <<"trailers over max_head">>, N, Stream, Mux);
        false -> remote_end({trailers, Payload}, N, Stream, Mux)
    end;
live(entered, ?NIL, N, Stream, Mux) ->
    {[], put(N, Stream#stream{entered = true}, Mux)};
live(credit, Payload, N, Stream, Mux) ->
    credit(gwport_frame:decode_payload(Payload), N, Stream, Mux);
live(abort, Payload, N, Stream, Mux) ->
    aborted(gwport_frame:decode_payload(Payload), N, Stream, Mux);
live(fin, ?NIL, N, Stream, Mux) ->
    fail_end(bad_order, <<"fin without a head">>, N, Stream, Mux);
live(fin, _, N, Stream, Mux) ->
    fail_end(bad_payload, <<"fin carries []">>, N, Stream, Mux);
live(entered, _, N, Stream, Mux) ->
    fail(bad_payload, <<"entered carries []">>, N, Stream, Mux);
live(Kind, _, N, Stream, Mux) when Kind =:= reply; Kind =:= trailers ->
    fail_end(bad_order, <<(atom_to_binary(Kind))/binary, " out of order">>, N, Stream, Mux);
live(Kind, _, N, Stream, Mux) ->
    fail(bad_order, <<(atom_to_binary(Kind))/binary, " out of order">>, N, Stream, Mux).

max_head(#mux{max_head = MaxHead}) ->
    MaxHead.

bounded(Kind, Payload, N, Stream, Mux = #mux{max_head = Max}) when byte_size(Payload) =< Max ->
    deliver({Kind, Payload}, N, Stream, Mux);
bounded(Kind, _, N, Stream, Mux) ->
    fail(too_large, <<(atom_to_binary(Kind))/binary, " over max_head">>, N, Stream, Mux).

%% A small piece of a large read would keep all of the read alive while it waits for its client.
own(Data) ->
    case binary:referenced_byte_size(Data) > 4 * byte_size(Data) of
        true -> binary:copy(Data);
        false -> Data
    end.

credit(_, _, #stream{local = Local}, Mux) when Local =/= open ->
    {[], Mux};
credit({ok, Grant}, N, Stream = #stream{send_credit = Credit}, Mux)
        when is_integer(Grant), Grant >= 1, Grant + Credit =< ?MAX_CREDIT ->
    deliver({credit, Grant}, N, Stream#stream{send_credit = Credit + Grant}, Mux);
credit({ok, Grant}, N, Stream, Mux) when is_integer(Grant) ->
    fail(bad_credit, <<"a grant of 0 or too much of it">>, N, Stream, Mux);
credit(_, N, Stream, Mux) ->
    fail(bad_payload, <<"credit carries an integer">>, N, Stream, Mux).

aborted({ok, {Code, Text}}, N, Stream, Mux)
        when is_integer(Code), Code >= 0, Code =< ?MAX_CODE, is_binary(Text) ->
    answer(Code, binary:part(Text, 0, min(?MAX_TEXT, byte_size(Text))), N, Stream, Mux);
aborted(_, N, Stream, Mux) ->
    answer(gwport_frame:abort_code(bad_payload), <<"abort carries {Code, Text}">>, N, Stream, Mux).

%% [A2]: with the same code, known here or not.
answer(Code, Text, N, Stream = #stream{client = {_, _, To}}, Mux) ->
    close([{deliver, To, {abort, gwport_frame:abort_name(Code), Text}}
        | give_up(Code, <<>>, N, Stream)], N, Stream, Mux).

%% What our half says when it is not wanted any more. A half ends when its last frame is written
%% [A4]: an abort replaces one that waits, and what waits before it.
give_up(Code, Text, N, #stream{local = open}) -> [{write, N, abort, {Code, Text}}];
give_up(Code, Text, N, #stream{local = queued}) -> [{replace, N, {Code, Text}}];
give_up(_, _, _, #stream{local = ended}) -> [].

%% The other half has ended; ours, if it has not, is given up [S2].
remote_end(Event, N, Stream = #stream{client = {_, _, To}}, Mux) ->
    close([{deliver, To, Event} | give_up(0, <<>>, N, Stream)], N, Stream, served(1, Mux)).

served(Add, Mux = #mux{served = Served}) ->
    Mux#mux{served = Served + Add}.

deliver(Event, N, Stream = #stream{client = {_, _, To}}, Mux) ->
    {[{deliver, To, Event}], put(N, Stream, Mux)}.

%% The stream's end hears of it as of an abort by the program.
fail(Name, Text, N, Stream = #stream{client = {_, _, To}}, Mux) ->
    {Commands, Mux1} = abort_stream(Name, Text, N, Stream, Mux),
    {[{deliver, To, {abort, Name, Text}} | Commands], Mux1}.

%% So does what ends the program's half and is wrong: it ends it all the same [F6]. The program has
%% done with the stream and would never answer an abort that waits for an answer.
fail_end(Name, Text, N, Stream = #stream{client = {_, _, To}}, Mux) ->
    close([{deliver, To, {abort, Name, Text}}
        | give_up(gwport_frame:abort_code(Name), Text, N, Stream)], N, Stream, Mux).

put(N, Stream, Mux = #mux{streams = Streams}) ->
    Mux#mux{streams = Streams#{N := Stream}}.

close(Commands, N, Stream, Mux = #mux{streams = Streams, refs = Refs}) ->
    #stream{client = {_, Ref, _} = Client, window = Window} = Stream,
    {Commands ++ [{closed, N, Client, Window, free(Stream)}],
        Mux#mux{streams = maps:remove(N, Streams), refs = maps:remove(Ref, Refs)}}.

%% The program counts a stream until it has our half's end, which may wait at the writer.
free(#stream{local = ended, aborted = false}) -> now;
free(_) -> written.

%% A chunk (iodata), fin or trailers from a stream's end. Late ones, for a stream that has ended
%% meanwhile, are nobody's fault.
-spec send(reference(), chunk | fin | trailers, iodata() | term(), mux()) -> {[command()], mux()}.
send(Ref, Kind, Data, Mux = #mux{refs = Refs, streams = Streams}) ->
    case Refs of
        #{Ref := N} -> send_live(Kind, Data, N, maps:get(N, Streams), Mux);
        #{} -> {[], Mux}
    end.

send_live(chunk, Data, N, Stream = #stream{local = open, send_credit = Credit}, Mux) ->
    case data_size(Data) of
        Size when Size >= 1, Size =< ?MAX_CHUNK, Size =< Credit ->
            {[{write, N, chunk, Data}], put(N, Stream#stream{send_credit = Credit - Size}, Mux)};
        _ ->
            %% A mistake of ours, which is to cost its own stream.
            fail(internal_error, <<"a chunk that cannot be sent">>, N, Stream, Mux)
    end;
send_live(Kind, Term, N, Stream = #stream{local = open}, Mux) ->
    {[{write, N, Kind, Term}], put(N, Stream#stream{local = queued}, Mux)};
send_live(_, _, _, _, Mux) ->
    {[], Mux}.

data_size(Data) ->
    try iolist_size(Data)
    catch error:badarg -> none
    end.

%% Bytes of the response that the client has taken; granted again when they are half the window.
-spec consumed(reference(), non_neg_integer(), mux()) -> {[command()], mux()}.
consumed(Ref, Bytes, Mux = #mux{refs = Refs, streams = Streams}) ->
    case Refs of
        #{Ref := N} -> grant(Bytes, N, maps:get(N, Streams), Mux);
        #{} -> {[], Mux}
    end.

grant(Bytes, N, Stream = #stream{consumed = Before, window = Window, credit = Credit}, Mux) ->
    case Before + Bytes of
        Free when Free > 0, 2 * Free >= Window ->
            {[{write, N, credit, Free}],
                put(N, Stream#stream{consumed = 0, credit = Credit + Free}, Mux)};
        Free ->
            {[], put(N, Stream#stream{consumed = Free}, Mux)}
    end.

%% The stream's end gives up.
-spec abort(reference(), gwport_frame:code(), binary(), mux()) -> {[command()], mux()}.
abort(Ref, Name, Text, Mux = #mux{refs = Refs, streams = Streams}) ->
    case Refs of
        #{Ref := N} -> abort_stream(Name, Text, N, maps:get(N, Streams), Mux);
        #{} -> {[], Mux}
    end.

%% The stream's end is gone, which is how a client's leaving reaches us.
-spec down(gwport_frame:stream(), gwport_frame:code(), mux()) -> {[command()], mux()}.
down(N, Name, Mux = #mux{streams = Streams}) ->
    case Streams of
        #{N := Stream} -> abort_stream(Name, <<>>, N, Stream, Mux);
        #{} -> {[], Mux}
    end.

abort_stream(_, _, _, #stream{aborted = At}, Mux) when At =/= false ->
    {[], Mux};
abort_stream(Name, Text, N, Stream, Mux) ->
    {[{write, N, abort, {gwport_frame:abort_code(Name), Text}}],
        put(N, Stream#stream{local = ended, aborted = waiting}, Mux)}.

%% The program drains and will not serve streams above Last. None is opened any more [D1].
-spec drained(integer(), mux()) -> {[command()], mux()}.
drained(Last, Mux = #mux{streams = Streams}) ->
    maps:fold(
        fun(N, Stream, {Commands, M}) when N > Last ->
                {New, M1} = close(down_event(false, drain, Stream), N, Stream, M),
                {New ++ Commands, M1};
            (_, _, Acc) -> Acc
        end, {[], Mux}, Streams).

%% The port is gone. Clean tells whether all that the program wrote has been read, so that a missing
%% `entered` means that the app was not entered [R6].
-spec port_down(#{clean := boolean(), reason := term()}, mux()) -> [command()].
port_down(#{clean := Clean, reason := Reason}, #mux{streams = Streams}) ->
    lists:append([down_event(Entered orelse not Clean, Reason, Stream)
        || Stream = #stream{entered = Entered} <- maps:values(Streams)]).

down_event(_, _, #stream{aborted = At}) when At =/= false ->
    [];
down_event(Entered, Reason, #stream{client = {_, _, To}}) ->
    [{deliver, To, {port_down, Entered, Reason}}].

%% Streams whose abort was sent before the last look and is not answered yet: their program breaks
%% [A2].
-spec overdue(mux()) -> {non_neg_integer(), mux()}.
overdue(Mux = #mux{streams = Streams}) ->
    Overdue = [late || #stream{aborted = overdue} <- maps:values(Streams)],
    {length(Overdue), Mux#mux{streams = maps:map(fun look/2, Streams)}}.

look(_, Stream = #stream{aborted = waiting}) -> Stream#stream{aborted = overdue};
look(_, Stream) -> Stream.
