%% What the Erlang handlers do for a request, without HTTP: the counterpart of the Go handlers.
-module(bench_work).

-export([plan/3, calibrate/0, burn/1, burn_for/1, do_for/2, block/0, type/0, headers/2, file_size/1]).

-include_lib("kernel/include/file.hrl").

%% Bodies are generated out of this.
-define(BLOCK, 65536).

%% What is to be answered: the two Erlang contestants differ only in how they say it to Cowboy.
plan(<<"/hello">>, _, _) ->
    {reply, #{}, <<"Hello, world!\n">>};
plan(<<"/headers">>, _, #{headers := #{<<"x-bench-20">> := Value}}) ->
    {reply, headers(8, Value), <<"ok\n">>};
plan(<<"/fields">>, Qs, _) ->
    {reply, headers(integer(<<"n">>, Qs), <<"value-of-a-usual-length">>), <<"ok\n">>};
plan(<<"/gen">>, Qs, _) ->
    {generate, integer(<<"bytes">>, Qs)};
plan(<<"/file/", Name/binary>>, _, _) ->
    {file, Name};
plan(<<"/upload">>, _, _) ->
    upload;
plan(<<"/json">>, _, _) ->
    json;
plan(<<"/burn">>, _, _) ->
    burn;
plan(<<"/burnfor">>, Qs, _) ->
    {burn_for, integer(<<"ms">>, Qs)};
plan(<<"/drip">>, Qs, _) ->
    {drip, integer(<<"ms">>, Qs)};
plan(<<"/log">>, Qs, _) ->
    {log, integer(<<"ms">>, Qs)};
plan(<<"/sleep">>, Qs, _) ->
    {sleep, integer(<<"ms">>, Qs)};
plan(<<"/sse">>, _, _) ->
    sse.

integer(Key, Qs) ->
    {_, Value} = lists:keyfind(Key, 1, cow_qs:parse_qs(Qs)),
    binary_to_integer(Value).

headers(Count, Value) ->
    maps:from_list([{<<"x-reply-", (integer_to_binary(N))/binary>>, Value}
        || N <- lists:seq(1, Count)]).

type() -> <<"text/plain; charset=utf-8">>.

%% A literal, shared by all processes and never copied.
block() ->
    case persistent_term:get(?MODULE, undefined) of
        undefined ->
            Block = binary:copy(<<"0123456789abcde\n">>, ?BLOCK div 16),
            persistent_term:put(?MODULE, Block),
            Block;
        Block ->
            Block
    end.

%% Without a detour by the file server, which is one process for all.
file_size(Path) ->
    {ok, #file_info{size = Size}} = file:read_file_info(Path, [raw, {time, posix}]),
    Size.

%% How many turns take a millisecond here: the fastest of some tries, before there is any load.
calibrate() ->
    Turns = 1000000,
    Fastest = lists:min([Time || _ <- lists:seq(1, 20),
        {Time, _} <- [timer:tc(fun() -> spin(Turns, 1) end)]]),
    Turns * 1000 div max(1, Fastest).

burn(Turns) ->
    spin(Turns, 1).

spin(0, X) -> X;
spin(N, X) -> spin(N - 1, (X * 75 + 74) band 65535).

burn_for(Ms) ->
    do_for(Ms, fun() -> spin(10000, 1) end).

%% The same again and again for so long.
do_for(Ms, Fun) ->
    do_until(erlang:monotonic_time(millisecond) + Ms, Fun).

do_until(End, Fun) ->
    _ = Fun(),
    case erlang:monotonic_time(millisecond) < End of
        true -> do_until(End, Fun);
        false -> ok
    end.
