%% @doc A pool, or an app in Erlang, as a plug: in a Phoenix router, in an endpoint, in any pipeline
%% of plugs, on any server that Plug has an adapter for.
%%
%% ```
%% forward "/shop", :gwport_plug, pool: :shop
%% '''
%%
%% Options are those of a mount, {@link gwport:mount_options()}. Where Elixir wants a module of its
%% own names, `Gwport.Plug' is the same.
%% @end
%%
%% It drives an exchange in the process of the conn, and does to the client what that wants by
%% Plug.Conn's functions (gwport_plug_conn). These wait for the client, and nothing else is heard
%% meanwhile: the port's watch looks after what is too late then. So a piece of the request's body
%% is asked for when nothing else is there to be done, and not before the app wants one.
%%
%% A process that does not trap exits is ended, by its server, when its client leaves; while it
%% waits in here it traps them, for whoever is to be told of the request's end.
-module(gwport_plug).

-export([init/1, call/2, read_body/2]).

-export_type([options/0]).

-include_lib("kernel/include/logger.hrl").

-record(plug, {
    conn :: gwport_plug_conn:conn(),
    input :: gwport_plug_input:input(),
    mount :: gwport_mount_options:mount(),
    %% Of the messages that are the exchange's events.
    tag :: reference(),
    exchange :: gwport_exchange:exchange(),
    %% Whether a piece of the request's body is wanted.
    is_wanted = false :: boolean()
}).

-type options() :: gwport:mount_options() | {checked, gwport_mount_options:mount()}.
%% As they are given, or as init/1 has returned them.

%% @doc Checks a mount's options, be it when a router is compiled: gwport need not run for that.
%% What is wrong is an error `gwport_options:error()'.
-spec init(options()) -> {checked, gwport_mount_options:mount()}.
init(Options) ->
    {checked, mount(Options)}.

mount({checked, Mount}) ->
    Mount;
mount(Options) ->
    case gwport_mount_options:mount(Options) of
        {ok, Mount} -> Mount;
        {error, Error} -> error(Error)
    end.

%% @doc Answers the request, and halts: no plug that would be next is called. Options may be those
%% that init/1 has returned, or any that it takes.
-spec call(gwport_plug_conn:conn(), options()) -> gwport_plug_conn:conn().
call(Conn0, Options) ->
    Mount = mount(Options),
    {Request, Input, Conn} = gwport_plug_request:new(Conn0, Mount),
    Tag = make_ref(),
    Exchange = gwport_exchange:open(Request, Mount, Tag, now_ms()),
    gwport_plug_conn:halted(loop(#plug{conn = Conn, input = Input, mount = Mount, tag = Tag,
        exchange = Exchange})).

%% @doc A `body_reader' of Plug.Parsers that keeps what it reads, for the app behind a `forward' to
%% read it too: `body_reader: {:gwport_plug, :read_body, []}'. All bodies that parsers read are in
%% memory twice then, within the bounds of Plug.Parsers; those of forms in parts are read past it.
-spec read_body(gwport_plug_conn:conn(), [{atom(), Value :: term()}]) ->
    {ok | more, binary(), gwport_plug_conn:conn()}.
read_body(Conn0, Options) ->
    {More, Data, Conn} = gwport_plug_conn:read_body(Options, Conn0),
    {More, Data, gwport_plug_conn:keep_body({More, Data}, Conn)}.

loop(Plug = #plug{tag = Tag, input = Input}) ->
    Trapped = process_flag(trap_exit, true),
    receive
        {Tag, Event = {gwport, _}} ->
            let_go(Trapped, Plug),
            event(Event, Plug#plug{input = gwport_plug_input:heard(Input)});
        {'EXIT', _, Reason} when not Trapped, Reason =/= normal ->
            ended(Reason, Plug)
    after time(Plug) ->
        let_go(Trapped, Plug),
        quiet(Plug)
    end.

let_go(true, _) ->
    true;
let_go(false, Plug) ->
    true = process_flag(trap_exit, false),
    receive
        {'EXIT', _, normal} -> let_go(false, Plug);
        {'EXIT', _, Reason} -> ended(Reason, Plug)
    after 0 -> true
    end.

%% As it would have been: no plug around this one makes an error of it.
-spec ended(term(), #plug{}) -> no_return().
ended(Reason, #plug{exchange = Exchange}) ->
    gwport_exchange:close(Exchange),
    _ = process_flag(trap_exit, false),
    exit(self(), Reason),
    exit(Reason).

time(#plug{is_wanted = IsWanted, input = Input, exchange = Exchange}) ->
    Time = gwport_exchange:timeout(now_ms(), Exchange),
    case IsWanted of
        true -> min(Time, gwport_plug_input:grace(Input));
        false -> Time
    end.

quiet(Plug = #plug{is_wanted = IsWanted, exchange = Exchange}) ->
    case gwport_exchange:timeout(now_ms(), Exchange) of
        Time when IsWanted, Time > 0 -> read(Time, Plug);
        _ -> event(timeout, Plug)
    end.

event(Event, Plug = #plug{exchange = Exchange0}) ->
    {Commands, Exchange} = gwport_exchange:event(Event, now_ms(), Exchange0),
    take(Commands, Plug#plug{exchange = Exchange}).

%% The request's body

read(Time, Plug0 = #plug{input = Input, conn = Conn}) ->
    case in_time(fun() -> gwport_plug_input:read(Time, Input, Conn) end, Plug0) of
        {_, {none, Input1, Conn1}, Plug} ->
            loop(Plug#plug{input = Input1, conn = Conn1});
        {_, lost, Plug} ->
            lost(Plug);
        {true, {IsFin, Data, Input1, Conn1}, Plug} ->
            event({client, IsFin, Data},
                Plug#plug{input = Input1, conn = Conn1, is_wanted = false});
        {false, {_, _, Input1, Conn1}, Plug} ->
            event(timeout, Plug#plug{input = Input1, conn = Conn1})
    end.

%% What the app was promised is not to be had, and to let it have less would look like less.
lost(#plug{exchange = Exchange0, mount = #{pool := Pool}} = Plug) ->
    _ = [?LOG_ERROR("gwport: the body of ~ts was read by a plug in front of gwport_plug, as "
        "Plug.Parsers does: mount it in front of that, or give Plug.Parsers the option "
        "body_reader: {:gwport_plug, :read_body, []} (said once)", [name(Plug)])
        || gwport_seen:is_first({plug_body, Pool})],
    {Commands, Exchange} = gwport_exchange:failed(error, body_was_read, [], Exchange0),
    take(Commands, Plug#plug{exchange = Exchange}).

%% The port is told when the time of the request is up, while what Fun calls may wait for the
%% client. An error is the server's: most often, that there is no client any more.
in_time(Fun, Plug = #plug{exchange = Exchange0}) ->
    Exchange1 = gwport_exchange:guard(keep, infinity, now_ms(), Exchange0),
    try Fun() of
        Result ->
            {InTime, Exchange} = gwport_exchange:unguard(Exchange1),
            {InTime, Result, Plug#plug{exchange = Exchange}}
    catch
        Class:Reason:Stack ->
            gwport_exchange:close(Exchange1),
            erlang:raise(Class, Reason, Stack)
    end.

%% The response

take([], Plug) ->
    loop(Plug);
take([read | Rest], Plug) ->
    take(Rest, Plug#plug{is_wanted = true});
take([{inform, Status, Fields} | Rest], Plug = #plug{conn = Conn}) ->
    Code = code(Status),
    case gwport_plug_conn:is_status(Code) of
        true -> take(Rest, Plug#plug{conn = gwport_plug_conn:inform(Code, binaries(Fields), Conn)});
        false -> take(Rest, Plug)
    end;
take([Command | Rest], Plug) when element(1, Command) =:= reply; element(1, Command) =:= head ->
    #{code := Code} = element(2, Command),
    case gwport_plug_conn:is_status(Code) of
        true -> take(Rest, Plug#plug{conn = answer(Command, Plug)});
        false -> unknown_status(Code, Plug)
    end;
take([{data, fin, Data} | Rest], Plug = #plug{conn = Conn0}) ->
    case gwport_plug_conn:send(Data, Conn0) of
        {ok, Conn} -> take(Rest, Plug#plug{conn = Conn});
        {error, _} -> Conn0
    end;
take([{data, nofin, Data} | Rest], Plug0 = #plug{conn = Conn0}) ->
    case in_time(fun() -> gwport_plug_conn:send(Data, Conn0) end, Plug0) of
        {true, {ok, Conn}, Plug} -> sent(taken, Rest, Plug#plug{conn = Conn});
        {false, {ok, Conn}, Plug} -> sent(stalled, Rest, Plug#plug{conn = Conn});
        {_, {error, _}, #plug{exchange = Exchange}} -> gwport_exchange:close(Exchange), Conn0
    end;
%% Plug has none.
take([{trailers, _} | Rest], Plug) ->
    take(Rest, Plug);
take([done], #plug{conn = Conn}) ->
    Conn;
take([{refuse, Reason}], Plug) ->
    instead(Reason, Plug);
take([{fail, Reason}], Plug) ->
    log(Reason, Plug),
    instead(Reason, Plug);
take([{break, Reason}], Plug = #plug{conn = Conn}) ->
    log(Reason, Plug),
    gwport_plug_conn:break({broken_off, Reason}, Conn).

sent(Event, Rest, Plug = #plug{exchange = Exchange0}) ->
    {Commands, Exchange} = gwport_exchange:event(Event, now_ms(), Exchange0),
    take(Rest ++ Commands, Plug#plug{exchange = Exchange}).

%% Of a body that is not sent servers do not know the length.
answer({reply, Head = #{code := Code, length := Length}, <<>>}, Plug = #plug{conn = Conn})
        when is_integer(Length), Length > 0 ->
    gwport_plug_conn:send_head(Code, headers(Head, Plug), Conn);
answer({reply, Head = #{code := Code}, Body}, Plug = #plug{conn = Conn}) ->
    gwport_plug_conn:send_whole(Code, headers(Head, Plug), Body, Conn);
answer({head, Head = #{code := Code}}, Plug = #plug{conn = Conn}) ->
    gwport_plug_conn:send_head(Code, headers(Head, Plug), Conn).

headers(#{headers := Fields, close := Close}, Plug) ->
    [Header || Header = {Name, _} <- binaries(Fields), Name =/= <<"trailer">>]
        ++ closing(Close, Plug).

binaries(Fields) ->
    [{Name, iolist_to_binary(Value)} || {Name, Value} <- Fields].

%% A client that waits to be told to go on with its body, and is not, owes it to the connection.
closing(Close, #plug{conn = Conn = #{req_headers := Headers}, input = Input}) ->
    Owes = lists:keymember(<<"expect">>, 1, Headers) andalso gwport_plug_input:unread(Input),
    [{<<"connection">>, <<"close">>} || Close orelse Owes,
        gwport_plug_conn:protocol(Conn) =/= {2, 0}].

code(<<Code:3/binary, _/binary>>) -> binary_to_integer(Code);
code(Code) -> Code.

unknown_status(Code, Plug = #plug{exchange = Exchange, mount = #{pool := Pool}}) ->
    _ = [?LOG_ERROR("gwport: an app has answered with the status ~b, which Plug does not know: "
        "name it in config :plug, :statuses (said once)", [Code])
        || gwport_seen:is_first({plug_status, Pool, Code})],
    gwport_exchange:close(Exchange),
    instead(bad_response, Plug).

%% What a client is told when there is no answer from an app.
instead(Reason, Plug = #plug{conn = Conn}) ->
    gwport_plug_conn:send_whole(gwport_status:status(Reason),
        gwport_status:headers(Reason) ++ closing(false, Plug), gwport_status:text(Reason), Conn).

%% The client's end will be heard, and is no news.
log(client_gone, _) ->
    ok;
log(Reason, Plug) ->
    ?LOG_NOTICE("gwport: ~ts ended: ~0p", [name(Plug), Reason]).

name(#plug{conn = #{method := Method, request_path := Path}}) ->
    [Method, " ", gwport_line:text(Path)].

now_ms() ->
    erlang:monotonic_time(millisecond).
