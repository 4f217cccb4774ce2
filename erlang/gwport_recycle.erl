%% When a program has served its time, and another one is to have its place: behind so many
%% requests, at an age, after a time without requests, or with so much memory. It is in the state of
%% the port's owner, who hands it the messages {gwport_recycle, _} and does what it says.
%%
%% The first three limits are drawn for each port between what the options say and somewhat less,
%% lest all ports of a pool reach them at the same time. A program that has answered nothing yet is
%% what its successor would be: it is recycled for its age alone.
%% @hidden
-module(gwport_recycle).

-export([new/4, hear/3, look/4, memory/1]).

-export_type([recycle/0, counts/0]).

-type limit() :: pos_integer() | infinity.
-record(recycle, {
    os_pid :: pos_integer() | undefined,
    requests :: limit(),
    age :: limit(),
    idle :: limit(),
    memory :: limit(),
    %% When it had greeted.
    since :: integer(),
    %% When it was last seen at work, and what it had answered by then.
    busy :: {At :: integer(), Served :: non_neg_integer()}
}).
-opaque recycle() :: #recycle{}.

-type counts() :: #{in_flight := integer(), served := non_neg_integer(), _ => _}.

%% How often it is looked whether a limit is reached, in milliseconds.
-define(LOOK, 1000).
%% What is read of a process's status at most, in bytes.
-define(STATUS, 8192).

%% A program has greeted. Chance gives a number from 0 to 1, another one each time.
-spec new(map(), OsPid :: pos_integer() | undefined, Now :: integer(),
    Chance :: fun(() -> float())) -> recycle().
new(Options, OsPid, Now, Chance) ->
    #{recycle_requests := Requests, recycle_age := Age, recycle_idle := Idle,
        recycle_memory := Memory, recycle_jitter := Percent} = Options,
    [MyRequests, MyAge, MyIdle] = [drawn(Limit, Percent, Chance) || Limit <- [Requests, Age, Idle]],
    Recycle = #recycle{os_pid = OsPid, requests = MyRequests, age = MyAge, idle = MyIdle,
        memory = Memory, since = Now, busy = {Now, 0}},
    later(Recycle),
    Recycle.

drawn(infinity, _, _) -> infinity;
drawn(Limit, Percent, Chance) -> max(1, Limit - trunc(Limit * Percent * Chance() / 100)).

%% Where there is no limit nobody looks.
later(#recycle{requests = infinity, age = infinity, idle = infinity, memory = infinity}) ->
    ok;
later(_) ->
    _ = erlang:send_after(?LOOK, self(), {?MODULE, look}),
    ok.

%% What the program holds is read by a process that may wait for it.
-spec hear(look | {memory, non_neg_integer()}, counts(), recycle()) ->
    {ok, recycle()} | {due, Why :: binary(), recycle()}.
hear(look, _, Recycle = #recycle{memory = Limit, os_pid = OsPid})
        when Limit =/= infinity, OsPid =/= undefined ->
    Owner = self(),
    _ = spawn(fun() -> Owner ! {?MODULE, {memory, memory(OsPid)}} end),
    {ok, Recycle};
hear(look, Counts, Recycle) ->
    hear({memory, 0}, Counts, Recycle);
hear({memory, Bytes}, Counts, Recycle) ->
    later(Recycle),
    look(now_ms(), Bytes, Counts, Recycle).

%% Whether it is due, and a sentence why; it is said again until the program drains.
-spec look(Now :: integer(), Memory :: non_neg_integer(), counts(), recycle()) ->
    {ok, recycle()} | {due, Why :: binary(), recycle()}.
look(Now, Memory, Counts, Recycle0) ->
    Recycle = busy(Now, Counts, Recycle0),
    %% A number is less than any atom.
    case [{Why, Is} || {Why, Is, Limit} <- figures(Now, Memory, Counts, Recycle), Is >= Limit] of
        [] -> {ok, Recycle};
        [{Why, Is} | _] -> {due, iolist_to_binary(io_lib:format(Why, [Is])), Recycle}
    end.

figures(Now, _, #{served := 0}, #recycle{since = Since, age = Age}) ->
    [{"it has run for ~b ms", Now - Since, Age}];
figures(Now, Memory, #{served := Served}, Recycle = #recycle{busy = {Busy, _}}) ->
    #recycle{requests = Requests, idle = Idle, memory = MaxMemory} = Recycle,
    [{"it holds ~b bytes of memory", Memory, MaxMemory},
        {"it has answered ~b requests", Served, Requests},
        {"it has had nothing to do for ~b ms", Now - Busy, Idle}
        | figures(Now, Memory, #{served => 0}, Recycle)].

%% A request that came and went between two looks shows in what was answered.
busy(Now, #{in_flight := InFlight, served := Served}, Recycle = #recycle{busy = {_, Before}})
        when InFlight > 0; Served =/= Before ->
    Recycle#recycle{busy = {Now, Served}};
busy(_, _, Recycle) ->
    Recycle.

%% What is resident of the process, in bytes: VmRSS, which Linux tells in kilobytes. None where that
%% cannot be read, as of one that has just ended.
-spec memory(OsPid :: pos_integer()) -> non_neg_integer().
memory(OsPid) ->
    case file:open("/proc/" ++ integer_to_list(OsPid) ++ "/status", [read, raw, binary]) of
        {ok, File} ->
            Read = file:read(File, ?STATUS),
            _ = file:close(File),
            resident(Read);
        {error, _} ->
            0
    end.

resident({ok, Status}) ->
    case re:run(Status, "^VmRSS:\\s*([0-9]+) kB", [multiline, {capture, all_but_first, binary}]) of
        {match, [Kilobytes]} -> binary_to_integer(Kilobytes) * 1024;
        nomatch -> 0
    end;
resident(_) ->
    0.

now_ms() ->
    erlang:monotonic_time(millisecond).
