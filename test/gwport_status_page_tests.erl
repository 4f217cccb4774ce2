-module(gwport_status_page_tests).

-include_lib("eunit/include/eunit.hrl").

root() ->
    filename:dirname(filename:dirname(proplists:get_value(source, gwport_status_page:module_info(compile)))).

%% The demo's pages are the apps' and, but for the list, this one.
the_style_begins_as_that_of_the_apps_pages_test() ->
    {ok, Apps} = file:read_file(filename:join([root(), "apps", "page.css"])),
    ?assertMatch({0, _}, binary:match(string:trim(gwport_status_page:style(), leading), string:trim(Apps))).

%% What stands between quotes in Erlang is read by Erlang first.
the_page_has_nothing_that_means_something_to_erlang_test() ->
    {ok, Page} = file:read_file(filename:join([root(), "erlang", "gwport_status_page.hrl"])),
    ?assertEqual(nomatch, binary:match(Page, <<"\\">>)),
    Texts = [Text || <<"<<\"", _/bytes>> = Text <- binary:split(Page, [<<"-define(">>, <<", ">>], [global])],
    ?assertEqual([], [Text || Text <- Texts, length(binary:matches(Text, <<"\"">>)) > 2]).
