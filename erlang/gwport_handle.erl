%% What a client has of a port: how it speaks to the port's owner, and what it needs to know of the
%% program. It is read from the pool's table by every request.
%% @hidden
-module(gwport_handle).

-export([new/4, alone/1, open/5, accept/6, decline/2, look/1, claim/2]).
-export([send/4, consumed/3, taken/3, abort/3, leave/2]).
-export([has_app/2, apps/1, max_head/1, files/1, is_dev/1, under_way/1, has_room/1, watch/1]).

-export_type([handle/0, request/0]).

-record(handle, {
    owner :: pid(),
    watch :: gwport_watch:watch(),
    load :: gwport_load:load() | none,
    %% How many requests each peer has there.
    shares :: gwport_share:counts() | none,
    max_head :: pos_integer(),
    apps :: [binary()],
    %% Whose files may be part of responses.
    files :: OsPid :: pos_integer() | none,
    %% Whether its pool is one of development.
    is_dev :: boolean()
}).
-opaque handle() :: #handle{}.

%% The encoded Request of SPEC.md, section 6, without a version byte, and what is to be known of it.
-type request() :: {iodata(), Body :: none | now | continue | upgrade | connect,
    IsIdempotent :: boolean()}.

%% Called by the owner, when the program has greeted.
-spec new(gwport_watch:watch(), gwport_load:load(), gwport_share:counts(), Program) ->
    handle() when
    Program :: #{max_head := pos_integer(), apps := [binary()], files := pos_integer() | none,
        dev := boolean()}.
new(Watch, Load, Shares, #{max_head := MaxHead, apps := Apps, files := Files, dev := Dev}) ->
    #handle{owner = self(), watch = Watch, load = Load, shares = Shares, max_head = MaxHead,
        apps = Apps, files = Files, is_dev = Dev}.

%% Of an owner that has one stream alone, and has it from its beginning: its client sends to it,
%% aborts and leaves as with any other.
-spec alone(Owner :: pid()) -> handle().
alone(Owner) ->
    #handle{owner = Owner, watch = gwport_watch:alone(Owner), load = none, shares = none,
        max_head = 1, apps = [], files = none, is_dev = false}.

%% Opens a stream whose client is the calling process. Events come as {Tag, {gwport, Event}}; the
%% owner's death is {port_down, true, _} like any other end of the port. Call leave/2 when done. A
%% process that has one stream in its life says `ref`: Tag is the stream's reference then. Due is as
%% for gwport_watch:join/3. Peer is on whose behalf, by its address: `busy` where places are scarce
%% and it has its share, which the owner may also say.
-spec open(handle(), request(), Tag :: ref | term(), Due :: integer() | infinity,
    Peer :: binary() | none) -> {ok, reference()} | {error, not_entered | busy}.
open(Handle, Request, Tag, Due, Peer) ->
    case has_share(Peer, Handle) of
        true -> entering(Handle, Request, Tag, Due, Peer);
        false -> {error, busy}
    end.

has_share(none, _) ->
    true;
has_share(Peer, #handle{shares = Shares, load = Load}) ->
    not gwport_load:is_scarce(Load)
        orelse gwport_share:count(Peer, Shares) < gwport_load:share(Load).

entering(Handle = #handle{owner = Owner, watch = Watch, load = Load}, Request, Tag, Due, Peer) ->
    Ref = erlang:alias(),
    {Stay, To} = case Tag of ref -> {once, {Ref, Ref}}; _ -> {stays, {Ref, Tag}} end,
    case gwport_watch:join(To, Due, Watch) of
        ok ->
            Owner ! {open, {{self(), Ref, To}, Stay, Request, Peer}},
            gwport_load:arrive(Load),
            {ok, Ref};
        gone ->
            leave(Handle, Ref),
            {error, not_entered}
    end.

%% The same for a place that the owner has offered to Ref, an alias (gwport_queue); it has counted
%% the request already.
-spec accept(handle(), reference(), request(), Tag :: term(), Due :: integer() | infinity,
    Peer :: binary() | none) -> {ok, reference()} | {error, not_entered | busy}.
accept(Handle, Ref, Request, Tag, Due, Peer) ->
    case has_share(Peer, Handle) of
        true -> accepting(Handle, Ref, Request, Tag, Due, Peer);
        false -> {error, busy}
    end.

accepting(Handle = #handle{owner = Owner, watch = Watch}, Ref, Request, Tag, Due, Peer) ->
    To = {Ref, Tag},
    case gwport_watch:join(To, Due, Watch) of
        ok ->
            Owner ! {accept, {{self(), Ref, To}, stays, Request, Peer}},
            {ok, Ref};
        gone ->
            leave(Handle, Ref),
            {error, not_entered}
    end.

%% Somebody else may have the place.
-spec decline(handle(), reference()) -> ok.
decline(#handle{owner = Owner}, Ref) ->
    Owner ! {decline, Ref},
    ok.

%% The owner looks whether it has a place for somebody who waits.
-spec look(handle()) -> ok.
look(#handle{owner = Owner}) ->
    Owner ! look,
    ok.

%% Makes the calling process the client of a stream that its program has taken over, whose client
%% has been another, or this one under another name. Its events come as {Ref, {gwport, Event}}. It
%% waits for the port's owner, which waits for nobody. `gone`: the stream has ended meanwhile, by
%% that event.
-spec claim(handle(), gwport_clients:name()) -> {ok, reference()} | {gone, gwport_mux:event()}.
claim(Handle = #handle{owner = Owner, watch = Watch}, Name) ->
    Ref = erlang:alias(),
    case gwport_watch:join({Ref, Ref}, infinity, Watch) of
        ok ->
            Owner ! {claim, Name, {self(), Ref, {Ref, Ref}}},
            receive
                {Ref, {gwport, claimed}} -> {ok, Ref};
                {Ref, {gwport, Event}} -> left(Handle, Ref, Event)
            end;
        gone ->
            left(Handle, Ref, {port_down, true, owner_down})
    end.

left(Handle, Ref, Event) ->
    leave(Handle, Ref),
    {gone, Event}.

%% Nothing more comes of the stream; what stands in the mailbox already is the caller's.
-spec leave(handle(), reference()) -> ok.
leave(#handle{}, Ref) ->
    _ = erlang:unalias(Ref),
    ok.

%% A chunk (iodata, at most 65,536 bytes and within credit), fin or trailers.
-spec send(handle(), reference(), chunk | fin | trailers, iodata() | list()) -> ok.
send(#handle{owner = Owner}, Ref, Kind, Data) ->
    Owner ! {send, {self(), Ref}, Kind, Data},
    ok.

%% The client has taken so many bytes.
-spec consumed(handle(), reference(), non_neg_integer()) -> ok.
consumed(#handle{owner = Owner}, Ref, Bytes) ->
    Owner ! {consumed, {self(), Ref}, Bytes},
    ok.

%% The client is through with a file, and so many bytes of it have gone.
-spec taken(handle(), reference(), non_neg_integer()) -> ok.
taken(#handle{owner = Owner}, Ref, Bytes) ->
    Owner ! {taken, {self(), Ref}, Bytes},
    ok.

-spec abort(handle(), reference(), {gwport_frame:code(), binary()}) -> ok.
abort(#handle{owner = Owner}, Ref, {Code, Text}) ->
    Owner ! {abort, {self(), Ref}, Code, Text},
    ok.

-spec has_app(binary(), handle()) -> boolean().
has_app(<<>>, #handle{apps = []}) -> true;
has_app(App, #handle{apps = Apps}) -> lists:member(App, Apps).

-spec apps(handle()) -> [binary()].
apps(#handle{apps = Apps}) -> Apps.

-spec max_head(handle()) -> pos_integer().
max_head(#handle{max_head = MaxHead}) -> MaxHead.

-spec files(handle()) -> OsPid :: pos_integer() | none.
files(#handle{files = Files}) -> Files.

-spec watch(handle()) -> gwport_watch:watch().
watch(#handle{watch = Watch}) -> Watch.

%% Whether its pool is one of development.
-spec is_dev(handle()) -> boolean().
is_dev(#handle{is_dev = IsDev}) -> IsDev.

-spec under_way(handle()) -> integer().
under_way(#handle{load = Load}) -> gwport_load:under_way(Load).

-spec has_room(handle()) -> boolean().
has_room(#handle{load = Load}) -> gwport_load:has_room(Load).
