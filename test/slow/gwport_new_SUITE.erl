%% `gwport new', as somebody uses it who has nothing but Go and rebar3: what it makes is tested,
%% released, started and asked, exactly as it is made. The repository's address leads to a copy of
%% this tree with a tag: from there Go takes the command and the module, and rebar3 the application.
-module(gwport_new_SUITE).

-include_lib("stdlib/include/assert.hrl").

%% Any other version would do: none is published yet.
-define(COMMAND, "go run github.com/gwport/gwport/cmd/gwport@v0.1.0 new").

-export([all/0, suite/0, init_per_suite/1, end_per_suite/1]).
-export([a_rebar3_project_is_tested_released_and_answers/1]).
-export([a_mix_project_is_tested_released_and_answers/1]).
-export([a_program_goes_into_a_project_that_is_there/1, a_dependency_of_mix_builds_documentation_and_no_program/1]).

all() ->
    [a_rebar3_project_is_tested_released_and_answers, a_mix_project_is_tested_released_and_answers,
        a_program_goes_into_a_project_that_is_there, a_dependency_of_mix_builds_documentation_and_no_program].

suite() -> [{timetrap, {minutes, 15}}].

init_per_suite(Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    Env = from_here(repository(root(), Dir)) ++ modules(Dir),
    [{env, Env} | Config].

%% Go's modules are files that nobody may write to, unless told as in modules/1.
end_per_suite(Config) ->
    file:del_dir_r(filename:join(proplists:get_value(priv_dir, Config), "modules")).

a_rebar3_project_is_tested_released_and_answers(Config) ->
    Env = proplists:get_value(env, Config),
    Dir = new("shop", Config),
    %% Before rebar3 has run, Go's tools have all that they want.
    {0, <<>>} = run("cd go && gofmt -l . && go vet ./... && go mod tidy -diff", Dir, Env),
    checkouts(Dir),
    {0, Tested} = run("make test", Dir, Env),
    ?assertMatch({match, _}, re:run(Tested, "All 2 tests passed")),
    goes_live(Dir, Env),
    {0, _} = run("make release", Dir, Env),
    ok = dialyzed(Dir, Env),
    Release = filename:join(Dir, "_build/default/rel/shop"),
    %% What the shell shows of gwport is there in development, and no part of the release.
    ?assert(filelib:is_regular(filename:join(Dir, "_build/default/lib/gwport/doc/chunks/gwport.chunk"))),
    ?assertEqual([], filelib:wildcard("lib/gwport-*/doc/**", Release)),
    %% Of gwport's own programs it has none.
    ?assertEqual(["lib/shop-0.1.0/priv/shop"],
        [File || File <- filelib:wildcard("lib/{shop,gwport}-*/priv/**", Release),
            not filelib:is_dir(filename:join(Release, File))]),
    Port = free_port(),
    Node = start(filename:join(Release, "bin/shop") ++ " foreground", Dir,
        [{"ERL_FLAGS", "-shop port " ++ integer_to_list(Port)}]),
    ?assertMatch(<<"one tea, coming up\n">>, ask(Port, "/shop/tea", 300)),
    Program = filename:join(Release, "lib/shop-0.1.0/priv/shop"),
    is_reached_from_this_machine(Release, Program),
    drains(Node, Port, Program).

%% By the name that config/vm.args has.
is_reached_from_this_machine(Release, Program) ->
    {0, Address} = run("bin/shop eval 'application:get_env(kernel, inet_dist_use_interface).'",
        Release, []),
    ?assertMatch({match, _}, re:run(Address, "{ok, *{127, *0, *0, *1}}")),
    {0, Reloaded} = run("bin/shop eval 'gwport:reload(shop).'", Release, []),
    ?assertMatch({match, _}, re:run(Reloaded, "^{ok,")),
    gwport_test:until(fun() -> length(pids_of(Program)) =:= 1 end).

%% `make dev': what is saved is served, and what does not build is a page.
goes_live(Dir, Env) ->
    Port = free_port(),
    Config = filename:join(Dir, "config/dev.config"),
    Main = filename:join(Dir, "go/main.go"),
    {ok, Before} = file:read_file(Config),
    {ok, Source} = file:read_file(Main),
    write(Config, binary:replace(Before, <<"8080">>, integer_to_binary(Port))),
    Node = start("make dev", Dir, Env),
    ?assertMatch(<<"one tea, coming up\n">>, ask(Port, "/shop/tea", 600)),
    write(Main, binary:replace(Source, <<"coming up">>, <<"at last">>)),
    Tea = fun(Headers) -> gwport_test:request(#{port => Port}, #{path => "/shop/tea", headers => Headers}) end,
    Html = [{<<"accept">>, <<"text/html">>}],
    gwport_test:until(fun() -> <<"one tea, at last\n">> =:= maps:get(body, Tea([])) end, 120000),
    write(Main, binary:replace(Source, <<"mux :=">>, <<"mix :=">>)),
    gwport_test:until(fun() -> 500 =:= maps:get(status, Tea(Html)) end, 60000),
    ?assertMatch(#{status := 200, body := <<"one tea, at last\n">>}, Tea([])),
    write(Main, Source),
    gwport_test:until(fun() -> <<"one tea, coming up\n">> =:= maps:get(body, Tea(Html)) end, 60000),
    true = port_command(Node, "q().\n"),
    ends(Node),
    write(Config, Before).

%% Where hex cannot be reached Mix has no dependencies; those that this test has are found by
%% ERL_LIBS. What Mix does of itself with dependencies that it has fetched, to have them started and
%% in the release, is written down for it. Plug and its server are stand-ins: erlang/doc/plug.md has
%% what was seen with the real ones.
a_mix_project_is_tested_released_and_answers(Config) ->
    Dir = new("--mix market", Config),
    {0, _} = run("mix format --check-formatted && cd go && go vet ./... && go test ./...", Dir,
        proplists:get_value(env, Config)),
    Env = [{"ERL_LIBS", libraries(Config)} | proplists:get_value(env, Config)],
    {ok, Mix} = file:read_file(filename:join(Dir, "mix.exs")),
    Started = lists:foldl(fun({Old, New}, Text) ->
        ?assertMatch([_, _], binary:split(Text, Old)),
        binary:replace(Text, Old, New)
    end, Mix, [{<<"[:logger]">>, <<"[:logger, :gwport, :plug_cowboy]">>},
        %% For a version of a package Mix asks for hex, and waits for somebody's answer.
        {<<"      {:plug_cowboy, \"~> 2.7\"},\n">>, <<>>}]),
    write(filename:join(Dir, "mix.exs"), Started),
    {0, Tested} = run("mix test --no-deps-check", Dir, Env),
    ?assertMatch({match, _}, re:run(Tested, "2 tests, 0 failures")),
    {0, _} = run("MIX_ENV=prod mix release --no-deps-check", Dir, Env),
    Release = filename:join(Dir, "_build/prod/rel/market"),
    Port = free_port(),
    Node = start(filename:join(Release, "bin/market") ++ " start", Dir,
        [{"PORT", integer_to_list(Port)}]),
    ?assertMatch(<<"one tea, coming up\n">>, ask(Port, "/market/tea", 300)),
    ?assertEqual([], filelib:wildcard("lib/gwport-*/priv", Release)),
    drains(Node, Port, filename:join(Release, "lib/market-0.1.0/priv/market")).

%% A project as it may be, in whose modules the lines that the command prints are put where it says.
a_program_goes_into_a_project_that_is_there(Config) ->
    Env = proplists:get_value(env, Config),
    Dir = filename:join(proplists:get_value(priv_dir, Config), "old"),
    write(filename:join(Dir, "rebar.config"), "{erl_opts, [debug_info]}."),
    write_old(Dir, [], [], []),
    {0, Said} = run(?COMMAND ++ " --into . till", Dir, Env),
    ?assertEqual({ok, <<"keep\n">>}, file:read_file(filename:join(Dir, "till.txt"))),
    write_old(Dir, line(Said, "src/old.app.src"), line(Said, "A supervisor"),
        line(Said, "Cowboy's routes")),
    checkouts(Dir),
    {0, <<>>} = run("cd till && gofmt -l . && go vet ./...", Dir, Env),
    {0, _} = run("rebar3 compile", Dir, Env),
    Port = free_port(),
    Node = start("erl -noinput -pa _build/default/lib/*/ebin _build/default/checkouts/*/ebin "
        "-old port " ++ integer_to_list(Port) ++
        " -eval '{ok, _} = application:ensure_all_started(old)'", Dir, []),
    ?assertMatch(<<"one tea, coming up\n">>, ask(Port, "/till/tea", 300)),
    {os_pid, OsPid} = erlang:port_info(Node, os_pid),
    _ = os:cmd("kill -TERM " ++ integer_to_list(OsPid)),
    ends(Node).

%% Mix has rebar3 compile a dependency in the dependency's own folder, with this in the environment.
a_dependency_of_mix_builds_documentation_and_no_program(Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    {0, _} = run("git clone -q gwport.git mixed && cd mixed && mkdir ../mixed_out", Dir, []),
    Mixed = filename:join(Dir, "mixed"),
    Build = {"REBAR_BARE_COMPILER_OUTPUT_DIR", filename:join(Dir, "mixed_out")},
    {0, <<>>} = run("sh cmd/gwport/build.sh && test ! -e priv", Mixed, [Build]),
    {0, _} = run("sh cmd/gwport/build.sh && test -x priv/gwport", Mixed,
        [Build, {"GWPORT_BUNDLED", "1"}]),
    {0, _} = run("cp -R '" ++ filename:dirname(code:which(gwport)) ++ "' ../mixed_out/ebin && sh cmd/gwport/docs.sh && "
        "test -e ../mixed_out/doc/chunks/gwport.chunk", Mixed, [Build]).

%% The project that the command makes of its own accord.
new(Arguments, Config) ->
    Dir = proplists:get_value(priv_dir, Config),
    {0, _} = run(?COMMAND ++ " " ++ Arguments, Dir, proplists:get_value(env, Config)),
    filename:join(Dir, lists:last(string:lexemes(Arguments, " "))).

from_here(Repository) ->
    [{"GIT_CONFIG_COUNT", "1"}, {"GIT_CONFIG_KEY_0", "url." ++ Repository ++ ".insteadOf"},
        {"GIT_CONFIG_VALUE_0", "https://github.com/gwport/gwport"}].

%% Go keeps what it has fetched of a version, and takes it for the same for ever: this test's
%% version has a cache of its own. The projects lie in this tree's repository, whose state is not
%% theirs.
modules(Dir) ->
    Cache = string:trim(os:cmd("go env GOMODCACHE")),
    Proxy = string:trim(os:cmd("go env GOPROXY")),
    [{"GOMODCACHE", filename:join(Dir, "modules")}, {"GOFLAGS", "-modcacherw -buildvcs=false"},
        {"GOPRIVATE", "github.com/gwport/gwport"},
        {"GOPROXY", "file://" ++ Cache ++ "/cache/download," ++ Proxy}].

%% What the command says to put where it says Where.
line(Said, Where) ->
    {match, [Line]} = re:run(Said, "\n" ++ Where ++ "[^\n]*:\n +([^\n]+)\n",
        [{capture, all_but_first, list}]),
    Line.

write_old(Dir, Applications, Children, Routes) ->
    write(filename:join(Dir, "till.txt"), "keep\n"),
    write(filename:join(Dir, "src/old.app.src"), ["{application, old, [{vsn, \"1\"}, "
        "{mod, {old_app, []}}, {applications, [",
        lists:join(", ", ["kernel", "stdlib" | [Applications || Applications =/= []]]), "]}]}.\n"]),
    write(filename:join(Dir, "src/old_app.erl"), ["-module(old_app).\n-behaviour(application).\n"
        "-export([start/2, stop/1, init/1]).\n"
        "start(_, _) ->\n    {ok, Sup} = supervisor:start_link(?MODULE, []),\n"
        "    {ok, Port} = application:get_env(port),\n"
        "    Dispatch = cowboy_router:compile([{'_', [", Routes, "]}]),\n"
        "    {ok, _} = cowboy:start_clear(old, [{port, Port}], #{env => #{dispatch => Dispatch},\n"
        "        stream_handlers => [gwport_pipeline_h, cowboy_stream_h]}),\n    {ok, Sup}.\n"
        "stop(_) -> cowboy:stop_listener(old).\n"
        "init([]) -> {ok, {#{}, [", Children, "]}}.\n"]).

%% With what Dialyzer knows of this tree's dependencies where that is there: to find it out takes
%% minutes.
dialyzed(Dir, Env) ->
    case filelib:wildcard(filename:join(root(), "_build/default/*_plt")) of
        [Plt | _] ->
            {0, <<>>} = run("gofmt -l go", Dir, Env),
            Lib = filename:join(Dir, "_build/default/lib"),
            Files = [filename:join(Lib, File) || File <- ["shop/ebin/shop_app.beam",
                "shop/ebin/shop_sup.beam", "gwport/ebin/gwport.beam",
                "gwport/ebin/gwport_handler.beam"]],
            ?assertEqual([], dialyzer:run([{init_plt, Plt}, {files, Files}]));
        [] ->
            {0, _} = run("make lint", Dir, Env),
            ok
    end.

%% A folder with the applications that gwport is and needs, as this test has them, without programs.
libraries(Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), "libraries"),
    _ = [begin
        Link = filename:join([Dir, App, "ebin"]),
        ok = filelib:ensure_dir(Link),
        ok = file:make_symlink(filename:dirname(code:which(Module)), Link)
    end || {App, Module} <- [{gwport, gwport}, {cowboy, cowboy}, {cowlib, cow_http},
        {ranch, ranch}]],
    stand_in(filename:join(Dir, "plug_cowboy/ebin"), Config),
    Dir.

%% An application plug_cowboy of what stands in for Plug's. A release loads what its file names.
stand_in(Ebin, Config) ->
    ok = filelib:ensure_dir(filename:join(Ebin, "x")),
    _ = [{ok, _} = file:copy(code:which(Module),
        filename:join(Ebin, atom_to_list(Module) ++ ".beam"))
        || Module <- ['Elixir.Plug.Conn', 'Elixir.Plug.Conn.Status', gwport_plug_host]],
    Source = filename:join(proplists:get_value(data_dir, Config), "plug_cowboy.ex"),
    {0, _} = run("elixirc -o . -pa . '" ++ Source ++ "' </dev/null", Ebin, []),
    Modules = [list_to_atom(filename:rootname(Beam)) || Beam <- filelib:wildcard("*.beam", Ebin)],
    write(filename:join(Ebin, "plug_cowboy.app"), io_lib:format("~p.~n", [
        {application, plug_cowboy, [{description, ""}, {vsn, "2.7.0"}, {modules, Modules},
            {registered, []}, {applications, [kernel, stdlib, cowboy]}]}])).

start(Command, Dir, Env) ->
    open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", "exec " ++ Command]}, {cd, Dir},
        {env, clean_env() ++ Env}, exit_status, eof, binary, stderr_to_stdout]).

%% A program that takes its time to drain: meanwhile a client is refused, and not told 503.
drains(Node, Port, Program) ->
    {os_pid, OsPid} = erlang:port_info(Node, os_pid),
    Programs = pids_of(Program),
    ?assertMatch([_], Programs),
    _ = os:cmd("kill -STOP " ++ hd(Programs)),
    _ = os:cmd("kill -TERM " ++ integer_to_list(OsPid)),
    gwport_test:until(fun() -> is_refused(Port) end),
    _ = os:cmd("kill -CONT " ++ hd(Programs)),
    ends(Node),
    gwport_test:until(fun() -> not filelib:is_dir("/proc/" ++ hd(Programs)) end).

ends(Node) ->
    receive {Node, {exit_status, Status}} -> ?assertEqual(0, Status)
    after 40000 -> error(still_there)
    end.

root() ->
    filename:dirname(filename:dirname(filename:dirname(
        proplists:get_value(source, ?MODULE:module_info(compile))))).

write(File, Text) ->
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, Text).

%% Where hex is out of reach our own _checkouts stand in for it, as .ci/deps does for this tree.
checkouts(Dir) ->
    Root = root(),
    _ = [begin
        Link = filename:join([Dir, "_checkouts", App]),
        ok = filelib:ensure_dir(Link),
        ok = file:make_symlink(filename:join([Root, "_checkouts", App]), Link)
    end || App <- ["cowboy", "cowlib", "ranch"],
        filelib:is_dir(filename:join([Root, "_checkouts", App]))],
    ok.

%% The tree as it is, committed to a repository of its own, with a version.
repository(Root, PrivDir) ->
    Repository = filename:join(PrivDir, "gwport.git"),
    ok = filelib:ensure_dir(filename:join(Repository, "x")),
    {0, _} = run("(cd '" ++ Root ++ "' && git ls-files -z --cached --others --exclude-standard "
        "| xargs -0 tar cf -) | tar xf - && git init -q -b main . && git add -A && "
        "git -c user.name=test -c user.email=test@localhost commit -q -m tree && git tag v0.1.0",
        Repository, []),
    Repository.

run(Command, Dir, Env) ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", Command]}, {cd, Dir},
        {env, clean_env() ++ Env}, exit_status, binary, stderr_to_stdout]),
    {Status, Output} = collect(Port, []),
    ct:pal("~ts~n~ts", [Command, Output]),
    {Status, Output}.

collect(Port, Acc) ->
    receive
        {Port, {data, Data}} -> collect(Port, [Acc, Data]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Acc)}
    end.

%% The rebar3 that runs this test has left its settings behind.
clean_env() ->
    [{Name, false} || Name <- ["ERL_LIBS", "ERL_FLAGS", "BINDIR", "ROOTDIR", "EMU", "PROGNAME",
        "GWPORT_SKIP_BUILD", "QUIET", "MAKEFLAGS", "MAKELEVEL", "MIX_ENV"]]
    ++ [{Name, false} || Pair <- os:getenv(), [Name | _] <- [string:split(Pair, "=")],
        lists:prefix("REBAR", Name)].

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

ask(Port, Path, Tries) when Tries > 0 ->
    try gwport_test:get(#{port => Port}, Path) of
        #{status := 200, body := Body} -> Body
    catch
        error:{badmatch, {error, econnrefused}} ->
            receive after 100 -> ask(Port, Path, Tries - 1) end
    end.

is_refused(Port) ->
    case gen_tcp:connect({127, 0, 0, 1}, Port, []) of
        {ok, Socket} -> gen_tcp:close(Socket), false;
        %% It was in the listener's backlog when that closed.
        {error, econnreset} -> false;
        {error, econnrefused} -> true
    end.

pids_of(Program) ->
    [Pid || "/proc/" ++ Pid <- filelib:wildcard("/proc/[0-9]*"),
        file:read_link("/proc/" ++ Pid ++ "/exe") =:= {ok, Program}].
