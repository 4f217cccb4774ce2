%% The error page of development, seen by a client of a real listener: it is there with the pool's option dev, for a
%% browser, and without it there is nothing of it, whoever asks.
-module(gwport_errorpage_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [ask/2, header/2]).

-define(BROWSER, {<<"accept">>, <<"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8">>}).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts().

groups() ->
    gwport_test:mounts([{group, h1}, {group, h2}, a_page_hears_of_another_program],
        [{h1, [], both()}, {h2, [], both()}]).

both() -> [
    a_panic_is_a_page_for_a_browser,
    an_answer_of_5xx_is_a_page_for_a_browser,
    other_clients_get_what_they_get_in_production,
    production_has_nothing_of_it
].

init_per_group(Proto, Config) when Proto =:= h1; Proto =:= h2 ->
    [{proto, Proto} | Config];
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    [{server, gwport_test:start(#{pool => #{dev => true}})}, {production, gwport_test:start(#{})} | Config].

end_per_group(Proto, _) when Proto =:= h1; Proto =:= h2 -> ok;
end_per_group(_, Config) ->
    [gwport_test:stop(proplists:get_value(Server, Config)) || Server <- [server, production]].

a_panic_is_a_page_for_a_browser(Config) ->
    %% With what panicked, where, by what request, and why the page is there.
    Response = #{status := Status, body := Body, complete := Complete} = ask(Config, panics()),
    ?assertEqual({500, true}, {Status, Complete}),
    ?assertEqual(<<"text/html; charset=utf-8">>, header(<<"content-type">>, Response)),
    ?assertEqual(integer_to_binary(byte_size(Body)), header(<<"content-length">>, Response)),
    Pool = atom_to_binary(gwport_test:pool(proplists:get_value(server, Config))),
    [?assertMatch({Part, true}, {Part, has(Body, Part)}) || Part <- [
        <<"<h1>faults: a panic before the head</h1>">>,
        <<"<code>github.com/gwport/gwport/apps.(*faults).panic</code>">>,
        <<"<tr><th>SCRIPT_NAME</th><td>/faults</td></tr>">>,
        <<"<th>X-Seen</th><td>yes</td>">>,
        <<"<th>Cookie</th><td><i>withheld</i></td>">>,
        <<"bridge: panic serving GET /faults/panic: ">>,
        <<"the pool ", Pool/binary, " has the option dev =&gt; true.">>
    ]],
    ?assertNot(has(Body, <<"s3cret">>)),
    %% A HEAD has its head alone.
    ?assertMatch(#{status := 500, body := <<>>}, ask(Config, (panics())#{method => <<"HEAD">>})).

an_answer_of_5xx_is_a_page_for_a_browser(Config) ->
    Response = #{body := Body} = ask(Config, #{path => "/faults/status?code=503&text=no%20tea", headers => [?BROWSER]}),
    ?assertMatch(#{status := 503}, Response),
    ?assertEqual(<<"text/html; charset=utf-8">>, header(<<"content-type">>, Response)),
    ?assert(has(Body, <<"<h1>no tea</h1>">>)).

other_clients_get_what_they_get_in_production(Config) ->
    [?assertMatch({Accept, #{status := 500, body := <<"Internal Server Error\n">>}},
        {Accept, ask(Config, #{path => "/faults/panic", headers => Accept})})
        || Accept <- [[], [{<<"accept">>, <<"*/*">>}], [{<<"accept">>, <<"application/json">>}]]],
    ?assertMatch(#{status := 503, body := <<"no tea">>}, ask(Config, "/faults/status?code=503&text=no%20tea")).

production_has_nothing_of_it(Config0) ->
    %% Nothing of stack, source or request reaches the client, and a page's question is a request like any other.
    Config = lists:keyreplace(server, 1, Config0, {server, proplists:get_value(production, Config0)}),
    Response = #{headers := Headers} = ask(Config, panics()),
    ?assertMatch(#{status := 500, body := <<"Internal Server Error\n">>}, Response),
    ?assertEqual([], lists:sort([Name || {Name, _} <- Headers])
        -- [<<"content-length">>, <<"content-type">>, <<"date">>, <<"server">>, <<"x-content-type-options">>]),
    ?assertMatch(#{status := 503, body := <<"no tea">>},
        ask(Config, #{path => "/faults/status?code=503&text=no%20tea", headers => [?BROWSER]})),
    ?assertMatch(#{status := 200, body := <<"false\n">>},
        ask(Config, #{path => "/faults/dev", headers => [{<<"gwport-program">>, <<"x">>}]})).

a_page_hears_of_another_program(Config) ->
    %% The same file started anew is the same program; a file that has taken its place is another one.
    Folder = filename:join(proplists:get_value(priv_dir, Config), atom_to_list(gwport_test:mount())),
    ok = filelib:ensure_dir(filename:join(Folder, "x")),
    Program = filename:join(Folder, "program"),
    put_program(Program, {{2020, 1, 1}, {0, 0, 0}}),
    Server = gwport_test:start(#{pool => #{dev => true, command => Program}}),
    try
        One = runs(Server),
        {ok, _} = gwport:reload(gwport_test:pool(Server)),
        ?assertEqual(One, runs(Server)),
        put_program(Program ++ ".new", {{2020, 1, 1}, {0, 0, 1}}),
        ok = file:rename(Program ++ ".new", Program),
        ?assertEqual(One, runs(Server)),
        {ok, _} = gwport:reload(gwport_test:pool(Server)),
        ?assertNotEqual(One, runs(Server))
    after
        gwport_test:stop(Server)
    end.

put_program(Path, Time) ->
    {ok, _} = file:copy(filename:join(code:priv_dir(gwport), "gwport"), Path),
    ok = file:change_mode(Path, 8#755),
    ok = file:change_time(Path, Time).

%% What a page is told, by the path of an app that would panic.
runs(Server) ->
    #{status := 204, headers := #{<<"gwport-program">> := Program}} =
        gwport_test:request(Server, #{path => "/faults/panic", headers => [{<<"gwport-program">>, <<"x">>}]}),
    Program.

panics() ->
    #{path => "/faults/panic?a=b", headers => [?BROWSER, {<<"x-seen">>, <<"yes">>},
        {<<"cookie">>, <<"session=s3cret">>}]}.

has(Body, Part) -> binary:match(Body, Part) =/= nomatch.
