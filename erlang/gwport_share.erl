%% How many requests each peer has in a port. It is its owner's, who alone counts, what it has heard
%% of and has not seen the end of, and so no client that is killed is left counted. Who is about to
%% send a request may look at the counts; what is on its way then is seen by the owner.
%% @hidden
-module(gwport_share).

-export([new/0, counts/1, is_empty/1, came/4, went/2, moved/3, count/2]).

-export_type([shares/0, counts/0]).

-record(shares, {
    %% {Peer, Count} for each that has requests.
    counts :: ets:tid(),
    %% Whose each of them is.
    peers = #{} :: #{reference() => binary()}
}).
-opaque shares() :: #shares{}.
-opaque counts() :: ets:tid().

-spec new() -> shares().
new() ->
    #shares{counts = ets:new(?MODULE, [protected, {read_concurrency, true}])}.

%% For others, to look at.
-spec counts(shares()) -> counts().
counts(#shares{counts = Counts}) ->
    Counts.

%% Whether there is nothing to be counted out.
-spec is_empty(shares()) -> boolean().
is_empty(#shares{peers = Peers}) ->
    map_size(Peers) =:= 0.

%% A request of a peer's, which may have Max of them.
-spec came(reference(), Peer :: binary(), Max :: pos_integer() | infinity, shares()) ->
    {ok, shares()} | full.
came(Ref, Peer, Max, Shares = #shares{counts = Counts, peers = Peers}) ->
    case ets:update_counter(Counts, Peer, 1, {Peer, 0}) of
        Count when Count > Max -> left(Peer, Shares), full;
        _ -> {ok, Shares#shares{peers = Peers#{Ref => Peer}}}
    end.

%% It is over, or has never come.
-spec went(reference(), shares()) -> shares().
went(Ref, Shares = #shares{peers = Peers}) ->
    case maps:take(Ref, Peers) of
        {Peer, Rest} -> left(Peer, Shares), Shares#shares{peers = Rest};
        error -> Shares
    end.

left(Peer, #shares{counts = Counts}) ->
    case ets:update_counter(Counts, Peer, -1) of
        0 -> true = ets:delete(Counts, Peer);
        _ -> true
    end.

%% It goes on under another name.
-spec moved(Old :: reference(), New :: reference(), shares()) -> shares().
moved(Old, New, Shares = #shares{peers = Peers}) ->
    case maps:take(Old, Peers) of
        {Peer, Rest} -> Shares#shares{peers = Rest#{New => Peer}};
        error -> Shares
    end.

%% Zero where the owner has ended.
-spec count(Peer :: binary(), counts()) -> non_neg_integer().
count(Peer, Counts) ->
    try ets:lookup(Counts, Peer) of
        [{_, Count}] -> Count;
        [] -> 0
    catch
        error:badarg -> 0
    end.
