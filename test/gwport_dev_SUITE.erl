%% A Go program that is changed while a node serves it: what is saved goes live, what does not build is in the log and in
%% the browser, and the old program goes on. The watcher, the compiler, the program, Cowboy: all are real.
-module(gwport_dev_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [ask/2, header/2]).

suite() -> [{timetrap, {seconds, 120}}].

%% Each build takes a second: test/slow/gwport_develop_SUITE has more of them.
all() -> gwport_test:mounts() ++ [{group, once}].

groups() ->
    [{route, [], [what_is_saved_goes_live, a_page_outlives_an_earlier_reload, a_pool_without_dev_has_no_page]}, {stream, [], [a_pool_without_dev_has_no_page]},
        {once, [], [wrong_use_is_named, wrong_use_in_the_environment_stops_the_start, a_watcher_that_cannot_start_says_why,
            lines_that_cannot_be_read_end_it]}].

init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

end_per_suite(_) -> ok.

init_per_group(once, Config) -> Config;
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Config.

end_per_group(_, _) -> ok.

init_per_testcase(_, Config) ->
    Config.

end_per_testcase(_, _) ->
    _ = [gwport_dev:stop(Pool) || {{gwport_dev, Pool}, _, _, _} <- supervisor:which_children(gwport_sup)],
    ok.

%% A Go module, and the program of it, which answers with a word.
module(Word, Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), "shop_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Root = gwport_probe:root(),
    save(Dir, "go.mod", ["module example.com/shop\n\ngo 1.25\n\nrequire github.com/gwport/gwport v0.1.0\n\n"
        "replace github.com/gwport/gwport => ", Root, "\n"]),
    {ok, _} = file:copy(filename:join(Root, "go.sum"), filename:join(Dir, "go.sum")),
    save(Dir, "main.go", main(Word)),
    Program = filename:join([Dir, "priv", "shop"]),
    ok = filelib:ensure_dir(Program),
    Port = open_port({spawn_executable, os:find_executable("go")}, [exit_status, stderr_to_stdout, binary, {cd, Dir},
        {args, ["build", "-buildvcs=false", "-ldflags=-w", "-o", Program, "."]}]),
    built(Port),
    {Dir, Program}.

built(Port) ->
    receive
        {Port, {data, _}} -> built(Port);
        {Port, {exit_status, 0}} -> ok
    end.

main(Word) ->
    ["package main\n\nimport (\n\t\"io\"\n\t\"log\"\n\t\"net/http\"\n\n\t\"github.com/gwport/gwport/bridge\"\n)\n\nfunc main() {\n\terr := bridge.Serve(",
        "http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {\n\t\tio.WriteString(w, ", Word, ")\n\t}))\n",
        "\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n}\n"].

save(Dir, Name, Text) ->
    File = filename:join(Dir, Name),
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, Text).

options(Pool, Dir) ->
    #{pool => Pool, dir => Dir, build => ["-buildvcs=false", "-ldflags=-w"], command => [filename:join(code:priv_dir(gwport), "gwport")]}.

%% A listener with the pool at /shop; Config for a client of it.
serve(Program, Options, Config) ->
    Pool = gwport_test:start_pool(Options#{command => Program, env => []}),
    listen(Pool, #{pool => Pool}, Config).

listen(Pool, Mount, Config) ->
    Name = case Mount of #{pool := Pool} -> Pool; #{} -> {behind, Pool} end,
    Listener = gwport_test:mounted([{"/shop/[...]", Mount}], #{idle_timeout => infinity}),
    {ok, _} = cowboy:start_clear(Name, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, Listener),
    {Name, [{proto, h1}, {server, #{pool => Pool, port => ranch:get_port(Name)}} | Config]}.

stop(Pool) ->
    _ = gwport_dev:stop(Pool),
    gwport_test:stop(#{pool => Pool}).

browser() -> browser([]).

browser(More) ->
    [{<<"accept">>, <<"text/html,application/xhtml+xml,*/*;q=0.8">>}, {<<"sec-fetch-dest">>, <<"document">>} | More].

get(Client, Headers) ->
    ask(Client, #{path => <<"/shop/tea?a=1">>, headers => Headers}).

serves(Word, Client) ->
    gwport_test:until(fun() -> Word =:= maps:get(body, get(Client, [])) end, 60000).

what_is_saved_goes_live(Config) ->
    %% From a good program to one that does not build, and on to the next good one; and what each kind of request gets meanwhile.
    {Dir, Program} = module("`one`", Config),
    {Pool, Client} = serve(Program, #{dev => true}, Config),
    Log = gwport_test:capture_log(),
    ok = gwport_dev:start(options(Pool, Dir)),
    {notice, _, #{pool := Pool}} = gwport_test:expect_log("is watched, in " ++ Dir, 60000),
    #{body := <<"one">>, status := 200} = get(Client, browser()),
    save(Dir, "main.go", main("`two`")),
    serves(<<"two">>, Client),

    save(Dir, "main.go", main("two + `<b>`")),
    {error, Text, #{pool := Pool}} = gwport_test:expect_log("does not build, and the old one goes on", 60000),
    ?assertNotEqual(nomatch, string:find(Text, "./main.go:13:21: undefined: two")),
    Page = #{status := 500, body := Html} = get(Client, browser()),
    ?assertEqual(<<"text/html; charset=utf-8">>, header(<<"content-type">>, Page)),
    ?assertEqual(<<"no-store">>, header(<<"cache-control">>, Page)),
    _ = [?assertNotEqual({Part, nomatch}, {Part, string:find(Html, Part)}) || Part <- ["does not build", "./main.go:13:21: undefined: two",
        "<mark><b>13</b><i>\t\tio.WriteString(w, two + `&lt;b&gt;`)</i></mark>", "<b>8</b>", "dev => true" | [Dir]]],
    ?assertEqual(nomatch, string:find(Html, "`<b>`")),
    %% HEAD has the same head; what is no navigation has the old program.
    #{status := 500, body := <<>>} = ask(Client, #{method => <<"HEAD">>, path => <<"/shop/tea">>, headers => browser()}),
    _ = [?assertMatch(#{status := 200, body := <<"two">>}, ask(Client, Request#{path => <<"/shop/tea">>})) || Request <- [
        #{}, #{headers => [{<<"accept">>, <<"*/*">>}]}, #{headers => [{<<"accept">>, <<"application/json">>}, {<<"sec-fetch-dest">>, <<"empty">>}]},
        #{headers => [{<<"accept">>, <<"text/html">>}, {<<"sec-fetch-dest">>, <<"iframe">>}]},
        #{method => <<"POST">>, body => <<"x">>, headers => browser()}]],
    #{status := 500} = get(Client, [{<<"accept">>, <<"text/html">>}]),

    %% Its script asks whether it is still the newest.
    Id = header(<<"x-gwport-dev">>, Page),
    Asks = fun() -> header(<<"x-gwport-dev">>, get(Client, [{<<"x-gwport-dev">>, Id}])) end,
    ?assertEqual(Id, Asks()),

    %% The link leads back here, to the old program.
    {match, [Link]} = re:run(Html, "<a href='([^']*)'>", [{capture, all_but_first, binary}]),
    ?assertEqual(<<"/shop/tea?a=1&amp;gwport-dev=", Id/binary>>, Link),
    Goes = #{status := 303} = ask(Client, #{path => binary:replace(Link, <<"&amp;">>, <<"&">>), headers => browser()}),
    ?assertEqual(<<"/shop/tea?a=1">>, header(<<"location">>, Goes)),
    [Cookie | _] = binary:split(header(<<"set-cookie">>, Goes), <<";">>),
    #{status := 200, body := <<"two">>} = get(Client, browser([{<<"cookie">>, <<"a=b; ", Cookie/binary>>}])),

    %% The next one that does not build is shown in spite of that.
    save(Dir, "main.go", main("three")),
    gwport_test:until(fun() -> Id =/= Asks() end, 60000),
    #{status := 500} = get(Client, browser([{<<"cookie">>, Cookie}])),
    save(Dir, "main.go", main("`four`")),
    serves(<<"four">>, Client),
    gwport_test:until(fun() -> Asks() =:= <<"none">> end),
    #{status := 200, body := <<"four">>} = get(Client, browser()),
    gwport_test:release_log(Log),
    stop(Pool),
    gwport_test:until(fun() -> {ok, ["shop"]} =:= file:list_dir_all(filename:join(Dir, "priv")) end).

a_page_outlives_an_earlier_reload(Config) ->
    %% A good program is slow to come up, and what is saved meanwhile does not build: the page of that is there when the
    %% good one has come up, and it is that which serves behind it.
    {Dir, Program} = module("`one`", Config),
    {Pool, Client} = serve(Program, #{dev => true}, Config),
    Log = gwport_test:capture_log(),
    ok = gwport_dev:start(options(Pool, Dir)),
    {notice, _, _} = gwport_test:expect_log("is watched, in " ++ Dir, 60000),
    Held = filename:join(Dir, "held"),
    ok = file:write_file(Held, <<>>),
    save(Dir, "main.go", slow("`two`", Held)),
    %% It runs, and has not greeted.
    gwport_test:until(fun() -> filelib:is_regular(Held ++ ".seen") end, 60000),
    save(Dir, "main.go", main("two")),
    {error, _, _} = gwport_test:expect_log("does not build, and the old one goes on", 60000),
    #{status := 500} = get(Client, browser()),
    #{status := 200, body := <<"one">>} = get(Client, []),
    ok = file:delete(Held),
    serves(<<"two">>, Client),
    {notice, _, _} = gwport_test:expect_log("is reloaded", 60000),
    %% gwport_dev has heard of it.
    [_] = [sys:get_state(Watcher) || {{gwport_dev, Of}, Watcher, _, _} <- supervisor:which_children(gwport_sup), Of =:= Pool],
    #{status := 500} = get(Client, browser()),
    save(Dir, "main.go", main("`three`")),
    serves(<<"three">>, Client),
    gwport_test:until(fun() -> #{status := Status} = get(Client, browser()), Status =:= 200 end),
    gwport_test:release_log(Log),
    stop(Pool).

%% A program that begins when a file is gone, and says that it has seen it.
slow(Word, File) ->
    Wait = ["\tos.WriteFile(`", File, ".seen`, nil, 0o666)\n\tfor _, err := os.Stat(`", File, "`); err == nil; _, err = os.Stat(`", File,
        "`) {\n\t\ttime.Sleep(10 * time.Millisecond)\n\t}\n"],
    Main = iolist_to_binary(main(Word)),
    Begins = binary:replace(Main, <<"func main() {\n">>, iolist_to_binary(["func main() {\n", Wait])),
    binary:replace(Begins, <<"\t\"net/http\"\n">>, <<"\t\"net/http\"\n\t\"os\"\n\t\"time\"\n">>).

a_pool_without_dev_has_no_page(Config) ->
    %% Whatever is known of it: a reload may have made it one of production.
    Program = filename:join(code:priv_dir(gwport), "gwport"),
    {Pool, Client} = serve(Program, #{dev => true}, Config),
    ok = gwport_dev_page:failed(Pool, #{what => build, ms => 1, lines => [<<"no">>], dir => <<"/">>}),
    #{status := 500} = get(Client, browser()),
    %% Nor does it matter which way a request comes.
    ?assertMatch({ok, {500, _, _}}, gwport:request(Pool, #{path => "/shop/tea", headers => browser()})),
    {Behind, BehindClient} = listen(Pool, #{run => gwport_gateway:chain(gwport_gateway:pool(#{pool => Pool}), [])}, Config),
    #{status := 500} = get(BehindClient, browser()),
    ok = cowboy:stop_listener(Behind),
    {ok, _} = gwport:reload(Pool, #{dev => false}),
    _ = [?assertMatch(#{status := 404}, get(Client, Headers)) || Headers <- [browser(), [{<<"x-gwport-dev">>, <<"x">>}]]],
    ok = gwport_dev_page:good(Pool),
    gwport_test:stop(#{pool => Pool}).

wrong_use_is_named(Config) ->
    Dir = filename:join(gwport_probe:root(), "cmd/gwport"),
    Program = filename:join(code:priv_dir(gwport), "gwport"),
    {Pool, _} = serve(Program, #{}, Config),
    ?assertEqual({error, not_dev}, gwport_dev:start(options(Pool, Dir))),
    ?assertEqual({error, no_pool}, gwport_dev:start(options(nobody, Dir))),
    ?assertEqual({error, not_found}, gwport_dev:stop(nobody)),
    ?assertEqual({error, {missing_option, dir}}, gwport_dev:start([{pool, Pool}])),
    ?assertEqual({error, {missing_option, pool}}, gwport_dev:start(#{dir => Dir})),
    _ = [?assertMatch({error, {bad_option, {Key, _, Why}}}, gwport_dev:start((options(Pool, Dir))#{Key => Value})) || {Key, Value, Why} <- [
        {pool, "shop", "expected an atom, the name of a pool"}, {dir, 1, "expected a text, the folder of a Go program"},
        {dir, "/nowhere", "/nowhere is no folder"},
        {dir, "/", "/ is in no Go module: neither there nor in a folder above it is a go.mod"},
        {command, ["no-such-go", "tool"], "no-such-go is not on PATH"}, {command, [], "expected a list of texts, a program and its first arguments"},
        {build, "-x", "expected a list of texts"}, {env, [{"A", 1}], "expected a list of {Name, Value}, both texts"},
        {fast, true, "no such option"}]],
    {ok, _} = gwport:reload(Pool, #{dev => true}),
    Silent = (options(Pool, Dir))#{command => ["/bin/sh", "-c", "read line"]},
    ok = gwport_dev:start(Silent),
    ?assertEqual({error, already_started}, gwport_dev:start(Silent)),
    stop(Pool).

wrong_use_in_the_environment_stops_the_start(_) ->
    Dir = filename:join(gwport_probe:root(), "cmd/gwport"),
    Good = #{pool => shop, dir => Dir},
    ?assertEqual(ok, gwport_dev:check([Good, #{pool => till, dir => Dir}])),
    ?assertMatch({error, {bad_dev, shop, {bad_option, {pool, shop, "it is watched already"}}}}, gwport_dev:check([Good, Good])),
    ?assertMatch({error, {bad_dev, shop, {bad_option, {dir, "/nowhere", _}}}}, gwport_dev:check([#{pool => shop, dir => "/nowhere"}])),
    ?assertMatch({error, {bad_dev, undefined, {bad_option, {dev, true, "expected a list" ++ _}}}}, gwport_dev:check(true)),
    with_env([#{pool => shop}], fun() ->
        ?assertEqual({error, {bad_dev, shop, {missing_option, dir}}}, gwport_app:start(normal, []))
    end).

with_env(Dev, Fun) ->
    ok = application:set_env(gwport, dev, Dev),
    try Fun() after application:unset_env(gwport, dev) end.

%% A watcher that is a shell's script.
script(Script, Config) ->
    Program = filename:join(code:priv_dir(gwport), "gwport"),
    {Pool, Client} = serve(Program, #{dev => true}, Config),
    Log = gwport_test:capture_log(),
    ok = gwport_dev:start((options(Pool, filename:join(gwport_probe:root(), "cmd/gwport")))#{command => ["/bin/sh", "-c", Script]}),
    {Pool, Client, Log}.

a_watcher_that_cannot_start_says_why(Config) ->
    %% What go says of a module without the tool, and what is to be done.
    {Pool, _, Log} = script("echo 'go: no such tool \"gwport\"'; exit 2", Config),
    {error, Text, _} = gwport_test:expect_log("is not watched: the watcher has ended, exit status 2: go: no such tool \"gwport\""),
    ?assertNotEqual(nomatch, string:find(Text, "go get -tool github.com/gwport/gwport/cmd/gwport")),
    gwport_test:release_log(Log),
    %% It may be started again.
    gwport_test:until(fun() -> ok =:= gwport_dev:start((options(Pool, filename:join(gwport_probe:root(), "cmd/gwport")))#{
        command => ["/bin/sh", "-c", "read line"]}) end),
    stop(Pool).

lines_that_cannot_be_read_end_it(Config) ->
    _ = [begin
        {Pool, _, Log} = script("echo gwport-dev " ++ Line ++ "; read line", Config),
        {error, _, _} = gwport_test:expect_log(Said),
        gwport_test:release_log(Log),
        stop(Pool)
    end || {Line, Said} <- [{"started 2 /", "speaks version 2 of its lines, and this gwport version 1"},
        {"built soon", "\"gwport-dev built soon\", expected `built MILLISECONDS new' or `... same'"}]].
