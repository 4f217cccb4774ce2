%% What gwport_status_page shows of a node, second by second, as server-sent events: the body of an
%% app in Erlang. Each of its events has all figures, and the lines of programs that are new.
%%
%% It asks as anybody may (gwport), and costs requests nothing. What is told for a second is the
%% difference between what the counters say now and what they said up to ten seconds ago, to this
%% viewer.
%% @hidden
-module(gwport_status_feed).

-export([new/0, next/1]).

-export_type([feed/0]).

-record(feed, {
    %% When the next event is due, in monotonic milliseconds.
    due :: integer(),
    %% The last one first.
    samples = [] :: [sample()],
    %% How far the lines of each pool have been told.
    lines = #{} :: #{atom() => non_neg_integer()}
}).
-opaque feed() :: #feed{}.

-type sample() :: {At :: integer(), #{Key :: atom() | pid() => counts() | non_neg_integer()}}.
-type counts() :: #{responses := #{1..9 => non_neg_integer()},
    times := #{head | queue => gwport_count:times()}, _ => _}.

-define(TICK, 1000).
-define(SPAN, 10000).

-spec new() -> feed().
new() ->
    #feed{due = now_ms()}.

-spec next(feed()) -> {continue, iodata(), feed()}.
next(Feed = #feed{due = Due}) ->
    receive after max(0, Due - now_ms()) -> ok end,
    Now = now_ms(),
    {Node, Feed1} = node_now(Now, Feed),
    {continue, ["data: ", gwport_json:encode(Node), "\n\n"], Feed1#feed{due = Now + ?TICK}}.

%% A pool may stop meanwhile.
node_now(Now, Feed = #feed{samples = Before, lines = Lines0}) ->
    Pools = [{Name, Status, Counts, Ports} || Name <- gwport:pools(),
        {ok, Status} <- [gwport:status(Name)], {ok, Counts} <- [gwport:counts(Name)],
        {ok, Ports} <- [gwport:info(Name)]],
    Sample = {Now, maps:from_list([{Name, Counts} || {Name, _, Counts, _} <- Pools]
        ++ [{Owner, Served} || {_, _, _, Ports} <- Pools,
            #{owner := Owner, served := Served} <- Ports])},
    Samples = [Sample | [Old || Old = {At, _} <- Before, Now - At =< ?SPAN]],
    {Shown, Lines} = lists:mapfoldl(fun(Pool, Acc) -> pool(Pool, Samples, Acc) end,
        maps:with([Name || {Name, _, _, _} <- Pools], Lines0), Pools),
    {Uptime, _} = erlang:statistics(wall_clock),
    {#{node => atom_to_binary(node()), time => erlang:system_time(millisecond),
        otp => list_to_binary(erlang:system_info(otp_release)), version => version(),
        uptime => Uptime, memory => erlang:memory(total),
        processes => erlang:system_info(process_count), pools => Shown,
        routes => [route(Route) || Route <- gwport_cowboy_routes:all()]},
        Feed#feed{samples = Samples, lines = Lines}}.

version() ->
    case application:get_key(gwport, vsn) of
        {ok, Version} -> list_to_binary(Version);
        undefined -> null
    end.

%% A pool and its ports

pool({Name, Status, Counts, Ports}, Samples, Told) ->
    {Last, Lines} = gwport_log_lines:since(maps:get(Name, Told, 0), Name),
    #{responses := Responses, failures := Failures, queue := Queue} = Counts,
    Times = times(Name, Samples),
    {(maps:with([uptime, size, in_flight, queue, restarts, circuit, memory], Status))#{
        name => atom_to_binary(Name), ready => is_ready(gwport:ready(Name)),
        limit => lists:sum([Max || #{state := serving, max_streams := Max} <- Ports]),
        next_try => or_null(maps:get(next_try, Status)),
        last_end => or_null(maps:get(last_end, Status)),
        rate => per_second(fun(#{Name := #{responses := Classes}}) ->
            lists:sum(maps:values(Classes))
        end, Name, Samples),
        p50 => at_most(50, Times), p99 => at_most(99, Times),
        statuses => maps:from_list([{class(Class), N} || {Class, N} <- maps:to_list(Responses),
            N > 0 orelse (Class >= 2 andalso Class =< 5)]),
        failures => Failures, waits => Queue,
        apps => lists:usort([App || #{apps := Apps} <- Ports, App <- Apps]),
        ports => [port_now(Port, Samples) || Port <- Ports],
        lines => [line(Line) || Line <- Lines]}, Told#{Name => Last}}.

is_ready({ready, _}) -> true;
is_ready(_) -> false.

or_null(none) -> null;
or_null(Value) -> Value.

class(Digit) ->
    list_to_atom(integer_to_list(Digit) ++ "xx").

port_now(Port = #{state := waiting}, _) ->
    maps:with([state, why, failures, next_try], Port);
port_now(Port = #{owner := Owner, os_pid := OsPid}, Samples) ->
    (maps:with([state, program, version, uptime, in_flight, max_streams, served, credit_out],
        Port))#{
        os_pid => or_undefined(OsPid), memory => memory(OsPid), owner_memory => owner_memory(Owner),
        rate => per_second(fun(#{Owner := Served}) -> Served end, Owner, Samples)}.

or_undefined(undefined) -> null;
or_undefined(OsPid) -> OsPid.

memory(undefined) -> 0;
memory(OsPid) -> gwport_recycle:memory(OsPid).

owner_memory(Owner) ->
    case erlang:process_info(Owner, memory) of
        {memory, Bytes} -> Bytes;
        undefined -> 0
    end.

line(Line = #{os_pid := OsPid}) ->
    Line#{os_pid := or_undefined(OsPid)}.

route(#{listener := Ref, scheme := Scheme, port := Port, host := Host, path := Path,
        handler := Handler, to := To}) ->
    {Kind, Name, App} = case To of
        {pool, Pool, Of} -> {pool, atom_to_binary(Pool), Of};
        {run, Module} -> {run, atom_to_binary(Module), <<>>};
        unknown -> {unknown, null, <<>>}
    end,
    #{listener => unicode:characters_to_binary(io_lib:format("~0tp", [Ref])), scheme => Scheme,
        port => or_undefined(Port), host => Host, path => Path, handler => Handler,
        kind => Kind, name => Name, app => App}.

%% What happened in the last seconds

%% Nothing is said before there is something to compare with, nor of what began at zero again.
per_second(Of, Key, Samples) ->
    case ends(Key, Samples) of
        {{From, First}, {To, Last}} ->
            case Of(Last) - Of(First) of
                N when N >= 0 -> 1000 * N / (To - From);
                _ -> null
            end;
        none ->
            null
    end.

%% The oldest sample that knows of it, and the newest.
ends(Key, [Last = {To, _} | Before]) ->
    case [First || First = {From, #{Key := _}} <- lists:reverse(Before), From < To] of
        [First | _] -> {First, Last};
        [] -> none
    end.

times(Name, Samples) ->
    case ends(Name, Samples) of
        {{_, #{Name := First}}, {_, #{Name := Last}}} ->
            lists:zipwith(fun({Most, M}, {Most, N}) -> {Most, N - M} end, head(First), head(Last));
        none ->
            []
    end.

head(#{times := #{head := #{at_most := AtMost}}}) -> AtMost.

%% Milliseconds that so many per cent of the heads took at most; `infinity' is more than is counted.
at_most(_, []) ->
    null;
at_most(PerCent, Times) ->
    case lists:last(Times) of
        {_, All} when All > 0 ->
            hd([Most || {Most, N} <- Times, 100 * N >= PerCent * All]);
        _ ->
            null
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).
