%% Who has the name of a pool, where keepers and their supervisors are killed while others wait for it.
-module(gwport_pool_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NAME, a_pool_of_this_test).

there_is_one_pool_of_a_name_test() ->
    Sup = sup(),
    Keeper = keeper([Sup]),
    ?assertEqual(ok, created(Keeper)),
    ?assertEqual({pool_exists, ?NAME}, created(keeper([Sup]))),
    ?assertEqual(Keeper, gwport_pool:keeper(?NAME)),
    stop(Keeper),
    ?assertEqual(undefined, gwport_pool:keeper(?NAME)).

a_keeper_that_was_killed_has_a_successor_test() ->
    Sup = sup(),
    First = keeper([Sup]),
    ok = created(First),
    kill(First),
    Second = keeper([Sup]),
    ?assertEqual(ok, created(Second)),
    stop(Second).

a_keeper_without_its_supervisor_is_waited_for_test() ->
    Sup = sup(),
    First = keeper([Sup]),
    ok = created(First),
    kill(Sup),
    Second = waiting([sup()], First),
    stop(First),
    ?assertEqual(ok, created(Second)),
    ?assertEqual(Second, gwport_pool:keeper(?NAME)),
    stop(Second).

of_two_that_wait_the_one_with_a_supervisor_has_the_name_in_the_end_test() ->
    %% Both are let in when the first has ended. Whichever is sooner, what the one whose supervisor is gone
    %% does at its end takes nothing from the other.
    Sup = sup(),
    First = keeper([Sup]),
    ok = created(First),
    kill(Sup),
    Lost = sup(),
    Second = waiting([Lost], First),
    Third = waiting([sup()], First),
    kill(Lost),
    kill(First),
    case created(Second) of
        ok -> ?assertNotEqual(Third, gwport_pool:keeper(?NAME)), stop(Second);
        {pool_exists, _} -> ok
    end,
    ?assertEqual(ok, created(Third)),
    ?assertEqual(Third, gwport_pool:keeper(?NAME)),
    stop(Third),
    ?assertEqual(undefined, gwport_pool:keeper(?NAME)).

a_name_is_given_back_by_who_has_it_test() ->
    Keeper = keeper([sup()]),
    ok = created(Keeper),
    gwport_pool:delete(?NAME),
    ?assertEqual(Keeper, gwport_pool:keeper(?NAME)),
    stop(Keeper).

%% What is alive until it is killed.
sup() ->
    spawn(fun() -> receive never -> ok end end).

%% Takes the name, and gives it back when it is told to stop.
keeper(Sups) ->
    Self = self(),
    spawn(fun() ->
        case gwport_pool:create(?NAME, Sups, gwport_queue:new()) of
            {ok, _} ->
                Self ! {self(), ok},
                receive stop -> gwport_pool:delete(?NAME) end;
            {error, Error} ->
                Self ! {self(), Error}
        end
    end).

created(Keeper) ->
    receive {Keeper, Result} -> Result end.

%% A keeper that waits for the end of another one.
waiting(Sups, Other) ->
    Keeper = keeper(Sups),
    gwport_test:until(fun() ->
        {monitored_by, Who} = erlang:process_info(Other, monitored_by),
        lists:member(Keeper, Who)
    end),
    Keeper.

stop(Keeper) ->
    Monitor = erlang:monitor(process, Keeper),
    Keeper ! stop,
    receive {'DOWN', Monitor, process, _, _} -> ok end.

kill(Pid) ->
    Monitor = erlang:monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Monitor, process, _, _} -> ok end.
