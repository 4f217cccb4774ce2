%% @doc A pool under a Cowboy route.
%%
%% ```
%% {"/shop/[...]", gwport_handler, #{pool => shop}}
%% '''
%%
%% Options are those of a mount, {@link gwport:mount_options()}. They are checked with each request,
%% or once by {@link routes/1}.
%% @end
%%
%% It runs in the request's own process, which Cowboy shuts down when the client leaves; the port's
%% owner monitors it, so nothing has to be done for that here, unless somebody is to be told of the
%% request: then the process hears of its shutdown. It gives gwport_cowboy what Cowboy
%% and the port say, and casts to the connection what comes of it.
-module(gwport_handler).
-behaviour(cowboy_handler).

-export([routes/1]).
-export([init/2]).

-include_lib("kernel/include/logger.hrl").

-record(request, {
    req :: cowboy_req:req(),
    tag :: term(),
    cowboy :: gwport_cowboy:cowboy(),
    %% Whether an answer to a read of the request's body is still to come.
    reading = false :: boolean(),
    %% How many reads there have been.
    reads = 0 :: non_neg_integer(),
    %% Whether nothing has come since memory was given back, or at all; a few bytes of the request's
    %% body are nothing, or a client that sends one a second would have memory given back for each.
    rested = true :: boolean()
}).

%% How long one read waits in Cowboy before it answers with what it has: as good as for ever, since
%% a read returns at the first byte. A timeout's empty answer would look like client activity, and
%% one that arrives after the stream has ended is logged by Cowboy.
-define(READ_PERIOD, 16#7fffffff).
%% So many bytes of a body are a few.
-define(FEW, 1024).
%% How long a connection that was told to close may take to hear of it.
-define(BREAK_GRACE, 5000).
%% Words of the heap of a process that rests: some 350 for what is kept, and room for the next look
%% at the clock. Without that room the look takes a second heap, of the same size.
-define(REST_HEAP, 610).

%% @doc Routes as for cowboy_router:compile/1, and returned for it, with the options of those that
%% are this handler's checked: `cowboy_router:compile(gwport_handler:routes([...]))'. What is wrong
%% is an error `{bad_mount, Path, gwport_options:error()}' here, and not a 500 at the first request.
%% Other routes stay as they are.
-spec routes(cowboy_router:routes()) -> cowboy_router:routes().
routes(Hosts) ->
    [setelement(tuple_size(Host), Host,
        [route(Path) || Path <- element(tuple_size(Host), Host)]) || Host <- Hosts].

route({Path, ?MODULE, Options}) -> {Path, ?MODULE, checked(Path, Options)};
route({Path, Fields, ?MODULE, Options}) -> {Path, Fields, ?MODULE, checked(Path, Options)};
route(Other) -> Other.

checked(_, Checked = {checked, _}) ->
    Checked;
checked(Path, Options) ->
    case gwport_mount_options:mount(Options) of
        {ok, Mount} -> {checked, Mount};
        {error, Error} -> error({bad_mount, Path, Error})
    end.

-type options() :: gwport:mount_options() | {checked, gwport_mount_options:mount()}.

%% @private
-spec init(cowboy_req:req(), options()) -> {ok, cowboy_req:req(), options()}.
init(Req, Options) ->
    try
        Cowboy = open(Req, Options),
        loop(#request{req = Req, tag = gwport_cowboy:tag(Cowboy), cowboy = Cowboy})
    catch
        Class:Reason:Stack when Class =/= exit; Reason =/= shutdown ->
            gwport_failure:report("a request", Class, Reason, Stack),
            break(Req)
    end,
    {ok, Req, Options}.

open(Req, Options) ->
    Listener = gwport_cowboy_listener:of_request(Req),
    case mount(Options) of
        {ok, Mount} ->
            Behind = gwport_mounts:behind(cowboy_req:path_info(Req)),
            gwport_cowboy:open(Req, Behind, Mount, Listener, ref);
        {error, Error} ->
            ?LOG_ERROR("gwport: a route's options are wrong: ~0p", [Error]),
            gwport_cowboy:refuse(bad_option, Req, Listener, ref)
    end.

mount({checked, Mount}) -> {ok, Mount};
mount(Options) -> gwport_mount_options:mount(Options).

loop(Request = #request{tag = Tag, cowboy = Cowboy, req = #{pid := Connection}}) ->
    receive
        {Tag, Event = {gwport, _}} ->
            steps(gwport_cowboy:event(Event, Cowboy), Request);
        {request_body, Tag, nofin, Data} ->
            read(nofin, Data, Request);
        {request_body, Tag, fin, _, Data} ->
            read(fin, Data, Request);
        {Tag, {ended, Reads}} ->
            ended(Reads, Request);
        {data_ack, Connection} ->
            {Event, Cowboy1} = gwport_cowboy:sent(Cowboy),
            steps(gwport_cowboy:event(Event, Cowboy1), Request);
        {'EXIT', _, Reason} when Reason =/= normal ->
            gwport_cowboy:close(Cowboy),
            exit(shutdown)
    after timeout(Request) ->
        quiet(Request)
    end.

timeout(#request{rested = true, cowboy = Cowboy}) ->
    gwport_cowboy:timeout(Cowboy);
timeout(#request{cowboy = Cowboy}) ->
    min(gwport_cowboy:rest_time(), gwport_cowboy:timeout(Cowboy)).

%% The connection hears of it: its time may be up as well, and gwport_pipeline_h rests there.
quiet(Request = #request{cowboy = Cowboy, req = Req}) ->
    cast(gwport_tick, Req),
    {Steps, Cowboy1} = gwport_cowboy:time(Cowboy),
    _ = process_flag(min_heap_size, ?REST_HEAP),
    gwport_cowboy:rest(),
    take(Steps, Request#request{cowboy = Cowboy1, rested = true}).

read(IsFin, Data, Request = #request{cowboy = Cowboy0, rested = Rested}) ->
    {Steps, Cowboy} = gwport_cowboy:read(IsFin, Data, gwport_cowboy:received(IsFin, Data, Cowboy0)),
    take(Steps, Request#request{cowboy = Cowboy, reading = false,
        rested = Rested andalso byte_size(Data) =< ?FEW}).

%% The body had ended when this read, which is still without an answer, was waiting for more of it.
ended(Reads, Request = #request{reading = true, reads = Reads}) -> read(fin, <<>>, Request);
ended(_, Request) -> loop(Request).

steps({Steps, Cowboy}, Request) ->
    take(Steps, Request#request{cowboy = Cowboy, rested = false}).

%% The stream ends with this process, and this process with the last step.
take([], Request) ->
    loop(Request);
take([stop], _) ->
    ok;
take([{discard, Bytes, Time}], Request = #request{req = Req}) ->
    be_mortal(Req),
    discard(Bytes, Time, Request);
%% The connection's process claims the exchange, and ends this one; or only ends it.
take([takeover], #request{req = Req, cowboy = Cowboy}) ->
    Offer = gwport_cowboy:offer(Cowboy),
    cast({gwport_takeover, Offer}, Req),
    receive {'EXIT', _, Reason} when Reason =/= normal ->
        gwport_cowboy:withdraw(Offer),
        exit(shutdown)
    end;
take([cut], #request{req = Req}) ->
    cut(Req);
take([{reset, _}], #request{req = Req}) ->
    reset(Req);
%% Cowboy tells a client to go on by itself.
take([{read, _} | Rest], Request = #request{req = Req, tag = Tag, reads = Reads}) ->
    cast({read_body, self(), Tag, 1, ?READ_PERIOD}, Req),
    take(Rest, Request#request{reading = true, reads = Reads + 1});
take([look | Rest], Request = #request{reading = Reading}) ->
    _ = [look(Request) || Reading],
    take(Rest, Request);
%% It is not answered.
take([shut | Rest], Request = #request{req = Req}) ->
    cast({data, fin, <<>>}, Req),
    take(Rest, Request);
take([{data, IsFin, Data} | Rest], Request = #request{req = Req}) ->
    cast({data, self(), IsFin, Data}, Req),
    take(Rest, Request);
take([Command | Rest], Request = #request{req = Req}) ->
    cast(Command, Req),
    take(Rest, Request).

look(#request{req = #{pid := Connection, streamid := Id}, tag = Tag, reads = Reads}) ->
    gwport_request_end:look(Connection, Id, {self(), {Tag, {ended, Reads}}}).

cast(Command, Req) ->
    cowboy_req:cast(Command, Req).

%% One read, which Cowboy answers when the body has ended, when there is too much of it, or when it
%% took too long; behind one that is not answered yet.
discard(Left, Time, Request = #request{reading = true, tag = Tag, req = Req}) ->
    receive
        {request_body, Tag, nofin, Data} when byte_size(Data) =< Left ->
            discard(Left - byte_size(Data), Time, Request#request{reading = false});
        {request_body, Tag, fin, _, Data} when byte_size(Data) =< Left ->
            ok;
        Body when element(1, Body) =:= request_body, element(2, Body) =:= Tag ->
            too_much(Req)
    after Time ->
        too_much(Req)
    end;
discard(Left, Time, #request{tag = Tag, req = Req}) ->
    cast({read_body, self(), Tag, Left + 1, Time}, Req),
    receive
        {request_body, Tag, fin, _, Data} when byte_size(Data) =< Left -> ok;
        Body when element(1, Body) =:= request_body, element(2, Body) =:= Tag -> too_much(Req)
    end.

%% A stream of HTTP/2 is reset without an error, since its response is whole.
too_much(#{version := 'HTTP/2'}) -> ok;
too_much(Req) -> cut(Req).

%% All is told: from here on Cowboy's shutdown is the end, also one that was heard of meanwhile.
be_mortal(#{pid := Connection}) ->
    _ = process_flag(trap_exit, false),
    receive {'EXIT', Connection, _} -> exit(shutdown)
    after 0 -> ok
    end.

-spec break(cowboy_req:req()) -> no_return().
break(Req = #{version := 'HTTP/2'}) -> reset(Req);
break(Req) -> cut(Req).

%% gwport_pipeline_h resets the stream; where it is not there, the end of this process does, if a
%% head is out. A process that is shut down says nothing of what it holds.
-spec reset(cowboy_req:req()) -> no_return().
reset(Req) ->
    cast(gwport_reset, Req),
    exit(shutdown).

%% The end of the connection is the end of this process.
-spec cut(cowboy_req:req()) -> no_return().
cut(Req = #{pid := Connection}) ->
    be_mortal(Req),
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
