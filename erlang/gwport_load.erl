%% What a port carries, in counters that everybody may read and few change: requests under way,
%% streams, and what is left of the response budget. They live as long as the port.
%%
%% `under_way` counts from the moment that a client turns to a port, and decides where the next one
%% goes; `streams` counts what is numbered, and is what `max_streams` bounds. A client adds itself
%% after its request is sent, so if it is killed in between the count is one too low for a while,
%% never too high for ever.
%% @hidden
-module(gwport_load).

-export([new/1, limit/2, under_way/1, max/1, has_room/1, has_place/2, is_scarce/1, share/1]).
-export([info/1]).
-export([arrive/1, left/1, enter/1, leave/2]).

-export_type([load/0]).

-record(load, {
    counters :: atomics:atomics_ref(),
    window :: non_neg_integer(),
    floor :: non_neg_integer(),
    peer_share :: 1..100
}).
-opaque load() :: #load{}.

-define(UNDER_WAY, 1).
-define(STREAMS, 2).
-define(BUDGET, 3).
-define(MAX_STREAMS, 4).
-define(SHARE, 5).

%% `window` is a stream's response window, `floor` what it gets when the budget is spent,
%% `peer_share` how many per cent of the streams may be one peer's.
-spec new(#{max_streams := pos_integer(), peer_share := 1..100, window := non_neg_integer(),
        floor := non_neg_integer(), budget := non_neg_integer()}) -> load().
new(#{max_streams := Max, peer_share := Share, window := Window, floor := Floor,
        budget := Budget}) ->
    Load = #load{counters = atomics:new(5, [{signed, true}]), window = Window, floor = Floor,
        peer_share = Share},
    atomics:put(Load#load.counters, ?BUDGET, Budget),
    put_max(Max, Load),
    Load.

put_max(Max, #load{counters = Counters, peer_share = Share}) ->
    atomics:put(Counters, ?MAX_STREAMS, Max),
    atomics:put(Counters, ?SHARE, (Max * Share + 99) div 100).

%% The program serves no more than Max streams; the smaller limit counts.
-spec limit(pos_integer(), load()) -> ok.
limit(Max, Load = #load{counters = Counters}) ->
    put_max(min(Max, atomics:get(Counters, ?MAX_STREAMS)), Load).

-spec under_way(load()) -> integer().
under_way(#load{counters = Counters}) ->
    atomics:get(Counters, ?UNDER_WAY).

%% How many streams there may be.
-spec max(load()) -> pos_integer().
max(#load{counters = Counters}) ->
    atomics:get(Counters, ?MAX_STREAMS).

-spec has_room(load()) -> boolean().
has_room(#load{counters = Counters}) ->
    atomics:get(Counters, ?UNDER_WAY) < atomics:get(Counters, ?MAX_STREAMS).

%% The same as the owner sees it, who knows of Pending requests that are no streams yet.
-spec has_place(Pending :: non_neg_integer(), load()) -> boolean().
has_place(Pending, Load = #load{counters = Counters}) ->
    has_room(Load) andalso
        atomics:get(Counters, ?STREAMS) + Pending < atomics:get(Counters, ?MAX_STREAMS).

%% How many requests under way may be one peer's.
-spec share(load()) -> pos_integer() | infinity.
share(#load{peer_share = 100}) -> infinity;
share(#load{counters = Counters}) -> atomics:get(Counters, ?SHARE).

%% Whether one peer may have its share: with fewer requests under way nobody has.
-spec is_scarce(load()) -> boolean().
is_scarce(Load) ->
    under_way(Load) >= share(Load).

%% A client has sent its request to the port.
-spec arrive(load()) -> ok.
arrive(#load{counters = Counters}) ->
    atomics:add(Counters, ?UNDER_WAY, 1).

%% A request that did not become a stream.
-spec left(load()) -> ok.
left(#load{counters = Counters}) ->
    atomics:sub(Counters, ?UNDER_WAY, 1).

%% A stream begins: its response window, out of the budget while that lasts.
-spec enter(load()) -> {ok, Window :: non_neg_integer()} | busy.
enter(Load = #load{counters = Counters}) ->
    case atomics:add_get(Counters, ?STREAMS, 1) > atomics:get(Counters, ?MAX_STREAMS) of
        true ->
            atomics:sub(Counters, ?STREAMS, 1),
            busy;
        false ->
            {ok, window(Load)}
    end.

%% Floors are not part of the budget: the worst case is budget + max_streams * floor.
window(#load{window = Window, floor = Floor}) when Window =< Floor ->
    Window;
window(#load{counters = Counters, window = Window, floor = Floor}) ->
    case atomics:sub_get(Counters, ?BUDGET, Window) of
        Left when Left >= 0 ->
            Window;
        _ ->
            atomics:add(Counters, ?BUDGET, Window),
            Floor
    end.

%% A stream that was given Window is closed.
-spec leave(Window :: non_neg_integer(), load()) -> ok.
leave(Given, Load = #load{counters = Counters}) ->
    refund(Given, Load),
    atomics:sub(Counters, ?UNDER_WAY, 1),
    atomics:sub(Counters, ?STREAMS, 1).

refund(Given, #load{counters = Counters, window = Given, floor = Floor}) when Given > Floor ->
    atomics:add(Counters, ?BUDGET, Given);
refund(_, _) ->
    ok.

-spec info(load()) -> #{under_way := integer(), streams := integer(), budget_left := integer()}.
info(#load{counters = Counters}) ->
    #{under_way => atomics:get(Counters, ?UNDER_WAY),
        streams => atomics:get(Counters, ?STREAMS),
        budget_left => atomics:get(Counters, ?BUDGET)}.
