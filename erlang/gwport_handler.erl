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
    http :: gwport_cowboy_response:response(),
    handle :: gwport_port:handle(),
    ref :: reference(),
    stream :: gwport_stream:stream(),
    %% Whether an answer to a read of the request's body is still to come, and whether a head went out.
    reading = false :: boolean(),
    headed = false :: boolean(),
    %% When the data that the client is taking was handed out.
    handed = 0 :: integer(),
    %% When the connection must hear of us again, and whether its idle timer is off.
    tick_at :: integer(),
    idle_off = false :: boolean()
}).

%% How long one read waits in Cowboy before it answers with what it has: as good as for ever, since
%% it answers to a single byte. What comes at its end would look like a sign of life from the
%% client, or, behind the end of the stream, be a warning in the log.
-define(READ_PERIOD, 16#7fffffff).
%% How long a connection that was told to close may take to hear of it.
-define(BREAK_GRACE, 5000).

-spec init(cowboy_req:req(), map()) -> {ok, cowboy_req:req(), map()}.
init(Req, Options) ->
    try exchange(Req, Options)
    catch
        Class:Reason:Stack when Class =/= exit; Reason =/= shutdown ->
            gwport_failure:report("a request", Class, Reason, Stack),
            break_off(Req)
    end,
    {ok, Req, Options}.

exchange(Req, Options) ->
    case gwport_options:mount(Options) of
        {ok, Mount} ->
            serve(Req, Mount, gwport_cowboy_listener:of_request(Req));
        {error, Error} ->
            ?LOG_ERROR("gwport: a route's options are wrong: ~0p", [Error]),
            Listener = gwport_cowboy_listener:of_request(Req),
            Spoken = gwport_cowboy_request:spoken(Req, Listener),
            fail(bad_option, gwport_cowboy_response:new(Spoken, Listener), Req)
    end.

serve(Req0, Mount, Listener) ->
    Req = gwport_cowboy_request:spoken(Req0, Listener),
    Request = gwport_cowboy_request:new(Req, Mount, Listener),
    Http = gwport_cowboy_response:new(Req, Listener),
    case gwport_exchange:open(Request, Mount, ref) of
        {ok, Handle, Ref, Stream} ->
            loop(#exchange{req = Req, http = Http, handle = Handle, ref = Ref, stream = Stream,
                tick_at = now_ms() + gwport_cowboy_response:tick(Http)});
        {error, Reason} ->
            fail(Reason, Http, Req)
    end.

%% No stream was opened.
fail(Reason, Http0, Req) ->
    {Response, Http} = gwport_cowboy_response:failure(Reason, Http0),
    cast(Response, Req),
    over(false, make_ref(), Http, Req).

loop(Exchange = #exchange{ref = Ref, req = #{pid := Connection}}) ->
    #exchange{stream = Stream, tick_at = TickAt} = Exchange,
    Now = now_ms(),
    receive
        {Ref, {gwport, Event}} ->
            event({port, Event}, Exchange);
        {request_body, Ref, nofin, Data} ->
            received(nofin, Data, Exchange);
        {request_body, Ref, fin, _, Data} ->
            received(fin, Data, Exchange);
        {data_ack, Connection} ->
            taken(Exchange)
    after max(0, min(TickAt - Now, gwport_stream:timeout(Now, Stream))) ->
        time(now_ms(), Exchange)
    end.

received(IsFin, Data, Exchange = #exchange{http = Http}) ->
    event({client, IsFin, Data}, Exchange#exchange{reading = false,
        http = gwport_cowboy_response:taken(Data, gwport_cowboy_response:received(IsFin, Data, Http))}).

time(Now, Exchange = #exchange{tick_at = TickAt}) when Now >= TickAt ->
    event(tick, keep_connection(Now, Exchange));
time(_, Exchange) ->
    event(timeout, Exchange).

taken(Exchange = #exchange{handed = Handed, http = Http}) ->
    case gwport_cowboy_response:stalled(now_ms() - Handed, Http) of
        true -> break(client_stalled, Exchange);
        false -> event(taken, Exchange)
    end.

event(Event, Exchange = #exchange{stream = Stream0}) ->
    try gwport_stream:event(Event, now_ms(), Stream0) of
        {Commands, Stream} -> commands(Commands, Exchange#exchange{stream = Stream})
    catch
        Class:Reason:Stack ->
            gwport_failure:report("a request", Class, Reason, Stack),
            failed(Exchange)
    end.

failed(Exchange = #exchange{headed = false}) ->
    commands([{abort, internal_error, <<>>}, {fail, app_failed}], Exchange);
failed(Exchange) ->
    commands([{abort, internal_error, <<>>}, {break, internal_error}], Exchange).

commands([], Exchange) ->
    loop(Exchange);
commands([done | _], Exchange) ->
    finish(Exchange);
commands([{fail, Reason} | _], Exchange = #exchange{req = Req, http = Http0}) ->
    gwport_cowboy_response:log_failure(Reason, Http0),
    {Response, Http} = gwport_cowboy_response:failure(Reason, Http0),
    cast(Response, Req),
    finish(Exchange#exchange{http = Http});
commands([{break, Reason} | _], Exchange) ->
    break(Reason, Exchange);
commands([Command | Rest], Exchange) ->
    commands(Rest, command(Command, Exchange)).

command(read, Exchange = #exchange{ref = Ref, req = Req, http = Http}) ->
    cast({read_body, self(), Ref, 1, ?READ_PERIOD}, Req),
    Exchange#exchange{reading = true, http = gwport_cowboy_response:reading(Http)};
command({data, IsFin, Data}, Exchange = #exchange{req = Req}) ->
    cast({data, self(), IsFin, Data}, Req),
    Exchange#exchange{handed = now_ms()};
command({Kind, _, _} = Command, Exchange = #exchange{handle = Handle, ref = Ref})
        when Kind =:= send; Kind =:= abort ->
    gwport_exchange:tell(Command, Handle, Ref),
    Exchange;
command({consumed, _} = Command, Exchange = #exchange{handle = Handle, ref = Ref}) ->
    gwport_exchange:tell(Command, Handle, Ref),
    Exchange;
command(Command, Exchange = #exchange{req = Req, http = Http0}) ->
    {Response, Http} = gwport_cowboy_response:response(Command, Http0),
    cast(Response, Req),
    Exchange#exchange{http = Http, headed = element(1, Command) =/= inform}.

cast(Command, Req) ->
    cowboy_req:cast(Command, Req).

keep_connection(Now, Exchange = #exchange{req = Req, http = Http, idle_off = Off}) ->
    cast(gwport_tick, Req),
    Exchange#exchange{tick_at = Now + gwport_cowboy_response:tick(Http),
        idle_off = Off orelse idle(off, Req, Http)}.

idle(State, Req, Http) ->
    [cast(Command, Req) || Command <- gwport_cowboy_response:idle(State, Http)] =/= [].

finish(#exchange{http = Http, req = Req, handle = Handle, ref = Ref} = Exchange) ->
    #exchange{idle_off = Off, reading = Reading} = Exchange,
    _ = Off andalso idle(on, Req, Http),
    gwport_port:leave(Handle, Ref),
    over(Reading, Ref, Http, Req).

%% The response is out. The stream of this request ends with this process.
over(Reading, Ref, Http, Req) ->
    case gwport_cowboy_response:left(Http) of
        stop -> ok;
        cut -> close(Req);
        {discard, Bytes, Time} -> discard(Reading, Ref, Bytes, Time, Req)
    end.

%% One read, which Cowboy answers when the body has ended, when there is too much of it, or when it
%% took too long; behind one that is not answered yet.
discard(true, Ref, Left, Time, Req) ->
    receive
        {request_body, Ref, nofin, Data} when byte_size(Data) =< Left ->
            discard(false, Ref, Left - byte_size(Data), Time, Req);
        {request_body, Ref, fin, _, Data} when byte_size(Data) =< Left ->
            ok;
        Body when element(1, Body) =:= request_body, element(2, Body) =:= Ref ->
            close(Req)
    after Time ->
        close(Req)
    end;
discard(false, Ref, Left, Time, Req) ->
    cast({read_body, self(), Ref, Left + 1, Time}, Req),
    receive
        {request_body, Ref, fin, _, Data} when byte_size(Data) =< Left -> ok;
        Body when element(1, Body) =:= request_body, element(2, Body) =:= Ref -> close(Req)
    end.

%% Most ways to stop look like a complete response to somebody. On HTTP/1.1 only a connection that
%% is cut is seen whether the body is chunked or not; on HTTP/2 gwport_pipeline_h resets the stream,
%% and the end of this process with an error does so if a head is out.
-spec break(term(), #exchange{}) -> no_return().
break(Reason, #exchange{http = Http, req = Req}) ->
    gwport_cowboy_response:log_failure(Reason, Http),
    break_off(Req).

%% A process that is shut down says nothing of what it holds.
-spec break_off(cowboy_req:req()) -> no_return().
break_off(Req = #{version := Version}) ->
    _ = Version =/= 'HTTP/2' andalso close(Req),
    cast(gwport_reset, Req),
    exit(shutdown).

%% Of HTTP/1.1: waits for the end of the connection, which is the end of this process.
-spec close(cowboy_req:req()) -> no_return().
close(Req = #{pid := Connection}) ->
    cast({set_options, #{idle_timeout => 0}}, Req),
    cast({gwport_ping, self()}, Req),
    receive
        %% It hears us. What was said to it may have to wait for its turn, behind the responses to
        %% earlier requests of the connection, and this process ends with it.
        gwport_pong -> receive after infinity -> ok end
    after ?BREAK_GRACE ->
        %% It is stuck in a send and hears nothing else.
        exit(Connection, kill)
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).
