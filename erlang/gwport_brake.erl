%% How far a program may write ahead of its port's owner, who has no other way to read no faster than
%% it handles: the BEAM reads what a program writes, and lays it into the owner's mailbox. So a
%% program that is too far ahead is stopped, as by SIGSTOP, until most of that is handled; one that
%% goes on all the same, because the signal does not reach all that write, is over.
%%
%% It is state of the owner's, who asks at each read. What is ahead is what the port has read and the
%% owner has not had, and something for each message, since a small one takes more than its bytes.
%% @hidden
-module(gwport_brake).

-export([new/0, limit/0, is_held/1, took/2, looked/2, ahead/2]).

-export_type([brake/0]).

-record(brake, {
    taken = 0 :: non_neg_integer(),
    %% Since it was last looked how much is ahead.
    unseen = 0 :: non_neg_integer(),
    is_held = false :: boolean()
}).
-opaque brake() :: #brake{}.

%% Bytes ahead at which the program is stopped, goes on, and is over.
-define(HOLD, 16777216).
-define(GO_ON, 4194304).
-define(OVER, 268435456).
%% What a message takes besides its bytes, about.
-define(MESSAGE, 256).
%% To look takes half a microsecond: it is done when so much has been taken.
-define(LOOK, 262144).

-spec new() -> brake().
new() ->
    #brake{}.

%% What a program has written at most when it is over.
-spec limit() -> pos_integer().
limit() -> ?OVER.

-spec is_held(brake()) -> boolean().
is_held(#brake{is_held = IsHeld}) -> IsHeld.

%% The owner has so many bytes from its mailbox. Now and then it is to look how many are ahead.
-spec took(non_neg_integer(), brake()) -> {ok, brake()} | {look, Taken :: pos_integer(), brake()}.
took(Size, Brake = #brake{taken = Before, unseen = Unseen0, is_held = IsHeld}) ->
    Taken = Before + Size,
    case Unseen0 + Size + ?MESSAGE of
        Unseen when Unseen < ?LOOK, not IsHeld ->
            {ok, Brake#brake{taken = Taken, unseen = Unseen}};
        _ ->
            {look, Taken, Brake#brake{taken = Taken, unseen = 0}}
    end.

%% So many are.
-spec looked(Ahead :: non_neg_integer(), brake()) -> {ok | hold | go_on | over, brake()}.
looked(Ahead, Brake) when Ahead >= ?OVER -> {over, Brake};
looked(Ahead, Brake = #brake{is_held = false}) when Ahead >= ?HOLD ->
    {hold, Brake#brake{is_held = true}};
looked(Ahead, Brake = #brake{is_held = true}) when Ahead < ?GO_ON ->
    {go_on, Brake#brake{is_held = false}};
looked(_, Brake) ->
    {ok, Brake}.

%% Called by the owner of the port, who has had so many of its bytes.
-spec ahead(Taken :: non_neg_integer(), port()) -> non_neg_integer().
ahead(Taken, Port) ->
    {message_queue_len, Messages} = process_info(self(), message_queue_len),
    case erlang:port_info(Port, input) of
        {input, Input} -> max(0, Input - Taken) + ?MESSAGE * Messages;
        undefined -> 0
    end.
