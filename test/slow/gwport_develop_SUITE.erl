%% More of what test/gwport_dev_SUITE has: programs that are built, with watchers of every fate.
-module(gwport_develop_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-import(gwport_dev_SUITE, [module/2, main/1, save/3, options/2, serve/3, stop/1, browser/0, get/2, serves/2]).

suite() -> [{timetrap, {seconds, 120}}].

all() -> [what_is_saved_goes_live_in_a_stream_handler, the_environment_waits_for_its_pool, a_program_that_does_not_come_up_is_shown,
    a_watcher_that_ends_is_started_again].

init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Config.

end_per_suite(_) -> ok.

init_per_testcase(_, Config) ->
    gwport_test:mount(route),
    Config.

end_per_testcase(Case, Config) ->
    gwport_dev_SUITE:end_per_testcase(Case, Config).

what_is_saved_goes_live_in_a_stream_handler(Config) ->
    %% As under a route.
    gwport_test:mount(stream),
    gwport_dev_SUITE:what_is_saved_goes_live(Config).

the_environment_waits_for_its_pool(Config) ->
    %% It is there before the pool is, which is one of development by that alone, if it says nothing else.
    {Dir, Program} = module("`one`", Config),
    Options = options(env_shop, Dir),
    gwport_dev_SUITE:with_env([maps:to_list(Options)], fun() ->
        Log = gwport_test:capture_log(),
        [Spec] = gwport_dev:child_specs(application:get_env(gwport, dev, [])),
        {ok, _} = supervisor:start_child(gwport_sup, Spec),
        {warning, _, _} = gwport_test:expect_log("the program of pool env_shop is not watched yet: no such pool runs"),
        {env_shop, Client} = serve(Program, #{name => env_shop}, Config),
        {notice, _, _} = gwport_test:expect_log("is watched, in ", 60000),
        save(Dir, "main.go", main("`two`")),
        serves(<<"two">>, Client),
        stop(env_shop),
        %% What says that it is none is left alone.
        {ok, _} = supervisor:start_child(gwport_sup, Spec),
        {env_shop, _} = serve(Program, #{name => env_shop, dev => false}, Config),
        {error, _, _} = gwport_test:expect_log("is not watched, because its option dev is false"),
        gwport_test:release_log(Log),
        stop(env_shop)
    end).

a_program_that_does_not_come_up_is_shown(Config) ->
    %% It was built, and ends: the old one goes on.
    {Dir, Program} = module("`one`", Config),
    {Pool, Client} = serve(Program, #{dev => true}, Config),
    Log = gwport_test:capture_log(),
    ok = gwport_dev:start(options(Pool, Dir)),
    {notice, _, _} = gwport_test:expect_log("is watched, in ", 60000),
    save(Dir, "main.go", "package main\n\nimport \"os\"\n\nfunc main() { os.Exit(3) }\n"),
    {error, _, _} = gwport_test:expect_log("was built, but does not come up, and the old one goes on", 60000),
    #{status := 500, body := Html} = get(Client, browser()),
    ?assertNotEqual(nomatch, string:find(Html, "was built, but does not come up")),
    #{status := 200, body := <<"one">>} = get(Client, []),
    gwport_test:release_log(Log),
    stop(Pool).

a_watcher_that_ends_is_started_again(Config) ->
    %% Killed, it leaves nothing that keeps the next one from its work.
    {Dir, Program} = module("`one`", Config),
    {Pool, Client} = serve(Program, #{dev => true}, Config),
    Log = gwport_test:capture_log(),
    ok = gwport_dev:start(options(Pool, Dir)),
    {notice, _, _} = gwport_test:expect_log("is watched, in ", 60000),
    {_, Pid, _, _} = lists:keyfind({gwport_dev, Pool}, 1, supervisor:which_children(gwport_sup)),
    {links, Links} = process_info(Pid, links),
    [OsPid] = [Id || Port <- Links, is_port(Port), {os_pid, Id} <- [erlang:port_info(Port, os_pid)]],
    gwport_probe:os_kill("KILL", OsPid),
    {error, _, _} = gwport_test:expect_log("has ended, exit status 137, and is started again"),
    {notice, _, _} = gwport_test:expect_log("is watched, in ", 60000),
    save(Dir, "main.go", main("`two`")),
    serves(<<"two">>, Client),
    gwport_test:release_log(Log),
    stop(Pool),
    gwport_test:until(fun() -> {ok, ["shop"]} =:= file:list_dir_all(filename:join(Dir, "priv")) end).
