%% What Prometheus is told, scraped from a listener as erlang/doc/operate.md has it, beside requests that are known.
-module(gwport_prometheus_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() -> [{timetrap, {seconds, 60}}].

all() -> gwport_test:mounts() ++ [{group, node}].

groups() ->
    gwport_test:mounts([requests_are_counted_as_they_were], [{node, [], [
        programs_are_counted_as_they_came_and_went,
        requests_that_wait_are_seen,
        replays_are_counted,
        bytes_and_times_are_told,
        a_pool_that_does_not_come_up_is_seen,
        each_family_has_its_help_and_type_and_names_are_quoted
    ]}]).

init_per_suite(Config) ->
    {ok, Started} = application:ensure_all_started(prometheus),
    ct:pal("prometheus is that in ~ts", [code:which(prometheus)]),
    ok = prometheus_registry:register_collector(gwport_prometheus),
    [{started, Started}, {handler, handler(Config)} | Config].

%% The page's handler, compiled.
handler(Config) ->
    Root = filename:dirname(filename:dirname(proplists:get_value(source, ?MODULE:module_info(compile)))),
    {ok, Page} = file:read_file(filename:join([Root, "erlang", "doc", "operate.md"])),
    {match, [Block]} = re:run(Page, "<!-- tested: prometheus -->\n```erlang\n(.*?)```\n", [dotall, {capture, all_but_first, binary}]),
    File = filename:join(proplists:get_value(priv_dir, Config), "myshop_metrics_h.erl"),
    ok = file:write_file(File, Block),
    {ok, Module, Beam} = compile:file(File, [binary, warnings_as_errors, return_errors]),
    {module, Module} = code:load_binary(Module, File, Beam),
    Module.

end_per_suite(Config) ->
    _ = prometheus_registry:deregister_collector(gwport_prometheus),
    [ok = application:stop(App) || App <- lists:reverse(proplists:get_value(started, Config))],
    Handler = proplists:get_value(handler, Config),
    true = code:delete(Handler),
    code:purge(Handler).

init_per_group(node, Config) -> Config;
init_per_group(Mount, Config) -> gwport_test:mount(Mount), Config.

end_per_group(_, _) -> ok.

init_per_testcase(Case, Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    {ok, _} = cowboy:start_clear(Case, #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}]}, #{env => #{dispatch =>
        cowboy_router:compile([{'_', [{"/metrics", proplists:get_value(handler, Config), []}]}])}}),
    [{listener, Case} | Config].

end_per_testcase(Case, _) -> cowboy:stop_listener(Case).

requests_are_counted_as_they_were(Config) ->
    %% By class, and by reason where there was no answer; of one that is under way too.
    Server = gwport_test:start(#{routes => [fun(Pool) -> {"/nowhere", #{pool => Pool, app => nowhere}} end]}),
    Pool = gwport_test:pool(Server),
    ?assertEqual(#{"2xx" => 0, "3xx" => 0, "4xx" => 0, "5xx" => 0}, series("gwport_responses_total", "class", Pool, scrape(Config))),
    [#{status := Status} = gwport_test:get(Server, Path) || {Status, Path} <- [{200, "/hello"}, {200, "/hello"},
        {200, "/faults/write?bytes=300000"}, {200, "/faults/panic-late?bytes=100000"}, {500, "/faults/panic"}, {500, "/nowhere"}]],
    Waiting = gwport_test:connect(Server),
    gwport_test:send(Waiting, "GET /faults/sleep?s=30 HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    gwport_test:until(fun() -> [#{in_flight := InFlight}] = gwport_test:ports(Server), InFlight =:= 1 end),
    Scraped = scrape(Config),
    ?assertEqual(#{"2xx" => 4, "3xx" => 0, "4xx" => 0, "5xx" => 2}, series("gwport_responses_total", "class", Pool, Scraped)),
    ?assertEqual(#{"app_failed" => 1, "no_app" => 1}, series("gwport_failures_total", "reason", Pool, Scraped)),
    ?assertEqual(1, value("gwport_requests_in_flight", Pool, Scraped)),
    gwport_test:close(Waiting),
    gwport_test:stop(Server),
    ?assertEqual(#{}, series("gwport_responses_total", "class", Pool, scrape(Config))).

programs_are_counted_as_they_came_and_went(Config) ->
    Pool = gwport_test:start_pool(#{ports => 2}),
    States = #{"greeting" => 0, "serving" => 2, "spare" => 0, "draining" => 0, "ending" => 0, "waiting" => 0},
    gwport_test:until(fun() -> series("gwport_ports", "state", Pool, scrape(Config)) =:= States end),
    ?assertEqual(#{"up" => 2, "drained" => 0, "failed" => 0}, series("gwport_program_events_total", "event", Pool, scrape(Config))),
    {ok, [#{os_pid := OsPid} | _]} = gwport:info(Pool),
    [] = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    gwport_test:until(fun() -> series("gwport_program_events_total", "event", Pool, scrape(Config))
        =:= #{"up" => 3, "drained" => 0, "failed" => 1} end),
    ?assertEqual(#{"signal" => 1}, maps:filter(fun(_, N) -> N > 0 end,
        series("gwport_program_ends_total", "reason", Pool, scrape(Config)))),
    ok = gwport:resize(Pool, 1),
    gwport_test:until(fun() -> series("gwport_ports", "state", Pool, scrape(Config)) =:= States#{"serving" := 1} end),
    Scraped = scrape(Config),
    ?assertEqual(1, value("gwport_ports_wanted", Pool, Scraped)),
    ?assertEqual(0, value("gwport_circuit_open", Pool, Scraped)),
    %% A Go program.
    ?assert(value("gwport_memory_bytes", Pool, Scraped) > 1048576),
    ?assert(value("gwport_uptime_seconds", Pool, Scraped) > 0),
    gwport_test:stop_pool(Pool).

requests_that_wait_are_seen(Config) ->
    %% One has the only place. One may wait for it, and one more finds the queue full.
    Pool = gwport_test:start_pool(#{max_streams => 1, max_queue => 1, queue_timeout => 60000}),
    None = #{"waited" => 0, "full" => 0, "timeout" => 0},
    Before = scrape(Config),
    ?assertEqual({0, None}, {value("gwport_queue_length", Pool, Before), series("gwport_queue_total", "event", Pool, Before)}),
    Held = sleeping(Pool),
    gwport_test:until(fun() -> value("gwport_requests_in_flight", Pool, scrape(Config)) =:= 1 end),
    Waits = sleeping(Pool),
    gwport_test:until(fun() -> value("gwport_queue_length", Pool, scrape(Config)) =:= 1 end),
    {error, busy} = gwport:request(Pool, #{path => "/hello"}, #{app => hello}),
    ?assertEqual(None#{"waited" := 1, "full" := 1}, series("gwport_queue_total", "event", Pool, scrape(Config))),
    [exit(Pid, kill) || Pid <- [Waits, Held]],
    gwport_test:stop_pool(Pool),
    %% The time of one is up.
    Hasty = gwport_test:start_pool(#{max_streams => 1, queue_timeout => 10}),
    Other = sleeping(Hasty),
    gwport_test:until(fun() -> value("gwport_requests_in_flight", Hasty, scrape(Config)) =:= 1 end),
    {error, busy} = gwport:request(Hasty, #{path => "/hello"}, #{app => hello}),
    Scraped = scrape(Config),
    ?assertEqual({0, None#{"waited" := 1, "timeout" := 1}},
        {value("gwport_queue_length", Hasty, Scraped), series("gwport_queue_total", "event", Hasty, Scraped)}),
    exit(Other, kill),
    gwport_test:stop_pool(Hasty).

replays_are_counted(Config) ->
    %% A request whose program is killed is answered by the next one.
    Pool = gwport_test:start_pool(#{restart_delay => 1, queue_timeout => 60000}),
    ?assertEqual(0, value("gwport_replays_total", Pool, scrape(Config))),
    Self = self(),
    Request = #{path => "/faults/sleep", query => "s=1", path_info => 1},
    Caller = spawn_link(fun() -> Self ! {self(), gwport:request(Pool, Request, #{app => faults})} end),
    gwport_test:until(fun() -> value("gwport_requests_in_flight", Pool, scrape(Config)) =:= 1 end),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Pool),
    [] = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    ?assertMatch({ok, {200, _, <<"slept\n">>}}, receive {Caller, Answer} -> Answer end),
    ?assertEqual(1, value("gwport_replays_total", Pool, scrape(Config))),
    gwport_test:stop_pool(Pool).

bytes_and_times_are_told(Config) ->
    %% One waits for the only place while another one has it for a second.
    Pool = gwport_test:start_pool(#{max_streams => 1, queue_timeout => 60000}),
    sleeping(Pool, "s=1"),
    gwport_test:until(fun() -> value("gwport_requests_in_flight", Pool, scrape(Config)) =:= 1 end),
    ?assertMatch({ok, {200, _, <<"12345">>}}, gwport:request(Pool, #{method => "POST", path => "/", body => "12345"}, #{app => echo})),
    Scraped = scrape(Config),
    ?assertEqual(#{"in" => 5, "out" => 5 + length("slept\n")}, series("gwport_body_bytes_total", "direction", Pool, Scraped)),
    ?assertEqual({1, 2}, {value("gwport_queue_seconds_count", Pool, Scraped), value("gwport_head_seconds_count", Pool, Scraped)}),
    AtMost = series("gwport_head_seconds_bucket", "le", Pool, Scraped),
    %% The library writes a bound as 5.00000000000000000000e-01.
    ?assertEqual({[0], 2}, {[N || {Bound, N} <- maps:to_list(AtMost), Bound =/= "+Inf", number(list_to_binary(Bound)) =:= 0.5],
        maps:get("+Inf", AtMost)}),
    Waited = value("gwport_queue_seconds_sum", Pool, Scraped),
    ?assert(Waited > 0 andalso Waited =< value("gwport_head_seconds_sum", Pool, Scraped)),
    gwport_test:stop_pool(Pool).

sleeping(Pool) ->
    sleeping(Pool, "s=60").

sleeping(Pool, Query) ->
    spawn(fun() -> gwport:request(Pool, #{path => "/faults/sleep", query => Query, path_info => 1}, #{app => faults}) end).

a_pool_that_does_not_come_up_is_seen(Config) ->
    Pool = gwport_test:start_pool(#{command => "false", circuit_failures => 1, circuit_time => 600000}),
    gwport_test:until(fun() -> value("gwport_circuit_open", Pool, scrape(Config)) =:= 1 end),
    Scraped = scrape(Config),
    ?assertMatch(#{"waiting" := 1, "serving" := 0}, series("gwport_ports", "state", Pool, Scraped)),
    ?assertMatch(#{"failed" := 1}, series("gwport_program_events_total", "event", Pool, Scraped)),
    gwport_test:stop_pool(Pool).

each_family_has_its_help_and_type_and_names_are_quoted(Config) ->
    %% Each family has its help and type, once, and a pool's name is quoted, whatever it is.
    Name = 'a "pool"\\',
    Name = gwport_test:start_pool(#{name => Name}),
    Text = scrape(Config),
    [?assertMatch({Family, [_], [_]}, {Family, lines(["# TYPE ", Family, " "], Text), lines(["# HELP ", Family, " "], Text)})
        || Family <- ["gwport_responses_total", "gwport_failures_total", "gwport_program_events_total", "gwport_ports",
            "gwport_ports_wanted", "gwport_requests_in_flight", "gwport_queue_total", "gwport_queue_length", "gwport_replays_total", "gwport_circuit_open",
            "gwport_memory_bytes", "gwport_uptime_seconds", "gwport_body_bytes_total", "gwport_head_seconds", "gwport_queue_seconds"]],
    ?assertEqual([<<"gwport_ports_wanted{pool=\"a \\\"pool\\\"\\\\\"} 1">>], lines("gwport_ports_wanted{pool=\"a ", Text)),
    gwport_test:stop_pool(Name).

scrape(Config) ->
    #{status := 200, headers := #{<<"content-type">> := <<"text/plain", _/binary>>}, body := Body} =
        gwport_test:get(#{port => ranch:get_port(proplists:get_value(listener, Config))}, "/metrics"),
    Body.

%% The values of a pool's series, by the label that they differ in.
series(Family, Label, Pool, Text) ->
    Prefix = [Family, "{pool=\"", atom_to_list(Pool), "\",", Label, "=\""],
    maps:from_list([{binary_to_list(Which), number(Value)} || Line <- lines(Prefix, Text),
        [<<>>, Rest] <- [string:split(Line, iolist_to_binary(Prefix))], [Which, Value] <- [string:split(Rest, "\"} ")]]).

value(Family, Pool, Text) ->
    [Line] = lines([Family, "{pool=\"", atom_to_list(Pool), "\"} "], Text),
    [_, Value] = string:split(Line, "} "),
    number(Value).

lines(Prefix, Text) ->
    [Line || Line <- binary:split(Text, <<"\n">>, [global]), string:prefix(Line, iolist_to_binary(Prefix)) =/= nomatch].

number(Text) ->
    case string:to_integer(Text) of
        {Number, <<>>} -> Number;
        _ -> binary_to_float(Text)
    end.
