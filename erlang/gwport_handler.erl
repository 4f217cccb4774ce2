%% A pool under a Cowboy route:
%%
%%     {"/shop/[...]", gwport_handler, #{pool => shop}}
%%
%% Options (gwport_options:mount()): pool, app, head_timeout, idle_timeout, deadline, max_body.
%%
%% It runs in the request's own process, which Cowboy shuts down when the client leaves; the port's
%% owner monitors it, so nothing has to be done for that here. It gives gwport_stream what Cowboy
%% and the port say, and does what gwport_stream answers.
-module(gwport_handler).
-behaviour(cowboy_handler).

-export([init/2]).

-include_lib("kernel/include/logger.hrl").

-record(exchange, {
    req :: cowboy_req:req(),
    handle :: gwport_port:handle(),
    ref :: reference(),
    stream :: gwport_stream:stream(),
    %% Whether the client was told to go on, or never asked.
    continued :: boolean(),
    %% Bytes of the request's body, and whether that is all of it.
    received = 0 :: non_neg_integer(),
    complete :: boolean(),
    %% When the data that the client is taking was handed out.
    handed = 0 :: integer(),
    listener :: gwport_cowboy:listener(),
    %% When the connection must hear of us again, and whether its idle timer is off.
    tick_at :: integer(),
    idle_off = false :: boolean()
}).

%% How long one read waits in Cowboy before it answers with what it has: as good as for ever, since
%% it answers to a single byte. What comes at its end would look like a sign of life from the
%% client, or, behind the end of the stream, be a warning in the log.
-define(READ_PERIOD, 16#7fffffff).
%% Ranch's send_timeout. Cowboy 2.8 takes no notice when a send has failed for it.
-define(SEND_TIMEOUT, 30000).
-define(MAX_TICK, 60000).
%% How long a connection that was told to close may take.
-define(BREAK_GRACE, 5000).

-spec init(cowboy_req:req(), map()) -> {ok, cowboy_req:req(), map()}.
init(Req, Options) ->
    case gwport_options:mount(Options) of
        {ok, Mount} ->
            serve(Req, Mount);
        {error, Error} ->
            ?LOG_ERROR("gwport: a route's options are wrong: ~0p", [Error]),
            fail(bad_option, false, Req)
    end,
    {ok, Req, Options}.

serve(Req, Mount) ->
    Request = gwport_cowboy:request(Req, Mount),
    Body = gwport_request:body(Request),
    Listener = gwport_cowboy:listener(Req),
    case gwport_exchange:open(Request, Mount) of
        {ok, Handle, Ref, Stream} ->
            loop(#exchange{req = Req, handle = Handle, ref = Ref, stream = Stream,
                continued = Body =/= continue, complete = Body =:= none,
                listener = Listener, tick_at = now_ms() + tick(Listener)});
        {error, Reason} ->
            fail(Reason, Body =:= continue orelse is_long(Listener, Req), Req)
    end.

%% A third of what the connection would wait: once lost is not yet late.
tick(#{idle_timeout := Idle, inactivity_timeout := Inactivity}) ->
    max(1, min(min(Idle, Inactivity), 3 * ?MAX_TICK) div 3).

loop(Exchange = #exchange{ref = Ref, req = #{pid := Connection}}) ->
    #exchange{stream = Stream, tick_at = TickAt} = Exchange,
    Now = now_ms(),
    receive
        {gwport, Ref, Event} ->
            event({port, Event}, Exchange);
        {request_body, Ref, nofin, Data} ->
            event({client, nofin, Data}, received(Data, Exchange));
        {request_body, Ref, fin, _, Data} ->
            event({client, fin, Data}, (received(Data, Exchange))#exchange{complete = true});
        {data_ack, Connection} ->
            taken(Exchange);
        {'DOWN', Ref, process, _, _} ->
            event({port, {port_down, true, owner_down}}, Exchange)
    after max(0, min(TickAt - Now, gwport_stream:timeout(Now, Stream))) ->
        time(now_ms(), Exchange)
    end.

received(Data, Exchange = #exchange{received = Received}) ->
    Exchange#exchange{received = Received + byte_size(Data)}.

time(Now, Exchange = #exchange{tick_at = TickAt}) when Now >= TickAt ->
    event(tick, keep_connection(Now, Exchange));
time(_, Exchange) ->
    event(timeout, Exchange).

%% Cowboy 2.8 goes on at full speed, to nowhere, when a send has timed out: the only sign of it is
%% the time that passed.
taken(Exchange = #exchange{handed = Handed, req = #{version := Version}}) ->
    case Version =/= 'HTTP/2' andalso now_ms() - Handed >= ?SEND_TIMEOUT of
        true -> break(client_stalled, Exchange);
        false -> event(taken, Exchange)
    end.

event(Event, Exchange = #exchange{stream = Stream0}) ->
    {Commands, Stream} = gwport_stream:event(Event, now_ms(), Stream0),
    commands(Commands, Exchange#exchange{stream = Stream}).

commands([], Exchange) ->
    loop(Exchange);
commands([done | _], Exchange) ->
    finish(Exchange);
commands([{fail, Reason} | _], Exchange = #exchange{req = Req}) ->
    log_failure(Reason, Exchange),
    fail(Reason, is_last(Exchange), Req),
    finish(Exchange);
commands([{break, Reason} | _], Exchange) ->
    log_failure(Reason, Exchange),
    break(Reason, Exchange);
commands([Command | Rest], Exchange) ->
    commands(Rest, command(Command, Exchange)).

command(read, Exchange = #exchange{ref = Ref, req = Req}) ->
    cast({read_body, self(), Ref, 1, ?READ_PERIOD}, Req),
    Exchange#exchange{continued = true};
command({inform, Status, Fields}, Exchange = #exchange{req = Req}) ->
    cast({inform, Status, maps:from_list(Fields)}, Req),
    Exchange;
command({reply, Head = #{status := Status}, Body}, Exchange = #exchange{req = Req}) ->
    cast({response, Status, headers(Head, Exchange), Body}, Req),
    Exchange;
command({head, Head = #{status := Status}}, Exchange = #exchange{req = Req}) ->
    cast({headers, Status, headers(Head, Exchange)}, Req),
    Exchange;
command({data, IsFin, Data}, Exchange = #exchange{req = Req}) ->
    cast({data, self(), IsFin, Data}, Req),
    Exchange#exchange{handed = now_ms()};
command({trailers, Fields}, Exchange = #exchange{req = Req}) ->
    cast({trailers, gwport_cowboy:trailers(Fields)}, Req),
    Exchange;
command(Command, Exchange = #exchange{handle = Handle, ref = Ref}) ->
    gwport_exchange:tell(Command, Handle, Ref),
    Exchange.

%% cowboy_req:reply/4 and its kin would overwrite a length, refuse a cookie, crash on a 204; the
%% commands behind them do what they are told.
cast(Command, Req) ->
    cowboy_req:cast(Command, Req).

headers(Head = #{headers := Fields, code := Code, length := Length}, Exchange) ->
    #exchange{req = Req} = Exchange,
    Headers = gwport_cowboy:response_headers(Fields, Req),
    close(is_last(Exchange) orelse maps:get(close, Head), Req, with_length(Code, Length, Headers)).

with_length(_, undefined, Headers) -> Headers;
with_length(204, _, Headers) -> Headers;
with_length(_, Length, Headers) -> Headers#{<<"content-length">> => integer_to_binary(Length)}.

%% Whether the connection may carry no other request. A client that was never told to go on still
%% owes its body: what follows cannot be told from it. And when a body was long enough for Cowboy's
%% flow control to stop reading the socket, Cowboy 2.8 may not start again after the body's end: the
%% next request would wait for ever.
is_last(#exchange{continued = false}) ->
    true;
is_last(#exchange{req = #{body_length := undefined}, complete = Complete, received = Received,
        listener = #{flow := Flow}}) ->
    not Complete orelse Received >= Flow;
is_last(#exchange{listener = Listener, req = Req}) ->
    is_long(Listener, Req).

%% Unknown counts as long.
is_long(#{flow := Flow}, #{body_length := Length}) -> Length > Flow.

close(true, #{version := 'HTTP/1.1'}, Headers) -> Headers#{<<"connection">> => <<"close">>};
close(_, _, Headers) -> Headers.

fail(Reason, Close, Req) ->
    Text = gwport_status:text(Reason),
    Body = case maps:get(method, Req) of <<"HEAD">> -> <<>>; _ -> Text end,
    Headers = gwport_cowboy:response_headers(gwport_status:headers(Reason), Req),
    cast({response, gwport_status:status(Reason), close(Close, Req,
        Headers#{<<"content-length">> => integer_to_binary(byte_size(Text))}), Body}, Req).

log_failure(Reason, #exchange{req = #{method := Method, path := Path}}) ->
    ?LOG_NOTICE("gwport: ~s ~ts ended: ~0p", [Method, gwport_log:printable(Path), Reason]).

%% Cowboy's timers look at what the client sends and at what the connection process hears; a
%% response that is on its way counts for neither. On HTTP/2 only the listener's owner can
%% change the first.
keep_connection(Now, Exchange = #exchange{req = Req, listener = Listener, idle_off = Off}) ->
    IsOff = Off orelse idle(infinity, Listener, Req),
    cast(gwport_tick, Req),
    Exchange#exchange{tick_at = Now + tick(Listener), idle_off = IsOff}.

idle(_, #{idle_timeout := infinity}, _) ->
    false;
idle(_, _, #{version := 'HTTP/2'}) ->
    false;
idle(Time, _, Req) ->
    cast({set_options, #{idle_timeout => Time}}, Req),
    true.

%% A connection that is kept alive needs its timer back.
finish(#exchange{idle_off = Off, listener = Listener, req = Req, ref = Ref}) ->
    #{idle_timeout := Idle} = Listener,
    _ = [idle(Idle, Listener, Req) || Off],
    true = erlang:demonitor(Ref, [flush]),
    ok.

%% Most ways to stop look like a complete response to somebody. On HTTP/1.1 only a connection that
%% is cut is seen whether the body is chunked or not; on HTTP/2 the end of this process with an
%% error resets the stream.
-spec break(term(), #exchange{}) -> no_return().
break(_, #exchange{req = #{version := 'HTTP/2'}}) ->
    exit(shutdown);
break(_, #exchange{req = Req = #{pid := Connection}}) ->
    cast({set_options, #{idle_timeout => 0}}, Req),
    receive after ?BREAK_GRACE -> ok end,
    %% It is stuck in a send and hears nothing else.
    exit(Connection, kill),
    exit(shutdown).

now_ms() ->
    erlang:monotonic_time(millisecond).
