%% One monitor for each client of a port, whose owner is this process.
-module(gwport_clients_tests).

-include_lib("eunit/include/eunit.hrl").

a_client_has_one_monitor_for_all_its_streams_test() ->
    Pid = client(),
    Clients = add([{Pid, 256}, {Pid, 258}], stays, gwport_clients:new()),
    ?assertEqual([Pid], monitored()),
    ?assertEqual({[256, 258], gwport_clients:new()}, died(Pid, Clients)).

a_clients_end_is_that_of_its_streams_alone_test() ->
    [Pid, Other] = [client(), client()],
    Clients = add([{Pid, 256}, {Other, 258}], once, gwport_clients:new()),
    {Streams, Rest} = died(Pid, Clients),
    ?assertEqual([256], Streams),
    ?assertEqual([Other], monitored()),
    ?assertEqual({[258], gwport_clients:new()}, died(Other, Rest)).

a_client_of_one_stream_is_forgotten_with_it_test() ->
    Pid = client(),
    ?assertEqual(gwport_clients:new(), gwport_clients:remove(name(Pid, 256), add([{Pid, 256}], once, gwport_clients:new()))),
    ?assertEqual([], monitored()),
    stop(Pid).

a_client_that_comes_again_is_not_monitored_again_test() ->
    Pid = client(),
    Clients = gwport_clients:remove(name(Pid, 256), add([{Pid, 256}], stays, gwport_clients:new())),
    ?assertEqual([Pid], monitored()),
    Again = add([{Pid, 258}], stays, Clients),
    ?assertEqual([Pid], monitored()),
    ?assertMatch({[258], _}, died(Pid, Again)).

a_client_without_a_stream_is_forgotten_at_its_end_test() ->
    Pid = client(),
    Clients = gwport_clients:remove(name(Pid, 256), add([{Pid, 256}], stays, gwport_clients:new())),
    ?assertEqual({[], gwport_clients:new()}, died(Pid, Clients)).

a_client_without_a_stream_is_forgotten_at_the_second_sweep_test() ->
    [Pid, Busy] = [client(), client()],
    Clients = gwport_clients:remove(name(Pid, 256), add([{Pid, 256}, {Busy, 258}], stays, gwport_clients:new())),
    Once = gwport_clients:sweep(Clients),
    ?assertEqual(lists:sort([Pid, Busy]), lists:sort(monitored())),
    Twice = gwport_clients:sweep(Once),
    ?assertEqual([Busy], monitored()),
    ?assertEqual({[], Twice}, gwport_clients:down(Pid, Twice)),
    ?assertEqual(Twice, gwport_clients:remove(name(Pid, 256), Twice)),
    %% Who has come again between two sweeps is not.
    Other = client(),
    Idle = gwport_clients:sweep(gwport_clients:remove(name(Other, 260), add([{Other, 260}], stays, Twice))),
    Again = gwport_clients:remove(name(Other, 262), add([{Other, 262}], stays, Idle)),
    _ = gwport_clients:sweep(Again),
    ?assertEqual(lists:sort([Busy, Other]), lists:sort(monitored())),
    stop(Pid),
    {[258], Left} = died(Busy, Again),
    ?assertEqual({[], gwport_clients:new()}, died(Other, Left)).

a_stream_is_found_by_its_clients_name_for_it_test() ->
    [Pid, Other] = [client(), client()],
    Clients = add([{Pid, 256}, {Pid, 258}, {Other, 260}], stays, gwport_clients:new()),
    [?assertEqual({ok, N}, gwport_clients:find(name(P, N), Clients)) || {P, N} <- [{Pid, 256}, {Pid, 258}, {Other, 260}]],
    ?assertEqual(none, gwport_clients:find(name(Other, 256), Clients)),
    Rest = gwport_clients:remove(name(Pid, 256), Clients),
    ?assertEqual(none, gwport_clients:find(name(Pid, 256), Rest)),
    ?assertEqual({ok, 258}, gwport_clients:find(name(Pid, 258), Rest)),
    {[258], Left} = died(Pid, Rest),
    ?assertEqual(none, gwport_clients:find(name(Pid, 258), Left)),
    ?assertEqual({[260], gwport_clients:new()}, died(Other, Left)).

add(Streams, Stay, Clients) ->
    lists:foldl(fun({Pid, Stream}, Acc) -> gwport_clients:add(name(Pid, Stream), Stay, Stream, Acc) end, Clients, Streams).

name(Pid, Stream) ->
    {Pid, list_to_ref(lists:concat(["#Ref<0.0.1.", Stream, ">"]))}.

client() ->
    spawn(fun() -> receive never -> ok end end).

stop(Pid) ->
    exit(Pid, kill).

died(Pid, Clients) ->
    stop(Pid),
    receive {gwport_down, _, process, Pid, killed} -> ok end,
    {Streams, Rest} = gwport_clients:down(Pid, Clients),
    {lists:sort(Streams), Rest}.

monitored() ->
    {monitors, Monitors} = erlang:process_info(self(), monitors),
    [Pid || {process, Pid} <- Monitors].
