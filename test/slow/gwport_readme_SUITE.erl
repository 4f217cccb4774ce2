%% The README's project, taken from the README's own text: it is built with rebar3, with gwport as a git
%% dependency, released, started and asked.
-module(gwport_readme_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0]).
-export([the_readmes_project_builds_releases_and_answers/1]).

all() -> [the_readmes_project_builds_releases_and_answers].

suite() -> [{timetrap, {minutes, 8}}].

%% What a reader gets who types the README's files and commands. Only the port is another, and the
%% repository's address leads to a copy of this tree.
the_readmes_project_builds_releases_and_answers(Config) ->
    Root = root(),
    Dir = filename:join(proplists:get_value(priv_dir, Config), "myshop"),
    Port = free_port(),
    {ok, Readme} = file:read_file(filename:join(Root, "README.md")),
    Files = files(Readme),
    ?assertEqual(["rebar.config", "shop/go.mod", "shop/main.go", "src/myshop.app.src",
        "src/myshop_app.erl", "src/myshop_sup.erl"], lists:sort([Name || {Name, _} <- Files])),
    [write(filename:join(Dir, Name), binary:replace(Text, <<"8081">>, integer_to_binary(Port)))
        || {Name, Text} <- Files],
    checkouts(Root, Dir),
    Repository = repository(Root, proplists:get_value(priv_dir, Config)),
    %% The bundled program of a dependency is built as well: priv/gwport in the release.
    {0, _} = run("rebar3 release", Dir, [{"GIT_CONFIG_COUNT", "1"},
        {"GIT_CONFIG_KEY_0", "url." ++ Repository ++ ".insteadOf"},
        {"GIT_CONFIG_VALUE_0", "https://github.com/gwport/gwport"}]),
    Program = filename:join(Dir, "_build/default/rel/myshop/bin/myshop"),
    Release = open_port({spawn_executable, Program}, [{args, ["foreground"]}, exit_status, eof,
        binary, stderr_to_stdout, {env, clean_env()}]),
    Answer = ask(Port, 200),
    ?assertMatch(<<"one tea, coming up\n">>, Answer),
    {os_pid, OsPid} = erlang:port_info(Release, os_pid),
    Shops = pids_of(filename:join(Dir, "_build/default/rel/myshop/lib/myshop-0.1.0/priv/shop")),
    ?assertMatch([_], Shops),
    %% A program that takes its time to drain: meanwhile a client is refused, and not told 503.
    _ = os:cmd("kill -STOP " ++ hd(Shops)),
    _ = os:cmd("kill -TERM " ++ integer_to_list(OsPid)),
    gwport_test:until(fun() -> is_refused(Port) end),
    _ = os:cmd("kill -CONT " ++ hd(Shops)),
    receive {Release, {exit_status, Status}} -> ?assertEqual(0, Status) after 40000 -> error(still_there) end,
    gwport_test:until(fun() -> not filelib:is_dir("/proc/" ++ hd(Shops)) end).

root() ->
    filename:dirname(filename:dirname(filename:dirname(
        proplists:get_value(source, ?MODULE:module_info(compile))))).

%% Every fenced block behind a line `<!-- file: NAME -->`.
files(Readme) ->
    {match, Found} = re:run(Readme, "<!-- file: ([^ ]+) -->\n```[a-z]*\n(.*?)```\n",
        [global, dotall, {capture, all_but_first, binary}]),
    [{binary_to_list(Name), Text} || [Name, Text] <- Found].

write(File, Text) ->
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, Text).

%% Where hex is out of reach our own _checkouts stand in for it, as .ci/deps does for this tree.
checkouts(Root, Dir) ->
    _ = [begin
        Link = filename:join([Dir, "_checkouts", App]),
        ok = filelib:ensure_dir(Link),
        ok = file:make_symlink(filename:join([Root, "_checkouts", App]), Link)
    end || App <- ["cowboy", "cowlib", "ranch"], filelib:is_dir(filename:join([Root, "_checkouts", App]))],
    ok.

%% The tree as it is, committed to a repository of its own.
repository(Root, PrivDir) ->
    Repository = filename:join(PrivDir, "gwport.git"),
    ok = filelib:ensure_dir(filename:join(Repository, "x")),
    {0, _} = run("(cd '" ++ Root ++ "' && git ls-files -z --cached --others --exclude-standard "
        "| xargs -0 tar cf -) | tar xf - && git init -q -b main . && git add -A && "
        "git -c user.name=test -c user.email=test@localhost commit -q -m tree", Repository, []),
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
        "GWPORT_SKIP_BUILD", "QUIET", "MAKEFLAGS"]]
    ++ [{Name, false} || Pair <- os:getenv(), [Name | _] <- [string:split(Pair, "=")],
        lists:prefix("REBAR", Name)].

free_port() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    Port.

ask(Port, Tries) when Tries > 0 ->
    try gwport_test:get(#{port => Port}, "/shop/tea") of
        #{status := 200, body := Body} -> Body
    catch
        error:{badmatch, {error, econnrefused}} ->
            receive after 100 -> ask(Port, Tries - 1) end
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
