%% @doc Pools as Prometheus sees them: a collector for the library prometheus, on which gwport does
%% not depend.
%%
%% Who has it registers this module, which is asked at each scrape:
%%
%% ```
%% ok = prometheus_registry:register_collector(gwport_prometheus)
%% '''
%%
%% It keeps nothing: the figures are those of {@link gwport:status/1} and {@link gwport:counts/1}.
%% @end
%%
%% The behaviour is not named here, since a compiler without the library would warn of it.
-module(gwport_prometheus).

%% prometheus_collector
-export([collect_mf/2, deregister_cleanup/1]).

-define(HELPERS, prometheus_model_helpers).

-type pool() :: {Labels :: [label()], gwport_pool:status(), gwport:counts()}.
-type label() :: {Name :: binary(), Value :: binary()}.
-type family() :: {Name :: binary(), Help :: binary(), counter | gauge, [{[label()], number()}]}
  | {Name :: binary(), Help :: binary(), histogram,
        [{[label()], [{number() | infinity, non_neg_integer()}], Count :: non_neg_integer(),
            Seconds :: number()}]}.

%% @private
-spec collect_mf(Registry :: atom(), Callback :: fun((tuple()) -> term())) -> ok.
collect_mf(_, Callback) ->
    %% Not called by its name, which most nodes do not know.
    {module, Helpers} = code:ensure_loaded(?HELPERS),
    lists:foreach(fun({Name, Help, Type, Metrics}) ->
        Callback(Helpers:create_mf(Name, Help, Type, Metrics))
    end, families(pools())).

%% @private
-spec deregister_cleanup(Registry :: atom()) -> ok.
deregister_cleanup(_) ->
    ok.

%% One may stop meanwhile.
-spec pools() -> [pool()].
pools() ->
    [{[{<<"pool">>, atom_to_binary(Name)}], Status, Counts} || Name <- gwport:pools(),
        {ok, Status} <- [gwport:status(Name)], {ok, Counts} <- [gwport:counts(Name)]].

-spec families([pool()]) -> [family()].
families(Pools) ->
    [{<<"gwport_responses_total">>, <<"Responses by class of status.">>, counter,
        counted(<<"class">>, responses, fun class/1, Pools)},
    {<<"gwport_failures_total">>,
        <<"Requests without an answer from an app, or without a whole one, by reason.">>, counter,
        counted(<<"reason">>, failures, fun atom_to_binary/1, Pools)},
    {<<"gwport_program_events_total">>,
        <<"Programs that came up, ended as they were to (drained), or otherwise (failed).">>,
        counter, counted(<<"event">>, programs, fun atom_to_binary/1, Pools)},
    {<<"gwport_program_ends_total">>, <<"Programs that have ended, by reason.">>, counter,
        counted(<<"reason">>, ends, fun atom_to_binary/1, Pools)},
    {<<"gwport_queue_total">>, <<"Requests that found no place at once and waited, that found "
        "the queue full, or whose time to wait was up (timeout).">>, counter,
        counted(<<"event">>, queue, fun atom_to_binary/1, Pools)},
    {<<"gwport_replays_total">>,
        <<"Requests whose program had died and that turned to another one.">>, counter,
        [{Labels, Replays} || {Labels, _, #{replays := Replays}} <- Pools]},
    {<<"gwport_body_bytes_total">>,
        <<"Bytes of bodies that programs were handed (in), and that clients were (out).">>,
        counter, counted(<<"direction">>, bytes, fun atom_to_binary/1, Pools)},
    {<<"gwport_head_seconds">>,
        <<"From the request's arrival to the head of its app's response.">>, histogram,
        timed(head, Pools)},
    {<<"gwport_queue_seconds">>,
        <<"For how long a request that had to wait did so, until it had a place.">>, histogram,
        timed(queue, Pools)},
    {<<"gwport_ports">>, <<"Ports by state.">>, gauge,
        [{Labels ++ [{<<"state">>, atom_to_binary(State)}], maps:get(State, Ports, 0)}
            || {Labels, #{ports := Ports}, _} <- Pools, State <- states()]},
    {<<"gwport_ports_wanted">>, <<"Ports that the pool is to have.">>, gauge,
        [{Labels, Size} || {Labels, #{size := Size}, _} <- Pools]},
    {<<"gwport_requests_in_flight">>, <<"Requests under way.">>, gauge,
        [{Labels, InFlight} || {Labels, #{in_flight := InFlight}, _} <- Pools]},
    {<<"gwport_queue_length">>, <<"Requests that wait for a place.">>, gauge,
        [{Labels, Length} || {Labels, #{queue := Length}, _} <- Pools]},
    {<<"gwport_circuit_open">>, <<"Whether one port is tried for all (1), or not (0).">>, gauge,
        [{Labels, case Circuit of open -> 1; closed -> 0 end}
            || {Labels, #{circuit := Circuit}, _} <- Pools]},
    {<<"gwport_memory_bytes">>, <<"Resident memory of the pool's programs.">>, gauge,
        [{Labels, Memory} || {Labels, #{memory := Memory}, _} <- Pools]},
    {<<"gwport_uptime_seconds">>, <<"Time since the pool was started.">>, gauge,
        [{Labels, Uptime / 1000} || {Labels, #{uptime := Uptime}, _} <- Pools]}].

counted(Label, Key, Name, Pools) ->
    [{Labels ++ [{Label, Name(What)}], Count} || {Labels, _, #{Key := Counts}} <- Pools,
        {What, Count} <- lists:sort(maps:to_list(Counts)), is_shown(Key, What, Count)].

timed(What, Pools) ->
    [{Labels, [{seconds(Ms), N} || {Ms, N} <- AtMost], Count, Sum / 1000}
        || {Labels, _, #{times := #{What := Times}}} <- Pools,
            #{at_most := AtMost, count := Count, sum := Sum} <- [Times]].

seconds(infinity) -> infinity;
seconds(Ms) -> Ms / 1000.

%% Of classes that hardly ever come nothing is shown before there is one.
is_shown(responses, Class, Count) -> Count > 0 orelse (Class >= 2 andalso Class =< 5);
is_shown(_, _, _) -> true.

class(Digit) ->
    <<(integer_to_binary(Digit))/binary, "xx">>.

%% All of them, so that a series does not come and go.
states() ->
    [greeting, serving, spare, draining, ending, waiting].
