%% A connection that an app has taken over (SPEC.md, section 14): what its client sends and is sent
%% are the bytes of an exchange. Cowboy has handed it over (takeover/7), as it does to
%% cowboy_websocket, so it is the connection's process that runs in here.
%%
%% That process reads, and a process of its own sends, so that a client which does not read can
%% still be read. It ends when both directions have ended or the exchange has, when the client is
%% lost, and with its listener.
%% @hidden
-module(gwport_tunnel).

%% For gwport_pipeline_h.
-export([switch/2, drop/1]).
%% For Cowboy.
-export([takeover/7]).
%% For sys.
-export([system_continue/3, system_terminate/4, system_code_change/4]).

-export_type([taken/0]).

-include_lib("kernel/include/logger.hrl").

%% What a connection carries that is about to be an app's.
-opaque taken() :: none | gwport_exchange:exchange().

-record(tunnel, {
    parent :: pid(),
    socket :: term(),
    transport :: module(),
    messages :: tuple(),
    sender :: pid(),
    exchange :: gwport_exchange:exchange(),
    %% For the log.
    name :: iodata(),
    %% What has come before anybody asked, whether that was all, and whether somebody has asked.
    early :: [binary()],
    is_fin = nofin :: nofin | fin,
    reading = false :: boolean(),
    %% Whether nothing has come since memory was given back.
    rested = false :: boolean()
}).

%% The app has taken it over: what Cowboy is to do. A client that has sent another request behind
%% this one has sent bytes to the app that Cowboy before 2.18 has read already.
-spec switch(cowboy_stream:streamid(), {gwport_exchange:offer(), Name :: iodata()}) ->
    {cowboy_stream:commands(), taken()}.
switch(Id, {Offer, Name}) ->
    case {gwport_exchange:accept(Offer), gwport_turns:is_alone(Id)} of
        {{ok, Exchange}, true} ->
            {[{switch_protocol, #{}, ?MODULE, {Exchange, Name}}], Exchange};
        {{ok, Exchange}, false} ->
            gwport_exchange:close(Exchange),
            ?LOG_NOTICE("gwport: ~ts ended: the app took over a connection that had another "
                "request on it", [Name]),
            {[cut()], none};
        {gone, _} ->
            {[cut()], none}
    end.

%% It has ended before Cowboy has handed it over.
-spec drop(taken()) -> ok.
drop(none) -> ok;
drop(Exchange) -> gwport_exchange:close(Exchange).

cut() ->
    {set_options, #{idle_timeout => 0}}.

-spec takeover(pid(), ranch:ref(), inet:socket(), module(), cowboy:opts(), binary(),
    {gwport_exchange:exchange(), Name :: iodata()}) -> no_return().
takeover(Parent, Ref, Socket, Transport, Opts, Buffer, Taken) ->
    gwport_cowboy_listener:warn_no_connect(Ref, Opts),
    ok = gwport_failure:run("a connection that an app has taken over",
        fun() -> run(Parent, Ref, Socket, Transport, Buffer, Taken) end),
    %% Cowboy's own loop would go on with what it is given back.
    exit(normal).

run(Parent, Ref, Socket, Transport, Buffer, {Exchange, Name}) ->
    _ = process_flag(trap_exit, true),
    ranch:remove_connection(Ref),
    %% The client may close its side and go on reading. (With TLS it cannot.)
    _ = Transport:setopts(Socket, [{exit_on_close, false}, {show_econnreset, true}]),
    Main = self(),
    Sender = spawn_link(fun() -> sender(Main, Socket, Transport) end),
    loop(#tunnel{parent = Parent, socket = Socket, transport = Transport,
        messages = Transport:messages(), sender = Sender, exchange = Exchange,
        name = Name, early = [Buffer || Buffer =/= <<>>]}).

sender(Main, Socket, Transport) ->
    receive
        {send, Data} ->
            Main ! {self(), Transport:send(Socket, Data)},
            sender(Main, Socket, Transport);
        rest ->
            gwport_cowboy:rest(),
            sender(Main, Socket, Transport)
    end.

loop(Tunnel = #tunnel{parent = Parent, socket = Socket, sender = Sender, exchange = Exchange}) ->
    Tag = gwport_exchange:tag(Exchange),
    receive
        {Tag, Event = {gwport, _}} -> event(Event, Tunnel);
        {Sender, ok} -> event(taken, Tunnel);
        {Sender, {error, _}} -> lost(Tunnel);
        {'EXIT', Parent, _} -> stop(Tunnel);
        {'EXIT', Sender, _} -> lost(Tunnel);
        {system, From, Request} ->
            sys:handle_system_msg(Request, From, Parent, ?MODULE, [], Tunnel);
        Message when element(2, Message) =:= Socket -> heard(Message, Tunnel);
        _ -> loop(Tunnel)
    after timeout(Tunnel) ->
        quiet(Tunnel)
    end.

timeout(#tunnel{rested = true, exchange = Exchange}) ->
    gwport_exchange:timeout(now_ms(), Exchange);
timeout(#tunnel{exchange = Exchange}) ->
    min(gwport_cowboy:rest_time(), gwport_exchange:timeout(now_ms(), Exchange)).

%% Both processes may be silent for days.
quiet(Tunnel = #tunnel{sender = Sender, rested = false}) ->
    Sender ! rest,
    gwport_cowboy:rest(),
    timed(Tunnel#tunnel{rested = true});
quiet(Tunnel) ->
    timed(Tunnel).

timed(Tunnel = #tunnel{exchange = Exchange0}) ->
    {Commands, Exchange} = gwport_exchange:event(timeout, now_ms(), Exchange0),
    commands(Commands, Tunnel#tunnel{exchange = Exchange}).

%% Of the socket.
heard({Kind, _, Data}, Tunnel = #tunnel{messages = Messages}) when Kind =:= element(1, Messages) ->
    came(nofin, [Data], Tunnel);
heard({Kind, _}, Tunnel = #tunnel{messages = Messages}) when Kind =:= element(2, Messages) ->
    came(fin, [], Tunnel);
heard({Kind, _, _}, Tunnel = #tunnel{messages = Messages}) when Kind =:= element(3, Messages) ->
    lost(Tunnel);
heard(_, Tunnel) ->
    loop(Tunnel).

came(IsFin, Data, Tunnel = #tunnel{early = Early}) ->
    read(Tunnel#tunnel{early = Early ++ Data, is_fin = IsFin}).

%% What is there answers whoever has asked; else the socket does.
read(Tunnel = #tunnel{reading = false}) ->
    loop(Tunnel);
read(Tunnel = #tunnel{early = [], is_fin = fin}) ->
    event({client, fin, <<>>}, Tunnel#tunnel{reading = false});
read(Tunnel = #tunnel{early = [Data | Early]}) ->
    event({client, nofin, Data}, Tunnel#tunnel{reading = false, early = Early});
read(Tunnel = #tunnel{socket = Socket, transport = Transport}) ->
    case Transport:setopts(Socket, [{active, once}]) of
        ok -> loop(Tunnel);
        {error, _} -> lost(Tunnel)
    end.

event(Event, Tunnel = #tunnel{exchange = Exchange0}) ->
    {Commands, Exchange} = gwport_exchange:event(Event, now_ms(), Exchange0),
    commands(Commands, Tunnel#tunnel{exchange = Exchange, rested = false}).

commands([], Tunnel) ->
    read(Tunnel);
commands([read | Rest], Tunnel) ->
    commands(Rest, Tunnel#tunnel{reading = true});
commands([{data, nofin, Data} | Rest], Tunnel = #tunnel{sender = Sender}) ->
    Sender ! {send, Data},
    commands(Rest, Tunnel);
%% Nothing is with the sender then.
commands([shut | Rest], Tunnel = #tunnel{socket = Socket, transport = Transport}) ->
    _ = Transport:shutdown(Socket, write),
    commands(Rest, Tunnel);
commands([done], Tunnel) ->
    close(Tunnel);
commands([{break, Reason}], Tunnel = #tunnel{name = Name}) ->
    ?LOG_NOTICE("gwport: ~ts ended: ~0p", [Name, Reason]),
    close(Tunnel).

%% There is no client any more.
lost(Tunnel = #tunnel{exchange = Exchange}) ->
    gwport_exchange:close(Exchange),
    close(Tunnel).

-spec stop(#tunnel{}) -> no_return().
stop(Tunnel) ->
    ok = lost(Tunnel),
    exit(shutdown).

close(#tunnel{socket = Socket, transport = Transport, sender = Sender}) ->
    true = unlink(Sender),
    true = exit(Sender, kill),
    _ = Transport:close(Socket),
    ok.

%% sys

-spec system_continue(pid(), [sys:dbg_opt()], #tunnel{}) -> ok.
system_continue(_, _, Tunnel) ->
    loop(Tunnel).

-spec system_terminate(term(), pid(), [sys:dbg_opt()], #tunnel{}) -> no_return().
system_terminate(_, _, _, Tunnel) ->
    stop(Tunnel).

-spec system_code_change(#tunnel{}, module(), term(), term()) -> {ok, #tunnel{}}.
system_code_change(Tunnel, _, _, _) ->
    {ok, Tunnel}.

now_ms() ->
    erlang:monotonic_time(millisecond).
