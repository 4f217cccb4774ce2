%% What a host makes of a ready [G1, G3], and of what a later one says besides (SPEC.md, section 12).
-module(gwport_greeting_tests).

-include_lib("eunit/include/eunit.hrl").

ready() ->
    #{<<"version">> => 1, <<"window">> => 65536, <<"max_frame">> => 1048576, <<"max_head">> => 65536,
        <<"max_streams">> => 100, <<"capabilities">> => [], <<"name">> => <<"shop">>,
        <<"program_version">> => <<"1.2">>, <<"apps">> => [<<"shop">>]}.

keys_and_capabilities_of_later_change_nothing_test() ->
    {ok, Program} = gwport_greeting:ready(ready()),
    ?assertEqual({ok, Program}, gwport_greeting:ready((ready())#{<<"capabilities">> := [<<"takeover">>, <<"later">>],
        <<"package">> => <<"gwport 9.9">>, <<"later">> => #{<<"deep">> => [1, {}, 2.5]}, <<>> => -1})),
    ?assertMatch(#{name := <<"shop">>, program_version := <<"1.2">>, apps := [<<"shop">>]}, Program).

a_program_says_ready_first_test() ->
    Ready = term_to_binary(ready()),
    ?assertEqual(gwport_greeting:ready(ready()), gwport_greeting:first(ready, Ready)),
    [?assertEqual({error, bad_greeting, <<"expected ready, got ", (atom_to_binary(Kind))/binary>>},
        gwport_greeting:first(Kind, Payload)) || {Kind, Payload} <- [{log, Ready}, {chunk, Ready}, {ready, <<"junk">>},
            {ready, term_to_binary([])}]].

another_version_is_no_common_version_and_both_are_named_test_() ->
    [?_assertEqual({error, no_common_version,
            <<"the program chose wire version ", Digit, ", this host speaks 1 to 1">>},
        gwport_greeting:ready((ready())#{<<"version">> := Digit - $0})) || Digit <- "0239"].

%% A later version may have other keys: it is named before anything else is looked at.
another_version_is_named_whatever_else_is_there_test() ->
    ?assertMatch({error, no_common_version, _}, gwport_greeting:ready(#{<<"version">> => 2})).

what_is_no_version_is_a_bad_greeting_test_() ->
    [?_assertMatch({error, bad_greeting, _}, gwport_greeting:ready((ready())#{<<"version">> := Version}))
        || Version <- [<<"1">>, 1.0, {1, 1}, []]].

hello_names_a_range_and_what_has_no_meaning_yet_is_empty_test() ->
    {ok, Options} = gwport_pool_options:pool(#{name => shop, command => "sh"}),
    Can = [<<"file">> || gwport_file:is_possible()] ++ [<<"hijack">>, <<"evidence">>],
    ?assertMatch(#{<<"versions">> := {1, 1}, <<"capabilities">> := Can, <<"pool">> := <<"shop">>,
        <<"options">> := #{<<"drain_timeout">> := 30000, <<"log_level">> := 6, <<"log_lines">> := 200, <<"dev">> := false}}, gwport_greeting:hello(Options)),
    ?assertMatch(#{<<"options">> := #{<<"dev">> := true}}, gwport_greeting:hello(Options#{dev := true})).

a_capability_is_in_force_if_both_name_it_test_() ->
    [?_assertMatch({ok, #{files := Files, hijack := Hijack, evidence := Evidence}},
        gwport_greeting:ready((ready())#{<<"capabilities">> := Named}))
        || {Named, Files, Hijack, Evidence} <- [{[], false, false, false}, {[<<"hijack">>], false, true, false},
            {[<<"evidence">>], false, false, true},
            {[<<"file">>, <<"hijack">>, <<"evidence">>], gwport_file:is_possible(), true, true}]].

%% Each has a section of its own.
capabilities_are_those_of_the_spec_test() ->
    Root = filename:dirname(filename:dirname(proplists:get_value(source, gwport_greeting:module_info(compile)))),
    {ok, Text} = file:read_file(filename:join(Root, "SPEC.md")),
    {match, Named} = re:run(Text, "^## \\d+\\. The capability `(\\w+)`$", [global, multiline, {capture, [1], binary}]),
    ?assertEqual(lists:sort(lists:append(Named)),
        lists:sort([gwport_frame:capability(Name) || Name <- gwport_frame:capabilities()])).

hello_says_the_level_as_a_number_test_() ->
    [?_assertMatch({Level, #{<<"options">> := #{<<"log_level">> := N}}}, begin
        {ok, Options} = gwport_pool_options:pool(#{name => shop, command => "sh", log_level => Level}),
        {Level, gwport_greeting:hello(Options)}
    end) || {Level, N} <- [{error, 3}, {warning, 4}, {notice, 5}, {info, 6}, {debug, 7}]].
