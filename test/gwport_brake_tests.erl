%% How far a program may write ahead: it is stopped, goes on, and is over, each at its edge.
-module(gwport_brake_tests).

-include_lib("eunit/include/eunit.hrl").

-define(HOLD, 16777216).
-define(GO_ON, 4194304).

it_is_looked_at_when_some_was_taken_test() ->
    Look = fun(_) -> error(looked) end,
    {ok, Brake} = gwport_brake:took(65279, Look, gwport_brake:new()),
    ?assertError(looked, gwport_brake:took(0, Look, Brake)),
    %% Small messages count for what they take.
    {ok, Small} = took(255, 1, Look, gwport_brake:new()),
    ?assertError(looked, gwport_brake:took(1, Look, Small)).

took(0, _, _, Brake) ->
    {ok, Brake};
took(Times, Size, Look, Brake) ->
    {ok, Brake1} = gwport_brake:took(Size, Look, Brake),
    took(Times - 1, Size, Look, Brake1).

what_was_taken_is_told_test() ->
    {ok, Brake} = gwport_brake:took(65536, fun(65536) -> 0 end, gwport_brake:new()),
    ?assertMatch({ok, _}, gwport_brake:took(70000, fun(135536) -> 0 end, Brake)).

a_program_is_stopped_and_goes_on_test() ->
    {ok, Below} = looked(?HOLD - 1, gwport_brake:new()),
    ?assertNot(gwport_brake:is_held(Below)),
    {hold, Held} = looked(?HOLD, Below),
    ?assert(gwport_brake:is_held(Held)),
    {ok, Still} = looked(?HOLD, Held),
    %% Then each message is looked at, or the last one might leave it stopped.
    {ok, Still1} = gwport_brake:took(1, fun(_) -> ?GO_ON end, Still),
    {go_on, On} = gwport_brake:took(1, fun(_) -> ?GO_ON - 1 end, Still1),
    ?assertNot(gwport_brake:is_held(On)),
    ?assertMatch({ok, _}, looked(?GO_ON, On)),
    ?assertMatch({hold, _}, looked(?HOLD, On)).

who_goes_on_all_the_same_is_over_test() ->
    {hold, Held} = looked(?HOLD, gwport_brake:new()),
    ?assertMatch({ok, _}, looked(gwport_brake:limit() - 1, Held)),
    ?assertMatch({over, _}, looked(gwport_brake:limit(), Held)),
    ?assertMatch({over, _}, looked(gwport_brake:limit(), gwport_brake:new())).

looked(Ahead, Brake) ->
    gwport_brake:took(65536, fun(_) -> Ahead end, Brake).

%% A real port.
what_a_port_has_read_and_its_owner_has_not_is_ahead_test() ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", "echo 12345; exec cat"]}, binary, stream]),
    gwport_test:until(fun() -> {message_queue_len, 1} =:= process_info(self(), message_queue_len) end),
    ?assertEqual(6 + 256, gwport_brake:ahead(0, Port)),
    receive {Port, {data, Data}} -> ?assertEqual(<<"12345\n">>, Data) end,
    ?assertEqual(0, gwport_brake:ahead(6, Port)),
    true = port_close(Port),
    ?assertEqual(0, gwport_brake:ahead(0, Port)).
