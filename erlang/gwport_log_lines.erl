%% The last lines of each pool's programs that have gone to the log, for gwport_status_page. So many
%% are kept, each up to a length; a line costs two writes to a table, and nobody waits for it.
%%
%% The rows are {Pool, Number of its last line} and {{Pool, Place}, Number, line()}. Without the
%% application nothing is kept.
%% @hidden
-module(gwport_log_lines).

-export([create/0, open/1, close/1, add/3, since/2]).

-export_type([line/0]).

-type line() :: #{
    %% Of the system, in milliseconds.
    time := integer(),
    level := logger:level(),
    os_pid := pos_integer() | undefined,
    text := binary()
}.

%% Of a pool; and bytes of a line.
-define(LINES, 100).
-define(MAX_TEXT, 4096).

%% Called by the application's supervisor, which owns the table.
-spec create() -> ok.
create() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {write_concurrency, true}]),
    ok.

%% Called by the keeper of a pool. Of one that was killed the lines stay.
-spec open(Pool :: atom()) -> ok.
open(Pool) ->
    alive(ok, fun() ->
        _ = ets:insert_new(?MODULE, {Pool, 0}),
        ok
    end).

%% What is said of the pool behind that is not kept.
-spec close(Pool :: atom()) -> ok.
close(Pool) ->
    alive(ok, fun() ->
        true = ets:delete(?MODULE, Pool),
        true = ets:match_delete(?MODULE, {{Pool, '_'}, '_', '_'}),
        ok
    end).

%% Called in the process that logs the line, and whose events name the program.
-spec add(Pool :: atom(), logger:level(), Text :: iodata()) -> ok.
add(Pool, Level, Text) ->
    alive(ok, fun() ->
        Number = ets:update_counter(?MODULE, Pool, 1),
        Line = #{time => erlang:system_time(millisecond), level => Level, os_pid => os_pid(),
            text => cut(iolist_to_binary(Text))},
        true = ets:insert(?MODULE, {{Pool, Number rem ?LINES}, Number, Line}),
        ok
    end).

os_pid() ->
    case logger:get_process_metadata() of
        #{os_pid := OsPid} -> OsPid;
        _ -> undefined
    end.

%% A copy, lest a short line keep all that came with it. None ends inside a character.
cut(Text) when byte_size(Text) =< ?MAX_TEXT ->
    binary:copy(Text);
cut(Text) ->
    <<(binary:part(Text, 0, boundary(Text, ?MAX_TEXT)))/binary, "...">>.

boundary(Text, At) ->
    case binary:at(Text, At) band 16#c0 of
        16#80 when At > 0 -> boundary(Text, At - 1);
        _ -> At
    end.

%% Lines behind the one with that number, the first one first, and the number of the last. A pool
%% that was started anew begins at 1 again.
-spec since(Number :: non_neg_integer(), Pool :: atom()) -> {non_neg_integer(), [line()]}.
since(After, Pool) ->
    alive({0, []}, fun() ->
        case ets:lookup(?MODULE, Pool) of
            [{_, Last}] when Last < After -> read(0, Last, Pool, []);
            [{_, Last}] -> read(max(After, Last - ?LINES), Last, Pool, []);
            [] -> {0, []}
        end
    end).

read(Last, Last, _, Lines) ->
    {Last, lists:reverse(Lines)};
read(Before, Last, Pool, Lines) ->
    Number = Before + 1,
    case ets:lookup(?MODULE, {Pool, Number rem ?LINES}) of
        [{_, Number, Line}] -> read(Number, Last, Pool, [Line | Lines]);
        %% Another one has taken its place by now.
        [{_, Later, _}] when Later > Number -> read(Number, Last, Pool, Lines);
        %% It has its number, and is about to be written.
        _ -> {Before, lists:reverse(Lines)}
    end.

alive(Otherwise, Fun) ->
    try Fun()
    catch error:badarg -> Otherwise
    end.
