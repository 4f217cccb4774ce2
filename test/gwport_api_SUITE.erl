%% What Erlang sees of gwport: pools in one's own supervisor and in sys.config, gwport:info/1,
%% gwport:request/2,3, what a wrong option says, and how pools end.
-module(gwport_api_SUITE).
-behaviour(supervisor).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_http_client, [open/1, close/1, ask/2, start/2, rest/1, header/2, lines/1, fields/1]).

suite() -> [{timetrap, {seconds, 60}}].

all() -> [{group, requests}, {group, pools}].

groups() -> [{requests, [], requests()}, {pools, [], pools()}].

requests() -> [
    a_request_without_http_gets_status_headers_and_body,
    a_request_may_be_written_in_charlists_or_binaries,
    a_request_has_an_environ_like_any_other,
    a_request_has_what_a_web_server_would_have_seen_to,
    what_is_wrong_with_a_request_is_named_and_not_shown,
    bodies_of_any_size_go_both_ways,
    a_response_of_max_response_passes_and_one_more_byte_is_an_error,
    a_request_says_why_it_failed,
    a_request_leaves_nothing_with_its_caller,
    a_request_ends_with_its_caller,
    a_response_that_is_broken_off_is_no_response,
    info_shows_what_a_pool_is_doing,
    status_is_a_pool_in_one_map,
    status_tells_how_many_requests_wait,
    status_tells_of_a_program_that_does_not_come_up
].

pools() -> [
    a_pool_stands_in_ones_own_supervisor,
    a_pool_stands_in_the_application_environment,
    what_a_program_logs_while_it_starts_is_let_through,
    an_old_cowboy_is_warned_of_at_start,
    a_wrong_option_stops_the_start_and_is_named,
    options_may_be_charlists_or_binaries,
    a_program_gets_its_arguments_environment_and_folder,
    a_program_gets_what_it_is_to_inherit,
    a_program_is_told_of_memory_processors_and_development,
    a_name_can_be_taken_once,
    a_program_that_does_not_start_is_503_and_not_the_end_of_its_supervisor,
    a_pool_has_as_many_ports_as_it_is_told,
    a_stopped_pool_finishes_what_is_under_way_and_takes_nothing_new,
    a_stopped_pool_leaves_no_process,
    a_drain_has_an_end,
    a_program_told_to_terminate_finishes_and_is_replaced,
    no_request_is_lost_when_one_of_two_programs_drains
].

init_per_suite(Config) -> Config.
end_per_suite(_) -> ok.

init_per_group(requests, Config) ->
    [{server, #{pool => gwport_test:start_pool(#{})}} | Config];
init_per_group(pools, Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

end_per_group(requests, Config) -> gwport_test:stop_pool(pool(Config));
end_per_group(pools, _) -> ok.

pool(Config) -> gwport_test:pool(proplists:get_value(server, Config)).

%% gwport:request/2,3

a_request_without_http_gets_status_headers_and_body(Config) ->
    %% GET of "/" unless it says more; the program's unnamed app unless an option names one.
    {ok, {200, Headers, Body}} = gwport:request(pool(Config), #{}),
    ?assertMatch(<<"text/plain", _/binary>>, proplists:get_value(<<"content-type">>, Headers)),
    ?assertNotEqual(nomatch, string:find(Body, "hello\tHello")),
    ?assertMatch({ok, {200, _, <<"Hello you from Go\n">>}},
        gwport:request(pool(Config), #{path => <<"/hello">>, query => <<"name=you">>}, #{app => <<"hello">>})),
    ?assertMatch({ok, {405, _, _}},
        gwport:request(pool(Config), #{method => <<"DELETE">>, path => <<"/files/x">>}, #{app => files})),
    ?assertMatch({ok, {200, _, <<>>}},
        gwport:request(pool(Config), #{method => <<"HEAD">>, path => <<"/hello">>}, #{app => hello})),
    ?assertMatch({ok, {418, _, <<"tea">>}},
        gwport:request(pool(Config), #{path => <<"/faults/status">>, query => <<"text=tea">>}, #{app => faults})).

a_request_may_be_written_in_charlists_or_binaries(Config) ->
    %% Also beyond Latin-1; headers as a list or as a map, bodies as iodata.
    {ok, {200, _, Body}} = gwport:request(pool(Config), #{method => "POST", path => "/echo", query => "a=1",
        headers => [{"content-type", "text/x"}, {<<"x-a">>, "b"}], body => ["a", <<"b">>, [$c]]}, #{app => "echo"}),
    ?assertEqual(<<"abc">>, Body),
    Fields = environ(Config, #{path => "/environ", headers => #{<<"x-a">> => <<"1">>}}),
    ?assertMatch(#{<<"HTTP_X_A">> := <<"1">>}, Fields),
    ?assertMatch(#{<<"HTTP_X_A">> := <<"żółw"/utf8>>},
        environ(Config, #{path => "/environ", headers => [{"x-a", [380, 243, 322, 119]}]})).

environ(Config, Request) ->
    {ok, {200, _, Body}} = gwport:request(pool(Config), Request, #{app => environ}),
    fields(#{status => 200, body => Body}).

a_request_has_an_environ_like_any_other(Config) ->
    %% It names how much of the path is PATH_INFO; the rest says that it has come from here.
    ?assertMatch(#{<<"SCRIPT_NAME">> := <<"/environ">>, <<"PATH_INFO">> := <<"/a/b">>, <<"QUERY_STRING">> := <<"q=1">>,
        <<"SERVER_NAME">> := <<"localhost">>, <<"HTTP_HOST">> := <<"localhost">>, <<"REMOTE_ADDR">> := <<"127.0.0.1">>,
        <<"ContentLength">> := <<"0">>, <<"Context deadline">> := <<"none">>},
        environ(Config, #{path => "/environ/a/b", path_info => 2, query => "q=1"})),
    ?assertMatch(#{<<"HTTP_HOST">> := <<"example.org">>},
        environ(Config, #{path => "/environ", headers => [{<<"host">>, <<"example.org">>}]})).

a_request_has_what_a_web_server_would_have_seen_to(Config) ->
    %% Names are lower-cased, so that the host is found; a body has its length, which an app may look for before it
    %% reads. Atoms and property lists do as well.
    [?assertMatch(#{<<"REQUEST_METHOD">> := <<"POST">>, <<"CONTENT_LENGTH">> := <<"5">>,
            <<"HTTP_HOST">> := <<"Example.org:81">>, <<"SERVER_NAME">> := <<"example.org">>, <<"SERVER_PORT">> := <<"81">>, <<"HTTP_X_A">> := <<"1">>,
            <<"QUERY_STRING">> := <<"q=1">>, <<"PATH_INFO">> := <<"/x">>},
        environ(Config, Request)) || Request <- [
            #{method => post, path => "/environ/x?q=1", path_info => 1, body => "12345",
                headers => #{'Host' => 'Example.org:81', "X-A" => "1"}},
            [{method, "POST"}, {path, <<"/environ/x">>}, {query, "q=1"}, {path_info, 1}, {body, [<<"123">>, "45"]},
                {headers, [{<<"HOST">>, "Example.org:81"}, {'X-A', '1'}, {"Content-Length", "5"}]}]]],
    ?assertNot(is_map_key(<<"CONTENT_LENGTH">>, environ(Config, #{path => "/environ"}))).

what_is_wrong_with_a_request_is_named_and_not_shown(Config) ->
    %% No call crashes, and what comes back can be logged.
    Log = gwport_test:capture_log(),
    [?assertMatch({Request, {error, {bad_option, {Key, Hidden, [_ | _]}}}}, {Request, gwport:request(pool(Config), Request)})
        || {{Key, Hidden}, Request} <- [
            {{pth, hidden}, #{pth => "secret"}}, {{method, hidden}, #{method => "PO ST"}},
            {{method, hidden}, #{method => 1}}, {{method, hidden}, #{method => ""}},
            {{path, hidden}, #{path => "secret"}}, {{path, hidden}, #{path => "/a?b", query => "secret"}},
            {{path, hidden}, #{path => [secret]}}, {{query, hidden}, #{query => "secret\n"}},
            {{query, hidden}, #{query => #{secret => 1}}}, {{path_info, hidden}, #{path_info => -1}},
            {{body, hidden}, #{body => secret}}, {{body, hidden}, #{body => [256]}},
            {{headers, hidden}, #{headers => secret}},
            {{headers, hidden}, #{headers => [{"a", "b"} | secret]}}, {{headers, hidden}, #{headers => ["secret"]}},
            {{headers, hidden}, #{headers => [{{secret}, "b"}]}},
            {{headers, {<<"bad name">>, hidden}}, #{headers => [{"bad name", "secret"}]}},
            {{headers, {<<"x">>, hidden}}, #{headers => [{x, "secret\r\nx-admin: 1"}]}},
            {{headers, {<<"x">>, hidden}}, #{headers => [{x, 1}]}},
            {{headers, {<<"host">>, hidden}}, #{headers => [{"Host", "a/b"}]}},
            {{headers, {<<"host">>, hidden}}, #{headers => [{"Host", "a:65536"}]}},
            {{headers, {<<"host">>, hidden}}, #{headers => [{"Host", "a"}, {"host", "a"}]}},
            {{headers, {<<"content-length">>, hidden}}, #{headers => [{"content-length", "5"}]}},
            {{headers, {<<"transfer-encoding">>, hidden}}, #{headers => [{'Transfer-Encoding', "chunked"}]}},
            {{secret, hidden}, [secret]}, {{request, hidden}, [{secret, 1, 2}]}, {{request, hidden}, secret}]],
    gwport_test:release_log(Log),
    ?assertEqual([], [Text || {log_event, _, Text, _} <- element(2, process_info(self(), messages)),
        string:find(Text, "secret") =/= nomatch]),
    flush_log().

flush_log() ->
    receive {log_event, _, _, _} -> flush_log() after 0 -> ok end.

bodies_of_any_size_go_both_ways(Config) ->
    %% Streamed under credit as ever, and collected here.
    [begin
        Data = lines(Size),
        ?assertMatch({Size, {ok, {200, _, Data}}},
            {Size, gwport:request(pool(Config), #{method => "POST", path => "/echo", body => Data}, #{app => echo})})
    end || Size <- [0, 1, 65535, 65536, 65537, 3000000]].

a_response_of_max_response_passes_and_one_more_byte_is_an_error(Config) ->
    %% Whole responses and streamed ones, with the last piece counted as well.
    [begin
        Ask = fun(Max) -> gwport:request(pool(Config), Request, #{app => App, max_response => Max}) end,
        {ok, {200, _, Body}} = Ask(Size),
        ?assertEqual({App, Size}, {App, byte_size(Body)}),
        ?assertEqual({App, {error, too_large_response}}, {App, Ask(Size - 1)})
    end || {App, Request, Size} <- [
        {hello, #{path => "/hello"}, 14},
        {faults, #{path => "/faults/write", query => "bytes=100&chunk=100"}, 100},
        {faults, #{path => "/faults/write", query => "bytes=200000"}, 200000},
        {files, #{path => "/files/big", query => "bytes=1000000"}, 1000000}]].

a_request_says_why_it_failed(Config) ->
    %% The reasons are those of the table of statuses, and options are checked as a route's are.
    Pool = pool(Config),
    [?assertEqual({Expected, Options}, {gwport:request(Name, Request, Options), Options})
        || {Expected, Name, Request, Options} <- [
            {{error, no_pool}, nowhere, #{}, #{}},
            {{error, no_app}, Pool, #{}, #{app => nothing}},
            {{error, deadline}, Pool, #{path => "/faults/sleep", query => "s=1&ignore=1"},
                #{app => faults, deadline => 100}},
            {{error, head_timeout}, Pool, #{path => "/faults/sleep", query => "s=60"},
                #{app => faults, head_timeout => 100}},
            {{error, too_large_head}, Pool, #{headers => [{"x-a", lists:duplicate(70000, $a)}]}, #{}},
            {{error, too_large_body}, Pool, #{method => "POST", body => "12345"}, #{max_body => 4}},
            {{error, too_large_target}, Pool, #{path => "/hello?a"}, #{max_target => 7}},
            {{error, too_many_fields}, Pool, #{headers => [{"x-a", "1"}]}, #{max_fields => 1}},
            {{error, too_large_header}, Pool, #{headers => [{"x-a", "1"}]}, #{max_header => 16}},
            {{error, {bad_option, {deadline, soon, "expected an integer from 1 to 2147483648, or infinity"}}}, Pool, #{}, #{deadline => soon}},
            {{error, {bad_option, {max_response, -1, "expected an integer from 0"}}}, Pool, #{}, #{max_response => -1}},
            {{error, {bad_option, {underscores, drop, "an option of routes, whose requests are a client's"}}}, Pool, #{},
                #{underscores => drop}},
            {{error, {bad_option, {trusted_proxies, [unix], "an option of routes, whose requests are a client's"}}}, Pool, #{},
                #{trusted_proxies => [unix]}},
            {{error, {bad_option, {trusted_fields, ["Forwarded"], "an option of routes, whose requests are a client's"}}}, Pool, #{},
                #{trusted_fields => ["Forwarded"]}},
            {{error, {bad_option, {min_body_rate, 1, "an option of routes, whose requests are a client's"}}}, Pool, #{},
                [{min_body_rate, 1}]},
            {{error, {bad_option, {body_grace, 1, "an option of routes, whose requests are a client's"}}}, Pool, #{},
                #{body_grace => 1}},
            {{error, {bad_option, {apps, x, "no such option"}}}, Pool, #{}, #{apps => x}},
            {{error, {bad_option, {options, hidden, "expected a map, a keyword list or a property list"}}}, Pool, #{}, [deadline | 5]}
        ]].

a_request_leaves_nothing_with_its_caller(Config) ->
    %% No message comes late, whatever the end was.
    _ = [fault(pool(Config), Path, Query, #{deadline => 200, max_response => 1000})
        || {Path, Query} <- [{"sleep", "s=60"}, {"events", "ms=1"}, {"write", "bytes=1000000"}, {"panic", ""}]],
    gwport_test:until(in_flight(Config, 0)),
    ?assertEqual({messages, []}, process_info(self(), messages)).

a_response_that_is_broken_off_is_no_response(Config) ->
    %% What has come of it is not passed off as a body. A panic before the head is an answer.
    Pool = pool(Config),
    ?assertEqual({error, {broken_off, idle_timeout}},
        fault(Pool, "write", "bytes=100&chunk=10&delay_ms=60000", #{idle_timeout => 1000})),
    ?assertMatch({error, _}, fault(Pool, "panic-late", "")),
    ?assertMatch({error, _}, fault(Pool, "short", "")),
    ?assertMatch({ok, {500, _, _}}, fault(Pool, "panic", "")).

info_shows_what_a_pool_is_doing(Config) ->
    %% A port's owner, its program, and how much it does and has done.
    {ok, [#{owner := Owner, os_pid := OsPid, state := serving, program := <<"gwport">>, version := Version,
        apps := Apps, in_flight := 0, served := Served}]} = gwport:info(pool(Config)),
    ?assert(is_process_alive(Owner)),
    ?assertNotEqual("", os:cmd("ps -o pid= -p " ++ integer_to_list(OsPid))),
    ?assert(is_binary(Version)),
    ?assert(lists:member(<<"hello">>, Apps)),
    {ok, _} = gwport:request(pool(Config), #{}),
    ?assertMatch({ok, [#{served := N}]} when N =:= Served + 1, gwport:info(pool(Config))),
    Caller = begin_request(pool(Config), "s=60"),
    gwport_test:until(in_flight(Config, 1)),
    exit(Caller, kill),
    gwport_test:until(in_flight(Config, 0)),
    ?assertEqual({error, no_pool}, gwport:info(nowhere)).

status_is_a_pool_in_one_map(_) ->
    %% What its ports do together, and what its programs last died of.
    Name = gwport_test:start_pool(#{ports => 2}),
    gwport_test:until(fun() -> {ok, #{ports := Ports}} = gwport:status(Name), Ports =:= #{serving => 2} end),
    {ok, #{size := 2, in_flight := 0, queue := 0, restarts := 0, last_end := none, circuit := closed, next_try := none, uptime := Uptime,
        memory := Memory}} = gwport:status(Name),
    %% Two Go programs.
    ?assert(Memory > 2 * 1048576),
    Caller = begin_request(Name, "s=60"),
    gwport_test:until(fun() -> {ok, #{in_flight := InFlight}} = gwport:status(Name), InFlight =:= 1 end),
    exit(Caller, kill),
    {ok, [#{os_pid := OsPid} | _]} = gwport:info(Name),
    [] = os:cmd("kill -9 " ++ integer_to_list(OsPid)),
    gwport_test:until(fun() -> {ok, #{restarts := Restarts, ports := Ports}} = gwport:status(Name),
        {Restarts, Ports} =:= {1, #{serving => 2}} end),
    {ok, #{last_end := #{why := <<"it ended while serving, killed by signal 9">>, ago := Ago}, uptime := Later}} = gwport:status(Name),
    ?assert(Ago >= 0 andalso Ago =< Later andalso Later >= Uptime),
    ok = gwport:drain(Name),
    ?assertMatch({ok, #{size := 0, ports := Ports, memory := 0, restarts := 1,
        last_end := #{why := <<"it has drained">>}}} when map_size(Ports) =:= 0, gwport:status(Name)),
    gwport_test:stop_pool(Name),
    ?assertEqual({error, no_pool}, gwport:status(Name)).

status_tells_how_many_requests_wait(_) ->
    %% The pool has one place, and others wait for it until they leave.
    Name = gwport_test:start_pool(#{max_streams => 1, queue_timeout => 60000}),
    Is = fun(InFlight, Queue) -> gwport_test:until(fun() ->
        {ok, #{in_flight := I, queue := Q}} = gwport:status(Name), {I, Q} =:= {InFlight, Queue} end) end,
    Is(0, 0),
    First = begin_request(Name, "s=60"),
    Is(1, 0),
    Waiting = [begin Pid = begin_request(Name, "s=60"), Is(1, N), Pid end || N <- [1, 2]],
    [exit(Pid, kill) || Pid <- Waiting],
    Is(1, 0),
    %% The pool would wait for it.
    exit(First, kill),
    Is(0, 0),
    gwport_test:stop_pool(Name).

status_tells_of_a_program_that_does_not_come_up(_) ->
    %% It ends when it has read something: of one that hello comes too late for, OTP may not tell the status.
    Name = gwport_test:start_pool(#{command => "sh", args => ["-c", "head -c 4 >/dev/null; exit 1"], circuit_failures => 1, circuit_time => 600000}),
    gwport_test:until(fun() -> {ok, #{circuit := Circuit}} = gwport:status(Name), Circuit =:= open end),
    {ok, #{size := 1, ports := #{waiting := 1}, restarts := 1, memory := 0, next_try := Next, last_end := #{why := Why}}} =
        gwport:status(Name),
    ?assert(is_integer(Next) andalso Next > 0),
    ?assertEqual(<<"it ended before it was ready, exit status 1">>, Why),
    gwport_test:stop_pool(Name).

in_flight(Config, Expected) ->
    fun() -> values(in_flight, pool(Config)) =:= [Expected] end.

%% Whether the app has the request with this tag. One that is in flight may be in the pipe yet.
has_begun(Name, Tag) ->
    fun() ->
        {ok, {200, _, Json}} = fault(Name, "last", ["tag=", Tag]),
        string:find(Json, "\"handler\":\"sleep\"") =/= nomatch
    end.

a_request_ends_with_its_caller(Config) ->
    %% Nobody waits for its answer any more; the app is told.
    Caller = begin_request(pool(Config), "s=60&tag=orphan"),
    gwport_test:until(has_begun(pool(Config), "orphan")),
    exit(Caller, kill),
    gwport_test:until(fun() ->
        {ok, {200, _, Json}} = fault(pool(Config), "last", "tag=orphan"),
        case {string:find(Json, "\"ended\":true"), string:find(Json, "\"cause\":\"\"")} of
            {nomatch, _} -> Json;
            {_, nomatch} -> true;
            _ -> Json
        end
    end).

%% Pools

a_pool_stands_in_ones_own_supervisor(_) ->
    %% README's way: a child spec among others. What the supervisor stops is gone.
    Name = name(),
    {ok, Sup} = supervisor:start_link(?MODULE, [gwport:child_spec(options(Name))]),
    ?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{})),
    ?assertMatch([{{gwport, Name}, _, supervisor, _}], supervisor:which_children(Sup)),
    {ok, [#{os_pid := OsPid}]} = gwport:info(Name),
    stop_sup(Sup),
    ?assertEqual({error, no_pool}, gwport:info(Name)),
    ?assertEqual({error, no_pool}, gwport:request(Name, #{})),
    await_gone(OsPid),
    %% The name is free again.
    {ok, Sup2} = supervisor:start_link(?MODULE, [gwport:child_spec(options(Name))]),
    ?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{})),
    stop_sup(Sup2).

init(Children) -> {ok, {#{}, Children}}.

stop_sup(Sup) ->
    unlink(Sup),
    Monitor = monitor(process, Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Monitor, process, Sup, shutdown} -> ok end.

name() ->
    list_to_atom("api_" ++ integer_to_list(erlang:unique_integer([positive]))).

options(Name) ->
    #{name => Name, command => {priv, gwport, "gwport"}, env => #{"GWPORT_FAULTS" => "1"}}.

os_pids(Name) ->
    values(os_pid, Name).

%% Of each port.
values(Key, Name) ->
    {ok, Ports} = gwport:info(Name),
    [maps:get(Key, Port) || Port <- Ports].

%% The faults app at work.
fault(Name, Path, Query) ->
    fault(Name, Path, Query, #{}).

fault(Name, Path, Query, Options) ->
    gwport:request(Name, #{path => ["/faults/", Path], query => Query}, Options#{app => faults}).

await_gone(OsPid) ->
    gwport_test:until(fun() -> os:cmd("kill -0 " ++ integer_to_list(OsPid) ++ " 2>&1") =/= "" end).

an_old_cowboy_is_warned_of_at_start(_) ->
    %% Once, of what nobody behind it can see; and a new one is not.
    ?assertMatch([[_, _], [_, _], [_], [_], [], []],
        [gwport_cowboy_listener:gaps(Version) || Version <- [{2, 8}, {2, 10}, {2, 11}, {2, 16}, {2, 17}, {3, 0}]]),
    {ok, Vsn} = application:get_key(cowboy, vsn),
    [Major, Minor | _] = [list_to_integer(Part) || Part <- string:lexemes(Vsn, ".")],
    Log = gwport_test:capture_log(),
    ok = application:stop(gwport),
    ok = application:start(gwport),
    gwport_test:release_log(Log),
    Said = said("this Cowboy (" ++ integer_to_list(Major) ++ "." ++ integer_to_list(Minor) ++ ")"),
    ?assertEqual(case gwport_cowboy_listener:gaps({Major, Minor}) of [] -> 0; _ -> 1 end, length(Said)).

%% What has been logged with this in it.
said(Part) ->
    receive
        {log_event, _, Text, _} -> [Text || string:find(Text, Part) =/= nomatch] ++ said(Part)
    after 0 -> []
    end.

a_pool_stands_in_the_application_environment(_) ->
    %% As sys.config sets it. Pools of the environment stop with the application.
    ok = application:stop(gwport),
    Name = name(),
    ok = application:set_env(gwport, pools, [options(Name)]),
    try
        ok = application:start(gwport),
        ?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{})),
        [OsPid] = os_pids(Name),
        ok = application:stop(gwport),
        await_gone(OsPid),
        ok = application:set_env(gwport, pools, [(options(Name))#{ports => none}]),
        ?assertMatch({error, {{bad_pool, Name, {bad_option, {ports, none, "expected an integer from 1 to 1024"}}}, _}},
            application:start(gwport)),
        ok = application:set_env(gwport, pools, options(Name)),
        ?assertMatch({error, {{bad_option, {pools, hidden, "expected a list of pools" ++ _}}, _}},
            application:start(gwport)),
        ok = application:set_env(gwport, pools, [maps:to_list(options(Name))]),
        ok = application:start(gwport),
        ?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{})),
        ok = application:stop(gwport)
    after
        ok = application:unset_env(gwport, pools),
        {ok, _} = application:ensure_all_started(gwport)
    end.

what_a_program_logs_while_it_starts_is_let_through(_) ->
    %% A line of main, of a level that OTP's default drops, from a pool of the environment. Where the application
    %% does not start, nothing stays let through.
    ok = application:stop(gwport),
    Pool = #{name => name(), command => gwport_probe:build("flowport"), log_level => debug,
        env => #{"FLOWPORT_DEBUG" => "main has begun"}},
    ok = application:set_env(gwport, pools, [Pool]),
    Captured = gwport_test:capture_log(),
    ok = logger:set_primary_config(level, notice),
    try
        ok = application:start(gwport),
        ?assertMatch({debug, _, _}, gwport_test:expect_log("main has begun")),
        ok = application:stop(gwport),
        true = register(gwport_sup, self()),
        ?assertMatch({error, _}, application:start(gwport)),
        ?assertEqual([], logger:get_module_level(gwport_log))
    after
        _ = [unregister(gwport_sup) || whereis(gwport_sup) =:= self()],
        gwport_test:release_log(Captured),
        ok = application:unset_env(gwport, pools),
        {ok, _} = application:ensure_all_started(gwport)
    end.

a_wrong_option_stops_the_start_and_is_named(_) ->
    %% Each pair is checked once, when the pool starts; nothing is started then.
    [?assertEqual({error, Expected}, start_child(Options)) || {Expected, Options} <- [
        {{missing_option, name}, #{command => "/bin/cat"}},
        {{missing_option, command}, [{name, x}]}]],
    [?assertMatch({error, {bad_option, {Key, Value, [_ | _]}}}, start_child(Options)) || {Key, Value, Options} <- [
        {comand, hidden, #{name => x, comand => "x"}},
        {name, "x", #{name => "x", command => "/bin/cat"}},
        {args, hidden, #{name => x, command => "/bin/cat", args => "text"}},
        {env, {"", hidden}, #{name => x, command => "/bin/cat", env => #{"" => "x"}}}
    ] ++ [{Key, Value, (options(name()))#{Key => Value}} || {Key, Value} <- [
        {command, "/does/not/exist"}, {command, "/etc/passwd"}, {command, {priv, gwport, "none"}},
        {command, {priv, no_application, "gwport"}}, {command, 1}, {command, ""}, {command, "a\0b"},
        {cd, "/does/not/exist"},
        {ports, 0}, {ports, 1025}, {ports, 1.0}, {max_streams, 0}, {window, 0}, {window, 16777217},
        {window_floor, 0}, {response_budget, -1}, {port_queue, 65535}, {max_frame, 65550}, {max_head, 1023},
        {greeting_timeout, 0}, {drain_timeout, -1}, {ping_interval, 0}, {ping_timeout, 0}, {log_lines, -1},
        {last_stream, 255}, {last_stream, 2147483647}, {unknown, 1}, {"ports", 1},
        %% A whole window and a whole head have to fit in a frame.
        {max_frame, 262144}]]],
    ?assertEqual({error, {missing_option, name}}, gwport_pool_sup:start_link([])),
    ?assertMatch({error, {bad_option, {pool, hidden, [_ | _]}}}, gwport_pool_sup:start_link(x)).

start_child(Options) ->
    case supervisor:start_child(gwport_sup, gwport:child_spec(Options)) of
        {error, {Reason, _Child}} -> {error, Reason};
        Other -> Other
    end.

with_pool(Options, Fun) ->
    Name = name(),
    {ok, _} = start_child(case Options of
        #{} -> maps:merge(options(Name), Options);
        List -> List ++ maps:to_list(options(Name))
    end),
    try Fun(Name)
    after gwport_test:stop_pool(Name)
    end.

options_may_be_charlists_or_binaries(_) ->
    %% Command, arguments, variables, folder.
    Command = filename:join(code:priv_dir(gwport), "gwport"),
    Answers = fun(Name) -> ?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{})) end,
    [with_pool(Options, Answers) || Options <- [
        #{command => Command, cd => "/tmp", env => #{"A" => <<"1">>}},
        #{command => list_to_binary(Command), cd => <<"/tmp">>, env => [{<<"A">>, "1"}]},
        #{command => {priv, gwport, <<"gwport">>}}, [{command, {priv, gwport, "gwport"}}, {env, [{'A', <<"1">>}]}],
        #{command => "sh", args => ["-c", <<"exec \"$0\"">>, Command]}]].

a_program_gets_its_arguments_environment_and_folder(_) ->
    %% A relative path is one of the BEAM's folder, not of `cd`; `false` takes a variable away.
    Command = filename:join(code:priv_dir(gwport), "gwport"),
    os:putenv("GWPORT_TEST_GONE", "here"),
    try
        Script = "FROM_ARG=$1 FOLDER=$(pwd) exec \"$0\"",
        with_pool(#{command => "/bin/sh", args => ["-c", Script, Command, <<"ä ö"/utf8>>],
                env => [{"GWPORT_FAULTS", "1"}, {"GWPORT_TEST_SET", <<"žluť ="/utf8>>},
                    {"GWPORT_TEST_GONE", false}],
                cd => "/"}, fun(Name) ->
            Env = fun(Variable) ->
                {ok, {Status, _, Body}} = fault(Name, "env", ["name=", Variable]),
                {Status, Body}
            end,
            ?assertEqual({200, <<"ä ö"/utf8>>}, Env("FROM_ARG")),
            ?assertEqual({200, <<"/">>}, Env("FOLDER")),
            ?assertEqual({200, <<"žluť ="/utf8>>}, Env("GWPORT_TEST_SET")),
            ?assertMatch({404, _}, Env("GWPORT_TEST_GONE")),
            %% The wire's own are not the app's.
            ?assertMatch({404, _}, Env("GWPORT")),
            ?assertMatch({404, _}, Env("GWPORT_STDERR"))
        end)
    after
        os:unsetenv("GWPORT_TEST_GONE")
    end.

a_program_gets_what_it_is_to_inherit(Config) ->
    %% Of the BEAM's environment all, or what is named, and what every program needs.
    File = filename:join(proplists:get_value(priv_dir, Config), "variables"),
    Printed = fun(Options) ->
        Program = filename:join(code:priv_dir(gwport), "gwport"),
        with_pool(Options#{command => "sh", args => ["-c", "env >\"$1\"; exec \"$0\"", Program, File]}, fun(_) ->
            {ok, Lines} = file:read_file(File),
            [hd(string:split(Line, "=")) || Line <- string:lexemes(binary_to_list(Lines), "\n")]
        end)
    end,
    os:putenv("GWPORT_TEST_A", "1"),
    os:putenv("GWPORT_TEST_B", "1"),
    Zone = os:getenv("TZ"),
    os:putenv("TZ", "UTC"),
    try
        All = Printed(#{}),
        ?assertEqual([], ["GWPORT_TEST_A", "GWPORT_TEST_B", "PATH", "HOME", "TZ", "GWPORT", "GWPORT_STDERR"] -- All),
        Some = Printed(#{inherit => ["GWPORT_TEST_A", <<"NO_SUCH">>], env => #{"OWN" => "1"}, gomaxprocs => 2,
            gomemlimit => 1 bsl 30}),
        ?assertEqual(lists:sort(["GWPORT_TEST_A", "PATH", "HOME", "TZ", "GWPORT", "GWPORT_STDERR", "OWN", "GOMAXPROCS",
            "GOMEMLIMIT"]), lists:sort(Some -- ["LANG", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD"])),
        %% What is set stays set, whatever is inherited.
        ?assert(lists:member("GWPORT_TEST_B", Printed(#{inherit => [], env => #{"GWPORT_TEST_B" => "2"}})))
    after
        [os:unsetenv(Variable) || Variable <- ["GWPORT_TEST_A", "GWPORT_TEST_B", "TZ"]],
        [os:putenv("TZ", Zone) || Zone =/= false]
    end.

a_program_is_told_of_memory_processors_and_development(_) ->
    %% Go's own variables, and what handlers may ask of a request.
    with_pool(#{gomaxprocs => 1, gomemlimit => 1 bsl 30, env => #{"GWPORT_FAULTS" => "1"}}, fun(Name) ->
        ?assertMatch({ok, {200, _, <<"1">>}}, fault(Name, "env", "name=GOMAXPROCS")),
        ?assertMatch({ok, {200, _, <<"1073741824">>}}, fault(Name, "env", "name=GOMEMLIMIT")),
        ?assertMatch({ok, {200, _, <<"false\n">>}}, fault(Name, "dev", ""))
    end),
    with_pool(#{dev => true, env => #{"GWPORT_FAULTS" => "1"}}, fun(Name) ->
        ?assertMatch({ok, {200, _, <<"true\n">>}}, fault(Name, "dev", ""))
    end).

a_name_can_be_taken_once(_) ->
    %% Whoever comes second is told; the first one is not touched.
    with_pool(#{}, fun(Name) ->
        process_flag(trap_exit, true),
        {error, Reason} = supervisor:start_link(?MODULE, [gwport:child_spec(options(Name))]),
        receive {'EXIT', _, _} -> ok end,
        process_flag(trap_exit, false),
        Exists = io_lib:format("{pool_exists,~p}", [Name]),
        ?assertNotEqual(nomatch, string:find(io_lib:format("~0p", [Reason]), Exists)),
        ?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{}))
    end).

a_program_that_does_not_start_is_503_and_not_the_end_of_its_supervisor(_) ->
    %% It is tried again with growing delays. That it is no gwport program at all is in the log.
    Log = gwport_test:capture_log(),
    try
        [with_pool(#{command => "/bin/sh", args => ["-c", Script], greeting_timeout => 200, max_queue => 0}, fun(Name) ->
            ?assertEqual({Script, {error, no_port}}, {Script, gwport:request(Name, #{})}),
            failed(Name),
            %% Once more.
            failed(Name),
            ?assert(is_pid(whereis(gwport_sup)))
        end) || Script <- ["exit 3", "echo Hello, world", "exec sleep 60"]]
    after
        gwport_test:release_log(Log)
    end.

failed(Name) ->
    case gwport_test:expect_log("the program of pool " ++ atom_to_list(Name)) of
        {error, _, _} -> ok;
        %% What is said of its end, or that it is asked to end.
        {Level, _, _} when Level =:= notice; Level =:= warning -> failed(Name)
    end.

a_pool_has_as_many_ports_as_it_is_told(_) ->
    %% Requests under way are spread over them.
    with_pool(#{ports => 3}, fun(Name) ->
        gwport_test:until(fun() -> values(state, Name) =:= [serving, serving, serving] end),
        ?assertEqual(3, length(lists:usort(os_pids(Name)))),
        Callers = [begin
            %% Each when the one before it is counted: two that choose at the same moment may choose the same.
            Caller = begin_request(Name, "s=60"),
            gwport_test:until(fun() -> lists:sum(values(in_flight, Name)) =:= N end),
            Caller
        end || N <- lists:seq(1, 6)],
        ?assertEqual([2, 2, 2], values(in_flight, Name)),
        [exit(Pid, kill) || Pid <- Callers]
    end).

%% Answers {Pid, Result}.
begin_request(Name, Query) ->
    Self = self(),
    spawn(fun() -> Self ! {self(), fault(Name, "sleep", Query)} end).

a_stopped_pool_finishes_what_is_under_way_and_takes_nothing_new(_) ->
    %% A client of Cowboy's, too: it gets its answer; the next one 503, to come back.
    Server = gwport_test:start(#{}),
    Name = gwport_test:pool(Server),
    Config = [{server, Server}, {proto, h1}],
    Client = open(Config),
    Stream = slow(Client, "/faults/sleep?s=3"),
    InFlight = fun() -> values(in_flight, Name) =:= [1] end,
    gwport_test:until(InFlight),
    {Stopper, Monitor} = spawn_monitor(fun() -> ok = supervisor:terminate_child(gwport_sup, {gwport, Name}) end),
    gwport_test:until(fun() -> #{status := Status} = ask(Config, "/hello"), Status =:= 503 end),
    Refused = ask(Config, "/hello"),
    ?assertEqual({503, <<"1">>}, {maps:get(status, Refused), header(<<"retry-after">>, Refused)}),
    ?assert(is_process_alive(Stopper)),
    ?assertMatch(#{status := 200, complete := true, body := <<"slept\n">>}, rest(Stream)),
    receive {'DOWN', Monitor, process, Stopper, Reason} -> ?assertEqual(normal, Reason) end,
    ?assertMatch(#{status := 503}, ask(Config, "/hello")),
    close(Client),
    gwport_test:stop(Server).

slow(Client, Path) ->
    start(Client, #{method => <<"GET">>, path => Path, headers => [{<<"content-length">>, <<"0">>}]}).

a_stopped_pool_leaves_no_process(_) ->
    %% Neither the program, nor Erlang processes, ports or sockets' folders.
    Pattern = filename:join(os:getenv("TMPDIR", "/tmp"), "gwport-" ++ os:getpid() ++ "-*"),
    Folders = fun() -> filelib:wildcard(Pattern) end,
    Before = {length(processes()), length(erlang:ports()), []},
    Others = Folders(),
    Name = name(),
    {ok, _} = start_child((options(Name))#{ports => 2}),
    [?assertMatch({ok, {200, _, _}}, gwport:request(Name, #{})) || _ <- lists:seq(1, 10)],
    OsPids = os_pids(Name),
    gwport_test:stop_pool(Name),
    lists:foreach(fun await_gone/1, OsPids),
    gwport_test:until(fun() ->
        case {length(processes()), length(erlang:ports()), Folders() -- Others} of
            {P, Q, []} when P =< element(1, Before), Q =< element(2, Before) -> true;
            Now -> {Before, Now}
        end
    end).

a_drain_has_an_end(_) ->
    %% After drain_timeout what is still under way is broken off, and the stop returns.
    Name = name(),
    {ok, _} = start_child((options(Name))#{drain_timeout => 300}),
    [OsPid] = os_pids(Name),
    Caller = begin_request(Name, "s=3600&ignore=1"),
    gwport_test:until(fun() -> values(in_flight, Name) =:= [1] end),
    {Micros, ok} = timer:tc(fun() -> gwport_test:stop_pool(Name) end),
    ?assert(Micros >= 300000),
    %% The request would have taken an hour.
    ?assert(Micros < 25000000),
    receive {Caller, Result} -> ?assertEqual({error, port_died}, Result) end,
    await_gone(OsPid).

a_program_told_to_terminate_finishes_and_is_replaced(_) ->
    %% kill -TERM: the request under way is answered, another program takes the next one, and nothing is
    %% said of an error.
    with_pool(#{}, fun(Name) ->
        Log = gwport_test:capture_log(),
        try
            [OsPid] = os_pids(Name),
            %% Long enough for a successor on a slow machine, and in the program's hands when the signal comes.
            Caller = begin_request(Name, "s=4&tag=term"),
            gwport_test:until(has_begun(Name, "term")),
            os:cmd("kill -TERM " ++ integer_to_list(OsPid)),
            gwport_test:until(fun() -> lists:member(draining, values(state, Name)) end),
            %% The successor is there before the end.
            gwport_test:until(fun() -> is_ok(gwport:request(Name, #{})) end),
            ?assertMatch([_, _], os_pids(Name)),
            receive {Caller, Result} -> ?assertMatch({ok, {200, _, <<"slept\n">>}}, Result) end,
            await_gone(OsPid),
            gwport_test:until(fun() -> values(state, Name) =:= [serving] end),
            ?assertNotEqual([OsPid], os_pids(Name)),
            ?assertEqual([], errors())
        after
            gwport_test:release_log(Log)
        end
    end).

is_ok({ok, {200, _, _}}) -> true;
is_ok(Other) -> Other.

errors() ->
    receive
        {log_event, Level, Text, _} when Level =:= error; Level =:= warning -> [Text | errors()];
        {log_event, _, _, _} -> errors()
    after 0 -> []
    end.

no_request_is_lost_when_one_of_two_programs_drains(_) ->
    %% Eight clients go on asking while programs are told to terminate, one at a time. A request is
    %% answered, or not taken: then nothing has happened and the client may ask again.
    with_pool(#{ports => 2}, fun(Name) ->
        Both = fun() -> values(state, Name) =:= [serving, serving] end,
        gwport_test:until(Both),
        Clients = [spawn_monitor(fun() -> exit({done, ask_on(Name, #{})}) end) || _ <- lists:seq(1, 8)],
        [begin
            [First | _] = lists:sort(os_pids(Name)),
            os:cmd("kill -TERM " ++ integer_to_list(First)),
            await_gone(First),
            gwport_test:until(Both)
        end || _ <- lists:seq(1, 3)],
        [Pid ! stop || {Pid, _} <- Clients],
        Counts = [receive {'DOWN', Monitor, process, Pid, {done, Count}} -> Count end
            || {Pid, Monitor} <- Clients],
        ct:log("~p", [Counts]),
        ?assertEqual([], lists:usort(lists:flatmap(fun maps:keys/1, Counts))
            -- [answered, draining, no_port, busy, not_entered]),
        ?assert(lists:sum([maps:get(answered, Count) || Count <- Counts]) > 100)
    end).

ask_on(Name, Count) ->
    receive
        stop -> Count
    after 0 ->
        %% Not idempotent: the one that may not be run twice.
        Key = case gwport:request(Name, #{method => "POST", path => "/upload", body => "12345"}, #{app => upload}) of
            {ok, {200, _, _}} -> answered;
            {error, Reason} -> Reason
        end,
        ask_on(Name, maps:update_with(Key, fun(N) -> N + 1 end, 1, Count))
    end.
