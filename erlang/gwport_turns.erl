%% Whose turn it is on an HTTP/1.1 connection with more requests than one under way, for Cowboy
%% before 2.18. It runs pipelined requests at once, and what a later one answers waits in the
%% connection process until its turn, without limit, while its sender is told to go on.
%%
%% Here a stream that sends before its turn is held. That is a word to its stream handler, and its
%% turn is another; only one that is held is told of its turn, because Cowboy warns of every message
%% to a stream that has ended meanwhile.
%%
%% The open streams stand in the connection's process dictionary, lowest first.
%% @hidden
-module(gwport_turns).

-export([keep/0, are_kept/0, enter/1, is_idle/0, is_alone/1, is_next/1, is_held/1, leave/1]).

-define(OPEN, '$gwport_open_streams').

%% Called by the connection process, as all of this: from now on are_kept/0.
-spec keep() -> ok.
keep() ->
    _ = put(?OPEN, open()),
    ok.

-spec are_kept() -> boolean().
are_kept() ->
    get(?OPEN) =/= undefined.

-spec enter(cowboy_stream:streamid()) -> ok.
enter(Id) ->
    _ = put(?OPEN, open() ++ [{Id, free}]),
    ok.

%% Whether no stream is open.
-spec is_idle() -> boolean().
is_idle() ->
    open() =:= [].

%% Whether no other one is.
-spec is_alone(cowboy_stream:streamid()) -> boolean().
is_alone(Id) ->
    [Id] =:= [Open || {Open, _} <- open()].

%% Whether it is the stream's turn, as it always is where turns are not kept.
-spec is_next(cowboy_stream:streamid()) -> boolean().
is_next(Id) ->
    case open() of
        [{First, _} | _] -> First =:= Id;
        [] -> true
    end.

%% The stream sends a piece: whether this is its first before its turn, so that it is to be held.
%% When its turn comes it is sent {{self(), Id}, gwport_turn}.
-spec is_held(cowboy_stream:streamid()) -> boolean().
is_held(Id) ->
    is_held(Id, open()).

is_held(Id, [{Id, _} | _]) ->
    false;
is_held(Id, Open) ->
    case lists:keyfind(Id, 1, Open) of
        {Id, free} ->
            _ = put(?OPEN, lists:keyreplace(Id, 1, Open, {Id, held})),
            true;
        _ ->
            false
    end.

-spec leave(cowboy_stream:streamid()) -> ok.
leave(Id) ->
    next(lists:keydelete(Id, 1, open())).

next([{Id, held} | Rest]) ->
    _ = put(?OPEN, [{Id, free} | Rest]),
    self() ! {{self(), Id}, gwport_turn},
    ok;
next(Open) ->
    _ = put(?OPEN, Open),
    ok.

open() ->
    case get(?OPEN) of
        undefined -> [];
        Open -> Open
    end.
