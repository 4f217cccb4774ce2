%% The lines of a crash, which are one event in the log: Go's runtime writes a trace of many lines
%% and no sign of its end. A crash is over when nothing has come for a while. One that lasts was
%% none, and its program goes on. The panics that programs catch and print are the same, but that they
%% are over soon: others go on talking. Times are monotonic milliseconds; there is no clock in here.
%% @hidden
-module(gwport_log_crash).

-export([new/3, fatal/1, takes/2, add/3, left/2, close/1, is_closed/1, lines/1, count/1]).

-export_type([crash/0]).

%% The lines in reverse, how many and how large; when the first and the last came. One that is over
%% may wait for the budget.
-record(crash, {
    lines :: [binary()],
    count = 1 :: pos_integer(),
    bytes :: non_neg_integer(),
    first :: integer(),
    last :: integer(),
    closed = false :: boolean(),
    kind :: fatal | recovered
}).
-opaque crash() :: #crash{}.

%% What is logged of one crash; the rest of it is discarded.
-define(MAX_LINES, 2000).
-define(MAX_BYTES, 262144).
%% How long nothing comes behind a crash, and how long one may last.
-define(SILENCE, 1000).
-define(TIME, 5000).
%% The same of a panic that was caught, which is written at once.
-define(RECOVERED_SILENCE, 50).
-define(RECOVERED_TIME, 1000).

-spec new(fatal | recovered, Line :: binary(), Now :: integer()) -> crash().
new(Kind, Line, Now) ->
    #crash{kind = Kind, lines = [Line], bytes = byte_size(Line), first = Now, last = Now}.

%% The program dies while a panic that it has caught is written.
-spec fatal(crash()) -> crash().
fatal(Crash) ->
    Crash#crash{kind = fatal}.

%% `full`: the line does not go with the crash any more, and is to be discarded.
-spec add(Line :: binary(), Now :: integer(), crash()) -> {added | full, crash()}.
add(Line, Now, Crash = #crash{lines = Lines, count = Count, bytes = Bytes}) ->
    case takes(Line, Crash) of
        true -> {added, Crash#crash{lines = [Line | Lines], count = Count + 1,
            bytes = Bytes + byte_size(Line), last = Now}};
        false -> {full, Crash#crash{last = Now}}
    end.

%% Whether the line goes with the crash: it is not over, and has room.
-spec takes(Line :: binary(), crash()) -> boolean().
takes(Line, #crash{closed = IsClosed, count = Count, bytes = Bytes}) ->
    not IsClosed andalso Count < ?MAX_LINES andalso Bytes + byte_size(Line) =< ?MAX_BYTES.

%% Milliseconds until it can be over, at the earliest; 0 or less: it is.
-spec left(Now :: integer(), crash()) -> integer().
left(Now, #crash{kind = fatal, first = First, last = Last}) ->
    min(Last + ?SILENCE, First + ?TIME) - Now;
left(Now, #crash{kind = recovered, first = First, last = Last}) ->
    min(Last + ?RECOVERED_SILENCE, First + ?RECOVERED_TIME) - Now.

%% It is over.
-spec close(crash()) -> crash().
close(Crash) ->
    Crash#crash{closed = true}.

-spec is_closed(crash()) -> boolean().
is_closed(#crash{closed = Closed}) ->
    Closed.

%% In order.
-spec lines(crash()) -> [binary()].
lines(#crash{lines = Lines}) ->
    lists:reverse(Lines).

-spec count(crash()) -> pos_integer().
count(#crash{count = Count}) ->
    Count.
