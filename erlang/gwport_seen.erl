%% What is kept of a node's listeners and mounts while the application runs, and what has been said
%% of them in the log, where a word for each request would be too many.
%%
%% It is a table: a persistent term would suspend a connection process while anybody changes another
%% one. Without the application nothing is kept, and nobody is told; nor is beyond ?MOST entries,
%% which gwport:request/3 with ever new names of apps would come to.
%% @hidden
-module(gwport_seen).

-export([create/0, find/1, is_first/1, is_first/2]).

-define(MOST, 10000).

%% Called by the application's supervisor, which owns the table.
-spec create() -> ok.
create() ->
    ?MODULE = ets:new(?MODULE, [named_table, public, {read_concurrency, true}]),
    ok.

-spec find(Key :: term()) -> {ok, Value :: term()} | none.
find(Key) ->
    try ets:lookup(?MODULE, Key) of
        [{_, Value}] -> {ok, Value};
        [] -> none
    catch
        error:badarg -> none
    end.

%% Whether the caller is the first to see it, and so has to say it.
-spec is_first(Key :: term()) -> boolean().
is_first(Key) ->
    is_first(Key, true).

%% The same, and what is to be found.
-spec is_first(Key :: term(), Value :: term()) -> boolean().
is_first(Key, Value) ->
    try
        not ets:member(?MODULE, Key) andalso ets:info(?MODULE, size) < ?MOST
            andalso ets:insert_new(?MODULE, {Key, Value})
    catch
        error:badarg -> false
    end.
