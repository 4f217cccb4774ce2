%% What the BEAM itself can say about a stretch of time under load, as JSON.
-module(bench_profile).

-export([run/2]).

%% msacc: the share of the time in which the scheduler threads were in each of their states.
run(msacc, Ms) ->
    true = msacc:start(Ms),
    Stats = [Thread || Thread = #{type := scheduler} <- msacc:stats()],
    Sum = fun(State) -> lists:sum([maps:get(State, C, 0) || #{counters := C} <- Stats]) end,
    States = lists:usort(lists:append([maps:keys(C) || #{counters := C} <- Stats])),
    Total = max(1, lists:sum([Sum(State) || State <- States])),
    object([{State, 100 * Sum(State) / Total} || State <- States]);
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
    ["{", lists:join(",", [io_lib:format("\"~s\":~s", [Key, number(Value)]) || {Key, Value} <- Pairs]),
        "}"].

number(Value) when is_float(Value) -> float_to_list(Value, [{decimals, 2}]);
number(Value) -> integer_to_list(Value).
