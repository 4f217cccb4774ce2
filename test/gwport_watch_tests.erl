%% The watch of a port, with this process for its owner and others for its ends.
-module(gwport_watch_tests).

-include_lib("eunit/include/eunit.hrl").

ends_hear_of_an_owner_that_is_killed_test() ->
    {Owner, Watch} = owner(),
    Ref = alias(),
    ok = gwport_watch:join({Ref, tag}, infinity, Watch),
    exit(Owner, kill),
    ?assertEqual({tag, {gwport, {port_down, true, owner_down}}}, receive Message -> Message end).

ends_that_have_left_hear_nothing_test() ->
    {Owner, Watch} = owner(),
    [Ref, Left, Unaliased] = [alias() || _ <- [1, 2, 3]],
    [ok = gwport_watch:join({R, R}, infinity, Watch) || R <- [Left, Unaliased, Ref]],
    ok = gwport_watch:leave(Left, Watch),
    true = unalias(Unaliased),
    exit(Owner, kill),
    receive {Ref, {gwport, _}} -> ok end,
    ?assertEqual(nothing, receive Message -> Message after 0 -> nothing end).

who_comes_too_late_is_told_at_once_test() ->
    {Owner, Watch = {watch, Pid, _, _}} = owner(),
    Monitor = monitor(process, Pid),
    exit(Owner, kill),
    receive {'DOWN', Monitor, process, _, _} -> ok end,
    Ref = alias(),
    ?assertEqual(gone, gwport_watch:join({Ref, tag}, infinity, Watch)),
    ?assertEqual(ok, gwport_watch:leave(Ref, Watch)).

a_guard_that_is_taken_back_in_time_does_nothing_test() ->
    Watch = gwport_watch:start_link(none),
    Guard = gwport_watch:guard(60000, deadline, kill, make_ref(), Watch),
    ?assert(gwport_watch:unguard(Guard)),
    ?assert(gwport_watch:unguard(gwport_watch:guard(infinity, deadline, kill, make_ref(), Watch))),
    stop(Watch).

a_guard_that_is_late_tells_the_owner_why_test() ->
    Watch = gwport_watch:start_link(none),
    Ref = make_ref(),
    Guard = gwport_watch:guard(0, deadline, keep, Ref, Watch),
    ?assertEqual({abort, {self(), Ref}, deadline, <<>>}, receive Message -> Message end),
    ?assertNot(gwport_watch:unguard(Guard)),
    stop(Watch).

a_guard_whose_watch_has_ended_is_late_when_its_time_is_up_test() ->
    {Owner, Watch = {watch, Pid, _, _}} = owner(),
    Monitor = monitor(process, Pid),
    Before = gwport_watch:guard(60000, deadline, keep, make_ref(), Watch),
    exit(Owner, kill),
    receive {'DOWN', Monitor, process, _, _} -> ok end,
    ?assert(gwport_watch:unguard(Before)),
    ?assert(gwport_watch:unguard(gwport_watch:guard(60000, deadline, keep, make_ref(), Watch))),
    ?assertNot(gwport_watch:unguard(gwport_watch:guard(0, deadline, keep, make_ref(), Watch))).

who_is_stuck_is_killed_test_() ->
    %% After the grace, of 5 seconds; also where the port has ended meanwhile, and the watch with it.
    {setup, fun() -> {ok, Started} = application:ensure_all_started(gwport), Started end,
        fun(Started) -> [application:stop(App) || App <- lists:reverse(Started)] end,
        {inparallel, [{Name, {timeout, 20, fun() -> is_killed(End) end}} || {Name, End} <- [
            {"the port lives", fun(_) -> ok end}, {"the port has ended", fun ended/1}]]}}.

is_killed(End) ->
    Self = self(),
    {Owner, Watch} = owner(),
    {Stuck, Monitor} = spawn_monitor(fun() ->
        _ = gwport_watch:guard(0, idle_timeout, kill, make_ref(), Watch),
        Self ! {self(), guarded},
        receive never -> ok end
    end),
    receive {Stuck, guarded} -> ok end,
    ok = End(Owner),
    ?assertEqual(killed, receive {'DOWN', Monitor, process, Stuck, Reason} -> Reason end),
    exit(Owner, kill).

ended(Owner) ->
    exit(Owner, kill),
    ok.

who_is_in_time_is_not_killed_test() ->
    %% Neither timer is left.
    Watch = gwport_watch:start_link(none),
    {Timer, Killer, _} = Guard = gwport_watch:guard(60000, deadline, kill, make_ref(), Watch),
    ?assertEqual([true, true], [is_integer(erlang:read_timer(T)) || T <- [Timer, Killer]]),
    ?assert(gwport_watch:unguard(Guard)),
    ?assertEqual([false, false], [erlang:read_timer(T) || T <- [Timer, Killer]]),
    stop(Watch).

owner() ->
    Self = self(),
    Owner = spawn(fun() ->
        Self ! {self(), gwport_watch:start_link(none)},
        receive never -> ok end
    end),
    receive {Owner, Watch} -> {Owner, Watch} end.

%% Its linked process, here, does not end with it.
stop({watch, Pid, _, _}) ->
    unlink(Pid),
    exit(Pid, kill).

whose_time_has_come_is_told_once_test() ->
    Watch = {watch, Pid, _, _} = gwport_watch:start_link(none),
    [Now, Later, Left, Never] = [alias() || _ <- [1, 2, 3, 4]],
    Due = erlang:monotonic_time(millisecond),
    [ok = gwport_watch:join({Ref, Name}, Time, Watch) || {Ref, Name, Time}
        <- [{Now, now, Due}, {Later, later, Due + 60000}, {Left, left, Due}, {Never, never, infinity}]],
    ok = gwport_watch:leave(Left, Watch),
    Pid ! look,
    ?assertEqual({now, {gwport, due}}, receive Message -> Message end),
    Pid ! look,
    %% It has looked again when this is answered.
    ?assertMatch({status, _}, process_info_after(Pid)),
    ?assertEqual(nothing, receive More -> More after 0 -> nothing end),
    stop(Watch).

%% Not before the process has done what it was told before.
process_info_after(Pid) ->
    gwport_test:until(fun() -> process_info(Pid, [message_queue_len, status])
        =:= [{message_queue_len, 0}, {status, waiting}] end),
    process_info(Pid, status).

a_client_that_was_killed_before_it_asked_is_swept_test() ->
    Watch = {watch, Pid, Table, _} = gwport_watch:start_link(none),
    Ref = alias(),
    ok = gwport_watch:join({Ref, tag}, infinity, Watch),
    {Killed, Monitor} = spawn_monitor(fun() ->
        ok = gwport_watch:join({alias(), tag}, infinity, Watch),
        receive never -> ok end
    end),
    gwport_test:until(fun() -> ets:info(Table, size) =:= 3 end),
    exit(Killed, kill),
    receive {'DOWN', Monitor, process, Killed, _} -> ok end,
    Pid ! sweep,
    gwport_test:until(fun() -> ets:info(Table, size) =:= 2 end),
    ?assertMatch([{Ref, tag, _, infinity}], ets:lookup(Table, Ref)),
    stop(Watch).

the_heir_tells_when_owner_and_watch_are_killed_test() ->
    Self = self(),
    Owner = spawn(fun() ->
        Self ! {self(), gwport_watch:start_link(Self)},
        receive after infinity -> ok end
    end),
    Watch = {watch, Pid, _, _} = receive {Owner, W} -> W end,
    Ref = alias(),
    ok = gwport_watch:join({Ref, tag}, infinity, Watch),
    exit(Pid, kill),
    exit(Owner, kill),
    Ends = receive {'ETS-TRANSFER', Table, Pid, Owner} -> Table end,
    ok = gwport_watch:last_words(Ends),
    ?assertEqual({tag, {gwport, {port_down, true, owner_down}}}, receive Message -> Message end),
    ?assertEqual(gone, gwport_watch:join({Ref, tag}, infinity, Watch)).
