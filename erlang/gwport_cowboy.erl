%% An exchange whose client is Cowboy's, as far as both mounts share it: what gwport_exchange has
%% for the client becomes steps, most of which are raw commands of Cowboy's. Besides, it logs what
%% goes wrong, keeps Cowboy's timers from ending what is under way, and tells what is to become of
%% the connection when all is said.
%%
%% What is left to a mount is how Cowboy is reached: gwport_handler sends it messages from the
%% request's own process, gwport_stream_h returns commands inside the connection's.
%% @hidden
-module(gwport_cowboy).

-export([open/5, refuse/4, event/2, failed/4, offer/1, withdraw/1, close/1]).
-export([tag/1, received/3, read/3, guard/1, sent/1, is_shared/1]).
-export([needs_timer/1, timeout/1, time/1, rest_time/0, rest/0]).

-export_type([cowboy/0, step/0]).

-include_lib("kernel/include/logger.hrl").

%% When the request's body of HTTP/2 is first looked at for an end that Cowboy keeps to itself.
-define(LOOK, 500).

-record(cowboy, {
    req :: cowboy_req:req(),
    listener :: gwport_cowboy_listener:listener(),
    exchange :: gwport_exchange:exchange(),
    response :: gwport_cowboy_response:response(),
    %% When the data that the client is taking was handed out.
    handed = 0 :: integer(),
    %% The file that it is of, and how much of that.
    file = none :: none | {gwport_file:file(), pos_integer()},
    %% When the connection must hear of us again, and whether its idle timer is off.
    tick_at :: integer(),
    idle_off = false :: boolean(),
    %% When to look next whether the request's body has ended unsaid, and how long after that.
    look_at = infinity :: integer() | infinity,
    look_every = ?LOOK :: pos_integer()
}).
-opaque cowboy() :: #cowboy{}.
-type step() ::
    %% A piece of the request's body is wanted (one read/3), and maybe the client has to be told to
    %% go on with it.
    {read, Continue :: boolean()}
    %% A piece of the response. Behind one that is `nofin`, sent/1 when Cowboy has taken it.
  | {data, nofin | fin, iodata()}
    %% The app sends no more, and its client still may.
  | shut
    %% The app has taken the connection over: see offer/1. Nothing else stands behind it.
  | takeover
    %% If a read is still to be answered, gwport_request_end may know that there is no more.
  | look
    %% A command that is Cowboy's as it is.
  | tuple()
    %% The last step. The stream may end. Or it may when what is left of the request's body, so many
    %% bytes at most, has been taken from the client, within so many milliseconds; if that is not to
    %% be, it ends all the same, on HTTP/1.1 with its connection. Or it is to be seen that the
    %% response is not whole; most ways to stop look like the end of a whole one to somebody. On
    %% HTTP/1.1 only a connection that is cut is seen whether the body is chunked or not; a stream of
    %% HTTP/2 is reset.
  | stop
  | {discard, Bytes :: non_neg_integer(), Milliseconds :: pos_integer()}
  | cut
  | {reset, Reason :: term()}.

%% Ranch's send_timeout. Cowboy 2.8 takes no notice when a send has failed for it.
-define(SEND_TIMEOUT, 30000).
%% A request's process is told that a piece is taken when its send begins. The next one, which it is
%% told of when that send has failed, was handed out a little later than it began.
-define(STALLED, (?SEND_TIMEOUT - 1000)).
-define(MAX_TICK, 60000).
%% How long a response that has begun may be silent before its process gives memory back.
-define(REST, 500).

%% For the calling process, which is sent events as {Tag, {gwport, _}}; see gwport_exchange:open/5.
%% Behind: see gwport_cowboy_request:new/4.
-spec open(cowboy_req:req(), Behind :: non_neg_integer(), gwport_mount_options:mount(),
    gwport_cowboy_listener:listener(), Tag :: ref | term()) -> cowboy().
open(Req0, Behind, Mount, Listener, Tag) ->
    Req = gwport_cowboy_request:spoken(Req0, Listener),
    Request = gwport_cowboy_request:new(Req, Behind, Mount, Listener),
    Response = gwport_cowboy_response:new(Req, Listener),
    Now = now_ms(),
    TickAt = Now + tick(Listener),
    Cowboy = new(TickAt, Req, Listener, Response,
        gwport_exchange:open(Request, Mount, Tag, Now, wake(Tag, TickAt))),
    Cowboy#cowboy{look_at = look_at(Now, Req)}.

look_at(Now, #{version := 'HTTP/2', has_body := true, body_length := undefined}) -> Now + ?LOOK;
look_at(_, _) -> infinity.

%% A process with one exchange waits for it alone.
wake(ref, _) -> never;
wake(_, TickAt) -> TickAt.

%% The same for a request that is not to reach an app.
-spec refuse(gwport_status:reason(), cowboy_req:req(), gwport_cowboy_listener:listener(),
    Tag :: ref | term()) -> cowboy().
refuse(Reason, Req0, Listener, Tag) ->
    Req = gwport_cowboy_request:spoken(Req0, Listener),
    Response = gwport_cowboy_response:new(Req, Listener),
    new(now_ms() + tick(Listener), Req, Listener, Response, gwport_exchange:refuse(Reason, Tag)).

new(TickAt, Req, Listener, Response, Exchange) ->
    #cowboy{req = Req, listener = Listener, exchange = Exchange, response = Response,
        tick_at = TickAt}.

-spec tag(cowboy()) -> term().
tag(#cowboy{exchange = Exchange}) ->
    gwport_exchange:tag(Exchange).

-spec event(gwport_exchange:event(), cowboy()) -> {[step()], cowboy()}.
event(Event, Cowboy = #cowboy{exchange = Exchange}) ->
    steps(gwport_exchange:event(Event, now_ms(), Exchange), Cowboy).

%% See gwport_exchange:failed/4.
-spec failed(error | exit | throw, term(), Stack :: list(), cowboy()) -> {[step()], cowboy()}.
failed(Class, Reason, Stack, Cowboy = #cowboy{exchange = Exchange}) ->
    steps(gwport_exchange:failed(Class, Reason, Stack, Exchange), Cowboy).

%% The exchange for gwport_tunnel, whose connection it is, and what the log is to call it.
-spec offer(cowboy()) -> {gwport_exchange:offer(), Name :: iodata()}.
offer(Cowboy = #cowboy{exchange = Exchange}) ->
    {gwport_exchange:offer(Exchange), iolist_to_binary(name(Cowboy))}.

%% The client has left behind that, or its connection has ended.
-spec withdraw({gwport_exchange:offer(), Name :: iodata()}) -> ok.
withdraw({Offer, _}) ->
    gwport_exchange:withdraw(Offer).

%% The client has left before the last step, or its connection has ended.
-spec close(cowboy()) -> ok.
close(#cowboy{exchange = Exchange}) ->
    gwport_exchange:close(Exchange).

steps({Commands, Exchange}, Cowboy) ->
    steps(Commands, Cowboy#cowboy{exchange = Exchange}, []).

steps([], Cowboy, Acc) ->
    {lists:reverse(Acc), Cowboy};
steps([read | Rest], Cowboy = #cowboy{response = Response0}, Acc) ->
    {Continue, Response} = gwport_cowboy_response:reading(Response0),
    steps(Rest, Cowboy#cowboy{response = Response}, [{read, Continue} | Acc]);
steps([{data, nofin, {file, File, From, Bytes}} | Rest], Cowboy, Acc) ->
    steps(Rest, Cowboy#cowboy{handed = now_ms(), file = {File, Bytes}},
        [{data, nofin, gwport_file:body(From, Bytes, File)} | Acc]);
steps([Data = {data, _, _} | Rest], Cowboy, Acc) ->
    steps(Rest, Cowboy#cowboy{handed = now_ms(), file = none}, [Data | Acc]);
steps([shut | Rest], Cowboy, Acc) ->
    steps(Rest, Cowboy, [shut | Acc]);
steps([takeover], Cowboy, Acc) ->
    {lists:reverse(Acc, [takeover]), Cowboy};
steps([done], Cowboy, Acc) ->
    {lists:reverse(Acc, over(Cowboy)), Cowboy};
steps([{refuse, Reason}], Cowboy, Acc) ->
    failure(Reason, Cowboy, Acc);
steps([{fail, Reason}], Cowboy, Acc) ->
    log(Reason, Cowboy),
    failure(Reason, Cowboy, Acc);
steps([{break, Reason}], Cowboy, Acc) ->
    log(Reason, Cowboy),
    Last = case is_shared(Cowboy) of true -> {reset, Reason}; false -> cut end,
    {lists:reverse(Acc, [Last]), Cowboy};
steps([Command | Rest], Cowboy = #cowboy{response = Response0}, Acc) ->
    {Cowboys, Response} = gwport_cowboy_response:command(Command, Response0),
    steps(Rest, Cowboy#cowboy{response = Response}, [Cowboys | Acc]).

failure(Reason, Cowboy0 = #cowboy{response = Response0}, Acc) ->
    {Cowboys, Response} = gwport_cowboy_response:failure(Reason, Response0),
    Cowboy = Cowboy0#cowboy{response = Response},
    {lists:reverse(Acc, [Cowboys | over(Cowboy)]), Cowboy}.

%% A connection that is kept alive needs its idle timer, as the listener's owner wants it.
over(#cowboy{response = Response, idle_off = Off, listener = #{idle_timeout := Idle}}) ->
    [{set_options, #{idle_timeout => Idle}} || Off] ++ [gwport_cowboy_response:left(Response)].

%% The connection's end will be heard, and is no news.
log(client_gone, _) ->
    ok;
log(Reason, Cowboy) ->
    ?LOG_NOTICE("gwport: ~ts ended: ~0p", [name(Cowboy), Reason]).

name(#cowboy{req = #{method := Method, path := Path}}) ->
    [Method, " ", gwport_line:text(Path)].

%% Whether the connection has other streams to carry.
-spec is_shared(cowboy()) -> boolean().
is_shared(#cowboy{req = #{version := Version}}) ->
    Version =:= 'HTTP/2'.

%% A piece of the request's body has come.
-spec received(nofin | fin, binary(), cowboy()) -> cowboy().
received(fin, Data, Cowboy = #cowboy{response = Response}) ->
    Cowboy#cowboy{response = gwport_cowboy_response:received(fin, Data, Response),
        look_at = infinity};
received(nofin, Data, Cowboy = #cowboy{response = Response}) ->
    Cowboy#cowboy{response = gwport_cowboy_response:received(nofin, Data, Response)}.

%% It answers a `read`.
-spec read(nofin | fin, binary(), cowboy()) -> {[step()], cowboy()}.
read(IsFin, Data, Cowboy = #cowboy{response = Response}) ->
    event({client, IsFin, Data},
        Cowboy#cowboy{response = gwport_cowboy_response:taken(Data, Response)}).

%% This process is about to send the data that it was handed, and hears of no time that is up until
%% sent/1: another looks after that, and kills it if it is stuck and carries nothing else.
-spec guard(cowboy()) -> cowboy().
guard(Cowboy = #cowboy{exchange = Exchange, file = File}) ->
    Now = now_ms(),
    Fate = case is_shared(Cowboy) of true -> keep; false -> kill end,
    %% What sends files knows no timeout.
    Most = case File of none -> infinity; _ -> ?SEND_TIMEOUT end,
    Cowboy#cowboy{handed = Now, exchange = gwport_exchange:guard(Fate, Most, Now, Exchange)}.

%% Cowboy has taken the data, and this is the event that it comes to. Cowboy 2.8 goes on at full
%% speed, to nowhere, when a send has timed out, and the only sign of it is the time that passed.
-spec sent(cowboy()) -> {taken | short | gone | stalled, cowboy()}.
sent(Cowboy = #cowboy{exchange = Exchange0, handed = Handed}) ->
    {InTime, Exchange} = gwport_exchange:unguard(Exchange0),
    IsQuick = is_shared(Cowboy) orelse now_ms() - Handed < ?STALLED,
    Event = case InTime andalso IsQuick of true -> taken(Cowboy); false -> stalled end,
    {Event, Cowboy#cowboy{exchange = Exchange}}.

taken(#cowboy{file = none}) ->
    taken;
taken(#cowboy{file = {File, Bytes}}) ->
    case gwport_file:sent(File) of
        {ok, Bytes} -> taken;
        {ok, _} -> short;
        error -> gone
    end.

%% Whether that calls for a timer already; if not, an event comes first, or {gwport, due}.
-spec needs_timer(cowboy()) -> boolean().
needs_timer(#cowboy{exchange = Exchange}) ->
    gwport_exchange:needs_timer(Exchange).

%% Milliseconds until time/1 is to be called.
-spec timeout(cowboy()) -> non_neg_integer().
timeout(#cowboy{exchange = Exchange, tick_at = TickAt, look_at = LookAt}) ->
    Now = now_ms(),
    max(0, min(min(TickAt, LookAt) - Now, gwport_exchange:timeout(Now, Exchange))).

%% Cowboy's timers look at what the client sends and at what the connection process hears; a
%% response that is on its way counts for neither. So the idle timer is off while one is, where it
%% can be set for a connection (on HTTP/2 only the listener's owner can change it), and the
%% connection must hear something now and then.
-spec time(cowboy()) -> {[step()], cowboy()}.
time(Cowboy) ->
    time(now_ms(), Cowboy).

time(Now, Cowboy0 = #cowboy{tick_at = TickAt, listener = Listener}) when Now >= TickAt ->
    IsNew = has_idle(Cowboy0) andalso not Cowboy0#cowboy.idle_off,
    {Steps, Cowboy} = event(tick, Cowboy0#cowboy{tick_at = Now + tick(Listener),
        idle_off = has_idle(Cowboy0)}),
    {[{set_options, #{idle_timeout => infinity}} || IsNew] ++ Steps, Cowboy};
time(Now, Cowboy = #cowboy{look_at = LookAt, look_every = Every}) when Now >= LookAt ->
    {[look], Cowboy#cowboy{look_at = Now + Every, look_every = next_look(Cowboy)}};
time(_, Cowboy) ->
    event(timeout, Cowboy).

%% A client that has announced trailers will send them. Any other hardly ever does, and its request
%% may last for days.
next_look(#cowboy{req = #{headers := #{<<"trailer">> := _}}, look_every = Every}) -> Every;
next_look(#cowboy{look_every = Every, listener = Listener}) -> min(2 * Every, tick(Listener)).

has_idle(Cowboy = #cowboy{listener = #{idle_timeout := Idle}}) ->
    Idle =/= infinity andalso not is_shared(Cowboy).

%% Milliseconds of silence behind the first event after which the process that waits is to rest/0.
-spec rest_time() -> pos_integer().
rest_time() ->
    ?REST.

%% The calling process has little to do, and may have for days: it keeps no more memory than it
%% needs. The first collection leaves a heap that would take in what it has found, garbage included;
%% the second one that takes in what is left.
-spec rest() -> ok.
rest() ->
    true = erlang:garbage_collect(),
    true = erlang:garbage_collect(),
    ok.

%% A third of what the connection would wait, for once lost is not yet late.
tick(#{idle_timeout := Idle, inactivity_timeout := Inactivity}) ->
    max(1, min(min(Idle, Inactivity), 3 * ?MAX_TICK) div 3).

now_ms() ->
    erlang:monotonic_time(millisecond).
