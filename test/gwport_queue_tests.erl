%% Who waits for a place: in which order they are taken, how many there may be, and that the flag that all others look at
%% is up while there is somebody, whatever crosses.
-module(gwport_queue_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [list/1, oneof/1, frequency/1, non_neg_integer/0]).

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

%% Whatever becomes of those who wait, the count of each peer is that of its rows: in the end as many of its may wait as
%% at the beginning, and one more does not.
a_peers_count_is_that_of_its_rows_test_() ->
    Peers = [<<"192.0.2.1">>, <<"192.0.2.2">>, none],
    gwport_gen:check(?FORALL(Steps, list(frequency([{4, {join, oneof(Peers)}}, {2, {leave, non_neg_integer()}}, {2, take}, {1, again},
            {1, {kill, oneof(Peers)}}, {1, sweep}])),
        begin
            Queue = queue(100, 3),
            {Rows, _} = lists:foldl(fun(Step, State) -> step(Step, Queue, State) end, {[], none}, Steps),
            true = lists:all(fun(Peer) -> has_share(Peer, waiting(Peer, Rows), Queue) end, Peers -- [none]),
            ok = gwport_queue:refuse(no_port, Queue),
            lists:all(fun(Peer) -> has_share(Peer, 0, Queue) end, Peers -- [none])
        end)).

%% Rows are in the order of their tickets; those of dead clients stand there until somebody comes by.
step({join, Peer}, Queue, {Rows, Taken}) ->
    case gwport_queue:join(new, {make_ref(), Peer}, Peer, Queue) of
        {ok, Place} -> true = Peer =:= none orelse waiting(Peer, Rows) < 3, {Rows ++ [{Place, Peer, lives}], Taken};
        full -> true = waiting(Peer, Rows) >= 3, {Rows, Taken}
    end;
step({kill, Peer}, Queue, {Rows, Taken}) ->
    case waiting(Peer, Rows) < 3 of
        true -> {Rows ++ [{killed(Peer, Peer, Queue), Peer, dead}], Taken};
        false -> {Rows, Taken}
    end;
step({leave, _}, _, State = {[], _}) ->
    State;
step({leave, N}, _, {Rows, Taken}) ->
    {Place, _, _} = Row = lists:nth(1 + N rem length(Rows), Rows),
    ok = gwport_queue:leave(Place),
    {Rows -- [Row], Taken};
step(take, Queue, {Rows, Taken}) ->
    case {gwport_queue:take(Queue), [Row || Row = {_, _, lives} <- Rows]} of
        {empty, []} -> {[], Taken};
        {{ok, _}, [First | _]} -> {tl(lists:dropwhile(fun(Row) -> Row =/= First end, Rows)), First}
    end;
%% One that was taken for nothing is in front again, whatever its peer has by now.
step(again, _, State = {_, none}) ->
    State;
step(again, Queue, {Rows, {Place, Peer, _}}) ->
    {ok, New} = gwport_queue:join(gwport_queue:ticket(Place), {make_ref(), Peer}, Peer, Queue),
    {lists:sort(fun({A, _, _}, {B, _, _}) -> gwport_queue:ticket(A) =< gwport_queue:ticket(B) end, [{New, Peer, lives} | Rows]), none};
step(sweep, Queue, {Rows, Taken}) ->
    ok = gwport_queue:sweep(Queue),
    {[Row || Row = {_, _, lives} <- Rows], Taken}.

waiting(Peer, Rows) ->
    length([true || {_, P, _} <- Rows, P =:= Peer]).

%% As many more as are lacking of its share, three, may wait.
has_share(Peer, Has, Queue) ->
    Places = [gwport_queue:join(new, {make_ref(), Peer}, Peer, Queue) || _ <- lists:seq(1, max(0, 3 - Has))],
    full = gwport_queue:join(new, {make_ref(), Peer}, Peer, Queue),
    [ok = gwport_queue:leave(Place) || {ok, Place} <- Places],
    not lists:member(full, Places).

%% A client may be killed anywhere, also where it is counted and has no row.
who_was_killed_is_in_nobodys_share_test() ->
    Queue = queue(100, 3),
    Peer = <<"192.0.2.1">>,
    _ = [begin
        {Pid, Monitor} = spawn_monitor(fun() -> comes_and_goes(Peer, Queue) end),
        true = erlang:yield(),
        exit(Pid, kill),
        receive {'DOWN', Monitor, process, Pid, killed} -> ok end
    end || _ <- lists:seq(1, 300)],
    ok = gwport_queue:sweep(Queue),
    ?assert(has_share(Peer, 0, Queue)).

comes_and_goes(Peer, Queue) ->
    _ = [gwport_queue:leave(Place) || {ok, Place} <- [gwport_queue:join(new, {make_ref(), 1}, Peer, Queue)]],
    comes_and_goes(Peer, Queue).

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
    queue(Max, 80).

queue(Max, Share) ->
    Queue = gwport_queue:new(),
    ok = gwport_queue:limit(Max, Share, 1000, Queue),
    Queue.

join(Tag, Queue) ->
    gwport_queue:join(new, {make_ref(), Tag}, none, Queue).

place(Tag, Queue) ->
    {ok, Place} = join(Tag, Queue),
    Place.

killed(Tag, Queue) ->
    _ = killed(Tag, none, Queue),
    ok.

killed(Tag, Peer, Queue) ->
    {Pid, Monitor} = spawn_monitor(fun() -> exit(gwport_queue:join(new, {make_ref(), Tag}, Peer, Queue)) end),
    receive {'DOWN', Monitor, process, Pid, {ok, Place}} -> Place end.

taken(Queue) ->
    case gwport_queue:take(Queue) of
        {ok, {_, Tag}} -> Tag;
        empty -> empty
    end.

seen(Queue) ->
    {gwport_queue:is_waited(Queue), gwport_queue:count(Queue)}.
