%% Faults that users inject into the programs of a pool for tests of their own: each is there when it is said to be, does
%% what README says, and goes when it is healed, or with its owner.
-module(gwport_inject_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [dead, deaf_until_it_is_healed, deaf_until_its_owner_ends, deaf_and_replaced, slow, garbled, late,
        what_is_no_fault_is_refused, where_nothing_serves_there_is_nothing_to_inject_into].

dead(_) ->
    Pool = gwport_test:start_pool(#{}),
    Before = serving(Pool),
    Waiting = aside(fun() -> gwport:request(Pool, #{method => <<"POST">>, path => "/faults/sleep?s=30"},
        #{app => faults}) end),
    gwport_test:until(fun() -> {ok, #{in_flight := InFlight}} = gwport:status(Pool), InFlight =:= 1 end),
    {ok, Fault} = gwport_inject:fault(Pool, dead),
    ?assertEqual({error, port_died}, result(Waiting)),
    replaced(Before, Pool),
    ?assertMatch({ok, #{last_end := #{why := <<"it ended while serving, killed by signal 9">>}}}, gwport:status(Pool)),
    served(Pool),
    ok = gwport_inject:heal(Fault),
    gwport_test:stop_pool(Pool).

deaf_until_it_is_healed(_) ->
    Pool = gwport_test:start_pool(#{ports => 2, ping_timeout => infinity}),
    gwport_test:until(fun() -> length(serving(Pool)) =:= 2 end),
    Before = serving(Pool),
    {ok, Fault} = gwport_inject:fault(Pool, deaf),
    [stopped(OsPid) || OsPid <- Before],
    ?assertEqual({error, head_timeout}, gwport:request(Pool, #{path => "/hello"}, #{app => hello, head_timeout => 200})),
    ok = gwport_inject:heal(Fault),
    served(Pool),
    ?assertEqual(Before, serving(Pool)),
    gwport_test:stop_pool(Pool).

deaf_until_its_owner_ends(_) ->
    Pool = gwport_test:start_pool(#{ping_timeout => infinity}),
    [OsPid] = serving(Pool),
    {Owner, Monitor} = spawn_monitor(fun() ->
        {ok, _} = gwport_inject:fault(Pool, deaf),
        receive stop -> ok end
    end),
    stopped(OsPid),
    exit(Owner, kill),
    receive {'DOWN', Monitor, process, Owner, _} -> ok end,
    served(Pool),
    gwport_test:stop_pool(Pool).

deaf_and_replaced(_) ->
    %% As README says: who does not answer its ping is.
    Pool = gwport_test:start_pool(#{ping_interval => 100, ping_timeout => 500}),
    Before = serving(Pool),
    {ok, Fault} = gwport_inject:fault(Pool, deaf),
    replaced(Before, Pool),
    served(Pool),
    ok = gwport_inject:heal(Fault),
    gwport_test:stop_pool(Pool).

slow(_) ->
    %% It stops and goes on, again and again; what is asked meanwhile is answered.
    Pool = gwport_test:start_pool(#{ping_timeout => infinity}),
    [OsPid] = serving(Pool),
    {ok, Fault} = gwport_inject:fault(Pool, {slow, 50}),
    [begin
        gwport_test:until(fun() -> is_stopped(OsPid) end),
        gwport_test:until(fun() -> not is_stopped(OsPid) end)
    end || _ <- [1, 2, 3]],
    served(Pool),
    ok = gwport_inject:heal(Fault),
    gwport_test:until(fun() -> not is_stopped(OsPid) end),
    served(Pool),
    gwport_test:stop_pool(Pool).

garbled(_) ->
    Pool = gwport_test:start_pool(#{}),
    Before = serving(Pool),
    {ok, _} = gwport_inject:fault(Pool, garbled),
    replaced(Before, Pool),
    %% The other one serves before this one has quite ended.
    gwport_test:until(fun() ->
        case gwport:status(Pool) of
            {ok, #{last_end := #{why := Why}}} -> re:run(Why, "^a frame of \\d+ bytes", [{capture, none}]) =:= match;
            Other -> Other
        end
    end),
    served(Pool),
    gwport_test:stop_pool(Pool).

late(_) ->
    Options = gwport_inject:late(1500, #{command => {priv, gwport, "gwport"}, args => ["--an", "argument"]}),
    ?assertMatch(#{command := "/bin/sh", args := ["-c", _, _, "--an", "argument"]}, Options),
    Began = erlang:monotonic_time(millisecond),
    %% Returns when the program is ready.
    Pool = gwport_test:start_pool(gwport_inject:late(1500, #{command => {priv, gwport, "gwport"}})),
    ?assert(erlang:monotonic_time(millisecond) - Began >= 1500),
    served(Pool),
    gwport_test:stop_pool(Pool),
    ?assertError({bad_option, {command, "/no/such/file", "no such file"}}, gwport_inject:late(1, #{command => "/no/such/file"})).

what_is_no_fault_is_refused(_) ->
    [?assertEqual({error, {bad_fault, Fault, "expected dead, deaf, garbled or {slow, Milliseconds}"}},
        gwport_inject:fault(no_such_pool, Fault)) || Fault <- [slow, {slow, 0}, {slow, 60001}, {slow, infinity}, "dead"]].

where_nothing_serves_there_is_nothing_to_inject_into(_) ->
    ?assertEqual({error, no_pool}, gwport_inject:fault(no_such_pool, dead)),
    Pool = gwport_test:start_pool(#{command => "false"}),
    [?assertEqual({error, no_port}, gwport_inject:fault(Pool, Fault)) || Fault <- [dead, deaf, {slow, 60000}, garbled]],
    gwport_test:stop_pool(Pool).

%% Helpers

serving(Pool) ->
    {ok, Ports} = gwport:info(Pool),
    lists:sort([OsPid || #{state := serving, os_pid := OsPid} <- Ports]).

replaced(Before, Pool) ->
    gwport_test:until(fun() ->
        Now = serving(Pool),
        length(Now) =:= length(Before) andalso Now -- Before =:= Now
    end).

served(Pool) ->
    ?assertMatch({ok, {200, _, _}}, gwport:request(Pool, #{path => "/hello"}, #{app => hello})).

%% The signal has been sent; the system may take a moment with it.
stopped(OsPid) ->
    gwport_test:until(fun() -> is_stopped(OsPid) end).

is_stopped(OsPid) ->
    {ok, Stat} = file:read_file("/proc/" ++ integer_to_list(OsPid) ++ "/stat"),
    [_, <<State, _/binary>>] = binary:split(Stat, <<") ">>),
    State =:= $T.

aside(Fun) ->
    spawn_monitor(fun() -> exit({result, Fun()}) end).

result({Pid, Monitor}) ->
    receive {'DOWN', Monitor, process, Pid, {result, Result}} -> Result end.
