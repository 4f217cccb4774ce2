%% The status page through a real Cowboy: who may see it, what it is made of, what its events tell of real programs, and
%% what a POST has done. test/browser has the page itself, in Chromium.
-module(gwport_status_page_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [open/1, close/1, ask/2, start/2, send/3, head/1, piece/2, header/2]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts() ++ [{group, cowboy}, {group, soon}, {group, live}].

groups() ->
    Protocols = [{group, h1}, {group, h2}],
    gwport_test:mounts(Protocols, [{cowboy, [], Protocols}, {h1, [], both()}, {h2, [], both()}, {live, [parallel], live()},
        {soon, [], [a_program_that_is_killed_is_seen_within_two_seconds]}]).

both() -> [
    who_has_no_password_sees_nothing,
    a_fun_says_who_may,
    a_page_that_is_open_says_so_once,
    the_page_has_nothing_from_outside,
    the_page_is_in_its_own_folder,
    buttons_are_there_with_control_alone,
    a_post_without_the_token_does_nothing,
    a_post_of_another_page_does_nothing,
    a_post_without_control_does_nothing_but_fetch_stacks,
    what_is_not_there_is_said,
    wrong_options_are_named_without_a_password
].

live() -> [
    figures_are_those_of_the_requests,
    a_port_that_does_not_come_up_is_seen,
    lines_are_told_once_and_whatever_is_in_them,
    routes_are_told_as_they_were_written,
    a_pool_is_reloaded_resized_and_drained,
    stacks_are_those_of_the_program
].

init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

end_per_suite(_) -> ok.

init_per_group(Proto, Config) when Proto =:= h1; Proto =:= h2 -> [{proto, Proto} | Config];
init_per_group(Live, Config) when Live =:= live; Live =:= soon -> [{proto, h1}, {by, cowboy} | Config];
init_per_group(cowboy, Config) -> [{by, cowboy} | Config];
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    [{by, mount} | Config].

end_per_group(_, _) -> ok.

init_per_testcase(_, Config) -> Config.

end_per_testcase(Case, _) ->
    try cowboy:stop_listener(Case)
    catch error:badarg -> no_listener
    end.

%% Mounted at /gwport/[...], beside what else there is to be.
page(Case, Options, Config) ->
    page(Case, Options, [], Config).

page(Case, Options, Routes, Config) ->
    Listener = case proplists:get_value(by, Config) of
        cowboy -> #{stream_handlers => [gwport_pipeline_h, cowboy_stream_h], env => #{dispatch =>
            cowboy_router:compile([{'_', [{"/gwport/[...]", gwport_status_page, Options}
                | [{Path, gwport_handler, Mount} || {Path, Mount} <- Routes]]}])}};
        mount -> gwport_test:mounted([{"/gwport/[...]", #{run => gwport_status_page:app(Options)}} | Routes], #{})
    end,
    {ok, _} = cowboy:start_clear(Case, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, Listener#{idle_timeout => infinity}),
    [{server, #{port => ranch:get_port(Case)}} | Config].

status(Page, Path, Headers) ->
    #{status := Status} = ask(Page, #{path => Path, headers => Headers}),
    Status.

basic(Credentials) ->
    {<<"authorization">>, <<"Basic ", (base64:encode(Credentials))/binary>>}.

%% A POST as the page makes it; more headers take the place of its own.
post(Page, What, Fields, Headers) ->
    Own = [{<<"x-gwport-token">>, token(Page)}, {<<"content-type">>, <<"application/x-www-form-urlencoded">>}],
    Form = uri_string:compose_query([{Key, Value} || {Key, Value} <- Fields]),
    ask(Page, #{method => <<"POST">>, path => ["/gwport/", What], body => Form,
        headers => Headers ++ [Header || Header = {Name, _} <- Own, not lists:keymember(Name, 1, Headers)]}).

token(Page) ->
    #{status := 200, body := Html} = ask(Page, "/gwport/"),
    {match, [Token]} = re:run(Html, "<meta name='gwport-token' content='([0-9A-F]{64})'>", [{capture, all_but_first, binary}]),
    Token.

%% Who may see it

who_has_no_password_sees_nothing(Config) ->
    %% Neither the page, nor its events, nor what a POST does; a part of a password is none.
    Page = page(?FUNCTION_NAME, #{auth => {basic, "ops", <<"s3cret:ø"/utf8>>}, control => true}, Config),
    _ = [begin
        Response = ask(Page, #{path => Path, method => Method, headers => Headers}),
        ?assertMatch(#{status := 401, body := <<"This page wants a user and a password.\n">>}, Response),
        ?assertEqual(<<"Basic realm=\"gwport\", charset=\"UTF-8\"">>, header(<<"www-authenticate">>, Response))
    end || {Method, Path} <- [{<<"GET">>, "/gwport"}, {<<"GET">>, "/gwport/"}, {<<"GET">>, "/gwport/events"}, {<<"POST">>, "/gwport/reload"},
                {<<"POST">>, "/gwport/stacks"}, {<<"GET">>, "/gwport/nothing"}],
            Headers <- [[], [basic(<<"ops:s3cret">>)]]],
    _ = [?assertEqual(401, status(Page, "/gwport/", [{<<"authorization">>, Value}]))
        || Value <- [<<>>, <<"Basic">>, <<"Basic ">>, <<"Basic !">>, <<"Basic b3Bz">>, <<"Bearer x">>,
            base64:encode(<<"ops:s3cret:ø"/utf8>>)]],
    _ = [?assertEqual(401, status(Page, "/gwport/", [basic(Wrong)]))
        || Wrong <- [<<"ops:s3cret:ø "/utf8>>, <<"Ops:s3cret:ø"/utf8>>, <<"ops:">>, <<":">>, <<>>]],
    ?assertEqual(200, status(Page, "/gwport/", [basic(<<"ops:s3cret:ø"/utf8>>)])),
    ?assertEqual(200, status(Page, "/gwport/", [{<<"authorization">>,
        <<"basic ", (base64:encode(<<"ops:s3cret:ø"/utf8>>))/binary>>}])).

a_fun_says_who_may(Config) ->
    %% And nothing but `true' is a yes.
    Page = page(?FUNCTION_NAME, [{auth, fun
        (#{<<"HTTP_X_WHO">> := <<"me">>}) -> true;
        (#{<<"HTTP_X_WHO">> := <<"nearly">>}) -> ok;
        (_) -> false
    end}], Config),
    ?assertEqual([403, 403, 403, 200], [status(Page, "/gwport/", Headers)
        || Headers <- [[], [{<<"x-who">>, <<"you">>}], [{<<"x-who">>, <<"nearly">>}], [{<<"x-who">>, <<"me">>}]]]).

a_page_that_is_open_says_so_once(Config) ->
    true = ets:delete(gwport_seen, {gwport_status_page, open}),
    Log = gwport_test:capture_log(),
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    _ = [?assertEqual(200, status(Page, "/gwport/", [])) || _ <- [1, 2]],
    gwport_test:release_log(Log),
    ?assertMatch([_], [Text || {log_event, warning, Text, _} <- element(2, process_info(self(), messages)),
        string:find(Text, "open to everybody") =/= nomatch]).

%% What it is made of

the_page_has_nothing_from_outside(Config) ->
    %% And its policy lets its own script and style run, and nothing else.
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    Response = #{status := 200, body := Html} = ask(Page, "/gwport/"),
    ?assertEqual(<<"no-store">>, header(<<"cache-control">>, Response)),
    ?assertEqual(<<"nosniff">>, header(<<"x-content-type-options">>, Response)),
    ?assertEqual(<<"text/html; charset=utf-8">>, header(<<"content-type">>, Response)),
    Policy = header(<<"content-security-policy">>, Response),
    ?assertMatch({0, _}, binary:match(Policy, <<"default-src 'none'; ">>)),
    ?assertEqual(nomatch, binary:match(Policy, <<"unsafe">>)),
    _ = [begin
        {match, [[Inside]]} = re:run(Html, ["<", Tag, ">(.*?)</", Tag, ">"], [global, dotall, {capture, all_but_first, binary}]),
        Source = iolist_to_binary([Tag, "-src 'sha256-", base64:encode(crypto:hash(sha256, Inside)), "';"]),
        ?assertNotEqual(nomatch, binary:match(Policy, Source))
    end || Tag <- ["script", "style"]],
    ?assertEqual(nomatch, re:run(Html, "https?://|src=|@import|url\\(|innerHTML|style=| on[a-z]+=")),
    Head = ask(Page, #{method => <<"HEAD">>, path => "/gwport/"}),
    ?assertMatch(#{status := 200, body := <<>>}, Head),
    ?assertEqual(<<"text/event-stream">>, header(<<"content-type">>, ask(Page, #{method => <<"HEAD">>, path => "/gwport/events"}))).

the_page_is_in_its_own_folder(Config) ->
    %% Whatever stands before Cowboy, a browser finds what is beside it.
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    Response = #{status := 308} = ask(Page, "/gwport"),
    ?assertEqual(<<"gwport/">>, header(<<"location">>, Response)).

buttons_are_there_with_control_alone(Config) ->
    Buttons = fun(Case, Options) ->
        #{body := Html} = ask(page(Case, Options, Config), "/gwport/"),
        _ = cowboy:stop_listener(Case),
        [Word || Word <- [<<"<template id='controls'>">>, <<">Reload<">>, <<">Resize<">>, <<">Drain<">>],
            binary:match(Html, Word) =/= nomatch]
    end,
    ?assertEqual([], Buttons(?FUNCTION_NAME, #{auth => none})),
    ?assertEqual([], Buttons(?FUNCTION_NAME, #{auth => none, control => false})),
    ?assertEqual(4, length(Buttons(?FUNCTION_NAME, #{auth => none, control => true}))).

%% What a POST may do

a_post_without_the_token_does_nothing(Config) ->
    Page = page(?FUNCTION_NAME, #{auth => none, control => true}, Config),
    Token = token(Page),
    _ = [?assertMatch(#{status := 403}, post(Page, What, [{"pool", "nobody"}], [{<<"x-gwport-token">>, Wrong}]))
        || What <- ["reload", "resize", "drain", "stacks"],
            Wrong <- [<<>>, <<"0">>, binary:copy(<<"0">>, 64), string:lowercase(Token), <<Token/binary, "0">>]],
    ?assertMatch(#{status := 403}, ask(Page, #{method => <<"POST">>, path => "/gwport/reload", body => ["pool=nobody&token=", Token]})),
    ?assertMatch(#{status := 404}, post(Page, "reload", [{"pool", "nobody"}], [])).

a_post_of_another_page_does_nothing(Config) ->
    %% Where a browser says whose it is: in one of these fields, or the other.
    Page = page(?FUNCTION_NAME, #{auth => none, control => true}, Config),
    Host = <<"localhost">>,
    _ = [?assertEqual({Headers, Status}, {Headers, maps:get(status, post(Page, "drain", [{"pool", "nobody"}], Headers))})
        || {Status, Headers} <- [
            {403, [{<<"sec-fetch-site">>, <<"cross-site">>}]}, {403, [{<<"sec-fetch-site">>, <<"same-site">>}]},
            {403, [{<<"sec-fetch-site">>, <<"none">>}]}, {403, [{<<"origin">>, <<"http://evil.example">>}]},
            {403, [{<<"origin">>, <<"null">>}]}, {403, [{<<"origin">>, <<"http://", Host/binary, ".evil.example">>}]},
            {404, [{<<"origin">>, <<"http://", Host/binary>>}]}, {404, [{<<"sec-fetch-site">>, <<"same-origin">>}]}]].

a_post_without_control_does_nothing_but_fetch_stacks(Config) ->
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    ?assertEqual([403, 403, 403, 404], [Status || What <- ["reload", "resize", "drain", "stacks"],
        #{status := Status} <- [post(Page, What, [{"pool", "nobody"}, {"ports", "1"}], [])]]).

what_is_not_there_is_said(Config) ->
    Page = page(?FUNCTION_NAME, #{auth => none, control => true}, Config),
    ?assertMatch(#{status := 404}, ask(Page, "/gwport/nothing")),
    _ = [begin
        Response = #{status := 405} = ask(Page, #{method => Method, path => ["/gwport/", Path]}),
        ?assertEqual(Allow, header(<<"allow">>, Response))
    end || {Method, Path, Allow} <- [{<<"DELETE">>, "", <<"GET, HEAD">>}, {<<"OPTIONS">>, "events", <<"GET, HEAD">>},
        {<<"GET">>, "reload", <<"POST">>}]],
    %% A form has 4096 bytes, five of them `pool=`.
    ?assertMatch(#{status := 404}, post(Page, "reload", [{"pool", lists:duplicate(4091, $a)}], [])),
    ?assertMatch(#{status := 413}, post(Page, "reload", [{"pool", lists:duplicate(4092, $a)}], [])),
    ?assertMatch(#{status := 404}, post(Page, "reload", [], [])).

wrong_options_are_named_without_a_password(Config) ->
    %% By app/1 at once; by a route of Cowboy's in the log.
    _ = [?assertError(Error, gwport_status_page:app(Options)) || {Error, Options} <- wrong()],
    case proplists:get_value(by, Config) of
        mount ->
            ok;
        cowboy ->
            Log = gwport_test:capture_log(),
            Page = page(?FUNCTION_NAME, #{auth => {basic, "o:ps", "s3cret"}}, Config),
            ?assertMatch(#{status := 500, body := <<"The options of this page are wrong; the log says how.\n">>}, ask(Page, "/gwport/")),
            {error, Text, _} = gwport_test:expect_log("the options of the status page are wrong"),
            gwport_test:release_log(Log),
            ?assertEqual(nomatch, string:find(Text, "s3cret"))
    end.

wrong() ->
    Auth = {bad_option, {auth, hidden, "expected none, {basic, User, Password} with a user without a colon and a password, "
        "or a fun of one argument"}},
    [{{missing_option, auth}, #{}}, {{missing_option, auth}, [control]},
        {{bad_option, {options, hidden, "expected a map, a keyword list or a property list"}}, "s3cret"},
        {{bad_option, {control, "s3cret", "expected true or false"}}, #{auth => none, control => "s3cret"}},
        {{bad_option, {pasword, hidden, "no such option"}}, #{auth => none, pasword => "s3cret"}}
        | [{Auth, #{auth => Value}} || Value <- [undefined, true, {basic, "o:ps", "s3cret"}, {basic, "ops", ""}, {basic, ops, "s3cret"},
            {basic, [-1], "s3cret"}, fun() -> true end]]].

%% What it tells

figures_are_those_of_the_requests(Config) ->
    %% Of a pool and its port: what there is, what is under way, and what has come of it in the last seconds.
    Pool = pool_of(2, #{name => figures, max_streams => 7}),
    Page = page(?FUNCTION_NAME, #{auth => none}, [{"/hello/[...]", #{pool => Pool, app => hello}}, {"/faults/[...]", #{pool => Pool, app => faults}}],
        Config),
    Events0 = events(Page),
    {First, Events1} = event(Events0),
    ?assertMatch(#{<<"version">> := <<_/binary>>, <<"otp">> := <<_/binary>>, <<"memory">> := Memory} when Memory > 1000000, First),
    ?assertMatch(#{<<"size">> := 2, <<"ready">> := true, <<"limit">> := 14, <<"in_flight">> := 0, <<"rate">> := null, <<"p50">> := null,
        <<"restarts">> := 0, <<"last_end">> := null, <<"circuit">> := <<"closed">>}, pool(Pool, First)),
    {ok, Ports} = gwport:info(Pool),
    ?assertEqual(lists:sort([OsPid || #{os_pid := OsPid} <- Ports]),
        lists:sort([OsPid || #{<<"os_pid">> := OsPid} <- maps:get(<<"ports">>, pool(Pool, First))])),
    _ = [?assertMatch(#{<<"state">> := <<"serving">>, <<"program">> := <<"gwport">>, <<"version">> := <<_/binary>>, <<"max_streams">> := 7,
        <<"credit_out">> := 0, <<"memory">> := Resident, <<"owner_memory">> := Owner} when Resident > 1000000 andalso Owner > 1000, Port)
        || Port <- maps:get(<<"ports">>, pool(Pool, First))],
    Waiting = open(Page),
    _ = start(Waiting, #{method => <<"GET">>, path => "/faults/sleep?s=30"}),
    _ = [#{status := 200} = ask(Page, "/hello") || _ <- lists:seq(1, 10)],
    #{status := 500} = ask(Page, "/faults/panic"),
    #{status := 200, complete := false} = ask(Page, "/faults/panic-late?bytes=100000"),
    {Shown, Events} = until(fun(Node) ->
        #{<<"in_flight">> := InFlight, <<"statuses">> := Statuses, <<"failures">> := Failed, <<"ports">> := Those} = pool(Pool, Node),
        {InFlight, lists:sum([Served || #{<<"served">> := Served} <- Those]), Statuses, Failed} =:= {1, 11, #{<<"2xx">> => 11, <<"3xx">> => 0, <<"4xx">> => 0, <<"5xx">> => 1}, #{<<"app_failed">> => 1}}
    end, Events1),
    #{<<"rate">> := Rate, <<"p50">> := P50, <<"p99">> := P99, <<"ports">> := Now} = pool(Pool, Shown),
    ?assert(Rate > 0 andalso Rate =< 12),
    ?assert(is_integer(P50) andalso P50 =< P99),
    ?assertEqual([0, 262144], lists:sort([Credit || #{<<"credit_out">> := Credit} <- Now])),
    close(Waiting),
    over(Events),
    gwport_test:stop_pool(Pool).

a_program_that_is_killed_is_seen_within_two_seconds(Config) ->
    Pool = gwport_test:start_pool(#{name => killed}),
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    {Node, Events0} = event(events(Page)),
    #{<<"ports">> := [#{<<"os_pid">> := OsPid}]} = pool(Pool, Node),
    At = erlang:monotonic_time(millisecond),
    _ = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    {Told, Events} = told("\"restarts\":1", Events0),
    Took = erlang:monotonic_time(millisecond) - At,
    Shown = json(Told),
    ?assert(Took < 2000, Took),
    ?assertMatch(#{<<"why">> := <<"it ended while serving, killed by signal 9">>, <<"ago">> := Ago} when Ago < 2000,
        maps:get(<<"last_end">>, pool(Pool, Shown))),
    over(Events),
    gwport_test:stop_pool(Pool).

a_port_that_does_not_come_up_is_seen(Config) ->
    Pool = gwport_test:start_pool(#{name => never, command => "/bin/false", restart_delay => 60000, max_restart_delay => 60000}),
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    {Shown, Events} = until(fun(Node) ->
        [Port | _] = maps:get(<<"ports">>, pool(Pool, Node)),
        maps:get(<<"state">>, Port) =:= <<"waiting">> andalso maps:get(<<"failures">>, Port) >= 2
    end, events(Page)),
    ?assertMatch(#{<<"ready">> := false, <<"limit">> := 0, <<"ports">> := [#{<<"next_try">> := Next,
        <<"why">> := <<"it ended before it was ready, exit status 1">>}]} when is_integer(Next), pool(Pool, Shown)),
    over(Events),
    gwport_test:stop_pool(Pool).

lines_are_told_once_and_whatever_is_in_them(Config) ->
    %% A line cannot be taken for an event, or for more of a page, than it is.
    Pool = gwport_test:start_pool(#{name => 'l"<i>\n\x{1f600}', log_level => debug}),
    Page = page(?FUNCTION_NAME, #{auth => none}, [{"/faults/[...]", #{pool => Pool, app => faults}}], Config),
    {Node, Events0} = event(events(Page)),
    ?assertEqual([], maps:get(<<"lines">>, pool(Pool, Node))),
    Nasty = "</script><img src=x>\n\ndata: {}\n\n\"}]" ++ [16#2028, 16#1f600],
    _ = [#{status := 200} = ask(Page, ["/faults/slog?", uri_string:compose_query([{"level", Level}, {"text", Nasty ++ Level}])])
        || Level <- ["ERROR", "WARN", "DEBUG"]],
    {Lines, Events1} = lines(3, Pool, Events0),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
    ?assertEqual([{<<"error">>, OsPid}, {<<"warning">>, OsPid}, {<<"debug">>, OsPid}],
        [{Level, Of} || #{<<"level">> := Level, <<"os_pid">> := Of} <- Lines]),
    ?assertMatch(#{<<"text">> := <<"\"</script><img src=x>\\n\\ndata: {}\\n\\n\\\"}]\\u2028", 16#1f600/utf8, "ERROR\"", _/binary>>}, hd(Lines)),
    {Last, Events2} = event(Events1),
    ?assertEqual([], maps:get(<<"lines">>, pool(Pool, Last))),
    over(Events2),
    %% Who comes later sees the last of them, each up to a length.
    gwport_test:until(fun() ->
        #{status := 200} = ask(Page, ["/faults/slog?count=40&text=", lists:duplicate(6000, $x)]),
        {Late, Events} = event(events(Page)),
        over(Events),
        Texts = [Text || #{<<"text">> := Text} <- maps:get(<<"lines">>, pool(Pool, Late))],
        length(Texts) =:= 100 andalso lists:usort([byte_size(Text) || Text <- Texts]) =:= [4099]
    end),
    gwport_test:stop_pool(Pool).

routes_are_told_as_they_were_written(Config) ->
    Routes = [{"/shop/[...]", gwport_handler, #{pool => shop, app => "tea"}}, {"/plain", cowboy_static, {file, "x"}},
        {"/app", gwport_handler, [{run, ?MODULE}]}],
    Listener = #{env => #{dispatch => cowboy_router:compile(gwport_handler:routes([{"[www.]example.org", Routes}, {'_', [{'_', gwport_handler,
        #{pool => shop}}]}]))}, stream_handlers => [gwport_pipeline_h, gwport_stream_h, cowboy_stream_h],
        gwport => gwport_stream_h:mounts([{'_', [{"/a/:id/[b]", #{run => fun app/1}}]}])},
    {ok, _} = cowboy:start_clear({routes, 1}, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, Listener),
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    {#{<<"routes">> := Told}, Events} = event(events(Page)),
    Port = ranch:get_port({routes, 1}),
    ?assertEqual([
        {<<"any">>, <<"/a/:id">>, <<"gwport_stream_h">>, <<"run">>, atom_to_binary(?MODULE), <<>>},
        {<<"any">>, <<"/a/:id/b">>, <<"gwport_stream_h">>, <<"run">>, atom_to_binary(?MODULE), <<>>},
        {<<"example.org">>, <<"/shop/[...]">>, <<"gwport_handler">>, <<"pool">>, <<"shop">>, <<"tea">>},
        {<<"example.org">>, <<"/app">>, <<"gwport_handler">>, <<"run">>, atom_to_binary(?MODULE), <<>>},
        {<<"www.example.org">>, <<"/shop/[...]">>, <<"gwport_handler">>, <<"pool">>, <<"shop">>, <<"tea">>},
        {<<"www.example.org">>, <<"/app">>, <<"gwport_handler">>, <<"run">>, atom_to_binary(?MODULE), <<>>},
        {<<"any">>, <<"any">>, <<"gwport_handler">>, <<"pool">>, <<"shop">>, <<>>}
    ], [{Host, Path, By, Kind, Name, App} || #{<<"listener">> := <<"{routes,1}">>, <<"port">> := At, <<"scheme">> := <<"http">>, <<"host">> := Host,
        <<"path">> := Path, <<"handler">> := By, <<"kind">> := Kind, <<"name">> := Name, <<"app">> := App} <- Told, At =:= Port]),
    over(Events),
    cowboy:stop_listener({routes, 1}).

app(_) -> gwport_gateway:text(200, "").

%% What it does

a_pool_is_reloaded_resized_and_drained(Config) ->
    Pool = gwport_test:start_pool(#{name => controlled}),
    Page = page(?FUNCTION_NAME, #{auth => none, control => true}, Config),
    Of = [{"pool", "controlled"}],
    {ok, [#{os_pid := Before}]} = gwport:info(Pool),
    ?assertMatch(#{status := 200, body := <<"pool controlled is reloaded: 1 started, 1 replaced\n">>}, post(Page, "reload", Of, [])),
    gwport_test:until(fun() -> {ok, Ports} = gwport:info(Pool), [After || #{os_pid := After} <- Ports] -- [Before] =/= [] end),
    ?assertMatch(#{status := 200, body := <<"pool controlled is to have 3 ports\n">>}, post(Page, "resize", [{"ports", "3"} | Of], [])),
    ?assertMatch({ok, #{size := 3}}, gwport:status(Pool)),
    _ = [?assertMatch({Wrong, #{status := Status, body := Body}}, {Wrong, post(Page, "resize", Wrong ++ Of, [])}) || {Status, Body, Wrong} <- [
        {409, <<"ports: expected an integer from 1 to 1024\n">>, [{"ports", "0"}]},
        {400, <<"ports is no number\n">>, [{"ports", "many"}]}, {400, <<"ports is no number\n">>, [{"ports", "3x"}]},
        {400, <<"ports is no number\n">>, []}]],
    ?assertMatch(#{status := 200}, post(Page, "drain", Of, [])),
    gwport_test:until(fun() -> {ok, #{size := Size, ports := Ports}} = gwport:status(Pool), {Size, Ports} =:= {0, #{}} end),
    {Drained, Events} = event(events(Page)),
    ?assertMatch(#{<<"size">> := 0, <<"ready">> := false, <<"ports">> := []}, pool(Pool, Drained)),
    over(Events),
    gwport_test:stop_pool(Pool).

stacks_are_those_of_the_program(Config) ->
    Pool = pool_of(2, #{name => stacked}),
    Page = page(?FUNCTION_NAME, #{auth => none}, Config),
    {ok, [#{os_pid := OsPid} | _]} = gwport:info(Pool),
    Response = #{status := 200, body := Stacks} = post(Page, "stacks", [{"pool", "stacked"}, {"os_pid", integer_to_list(OsPid)}], []),
    ?assertMatch({match, _}, re:run(Stacks, "^goroutine [0-9]+ \\[running")),
    ?assertEqual(<<"text/plain; charset=utf-8">>, header(<<"content-type">>, Response)),
    ?assertMatch(#{status := 409, body := <<"no program of pool stacked that is up has the OS pid 1\n">>},
        post(Page, "stacks", [{"pool", "stacked"}, {"os_pid", "1"}], [])),
    ?assertMatch(#{status := 400}, post(Page, "stacks", [{"pool", "stacked"}], [])),
    gwport_test:stop_pool(Pool).

%% All of its programs serve.
pool_of(Ports, Options) ->
    Pool = gwport_test:start_pool(Options#{ports => Ports}),
    gwport_test:until(fun() -> {ok, #{ports := States}} = gwport:status(Pool), States =:= #{serving => Ports} end),
    Pool.

%% The events

events(Page) ->
    Client = open(Page),
    Stream = start(Client, #{method => <<"GET">>, path => "/gwport/events"}),
    send(Stream, fin, <<>>),
    ?assertMatch(#{status := 200}, head(Stream)),
    {Client, Stream, <<>>}.

over({Client, _, _}) -> close(Client).

%% The next one.
event(Events0) ->
    {Json, Events} = data(Events0),
    {json(Json), Events}.

%% The next one that has a text in it.
told(Text, Events0) ->
    {Json, Events} = data(Events0),
    case string:find(Json, Text) of
        nomatch -> told(Text, Events);
        _ -> {Json, Events}
    end.

data({Client, Stream, Had}) ->
    case binary:split(Had, <<"\n\n">>) of
        [<<"data: ", Json/binary>>, Rest] ->
            ?assertEqual(nomatch, binary:match(Json, <<"\n">>)),
            {Json, {Client, Stream, Rest}};
        [<<"retry: 1000">>, Rest] -> data({Client, Stream, Rest});
        [_] -> data({Client, Stream, <<Had/binary, (piece(Stream, 1))/binary>>})
    end.

%% By another reader of JSON than ours, for we have none.
json(Json) ->
    File = filename:join("/tmp", "gwport_status_page_" ++ integer_to_list(erlang:unique_integer([positive])) ++ os:getpid()),
    ok = file:write_file(File, Json),
    Term = os:cmd(filename:join(code:priv_dir(gwport), "gwport") ++ " term --from json --to base64 < " ++ File),
    ok = file:delete(File),
    binary_to_term(base64:decode(string:trim(Term))).

until(Is, Events0) ->
    {Node, Events} = event(Events0),
    case Is(Node) of
        true -> {Node, Events};
        false -> until(Is, Events)
    end.

lines(0, _, Events) ->
    {[], Events};
lines(Count, Pool, Events0) ->
    {Node, Events1} = event(Events0),
    Lines = maps:get(<<"lines">>, pool(Pool, Node)),
    {More, Events} = lines(Count - length(Lines), Pool, Events1),
    {Lines ++ More, Events}.

pool(Name, #{<<"pools">> := Pools}) ->
    [Pool] = [Pool || Pool = #{<<"name">> := Of} <- Pools, Of =:= atom_to_binary(Name)],
    Pool.
