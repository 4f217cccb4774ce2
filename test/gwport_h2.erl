%% A client for HTTP/2 without TLS, with prior knowledge, on cowlib's frames and header compression alone: of these
%% the tests need little, and it is the same in every release of cowlib. (gun's two major releases differ in options
%% and messages, and each goes with some releases of cowlib only.)
%%
%% A connection is a process. What arrives for a stream is sent to whoever asked for it. A stream's window is HTTP/2's
%% own, and opened again as soon as something has been received: what waits lies in the mailbox of whoever asked. That of
%% the connection is large, as clients have it: cowlib loses the end of a response that comes apart from its last bytes
%% while the window of the connection is used up. The connection ends with who opened it, and when the server closes it.
-module(gwport_h2).

-export([open/1, close/1, port/1, window/1]).
-export([request/4, request/5, data/4, cancel/2, await/3, await_body/3, flush/1]).

-export_type([conn/0, ref/0, event/0]).

-type conn() :: pid().
-type ref() :: reference().
-type headers() :: [{binary(), iodata()}].
-type event() :: {inform, 100..199, [{binary(), binary()}]}
    | {response, fin | nofin, 200..999, [{binary(), binary()}]}
    | {data, fin | nofin, binary()}
    | {trailers, [{binary(), binary()}]}
    | {error, {stream_error, Code :: atom()} | {closed, term()} | timeout}.

-define(WINDOW, 65535).
-define(CONNECTION_WINDOW, 8000000).
-define(MAX_FRAME, 16384).

-record(stream, {
    ref :: ref(),
    to :: pid(),
    %% What the server lets us send, and what is still to be sent.
    window :: integer(),
    queue = <<>> :: binary(),
    ends = nofin :: fin | nofin | done,
    responded = false :: boolean()
}).
-record(conn, {
    socket :: gen_tcp:socket(),
    owner :: reference(),
    buffer = <<>> :: binary(),
    encode = cow_hpack:init(),
    decode = cow_hpack:init(),
    next = 1 :: pos_integer(),
    window = ?WINDOW :: integer(),
    stream_window = ?WINDOW :: integer(),
    streams = #{} :: #{pos_integer() => #stream{}},
    %% A header block that goes on in CONTINUATION frames.
    block = none :: none | {pos_integer(), fin | nofin, binary()}
}).

%% API

%% On 127.0.0.1; the server has said its settings when this returns.
-spec open(inet:port_number()) -> conn().
open(Port) ->
    Owner = self(),
    {Conn, Monitor} = spawn_monitor(fun() -> connect(Port, Owner) end),
    receive
        {Conn, up} ->
            demonitor(Monitor, [flush]),
            Conn;
        {'DOWN', Monitor, _, _, Reason} ->
            error({no_connection, Reason})
    end.

-spec close(conn()) -> ok.
close(Conn) ->
    Monitor = monitor(process, Conn),
    Conn ! close,
    receive {'DOWN', Monitor, _, _, _} -> ok end.

%% The client's own, which the server sees as the peer's.
-spec port(conn()) -> inet:port_number().
port(Conn) ->
    Conn ! {port, self()},
    receive {Conn, port, Port} -> Port end.

%% What the server lets us send on the connection, whatever its streams may have.
-spec window(conn()) -> non_neg_integer().
window(Conn) ->
    Conn ! {window, self()},
    receive {Conn, window, Window} -> Window end.

%% Without a body.
-spec request(conn(), binary(), iodata(), headers()) -> ref().
request(Conn, Method, Path, Headers) ->
    request(Conn, Method, Path, Headers, <<>>).

%% With this body, and its length unless a header says it; or with one that comes by data/4.
-spec request(conn(), binary(), iodata(), headers(), iodata() | follows) -> ref().
request(Conn, Method, Path, Headers0, Body) ->
    Ref = make_ref(),
    {Host, Headers} = case lists:keytake(<<"host">>, 1, Headers0) of
        false -> {<<"localhost">>, Headers0};
        {value, {_, Value}, Rest} -> {Value, Rest}
    end,
    All = [{<<":method">>, Method}, {<<":scheme">>, <<"http">>}, {<<":authority">>, iolist_to_binary(Host)},
        {<<":path">>, iolist_to_binary(Path)}
        | [{Name, iolist_to_binary(Value)} || {Name, Value} <- Headers ++ length_of(Body, Headers)]],
    Conn ! {request, self(), Ref, All, Body},
    Ref.

length_of(follows, _) -> [];
length_of(Body, Headers) ->
    [{<<"content-length">>, integer_to_binary(iolist_size(Body))}
        || iolist_size(Body) > 0, not lists:keymember(<<"content-length">>, 1, Headers)].

-spec data(conn(), ref(), fin | nofin, iodata()) -> ok.
data(Conn, Ref, IsFin, Data) ->
    Conn ! {data, Ref, IsFin, iolist_to_binary(Data)},
    ok.

%% RST_STREAM; nothing of the stream comes any more, after what is in the mailbox already.
-spec cancel(conn(), ref()) -> ok.
cancel(Conn, Ref) ->
    Conn ! {cancel, Ref},
    ok.

-spec await(conn(), ref(), timeout()) -> event().
await(Conn, Ref, Timeout) ->
    Monitor = monitor(process, Conn),
    Event = receive
        {Conn, Ref, Some} -> Some;
        {'DOWN', Monitor, _, _, Reason} -> {error, {closed, Reason}}
    after Timeout -> {error, timeout}
    end,
    demonitor(Monitor, [flush]),
    Event.

-spec await_body(conn(), ref(), timeout()) ->
    {ok, binary()} | {ok, binary(), [{binary(), binary()}]} | {error, term()}.
await_body(Conn, Ref, Timeout) ->
    await_body(Conn, Ref, Timeout, []).

await_body(Conn, Ref, Timeout, Acc) ->
    case await(Conn, Ref, Timeout) of
        {data, nofin, Data} -> await_body(Conn, Ref, Timeout, [Acc, Data]);
        {data, fin, Data} -> {ok, iolist_to_binary([Acc, Data])};
        {trailers, Trailers} -> {ok, iolist_to_binary(Acc), Trailers};
        {error, Reason} -> {error, Reason}
    end.

%% What has arrived and was not awaited.
-spec flush(ref()) -> ok.
flush(Ref) ->
    receive {_, Ref, _} -> flush(Ref)
    after 0 -> ok
    end.

%% The connection

connect(Port, Owner) ->
    {ok, Socket} = gen_tcp:connect("127.0.0.1", Port, [binary, {active, once}, {nodelay, true}]),
    ok = gen_tcp:send(Socket, ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", cow_http2:settings(#{enable_push => false}),
        cow_http2:window_update(?CONNECTION_WINDOW - ?WINDOW)]),
    receive
        {tcp, Socket, Data} ->
            self() ! {tcp, Socket, Data},
            Owner ! {self(), up},
            loop(#conn{socket = Socket, owner = monitor(process, Owner)});
        {tcp_closed, Socket} -> exit(closed)
    after 25000 -> exit(silent)
    end.

loop(Conn = #conn{socket = Socket, owner = Owner, buffer = Buffer}) ->
    receive
        {request, To, Ref, Headers, Body} -> loop(asked(To, Ref, Headers, Body, Conn));
        {data, Ref, IsFin, Data} -> loop(queued(id(Ref, Conn), IsFin, Data, Conn));
        {cancel, Ref} -> loop(cancelled(id(Ref, Conn), Conn));
        {port, From} ->
            {ok, Port} = inet:port(Socket),
            From ! {self(), port, Port},
            loop(Conn);
        {window, From} ->
            From ! {self(), window, Conn#conn.window},
            loop(Conn);
        {tcp, Socket, Data} ->
            Conn1 = parsed(<<Buffer/binary, Data/binary>>, Conn),
            _ = inet:setopts(Socket, [{active, once}]),
            loop(Conn1);
        {tcp_closed, Socket} -> exit(normal);
        {tcp_error, Socket, _} -> exit(normal);
        close -> exit(normal);
        {'DOWN', Owner, _, _, _} -> exit(normal)
    end.

id(Ref, #conn{streams = Streams}) ->
    case [Id || {Id, #stream{ref = Other}} <- maps:to_list(Streams), Other =:= Ref] of
        [Id] -> Id;
        [] -> none
    end.

%% The server may have closed: what it said before is still to be read.
send(Conn = #conn{socket = Socket}, Data) ->
    _ = gen_tcp:send(Socket, Data),
    Conn.

%% Requests

asked(To, Ref, Headers, Body, Conn0 = #conn{next = Id, encode = Encode0, stream_window = Window}) ->
    {Block, Encode} = cow_hpack:encode(Headers, Encode0),
    IsFin = case Body of
        follows -> nofin;
        _ when Body =:= <<>>; Body =:= [] -> fin;
        _ -> nofin
    end,
    Conn = send(Conn0, head(Id, IsFin, iolist_to_binary(Block))),
    Stream = #stream{ref = Ref, to = To, window = Window, ends = case IsFin of fin -> done; nofin -> nofin end},
    Conn1 = keep(Id, Stream, Conn#conn{next = Id + 2, encode = Encode}),
    case {IsFin, Body} of
        {nofin, follows} -> Conn1;
        {nofin, _} -> queued(Id, fin, iolist_to_binary(Body), Conn1);
        {fin, _} -> Conn1
    end.

head(Id, IsFin, <<Part:?MAX_FRAME/binary, Rest/binary>>) when Rest =/= <<>> ->
    [<<?MAX_FRAME:24, 1:8, (flag(IsFin)):8, Id:32, Part/binary>> | continuation(Id, Rest)];
head(Id, IsFin, Block) ->
    cow_http2:headers(Id, IsFin, Block).

continuation(Id, <<Part:?MAX_FRAME/binary, Rest/binary>>) when Rest =/= <<>> ->
    [<<?MAX_FRAME:24, 9:8, 0:8, Id:32, Part/binary>> | continuation(Id, Rest)];
continuation(Id, Part) ->
    [<<(byte_size(Part)):24, 9:8, 4:8, Id:32, Part/binary>>].

flag(fin) -> 1;
flag(nofin) -> 0.

queued(none, _, _, Conn) ->
    Conn;
queued(Id, IsFin, Data, Conn = #conn{streams = Streams}) ->
    Stream = #stream{queue = Queue} = maps:get(Id, Streams),
    pump(Id, Stream#stream{queue = <<Queue/binary, Data/binary>>, ends = IsFin}, Conn).

%% As much as both windows allow.
pump(Id, Stream = #stream{ends = done}, Conn) ->
    keep(Id, Stream, Conn);
pump(Id, Stream = #stream{queue = Queue, ends = IsFin, window = Window}, Conn = #conn{window = All}) ->
    case lists:min([byte_size(Queue), ?MAX_FRAME, Window, All]) of
        Size when Size =:= byte_size(Queue), IsFin =:= fin ->
            spent(Id, Stream#stream{queue = <<>>, ends = done}, Size,
                send(Conn, cow_http2:data(Id, fin, Queue)));
        Size when Size > 0 ->
            <<Piece:Size/binary, Rest/binary>> = Queue,
            spent(Id, Stream#stream{queue = Rest}, Size, send(Conn, cow_http2:data(Id, nofin, Piece)));
        _ ->
            keep(Id, Stream, Conn)
    end.

spent(Id, Stream = #stream{window = Window}, Size, Conn = #conn{window = All}) ->
    pump(Id, Stream#stream{window = Window - Size}, Conn#conn{window = All - Size}).

pump_all(Conn = #conn{streams = Streams}) ->
    maps:fold(fun pump/3, Conn, Streams).

cancelled(none, Conn) -> Conn;
cancelled(Id, Conn) -> forget(Id, send(Conn, cow_http2:rst_stream(Id, cancel))).

keep(Id, Stream, Conn = #conn{streams = Streams}) ->
    Conn#conn{streams = Streams#{Id => Stream}}.

forget(Id, Conn = #conn{streams = Streams}) ->
    Conn#conn{streams = maps:remove(Id, Streams)}.

%% Answers

parsed(Data, Conn) ->
    case cow_http2:parse(Data) of
        {ok, Frame, Rest} -> parsed(Rest, frame(Frame, Conn));
        {ignore, Rest} -> parsed(Rest, Conn);
        more -> Conn#conn{buffer = Data}
    end.

frame({settings, Settings}, Conn = #conn{stream_window = Before, streams = Streams}) ->
    Window = maps:get(initial_window_size, Settings, Before),
    Grown = maps:map(fun(_, Stream = #stream{window = W}) -> Stream#stream{window = W + Window - Before} end, Streams),
    pump_all(send(Conn#conn{stream_window = Window, streams = Grown}, cow_http2:settings_ack()));
frame({ping, Opaque}, Conn) ->
    send(Conn, cow_http2:ping_ack(Opaque));
frame({window_update, More}, Conn = #conn{window = Window}) ->
    pump_all(Conn#conn{window = Window + More});
frame({window_update, Id, More}, Conn = #conn{streams = Streams}) ->
    case Streams of
        #{Id := Stream = #stream{window = Window}} -> pump(Id, Stream#stream{window = Window + More}, Conn);
        #{} -> Conn
    end;
frame({data, Id, IsFin, Data}, Conn0) ->
    Conn = send(Conn0, [[cow_http2:window_update(Size), [cow_http2:window_update(Id, Size) || IsFin =:= nofin]]
        || Size <- [byte_size(Data)], Size > 0]),
    event(Id, IsFin, {data, IsFin, Data}, Conn);
frame({headers, Id, IsFin, head_fin, Block}, Conn) ->
    block(Id, IsFin, Block, Conn);
frame({headers, Id, IsFin, head_nofin, Block}, Conn) ->
    Conn#conn{block = {Id, IsFin, Block}};
frame({continuation, Id, IsLast, Part}, Conn = #conn{block = {Id, IsFin, Block}}) ->
    case IsLast of
        head_fin -> block(Id, IsFin, <<Block/binary, Part/binary>>, Conn#conn{block = none});
        head_nofin -> Conn#conn{block = {Id, IsFin, <<Block/binary, Part/binary>>}}
    end;
frame({rst_stream, Id, Code}, Conn) ->
    event(Id, fin, {error, {stream_error, Code}}, Conn);
frame(_, Conn) ->
    Conn.

block(Id, IsFin, Block, Conn = #conn{decode = Decode0, streams = Streams}) ->
    {All, Decode} = cow_hpack:decode(Block, Decode0),
    Conn1 = Conn#conn{decode = Decode},
    case {All, Streams} of
        {_, #{Id := #stream{responded = true}}} ->
            event(Id, fin, {trailers, All}, Conn1);
        {[{<<":status">>, Status} | Headers], #{Id := Stream}} ->
            answer(Id, IsFin, binary_to_integer(Status), Headers, Stream, Conn1);
        {_, #{}} ->
            Conn1
    end.

answer(Id, _, Status, Headers, _, Conn) when Status < 200 ->
    event(Id, nofin, {inform, Status, Headers}, Conn);
answer(Id, IsFin, Status, Headers, Stream, Conn) ->
    event(Id, IsFin, {response, IsFin, Status, Headers}, keep(Id, Stream#stream{responded = true}, Conn)).

%% The last event of a stream ends what is known of it, unless its request goes on.
event(Id, IsFin, Event, Conn = #conn{streams = Streams}) ->
    case Streams of
        #{Id := #stream{to = To, ref = Ref, ends = Ends}} ->
            To ! {self(), Ref, Event},
            case {IsFin, Ends, Event} of
                {fin, _, {error, _}} -> forget(Id, Conn);
                {fin, done, _} -> forget(Id, Conn);
                _ -> Conn
            end;
        #{} ->
            Conn
    end.
