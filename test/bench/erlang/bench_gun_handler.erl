%% The proxy that teams write today: Cowboy, gun, and a Go server behind it. Bodies are streamed
%% both ways, and neither side may be ahead of the other without limit.
-module(bench_gun_handler).
-behaviour(cowboy_handler).

-export([init/2]).

%% gun 1.3 has no flow control: it reads its socket as long as it lives, and what it is given to
%% send waits in its mailbox. So it is asked something, now and then, which it answers when it has
%% come to it; and it is suspended while too many of its messages wait here.
-define(AHEAD, 16).
-define(SHORT, 65536).
-define(TIMEOUT, 60000).

init(Req, Pool) ->
    Connection = bench_gun_pool:take(Pool),
    Monitor = monitor(process, Connection),
    {Reusable, Result} = exchange(Connection, Monitor, Req),
    true = demonitor(Monitor, [flush]),
    ok = give_back(Reusable, Connection, Pool),
    {ok, Result, Pool}.

give_back(true, Connection, Pool) -> bench_gun_pool:give(Connection, Pool);
give_back(false, Connection, _) -> _ = bench_gun_pool:drop(Connection), ok.

exchange(Connection, Monitor, Req0 = #{method := Method, has_body := HasBody}) ->
    Stream = gun:request(Connection, Method, target(Req0), request_headers(Req0), <<>>),
    Req = send_body(HasBody, Connection, Stream, Req0),
    receive
        {gun_response, Connection, Stream, fin, Status, Headers} ->
            {is_kept(Headers), cowboy_req:reply(Status, response_headers(Headers), Req)};
        {gun_response, Connection, Stream, nofin, Status, Headers} ->
            response(Connection, Monitor, Stream, Status, Headers, Req);
        {gun_error, Connection, Stream, _} ->
            {false, cowboy_req:reply(502, Req)};
        {gun_error, Connection, _} ->
            {false, cowboy_req:reply(502, Req)};
        {'DOWN', Monitor, process, _, _} ->
            {false, cowboy_req:reply(502, Req)}
    after ?TIMEOUT ->
        {false, cowboy_req:reply(504, Req)}
    end.

%% A short response goes out in one piece, and costs the connection one message and one write.
response(Connection, Monitor, Stream, Status, Headers, Req) ->
    case length_of(Headers) =< ?SHORT of
        true ->
            Body = gather(Connection, Monitor, Stream, []),
            {is_kept(Headers), cowboy_req:reply(Status, response_headers(Headers), Body, Req)};
        false ->
            Streamed = cowboy_req:stream_reply(Status, response_headers(Headers), Req),
            {stream(Connection, Monitor, Stream, Streamed) andalso is_kept(Headers), Streamed}
    end.

%% An atom, for an unknown length, is greater than any number.
length_of(Headers) ->
    case lists:keyfind(<<"content-length">>, 1, Headers) of
        {_, Length} -> binary_to_integer(Length);
        false -> unknown
    end.

gather(Connection, Monitor, Stream, Acc) ->
    receive
        {gun_data, Connection, Stream, fin, Data} -> [Acc, Data];
        {gun_data, Connection, Stream, nofin, Data} ->
            gather(Connection, Monitor, Stream, [Acc, Data]);
        {gun_error, Connection, Stream, Reason} -> exit(Reason);
        {gun_error, Connection, Reason} -> exit(Reason);
        {'DOWN', Monitor, process, _, Reason} -> exit({upstream, Reason})
    end.

stream(Connection, Monitor, Stream, Req) ->
    receive
        {gun_data, Connection, Stream, IsFin, Data} ->
            more(IsFin, Data, Connection, Monitor, Stream, Req);
        {gun_error, Connection, Stream, Reason} -> exit(Reason);
        {gun_error, Connection, Reason} -> exit(Reason);
        {'DOWN', Monitor, process, _, Reason} -> exit({upstream, Reason})
    end.

%% All that is there goes on as one piece, to which stream_body/3 returns when the connection has
%% taken it.
more(IsFin0, Data0, Connection, Monitor, Stream, Req) ->
    Suspended = IsFin0 =:= nofin andalso suspend(Connection),
    {IsFin, Data} = drain(IsFin0, Data0, Connection, Stream),
    cowboy_req:stream_body(Data, IsFin, Req),
    _ = [ok = sys:resume(Connection, infinity) || Suspended],
    IsFin =:= fin orelse stream(Connection, Monitor, Stream, Req).

%% Otherwise gun would go on reading while the client takes nothing.
suspend(Connection) ->
    {_, Length} = process_info(self(), message_queue_len),
    Length > ?AHEAD andalso sys:suspend(Connection, infinity) =:= ok.

drain(fin, Data, _, _) ->
    {fin, Data};
drain(nofin, Data, Connection, Stream) ->
    receive
        {gun_data, Connection, Stream, IsFin, More} ->
            drain(IsFin, [Data, More], Connection, Stream)
    after 0 ->
        {nofin, Data}
    end.

send_body(false, _, _, Req) ->
    Req;
send_body(true, Connection, Stream, Req) ->
    send_body(Connection, Stream, Req).

send_body(Connection, Stream, Req0) ->
    case cowboy_req:read_body(Req0, #{length => 262144, period => 1000}) of
        {ok, Data, Req} ->
            ok = gun:data(Connection, Stream, fin, Data),
            Req;
        {more, Data, Req} ->
            ok = gun:data(Connection, Stream, nofin, Data),
            _ = gun:info(Connection),
            send_body(Connection, Stream, Req)
    end.

target(#{path := Path, qs := <<>>}) -> Path;
target(#{path := Path, qs := Qs}) -> [Path, $?, Qs].

%% A content-type without a body would have gun announce one.
request_headers(#{headers := Headers, has_body := true, peer := Peer}) ->
    forwarded(Peer, maps:without(hop_by_hop(), Headers));
request_headers(#{headers := Headers, has_body := false, peer := Peer}) ->
    forwarded(Peer, maps:without([<<"content-type">>, <<"content-length">> | hop_by_hop()],
        Headers)).

forwarded({Address, _}, Headers) ->
    [{<<"x-forwarded-for">>, list_to_binary(inet:ntoa(Address))} | maps:to_list(Headers)].

response_headers(Headers) ->
    maps:from_list([Field || Field = {Name, _} <- Headers, not lists:member(Name, hop_by_hop())]).

hop_by_hop() ->
    [<<"connection">>, <<"keep-alive">>, <<"proxy-connection">>, <<"te">>, <<"trailer">>,
        <<"transfer-encoding">>, <<"upgrade">>, <<"expect">>].

is_kept(Headers) ->
    lists:keyfind(<<"connection">>, 1, Headers) =/= {<<"connection">>, <<"close">>}.
