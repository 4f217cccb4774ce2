%% @doc Pools under prefixes and hosts of a listener, inside the connection process: a Cowboy stream
%% handler that needs no process for a request.
%%
%% ```
%% stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h],
%% gwport => gwport_stream_h:mounts([{'_', [{"/shop/[...]", #{pool => shop}}]}])
%% '''
%%
%% A request whose host and path match a mount, as Cowboy's router matches them, is answered here;
%% any other goes on to the next stream handler. Middlewares run behind that, so they do not see
%% ours.
%% @end
%%
%% It is to gwport_cowboy what gwport_handler is, with the connection process for a request process:
%% nothing in here waits, for a port or for a client, except Cowboy's own send. All streams of a
%% connection share its mailbox, so each has its events sent to {{Connection, StreamId}, Event},
%% which Cowboy hands to info/3. None may come when the stream is gone: Cowboy warns of those, and
%% its warning has them in it.
-module(gwport_stream_h).
-behaviour(cowboy_stream).

%% API
-export([mounts/1]).
%% cowboy_stream
-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-record(stream, {
    id :: cowboy_stream:streamid(),
    cowboy :: gwport_cowboy:cowboy(),

    %% What has come of the request's body before anybody asked, oldest first, and whether somebody
    %% has; what Cowboy will still take off the socket.
    early = [] :: [binary()],
    is_fin = nofin :: nofin | fin,
    reading = false :: boolean(),
    flow :: integer(),

    %% Whether data is with Cowboy, the alarms that are on, and whether the client took the data
    %% meanwhile.
    sending = false :: boolean(),
    alarms = [] :: [atom()],
    taken = false :: boolean(),
    %% A piece of a file that is not with Cowboy yet, because the stream's turn has not come: it
    %% would be sent later, and nobody would know when.
    early_file = none :: none | tuple(),

    timer :: reference() | undefined
}).

%% `refused`: the router answered 400, and its answer is on its way here. `offered`: the app has
%% taken the connection over, and gwport_pipeline_h is to hear of it. `discarding`: all is said, and
%% so many bytes of the body may still come; Last is what is done if more do, or if the end does
%% not. `over`: answered; what Cowboy makes of that goes out.
-type state() :: {next, term()} | #stream{} | {refused, gwport_cowboy_response:response()}
    | {offered, {gwport_exchange:offer(), Name :: iodata()}}
    | {discarding, Left :: non_neg_integer(), Timer :: reference(), Last :: stop | tuple()} | over.

%% How much Cowboy may take off the socket when it has nothing left that it may.
-define(FLOW, 65536).

%% API

%% @doc Compiles what the protocol option `gwport' holds. Routes are as for cowboy_router:compile/1,
%% with the options of a mount in the place of handler and options:
%% `[{'_', [{"/shop/[...]", #{pool => shop}}]}]'. The first host that matches decides; a request
%% none of whose paths matches goes on to the next stream handler, as does one for any other host.
%% What is wrong is an error `{bad_mount, Where, Why}': Where is the host, path or route as given,
%% and Why a `gwport_options:error()', `bad_host', `bad_path', `bad_constraints' or `bad_route'.
-spec mounts(gwport_mounts:routes()) -> gwport_mounts:mounts().
mounts(Routes) ->
    gwport_mounts:compile(Routes).

%% cowboy_stream

%% @private
-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) ->
    {cowboy_stream:commands(), state()}.
init(Id, Req, Opts) ->
    Failed = fun(Class, Reason, Stack) ->
        gwport_failure:report("a request", Class, Reason, Stack),
        refuse(app_failed, Id, Req, Opts)
    end,
    case safely(Failed, fun() -> matched(Id, Req, Opts) end) of
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
            refuse(no_mount, Id, Req, Opts);
        {pass, _} ->
            pass;
        {refused, _} ->
            Listener = listener(Req, Opts),
            Spoken = gwport_cowboy_request:spoken(Req, Listener),
            {[], {refused, gwport_cowboy_response:new(Spoken, Listener)}};
        {{Mount, Behind}, _} ->
            Listener = listener(Req, Opts),
            begun(Id, gwport_cowboy:open(Req, Behind, Mount, Listener, {self(), Id}), Listener)
    end.

match(Req = #{ref := Ref}, Opts) ->
    case gwport_mounts:match(Req, maps:get(gwport, Opts, none)) of
        {none, Why} ->
            gwport_cowboy_listener:warn_no_mounts(Why, Ref),
            pass;
        Match ->
            Match
    end.

refuse(Reason, Id, Req, Opts) ->
    Listener = listener(Req, Opts),
    begun(Id, gwport_cowboy:refuse(Reason, Req, Listener, {self(), Id}), Listener).

listener(Req, Opts) ->
    gwport_cowboy_listener:of_request(Req, Opts, gwport_turns:are_kept()).

%% All answers come by a message to this process: Cowboy says 101 to a client of h2c before it looks
%% at those, and behind what init/3 returns.
begun(Id, Cowboy, #{flow := Flow}) ->
    Stream = #stream{id = Id, cowboy = Cowboy, flow = Flow},
    case gwport_cowboy:needs_timer(Cowboy) of
        true -> {[], set_timer(infinity, Stream)};
        false -> {[], Stream}
    end.

%% @private
-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), state()) ->
    {cowboy_stream:commands(), state()}.
data(Id, IsFin, Data, {next, Next0}) ->
    {Commands, Next} = cowboy_stream:data(Id, IsFin, Data, Next0),
    {Commands, {next, Next}};
data(_, IsFin, Data, Stream = #stream{}) ->
    safely(failed(Stream), fun() -> body(IsFin, Data, Stream) end);
data(_, IsFin, Data, {refused, Response}) ->
    {[], {refused, gwport_cowboy_response:received(IsFin, Data, Response)}};
data(_, IsFin, Data, State = {discarding, _, _, _}) ->
    discard(IsFin, Data, State);
data(_, _, _, State) ->
    {[], State}.

%% @private
-spec info(cowboy_stream:streamid(), term(), state()) -> {cowboy_stream:commands(), state()}.
info(Id, Info, {next, Next0}) ->
    {Commands, Next} = cowboy_stream:info(Id, Info, Next0),
    {Commands, {next, Next}};
info(_, Info, Stream = #stream{}) ->
    safely(failed(Stream), fun() -> heard(Info, Stream) end);
info(Id, Info = {response, _, _, _}, {refused, Response0}) ->
    {Command, Response} = gwport_cowboy_response:others(Info, Response0),
    before([Command], over(Id, gwport_cowboy_response:left(Response), close()));
info(_, gwport_time, {discarding, _, _, Last}) ->
    {[Last], over};
info(_, Info, State) ->
    {cowboys(Info), State}.

%% @private
-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), state()) -> term().
terminate(Id, Reason, {next, Next}) ->
    cowboy_stream:terminate(Id, Reason, Next);
terminate(_, _, Stream = #stream{cowboy = Cowboy}) ->
    %% The client has left, or the connection ends.
    gwport_cowboy:close(Cowboy),
    leave(Stream);
terminate(_, switch_protocol, {offered, _}) ->
    ok;
terminate(_, _, {offered, Offer}) ->
    gwport_cowboy:withdraw(Offer);
terminate(Id, _, {discarding, _, Timer, _}) ->
    _ = erlang:cancel_timer(Timer),
    flush({self(), Id});
terminate(_, _, _) ->
    ok.

%% @private
-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(),
    cowboy_stream:resp_command(), cowboy:opts()) -> cowboy_stream:resp_command().
early_error(Id, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(Id, Reason, PartialReq, Resp, Opts).

%% What Cowboy logs of a callback that crashed has the request and its data in it. It has none of
%% what was to be done then.
safely(Failed, Fun) ->
    try Fun()
    catch Class:Reason:Stack -> Failed(Class, Reason, Stack)
    end.

failed(Stream = #stream{cowboy = Cowboy}) ->
    fun(Class, Reason, Stack) ->
        steps(gwport_cowboy:failed(Class, Reason, Stack, Cowboy), Stream)
    end.

%% What comes to a stream of ours

heard({gwport, due}, Stream = #stream{timer = undefined}) ->
    heard(gwport_time, Stream);
heard({gwport, due}, Stream) ->
    {[], Stream};
heard(Event = {gwport, _}, Stream) ->
    timed(event(Event, Stream));
heard(gwport_sent, Stream = #stream{cowboy = Cowboy0}) ->
    {Event, Cowboy} = gwport_cowboy:sent(Cowboy0),
    sent(Event, Stream#stream{cowboy = Cowboy, sending = false});
heard(gwport_room, Stream) ->
    room(Stream);
heard(gwport_ended, Stream = #stream{is_fin = nofin}) ->
    body(fin, <<>>, Stream);
%% One timer, for the next tick or the next time that is up. Those are only ever postponed, so it
%% never needs to be shortened.
heard(gwport_time, Stream = #stream{cowboy = Cowboy0}) ->
    {Steps, Cowboy} = gwport_cowboy:time(Cowboy0),
    rest(Cowboy),
    take(Steps, set_timer(infinity, Stream#stream{cowboy = Cowboy}));
%% The alarms of a full buffer: 2.8 forgets one that ends together with the connection's.
heard({alarm, Name, on}, Stream = #stream{alarms = Alarms}) ->
    {[], Stream#stream{alarms = [Name | lists:delete(Name, Alarms)]}};
heard({alarm, connection_buffer_full, off}, Stream) ->
    relieved(Stream#stream{alarms = []});
heard({alarm, Name, off}, Stream = #stream{alarms = Alarms}) ->
    relieved(Stream#stream{alarms = lists:delete(Name, Alarms)});
heard(Info, Stream) ->
    {cowboys(Info), Stream}.

%% The send that the data was in has returned.
sent(taken, Stream = #stream{alarms = [_ | _]}) ->
    {[], Stream#stream{taken = true}};
sent(Event, Stream) ->
    event(Event, Stream).

relieved(Stream = #stream{alarms = [], early_file = Data}) when Data =/= none ->
    take([Data], Stream#stream{early_file = none});
relieved(Stream = #stream{alarms = [], taken = true}) ->
    event(taken, Stream#stream{taken = false});
relieved(Stream) ->
    {[], Stream}.

%% What Cowboy itself says on a stream comes by here, and is lost if it is not passed on: its own
%% responses, the ends of ours, and the change to HTTP/2.
cowboys(Info = {response, _, _, _}) -> [Info];
cowboys(Info = {headers, _, _}) -> [Info];
cowboys(Info = {data, _, _}) -> [Info];
cowboys(Info = {inform, _, _}) -> [Info];
cowboys(Info = {trailers, _}) -> [Info];
cowboys(Info = {switch_protocol, _, _, _}) -> [Info];
cowboys(_) -> [].

%% The request's body

body(IsFin, Data, Stream = #stream{early = Early, flow = Flow, cowboy = Cowboy}) ->
    has_body(Stream#stream{early = Early ++ [Data || Data =/= <<>>], is_fin = IsFin,
        flow = Flow - byte_size(Data), cowboy = gwport_cowboy:received(IsFin, Data, Cowboy)}).

%% A read is answered by one piece, as it came.
has_body(Stream = #stream{reading = true, early = [Data], is_fin = IsFin}) ->
    has_read(IsFin, Data, Stream#stream{early = []});
has_body(Stream = #stream{reading = true, early = [Data | Early]}) ->
    has_read(nofin, Data, Stream#stream{early = Early});
has_body(Stream = #stream{reading = true, early = [], is_fin = fin}) ->
    has_read(fin, <<>>, Stream);
has_body(Stream) ->
    {[], Stream}.

has_read(IsFin, Data, Stream = #stream{cowboy = Cowboy}) ->
    steps(gwport_cowboy:read(IsFin, Data, Cowboy), Stream#stream{reading = false}).

%% More is allowed when all that came has been read, and not a byte before, or the client outruns
%% the app. On HTTP/2 each {flow, N} on a closed window opens N plus Cowboy's margin: a byte is
%% enough. It must be asked by every stream that reads, since they share the connection's window. A
%% socket of HTTP/1.1 that is read again may have a hundred packets in the mailbox before Cowboy
%% sees that they are too many: hence the way by a message, behind them.
more(#stream{early = [_ | _]}) ->
    [];
more(Stream = #stream{cowboy = Cowboy}) ->
    more(gwport_cowboy:is_shared(Cowboy), Stream).

more(true, #stream{is_fin = IsFin}) ->
    [{flow, 1} || IsFin =:= nofin];
more(false, #stream{id = Id, flow = Flow}) ->
    _ = [self() ! {{self(), Id}, gwport_room} || Flow =< 0],
    [].

room(Stream = #stream{reading = true, flow = Flow}) when Flow =< 0 ->
    {[{flow, ?FLOW}], Stream#stream{flow = ?FLOW}};
room(Stream) ->
    {[], Stream}.

%% What gwport_cowboy wants done, as commands

event(Event, Stream = #stream{cowboy = Cowboy}) ->
    steps(gwport_cowboy:event(Event, Cowboy), Stream).

steps({Steps, Cowboy}, Stream) ->
    take(Steps, Stream#stream{cowboy = Cowboy}).

take([], Stream) ->
    {[], Stream};
%% After a read nothing else stands in a list.
take([{read, Continue}], Stream) ->
    before([{inform, 100, #{}} || Continue] ++ more(Stream),
        has_body(Stream#stream{reading = true}));
take([look | Rest], Stream = #stream{id = Id, reading = Reading}) ->
    _ = [gwport_request_end:look(self(), Id, {self(), {{self(), Id}, gwport_ended}}) || Reading],
    take(Rest, Stream);
take([Data = {data, nofin, Body} | Rest], Stream = #stream{id = Id}) when is_tuple(Body) ->
    case gwport_turns:is_next(Id) of
        true ->
            hand(Data, Rest, Stream);
        false ->
            _ = gwport_turns:is_held(Id),
            take(Rest, Stream#stream{early_file = Data})
    end;
take([Data = {data, nofin, _} | Rest], Stream) ->
    hand(Data, Rest, Stream);
take([shut | Rest], Stream) ->
    before([{data, fin, <<>>}], take(Rest, Stream));
%% gwport_pipeline_h hears this, and what comes of it is not this handler's.
take([takeover], Stream = #stream{id = Id, cowboy = Cowboy}) ->
    Offer = gwport_cowboy:offer(Cowboy),
    self() ! {{self(), Id}, {gwport_takeover, Offer}},
    leave(Stream),
    {[], {offered, Offer}};
take([Last], Stream = #stream{id = Id}) when Last =:= stop; Last =:= cut;
        element(1, Last) =:= discard; element(1, Last) =:= reset ->
    leave(Stream),
    over(Id, Last, late(Stream));
take([Command | Rest], Stream) ->
    before([Command], take(Rest, Stream)).

%% Cowboy sends when it has this command, and a send of HTTP/1.1 lasts until the client has taken
%% enough of what stands before it. The word to this process is read when that is over.
hand(Data, Rest, Stream = #stream{id = Id, cowboy = Cowboy}) ->
    self() ! {{self(), Id}, gwport_sent},
    before([Data], take(Rest, Stream#stream{sending = true, cowboy = gwport_cowboy:guard(Cowboy)})).

before(Commands1, {Commands2, State}) ->
    {Commands1 ++ Commands2, State}.

%% All is said. What may come of the body is allowed at once.
over(_, stop, _) ->
    {[stop], over};
over(_, cut, _) ->
    {[close()], over};
over(_, {reset, Reason}, _) ->
    {[{internal_error, Reason, 'The response was broken off.'}], over};
over(Id, {discard, Bytes, Time}, Last) ->
    Timer = erlang:send_after(Time, self(), {{self(), Id}, gwport_time}),
    {[{flow, Bytes + 1}], {discarding, Bytes, Timer, Last}}.

%% What is to be done if that does not come, or not in time.
late(#stream{cowboy = Cowboy}) ->
    case gwport_cowboy:is_shared(Cowboy) of
        true -> stop;
        false -> close()
    end.

discard(fin, Data, {discarding, Left, Timer, _}) when byte_size(Data) =< Left ->
    _ = erlang:cancel_timer(Timer),
    {[stop], over};
discard(nofin, Data, {discarding, Left, Timer, Last}) when byte_size(Data) =< Left ->
    {[], {discarding, Left - byte_size(Data), Timer, Last}};
discard(_, _, {discarding, _, Timer, Last}) ->
    _ = erlang:cancel_timer(Timer),
    {[Last], over}.

%% Ends a connection of HTTP/1.1: at once, whatever is under way on it.
close() ->
    {set_options, #{idle_timeout => 0}}.

%% Most streams end with their first event, and have no timer.
timed({Commands, Stream = #stream{timer = undefined, cowboy = Cowboy}}) ->
    {Commands, set_timer(rest_time(Cowboy), Stream)};
timed(Result) ->
    Result.

set_timer(Most, Stream = #stream{id = Id, cowboy = Cowboy}) ->
    Time = min(Most, gwport_cowboy:timeout(Cowboy)),
    Stream#stream{timer = erlang:send_after(Time, self(), {{self(), Id}, gwport_time})}.

rest_time(Cowboy) ->
    case gwport_cowboy:is_shared(Cowboy) of
        true -> infinity;
        false -> gwport_cowboy:rest_time()
    end.

%% A connection of HTTP/2 may have a thousand streams, and would do this for each.
rest(Cowboy) ->
    case gwport_cowboy:is_shared(Cowboy) of
        true -> ok;
        false -> gwport_cowboy:rest()
    end.

leave(#stream{timer = undefined}) ->
    ok;
leave(#stream{id = Id, timer = Timer, sending = Sending, reading = Reading}) ->
    %% What stands in the mailbox for this stream would be a warning each.
    case is_integer(erlang:cancel_timer(Timer)) andalso not Sending andalso not Reading of
        true -> ok;
        false -> flush({self(), Id})
    end.

flush(Tag) ->
    receive
        {Tag, gwport_sent} -> flush(Tag);
        {Tag, gwport_room} -> flush(Tag);
        {Tag, gwport_ended} -> flush(Tag);
        {Tag, gwport_time} -> flush(Tag)
    after 0 -> ok
    end.
