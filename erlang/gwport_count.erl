%% What has become of a pool's requests and programs, in numbers that only grow. Everybody counts,
%% and nobody waits for it: the counters have a place for each scheduler. They live as long as the
%% pool, whatever ends in it meanwhile.
-module(gwport_count).

-export([create/1, delete/1, find/1, none/0, since/1, is_told/1, counts/1]).
-export([response/2, takeover/1, failure/2, program/2, queue/2, replay/1]).

-export_type([count/0, program_event/0, queue_event/0]).

%% With the word whether telemetry is to be told of requests, which each of them has to know, and
%% when the counters stood at zero, in monotonic milliseconds.
-opaque count() :: {counters:counters_ref(), gwport_telemetry:flag(), Since :: integer()} | none.
-type program_event() :: up | drained | failed.
-type queue_event() :: waited | full | timeout.

-define(KEY(Pool), {?MODULE, Pool}).
%% The classes of statuses have the first places, by their first digit; others stand behind.
-define(CLASSES, 9).
-define(SWITCHING_PROTOCOLS, 101).

%% Those of gwport_status:reason(), and for what a response is broken off besides.
-define(REASONS, [
    bad_request, no_mount, no_pool, no_port, busy, draining, not_entered, port_died, refused,
    no_app, app_failed, bad_response, too_large_response, head_timeout, idle_timeout, deadline,
    too_large_target, too_large_head, too_many_fields, too_large_header, too_large_body, slow_body,
    bad_option, client_gone, client_stalled, short_file, internal_error, bad_length, bad_order, bad_payload,
    other]).
-define(PROGRAM_EVENTS, [up, drained, failed]).
%% Of requests that found no place: they waited, there were too many, their time was up.
-define(QUEUE_EVENTS, [waited, full, timeout]).
%% Requests whose port died, and that turned to another one.
-define(REPLAYS, 1).

%% Called by the keeper of a pool. The counters of one that was killed go on.
-spec create(Pool :: atom()) -> ok.
create(Pool) ->
    case find(Pool) of
        none ->
            Counters = counters:new(size(), [write_concurrency]),
            persistent_term:put(?KEY(Pool), {Counters, gwport_telemetry:flag(), now_ms()});
        _ ->
            ok
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).

size() ->
    ?CLASSES + length(?REASONS) + length(?PROGRAM_EVENTS) + length(?QUEUE_EVENTS)
        + ?REPLAYS.

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
    counters:add(Counters, place(Reason, ?REASONS, ?CLASSES + 1), 1).

%% A program of the pool has greeted, has ended as it was to, or has ended otherwise.
-spec program(program_event(), Pool :: atom()) -> ok.
program(Event, Pool) ->
    case find(Pool) of
        none -> ok;
        {Counters, _, _} -> counters:add(Counters, place(Event, ?PROGRAM_EVENTS,
            ?CLASSES + length(?REASONS) + 1), 1)
    end.

%% A request that found no place at once.
-spec queue(queue_event(), count()) -> ok.
queue(_, none) ->
    ok;
queue(Event, {Counters, _, _}) ->
    counters:add(Counters, place(Event, ?QUEUE_EVENTS, first_queue_event()), 1).

first_queue_event() ->
    ?CLASSES + length(?REASONS) + length(?PROGRAM_EVENTS) + 1.

-spec replay(count()) -> ok.
replay(none) -> ok;
replay({Counters, _, _}) -> counters:add(Counters, size(), 1).

%% What is new in another version is counted as the last.
place(Name, [Name | _], Place) -> Place;
place(_, [_], Place) -> Place;
place(Name, [_ | Rest], Place) -> place(Name, Rest, Place + 1).

-spec counts(Pool :: atom()) -> {ok, #{
    responses := #{1..9 => non_neg_integer()}, failures := #{atom() => pos_integer()},
    programs := #{program_event() => non_neg_integer()},
    queue := #{queue_event() => non_neg_integer()},
    replays := non_neg_integer()}} | {error, no_pool}.
counts(Pool) ->
    case find(Pool) of
        none -> {error, no_pool};
        {Counters, _, _} -> {ok, counted(Counters)}
    end.

counted(Counters) ->
    Failures = numbered(?REASONS, ?CLASSES + 1, Counters),
    #{responses => numbered(lists:seq(1, ?CLASSES), 1, Counters),
        failures => maps:filter(fun(_, N) -> N > 0 end, Failures),
        programs => numbered(?PROGRAM_EVENTS, ?CLASSES + length(?REASONS) + 1, Counters),
        queue => numbered(?QUEUE_EVENTS, first_queue_event(), Counters),
        replays => counters:get(Counters, size())}.

numbered(Names, First, Counters) ->
    Places = lists:seq(First, First + length(Names) - 1),
    maps:from_list([{Name, counters:get(Counters, Place)}
        || {Name, Place} <- lists:zip(Names, Places)]).
