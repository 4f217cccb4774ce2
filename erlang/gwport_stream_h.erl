%% Pools under prefixes and hosts of a listener, inside the connection process: a Cowboy stream
%% handler that needs no process for a request.
%%
%%     stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h],
%%     gwport => gwport_stream_h:mounts([{'_', [{"/shop/[...]", #{pool => shop}}]}])
%%
%% A request whose host and path match a mount, as Cowboy's router matches them, is answered here;
%% any other goes on to the next stream handler. Middlewares run behind that, so they do not see
%% ours.
%%
%% It is to gwport_stream what gwport_handler is, with the connection process for a request process:
%% nothing in here waits, for a port or for a client, except Cowboy's own send. All streams of a
%% connection share its mailbox, so each has its events sent to {{Connection, StreamId}, Event},
%% which Cowboy hands to info/3, and by an alias, so that none comes when the stream is gone: Cowboy
%% warns of those, and its warning has them in it.
-module(gwport_stream_h).
-behaviour(cowboy_stream).

%% API
-export([mounts/1]).
%% cowboy_stream
-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-record(exchange, {
    id :: cowboy_stream:streamid(),
    http :: gwport_cowboy_response:response(),
    handle :: gwport_port:handle(),
    ref :: reference(),
    stream :: gwport_stream:stream(),
    version :: cowboy:http_version(),

    %% What has come of the request's body before anybody asked, oldest first, and whether somebody
    %% has; what Cowboy will still take off the socket.
    early = [] :: [binary()],
    is_fin = nofin :: nofin | fin,
    reading = false :: boolean(),
    flow :: integer(),

    %% Whether a head went out; the data that is with Cowboy, since when, and who watches over it;
    %% the alarms that are on, and whether the client took the data meanwhile.
    headed = false :: boolean(),
    handed = 0 :: integer(),
    guard = none :: gwport_watch:guard() | none,
    alarms = [] :: [atom()],
    taken = false :: boolean(),

    timer :: reference() | undefined,
    tick_at :: integer(),
    idle_off = false :: boolean(),
    %% Whether the port may still have events on their way here after the end.
    aborted = false :: boolean()
}).

%% `refused`: the router has sent us its answer. `refusing`: ours is on its way here. `discarding`:
%% all is said, and so many bytes of the body may still come. `over`: what Cowboy makes of that goes
%% out.
-type state() :: {next, term()} | {exchange, #exchange{}} | {refused, gwport_cowboy_response:response()}
    | {refusing, gwport_status:reason(), gwport_cowboy_response:response()}
    | {discarding, Left :: non_neg_integer(), Timer :: reference()} | over.

%% How much Cowboy may take off the socket when it has nothing left that it may.
-define(FLOW, 65536).

%% API

%% @doc Compiles what the protocol option `gwport' holds. Routes are as for cowboy_router:compile/1,
%% with the options of a mount in the place of handler and options:
%% `[{'_', [{"/shop/[...]", #{pool => shop}}]}]'. The first host that matches decides; a request none
%% of whose paths matches goes on to the next stream handler, as does one for any other host. What is
%% wrong is an error `{bad_mount, Where, Why}': Where is the host, path or route as given, and Why a
%% `gwport_options:error()', `bad_host', `bad_path', `bad_constraints' or `bad_route'.
-spec mounts(gwport_mounts:routes()) -> gwport_mounts:mounts().
mounts(Routes) ->
    gwport_mounts:compile(Routes).

%% cowboy_stream

-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) ->
    {cowboy_stream:commands(), state()}.
init(Id, Req, Opts) ->
    Failed = fun() -> refuse(Id, app_failed, http(Req, Opts)) end,
    case safely(Id, Failed, fun() -> matched(Id, Req, Opts) end) of
        pass ->
            {Commands, Next} = cowboy_stream:init(Id, Req, Opts),
            {Commands, {next, Next}};
        Taken ->
            Taken
    end.

matched(Id, Req, Opts) ->
    case {match(Req, Opts), Opts} of
        %% Cowboy would leave it without an answer.
        {pass, #{stream_handlers := []}} ->
            refuse(Id, no_mount, http(Req, Opts));
        {pass, _} ->
            pass;
        {refused, _} ->
            {[], {refused, http(Req, Opts)}};
        {{Mount, MatchedReq}, _} ->
            serve(Id, MatchedReq, Mount, Opts)
    end.

http(Req, Opts) ->
    Listener = listener(Req, Opts),
    gwport_cowboy_response:new(gwport_cowboy_request:spoken(Req, Listener), Listener).

listener(Req, Opts) ->
    gwport_cowboy_listener:of_request(Req, Opts, gwport_pipeline_h:is_before()).

match(Req = #{ref := Ref}, Opts) ->
    case gwport_mounts:match(Req, maps:get(gwport, Opts, none)) of
        {none, Why} ->
            gwport_cowboy_listener:warn_no_mounts(Why, Ref),
            pass;
        Match ->
            Match
    end.

serve(Id, Req0, Mount, Opts) ->
    Listener = #{flow := Flow} = listener(Req0, Opts),
    Req = #{version := Version} = gwport_cowboy_request:spoken(Req0, Listener),
    Request = gwport_cowboy_request:new(Req, Mount, Listener),
    Http = gwport_cowboy_response:new(Req, Listener),
    case gwport_exchange:open(Request, Mount, {self(), Id}) of
        {ok, Handle, Ref, Stream} ->
            Now = now_ms(),
            {[], {exchange, set_timer(Now, #exchange{id = Id, http = Http, handle = Handle,
                ref = Ref, stream = Stream, version = Version, flow = Flow,
                tick_at = Now + gwport_cowboy_response:tick(Http)})}};
        {error, Reason} ->
            refuse(Id, Reason, Http)
    end.

%% By a message to this process, like all answers: Cowboy says 101 to a client of h2c before it looks
%% at those, and behind what init/3 returns.
refuse(Id, Reason, Http) ->
    self() ! {{self(), Id}, gwport_refused},
    {[], {refusing, Reason, Http}}.

%% The response is out, with these commands. What may come of the body is allowed at once.
over(Id, Commands, Http) ->
    case gwport_cowboy_response:left(Http) of
        stop ->
            {Commands ++ [stop], over};
        {discard, Bytes, Time} ->
            Timer = erlang:send_after(Time, self(), {{self(), Id}, gwport_time}),
            {Commands ++ [{flow, Bytes + 1}], {discarding, Bytes, Timer}};
        cut ->
            {Commands ++ [close()], over}
    end.

discard(fin, Data, Left, Timer) when byte_size(Data) =< Left ->
    _ = erlang:cancel_timer(Timer),
    {[stop], over};
discard(nofin, Data, Left, Timer) when byte_size(Data) =< Left ->
    {[], {discarding, Left - byte_size(Data), Timer}};
discard(_, _, _, Timer) ->
    _ = erlang:cancel_timer(Timer),
    {[close()], over}.

%% Ends a connection of HTTP/1.1: at once, whatever is under way on it.
close() ->
    {set_options, #{idle_timeout => 0}}.

-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), state()) ->
    {cowboy_stream:commands(), state()}.
data(Id, IsFin, Data, {next, Next0}) ->
    {Commands, Next} = cowboy_stream:data(Id, IsFin, Data, Next0),
    {Commands, {next, Next}};
data(Id, IsFin, Data, {exchange, Exchange}) ->
    safely(Id, fun() -> failed(Exchange) end, fun() -> body(IsFin, Data, Exchange) end);
data(_, IsFin, Data, {refused, Http}) ->
    {[], {refused, gwport_cowboy_response:received(IsFin, Data, Http)}};
data(_, IsFin, Data, {refusing, Reason, Http}) ->
    {[], {refusing, Reason, gwport_cowboy_response:received(IsFin, Data, Http)}};
data(_, IsFin, Data, {discarding, Left, Timer}) ->
    discard(IsFin, Data, Left, Timer);
data(_, _, _, State) ->
    {[], State}.

-spec info(cowboy_stream:streamid(), term(), state()) -> {cowboy_stream:commands(), state()}.
info(Id, Info, {next, Next0}) ->
    {Commands, Next} = cowboy_stream:info(Id, Info, Next0),
    {Commands, {next, Next}};
info(Id, Info, {exchange, Exchange}) ->
    safely(Id, fun() -> failed(Exchange) end, fun() -> heard(Info, Exchange) end);
info(Id, Info = {response, _, _, _}, {refused, Http0}) ->
    {Response, Http} = gwport_cowboy_response:others(Info, Http0),
    over(Id, [Response], Http);
info(Id, gwport_refused, {refusing, Reason, Http0}) ->
    {Response, Http} = gwport_cowboy_response:failure(Reason, Http0),
    over(Id, [Response], Http);
info(_, gwport_time, {discarding, _, _}) ->
    {[close()], over};
info(_, Info, State) ->
    {cowboys(Info), State}.

-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), state()) -> term().
terminate(Id, Reason, {next, Next}) ->
    cowboy_stream:terminate(Id, Reason, Next);
terminate(_, _, {exchange, Exchange = #exchange{handle = Handle, ref = Ref}}) ->
    %% The client has left, or the connection ends.
    gwport_port:abort(Handle, Ref, {cancelled, <<>>}),
    leave(Exchange#exchange{aborted = true});
terminate(Id, _, {refusing, _, _}) ->
    flush({self(), Id});
terminate(Id, _, {discarding, _, Timer}) ->
    _ = erlang:cancel_timer(Timer),
    flush({self(), Id});
terminate(_, _, _) ->
    ok.

-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(),
    cowboy_stream:resp_command(), cowboy:opts()) -> cowboy_stream:resp_command().
early_error(Id, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(Id, Reason, PartialReq, Resp, Opts).

%% What Cowboy logs of a callback that crashed has the request and its data in it.
safely(Id, Failed, Fun) ->
    try Fun()
    catch
        Class:Reason:Stack ->
            Who = io_lib:format("stream ~0p of a connection", [Id]),
            gwport_failure:report(Who, Class, Reason, Stack),
            Failed()
    end.

%% Cowboy has none of what was to be done then.
failed(Exchange = #exchange{handle = Handle, ref = Ref, headed = Headed, http = Http0}) ->
    gwport_port:abort(Handle, Ref, {internal_error, <<>>}),
    case Headed of
        true ->
            break(internal_error, Exchange, []);
        false ->
            {Response, Http} = gwport_cowboy_response:failure(app_failed, Http0),
            done(Exchange#exchange{aborted = true, http = Http}, [Response])
    end.

%% What comes to a stream of ours

heard({gwport, Event}, Exchange) ->
    event({port, Event}, Exchange);
heard(gwport_sent, Exchange = #exchange{guard = Guard, handed = Handed, http = Http}) ->
    InTime = gwport_watch:unguard(Guard),
    Stalled = gwport_cowboy_response:stalled(now_ms() - Handed, Http) orelse not InTime,
    sent(Stalled, Exchange#exchange{guard = none});
heard(gwport_room, Exchange) ->
    room(Exchange);
heard(gwport_time, Exchange) ->
    time(now_ms(), Exchange);
%% The alarms of a full buffer: 2.8 forgets one that ends together with the connection's.
heard({alarm, Name, on}, Exchange = #exchange{alarms = Alarms}) ->
    {[], {exchange, Exchange#exchange{alarms = [Name | lists:delete(Name, Alarms)]}}};
heard({alarm, connection_buffer_full, off}, Exchange) ->
    relieved(Exchange#exchange{alarms = []});
heard({alarm, Name, off}, Exchange = #exchange{alarms = Alarms}) ->
    relieved(Exchange#exchange{alarms = lists:delete(Name, Alarms)});
heard(Info, Exchange) ->
    {cowboys(Info), {exchange, Exchange}}.

%% The send that the data was in has returned.
sent(true, Exchange = #exchange{handle = Handle, ref = Ref}) ->
    gwport_port:abort(Handle, Ref, {cancelled, <<>>}),
    break(client_stalled, Exchange, []);
sent(false, Exchange = #exchange{alarms = []}) ->
    event(taken, Exchange);
sent(false, Exchange) ->
    {[], {exchange, Exchange#exchange{taken = true}}}.

relieved(Exchange = #exchange{alarms = [], taken = true}) ->
    event(taken, Exchange#exchange{taken = false});
relieved(Exchange) ->
    {[], {exchange, Exchange}}.

%% What Cowboy itself says on a stream comes by here, and is lost if it is not passed on: its own
%% responses, the ends of ours, and the change to HTTP/2.
cowboys(Info = {response, _, _, _}) -> [Info];
cowboys(Info = {headers, _, _}) -> [Info];
cowboys(Info = {data, _, _}) -> [Info];
cowboys(Info = {inform, _, _}) -> [Info];
cowboys(Info = {trailers, _}) -> [Info];
cowboys(Info = {switch_protocol, _, _, _}) -> [Info];
cowboys(_) -> [].

%% Time. One timer runs, for the tick; when something is due before that is seen when it fires, and
%% nothing that is due ever comes nearer.

set_timer(Now, Exchange = #exchange{id = Id, stream = Stream, tick_at = TickAt}) ->
    Time = max(0, min(TickAt - Now, gwport_stream:timeout(Now, Stream))),
    Exchange#exchange{timer = erlang:send_after(Time, self(), {{self(), Id}, gwport_time})}.

time(Now, Exchange0 = #exchange{tick_at = TickAt, http = Http, idle_off = Off}) when Now >= TickAt ->
    Commands = case Off of true -> []; false -> gwport_cowboy_response:idle(off, Http) end,
    Exchange = set_timer(Now, Exchange0#exchange{tick_at = Now + gwport_cowboy_response:tick(Http),
        idle_off = Off orelse Commands =/= []}),
    before(Commands, event(tick, Exchange));
time(Now, Exchange = #exchange{stream = Stream}) ->
    case gwport_stream:timeout(Now, Stream) of
        0 -> event(timeout, Exchange);
        _ -> {[], {exchange, set_timer(Now, Exchange)}}
    end.

before(Commands1, {Commands2, State}) ->
    {Commands1 ++ Commands2, State}.

%% The request's body

body(IsFin, Data, Exchange = #exchange{early = Early, flow = Flow, http = Http}) ->
    has_body(Exchange#exchange{early = Early ++ [Data || Data =/= <<>>], is_fin = IsFin,
        flow = Flow - byte_size(Data), http = gwport_cowboy_response:received(IsFin, Data, Http)}).

%% A read is answered by one piece, as it came.
has_body(Exchange = #exchange{reading = true, early = [Data], is_fin = IsFin}) ->
    has_read(IsFin, Data, Exchange#exchange{early = []});
has_body(Exchange = #exchange{reading = true, early = [Data | Early]}) ->
    has_read(nofin, Data, Exchange#exchange{early = Early});
has_body(Exchange = #exchange{reading = true, early = [], is_fin = fin}) ->
    has_read(fin, <<>>, Exchange);
has_body(Exchange) ->
    {[], {exchange, Exchange}}.

has_read(IsFin, Data, Exchange = #exchange{http = Http}) ->
    event({client, IsFin, Data},
        Exchange#exchange{reading = false, http = gwport_cowboy_response:taken(Data, Http)}).

read(Exchange = #exchange{http = Http, headed = Headed}) ->
    Continue = [{inform, 100, #{}} || gwport_cowboy_response:expects(Http), not Headed],
    before(Continue ++ more(Exchange),
        has_body(Exchange#exchange{reading = true, http = gwport_cowboy_response:reading(Http)})).

%% More is allowed when all that came has been read, and not a byte before. On HTTP/2 Cowboy opens a
%% window by a margin more than it is asked for, each time that it is asked and the window shut: a
%% byte is enough, and asked for each piece it would let a client run ahead of the app without bound.
%% It must be asked by every stream that reads, since they share the connection's window. A socket of
%% HTTP/1.1 that is read again may have a hundred packets in the mailbox before Cowboy sees that they
%% are too many: hence the way by a message, behind them.
more(#exchange{early = [_ | _]}) ->
    [];
more(#exchange{version = 'HTTP/2', is_fin = IsFin}) ->
    [{flow, 1} || IsFin =:= nofin];
more(#exchange{id = Id, flow = Flow}) ->
    _ = [self() ! {{self(), Id}, gwport_room} || Flow =< 0],
    [].

room(Exchange = #exchange{reading = true, flow = Flow}) when Flow =< 0 ->
    {[{flow, ?FLOW}], {exchange, Exchange#exchange{flow = ?FLOW}}};
room(Exchange) ->
    {[], {exchange, Exchange}}.

%% The state machine's commands, as Cowboy's

event(Event, Exchange = #exchange{stream = Stream0}) ->
    {Commands, Stream} = gwport_stream:event(Event, now_ms(), Stream0),
    commands(Commands, Exchange#exchange{stream = Stream}, []).

commands([], Exchange, Acc) ->
    {lists:reverse(Acc), {exchange, Exchange}};
%% After a read nothing else stands in a list.
commands([read], Exchange, Acc) ->
    before(lists:reverse(Acc), read(Exchange));
commands([done | _], Exchange, Acc) ->
    done(Exchange, Acc);
commands([{fail, Reason} | _], Exchange = #exchange{http = Http0}, Acc) ->
    gwport_cowboy_response:log_failure(Reason, Http0),
    {Response, Http} = gwport_cowboy_response:failure(Reason, Http0),
    done(Exchange#exchange{http = Http}, [Response | Acc]);
commands([{break, Reason} | _], Exchange, Acc) ->
    break(Reason, Exchange, Acc);
commands([{data, IsFin, Data} | Rest], Exchange, Acc) ->
    commands(Rest, handed(IsFin, Exchange), [{data, IsFin, Data} | Acc]);
commands([Command = {abort, _, _} | Rest], Exchange, Acc) ->
    commands(Rest, tell(Command, Exchange#exchange{aborted = true}), Acc);
commands([Command = {send, _, _} | Rest], Exchange, Acc) ->
    commands(Rest, tell(Command, Exchange), Acc);
commands([Command = {consumed, _} | Rest], Exchange, Acc) ->
    commands(Rest, tell(Command, Exchange), Acc);
commands([Command | Rest], Exchange = #exchange{http = Http0}, Acc) ->
    Headed = element(1, Command) =/= inform,
    {Response, Http} = gwport_cowboy_response:response(Command, Http0),
    commands(Rest, Exchange#exchange{headed = Headed, http = Http}, [Response | Acc]).

tell(Command, Exchange = #exchange{handle = Handle, ref = Ref}) ->
    gwport_exchange:tell(Command, Handle, Ref),
    Exchange.

%% Cowboy sends when it has these commands, and a send of HTTP/1.1 lasts until the client has taken
%% enough of what stands before it. The word to this process is read when that is over. Meanwhile
%% this process hears of no time that is up, so another looks after that.
handed(fin, Exchange) ->
    Exchange;
handed(nofin, Exchange = #exchange{id = Id, version = Version}) ->
    #exchange{handle = Handle, ref = Ref, stream = Stream} = Exchange,
    Now = now_ms(),
    self() ! {{self(), Id}, gwport_sent},
    {Time, Code} = gwport_stream:due(Now, Stream),
    Guard = gwport_watch:guard(Time, Code, fate(Version), Ref, gwport_port:watch(Handle)),
    Exchange#exchange{handed = Now, guard = Guard}.

%% An HTTP/2 connection has other streams to carry.
fate('HTTP/2') -> keep;
fate(_) -> kill.

done(Exchange = #exchange{id = Id, idle_off = Off, http = Http}, Acc) ->
    leave(Exchange),
    Idle = case Off of true -> gwport_cowboy_response:idle(on, Http); false -> [] end,
    over(Id, lists:reverse(Acc, Idle), Http).

%% Most ways to stop look like a complete response to somebody. On HTTP/1.1 only a connection that
%% is cut is seen whether the body is chunked or not.
break(Reason, Exchange = #exchange{http = Http, version = Version}, Acc) ->
    gwport_cowboy_response:log_failure(Reason, Http),
    leave(Exchange#exchange{aborted = true}),
    {lists:reverse(Acc, [cut(Version, Reason)]), over}.

cut('HTTP/2', Reason) -> {internal_error, Reason, 'The response was broken off.'};
cut(_, _) -> close().

leave(Exchange = #exchange{handle = Handle, ref = Ref, guard = Guard, timer = Timer}) ->
    gwport_port:leave(Handle, Ref),
    _ = gwport_watch:unguard(Guard),
    %% What stands in the mailbox for this stream would be a warning each.
    case is_integer(erlang:cancel_timer(Timer)) andalso is_quiet(Exchange) of
        true -> ok;
        false -> flush({self(), Exchange#exchange.id})
    end.

%% Nothing is on its way here: neither from the port nor from this process.
is_quiet(#exchange{aborted = Aborted, guard = Guard, reading = Reading}) ->
    not Aborted andalso Guard =:= none andalso not Reading.

flush(Tag) ->
    receive
        {Tag, {gwport, _}} -> flush(Tag);
        {Tag, gwport_sent} -> flush(Tag);
        {Tag, gwport_room} -> flush(Tag);
        {Tag, gwport_time} -> flush(Tag);
        {Tag, gwport_refused} -> flush(Tag)
    after 0 -> ok
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).
