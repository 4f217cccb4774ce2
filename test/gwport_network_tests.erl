-module(gwport_network_tests).

-include_lib("eunit/include/eunit.hrl").

addresses_of_a_network_are_in_it_to_its_edges_test_() ->
    [{lists:flatten(io_lib:format("~p ~p", [Text, Address])), ?_assertEqual(IsIn, has(Address, [Text]))}
        || {Text, In, Out} <- networks(), {IsIn, Addresses} <- [{true, In}, {false, Out}], Address <- Addresses].

networks() ->
    [{"10.0.0.0/8", [{10, 0, 0, 0}, {10, 255, 255, 255}], [{9, 255, 255, 255}, {11, 0, 0, 0}, unix, none]},
     {"192.0.2.128/25", [{192, 0, 2, 128}, {192, 0, 2, 255}], [{192, 0, 2, 127}, {192, 0, 3, 0}]},
     {"127.0.0.1", [{127, 0, 0, 1}], [{127, 0, 0, 0}, {127, 0, 0, 2}]},
     {{127, 0, 0, 1}, [{127, 0, 0, 1}], [{127, 0, 0, 2}]},
     {"127.0.0.1/32", [{127, 0, 0, 1}], [{127, 0, 0, 2}]},
     {"0.0.0.0/0", [{0, 0, 0, 0}, {255, 255, 255, 255}], [{0, 0, 0, 0, 0, 0, 0, 1}, unix, none]},
     {<<"2001:db8::/32">>, [{16#2001, 16#db8, 0, 0, 0, 0, 0, 0}, {16#2001, 16#db8, 65535, 0, 0, 0, 0, 1}],
        [{16#2001, 16#db7, 65535, 65535, 0, 0, 0, 0}, {16#2001, 16#db9, 0, 0, 0, 0, 0, 0}, {32, 1, 13, 184}]},
     {"::1", [{0, 0, 0, 0, 0, 0, 0, 1}], [{0, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 1}]},
     {{0, 0, 0, 0, 0, 0, 0, 1}, [{0, 0, 0, 0, 0, 0, 0, 1}], [{0, 0, 0, 0, 0, 0, 0, 2}]},
     {"::/0", [{0, 0, 0, 0, 0, 0, 0, 0}, {65535, 0, 0, 0, 0, 0, 0, 0}], [{10, 0, 0, 1}]},
     {unix, [unix], [none, {127, 0, 0, 1}]}].

an_ipv4_address_written_as_ipv6_is_that_address_test_() ->
    Mapped = {0, 0, 0, 0, 0, 16#ffff, 16#0a00, 1},
    [?_assert(has(Mapped, ["10.0.0.0/8"])), ?_assert(has({10, 0, 0, 1}, ["::ffff:10.0.0.0/104"])),
        ?_assertNot(has({11, 0, 0, 1}, ["::ffff:10.0.0.0/104"])), ?_assert(has({10, 0, 0, 1}, ["::ffff:10.0.0.1"])),
        ?_assert(has({10, 0, 0, 1}, ["::ffff:0.0.0.0/96"])), ?_assertNot(has(Mapped, ["::/0"]))].

any_of_several_is_enough_and_none_has_nobody_test() ->
    ?assert(has({10, 0, 0, 1}, ["::1", "192.168.0.0/16", "10.0.0.0/24"])),
    ?assertNot(has({10, 0, 1, 1}, ["::1", "192.168.0.0/16", "10.0.0.0/24"])),
    ?assertNot(has({10, 0, 0, 1}, [])).

what_is_no_network_is_refused_by_name_test_() ->
    [?_assertEqual({error, lists:flatten(io_lib:format("~0p is no address, no network in the form of 10.0.0.0/8, and not unix",
            [Text]))}, gwport_network:network(Text))
        || Text <- ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "/8", "10.0.0",
            "10.0.0.256", "010.0.0.0/8", "0xa.0.0.1", "10.0.0.0/255.0.0.0", "::/129", "::ffff:10.0.0.0/95", "fe80::1%eth0",
            "[::1]", " 10.0.0.1", "10.0.0.1 ", <<"10.0.0.1", 0>>, [16#400], {10, 0, 0}, {10, 0, 0, 256}, 10, local]]
        ++ [?_assertEqual({error, lists:flatten(io_lib:format("~0p has bits behind its prefix", [Text]))},
            gwport_network:network(Text))
            || Text <- ["10.0.0.1/8", "192.0.2.129/25", "2001:db8::1/32", "::ffff:10.0.0.1/104"]].

has(Address, Given) ->
    gwport_network:has(Address, [Network || {ok, Network} <- [gwport_network:network(Text) || Text <- Given]]).
