%% An HTTP/2 client that sends what it is told to, right or wrong: one connection, frames by cowlib, and
%% no look at anything that a client library would refuse. With TLS its socket is {ssl, Socket}.
-module(gwport_raw_h2).

-export([ask/2, ask/3, open/1, upgraded/1, send/2, headers/4, data/4, answer/2, frame/1, close/1]).

-define(PREFACE, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").

%% The answer to these fields, pseudo ones first, on a connection of their own.
ask(Server, Fields) ->
    ask(Server, Fields, none).

ask(Server, Fields, Body) ->
    Client = open(Server),
    try
        case Body of
            none -> headers(1, fin, Fields, Client);
            _ -> headers(1, nofin, Fields, Client), data(1, fin, Body, Client)
        end,
        answer(1, Client)
    after
        close(Client)
    end.

open(Server) ->
    upgraded(gwport_test:connect(Server)).

%% A connection on which HTTP/2 begins.
upgraded(Socket) ->
    send([?PREFACE, cow_http2:settings(#{})], Socket),
    put({?MODULE, Socket}, {<<>>, cow_hpack:init()}),
    Socket.

send(Data, {ssl, Socket}) ->
    ok = ssl:send(Socket, Data);
send(Data, Socket) ->
    ok = gen_tcp:send(Socket, Data).

recv({ssl, Socket}) -> ssl:recv(Socket, 0, 10000);
recv(Socket) -> gen_tcp:recv(Socket, 0, 10000).

headers(Id, IsFin, Fields, Socket) ->
    {Block, _} = cow_hpack:encode(Fields),
    send(cow_http2:headers(Id, IsFin, Block), Socket).

data(Id, IsFin, Data, Socket) ->
    send(cow_http2:data(Id, IsFin, Data), Socket).

close({ssl, Socket}) -> ssl:close(Socket);
close(Socket) -> gen_tcp:close(Socket).

%% Of a stream: its head and body, {reset, Code}, or what became of the connection.
answer(Id, Socket) ->
    answer(Id, Socket, #{body => <<>>, complete => false}).

answer(Id, Socket, Answer) ->
    case frame(Socket) of
        {headers, Id, IsFin, head_fin, Block} ->
            headed(IsFin, Id, decoded(Block, Socket), Socket, Answer);
        {data, Id, fin, Data} ->
            more(Data, Answer#{complete := true});
        {data, Id, nofin, Data} ->
            answer(Id, Socket, more(Data, Answer));
        {rst_stream, Id, Code} ->
            {reset, Code};
        {goaway, _, Code, _} ->
            {goaway, Code};
        {error, Reason} ->
            {error, Reason};
        Frame ->
            _ = [send(cow_http2:settings_ack(), Socket) || element(1, Frame) =:= settings],
            answer(Id, Socket, Answer)
    end.

headed(IsFin, Id, Fields, Socket, Answer0) ->
    {_, Status} = lists:keyfind(<<":status">>, 1, Fields),
    Answer = Answer0#{status => binary_to_integer(Status), headers => tl(Fields), complete := IsFin =:= fin},
    case Status of
        <<"1", _/binary>> -> answer(Id, Socket, Answer0);
        _ when IsFin =:= fin -> Answer;
        _ -> answer(Id, Socket, Answer)
    end.

more(Data, Answer = #{body := Body}) ->
    Answer#{body := <<Body/binary, Data/binary>>}.

decoded(Block, Socket) ->
    {Buffer, State0} = get({?MODULE, Socket}),
    {Fields, State} = cow_hpack:decode(Block, State0),
    put({?MODULE, Socket}, {Buffer, State}),
    Fields.

%% The next frame, as cowlib has it, or the error of the socket.
frame(Socket) ->
    {Buffer, State} = get({?MODULE, Socket}),
    case cow_http2:parse(Buffer) of
        {ok, Frame, Rest} ->
            put({?MODULE, Socket}, {Rest, State}),
            Frame;
        {ignore, Rest} ->
            put({?MODULE, Socket}, {Rest, State}),
            frame(Socket);
        more ->
            case recv(Socket) of
                {ok, Data} ->
                    put({?MODULE, Socket}, {<<Buffer/binary, Data/binary>>, State}),
                    frame(Socket);
                Error ->
                    Error
            end
    end.
