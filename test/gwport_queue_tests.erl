%% Who waits for a place: in which order they are taken, how many there may be, and that the flag that all others look at
%% is up while there is somebody, whatever crosses.
-module(gwport_queue_tests).

-include_lib("eunit/include/eunit.hrl").

who_comes_first_is_taken_first_test() ->
    Queue = queue(10),
    Places = [place(N, Queue) || N <- [1, 2, 3]],
    ?assertEqual({true, 3}, seen(Queue)),
    ?assertEqual([1, 2], [taken(Queue) || _ <- [1, 2]]),
    %% One that was taken too early for nothing has its place again.
    {ok, _} = gwport_queue:join(gwport_queue:ticket(hd(Places)), {make_ref(), 1}, none, Queue),
    ?assertEqual([1, 3, empty], [taken(Queue) || _ <- [1, 2, 3]]),
    ?assertEqual({false, 0}, seen(Queue)).

as_many_wait_as_may_and_one_more_does_not_test() ->
    Queue = queue(2),
    [_, Second] = [place(N, Queue) || N <- [1, 2]],
    ?assertEqual(full, join(3, Queue)),
    ?assertEqual({true, 2}, seen(Queue)),
    ?assertEqual(ok, gwport_queue:leave(Second)),
    ?assertMatch({ok, _}, join(4, Queue)),
    ?assertEqual([1, 4, empty], [taken(Queue) || _ <- [1, 2, 3]]).

a_peer_has_its_share_and_no_more_while_others_have_theirs_test() ->
    Queue = queue(10),
    Join = fun(Peer) -> gwport_queue:join(new, {make_ref(), Peer}, Peer, Queue) end,
    Places = [begin {ok, Place} = Join(<<"192.0.2.1">>), Place end || _ <- lists:seq(1, 8)],
    ?assertEqual(full, Join(<<"192.0.2.1">>)),
    ?assertMatch({ok, _}, Join(<<"192.0.2.2">>)),
    ?assertMatch({ok, _}, Join(none)),
    ?assertEqual(full, Join(<<"192.0.2.2">>)),
    [ok = gwport_queue:leave(Place) || Place <- Places],
    ?assertMatch({ok, _}, Join(<<"192.0.2.1">>)).

where_none_may_wait_nobody_sees_a_flag_test() ->
    Queue = queue(0),
    ?assertEqual(full, join(1, Queue)),
    ?assertEqual({false, 0}, seen(Queue)).

who_leaves_is_not_taken_and_who_is_taken_does_not_leave_test() ->
    Queue = queue(10),
    [First, Second] = [place(N, Queue) || N <- [1, 2]],
    ?assertEqual(1, taken(Queue)),
    ?assertEqual(taken, gwport_queue:leave(First)),
    ?assertEqual(ok, gwport_queue:leave(Second)),
    ?assertEqual({false, 0}, seen(Queue)),
    ?assertEqual(empty, taken(Queue)).

who_was_killed_is_passed_over_and_swept_up_test() ->
    Queue = queue(10),
    killed(1, Queue),
    _ = place(2, Queue),
    ?assertEqual(2, taken(Queue)),
    killed(3, Queue),
    ?assertEqual({true, 1}, seen(Queue)),
    ?assertEqual(ok, gwport_queue:sweep(Queue)),
    ?assertEqual({false, 0}, seen(Queue)).

all_are_told_that_there_is_nothing_to_wait_for_test() ->
    Queue = queue(10),
    Alias = erlang:alias(),
    [{ok, _} = gwport_queue:join(new, {Alias, N}, none, Queue) || N <- [1, 2]],
    ?assertEqual(ok, gwport_queue:refuse(no_port, Queue)),
    [receive {N, Event} -> ?assertEqual({gwport, {refused, no_port}}, Event) end || N <- [1, 2]],
    ?assertEqual({false, 0}, seen(Queue)),
    true = erlang:unalias(Alias).

a_queue_whose_pool_is_gone_is_empty_test() ->
    Self = self(),
    {Pid, Monitor} = spawn_monitor(fun() -> Self ! {queue, queue(10)} end),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end,
    Queue = receive {queue, It} -> It end,
    ?assertEqual({full, empty, 0}, {join(1, Queue), taken(Queue), gwport_queue:count(Queue)}).

%% Some join, some take, some leave, all at once: whoever has joined is taken or leaves, once, and when nobody is there any
%% more the flag is down; while somebody is, it is up.
nobody_is_forgotten_test_() ->
    {timeout, 60, fun() -> [crowd() || _ <- lists:seq(1, 20)] end}.

crowd() ->
    Queue = queue(100000),
    Self = self(),
    Joiners = [spawn_link(fun() -> joins(100, N, Queue), Self ! {self(), joined}, receive stop -> ok end end)
        || N <- lists:seq(1, 8)],
    Takers = [spawn_link(fun() -> Self ! {self(), takes(Queue, [])} end) || _ <- [1, 2, 3]],
    [receive {Pid, joined} -> ok end || Pid <- Joiners],
    [Pid ! enough || Pid <- Takers],
    Taken = lists:append([receive {Pid, All} -> All end || Pid <- Takers]),
    [Pid ! stop || Pid <- Joiners],
    %% Every third has left again, if nobody was sooner.
    Stayed = [{N, I} || N <- lists:seq(1, 8), I <- lists:seq(1, 100), I rem 3 =/= 0],
    ?assertEqual([], Stayed -- Taken),
    ?assertEqual(length(Taken), length(lists:usort(Taken))),
    ?assertEqual({false, 0}, seen(Queue)).

joins(0, _, _) ->
    ok;
joins(I, N, Queue) ->
    {ok, Place} = join({N, I}, Queue),
    _ = [gwport_queue:leave(Place) || I rem 3 =:= 0],
    joins(I - 1, N, Queue).

%% As an owner does: it takes where the flag is up.
takes(Queue, Taken) ->
    case gwport_queue:is_waited(Queue) andalso gwport_queue:take(Queue) of
        {ok, {_, Tag}} -> takes(Queue, [Tag | Taken]);
        _ -> receive enough -> ends(Queue, Taken) after 0 -> takes(Queue, Taken) end
    end.

ends(Queue, Taken) ->
    case gwport_queue:is_waited(Queue) andalso gwport_queue:take(Queue) of
        {ok, {_, Tag}} -> ends(Queue, [Tag | Taken]);
        _ -> Taken
    end.

%% Helpers

queue(Max) ->
    Queue = gwport_queue:new(),
    ok = gwport_queue:limit(Max, 80, 1000, Queue),
    Queue.

join(Tag, Queue) ->
    gwport_queue:join(new, {make_ref(), Tag}, none, Queue).

place(Tag, Queue) ->
    {ok, Place} = join(Tag, Queue),
    Place.

killed(Tag, Queue) ->
    {Pid, Monitor} = spawn_monitor(fun() -> _ = place(Tag, Queue) end),
    receive {'DOWN', Monitor, process, Pid, normal} -> ok end.

taken(Queue) ->
    case gwport_queue:take(Queue) of
        {ok, {_, Tag}} -> Tag;
        empty -> empty
    end.

seen(Queue) ->
    {gwport_queue:is_waited(Queue), gwport_queue:count(Queue)}.
