%% One client for both protocols, so that a case can run on either: gen_tcp for HTTP/1.1, gwport_h2 for
%% HTTP/2 without TLS. It shows header names as they were sent, keeps duplicates apart, and tells a complete
%% response from one that was broken off.
-module(gwport_http_client).

-export([open/1, close/1, port/1, ask/2, call/2]).
-export([start/2, send/3, head/1, piece/2, rest/1]).
-export([header/2, headers/2, lines/1, fields/1]).

-type client() :: {h1, gen_tcp:socket()} | {h2, pid()}.
-type stream() :: {h1, gen_tcp:socket(), Method :: binary()} | {h2, pid(), reference()}.
-type request() :: binary() | string() | #{
    method => binary(), path => iodata(), headers => [{binary(), iodata()}],
    %% A body of known length; {unknown, Pieces} is sent without one. None: there is no body.
    body => iodata() | {unknown, [iodata()]}
}.
-type response() :: #{
    status := integer(), reason := binary(), headers := [{binary(), binary()}],
    informs := [{integer(), [{binary(), binary()}]}],
    body := binary(), complete := boolean(), trailers := [{binary(), binary()}]
}.

-define(TIMEOUT, 20000).

%% Config is a case's: it holds `proto` (h1 or h2) and `server` (gwport_test:start/1).
-spec open(list()) -> client().
open(Config) ->
    Server = proplists:get_value(server, Config),
    case proplists:get_value(proto, Config) of
        h1 ->
            Socket = gwport_test:connect(Server),
            %% A header line must fit in it.
            ok = inet:setopts(Socket, [{buffer, 262144}]),
            {h1, Socket};
        h2 -> {h2, gwport_test:h2_open(Server)}
    end.

-spec close(client()) -> term().
close({h1, Socket}) -> gen_tcp:close(Socket);
close({h2, Conn}) -> gwport_h2:close(Conn).

%% The client's own port, which the server sees as the peer's.
-spec port(client()) -> inet:port_number().
port({h1, Socket}) ->
    {ok, Port} = inet:port(Socket),
    Port;
port({h2, Conn}) ->
    gwport_h2:port(Conn).

%% A request on a connection of its own.
-spec ask(list(), request()) -> response().
ask(Config, Request) ->
    Client = open(Config),
    try call(Client, Request)
    after close(Client)
    end.

-spec call(client(), request()) -> response().
call(Client, Path) when not is_map(Path) ->
    call(Client, #{path => Path});
call(Client, Request) ->
    {Known, Pieces} = case maps:get(body, Request, none) of
        none -> {none, []};
        {unknown, List} -> {unknown, List};
        Data -> {iolist_size(Data), [Data]}
    end,
    Stream = begin_request(Client, Known, Request),
    send_all(Stream, Pieces, Known),
    rest(Stream).

send_all(_, _, none) -> ok;
send_all(Stream, [], _) -> send(Stream, fin, <<>>);
send_all(Stream, [Last], _) -> send(Stream, fin, Last);
send_all(Stream, [Piece | Rest], Known) ->
    send(Stream, nofin, Piece),
    send_all(Stream, Rest, Known).

%% The head of a request whose body follows: of unknown length, unless a header gives it.
-spec start(client(), request()) -> stream().
start(Client, Request) ->
    case lists:keyfind(<<"content-length">>, 1, maps:get(headers, Request, [])) of
        false -> begin_request(Client, unknown, Request);
        {_, _} -> begin_request(Client, given, Request)
    end.

begin_request({h1, Socket}, Length, Request) ->
    Method = maps:get(method, Request, method(Length)),
    put({chunked, Socket}, Length =:= unknown),
    gwport_test:send(Socket, [Method, " ", maps:get(path, Request, "/"), " HTTP/1.1\r\n",
        [[Name, ": ", Value, "\r\n"] || {Name, Value} <- with_host(maps:get(headers, Request, []))
            ++ framing(Length)], "\r\n"]),
    {h1, Socket, Method};
begin_request({h2, Conn}, Length, Request) ->
    Method = maps:get(method, Request, method(Length)),
    Headers = [{<<"content-length">>, integer_to_binary(Length)} || is_integer(Length)]
        ++ maps:get(headers, Request, []),
    Body = case Length of
        none -> <<>>;
        _ -> follows
    end,
    {h2, Conn, gwport_h2:request(Conn, Method, maps:get(path, Request, "/"), Headers, Body)}.

method(none) -> <<"GET">>;
method(_) -> <<"POST">>.

with_host(Headers) ->
    [{<<"host">>, <<"localhost">>} || not lists:keymember(<<"host">>, 1, Headers)] ++ Headers.

framing(unknown) -> [{<<"transfer-encoding">>, <<"chunked">>}];
framing(Length) when is_integer(Length) -> [{<<"content-length">>, integer_to_binary(Length)}];
framing(_) -> [].

-spec send(stream(), fin | nofin, iodata()) -> ok.
send({h2, Conn, Ref}, IsFin, Data) ->
    gwport_h2:data(Conn, Ref, IsFin, Data);
send({h1, Socket, _}, IsFin, Data) ->
    %% The server may have closed: what it answered before is still to be read.
    _ = gen_tcp:send(Socket, case get({chunked, Socket}) of
        true -> [chunk(iolist_size(Data), Data), [<<"0\r\n\r\n">> || IsFin =:= fin]];
        false -> Data
    end),
    ok.

chunk(0, _) -> [];
chunk(Size, Data) -> [integer_to_list(Size, 16), "\r\n", Data, "\r\n"].

%% The final head, with the informational ones before it.
-spec head(stream()) -> map().
head(Stream) ->
    head(Stream, []).

head(Stream = {h1, Socket, _}, Informs) ->
    ok = inet:setopts(Socket, [{packet, http_bin}]),
    {ok, {http_response, Version, Status, Reason}} = gen_tcp:recv(Socket, 0, ?TIMEOUT),
    ok = inet:setopts(Socket, [{packet, httph_bin}]),
    Headers = h1_headers(Socket),
    ok = inet:setopts(Socket, [{packet, raw}]),
    final(Stream, Status, Informs, #{status => Status, reason => Reason, headers => Headers,
        version => Version});
head(Stream = {h2, Conn, Ref}, Informs) ->
    case gwport_h2:await(Conn, Ref, ?TIMEOUT) of
        {inform, Status, Headers} ->
            final(Stream, Status, Informs, #{headers => Headers});
        {response, IsFin, Status, Headers} ->
            final(Stream, Status, Informs, #{status => Status, reason => <<>>, headers => Headers,
                is_fin => IsFin, version => {2, 0}})
    end.

final(Stream, Status, Informs, #{headers := Headers}) when Status < 200 ->
    head(Stream, [{Status, Headers} | Informs]);
final(_, _, Informs, Head) ->
    Head#{informs => lists:reverse(Informs)}.

h1_headers(Socket) ->
    case gen_tcp:recv(Socket, 0, ?TIMEOUT) of
        {ok, {http_header, _, _, Name, Value}} -> [{Name, Value} | h1_headers(Socket)];
        {ok, http_eoh} -> []
    end.

%% The first bytes of a body that goes on: at least Size, behind head/1. On HTTP/1.1 it must be
%% chunked.
-spec piece(stream(), non_neg_integer()) -> binary().
piece(Stream, Size) ->
    piece(Stream, Size, <<>>).

piece(_, Size, Data) when byte_size(Data) >= Size ->
    Data;
piece(Stream = {h1, Socket, _}, Size, Data) ->
    {nofin, More} = h1_chunk(Socket),
    piece(Stream, Size, <<Data/binary, More/binary>>);
piece(Stream = {h2, Conn, Ref}, Size, Data) ->
    {data, nofin, More} = gwport_h2:await(Conn, Ref, ?TIMEOUT),
    piece(Stream, Size, <<Data/binary, More/binary>>).

%% All of a response, or what is left of it when head/1 has been called (give it that head).
-spec rest(stream() | {stream(), map()}) -> response().
rest({Stream, Head}) when is_map(Head) ->
    {Body, Complete, Trailers} = body(Stream, Head),
    Head#{body => Body, complete => Complete, trailers => Trailers};
rest(Stream) ->
    rest({Stream, head(Stream)}).

body({h2, _, _}, #{is_fin := fin}) ->
    {<<>>, true, []};
body({h2, Conn, Ref}, _) ->
    case gwport_h2:await_body(Conn, Ref, ?TIMEOUT) of
        {ok, Body} -> {Body, true, []};
        {ok, Body, Trailers} -> {Body, true, Trailers};
        {error, timeout} -> error(timeout);
        {error, _} -> {<<>>, false, []}
    end;
body({h1, _, Method}, #{status := Status}) when Method =:= <<"HEAD">>; Status =:= 204; Status =:= 304 ->
    {<<>>, true, []};
body({h1, Socket, _}, Head) ->
    case {header(<<"transfer-encoding">>, Head), header(<<"content-length">>, Head)} of
        {<<"chunked">>, undefined} -> h1_chunks(Socket, []);
        {undefined, undefined} -> h1_until_close(Socket, []);
        {undefined, Length} -> h1_length(Socket, binary_to_integer(Length))
    end.

h1_chunks(Socket, Acc) ->
    case h1_chunk(Socket) of
        {nofin, Data} -> h1_chunks(Socket, [Acc, Data]);
        {fin, Trailers} -> {iolist_to_binary(Acc), true, Trailers};
        closed -> {iolist_to_binary(Acc), false, []}
    end.

h1_chunk(Socket) ->
    ok = inet:setopts(Socket, [{packet, line}]),
    case gen_tcp:recv(Socket, 0, ?TIMEOUT) of
        {ok, Line} -> h1_chunk(Socket, binary_to_integer(string:trim(Line), 16));
        {error, closed} -> closed
    end.

h1_chunk(Socket, 0) ->
    ok = inet:setopts(Socket, [{packet, httph_bin}]),
    Trailers = h1_headers(Socket),
    ok = inet:setopts(Socket, [{packet, raw}]),
    {fin, Trailers};
h1_chunk(Socket, Size) ->
    ok = inet:setopts(Socket, [{packet, raw}]),
    case gen_tcp:recv(Socket, Size + 2, ?TIMEOUT) of
        {ok, <<Data:Size/binary, "\r\n">>} -> {nofin, Data};
        {error, closed} -> closed
    end.

h1_length(_, 0) ->
    {<<>>, true, []};
h1_length(Socket, Length) ->
    case gen_tcp:recv(Socket, Length, ?TIMEOUT) of
        {ok, Body} -> {Body, true, []};
        {error, closed} -> {<<>>, false, []}
    end.

h1_until_close(Socket, Acc) ->
    case gen_tcp:recv(Socket, 0, ?TIMEOUT) of
        {ok, Data} -> h1_until_close(Socket, [Acc, Data]);
        {error, closed} -> {iolist_to_binary(Acc), true, []}
    end.

%% By the name as it must have been sent: lower case, on both protocols.
-spec header(binary(), map() | list()) -> binary() | undefined.
header(Name, Response) ->
    case headers(Name, Response) of
        [] -> undefined;
        [Value] -> Value
    end.

-spec headers(binary(), map() | list()) -> [binary()].
headers(Name, #{headers := Headers}) -> headers(Name, Headers);
headers(Name, Headers) -> [Value || {N, Value} <- Headers, N =:= Name].

%% The text that the bundled program generates: each line of 16 bytes is its own number.
-spec lines(non_neg_integer()) -> binary().
lines(Size) ->
    Lines = << <<(iolist_to_binary(io_lib:format("~15..0b\n", [N])))/binary>>
        || N <- lists:seq(0, Size div 16) >>,
    binary:part(Lines, 0, Size).

%% The environ app's answer as a map.
-spec fields(response()) -> #{binary() => binary()}.
fields(#{status := 200, body := Body}) ->
    maps:from_list([case binary:split(Line, <<": ">>) of
        [Name, Value] -> {Name, Value};
        [Name] -> {binary:part(Name, 0, byte_size(Name) - 1), <<>>}
    end || Line <- binary:split(Body, <<"\n">>, [global, trim_all])]).
