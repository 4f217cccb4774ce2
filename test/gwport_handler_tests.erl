%% Routes that are checked where they are written, and not with each request.
-module(gwport_handler_tests).

-include_lib("eunit/include/eunit.hrl").

routes_are_for_the_router_test() ->
    {ok, Mount} = gwport_mount_options:mount(#{pool => shop}),
    Routes = [{'_', [{"/a", gwport_handler, #{pool => shop}}, {"/b/:x", [{x, int}], gwport_handler, [{pool, shop}]},
        {"/c", other_handler, anything}]}, {"localhost", [], [{"/d", [], other_handler, []}]}],
    Checked = gwport_handler:routes(Routes),
    ?assertEqual([{'_', [{"/a", gwport_handler, {checked, Mount}},
        {"/b/:x", [{x, int}], gwport_handler, {checked, Mount}}, {"/c", other_handler, anything}]},
        {"localhost", [], [{"/d", [], other_handler, []}]}], Checked),
    ?assertEqual(Checked, gwport_handler:routes(Checked)),
    ?assert(is_list(cowboy_router:compile(Checked))).

what_is_wrong_is_said_with_its_path_test_() ->
    [?_assertError({bad_mount, "/x", Error}, gwport_handler:routes([{"host", [{"/x", gwport_handler, Options}]}]))
        || {Options, Error} <- [{#{}, {missing_option, pool}}, {[{pool, shop}, {ap, 1}], {bad_option, {ap, 1, "no such option"}}},
            {shop, {bad_option, {mount, shop, "expected a map, a keyword list or a property list"}}}]].
