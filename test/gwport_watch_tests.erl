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

%% Guards keep their time where the application does.
guard_test_() ->
    {setup, fun() -> {ok, Started} = application:ensure_all_started(gwport), Started end,
        fun(Started) -> [application:stop(App) || App <- lists:reverse(Started)] end,
        {inparallel, [
            {"one that is taken back in time does nothing", fun in_time/0},
            {"one that is late tells the owner why", fun late/0},
            {"it is in time as long as its time is not up, though the port has ended", fun outlives/0},
            %% After the grace, of 5 seconds.
            {"who is stuck is killed", {timeout, 20, fun() -> is_killed(fun(_) -> true end) end}},
            {"who is stuck is killed, though the port has ended", {timeout, 20, fun() -> is_killed(fun ended/1) end}}]}}.

in_time() ->
    Watch = gwport_watch:start_link(none),
    Guard = gwport_watch:guard(60000, deadline, kill, make_ref(), Watch),
    ?assert(gwport_watch:unguard(Guard)),
    ?assertEqual(false, erlang:read_timer(Guard)),
    ?assert(gwport_watch:unguard(gwport_watch:guard(infinity, deadline, kill, make_ref(), Watch))),
    stop(Watch).

late() ->
    Watch = gwport_watch:start_link(none),
    Ref = make_ref(),
    Guard = gwport_watch:guard(0, deadline, keep, Ref, Watch),
    ?assertEqual({abort, {self(), Ref}, deadline, <<>>}, receive Message -> Message end),
    ?assertNot(gwport_watch:unguard(Guard)),
    stop(Watch).

outlives() ->
    {Owner, Watch = {watch, Pid, _, _}} = owner(),
    Monitor = monitor(process, Pid),
    Before = gwport_watch:guard(60000, deadline, keep, make_ref(), Watch),
    ended(Owner),
    receive {'DOWN', Monitor, process, _, _} -> ok end,
    ?assert(gwport_watch:unguard(Before)),
    ?assert(gwport_watch:unguard(gwport_watch:guard(60000, deadline, keep, make_ref(), Watch))),
    Late = gwport_watch:guard(0, deadline, keep, make_ref(), Watch),
    gwport_test:until(fun() -> erlang:read_timer(Late) =:= false end),
    ?assertNot(gwport_watch:unguard(Late)).

is_killed(End) ->
    Self = self(),
    {Owner, Watch} = owner(),
    {Stuck, Monitor} = spawn_monitor(fun() ->
        _ = gwport_watch:guard(0, idle_timeout, kill, make_ref(), Watch),
        Self ! {self(), guarded},
        receive never -> ok end
    end),
    receive {Stuck, guarded} -> ok end,
    End(Owner),
    ?assertEqual(killed, receive {'DOWN', Monitor, process, Stuck, Reason} -> Reason end),
    ended(Owner).

ended(Owner) ->
    exit(Owner, kill).

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
