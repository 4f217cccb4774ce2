%% Kept-alive connections to a Go server, as a proxy keeps them: Idle of them for ever, and as many
%% more as requests need at once, until nobody has wanted them for LINGER ms. Nothing is pipelined
%% behind a slow response, and a burst does not open a connection for each request.
%%
%% Taking and giving back are ETS operations in the request's own process, the last that was given
%% back first. The process here only opens connections, since gun ends a connection with the process
%% that opened it, and closes those that linger.
-module(bench_gun_pool).
-behaviour(gen_server).

-export([start/2, take/1, give/2, drop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

%% As long as net/http's client keeps an idle connection.
-define(LINGER, 90000).

start(Upstream, Idle) ->
    {ok, Opener} = gen_server:start(?MODULE, {Upstream, Idle}, []),
    Pool = gen_server:call(Opener, pool),
    _ = [give(Connection, Pool) || Connection <- [open(Pool) || _ <- lists:seq(1, Idle)]],
    Pool.

take(Pool = #{table := Table}) ->
    case ets:last(Table) of
        '$end_of_table' -> open(Pool);
        Key -> take(ets:take(Table, Key), Pool)
    end.

take([{{_, Connection}}], _) -> Connection;
take([], Pool) -> take(Pool).

open(#{opener := Opener}) ->
    gen_server:call(Opener, open, infinity).

give(Connection, #{table := Table}) ->
    true = ets:insert(Table, {{now_ms(), Connection}}),
    ok.

drop(Connection) ->
    gun:close(Connection).

init({Upstream, Idle}) ->
    Table = ets:new(?MODULE, [public, ordered_set, {write_concurrency, true}]),
    {ok, _} = timer:send_interval(?LINGER div 9, look),
    {ok, {#{table => Table, opener => self()}, Upstream, Idle}}.

handle_call(pool, _, State = {Pool, _, _}) ->
    {reply, Pool, State};
%% A request that comes before the connection is up waits in its process.
handle_call(open, _, State = {_, Upstream, _}) ->
    {ok, Connection} = gun:open({127, 0, 0, 1}, Upstream, #{protocols => [http], retry => 0,
        http_opts => #{keepalive => infinity},
        transport_opts => [{nodelay, true}, {buffer, 65536}]}),
    {reply, Connection, State}.

handle_cast(_, State) -> {noreply, State}.

handle_info(look, State = {#{table := Table}, _, Idle}) ->
    close_idle(ets:info(Table, size) - Idle, now_ms() - ?LINGER, Table),
    {noreply, State};
%% gun tells its opener of every connection that comes up or goes down.
handle_info(_, State) ->
    {noreply, State}.

%% The oldest come first.
close_idle(N, Before, Table) when N > 0 ->
    case ets:first(Table) of
        Key = {Time, Connection} when Time < Before ->
            _ = [drop(Connection) || [_] <- [ets:take(Table, Key)]],
            close_idle(N - 1, Before, Table);
        _ ->
            ok
    end;
close_idle(_, _, _) ->
    ok.

now_ms() ->
    erlang:monotonic_time(millisecond).
