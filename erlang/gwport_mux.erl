%% The streams of one port as their owner sees them: a map of numbers to streams, each with the
%% half that we send, the half that we receive, and its client (SPEC.md, section 7). Events go in,
%% commands come out; there is no process, no clock and no I/O in here.
%%
%% This is where a peer's promises are held to: order, credit and counts are checked (gwport_half)
%% before anything is handed to a client, because what lies in a mailbox is already allocated.
%%
%% A stream ends when the program's half does: ours, if it has not ended, is given up. Of its
%% numbers only those that we give are opened; a stream that the program opens would have its
%% halves the other way round, and nothing else of its own.
%% @hidden
-module(gwport_mux).

-export([new/1, opened/2, frame/2, send/4, consumed/3, taken/3, abort/4]).
-export([claim/3, drained/2, port_down/2, live/1, served/1, overdue/1]).

-export_type([mux/0, client/0, command/0, event/0, opening/0]).

%% Who is at this side of a stream: its process, the stream's name here, and where its events go.
-type client() :: {pid(), reference(), gwport_watch:to()}.

-record(stream, {
    client :: client(),
    out :: gwport_half:half(),
    in :: gwport_half:half(),
    %% Whether the app may have been entered.
    entered :: boolean(),
    %% Whether the program has taken the stream over, and who is to be its client has not
    %% claimed it yet.
    unclaimed = false :: boolean()
}).

%% One whose request has no body, before anything but its reply has come: most are never more.
-record(lean, {
    client :: client(),
    window :: non_neg_integer(),
    entered :: boolean()
}).

-record(mux, {
    request_window :: non_neg_integer(),
    max_head :: pos_integer(),
    %% Whether the program may send files.
    files :: boolean(),
    %% Whether it may take streams over.
    hijack :: boolean(),
    highest = 254 :: non_neg_integer(),
    served = 0 :: non_neg_integer(),
    streams = #{} :: #{gwport_frame:stream() => #stream{} | #lean{}}
}).

-opaque mux() :: #mux{}.

-type opening() :: {gwport_frame:stream(), client(), Window :: non_neg_integer(),
    Body :: none | now | continue | upgrade | connect, IsIdempotent :: boolean()}.
%% What a client is told.
-type event() ::
    {credit, pos_integer()}
  | {inform | head | trailers | file, Payload :: binary()}
  | {chunk, binary() | [binary()]}
  | {reply, Payload :: binary(), Credit :: non_neg_integer()}
  | fin
    %% The stream is a connection's from now on: for whom claim/3 names, who then has `claimed`; or,
    %% behind its head, for its client as before.
  | takeover
  | claimed
  | tunnel
  | {abort, gwport_frame:code(), Text :: binary()}
  | {port_down, Entered :: boolean(), Reason :: term()}.
-type command() ::
    {deliver, gwport_watch:to(), event()}
  | {write, gwport_frame:stream(), gwport_frame:kind(), term()}
    %% Write this abort if frames of the stream are still waiting to be written, in their place.
  | {replace, gwport_frame:stream(), {non_neg_integer(), binary()}}
    %% The client is told no more, and the stream's place is free: now, or when the program has been
    %% written all that is for it.
  | {closed, gwport_frame:stream(), client(), Window :: non_neg_integer(), now | written}.

-define(MAX_CODE, 2147483647).
-define(MAX_TEXT, 1024).
-define(NIL, <<131, 106>>).

-spec new(#{window := non_neg_integer(), max_head := pos_integer(), files := boolean(),
    hijack := boolean()}) -> mux().
new(#{window := Window, max_head := MaxHead, files := Files, hijack := Hijack}) ->
    #mux{request_window = Window, max_head = MaxHead, files = Files, hijack = Hijack}.

%% Streams that are live or wait for the answer to an abort.
-spec live(mux()) -> non_neg_integer().
live(#mux{streams = Streams}) ->
    map_size(Streams).

-spec served(mux()) -> non_neg_integer().
served(#mux{served = Served}) ->
    Served.

%% A stream was numbered. Its client may send its body from the first credit on.
-spec opened(opening(), mux()) -> {[command()], mux()}.
opened({N, Client, Window, upgrade, IsIdempotent}, Mux = #mux{hijack = false}) ->
    opened({N, Client, Window, none, IsIdempotent}, Mux);
opened({N, Client, Window, connect, IsIdempotent}, Mux = #mux{hijack = false}) ->
    opened({N, Client, Window, now, IsIdempotent}, Mux);
opened({N, Client, Window, upgrade, IsIdempotent}, Mux = #mux{streams = Streams}) ->
    Stream = #stream{client = Client, out = gwport_half:new(request, 0),
        in = gwport_half:new(takeover, Window), entered = IsIdempotent},
    {[], Mux#mux{highest = N, streams = Streams#{N => Stream}}};
opened({N, Client, Window, none, IsIdempotent}, Mux = #mux{streams = Streams}) ->
    Lean = #lean{client = Client, window = Window, entered = IsIdempotent},
    {[], Mux#mux{highest = N, streams = Streams#{N => Lean}}};
opened({N, Client = {_, _, To}, Window, Body, IsIdempotent}, Mux) ->
    #mux{streams = Streams, request_window = RequestWindow} = Mux,
    First = first_credit(Body, RequestWindow),
    Stream = #stream{client = Client, out = gwport_half:new(request, First),
        in = gwport_half:new(response_half(Body), Window), entered = IsIdempotent},
    {[{deliver, To, {credit, First}} || First > 0],
        Mux#mux{highest = N, streams = Streams#{N => Stream}}}.

first_credit(continue, _) -> 0;
first_credit(_, Window) -> Window.

response_half(connect) -> connect;
response_half(_) -> response.

%% The whole of a stream.
full(Stream = #stream{}) ->
    Stream;
full(#lean{client = Client, window = Window, entered = Entered}) ->
    #stream{client = Client, out = gwport_half:none(), in = gwport_half:new(response, Window),
        entered = Entered}.

%% A frame with a stream came in. Only a number that was never given out is the port's fault.
-spec frame({gwport_frame:kind(), gwport_frame:stream(), binary() | [binary()]}, mux()) ->
    {ok, [command()], mux()} | {fault, gwport_frame:fault(), binary()}.
frame({file, _, _}, #mux{files = false}) ->
    {fault, bad_frame, <<"a file, without the capability">>};
frame({takeover, _, _}, #mux{hijack = false}) ->
    {fault, bad_frame, <<"a takeover, without the capability">>};
frame({taken, _, _}, _) ->
    {fault, bad_frame, <<"taken, which is not a program's to send">>};
frame({Kind, N, Payload}, Mux = #mux{streams = Streams, highest = Highest}) ->
    case Streams of
        #{N := #lean{} = Lean} when Kind =:= reply ->
            {Commands, Mux1} = replied(Payload, N, Lean, Mux),
            {ok, Commands, Mux1};
        #{N := Stream} when Kind =/= open ->
            {Commands, Mux1} = live(Kind, Payload, N, full(Stream), Mux),
            {ok, Commands, Mux1};
        #{} when N =< Highest, N rem 2 =:= 0, Kind =/= open ->
            {ok, [], Mux};
        #{} ->
            {fault, bad_stream, iolist_to_binary(
                io_lib:format("~s for stream ~b, which cannot be", [Kind, N]))}
    end.

%% Most streams begin and end here.
replied(Payload, N, Lean = #lean{client = Client, window = Window}, Mux) ->
    #mux{streams = Streams, max_head = MaxHead, served = Served} = Mux,
    case gwport_half:is_within(byte_size(Payload), MaxHead, Window) of
        true ->
            {_, _, To} = Client,
            {[{deliver, To, {reply, Payload, Window}}, {closed, N, Client, Window, now}],
                Mux#mux{served = Served + 1, streams = maps:remove(N, Streams)}};
        false ->
            live(reply, Payload, N, full(Lean), Mux)
    end.

%% Our abort is under way: everything but the other half's end is ignored.
live(Kind, Payload, N, Stream = #stream{out = Out}, Mux) ->
    case gwport_half:is_aborted(Out) of
        false -> incoming(Kind, Payload, N, Stream, Mux);
        true ->
            case gwport_half:ends(Kind) of
                true -> close([], N, Stream, Mux);
                false -> {[], Mux}
            end
    end.

%% What is of no half, or of ours; then the frames of the program's half.
incoming(entered, ?NIL, N, Stream, Mux) ->
    {[], put(N, Stream#stream{entered = true}, Mux)};
incoming(entered, _, N, Stream, Mux) ->
    fail(bad_payload, <<"entered carries []">>, N, Stream, Mux);
incoming(credit, Payload, N, Stream = #stream{out = Out}, Mux) ->
    case gwport_half:is_open(Out) of
        true -> credit(gwport_frame:decode_payload(Payload), N, Stream, Mux);
        false -> {[], Mux}
    end;
incoming(abort, Payload, N, Stream, Mux) ->
    aborted(gwport_frame:decode_payload(Payload), N, Stream, Mux);
incoming(fin, Payload, N, Stream, Mux) when Payload =/= ?NIL ->
    fail_end(bad_payload, <<"fin carries []">>, N, Stream, Mux);
incoming(takeover, Payload, N, Stream, Mux) when Payload =/= ?NIL ->
    fail(bad_payload, <<"takeover carries []">>, N, Stream, Mux);
%% Nothing but the request's credit may come before the grant that answers a takeover.
incoming(fin, _, N, Stream = #stream{unclaimed = true}, Mux) ->
    fail_end(bad_order, <<"fin before the connection was handed over">>, N, Stream, Mux);
incoming(Kind, Payload, N, Stream = #stream{in = In}, Mux = #mux{max_head = MaxHead}) ->
    case gwport_half:frame(Kind, iolist_size(Payload), MaxHead, In) of
        {more, In1} ->
            begun(Kind, event(Kind, Payload, In), N, Stream#stream{in = In1, entered = true}, Mux);
        {last, In1} ->
            last(event(Kind, Payload, In), N, Stream#stream{in = In1}, Mux);
        {error, Code, Text} ->
            case gwport_half:ends(Kind) of
                true -> fail_end(Code, Text, N, Stream, Mux);
                false -> fail(Code, Text, N, Stream, Mux)
            end
    end.

event(chunk, Data, _) -> {chunk, own(Data)};
event(reply, Payload, In) -> {reply, Payload, gwport_credit:left(gwport_half:credit(In))};
event(fin, _, _) -> fin;
event(takeover, _, In) -> case gwport_half:is_offered(In) of true -> takeover; false -> tunnel end;
event(Kind, Payload, _) -> {Kind, Payload}.

%% A stream that was offered and is not taken over is a request without a body [U3].
begun(head, Event, N, Stream = #stream{out = Out, in = In}, Mux) ->
    {Commands, Mux1} = deliver(Event, N, Stream, Mux),
    case gwport_half:is_offered(In) andalso gwport_half:is_open(Out) of
        true ->
            {Ending, Mux2} = send(N, fin, [], Mux1),
            {Commands ++ Ending, Mux2};
        false ->
            {Commands, Mux1}
    end;
begun(takeover, takeover, N, Stream, Mux) ->
    deliver(takeover, N, Stream#stream{unclaimed = true}, Mux);
begun(_, Event, N, Stream, Mux) ->
    deliver(Event, N, Stream, Mux).

%% The program's half has ended. That of a connection says no more than that this direction has.
last(Event, N, Stream = #stream{in = In, out = Out}, Mux) ->
    case gwport_half:is_raw(In) andalso gwport_half:is_open(Out) of
        true -> deliver(Event, N, Stream, Mux);
        false -> remote_end(Event, N, Stream, Mux)
    end.

%% A small piece of a large read would keep all of the read alive while it waits for its client.
own(Parts) when is_list(Parts) ->
    lists:map(fun own/1, Parts);
own(Data) ->
    case binary:referenced_byte_size(Data) > 4 * byte_size(Data) of
        true -> binary:copy(Data);
        false -> Data
    end.

credit({ok, Grant}, N, Stream = #stream{out = Out}, Mux) when is_integer(Grant) ->
    case gwport_half:grant(Grant, Out) of
        {ok, Out1} when Stream#stream.unclaimed ->
            {[], put(N, Stream#stream{out = Out1}, Mux)};
        {ok, Out1} ->
            deliver({credit, Grant}, N, Stream#stream{out = Out1}, Mux);
        error -> fail(bad_credit, <<"a grant of 0 or too much of it">>, N, Stream, Mux)
    end;
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
give_up(Code, Text, N, #stream{out = Out}) ->
    case gwport_half:end_of(Out) of
        open -> [{write, N, abort, {Code, Text}}];
        last -> [{replace, N, {Code, Text}}];
        none -> []
    end.

%% The other half has ended; ours, if it has not, is given up [S2].
remote_end(Event, N, Stream = #stream{client = {_, _, To}}, Mux = #mux{served = Served}) ->
    close([{deliver, To, Event} | give_up(0, <<>>, N, Stream)], N, Stream,
        Mux#mux{served = Served + 1}).

deliver(Event, N, Stream = #stream{client = {_, _, To}}, Mux) ->
    {[{deliver, To, Event}], put(N, Stream, Mux)}.

%% The client hears of it as of an abort by the program.
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

close(Commands, N, Stream = #stream{client = Client, in = In}, Mux = #mux{streams = Streams}) ->
    Window = gwport_credit:window(gwport_half:credit(In)),
    {Commands ++ [{closed, N, Client, Window, free(Stream)}],
        Mux#mux{streams = maps:remove(N, Streams)}}.

%% The program counts a stream until it has our half's end, which may wait to be written.
free(#stream{out = Out}) ->
    case gwport_half:end_of(Out) of
        none -> now;
        _ -> written
    end.

%% A chunk (iodata), fin or trailers from a client. Late ones, for a stream that has ended
%% meanwhile, are nobody's fault.
-spec send(gwport_frame:stream(), chunk | fin | trailers, iodata() | term(), mux()) ->
    {[command()], mux()}.
send(N, Kind, Data, Mux = #mux{streams = Streams}) ->
    case Streams of
        #{N := Stream} -> send_live(Kind, Data, N, full(Stream), Mux);
        #{} -> {[], Mux}
    end.

send_live(Kind, Data, N, Stream = #stream{out = Out}, Mux) ->
    Size = size_of(Kind, Data),
    case gwport_half:is_open(Out) andalso gwport_half:frame(Kind, Size, infinity, Out) of
        false -> {[], Mux};
        {error, _, _} ->
            %% A mistake of ours, which is to cost its own stream.
            fail(internal_error, <<"a frame that cannot be sent">>, N, Stream, Mux);
        {_, Out1} ->
            sent([{write, N, Kind, Data}], N, Stream#stream{out = Out1}, Mux)
    end.

%% A connection is over when both of its directions are.
sent(Commands, N, Stream = #stream{out = Out, in = In}, Mux = #mux{served = Served}) ->
    case gwport_half:is_open(Out) orelse gwport_half:is_open(In) of
        true -> {Commands, put(N, Stream, Mux)};
        false -> close(Commands, N, Stream, Mux#mux{served = Served + 1})
    end.

%% Only chunks are counted. What is no iodata is as wrong as what is nothing.
size_of(chunk, Data) ->
    try iolist_size(Data)
    catch error:badarg -> 0
    end;
size_of(_, _) ->
    0.

%% Bytes of the response that the client has taken.
-spec consumed(gwport_frame:stream(), non_neg_integer(), mux()) -> {[command()], mux()}.
consumed(N, Bytes, Mux = #mux{streams = Streams}) ->
    case Streams of
        #{N := Stream} -> granted(Bytes, N, full(Stream), Mux);
        #{} -> {[], Mux}
    end.

granted(Bytes, N, Stream = #stream{in = In}, Mux) ->
    {Grant, In1} = gwport_half:taken(Bytes, In),
    {[{write, N, credit, Grant} || Grant > 0], put(N, Stream#stream{in = In1}, Mux)}.

%% Who is the client of a stream that was taken over from now on. It is told so, and what credit
%% the program has given meanwhile; the program may go on. `gone`: the stream has been aborted, of
%% which the client before was told.
-spec claim(gwport_frame:stream(), client(), mux()) -> {[command()], mux()} | gone.
claim(N, Client, Mux = #mux{streams = Streams}) ->
    #{N := Stream = #stream{unclaimed = true, out = Out}} = Streams,
    case gwport_half:is_aborted(Out) of
        true -> gone;
        false -> claimed(N, Client, Stream, Mux)
    end.

claimed(N, Client = {_, _, To}, Stream = #stream{out = Out, in = In0}, Mux) ->
    In = gwport_half:handed_over(In0),
    Credit = gwport_credit:left(gwport_half:credit(Out)),
    {[{deliver, To, claimed} | [{deliver, To, {credit, Credit}} || Credit > 0]]
        ++ [{write, N, credit, gwport_credit:left(gwport_half:credit(In))}],
        put(N, Stream#stream{client = Client, in = In, unclaimed = false}, Mux)}.

%% The client is through with a file, and so many bytes of it have gone.
-spec taken(gwport_frame:stream(), non_neg_integer(), mux()) -> {[command()], mux()}.
taken(N, Bytes, Mux = #mux{streams = Streams}) ->
    {[{write, N, taken, Bytes} || is_map_key(N, Streams)], Mux}.

%% The client gives up, or its process is gone, which is how somebody's leaving reaches us.
-spec abort(gwport_frame:stream(), gwport_frame:code(), binary(), mux()) -> {[command()], mux()}.
abort(N, Name, Text, Mux = #mux{streams = Streams}) ->
    case Streams of
        #{N := Stream} -> abort_stream(Name, Text, N, full(Stream), Mux);
        #{} -> {[], Mux}
    end.

abort_stream(Name, Text, N, Stream = #stream{out = Out}, Mux) ->
    case gwport_half:is_aborted(Out) of
        true ->
            {[], Mux};
        false ->
            Commands = [{write, N, abort, {gwport_frame:abort_code(Name), Text}}],
            aborting(Commands, N, Stream#stream{out = gwport_half:abort(Out)}, Mux)
    end.

%% Where the program's half has ended before, it does not answer.
aborting(Commands, N, Stream = #stream{in = In}, Mux) ->
    case gwport_half:is_open(In) of
        true -> {Commands, put(N, Stream, Mux)};
        false -> close(Commands, N, Stream, Mux)
    end.

%% The program drains and will not serve streams above Last. None is opened any more [D1].
-spec drained(integer(), mux()) -> {[command()], mux()}.
drained(Last, Mux = #mux{streams = Streams}) ->
    maps:fold(
        fun(N, Stream, {Commands, M}) when N > Last ->
                {New, M1} = close(down_event(false, drain, full(Stream)), N, full(Stream), M),
                {New ++ Commands, M1};
            (_, _, Acc) -> Acc
        end, {[], Mux}, Streams).

%% The port is gone. Clean tells whether all that the program wrote has been read, so that a missing
%% `entered` means that the app was not entered [R6].
-spec port_down(#{clean := boolean(), reason := term()}, mux()) -> [command()].
port_down(#{clean := Clean, reason := Reason}, #mux{streams = Streams}) ->
    lists:append([down_event(Entered orelse not Clean, Reason, Stream)
        || Stream = #stream{entered = Entered} <- lists:map(fun full/1, maps:values(Streams))]).

down_event(Entered, Reason, #stream{client = {_, _, To}, out = Out}) ->
    [{deliver, To, {port_down, Entered, Reason}} || not gwport_half:is_aborted(Out)].

%% Streams whose abort was sent before the last look and is not answered yet: their program breaks
%% [A2].
-spec overdue(mux()) -> {non_neg_integer(), mux()}.
overdue(Mux = #mux{streams = Streams}) ->
    {Count, Looked} = maps:fold(fun look/3, {0, Streams}, Streams),
    {Count, Mux#mux{streams = Looked}}.

look(_, #lean{}, Looked) ->
    Looked;
look(N, Stream = #stream{out = Out}, {Count, Streams}) ->
    case gwport_half:look(Out) of
        {overdue, _} -> {Count + 1, Streams};
        {in_time, Out} -> {Count, Streams};
        {in_time, Out1} -> {Count, Streams#{N := Stream#stream{out = Out1}}}
    end.
