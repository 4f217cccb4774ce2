%% How far a program may write ahead: it is stopped, goes on, and is over, each at its edge.
-module(gwport_brake_tests).

-include_lib("eunit/include/eunit.hrl").

-define(HOLD, 16777216).
-define(GO_ON, 4194304).
-define(LOOK, 262144).

it_is_looked_at_when_some_was_taken_test() ->
    {ok, Brake} = gwport_brake:took(?LOOK - 257, gwport_brake:new()),
    ?assertMatch({look, ?LOOK - 257, _}, gwport_brake:took(0, Brake)),
    ?assertMatch({look, ?LOOK - 256, _}, gwport_brake:took(?LOOK - 256, gwport_brake:new())),
    %% Small messages count for what they take.
    Small = lists:foldl(fun(_, B0) -> {ok, B} = gwport_brake:took(1, B0), B end, gwport_brake:new(), lists:seq(1, 1020)),
    ?assertMatch({look, 1021, _}, gwport_brake:took(1, Small)).

a_program_is_stopped_and_goes_on_test() ->
    {ok, Below} = looked(?HOLD - 1, gwport_brake:new()),
    ?assertNot(gwport_brake:is_held(Below)),
    {hold, Held} = looked(?HOLD, Below),
    ?assert(gwport_brake:is_held(Held)),
    {ok, Still} = looked(?HOLD, Held),
    %% Then each message is looked at, or the last one might leave it stopped.
    {look, _, Still1} = gwport_brake:took(1, Still),
    {ok, Still2} = gwport_brake:looked(?GO_ON, Still1),
    {go_on, On} = looked(?GO_ON - 1, Still2),
    ?assertNot(gwport_brake:is_held(On)),
    ?assertMatch({ok, _}, looked(?GO_ON, On)),
    ?assertMatch({hold, _}, looked(?HOLD, On)).

who_goes_on_all_the_same_is_over_test() ->
    {hold, Held} = looked(?HOLD, gwport_brake:new()),
    ?assertMatch({ok, _}, looked(gwport_brake:limit() - 1, Held)),
    ?assertMatch({over, _}, looked(gwport_brake:limit(), Held)),
    ?assertMatch({over, _}, looked(gwport_brake:limit(), gwport_brake:new())).

looked(Ahead, Brake0) ->
    {look, _, Brake} = gwport_brake:took(?LOOK, Brake0),
    gwport_brake:looked(Ahead, Brake).

%% A real port, in a process that nobody else sends messages to.
what_a_port_has_read_and_its_owner_has_not_is_ahead_test_() ->
    {spawn, fun what_a_port_has_read_and_its_owner_has_not_is_ahead/0}.

what_a_port_has_read_and_its_owner_has_not_is_ahead() ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", "echo 12345; exec cat"]}, binary, stream]),
    gwport_test:until(fun() -> {message_queue_len, 1} =:= process_info(self(), message_queue_len) end),
    ?assertEqual(6 + 256, gwport_brake:ahead(0, Port)),
    receive {Port, {data, Data}} -> ?assertEqual(<<"12345\n">>, Data) end,
    ?assertEqual(0, gwport_brake:ahead(6, Port)),
    true = port_close(Port),
    ?assertEqual(0, gwport_brake:ahead(0, Port)).
