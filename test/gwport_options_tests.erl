-module(gwport_options_tests).

-include_lib("eunit/include/eunit.hrl").

%% A pool's defaults

name_and_command_are_enough_test() ->
    {ok, Pool} = gwport_pool_options:pool(minimal()),
    ?assertEqual(#{name => shop, command => "/bin/sh", args => [], env => [], inherit => all, gomemlimit => undefined, gomaxprocs => undefined, dev => false,
        cd => undefined, ports => 1, spare => 0, recycle_requests => infinity, recycle_age => infinity,
        recycle_idle => infinity, recycle_memory => infinity, recycle_jitter => 10,
        max_streams => 1000, peer_share => 80, max_queue => 1000, queue_timeout => 1000, window => 262144, window_floor => 16384, response_budget => 67108864,
        port_queue => 1048576, max_frame => 1048576, max_head => 65536, last_stream => 2147483646,
        greeting_timeout => 10000, drain_timeout => 30000, stop_timeout => 1000, kill_timeout => 1000,
        restart_delay => 100, max_restart_delay => 10000,
        circuit_failures => 10, circuit_time => 30000, ping_interval => 10000,
        ping_timeout => 30000, log_lines => 200, log_level => info}, Pool).

%% Limits

each_number_of_a_pool_passes_at_its_edges_test_() ->
    [{lists:concat([Key, " ", N]), ?_assertMatch({ok, #{Key := N}}, pool(Key, N))}
        || {Key, Min, Max} <- pool_numbers(), N <- [Min, Max]].

each_number_of_a_pool_beyond_its_edges_is_refused_by_name_test_() ->
    [{lists:concat([Key, " ", N]), ?_assertEqual({error, {bad_option, {Key, N, lists:concat(
            ["expected an integer from ", Min, " to ", Max])}}}, pool(Key, N))}
        || {Key, Min, Max} <- pool_numbers(), N <- [Min - 1, Max + 1]].

each_number_of_a_pool_is_an_integer_test_() ->
    [?_assertMatch({error, {bad_option, {Key, Value, "expected an integer" ++ _}}}, pool(Key, Value))
        || {Key, _, _} <- pool_numbers(), Value <- [1000000.0, infinity, "1", <<"1">>, undefined, -1]].

pool_numbers() ->
    [{ports, 1, 1024}, {spare, 0, 1024}, {recycle_jitter, 0, 100}, {max_streams, 1, 1000000}, {peer_share, 1, 100}, {max_queue, 0, 1000000},
     {queue_timeout, 1, 86400000}, {window, 1, 16777216}, {window_floor, 1, 16777216},
     {response_budget, 0, 1 bsl 40}, {port_queue, 65536, 1 bsl 30}, {max_head, 1024, 16777216},
     {max_frame, 65551, 1 bsl 30}, {last_stream, 256, 2147483646}, {greeting_timeout, 1, 1 bsl 31},
     {drain_timeout, 0, 1 bsl 31}, {stop_timeout, 0, 86400000}, {kill_timeout, 0, 86400000},
     {restart_delay, 1, 86400000}, {max_restart_delay, 1, 86400000}, {circuit_time, 1, 86400000},
     {log_lines, 0, 1000000}].

pings_have_a_number_or_infinity_test_() ->
    [?_assertMatch({ok, #{Key := N}}, pool(Key, N)) || Key <- [ping_interval, ping_timeout], N <- [1, 1 bsl 31, infinity]]
        ++ [?_assertEqual({error, {bad_option, {Key, N, "expected an integer from 1 to 2147483648, or infinity"}}},
            pool(Key, N)) || Key <- [ping_interval, ping_timeout], N <- [0, (1 bsl 31) + 1, 1.0, never]].

recycling_has_numbers_or_infinity_test_() ->
    [?_assertMatch({ok, #{Key := N}}, pool(Key, N)) || {Key, Min, Max} <- recycling(), N <- [Min, Max, infinity]]
        ++ [?_assertEqual({error, {bad_option, {Key, N, lists:concat(
                ["expected an integer from ", Min, " to ", Max, ", or infinity"])}}}, pool(Key, N))
            || {Key, Min, Max} <- recycling(), N <- [Min - 1, Max + 1, 5000000.0, never]].

recycling() ->
    [{recycle_requests, 1, 1 bsl 50}, {recycle_age, 1000, 1 bsl 40}, {recycle_idle, 1000, 1 bsl 40},
        {recycle_memory, 1048576, 1 bsl 50}].

circuit_failures_are_a_number_or_infinity_test() ->
    [?assertMatch({ok, #{circuit_failures := N}}, pool(circuit_failures, N)) || N <- [1, 1000000, infinity]],
    [?assertEqual({error, {bad_option, {circuit_failures, N, "expected an integer from 1 to 1000000, or infinity"}}},
        pool(circuit_failures, N)) || N <- [0, 1000001, 1.0, never]].

the_level_of_a_log_is_one_of_five_test_() ->
    [?_assertMatch({ok, #{log_level := Level}}, pool(log_level, Level)) || Level <- [error, warning, notice, info, debug]]
        ++ [?_assertEqual({error, {bad_option, {log_level, Level, "expected error, warning, notice, info or debug"}}},
            pool(log_level, Level))
            || Level <- [critical, all, none, warn, 6, "info"]].

%% With room for all that the option does not concern.
pool(Key, Value) ->
    Room = case Key of
        max_frame -> #{window => 1, max_head => 1024};
        _ -> #{max_frame => 1 bsl 30}
    end,
    gwport_pool_options:pool((maps:merge(minimal(), Room))#{Key => Value}).

a_frame_holds_a_window_and_a_head_and_64_bytes_test() ->
    Options = (minimal())#{window => 100000, max_head => 2000},
    ?assertMatch({ok, _}, gwport_pool_options:pool(Options#{max_frame => 102064})),
    ?assertEqual({error, {bad_option, {max_frame, 102063, "expected at least window + max_head + 64, which is 102064"}}},
        gwport_pool_options:pool(Options#{max_frame => 102063})).

%% Texts

texts_may_be_charlists_or_binaries_test_() ->
    [?_assertMatch({ok, #{command := "/bin/sh", args := ["-c", "exit"], cd := "/", env := [{"A", "b"}]}},
        gwport_pool_options:pool(#{name => shop, command => Text("/bin/sh"), args => [Text("-c"), Text("exit")],
            cd => Text("/"), env => [{Text("A"), Text("b")}]}))
        || Text <- [fun(T) -> T end, fun list_to_binary/1]].

a_text_beyond_ascii_is_utf_8_test() ->
    ?assertMatch({ok, #{args := [[16#e9], [16#e9], [16#20ac]]}},
        gwport_pool_options:pool((minimal())#{args => [<<16#c3, 16#a9>>, [16#e9], [16#20ac]]})).

what_is_no_text_is_refused_by_name_test_() ->
    Command = "expected a path, a name on PATH, or {priv, App, File}",
    Text = "expected a text, as a binary or a charlist",
    [{lists:concat([Key]), ?_assertEqual({error, {bad_option, {Key, Value, Why}}},
        gwport_pool_options:pool((minimal())#{Key => Value}))}
        || {Key, Value, Why} <- [
            {command, sh, Command}, {command, 1, Command}, {command, <<255>>, "not UTF-8"}, {command, [foo], Text},
            {command, "/bin/sh\0", "no NUL may be in a text"}, {cd, root, Text}, {cd, 1, Text},
            {cd, "/\0", "no NUL may be in a text"}, {cd, "", "no such folder"}, {cd, "/no/such", "no such folder"},
            {cd, "/etc/passwd", "not a folder"}]].

%% It may be a password.
what_is_wrong_in_arguments_is_not_shown_test_() ->
    [?_assertMatch({error, {bad_option, {args, hidden, [_ | _]}}}, gwport_pool_options:pool((minimal())#{args => Args}))
        || Args <- [foo, <<"-c">>, "-c", [foo], [1], [<<255>>], ["a\0b"], [<<"a">>, <<0>>], [<<"a">> | <<"b">>]]].

%% Command

a_command_is_found_on_the_path_and_made_absolute_test() ->
    {ok, #{command := Command}} = gwport_pool_options:pool((minimal())#{command => "sh"}),
    ?assertEqual(absolute, filename:pathtype(Command)),
    ?assertEqual("sh", filename:basename(Command)).

a_command_that_is_no_program_is_refused_by_name_test_() ->
    [?_assertEqual({error, {bad_option, {command, Command, Why}}},
        gwport_pool_options:pool((minimal())#{command => Command}))
        || {Command, Why} <- [{"", "not on PATH"}, {"/", "a folder"}, {"/bin", "a folder"}, {"./no-such", "no such file"},
            {"/no/such/program", "no such file"}, {"no-such-program-at-all", "not on PATH"},
            {"/etc/passwd", "not executable"}, {"/etc/passwd/x", "not a directory"}, {"/dev/null", "not a file"}]].

%% An application with a program in it, made for the occasion.
a_command_in_priv_is_found_test_() ->
    {setup, fun make_app/0, fun remove_app/1, fun({Dir, App}) ->
        Program = filename:join([Dir, "priv", "run"]),
        [?_assertMatch({ok, #{command := Program}},
            gwport_pool_options:pool((minimal())#{command => {priv, App, File}})) || File <- ["run", <<"run">>]]
            ++ [?_assertEqual({error, {bad_option, {command, {priv, App, "no-such"},
                    "no such file: " ++ filename:join([Dir, "priv", "no-such"])}}},
                gwport_pool_options:pool((minimal())#{command => {priv, App, "no-such"}}))]
    end}.

make_app() ->
    App = gwport_options_app,
    Name = lists:concat([App, "-", os:getpid(), ".", erlang:unique_integer([positive])]),
    Dir = filename:join(os:getenv("TMPDIR", "/tmp"), Name),
    Program = filename:join([Dir, "priv", "run"]),
    Ebin = filename:join([Dir, "ebin", "x"]),
    ok = filelib:ensure_dir(Program),
    ok = filelib:ensure_dir(Ebin),
    ok = file:write_file(Program, "#!/bin/sh\n"),
    ok = file:change_mode(Program, 8#755),
    true = code:add_path(filename:dirname(Ebin)),
    {Dir, App}.

remove_app({Dir, _}) ->
    true = code:del_path(filename:join(Dir, "ebin")),
    ok = file:del_dir_r(Dir).

a_command_in_priv_that_is_not_there_is_refused_by_name_test_() ->
    Shape = "expected a path, a name on PATH, or {priv, App, File}",
    [?_assertMatch({Command, Why, true}, begin
        {error, {bad_option, {command, Given, Said}}} = gwport_pool_options:pool((minimal())#{command => Command}),
        {Given, Why, lists:prefix(Why, Said)}
    end) || {Command, Why} <- [{{priv, no_such_application, "run"}, "no such app"},
            {{priv, kernel, "no-such-file"}, "no such file: /"}, {{priv, kernel, foo}, "expected a text"},
            {{priv, "kernel", "run"}, Shape}, {{priv, kernel}, Shape}]].

%% Environment

a_variable_may_be_removed_test() ->
    ?assertMatch({ok, #{env := [{"A", false}]}}, gwport_pool_options:pool((minimal())#{env => [{"A", false}]})).

variables_may_be_a_map_test() ->
    ?assertMatch({ok, #{env := [{"A", "b"}, {"C", false}]}},
        gwport_pool_options:pool((minimal())#{env => #{<<"A">> => "b", <<"C">> => false}})).

a_value_may_be_empty_and_have_an_equals_sign_test() ->
    ?assertMatch({ok, #{env := [{"A", ""}, {"B", "c=d"}]}},
        gwport_pool_options:pool((minimal())#{env => [{"A", ""}, {"B", "c=d"}]})).

what_is_no_variable_is_refused_by_name_test_() ->
    [?_assertMatch({error, {bad_option, {env, {Name, hidden}, [_ | _]}}}, gwport_pool_options:pool((minimal())#{env => Env}))
        || Env = [{Name, _} | _] <- [[{"", "b"}], [{"", false}], [{"A=B", "c"}], [{"A=B", false}], [{"=A", "c"}],
            [{"A", foo}], [{"A", 1}], [{"A", true}], [{"A\0", "b"}], [{<<"A">>, "b\0"}]]]
        ++ [?_assertMatch({error, {bad_option, {env, {"B", hidden}, [_ | _]}}}, gwport_pool_options:pool((minimal())#{env => Env}))
            || Env <- [[{"A", "b"}, {"B", 1}], #{"A" => "b", "B" => 1}, [{"B", [-1]} | foo]]]
        ++ [?_assertMatch({error, {bad_option, {env, hidden, [_ | _]}}}, gwport_pool_options:pool((minimal())#{env => Env}))
            || Env <- [foo, "A=b", ["A=b"], [{1, "b"}], [{"A", "b", "c"}], [{"A", "b"} | foo], #{{a} => "b"}]].

variables_may_be_a_keyword_list_test() ->
    ?assertMatch({ok, #{env := [{"A", "b"}, {"C", false}]}},
        gwport_pool_options:pool((minimal())#{env => [{'A', <<"b">>}, {'C', false}]})).

%% What passes is what open_port/2 takes.
open_port_takes_every_variable_that_passes_test() ->
    {ok, #{command := Command, args := Args, env := Env, cd := Dir}} = gwport_pool_options:pool(
        (minimal())#{args => ["-c", <<"exit 0">>], env => [{"A", ""}, {<<"B">>, false}, {"C", "d=e"},
            {"D", beyond_ascii()}], cd => <<"/">>}),
    Port = open_port({spawn_executable, Command}, [{args, Args}, {env, Env}, {cd, Dir}, exit_status]),
    ?assertEqual(0, receive {Port, {exit_status, Status}} -> Status end).

%% A machine without UTF-8 takes no more than Latin-1.
beyond_ascii() ->
    case file:native_name_encoding() of
        utf8 -> [16#20ac];
        latin1 -> [16#e9]
    end.

what_is_inherited_is_named_test_() ->
    [?_assertMatch({ok, #{inherit := Checked}}, gwport_pool_options:pool((minimal())#{inherit => Given}))
        || {Checked, Given} <- [{all, all}, {[], []}, {["A", "B", "C"], ["A", <<"B">>, 'C']}]]
        ++ [?_assertMatch({error, {bad_option, {inherit, hidden, [_ | _]}}},
            gwport_pool_options:pool((minimal())#{inherit => Given}))
            || Given <- [none, "PATH", [""], ["A=B"], [1], ["A" | "B"], #{}]].

gos_variables_pass_at_their_edges_test_() ->
    [?_assertMatch({ok, #{Key := N}}, pool(Key, N)) || {Key, Min, Max} <- gos(), N <- [Min, Max, undefined]]
        ++ [?_assertEqual({error, {bad_option, {Key, N, lists:concat(["expected an integer from ", Min, " to ", Max])}}},
            pool(Key, N)) || {Key, Min, Max} <- gos(), N <- [Min - 1, Max + 1, off, "1GiB"]].

gos() ->
    [{gomemlimit, 1048576, 1 bsl 50}, {gomaxprocs, 1, 1024}].

a_variable_is_set_in_one_place_test() ->
    ?assertMatch({ok, _}, gwport_pool_options:pool((minimal())#{env => #{"GOMAXPROCS" => "2"}, gomemlimit => 1 bsl 30})),
    ?assertEqual({error, {bad_option, {gomaxprocs, 2, "env sets the variable too"}}},
        gwport_pool_options:pool((minimal())#{env => #{"GOMAXPROCS" => "2"}, gomaxprocs => 2})),
    ?assertEqual({error, {bad_option, {gomemlimit, 1 bsl 30, "env sets the variable too"}}},
        gwport_pool_options:pool((minimal())#{env => [{"GOMEMLIMIT", false}], gomemlimit => 1 bsl 30})).

development_is_true_or_false_test() ->
    [?assertMatch({ok, #{dev := Dev}}, pool(dev, Dev)) || Dev <- [true, false]],
    ?assertMatch({ok, #{dev := true}}, gwport_pool_options:pool([dev | maps:to_list(minimal())])),
    [?assertEqual({error, {bad_option, {dev, Dev, "expected true or false"}}}, pool(dev, Dev)) || Dev <- [1, yes, "true"]].

%% Names, missing and unknown options

a_name_is_an_atom_test_() ->
    [?_assertEqual({error, {bad_option, {name, Name, "expected an atom"}}}, gwport_pool_options:pool((minimal())#{name => Name}))
        || Name <- [undefined, "shop", <<"shop">>, 1]].

a_pool_without_name_or_command_is_refused_by_name_test() ->
    ?assertEqual({error, {missing_option, name}}, gwport_pool_options:pool(#{command => "/bin/sh"})),
    ?assertEqual({error, {missing_option, command}}, gwport_pool_options:pool(#{name => shop})).

an_unknown_option_is_refused_by_name_test_() ->
    [?_assertEqual({error, {bad_option, {Key, 1, "no such option"}}}, gwport_pool_options:pool((minimal())#{Key => 1}))
        || Key <- [widnow, "window", <<"window">>, head_timeout]]
        ++ [?_assertEqual({error, {bad_option, {Key, hidden, "no such option"}}},
                gwport_pool_options:pool((minimal())#{Key => Value}))
            || {Key, Value} <- [{evn, [{"PASSWORD", "secret"}]}, {arg, ["secret"]}, {<<"env">>, #{}}]]
        ++ [?_assertEqual({error, {bad_option, {Key, 1, "no such option"}}},
                gwport_mount_options:mount(#{pool => shop, Key => 1}))
            || Key <- [idle_timeuot, "app", window]].

options_may_be_a_map_a_keyword_list_or_a_property_list_test() ->
    {ok, Pool} = gwport_pool_options:pool((minimal())#{ports => 2}),
    ?assertEqual({ok, Pool}, gwport_pool_options:pool([{name, shop}, {command, <<"/bin/sh">>}, {ports, 2}])),
    %% The first of two of a key.
    ?assertEqual({ok, Pool}, gwport_pool_options:pool([{ports, 2} | maps:to_list((minimal())#{ports => 3})])),
    ?assertEqual({error, {bad_option, {ports, true, "expected an integer from 1 to 1024"}}},
        gwport_pool_options:pool([ports | maps:to_list(minimal())])),
    ?assertEqual(gwport_mount_options:mount(#{pool => shop, app => cart}), gwport_mount_options:mount([{app, cart}, {pool, shop}])),
    ?assertEqual(shop, gwport_pool_options:name([{command, "/bin/sh"}, {name, shop}])),
    [?assertEqual(undefined, gwport_pool_options:name(Given)) || Given <- [#{}, [], shop, [{name}]]].

what_has_no_shape_of_options_is_refused_test_() ->
    Why = "expected a map, a keyword list or a property list",
    [?_assertEqual({error, {bad_option, {pool, hidden, Why}}}, gwport_pool_options:pool(Options))
        || Options <- [shop, [1], [{name, shop} | x], [{name, shop, x}], "text"]]
        ++ [?_assertEqual({error, {bad_option, {mount, Options, Why}}}, gwport_mount_options:mount(Options))
            || Options <- [shop, [<<"pool">>], [{pool, shop} | x]]].

%% The pools of the application's environment

pools_of_any_shape_pass_test() ->
    ?assertEqual(ok, gwport_pool_options:pools([])),
    ?assertEqual(ok, gwport_pool_options:pools([minimal(), maps:to_list((minimal())#{name => other})])).

pools_that_are_none_are_refused_test_() ->
    Why = "expected a list of pools, each a map, a keyword list or a property list",
    [?_assertEqual({error, {bad_option, {pools, hidden, Why}}}, gwport_pool_options:pools(Pools))
        || Pools <- [shop, minimal(), maps:to_list(minimal()), [shop], [minimal() | minimal()], {shop, minimal()}]].

a_wrong_pool_is_named_test_() ->
    [?_assertEqual({error, {bad_pool, Name, Error}}, gwport_pool_options:pools([(minimal())#{name => first} | Pools]))
        || {Name, Error, Pools} <- [
            {shop, {bad_option, {ports, 0, "expected an integer from 1 to 1024"}}, [(minimal())#{ports => 0}]},
            {shop, {missing_option, command}, [[{name, shop}]]},
            {undefined, {missing_option, name}, [[{command, "/bin/sh"}]]},
            {undefined, {missing_option, name}, [[]]},
            {shop, {bad_option, {pool, hidden, "no such option"}}, [(minimal())#{pool => 'Shop'}]},
            {shop, {bad_option, {env, {"A", hidden}, "expected a text, or false"}}, [(minimal())#{env => #{"A" => 1}}]},
            {shop, {bad_option, {name, shop, "another pool has this name"}}, [minimal(), minimal()]}]].

%% Mounts

a_pool_is_enough_for_a_mount_test() ->
    ?assertEqual({ok, #{pool => shop, app => <<>>, head_timeout => 60000, idle_timeout => 300000,
        deadline => infinity, max_target => infinity, max_fields => infinity, max_header => infinity,
        max_body => infinity, min_body_rate => 0, body_grace => 10000, replay => true, replay_body => 65536, underscores => pass,
        trusted_proxies => [],
        trusted_fields => [<<"x-forwarded-for">>, <<"x-forwarded-host">>, <<"x-forwarded-proto">>],
        access_log => none}},
        gwport_mount_options:mount(#{pool => shop})).

an_app_in_erlang_is_enough_for_a_mount_test() ->
    App = fun(_) -> {204, [], <<>>} end,
    {ok, Pool} = gwport_mount_options:mount(#{pool => shop}),
    ?assertEqual({ok, Pool#{pool => undefined, replay => false, run => App, validate => false}},
        gwport_mount_options:mount(#{run => App})).

an_app_in_erlang_is_validated_where_that_is_wanted_test() ->
    Mount = fun(Options) -> gwport_mount_options:mount(maps:merge(#{run => fun(_) -> none end}, Options)) end,
    Log = #{exclude => [], report => log},
    [?assertMatch({Given, {ok, #{validate := Checked}}}, {Given, Mount(#{validate => Given})}) || {Given, Checked} <- [
        {false, false}, {true, Log}, {[], Log}, {[{report, fail}, {exclude, [body]}], #{exclude => [<<"body">>], report => fail}}]],
    [?assertEqual({error, {bad_option, {validate, Given, Why}}}, Mount(#{validate => Given})) || {Given, Why} <- [
        {maybe_so, "expected true, false, or a map, a keyword list or a property list"},
        {#{report => mail}, "report: expected log, fail, or a fun of one argument"},
        {[{exclude, ["bodies"]}], "exclude: no rule is named bodies"}]],
    ?assertMatch({error, {bad_option, {validate, true, "expected together with run; " ++ _}}},
        gwport_mount_options:mount(#{pool => shop, validate => true})).

%% The application's environment is for what a mount does not say.
apps_of_a_node_in_development_are_validated_test() ->
    Mount = fun(Options) -> gwport_mount_options:mount(maps:merge(#{run => fun(_) -> none end}, Options)) end,
    try
        application:set_env(gwport, validate, true),
        ?assertMatch({ok, #{validate := #{report := log}}}, Mount(#{})),
        ?assertMatch({ok, #{validate := false}}, Mount(#{validate => false})),
        ?assertMatch({ok, #{pool := shop}}, gwport_mount_options:mount(#{pool => shop})),
        application:set_env(gwport, validate, dev),
        ?assertMatch({error, {bad_option, {validate, dev, "expected true, false, or " ++ _}}}, Mount(#{}))
    after
        application:unset_env(gwport, validate)
    end.

an_app_in_erlang_may_be_a_module_test() ->
    ?assertMatch({ok, #{run := _}}, gwport_mount_options:mount(#{run => gwport_run_SUITE})),
    {ok, #{run := App}} = gwport_mount_options:mount([{run, gwport_run_SUITE}]),
    ?assertEqual(fun gwport_run_SUITE:app/1, App).

what_is_no_app_in_erlang_is_refused_test_() ->
    [?_assertEqual({error, {bad_option, {run, App, Why}}}, gwport_mount_options:mount(#{run => App})) || {App, Why} <- [
        {no_such_module, "no such module"}, {lists, "a module that exports no app/1"}
        | [{App, "expected a fun of one argument, or a module with app/1"}
            || App <- [fun() -> none end, fun(_, _) -> none end, "shop", <<"shop">>, {lists, app}, 1]]]].

a_program_and_an_app_in_erlang_are_not_together_test_() ->
    [?_assertEqual({error, {bad_option, {Key, Value, "not together with run"}}},
        gwport_mount_options:mount(#{run => fun(_) -> none end, Key => Value}))
        || {Key, Value} <- [{pool, shop}, {app, <<"cart">>}, {replay, false}, {replay_body, 0}]].

what_stands_behind_an_app_in_erlang_has_no_client_of_its_own_test_() ->
    Why = "an option of routes, whose requests are a client's",
    [?_assertEqual(gwport_mount_options:mount(#{pool => shop, app => cart, deadline => 1}),
            gwport_mount_options:inner([{pool, shop}, {app, cart}, {deadline, 1}])),
        ?_assertEqual({error, {missing_option, pool}}, gwport_mount_options:inner(#{})),
        ?_assertEqual(gwport_mount_options:mount(shop), gwport_mount_options:inner(shop))]
        ++ [?_assertEqual({error, {bad_option, {Key, Value, Why}}}, gwport_mount_options:inner(#{pool => shop, Key => Value}))
            || {Key, Value} <- [{run, lists}, {min_body_rate, 0}, {body_grace, 1}, {underscores, drop}, {trusted_proxies, []}, {trusted_fields, ["forwarded"]}]].

a_mount_without_a_pool_is_refused_by_name_test() ->
    ?assertEqual({error, {missing_option, pool}}, gwport_mount_options:mount(#{})).

each_number_of_a_mount_passes_at_its_edges_test_() ->
    [{lists:concat([Key, " ", N]), ?_assertMatch({ok, #{Key := N}}, mount(Key, N))}
        || {Key, Min, Max} <- mount_numbers(), N <- [Min, Max, infinity]].

each_number_of_a_mount_beyond_its_edges_is_refused_by_name_test_() ->
    [{lists:concat([Key]), ?_assertEqual({error, {bad_option, {Key, N, lists:concat(
            ["expected an integer from ", Min, " to ", Max, ", or infinity"])}}}, mount(Key, N))}
        || {Key, Min, Max} <- mount_numbers(), N <- [Min - 1, Max + 1, 5.0, "5", undefined]].

mount_numbers() ->
    [{head_timeout, 1, 1 bsl 31}, {idle_timeout, 1, 1 bsl 31}, {deadline, 1, 1 bsl 31},
     {max_target, 1, 1 bsl 62}, {max_fields, 1, 1 bsl 62}, {max_header, 1, 1 bsl 62}, {max_body, 0, 1 bsl 62}].

underscores_pass_or_are_dropped_test() ->
    [?assertMatch({ok, #{underscores := What}}, mount(underscores, What)) || What <- [pass, drop]],
    [?assertEqual({error, {bad_option, {underscores, What, "expected pass or drop"}}}, mount(underscores, What))
        || What <- [true, false, "drop", infinity]].

proxies_are_addresses_and_networks_test() ->
    Given = ["10.0.0.0/8", <<"::1">>, {127, 0, 0, 1}, unix],
    {ok, #{trusted_proxies := Proxies}} = mount(trusted_proxies, Given),
    ?assertEqual([true, true, true, true, false], [gwport_network:has(Address, Proxies)
        || Address <- [{10, 1, 2, 3}, {0, 0, 0, 0, 0, 0, 0, 1}, {127, 0, 0, 1}, unix, {127, 0, 0, 2}]]),
    [?assertEqual({error, {bad_option, {trusted_proxies, Wrong, Why}}}, mount(trusted_proxies, Wrong)) || {Wrong, Why} <- [
        {["10.0.0.1/8"], "\"10.0.0.1/8\" has bits behind its prefix"},
        {["::1", proxy], "proxy is no address, no network in the form of 10.0.0.0/8, and not unix"},
        {<<"10.0.0.0/8">>, "expected a list of addresses and networks, as 10.0.0.0/8, or unix"},
        {all, "expected a list of addresses and networks, as 10.0.0.0/8, or unix"}]].

trusted_fields_are_of_one_kind_test() ->
    [?assertMatch({ok, #{trusted_fields := Names}}, mount(trusted_fields, Given)) || {Names, Given} <- [
        {[<<"forwarded">>], ["Forwarded"]},
        {[<<"x-forwarded-for">>], [<<"x-forwarded-for">>, "X-Forwarded-For"]},
        {[<<"x-forwarded-for">>, <<"x-forwarded-proto">>], ["X-Forwarded-Proto", "X-Forwarded-For"]}]],
    [?assertEqual({error, {bad_option, {trusted_fields, Wrong, Why}}}, mount(trusted_fields, Wrong)) || {Wrong, Why} <- [
        {[], "expected a name at least"},
        {["Forwarded", "X-Forwarded-For"], "expected forwarded alone, or none of it"},
        {["X-Real-IP"], "X-Real-IP is none of forwarded, x-forwarded-for, x-forwarded-host, x-forwarded-proto"},
        {[5], "expected a text, as a binary or a charlist"},
        {forwarded, "expected a list of names"}]].

replay_is_true_or_false_test() ->
    [?assertMatch({ok, #{replay := Replay}}, mount(replay, Replay)) || Replay <- [true, false]],
    [?assertEqual({error, {bad_option, {replay, Wrong, "expected true or false"}}}, mount(replay, Wrong))
        || Wrong <- [1, yes, "true", infinity]].

what_is_of_a_body_is_a_number_within_its_edges_test_() ->
    [{lists:concat([Key]), [
        [?_assertMatch({ok, #{Key := N}}, mount(Key, N)) || N <- [Min, Max]],
        [?_assertEqual({error, {bad_option, {Key, Wrong, lists:concat(["expected an integer from ", Min, " to ", Max])}}},
            mount(Key, Wrong)) || Wrong <- [Min - 1, Max + 1, 1.0, "1", infinity]]
    ]} || {Key, Min, Max} <- [{replay_body, 0, 1073741824}, {min_body_rate, 0, 1073741824}, {body_grace, 1, 2147483648}]].

an_app_is_a_binary_a_charlist_or_an_atom_test() ->
    [?assertMatch({ok, #{app := <<"cart">>}}, mount(app, App)) || App <- [<<"cart">>, "cart", cart]],
    ?assertMatch({ok, #{app := <<16#c3, 16#a9>>}}, mount(app, [16#e9])),
    ?assertMatch({ok, #{app := <<>>}}, mount(app, "")).

what_is_no_app_is_refused_by_name_test_() ->
    [?_assertMatch({error, {bad_option, {app, App, [_ | _]}}}, mount(app, App)) || App <- [1, {cart}, [cart], [-1]]].

an_access_log_has_a_format_test() ->
    [?assertMatch({ok, #{access_log := Format}}, mount(access_log, Format)) || Format <- [none, combined, json]],
    [?assertEqual({error, {bad_option, {access_log, Format, "expected none, combined or json"}}}, mount(access_log, Format))
        || Format <- [true, <<"json">>, "combined", common]].

a_pool_of_a_mount_is_an_atom_test() ->
    [?assertEqual({error, {bad_option, {pool, Pool, "expected an atom, the name of a pool"}}}, mount(pool, Pool)) || Pool <- ["shop", <<"shop">>, 1]].

mount(Key, Value) ->
    gwport_mount_options:mount(maps:merge(#{pool => shop}, #{Key => Value})).

minimal() ->
    #{name => shop, command => "/bin/sh"}.

%% Any text reaches the program as UTF-8, whatever the locale of the BEAM, and whatever that makes OTP believe.
text_is_utf8_under_any_locale_test_() ->
    {timeout, 60, [{Locale, fun() -> text_is_utf8(Locale) end} || Locale <- ["C", "C.UTF-8", "POSIX"]]}.

text_is_utf8(Locale) ->
    Peer = gwport_attack:peer("", [{"LC_ALL", Locale}]),
    Dir = string:trim(os:cmd("mktemp -d")),
    Work = filename:join(Dir, [1078, 228]),
    ok = file:make_dir(Work),
    _ = gwport_attack:call(Peer, gwport_attack, start_pool, [#{command => "sh", cd => Work,
        args => ["-c", "echo \"$0 $1 $TEXT\" >said.new; mv said.new said; sleep 5", [1078], <<1078/utf8, 228/utf8>>],
        env => #{"TEXT" => [128512, $x]}}]),
    Said = filename:join(Work, "said"),
    gwport_test:until(fun() -> filelib:is_regular(Said) end),
    ?assertEqual({ok, unicode:characters_to_binary([1078, " ", 1078, 228, " ", 128512, "x\n"])}, file:read_file(Said)),
    gwport_attack:stop_peer(Peer),
    ok = file:del_dir_r(Dir).
