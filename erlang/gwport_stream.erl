%% What is known of one exchange, as a pure state machine: how far its request and its response have
%% come, what credit is left, when time is up. Events of the port, of the client and of time go in,
%% commands come out. gwport_exchange, which drives it, carries out those that are the port's and
%% hands on those that are the client's.
%%
%% The request's body waits here when the client is ahead of the program's credit, the response's
%% when the program is ahead of the client; the latter is bounded by the window that was granted,
%% the former by one read. What has been sent of the request's is kept until there is something of
%% the response, up to a bound of the mount's: with it the request may begin again elsewhere.
%% @hidden
-module(gwport_stream).

-export([new/3, event/3, timeout/2, due/2, deadline/2, waits/2, begins/2, again/2]).

-export_type([stream/0, event/0, command/0, client_command/0, port_command/0, repeatable/0]).

-type request() :: #{
    method := binary(),
    %% Whether there is a body, and whether the client waits for 100 Continue.
    body := none | now | continue | upgrade | connect,
    length := undefined | non_neg_integer(),
    %% Whether the response may have files in it.
    files := boolean()
}.
%% A mount has these, and more.
-type limits() :: #{
    max_body := non_neg_integer() | infinity,
    head_timeout := timeout(), idle_timeout := timeout(), deadline := timeout(),
    min_body_rate := non_neg_integer(), body_grace := pos_integer(),
    %% How much of a body is kept, if anything is.
    replay := boolean(), replay_body := non_neg_integer(),
    _ => _
}.
%% What has to be there of a request that is sent once more: what was sent of it before, or all.
-type repeatable() :: sent | whole.
-type event() ::
    {port, gwport_mux:event() | {refused, gwport_status:reason()}}
    %% What became of opening a file.
  | {opened, {ok, gwport_file:file()} | {error, term()}}
    %% What the client sent; at most one answer to each `read`.
  | {client, nofin | fin, binary()}
    %% The client has taken the data that was last handed out; or the file that it is of has got
    %% shorter; or there is no client to send it to.
  | taken
  | short
  | gone
    %% Some time has passed; see tick/1.
  | tick
    %% The time that timeout/2 named has come.
  | timeout
    %% The client takes nothing any more.
  | stalled
    %% A fault of ours: what should have come of an event is not known.
  | failed.
-type command() :: client_command() | port_command().
-type client_command() ::
    %% Read (some of the body), and the response.
    read
    %% The connection is the app's: its bytes are read and data from now on, `shut` is the end of
    %% the one direction. See gwport_exchange:offer/1. Behind a head there may be `shut` as well.
  | takeover
  | shut
  | {inform, gwport_response:status(), gwport_response:fields()}
  | {reply, gwport_response:head(), iodata()}
  | {head, gwport_response:head()}
  | {data, nofin | fin, iodata()}
  | {data, nofin, {file, gwport_file:file(), From :: non_neg_integer(), Bytes :: pos_integer()}}
  | {trailers, gwport_response:fields()}
    %% The end: all is said; or no head went out and the reason has a status, and with `refuse` no
    %% port took the request; or the response is to be broken off visibly.
  | done
  | {fail | refuse, gwport_status:reason()}
  | {break, term()}.

%% To the port.
-type port_command() ::
    {send, chunk | fin, iodata() | []}
  | {consumed, pos_integer()}
    %% Open a file; so many of its bytes have gone, and it is not needed any more.
  | {open, gwport_file:spec()}
  | {taken, non_neg_integer()}
  | {abort, gwport_frame:code(), binary()}.

%% Small pieces of a response that waited go to the client together, up to so many bytes.
-define(MAX_PIECE, 65536).
%% A piece of a file, which costs no memory, may have more of them if the client takes pieces
%% quickly; one that has become slow must still be able to take it before it counts as stalled. The
%% first one finds a socket's buffer empty, which has room for most of it.
-define(FIRST_FILE_PIECE, 131072).
-define(MAX_FILE_PIECE, 524288).
-define(QUICK, 500).

%% What is open of a file, how much of how much has been handed out, and when the last piece was.
-record(sent, {
    file :: gwport_file:file(),
    length :: pos_integer(),
    from = 0 :: non_neg_integer(),
    handed = 0 :: integer()
}).

-record(stream, {
    method :: binary(),
    phase = waiting :: waiting | streaming | discarding | tunnel,

    %% The request half: what was read and not sent, and what the program still takes.
    held = <<>> :: binary(),
    has_body :: boolean(),
    request :: open | fin | ended,
    reading = false :: boolean(),
    %% Whether the app may have asked for the body: a client that waits for 100 Continue is told
    %% to go on by the first read.
    asked :: boolean(),
    credit = 0 :: non_neg_integer(),
    received = 0 :: non_neg_integer(),
    length :: undefined | non_neg_integer(),
    max_body :: non_neg_integer() | infinity,
    pace :: gwport_pace:pace(),
    %% There is no port to send it to.
    waits = false :: boolean(),
    %% What was sent of it, and how much of that is kept at most; `lost` when there is more, or when
    %% the response has begun.
    sent = <<>> :: binary() | lost,
    keep :: non_neg_integer(),

    %% The response half: what waits for the client, newest first, and what it is taking.
    queue = [] :: [binary() | [binary()]],
    taking = 0 :: non_neg_integer() | file,
    ending = no :: no | fin | shut | closing | {trailers, gwport_response:fields()}
        | {broken, gwport_status:reason() | bad_length},
    left = undefined :: undefined | non_neg_integer(),
    %% Whether its head lets a client of HTTP/2 take the stream for a connection.
    connects = false :: boolean(),
    %% Whether it has announced trailers.
    trailers = false :: boolean(),
    %% A file that goes to the client behind the queue; nothing else comes before it has gone.
    files :: boolean(),
    file = none :: none | {opening, Length :: pos_integer()} | #sent{},
    %% How large the next piece of a file is: what this client takes quickly, of whichever file.
    file_piece = ?FIRST_FILE_PIECE :: pos_integer(),

    head_timeout :: timeout(),
    idle_timeout :: timeout(),
    now :: integer(),
    %% When time is up, in monotonic milliseconds.
    head_at :: time(),
    idle_at :: time(),
    deadline_at :: time()
}).
-opaque stream() :: #stream{} | ended.
-type time() :: integer() | infinity.

%% Bytes of a request that are read ahead of credit, at most, and one read more.
-define(MAX_HELD, 262144).

-spec new(request(), limits(), Now :: integer()) -> stream().
new(#{method := Method, body := Body, length := Length, files := Files}, Limits, Now) ->
    #{max_body := MaxBody, head_timeout := Head, idle_timeout := Idle, deadline := Deadline} =
        Limits,
    Request = request_of(Body),
    #stream{method = Method, length = Length, max_body = MaxBody, files = Files,
        has_body = Request =:= open, request = Request,
        pace = gwport_pace:new(Request =:= open andalso Body =/= connect, Limits, Now),
        asked = Body =/= continue, keep = keep(Limits), now = Now,
        head_timeout = Head, idle_timeout = Idle,
        head_at = later(Now, Head), idle_at = later(Now, Idle), deadline_at = later(Now, Deadline)}.

request_of(none) -> ended;
request_of(upgrade) -> ended;
request_of(_) -> open.

keep(#{replay := true, replay_body := Bytes}) -> Bytes;
keep(#{replay := false}) -> 0.

later(_, infinity) -> infinity;
later(Now, Time) -> Now + Time.

%% Milliseconds until the event `timeout` is due.
-spec timeout(Now :: integer(), stream()) -> timeout().
timeout(_, ended) ->
    infinity;
timeout(Now, Stream = #stream{pace = Pace}) ->
    until(Now, min(first(Stream), gwport_pace:due(Pace))).

first(#stream{head_at = Head, idle_at = Idle, deadline_at = Deadline}) ->
    min(Head, min(Idle, Deadline)).

until(_, infinity) -> infinity;
until(Now, Time) -> max(0, Time - Now).

%% The same where the client takes the response, and what the reason will be.
-spec due(Now :: integer(), stream()) -> {timeout(), deadline | head_timeout | idle_timeout}.
due(Now, Stream = #stream{head_at = Head, idle_at = Idle, deadline_at = Deadline}) ->
    {until(Now, first(Stream)), first_due(Head, Idle, Deadline)}.

first_due(Head, Idle, Deadline) when Deadline =< Head, Deadline =< Idle -> deadline;
first_due(Head, Idle, _) when Head =< Idle -> head_timeout;
first_due(_, _, _) -> idle_timeout.

%% Milliseconds until the deadline, which may have passed.
-spec deadline(Now :: integer(), stream()) -> integer() | infinity.
deadline(_, #stream{deadline_at = infinity}) -> infinity;
deadline(Now, #stream{deadline_at = Deadline}) -> Deadline - Now.

%% There is no port for it, and so nobody who could answer.
-spec waits(Now :: integer(), stream()) -> stream().
waits(Now, Stream = #stream{head_timeout = Head, idle_timeout = Idle, pace = Pace}) ->
    Stream#stream{waits = true, now = Now, head_at = later(Now, Head), idle_at = later(Now, Idle),
        pace = gwport_pace:rest(Now, Pace)}.

%% There is one now.
-spec begins(Now :: integer(), stream()) -> {[command()], stream()}.
begins(Now, Stream) ->
    pump((waits(Now, Stream))#stream{waits = false}).

%% The request waits for a port as if it had been sent to none: what one had of its body is to be
%% sent again, as a new one's credit allows.
-spec again(repeatable(), stream()) -> {ok, stream()} | lost.
again(_, #stream{sent = lost}) ->
    lost;
again(whole, #stream{request = open}) ->
    lost;
again(_, Stream = #stream{sent = Sent, held = Held, has_body = HasBody, request = Request}) ->
    {ok, Stream#stream{waits = true, credit = 0, sent = <<>>, held = join(Sent, Held),
        request = case HasBody andalso Request =:= ended of true -> fin; false -> Request end}}.

-spec event(event(), Now :: integer(), stream()) -> {[command()], stream()}.
event(_, _, ended) ->
    {[], ended};
%% Most streams end with this, and have seen nothing else.
event({port, Reply = {reply, _, _}}, _, Stream = #stream{ending = no}) ->
    port(Reply, Stream);
event({port, Event}, Now, Stream = #stream{phase = tunnel}) ->
    tunnel(Event, touch(Event, Stream#stream{now = Now}));
%% The response is whole and waits for its client: whatever becomes of the port now, it goes out.
event({port, _}, _, Stream = #stream{ending = Ending}) when Ending =/= no ->
    {[], Stream};
event({port, Event}, Now, Stream) ->
    port(Event, Stream#stream{now = Now});
%% A read that waited for nothing.
event({client, nofin, <<>>}, Now, Stream) ->
    client(nofin, <<>>, Stream#stream{now = Now, reading = false});
event({client, IsFin, Data}, Now, Stream) ->
    client(IsFin, Data, touch(Stream#stream{now = Now, reading = false}));
event({opened, Result}, Now, Stream = #stream{file = {opening, Length}}) ->
    opened(Result, Length, touch(Stream#stream{now = Now}));
event({opened, _}, _, Stream) ->
    {[], Stream};
event(taken, Now, Stream = #stream{taking = file}) ->
    has_gone(touch(Stream#stream{now = Now, taking = 0}));
event(gone, _, _) ->
    {[{abort, cancelled, <<>>}, {break, client_gone}], ended};
event(short, _, _) ->
    {[{abort, bad_length, <<"a file got shorter">>}, {break, short_file}], ended};
event(taken, Now, Stream = #stream{taking = Taken}) ->
    {Commands, Stream1} = flush(touch(Stream#stream{now = Now, taking = 0})),
    {[{consumed, Taken} || Taken > 0] ++ Commands, Stream1};
event(tick, _, Stream) ->
    tick(Stream);
event(timeout, Now, Stream = #stream{head_at = Head, idle_at = Idle, deadline_at = Deadline}) ->
    if
        Deadline =< Now -> give_up(deadline, Stream);
        Head =< Now -> give_up(head_timeout, Stream);
        Idle =< Now -> give_up(idle_timeout, Stream);
        true -> look(gwport_pace:look(Now, Stream#stream.pace), Stream)
    end;
event(stalled, _, _) ->
    {[{abort, cancelled, <<>>}, {break, client_stalled}], ended};
event(failed, _, #stream{phase = waiting}) ->
    {[{abort, internal_error, <<>>}, {fail, app_failed}], ended};
event(failed, _, _) ->
    {[{abort, internal_error, <<>>}, {break, internal_error}], ended}.

%% Bytes have moved.
touch(Stream = #stream{now = Now, idle_timeout = Idle}) ->
    Stream#stream{idle_at = later(Now, Idle)}.

%% A web server that is not asked to read may not notice that its client has left: a little is read
%% now and then beyond credit, up to a bound.
tick(Stream = #stream{request = open, reading = false, asked = true, held = Held})
        when byte_size(Held) < ?MAX_HELD ->
    {[read], Stream#stream{reading = true}};
tick(Stream) ->
    {[], Stream}.

look({ok, Pace}, Stream) -> {[], Stream#stream{pace = Pace}};
look(slow, Stream) -> {[{abort, idle_timeout, <<>>} | failure(slow_body, Stream)], ended}.

give_up(Reason, Stream) ->
    {[{abort, Reason, <<>>} | failure(Reason, Stream)], ended}.

failure(Reason, #stream{phase = tunnel}) -> [{break, Reason}];
failure(Reason, #stream{phase = waiting}) -> [{fail, Reason}];
failure(_, #stream{phase = discarding}) -> [done];
failure(Reason, #stream{phase = streaming}) -> [{break, Reason}].

%% The port

port({credit, Grant}, Stream = #stream{credit = Credit}) ->
    pump(touch(Stream#stream{credit = Credit + Grant, asked = true}));
port({inform, Payload}, Stream) ->
    case gwport_response:inform(Payload) of
        {ok, Status, Fields} ->
            {[{inform, Status, Fields}], Stream#stream{head_at = infinity, sent = lost}};
        error -> bad_head(Payload, Stream)
    end;
port({reply, Payload, Credit}, Stream) ->
    reply(gwport_response:reply(Payload), Credit, Stream);
port(takeover, Stream) ->
    {[takeover], touch(Stream#stream{phase = tunnel, head_at = infinity, request = open,
        length = undefined, max_body = infinity, pace = gwport_pace:none(), sent = lost})};
port(tunnel, Stream = #stream{connects = true}) ->
    {[], touch(Stream#stream{phase = tunnel, max_body = infinity, pace = gwport_pace:none()})};
port(tunnel, Stream) ->
    give_up(bad_order, Stream);
port({head, Payload}, Stream) ->
    head(gwport_response:head(Payload), Payload,
        touch(Stream#stream{head_at = infinity, sent = lost}));
%% What stands behind a file in the response comes when that has gone.
port(Event, Stream = #stream{file = File})
        when File =/= none, Event =:= fin orelse element(1, Event) =:= chunk
            orelse element(1, Event) =:= trailers ->
    give_up(bad_order, Stream);
port({chunk, Data}, Stream) ->
    chunk(Data, touch(Stream));
port({file, Payload}, Stream = #stream{files = true, file = none}) ->
    file(file_spec(gwport_frame:decode_payload(Payload)), touch(Stream));
port({file, _}, Stream) ->
    give_up(bad_order, Stream);
port(fin, Stream) ->
    last(fin, Stream);
port({trailers, Payload}, Stream) ->
    case gwport_response:trailers(Payload) of
        {ok, Fields} -> last({trailers, Fields}, Stream);
        error -> bad_response(Stream)
    end;
%% What the app has flushed before it failed is the client's to see.
port({abort, Code, _Text}, Stream = #stream{phase = streaming}) ->
    flush(Stream#stream{request = ended, file = none,
        ending = {broken, gwport_status:reason(Code)}});
%% A response without a body has gone out whole; as under net/http its connection ends all the same.
port({abort, Code, _Text}, #stream{phase = discarding}) ->
    {[{break, gwport_status:reason(Code)}], ended};
%% An app that gives up on purpose wants its client to see a broken connection, and no answer.
port({abort, cancelled, _Text}, #stream{phase = waiting}) ->
    {[{break, gwport_status:reason(cancelled)}], ended};
port({abort, Code, _Text}, Stream) ->
    ended(gwport_status:reason(Code), Stream);
port({refused, Why}, _) ->
    {[{refuse, Why}], ended};
%% All bytes that the head declared are here, and nothing was to come behind them: they are the
%% whole response. To cut it would cost whoever is behind it on its connection.
port({port_down, _, _}, Stream = #stream{phase = streaming, left = 0, file = none,
        trailers = false}) ->
    flush(Stream#stream{request = ended, ending = fin});
port({port_down, _, _}, Stream = #stream{phase = streaming, left = Length, trailers = false,
        file = #sent{length = Length}}) ->
    flush(Stream#stream{request = ended, ending = fin});
port({port_down, _, drain}, Stream) ->
    ended(draining, Stream);
port({port_down, true, _}, Stream) ->
    ended(port_died, Stream);
port({port_down, false, _}, Stream) ->
    ended(not_entered, Stream).

%% The port knows already: nothing to abort.
ended(Reason, Stream) ->
    {failure(Reason, Stream), ended}.

bad_response(Stream) ->
    give_up(bad_response, Stream).

%% The program is told more than the client.
bad_head(Payload, Stream) ->
    {[{abort, gwport_response:fault(Payload), <<>>} | failure(bad_response, Stream)], ended}.

%% The request's body

client(_, Data, Stream = #stream{received = Received, max_body = Max})
        when is_integer(Max), Received + byte_size(Data) > Max ->
    {[{abort, too_large, <<>>} | failure(too_large_body, Stream)], ended};
client(IsFin, Data, Stream = #stream{held = Held, received = Received, length = Length}) ->
    #stream{now = Now, pace = Pace} = Stream,
    Total = Received + byte_size(Data),
    %% Trailers on HTTP/2 hide the end from a request process; the length still shows it.
    Request = case IsFin =:= fin orelse Total =:= Length of true -> fin; false -> open end,
    pump(Stream#stream{held = join(Held, Data), received = Total, request = Request,
        pace = gwport_pace:came(byte_size(Data), Now, Pace)}).

join(<<>>, Data) -> Data;
join(Held, Data) -> <<Held/binary, Data/binary>>.

%% Sends what credit allows, and reads on when nothing is left to send. The time to the first
%% response frame runs from the last byte that the program was given.
pump(Stream = #stream{request = Request, waits = Waits}) when Request =:= ended; Waits ->
    {[], Stream};
pump(Stream = #stream{phase = tunnel, held = <<>>, request = fin}) ->
    before([{send, fin, []}], shut(Stream#stream{request = ended}));
pump(Stream = #stream{held = <<>>, request = fin}) ->
    {[{send, fin, []}], restart(Stream#stream{request = ended})};
pump(Stream = #stream{held = <<>>, request = open, reading = IsReading, credit = Credit})
        when Credit > 0 ->
    #stream{now = Now, pace = Pace} = Stream,
    {[read || not IsReading],
        Stream#stream{reading = true, pace = gwport_pace:awaited(Now, Pace)}};
pump(Stream = #stream{held = Held, credit = Credit})
        when Held =/= <<>>, Credit > 0 ->
    Size = min(Credit, min(byte_size(Held), gwport_frame:max_chunk())),
    <<Chunk:Size/binary, Rest/binary>> = Held,
    Sent = sent(Chunk, Stream),
    {Commands, Stream1} = pump(restart(Stream#stream{held = Rest, credit = Credit - Size,
        sent = Sent})),
    {[{send, chunk, Chunk} | Commands], Stream1};
pump(Stream) ->
    {[], Stream}.

sent(_, #stream{sent = lost}) ->
    lost;
sent(Chunk, #stream{sent = Sent, keep = Keep}) when byte_size(Sent) + byte_size(Chunk) > Keep ->
    lost;
sent(Chunk, #stream{sent = Sent}) ->
    join(Sent, own(Chunk)).

%% A small piece of a large read would keep all of the read alive.
own(Chunk) ->
    case binary:referenced_byte_size(Chunk) > 4 * byte_size(Chunk) of
        true -> binary:copy(Chunk);
        false -> Chunk
    end.

restart(Stream = #stream{head_at = infinity}) -> Stream;
restart(Stream = #stream{now = Now, head_timeout = Head}) ->
    Stream#stream{head_at = later(Now, Head)}.

%% A connection

tunnel({credit, Grant}, Stream = #stream{credit = Credit}) ->
    pump(Stream#stream{credit = Credit + Grant});
tunnel({chunk, Data}, Stream = #stream{queue = Queue}) ->
    flush(Stream#stream{queue = [Data | Queue]});
tunnel(fin, Stream) ->
    flush(Stream#stream{ending = fin});
%% What the app has written before it closed, or failed, is the client's to see.
tunnel({abort, no_error, _}, Stream) ->
    closing(closing, Stream);
tunnel({abort, Code, _}, Stream) ->
    closing({broken, gwport_status:reason(Code)}, Stream);
tunnel({port_down, _, _}, Stream) ->
    ended(port_died, Stream).

closing(closing, #stream{ending = shut}) -> {[done], ended};
closing(Ending, Stream = #stream{ending = shut}) -> flush(Stream#stream{ending = Ending});
closing(Ending, Stream) -> flush(Stream#stream{request = ended, held = <<>>, ending = Ending}).

%% Only bytes count.
touch({chunk, _}, Stream) -> touch(Stream);
touch(_, Stream) -> Stream.

%% Both directions of it have ended, or not.
shut(#stream{request = ended, ending = shut}) -> {[done], ended};
shut(Stream) -> {[], Stream}.

before(Commands1, {Commands2, Stream}) ->
    {Commands1 ++ Commands2, Stream}.

%% The response

reply({ok, Head = #{code := Code, length := Length}, Body}, Credit, Stream) ->
    HasBody = gwport_response:has_body(Stream#stream.method, Code),
    Size = byte_size(Body),
    if
        Size > Credit -> bad_response(Stream);
        not HasBody -> {[{reply, Head, <<>>}, done], ended};
        Length =:= undefined; Length =:= Size ->
            {[{reply, Head#{length := Size}, Body}, done], ended};
        true -> bad_response(Stream)
    end;
reply(error, _, Stream) ->
    bad_response(Stream).

head({ok, Head = #{code := Code, headers := Fields, length := Length}}, _, Stream) ->
    case gwport_response:has_body(Stream#stream.method, Code) of
        true -> {[{head, Head}], Stream#stream{phase = streaming, left = Length,
            connects = Code =< 299 andalso Length =:= undefined,
            trailers = lists:keymember(<<"trailer">>, 1, Fields)}};
        false -> {[{reply, Head, <<>>}], Stream#stream{phase = discarding}}
    end;
head(error, Payload, Stream) ->
    bad_head(Payload, Stream).

chunk(Data, Stream = #stream{phase = discarding}) ->
    {[{consumed, iolist_size(Data)}], Stream};
chunk(Data, Stream = #stream{queue = Queue, left = Left}) ->
    case iolist_size(Data) of
        Size when is_integer(Left), Size > Left -> give_up(bad_length, Stream);
        Size -> flush(Stream#stream{queue = [Data | Queue], left = subtract(Left, Size)})
    end.

subtract(undefined, _) -> undefined;
subtract(Left, Size) -> Left - Size.

last(_, #stream{phase = discarding}) ->
    {[done], ended};
%% It is too short, and what there is of it is the client's to see.
last(_, Stream = #stream{left = Left}) when is_integer(Left), Left > 0 ->
    flush(Stream#stream{ending = {broken, bad_length}});
last(Ending, Stream) ->
    flush(Stream#stream{ending = Ending}).

%% A file of the program's: its bytes go in the place where it stands, and it is open meanwhile.
%% Where that cannot be, the program is to send them.
file(error, Stream) ->
    give_up(bad_payload, Stream);
file({ok, Spec}, Stream = #stream{phase = discarding}) ->
    {[{taken, gwport_file:bytes(Spec)}], Stream};
file({ok, Spec}, Stream = #stream{left = Left}) ->
    case gwport_file:bytes(Spec) of
        Length when is_integer(Left), Length > Left -> give_up(bad_length, Stream);
        Length -> {[{open, Spec}], Stream#stream{file = {opening, Length}}}
    end.

file_spec({ok, Term}) -> gwport_file:spec(Term);
file_spec(error) -> error.

opened({ok, File}, Length, Stream) ->
    flush(Stream#stream{file = #sent{file = File, length = Length}});
opened({error, _}, _, Stream) ->
    {[{taken, 0}], Stream#stream{file = none}}.

%% A piece of a file, or of one that is not wanted any more.
has_gone(Stream = #stream{file = none}) ->
    flush(Stream);
has_gone(Stream = #stream{file = Sent = #sent{}}) ->
    gone_on(Sent, Stream#stream{file_piece = next_piece(Sent, Stream)}).

gone_on(#sent{from = Length, length = Length}, Stream = #stream{left = Left}) ->
    {Commands, Stream1} = flush(Stream#stream{file = none, left = subtract(Left, Length)}),
    {[{taken, Length} | Commands], Stream1};
gone_on(_, Stream) ->
    flush(Stream).

%% The last of a file may be of a few bytes, and shows little.
next_piece(#sent{handed = Handed}, #stream{now = Now}) when Now - Handed >= ?QUICK ->
    ?MAX_PIECE;
next_piece(#sent{from = Length, length = Length}, #stream{file_piece = Piece}) ->
    Piece;
next_piece(_, #stream{file_piece = Piece}) ->
    min(2 * Piece, ?MAX_FILE_PIECE).

file_piece(Sent, Stream = #stream{now = Now, file_piece = Piece}) ->
    #sent{file = File, length = Length, from = From} = Sent,
    Bytes = min(Piece, Length - From),
    {[{data, nofin, {file, File, From, Bytes}}],
        Stream#stream{taking = file, file = Sent#sent{from = From + Bytes, handed = Now}}}.

%% One piece at a time is with the client; small ones that waited go together.
flush(Stream = #stream{queue = [], taking = 0, file = Sent = #sent{}}) ->
    file_piece(Sent, Stream);
flush(Stream = #stream{phase = tunnel, queue = [], taking = 0, ending = fin}) ->
    before([shut], shut(Stream#stream{ending = shut}));
flush(#stream{queue = [], taking = 0, ending = closing}) ->
    {[shut, done], ended};
flush(#stream{queue = [], taking = 0, ending = fin}) ->
    {[{data, fin, <<>>}, done], ended};
flush(#stream{queue = [], taking = 0, ending = {trailers, Fields}}) ->
    {[{trailers, Fields}, done], ended};
flush(#stream{queue = [], taking = 0, ending = {broken, Reason}}) ->
    {[{break, Reason}], ended};
flush(Stream = #stream{queue = Queue = [_ | _], taking = 0, ending = Ending, file = File}) ->
    {Piece, Rest} = piece(lists:reverse(Queue), 0, []),
    Size = iolist_size(Piece),
    case {Rest, Ending, File} of
        {[], fin, none} when Stream#stream.phase =/= tunnel ->
            {[{data, fin, Piece}, done], ended};
        _ ->
            {[{data, nofin, Piece}], Stream#stream{queue = lists:reverse(Rest), taking = Size}}
    end;
flush(Stream) ->
    {[], Stream}.

piece([Data | Rest], _, []) ->
    piece(Rest, iolist_size(Data), [Data]);
piece([Data | Rest], Size, Acc) ->
    case Size + iolist_size(Data) of
        More when More =< ?MAX_PIECE -> piece(Rest, More, [Data | Acc]);
        _ -> {lists:reverse(Acc), [Data | Rest]}
    end;
piece(Rest, _, Acc) ->
    {lists:reverse(Acc), Rest}.
