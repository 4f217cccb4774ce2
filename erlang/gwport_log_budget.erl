%% How many lines a second the programs of all pools may write to the node's log, together. OTP's own
%% handler drops what is more than 500 a second, whoever it is from: without a bound on all programs
%% the loudest of them would silence the node.
%% @hidden
-module(gwport_log_budget).

-export([create/1, take/0, take/1]).

-define(KEY, ?MODULE).
-define(MAX_LINES, 1000000).
%% The second, and in the lower bits how many lines it has had.
-define(COUNT_BITS, 24).
-define(COUNT_MASK, 16#ffffff).
-define(SECOND_MASK, 16#ffffffff).

%% Called when the application starts, with its option `node_log_lines`.
-spec create(term()) -> ok | {error, {bad_option, {node_log_lines, term(), Why :: string()}}}.
create(Lines) when is_integer(Lines), Lines >= 0, Lines =< ?MAX_LINES ->
    case persistent_term:get(?KEY, none) of
        {Lines, _} -> ok;
        _ -> persistent_term:put(?KEY, {Lines, atomics:new(1, [{signed, false}])})
    end;
create(Lines) ->
    {error, {bad_option, {node_log_lines, Lines, "expected an integer from 0 to 1000000"}}}.

%% Whether there is room for one more line.
-spec take() -> boolean().
take() ->
    take(erlang:monotonic_time(second)).

-spec take(Second :: integer()) -> boolean().
take(Second) ->
    case persistent_term:get(?KEY, none) of
        %% A pool that runs without the application.
        none -> true;
        {Lines, Counter} -> take(Lines, Second band ?SECOND_MASK, Counter)
    end.

take(Lines, Second, Counter) ->
    Before = atomics:get(Counter, 1),
    Count = case Before bsr ?COUNT_BITS of
        Second -> Before band ?COUNT_MASK;
        _ -> 0
    end,
    After = (Second bsl ?COUNT_BITS) bor (Count + 1),
    case Count < Lines andalso atomics:compare_exchange(Counter, 1, Before, After) of
        false -> false;
        ok -> true;
        _ -> take(Lines, Second, Counter)
    end.
