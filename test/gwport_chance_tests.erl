%% Which other port a request may go to, how often, and whose share it is of.
-module(gwport_chance_tests).

-include_lib("eunit/include/eunit.hrl").

%% Where the app is known not to have been entered it goes again as far as it had come; else only what may be
%% done twice does, and whole.
one_port_may_die_with_it_test_() ->
    [?_assertEqual(What, went(gwport_chance:died({port_down, Entered, killed}, chance(Method))))
        || {Method, Entered, What} <- [{<<"POST">>, false, sent}, {<<"POST">>, true, no}, {<<"GET">>, false, sent},
            {<<"GET">>, true, whole}, {<<"PUT">>, true, whole}, {<<"PATCH">>, true, no}]].

went({again, What, _}) -> What;
went(What) -> What.

%% The log names it without its query, and no more than 1,000 bytes of its path.
two_may_not_test() ->
    Captured = gwport_test:capture_log(),
    ok = logger:set_handler_config(default, level, none),
    Long = binary:copy(<<"/">>, 1000),
    try [?assertEqual(Shown, logged_of(Path))
        || {Path, Shown} <- [{<<"/a">>, <<"/a">>}, {Long, Long}, {<<Long/binary, "a">>, <<Long/binary, "...">>}]]
    after
        ok = logger:set_handler_config(default, level, all),
        gwport_test:release_log(Captured)
    end.

logged_of(Path) ->
    {again, whole, Chance} = gwport_chance:died({port_down, true, killed},
        chance(#{<<"path">> => Path, <<"query">> => <<"secret">>})),
    ?assertEqual(twice, gwport_chance:died({port_down, false, killed}, Chance)),
    {error, Text, #{pool := none}} = gwport_test:expect_log("two programs of pool none"),
    [_, Shown] = binary:split(Text, <<"to no other: GET ">>),
    Shown.

%% Where it finds no other port the client is told what has become of it, and not that others are full.
told_of_the_port_that_died_test() ->
    Chance = chance(<<"GET">>),
    ?assertEqual({refused, busy}, gwport_chance:told({refused, busy}, Chance)),
    Down = {port_down, true, killed},
    {again, whole, Died} = gwport_chance:died(Down, Chance),
    ?assertEqual(Down, gwport_chance:told({refused, busy}, Died)).

it_turns_to_20_other_ports_test() ->
    Port = gwport_handle:alone(self()),
    Nineteen = lists:foldl(fun(_, Chance) -> gwport_chance:but(Port, Chance) end, chance(<<"GET">>), lists:seq(1, 19)),
    ?assertNot(gwport_chance:is_spent(Nineteen)),
    ?assert(gwport_chance:is_spent(gwport_chance:but(Port, Nineteen))).

who_has_no_share_test_() ->
    [?_assertEqual(Peer, gwport_chance:peer(chance(#{<<"peer">> => {Address, 4711}})))
        || {Address, Peer} <- [{<<>>, none}, {<<"127.0.0.1">>, none}, {<<"::1">>, none}, {<<"::ffff:127.0.0.9">>, none},
            {<<"128.0.0.1">>, <<"128.0.0.1">>}, {<<"::11">>, <<"::11">>}]].

chance(Method) when is_binary(Method) ->
    chance(#{<<"method">> => Method});
chance(Fields) ->
    gwport_chance:new(maps:merge(#{<<"method">> => <<"GET">>, <<"path">> => <<"/">>, <<"headers">> => [],
        <<"peer">> => {<<>>, 0}}, Fields), #{pool => none, app => <<>>, replay => true}).
