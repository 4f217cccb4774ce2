%% What has become of a pool's requests and programs, in numbers that only grow. Everybody counts,
%% and nobody waits for it: the counters have a place for each scheduler. They live as long as the
%% pool, whatever ends in it meanwhile.
%% @hidden
-module(gwport_count).

-export([create/1, delete/1, find/1, none/0, since/1, is_told/1, counts/1]).
-export([response/2, takeover/1, failure/2, program/2, ended/2, queue/2, replay/1, bytes/3, time/3]).

-export_type([count/0, times/0, program_event/0, ended/0, queue_event/0]).

%% With the word whether telemetry is to be told of requests, which each of them has to know, and
%% when the counters stood at zero, in monotonic milliseconds.
-opaque count() :: {counters:counters_ref(), gwport_telemetry:flag(), Since :: integer()} | none.
-type program_event() :: up | drained | failed.
%% Why a program has ended, see gwport:counts/1.
-type ended() :: told | replaced | recycled | own_accord
  | not_ready | exited | signal | unresponsive | broke_wire | gave_up | drain_timeout | port_failed.
-type queue_event() :: waited | full | timeout.
%% Milliseconds. Each count has those of the one before in it.
-type times() :: #{
    at_most := [{pos_integer() | infinity, non_neg_integer()}],
    count := non_neg_integer(), sum := non_neg_integer()
}.

-define(KEY(Pool), {?MODULE, Pool}).
%% The classes of statuses have the first places, by their first digit; others stand behind.
-define(CLASSES, 9).
-define(SWITCHING_PROTOCOLS, 101).

%% Those of gwport_status:reason(), and for what a response is broken off besides.
-define(REASONS, [
    bad_request, no_mount, no_pool, no_port, busy, draining, not_entered, port_died, refused,
    no_app, app_failed, bad_response, too_large_response, head_timeout, idle_timeout, deadline,
    too_large_target, too_large_head, too_many_fields, too_large_header, too_large_body, slow_body,
    bad_option, client_gone, client_stalled, short_file, internal_error, bad_length, bad_order,
    bad_payload, other]).
-define(PROGRAM_EVENTS, [up, drained, failed]).
-define(ENDED, [told, replaced, recycled, own_accord,
    not_ready, exited, signal, unresponsive, broke_wire, gave_up, drain_timeout, port_failed]).
%% Of requests that found no place: they waited, there were too many, their time was up.
-define(QUEUE_EVENTS, [waited, full, timeout]).
%% Requests whose port died, and that turned to another one.
-define(REPLAYS, 1).
%% Of bodies: what programs were handed, and what clients were.
-define(BYTES, [in, out]).
%% How long it took to the head of an app's response, and to a place in a port; in milliseconds, how
%% many took so long at most, more than all of these, and all together.
-define(AT_MOST, [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000]).
-define(TIME_SIZE, (length(?AT_MOST) + 2)).

%% The first place of each kind.
-define(FIRST_REASON, (?CLASSES + 1)).
-define(FIRST_PROGRAM_EVENT, (?FIRST_REASON + length(?REASONS))).
-define(FIRST_ENDED, (?FIRST_PROGRAM_EVENT + length(?PROGRAM_EVENTS))).
-define(FIRST_QUEUE_EVENT, (?FIRST_ENDED + length(?ENDED))).
-define(FIRST_REPLAY, (?FIRST_QUEUE_EVENT + length(?QUEUE_EVENTS))).
-define(FIRST_BYTES, (?FIRST_REPLAY + ?REPLAYS)).
-define(FIRST_HEAD_TIME, (?FIRST_BYTES + length(?BYTES))).
-define(FIRST_QUEUE_TIME, (?FIRST_HEAD_TIME + ?TIME_SIZE)).
-define(SIZE, (?FIRST_QUEUE_TIME + ?TIME_SIZE - 1)).

%% Called by the keeper of a pool. The counters of one that was killed go on.
-spec create(Pool :: atom()) -> ok.
create(Pool) ->
    case find(Pool) of
        none ->
            Counters = counters:new(?SIZE, [write_concurrency]),
            persistent_term:put(?KEY(Pool), {Counters, gwport_telemetry:flag(), now_ms()});
        _ ->
            ok
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).

-spec delete(Pool :: atom()) -> ok.
delete(Pool) ->
    _ = persistent_term:erase(?KEY(Pool)),
    ok.

%% `none' where there is no such pool: nothing is counted then.
-spec find(Pool :: atom()) -> count().
find(Pool) ->
    persistent_term:get(?KEY(Pool), none).

%% For a request that is of no pool.
-spec none() -> count().
none() ->
    none.

%% Milliseconds since the pool was started.
-spec since(Pool :: atom()) -> {ok, non_neg_integer()} | {error, no_pool}.
since(Pool) ->
    case find(Pool) of
        none -> {error, no_pool};
        {_, _, Since} -> {ok, now_ms() - Since}
    end.

%% Whether telemetry is to be told of the pool's requests.
-spec is_told(count()) -> boolean().
is_told(none) -> gwport_telemetry:is_on(gwport_telemetry:flag());
is_told({_, Flag, _}) -> gwport_telemetry:is_on(Flag).

%% The head of a response has gone to the client, or on its way.
-spec response(Status :: 100..999, count()) -> ok.
response(_, none) -> ok;
response(Status, {Counters, _, _}) -> counters:add(Counters, Status div 100, 1).

%% An app has taken its client's connection over, and answers in its own words.
-spec takeover(count()) -> ok.
takeover(Count) -> response(?SWITCHING_PROTOCOLS, Count).

%% A request that got no answer from an app, or no whole one.
-spec failure(Reason :: atom(), count()) -> ok.
failure(_, none) -> ok;
failure(Reason, {Counters, _, _}) ->
    counters:add(Counters, place(Reason, ?REASONS, ?FIRST_REASON), 1).

%% A program of the pool has greeted, has ended as it was to, or has ended otherwise.
-spec program(program_event(), Pool :: atom()) -> ok.
program(Event, Pool) ->
    of_program(Event, ?PROGRAM_EVENTS, ?FIRST_PROGRAM_EVENT, Pool).

%% Why one has ended, besides.
-spec ended(ended(), Pool :: atom()) -> ok.
ended(Why, Pool) ->
    of_program(Why, ?ENDED, ?FIRST_ENDED, Pool).

of_program(What, All, First, Pool) ->
    case find(Pool) of
        none -> ok;
        {Counters, _, _} -> counters:add(Counters, place(What, All, First), 1)
    end.

%% A request that found no place at once.
-spec queue(queue_event(), count()) -> ok.
queue(_, none) ->
    ok;
queue(Event, {Counters, _, _}) ->
    counters:add(Counters, place(Event, ?QUEUE_EVENTS, ?FIRST_QUEUE_EVENT), 1).

-spec replay(count()) -> ok.
replay(none) -> ok;
replay({Counters, _, _}) -> counters:add(Counters, ?FIRST_REPLAY, 1).

%% Bytes of a body have been handed on.
-spec bytes(in | out, non_neg_integer(), count()) -> ok.
bytes(_, _, none) -> ok;
bytes(_, 0, _) -> ok;
bytes(in, Bytes, {Counters, _, _}) -> counters:add(Counters, ?FIRST_BYTES, Bytes);
bytes(out, Bytes, {Counters, _, _}) -> counters:add(Counters, ?FIRST_BYTES + 1, Bytes).

%% So many milliseconds passed until there was the head of an app's response, or a place in a port
%% for a request that had to wait.
-spec time(head | queue, Milliseconds :: non_neg_integer(), count()) -> ok.
time(_, _, none) -> ok;
time(head, Ms, {Counters, _, _}) -> time_from(?FIRST_HEAD_TIME, Ms, Counters);
time(queue, Ms, {Counters, _, _}) -> time_from(?FIRST_QUEUE_TIME, Ms, Counters).

time_from(First, Ms, Counters) ->
    counters:add(Counters, at_most(Ms, ?AT_MOST, First), 1),
    counters:add(Counters, First + ?TIME_SIZE - 1, Ms).

at_most(Ms, [Most | Rest], Place) when Ms > Most -> at_most(Ms, Rest, Place + 1);
at_most(_, _, Place) -> Place.

%% What is new in another version is counted as the last.
place(Name, [Name | _], Place) -> Place;
place(_, [_], Place) -> Place;
place(Name, [_ | Rest], Place) -> place(Name, Rest, Place + 1).

-spec counts(Pool :: atom()) -> {ok, #{
    responses := #{1..9 => non_neg_integer()}, failures := #{atom() => pos_integer()},
    programs := #{program_event() => non_neg_integer()},
    ends := #{ended() => non_neg_integer()},
    queue := #{queue_event() => non_neg_integer()},
    replays := non_neg_integer(), bytes := #{in | out => non_neg_integer()},
    times := #{head | queue => times()}}} | {error, no_pool}.
counts(Pool) ->
    case find(Pool) of
        none -> {error, no_pool};
        {Counters, _, _} -> {ok, counted(Counters)}
    end.

counted(Counters) ->
    Failures = numbered(?REASONS, ?FIRST_REASON, Counters),
    #{responses => numbered(lists:seq(1, ?CLASSES), 1, Counters),
        failures => maps:filter(fun(_, N) -> N > 0 end, Failures),
        programs => numbered(?PROGRAM_EVENTS, ?FIRST_PROGRAM_EVENT, Counters),
        ends => numbered(?ENDED, ?FIRST_ENDED, Counters),
        queue => numbered(?QUEUE_EVENTS, ?FIRST_QUEUE_EVENT, Counters),
        replays => counters:get(Counters, ?FIRST_REPLAY),
        bytes => numbered(?BYTES, ?FIRST_BYTES, Counters),
        times => #{head => times(?FIRST_HEAD_TIME, Counters),
            queue => times(?FIRST_QUEUE_TIME, Counters)}}.

%% As Prometheus has it: how many took so long at most.
times(First, Counters) ->
    Each = [counters:get(Counters, First + N) || N <- lists:seq(0, length(?AT_MOST))],
    {AtMost, Count} = lists:mapfoldl(fun(N, Sum) -> {Sum + N, Sum + N} end, 0, Each),
    #{at_most => lists:zip(?AT_MOST ++ [infinity], AtMost), count => Count,
        sum => counters:get(Counters, First + ?TIME_SIZE - 1)}.

numbered(Names, First, Counters) ->
    Places = lists:seq(First, First + length(Names) - 1),
    maps:from_list([{Name, counters:get(Counters, Place)}
        || {Name, Place} <- lists:zip(Names, Places)]).
