%% @doc A Cowboy stream handler to stand in front of the others, and in front of {@link
%% gwport_stream_h} where that is used.
%%
%% ```
%% stream_handlers => [gwport_pipeline_h, cowboy_stream_h]
%% '''
%%
%% It does five things for those behind it. It bounds what HTTP/1.1 pipelining may queue, which
%% Cowboy does itself from 2.18 on. It lets apps take a connection over, as for a WebSocket. It has
%% the trailers of a response sent to a client that Cowboy would not send them to. It has uploads on
%% a connection of HTTP/2 go on where Cowboy would leave their client without a window. And it does for
%% {@link gwport_handler} what Cowboy has no word for: a stream without a head is reset, and a
%% connection on which nothing happens for a while needs little memory.
%% @end
%%
%% What bounds pipelining: a stream that sends before its turn (gwport_turns) sees the alarm that
%% Cowboy's HTTP/2 raises when its buffer is full, which holds the sender after one piece, and the
%% end of that alarm when its turn has come. It tells which requests may become connections of an
%% app's (gwport_tunnel). Trailers are gwport_trailers', and the windows of HTTP/2 gwport_h2_flow's. Of
%% gwport_handler it hears, whatever Cowboy's version: a question, whose answer tells a request process
%% that the connection is not stuck; the reset of a stream without a head, to which Cowboy answers with
%% 500; and that nothing happens for a while.
-module(gwport_pipeline_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

%% Whether turns are kept for the stream, or windows, and the state of the next handler.
-type state() :: {http1 | {taken, gwport_tunnel:taken()} | http2 | other, Next :: term()}.

%% @private
-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) ->
    {cowboy_stream:commands(), state()}.
init(Id, Req = #{version := 'HTTP/1.1'}, Opts) ->
    gwport_turns:keep(),
    {Commands, Next} = cowboy_stream:init(Id, offered(Req), Opts),
    gwport_turns:enter(Id),
    {Commands, {http1, Next}};
init(Id, Req = #{version := 'HTTP/2'}, Opts) ->
    {Commands, Next} = cowboy_stream:init(Id, Req, Opts),
    {gwport_h2_flow:asked(Id, Commands), {http2, Next}};
init(Id, Req, Opts) ->
    {Commands, Next} = cowboy_stream:init(Id, Req, Opts),
    {Commands, {other, Next}}.

offered(Req) ->
    case gwport_turns:is_idle() of
        true -> gwport_cowboy_request:offer(Req);
        false -> Req
    end.

%% @private
-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), state()) ->
    {cowboy_stream:commands(), state()}.
data(Id, IsFin, Data, {Version, Next0}) ->
    {Commands, Next} = cowboy_stream:data(Id, IsFin, Data, Next0),
    {came(Version, Id, Data, Commands), {Version, Next}}.

came(http2, Id, Data, Commands) ->
    ok = gwport_h2_flow:received(Id, byte_size(Data)),
    gwport_h2_flow:asked(Id, Commands);
came(_, _, _, Commands) ->
    Commands.

%% @private
-spec info(cowboy_stream:streamid(), term(), state()) -> {cowboy_stream:commands(), state()}.
info(_, {gwport_ping, Pid}, State) ->
    Pid ! gwport_pong,
    {[], State};
info(Id, {gwport_takeover, Offer}, {http1, Next}) ->
    {Commands, Taken} = gwport_tunnel:switch(Id, Offer),
    {Commands, {{taken, Taken}, Next}};
%% The head is the app's.
info(_, {inform, 101, _}, State = {{taken, _}, _}) ->
    {[], State};
info(_, gwport_reset, State) ->
    {[{internal_error, gwport_reset, 'The response was broken off.'}], State};
%% A connection of HTTP/2 is not its one request's alone, which may be one of a thousand.
info(_, gwport_tick, State = {http1, _}) ->
    gwport_cowboy:rest(),
    {[], State};
info(Id, gwport_look, State = {http2, _}) ->
    {gwport_h2_flow:again(Id), State};
info(Id, gwport_turn, State) ->
    pass(Id, {alarm, stream_buffer_full, off}, State);
%% The sender of a message is to be held before it is told that its data is taken.
info(Id, Info = {data, _, _, _}, State0 = {http1, _}) ->
    {Commands1, State1} = hold(Id, State0),
    {Commands2, State2} = pass(Id, Info, State1),
    {Commands1 ++ Commands2, State2};
info(Id, Info, State0) ->
    case pass(Id, Info, State0) of
        {Commands, State = {http1, _}} -> said(trailing(Id, Commands), Id, State);
        {Commands, State = {http2, _}} -> {gwport_h2_flow:asked(Id, Commands), State};
        Passed -> Passed
    end.

said(Commands1, Id, State1) ->
    case lists:keymember(nofin, 2, Commands1) of
        true ->
            {Commands2, State2} = hold(Id, State1),
            {Commands1 ++ Commands2, State2};
        false ->
            {Commands1, State1}
    end.

trailing(Id, Commands) ->
    case lists:any(fun gwport_trailers:is_marked/1, Commands) of
        true -> gwport_trailers:commands(Id, gwport_turns:is_alone(Id), Commands);
        false -> Commands
    end.

hold(Id, State) ->
    case gwport_turns:is_held(Id) of
        true -> pass(Id, {alarm, stream_buffer_full, on}, State);
        false -> {[], State}
    end.

pass(Id, Info, {Version, Next0}) ->
    {Commands, Next} = cowboy_stream:info(Id, Info, Next0),
    {Commands, {Version, Next}}.

%% @private
-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), state()) -> term().
terminate(Id, Reason, {Version, Next}) ->
    left(Id, Reason, Version),
    dropped(Reason, Version),
    cowboy_stream:terminate(Id, Reason, Next).

left(_, _, other) -> ok;
left(Id, Reason, http2) -> gwport_h2_flow:ended(Id, Reason);
left(Id, _, _) -> gwport_turns:leave(Id).

%% Cowboy does not hand over a connection that it finds closed.
dropped(switch_protocol, _) -> ok;
dropped(_, {taken, Taken}) -> gwport_tunnel:drop(Taken);
dropped(_, _) -> ok.

%% @private
-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(),
    cowboy_stream:resp_command(), cowboy:opts()) -> cowboy_stream:resp_command().
early_error(Id, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(Id, Reason, PartialReq, Resp, Opts).
