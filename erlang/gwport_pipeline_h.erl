%% A Cowboy stream handler that bounds what HTTP/1.1 pipelining may queue, for Cowboy before 2.18:
%%
%%     stream_handlers => [gwport_pipeline_h, cowboy_stream_h]
%%
%% and in front of gwport_stream_h where that is used.
%%
%% Before 2.18 pipelined requests run at once, and what a later one answers waits in the connection
%% process until its turn, while its sender is told to go on. Here a stream that sends data before
%% its turn sees the alarm that Cowboy's HTTP/2 raises when its buffer is full, which holds the
%% sender after one piece; the alarm ends when the streams before it have.
%%
%% A connection's open streams stand in its process dictionary, lowest first. Only one that is held
%% is told of its turn: Cowboy warns of every message to a stream that has ended meanwhile.
-module(gwport_pipeline_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).
%% For a stream handler behind it.
-export([is_before/0]).

-define(OPEN, '$gwport_open_streams').

%% Beside the state of the next handler: whether this is HTTP/1.1.
-type state() :: {http1 | other, Next :: term()}.

%% Whether it stands before the caller, which looks after a request of HTTP/1.1.
-spec is_before() -> boolean().
is_before() ->
    get(?OPEN) =/= undefined.

-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) ->
    {cowboy_stream:commands(), state()}.
init(Id, Req = #{version := Version}, Opts) ->
    _ = [put(?OPEN, open()) || Version =:= 'HTTP/1.1'],
    {Commands, Next} = cowboy_stream:init(Id, Req, Opts),
    case Version of
        'HTTP/1.1' ->
            _ = put(?OPEN, open() ++ [{Id, free}]),
            {Commands, {http1, Next}};
        _ ->
            {Commands, {other, Next}}
    end.

-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), state()) ->
    {cowboy_stream:commands(), state()}.
data(Id, IsFin, Data, {Version, Next0}) ->
    {Commands, Next} = cowboy_stream:data(Id, IsFin, Data, Next0),
    {Commands, {Version, Next}}.

-spec info(cowboy_stream:streamid(), term(), state()) -> {cowboy_stream:commands(), state()}.
info(Id, gwport_turn, State) ->
    pass(Id, {alarm, stream_buffer_full, off}, State);
info(_, {gwport_ping, Pid}, State) ->
    %% Who asks wants to know whether this process is stuck.
    Pid ! gwport_pong,
    {[], State};
info(_, gwport_reset, State) ->
    %% A request process cannot reset its stream before the head: Cowboy answers its end with 500.
    {[{internal_error, gwport_reset, 'The response was broken off.'}], State};
info(Id, Info = {data, _, _, _}, State = {http1, _}) ->
    {Commands1, State1} = hold(Id, open(), State),
    {Commands2, State2} = pass(Id, Info, State1),
    {Commands1 ++ Commands2, State2};
info(Id, Info, State0) ->
    Said = {Commands, State} = pass(Id, Info, State0),
    case State of
        {http1, _} -> held(Id, Commands, Said);
        _ -> Said
    end.

%% Data that did not come as a message, so its sender did not have to be told before.
held(Id, Commands, {_, State0} = Said) ->
    case lists:keymember(nofin, 2, Commands) of
        true ->
            {More, State} = hold(Id, open(), State0),
            {Commands ++ More, State};
        false ->
            Said
    end.

hold(Id, [{Id, _} | _], State) ->
    {[], State};
hold(Id, Open, State) ->
    case lists:keyfind(Id, 1, Open) of
        {Id, free} ->
            _ = put(?OPEN, lists:keyreplace(Id, 1, Open, {Id, held})),
            pass(Id, {alarm, stream_buffer_full, on}, State);
        _ ->
            {[], State}
    end.

pass(Id, Info, {Version, Next0}) ->
    {Commands, Next} = cowboy_stream:info(Id, Info, Next0),
    {Commands, {Version, Next}}.

-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), state()) -> term().
terminate(Id, Reason, {Version, Next}) ->
    _ = [close(lists:keydelete(Id, 1, open())) || Version =:= http1],
    cowboy_stream:terminate(Id, Reason, Next).

close([{Next, held} | Rest]) ->
    _ = put(?OPEN, [{Next, free} | Rest]),
    self() ! {{self(), Next}, gwport_turn};
close(Open) ->
    put(?OPEN, Open).

open() ->
    case get(?OPEN) of
        undefined -> [];
        Open -> Open
    end.

-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(),
    cowboy_stream:resp_command(), cowboy:opts()) -> cowboy_stream:resp_command().
early_error(Id, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(Id, Reason, PartialReq, Resp, Opts).
