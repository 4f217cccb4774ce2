%% How many bytes of bodies one half of a stream may still carry (SPEC.md, 7.4). Its sender is
%% granted more, and spends; its receiver sees it spent, and grants what was taken again, when
%% that is half the window.
%% @hidden
-module(gwport_credit).

-export([new/1, left/1, window/1, spend/2, grant/2, taken/2, withdrawn/1, renewed/1]).

-export_type([credit/0]).

-record(credit, {
    %% What was given at the start.
    window :: non_neg_integer(),
    left :: non_neg_integer(),
    %% Spent, taken by whom it is for, and not granted again.
    taken = 0 :: non_neg_integer()
}).
-opaque credit() :: #credit{}.

-define(MAX_CREDIT, 2147483647).

-spec new(Window :: non_neg_integer()) -> credit().
new(Window) ->
    #credit{window = Window, left = Window}.

-spec left(credit()) -> non_neg_integer().
left(#credit{left = Left}) ->
    Left.

-spec window(credit()) -> non_neg_integer().
window(#credit{window = Window}) ->
    Window.

%% All of it is taken back, until renewed/1 gives the window anew.
-spec withdrawn(credit()) -> credit().
withdrawn(Credit) ->
    Credit#credit{left = 0, taken = 0}.

-spec renewed(credit()) -> credit().
renewed(Credit = #credit{window = Window}) ->
    Credit#credit{left = Window}.

-spec spend(non_neg_integer(), credit()) -> {ok, credit()} | error.
spend(Bytes, Credit = #credit{left = Left}) when Bytes =< Left ->
    {ok, Credit#credit{left = Left - Bytes}};
spend(_, _) ->
    error.

%% The sender hears of more. There is a sum that it never has.
-spec grant(integer(), credit()) -> {ok, credit()} | error.
grant(Grant, Credit = #credit{left = Left}) when Grant >= 1, Grant + Left =< ?MAX_CREDIT ->
    {ok, Credit#credit{left = Left + Grant}};
grant(_, _) ->
    error.

%% The receiver's bytes were taken: what is to be granted now, 0 for nothing.
-spec taken(non_neg_integer(), credit()) -> {Grant :: non_neg_integer(), credit()}.
taken(Bytes, Credit = #credit{taken = Before, window = Window, left = Left}) ->
    case Before + Bytes of
        Free when Free > 0, 2 * Free >= Window ->
            {Free, Credit#credit{taken = 0, left = Left + Free}};
        Free ->
            {0, Credit#credit{taken = Free}}
    end.
