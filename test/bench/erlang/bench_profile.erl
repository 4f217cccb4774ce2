%% What the BEAM itself can say about a stretch of time under load, as JSON.
-module(bench_profile).

-export([run/2]).

%% msacc: the microseconds that all threads together spent in each of their states.
run(msacc, Ms) ->
    true = msacc:start(Ms),
    Counters = [Counters || #{counters := Counters} <- msacc:stats()],
    States = lists:usort(lists:append([maps:keys(C) || C <- Counters])),
    object([{State, lists:sum([maps:get(State, C, 0) || C <- Counters])} || State <- States]);
%% counts: what the VM counts, as differences.
run(counts, Ms) ->
    Before = counts(),
    timer:sleep(Ms),
    object([{Key, Value - proplists:get_value(Key, Before)} || {Key, Value} <- counts()]).

counts() ->
    {Switches, _} = erlang:statistics(context_switches),
    {{input, In}, {output, Out}} = erlang:statistics(io),
    {Reductions, _} = erlang:statistics(reductions),
    {Collections, Words, _} = erlang:statistics(garbage_collection),
    [{process_switches, Switches}, {bytes_in, In}, {bytes_out, Out}, {reductions, Reductions},
        {garbage_collections, Collections}, {words_reclaimed, Words}].

object(Pairs) ->
    ["{", lists:join(",", [io_lib:format("\"~s\":~b", [K, V]) || {K, V} <- Pairs]), "}"].
