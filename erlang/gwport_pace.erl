%% How fast a client has to send the body of its request, as a pure state machine. Time counts only
%% while the program has room for bytes that have not come: a handler that reads slowly is no fault
%% of its client. Each byte that comes makes up for its share of a second.
%% @hidden
-module(gwport_pace).

-export([none/0, new/3, awaited/2, came/3, rest/2, due/1, look/2]).

-export_type([pace/0]).

-type limits() :: #{
    %% Bytes a second, 0 for none; and by how many milliseconds a client may fall behind that.
    min_body_rate := non_neg_integer(), body_grace := pos_integer(),
    _ => _
}.

-record(pace, {
    rate :: pos_integer(),
    grace :: pos_integer(),
    %% Milliseconds that may still pass, and since when they do.
    left :: integer(),
    since = none :: none | integer(),
    %% When to look at it.
    due :: integer() | infinity
}).
-opaque pace() :: #pace{} | none.

%% Of what has no rate.
-spec none() -> pace().
none() ->
    none.

%% Nothing is awaited yet. It is looked at once all the same: whoever sets a timer at the beginning
%% alone hears then of what has been awaited since.
-spec new(HasBody :: boolean(), limits(), Now :: integer()) -> pace().
new(false, _, _) ->
    none;
new(true, #{min_body_rate := 0}, _) ->
    none;
new(true, #{min_body_rate := Rate, body_grace := Grace}, Now) ->
    #pace{rate = Rate, grace = Grace, left = Grace, due = Now + Grace}.

%% The program has room for bytes, and the client has not sent them yet.
-spec awaited(Now :: integer(), pace()) -> pace().
awaited(Now, Pace = #pace{since = none, left = Left}) ->
    Pace#pace{since = Now, due = Now + Left};
awaited(_, Pace) ->
    Pace.

%% So many have come.
-spec came(non_neg_integer(), Now :: integer(), pace()) -> pace().
came(_, _, none) ->
    none;
came(Bytes, Now, Pace = #pace{rate = Rate, grace = Grace, left = Left}) ->
    Pace#pace{left = min(Grace, Left - passed(Now, Pace) + Bytes * 1000 div Rate),
        since = none, due = infinity}.

%% It has none for now.
-spec rest(Now :: integer(), pace()) -> pace().
rest(Now, Pace) ->
    came(0, Now, Pace).

passed(_, #pace{since = none}) -> 0;
passed(Now, #pace{since = Since}) -> Now - Since.

-spec due(pace()) -> integer() | infinity.
due(none) -> infinity;
due(#pace{due = Due}) -> Due.

%% What has become of it when time has passed.
-spec look(Now :: integer(), pace()) -> {ok, pace()} | slow.
look(Now, #pace{since = Since, due = Due}) when Since =/= none, Due =< Now -> slow;
look(Now, Pace = #pace{due = Due}) when Due =< Now -> {ok, Pace#pace{due = infinity}};
look(_, Pace) -> {ok, Pace}.
