%% A Cowboy stream handler that bounds what HTTP/1.1 pipelining may queue, for Cowboy before 2.18:
%%
%%     stream_handlers => [gwport_pipeline_h, cowboy_stream_h]
%%
%% Before 2.18 pipelined requests run at once, and what a later one answers waits in the connection
%% process until its turn, while its sender is told to go on. Here a stream whose turn has not come
%% sees the alarm that Cowboy's HTTP/2 raises when its buffer is full, which holds the sender after one
%% piece; the alarm ends when the streams before it have.
%%
%% A connection's open streams stand in its process dictionary, lowest first.
-module(gwport_pipeline_h).
-behaviour(cowboy_stream).

-export([init/3, data/4, info/3, terminate/3, early_error/5]).

-define(OPEN, '$gwport_open_streams').

-spec init(cowboy_stream:streamid(), cowboy_req:req(), cowboy:opts()) ->
    {cowboy_stream:commands(), {http1 | other, term()}}.
init(Id, Req = #{version := 'HTTP/1.1'}, Opts) ->
    Open = open(),
    put(?OPEN, Open ++ [Id]),
    {Commands, Next} = cowboy_stream:init(Id, Req, Opts),
    hold(Open, Id, Commands, Next);
init(Id, Req, Opts) ->
    {Commands, Next} = cowboy_stream:init(Id, Req, Opts),
    {Commands, {other, Next}}.

hold([], _, Commands, Next) ->
    {Commands, {http1, Next}};
hold([_ | _], Id, Commands, Next0) ->
    {More, Next} = cowboy_stream:info(Id, {alarm, stream_buffer_full, on}, Next0),
    {Commands ++ More, {http1, Next}}.

-spec data(cowboy_stream:streamid(), cowboy_stream:fin(), binary(), State) ->
    {cowboy_stream:commands(), State} when State :: {http1 | other, term()}.
data(Id, IsFin, Data, {Version, Next0}) ->
    {Commands, Next} = cowboy_stream:data(Id, IsFin, Data, Next0),
    {Commands, {Version, Next}}.

-spec info(cowboy_stream:streamid(), term(), State) ->
    {cowboy_stream:commands(), State} when State :: {http1 | other, term()}.
info(Id, gwport_turn, State) ->
    info(Id, {alarm, stream_buffer_full, off}, State);
info(Id, Info, {Version, Next0}) ->
    {Commands, Next} = cowboy_stream:info(Id, Info, Next0),
    {Commands, {Version, Next}}.

-spec terminate(cowboy_stream:streamid(), cowboy_stream:reason(), {http1 | other, term()}) -> term().
terminate(Id, Reason, {Version, Next}) ->
    _ = [close(Id, open()) || Version =:= http1],
    cowboy_stream:terminate(Id, Reason, Next).

close(Id, [Id, Next | Rest]) ->
    put(?OPEN, [Next | Rest]),
    self() ! {{self(), Next}, gwport_turn};
close(Id, Open) ->
    put(?OPEN, lists:delete(Id, Open)).

open() ->
    case get(?OPEN) of
        undefined -> [];
        Open -> Open
    end.

-spec early_error(cowboy_stream:streamid(), cowboy_stream:reason(), cowboy_stream:partial_req(),
    cowboy_stream:resp_command(), cowboy:opts()) -> cowboy_stream:resp_command().
early_error(Id, Reason, PartialReq, Resp, Opts) ->
    cowboy_stream:early_error(Id, Reason, PartialReq, Resp, Opts).
