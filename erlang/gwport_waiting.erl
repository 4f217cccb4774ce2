%% The ports of a pool that are not there: why not, and when each is started again. This is state of
%% the pool's keeper, to whom {start, Version, Number} is sent when a port's time has come (due/2).
%%
%% A port's number is that under which it is started again; one that is spare has none. How long
%% each waits is gwport_backoff's to say; this module has the clock, the chance and the log.
%% @hidden
-module(gwport_waiting).

-export([new/2, due/2, started/2, ended/5, steady/2, lacks/4, forget/2, up/1, explain/4]).
-export([first/1, lend/2, is_waiting/2, circuit/1, info/1, status/1]).

-export_type([waiting/0, slot_number/0]).

-include_lib("kernel/include/logger.hrl").

-type slot_number() :: pos_integer() | spare.
-record(wait, {
    why :: binary(),
    due :: integer() | circuit
}).
-record(waiting, {
    %% The pool's, and of the options that its ports are started with.
    name :: atom(),
    version :: gwport_plan:version(),
    backoff :: gwport_backoff:backoff(),
    ports = #{} :: #{slot_number() => #wait{}},
    %% What is lacking to start them.
    lacking = #{} :: #{slot_number() => atom()}
}).
-opaque waiting() :: #waiting{}.

-define(LACK_DELAY, 250).
%% A port that was ready for so long has shown that its program works.
-define(STEADY, 5000).

-spec new(gwport_pool_options:pool(), gwport_plan:version()) -> waiting().
new(Pool = #{name := Name}, Version) ->
    #waiting{name = Name, version = Version, backoff = gwport_backoff:new(Pool)}.

%% Its time has come. Where the circuit has closed since it was set the port was started then, and
%% where the pool was resized it may be one too many.
-spec due(slot_number(), waiting()) -> start | {wait, waiting()}.
due(Number, Waiting = #waiting{ports = Ports, backoff = Backoff}) ->
    case Ports of
        #{Number := Wait} ->
            case gwport_backoff:may_start(Number, Backoff) of
                true -> start;
                false -> {wait, Waiting#waiting{ports = Ports#{Number := Wait#wait{due = circuit}}}}
            end;
        #{} ->
            {wait, Waiting}
    end.

-spec started(slot_number(), waiting()) -> waiting().
started(Number, Waiting = #waiting{ports = Ports, lacking = Lacking}) ->
    Waiting#waiting{ports = maps:remove(Number, Ports), lacking = maps:remove(Number, Lacking)}.

%% A port that was ready for so many milliseconds has ended. IsServing is whether another one is.
%% `opened`: the circuit has.
-spec ended(slot_number(), Lived :: non_neg_integer(), IsServing :: boolean(), Why :: binary(),
    waiting()) -> {again | opened, waiting()}.
ended(Number, Lived, _, Why, Waiting) when Lived >= ?STEADY ->
    {again, start_in(0, Number, Why, steady(Number, Waiting))};
ended(Number, _, IsServing, Why, Waiting = #waiting{backoff = Backoff, ports = Ports}) ->
    case gwport_backoff:failed(Number, IsServing, rand:uniform(), Backoff) of
        {again, Delay, Backoff1} ->
            {again, start_in(Delay, Number, Why, Waiting#waiting{backoff = Backoff1})};
        {opened, Delay, Backoff1} ->
            ?LOG_ERROR("gwport: the program of pool ~ts has failed ~b times in a row, at last "
                "because ~ts; the next try is in ~b ms",
                [Waiting#waiting.name, gwport_backoff:failures(Number, Backoff1), Why, Delay]),
            {opened, start_in(Delay, Number, Why, Waiting#waiting{backoff = Backoff1})};
        {waits, Backoff1} ->
            {again, Waiting#waiting{backoff = Backoff1,
                ports = Ports#{Number => #wait{why = Why, due = circuit}}}}
    end.

%% Where the BEAM or the machine has nothing left to start a program with, that is no fault of the
%% program: it is tried again soon, however long it lasts, and said once.
-spec lacks(slot_number(), Lack :: atom(), Why :: binary(), waiting()) -> waiting().
lacks(Number, Lack, Why, Waiting = #waiting{lacking = Lacking, name = Name}) ->
    _ = [?LOG_ERROR("gwport: cannot start the program of pool ~ts, for want of what is shared by "
        "all (~s); it is tried again every ~b ms", [Name, Lack, ?LACK_DELAY])
        || not is_map_key(Number, Lacking)],
    start_in(?LACK_DELAY, Number, Why, Waiting#waiting{lacking = Lacking#{Number => Lack}}).

%% There is no port with this number any more. If it was the one that was tried for all, the others
%% are started.
-spec forget(slot_number(), waiting()) -> waiting().
forget(Number, Waiting0 = #waiting{backoff = Backoff0}) ->
    Waiting = started(Number, Waiting0),
    {IsProbe, Backoff} = gwport_backoff:forget(Number, Backoff0),
    _ = [start_all(Waiting) || IsProbe],
    Waiting#waiting{backoff = Backoff}.

%% A program has greeted.
-spec up(waiting()) -> waiting().
up(Waiting = #waiting{backoff = Backoff, name = Name}) ->
    case gwport_backoff:up(Backoff) of
        {was_closed, _} ->
            Waiting;
        {closed, Backoff1} ->
            ?LOG_NOTICE("gwport: the program of pool ~ts has come up again", [Name]),
            start_all(Waiting),
            Waiting#waiting{backoff = Backoff1}
    end.

%% More is known of why a port is not there, where nothing better was than what is Known.
-spec explain(slot_number(), Known :: binary(), Why :: binary(), waiting()) -> waiting().
explain(Number, Known, Why, Waiting = #waiting{ports = Ports}) ->
    case Ports of
        #{Number := Wait = #wait{why = Known}} ->
            Waiting#waiting{ports = Ports#{Number := Wait#wait{why = Why}}};
        #{} ->
            Waiting
    end.

%% The first of those that are not spare.
-spec first(waiting()) -> {pos_integer(), Why :: binary()} | none.
first(#waiting{ports = Ports}) ->
    case lists:sort(maps:to_list(maps:remove(spare, Ports))) of
        [{Number, #wait{why = Why}} | _] -> {Number, Why};
        [] -> none
    end.

%% A spare takes its place. The next spare is started when this port would have been, lest programs
%% that end soon are started without a pause.
-spec lend(pos_integer(), waiting()) -> waiting().
lend(Number, Waiting = #waiting{ports = Ports}) ->
    {#wait{why = Why, due = Due}, Others} = maps:take(Number, Ports),
    Rest = Waiting#waiting{ports = Others},
    case is_integer(Due) andalso not is_map_key(spare, Others) of
        true -> start_in(max(0, Due - now_ms()), spare, Why, Rest);
        false -> Rest
    end.

-spec is_waiting(slot_number(), waiting()) -> boolean().
is_waiting(Number, #waiting{ports = Ports}) ->
    is_map_key(Number, Ports).

-spec circuit(waiting()) -> open | closed.
circuit(#waiting{backoff = Backoff}) ->
    gwport_backoff:circuit(Backoff).

%% What gwport:info/1 shows for a port that is not there.
-spec info(waiting()) -> [#{atom() => term()}].
info(#waiting{ports = Ports, backoff = Backoff}) ->
    Now = now_ms(),
    [#{state => waiting, why => Why, failures => gwport_backoff:failures(Number, Backoff),
        circuit => gwport_backoff:circuit(Backoff), next_try => next_try(Due, Now)}
        || {Number, #wait{why = Why, due = Due}} <- lists:sort(maps:to_list(Ports))].

%% What gwport:status/1 shows of all of them: next_try is that of the first.
-spec status(waiting()) -> #{circuit := open | closed, next_try := none | non_neg_integer()}.
status(Waiting = #waiting{ports = Ports}) ->
    Now = now_ms(),
    #{circuit => circuit(Waiting),
        next_try => lists:min([none | [next_try(Due, Now)
            || #wait{due = Due} <- maps:values(Ports), is_integer(Due)]])}.

next_try(circuit, _) -> circuit;
next_try(Due, Now) -> max(0, Due - Now).

%% Its program has served for long.
-spec steady(slot_number(), waiting()) -> waiting().
steady(Number, Waiting = #waiting{backoff = Backoff}) ->
    Waiting#waiting{backoff = gwport_backoff:steady(Number, Backoff)}.

start_in(Delay, Number, Why, Waiting = #waiting{ports = Ports, version = Version}) ->
    _ = erlang:send_after(Delay, self(), {start, Version, Number}),
    Waiting#waiting{ports = Ports#{Number => #wait{why = Why, due = now_ms() + Delay}}}.

%% The one that was to be tried alone as well, whose time may be far away.
start_all(#waiting{ports = Ports, version = Version}) ->
    lists:foreach(fun(Number) -> self() ! {start, Version, Number} end, maps:keys(Ports)).

now_ms() ->
    erlang:monotonic_time(millisecond).
