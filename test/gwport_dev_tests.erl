%% What the watcher's lines mean, and which requests get the page of a build that failed.
-module(gwport_dev_tests).

-include_lib("eunit/include/eunit.hrl").

a_line_is_an_event_another_s_or_wrong_test() ->
    [?assertEqual({Line, Event}, {Line, gwport_dev:event(Line)}) || {Line, Event} <- [
        {<<"gwport-dev started 1 /srv/my shop">>, {started, 1, <<"/srv/my shop">>}},
        {<<"gwport-dev building">>, building},
        {<<"gwport-dev output ./main.go:3:1: no">>, {output, <<"./main.go:3:1: no">>}},
        {<<"gwport-dev output ">>, {output, <<>>}},
        {<<"gwport-dev failed 12">>, {failed, 12}},
        {<<"gwport-dev built 12 new">>, {built, 12, new}},
        {<<"gwport-dev built 0 same">>, {built, 0, same}},
        {<<"go: downloading example.com/x v1.0.0">>, other},
        {<<"gwport-development">>, other},
        {<<>>, other}]],
    [?assertMatch({_, {error, "expected " ++ _}}, {Line, gwport_dev:event(<<"gwport-dev ", Line/binary>>)}) || Line <- [
        <<>>, <<"ready">>, <<"building now">>, <<"output">>, <<"started">>, <<"started 1">>, <<"started one /srv">>, <<"started -1 /srv">>,
        <<"failed">>, <<"failed soon">>, <<"failed 1 2">>, <<"built 1">>, <<"built 1 old">>, <<"built one new">>, <<" building">>]].

page_test_() ->
    {setup, fun() -> {ok, _} = application:ensure_all_started(gwport) end, fun(_) -> gwport_dev_page:good(tests) end, [
        fun who_gets_the_page/0, fun the_way_on_is_to_the_same_page/0, fun source_is_shown_as_text/0]}.

request(Method, Path, Query, Headers) ->
    #{<<"method">> => Method, <<"path">> => Path, <<"query">> => Query, <<"headers">> => Headers}.

fails(Lines, Dir) ->
    ok = gwport_dev_page:failed(tests, #{what => build, ms => 1234, lines => Lines, dir => Dir}).

instead(Method, Headers) ->
    gwport_dev_page:instead(tests, request(Method, <<"/a">>, <<>>, Headers)).

who_gets_the_page() ->
    Html = {<<"accept">>, <<"text/html,*/*;q=0.8">>},
    For = fun(What) -> {<<"sec-fetch-dest">>, What} end,
    none = instead(<<"GET">>, [Html]),
    fails([<<"no">>], <<"/">>),
    [?assertMatch({Method, Headers, {ok, _}}, {Method, Headers, instead(Method, Headers)}) || {Method, Headers} <- [
        {<<"GET">>, [Html]}, {<<"HEAD">>, [Html]}, {<<"GET">>, [Html, For(<<"document">>)]},
        %% The page's own question, whatever else it is.
        {<<"GET">>, [{<<"x-gwport-dev">>, <<"1">>}, For(<<"empty">>)]}]],
    [?assertEqual({Method, Headers, none}, {Method, Headers, instead(Method, Headers)}) || {Method, Headers} <- [
        {<<"GET">>, []}, {<<"GET">>, [{<<"accept">>, <<"*/*">>}]}, {<<"GET">>, [{<<"accept">>, <<"application/json">>}]},
        {<<"POST">>, [Html, For(<<"document">>)]}, {<<"PUT">>, [Html]}, {<<"OPTIONS">>, [Html]}]
        ++ [{<<"GET">>, [Html, For(What)]} || What <- [<<"empty">>, <<"iframe">>, <<"image">>, <<"websocket">>]]],
    ?assertEqual(none, gwport_dev_page:instead(others, request(<<"GET">>, <<"/a">>, <<>>, [Html]))),
    ok = gwport_dev_page:good(tests),
    ?assertEqual(none, instead(<<"GET">>, [Html])).

answer(Path, Query, More) ->
    {ok, App} = gwport_dev_page:instead(tests, request(<<"GET">>, Path, Query, [{<<"accept">>, <<"text/html">>} | More])),
    {Status, Headers, Body} = App(#{}),
    {Status, maps:from_list(Headers), unicode:characters_to_binary(Body)}.

the_way_on_is_to_the_same_page() ->
    %% With the query that it had; never to another host.
    fails([<<"no">>], <<"/">>),
    {500, #{<<"x-gwport-dev">> := Id}, _} = answer(<<"/a">>, <<>>, []),
    On = <<"gwport-dev=", Id/binary>>,
    [begin
        {500, _, Page} = answer(Path, Query, []),
        ?assertNotEqual(nomatch, string:find(Page, ["<a href='", Link, On, "'>"])),
        {303, #{<<"location">> := Location, <<"set-cookie">> := Cookie}, _} = answer(Path, <<Added/binary, On/binary>>, []),
        ?assertEqual({Path, Query, Back}, {Path, Query, Location}),
        ?assertEqual(<<On/binary, "; Path=/; HttpOnly; SameSite=Lax">>, Cookie)
    end || {Path, Query, Link, Added, Back} <- [
        {<<"/a">>, <<>>, "/a?", <<>>, <<"/a">>},
        {<<"/a">>, <<"b=c">>, "/a?b=c&amp;", <<"b=c&">>, <<"/a?b=c">>},
        {<<"//evil.example/'>">>, <<>>, "/evil.example/&#39;&gt;?", <<>>, <<"/evil.example/'>">>}]],
    Html = {<<"accept">>, <<"text/html">>},
    ?assertEqual(none, instead(<<"GET">>, [Html, {<<"cookie">>, <<"a=b; ", On/binary>>}])),
    fails([<<"no, again">>], <<"/">>),
    ?assertMatch({ok, _}, instead(<<"GET">>, [Html, {<<"cookie">>, On}])).

source_is_shown_as_text() ->
    %% Each line that is named, once, where its file is there; and a file may hold anything.
    Dir = filename:join(os:getenv("TMPDIR", "/tmp"), "gwport_dev_tests_" ++ os:getpid()),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    File = filename:join(Dir, "main.go"),
    ok = file:write_file(File, [<<"line 1\nline 2\n">>, lists:duplicate(9, <<"<b>\0\xff&\n">>), <<"line 12\n">>]),
    fails([<<"# shop">>, <<"./main.go:2:3: first">>, <<"./main.go:2:5: second">>, <<"main.go:12: last">>, <<"main.go:99:1: beyond">>,
        <<"none.go:1:1: gone">>, <<"\tgo get x">>], unicode:characters_to_binary(Dir)),
    {500, #{<<"content-security-policy">> := Policy}, Page} = answer(<<"/a">>, <<>>, []),
    ok = file:delete(File),
    ok = file:del_dir(Dir),
    ?assertEqual(2, length(binary:matches(Page, <<"<pre class='source'">>))),
    [?assertNotEqual({Part, nomatch}, {Part, binary:match(Page, Part)}) || Part <- [<<"<mark><b>2</b><i>line 2</i></mark>">>, <<"<b>1</b><i>line 1</i>">>,
        <<"<b>7</b><i>&lt;b&gt;", 16#fffd/utf8, 16#fffd/utf8, "&amp;</i>">>, <<"<mark><b>12</b><i>line 12</i></mark>">>, <<"none.go:1:1: gone">>, <<"after 1.2 s">>]],
    ?assertEqual(nomatch, binary:match(Page, <<"<b>13</b>">>)),
    ?assertEqual(nomatch, binary:match(Policy, <<"unsafe">>)).

a_pool_that_is_watched_is_one_of_development_test() ->
    Pool = fun(More) -> {ok, #{dev := Dev}} = gwport_pool_options:pool(maps:merge(#{name => shop, command => "/bin/sh"}, More)), Dev end,
    ?assertEqual(false, Pool(#{})),
    ok = application:set_env(gwport, dev, [[{pool, shop}, {dir, "go"}]]),
    try
        ?assertEqual(true, Pool(#{})),
        ?assertEqual(false, Pool(#{dev => false})),
        ?assertEqual(false, Pool(#{name => till}))
    after
        application:unset_env(gwport, dev)
    end.
