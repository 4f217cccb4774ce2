%% @doc For development: what the Go program of a pool is made of is watched, and what is saved goes
%% live.
%%
%% ```
%% [{gwport, [{dev, [#{pool => shop, dir => "go"}]}]}]
%% '''
%%
%% in the configuration of a node that somebody works at, or a call of start/1 in its shell:
%% nothing else starts it. The pool is one with `dev => true', which it is by that configuration if
%% its own options do not say otherwise; the program of any other pool is not watched, and has no
%% page.
%%
%% There is a process for each pool. It waits until the pool runs, and then starts the watcher, `go
%% tool gwport dev', as a port: that builds the program when a file of it has changed, and moves it
%% to where the pool's `command' is if the build was good. Then the pool is reloaded. What a build
%% that has failed says is one event in the log, and a page for browsers (gwport_dev_page); the old
%% program goes on.
%%
%% What the watcher says are lines that begin with `gwport-dev':
%%
%% ```
%% gwport-dev started 1 DIR      the version of these lines; the folder that files are named from
%% gwport-dev building
%% gwport-dev output TEXT        a line of the compiler's, before failed; at most 500, of 4096 bytes
%% gwport-dev failed MS          the build took so long, and the program's file is as it was
%% gwport-dev built MS new|same  the program's file is of this build; same: it has been so before
%% '''
%%
%% Any other line is somebody else's, such as go's where it cannot start the watcher: the last ones
%% are told when the watcher has ended. It is told nothing. It ends when its standard input does,
%% and so with this process, and with the node.
-module(gwport_dev).
-behaviour(gen_server).

%% API
-export([start/1, stop/1]).
%% For the application.
-export([check/1, child_specs/1, start_link/1]).
%% Pure; for tests.
-export([event/1]).
%% gen_server
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-export_type([options/0, event/0]).

-include_lib("kernel/include/logger.hrl").

-type options() :: #{pool := atom(), dir := text(), build => [text()], env => [{text(), text()}],
    command => [text(), ...]}
  | [{pool, atom()} | {dir, text()} | {build, [text()]} | {env, [{text(), text()}]}
    | {command, [text(), ...]}].
-type text() :: binary() | string().
-type checked() :: #{pool := atom(), dir := string(), build := [string()],
    env := [{string(), string()}], command := [string(), ...]}.
-type event() :: {started, Version :: non_neg_integer(), Dir :: binary()} | building
  | {output, binary()} | {failed, Ms :: non_neg_integer()}
  | {built, Ms :: non_neg_integer(), new | same}.

-record(dev, {
    pool :: atom(),
    options :: checked(),
    watcher = none :: none | port(),
    %% Whether it has said that it has started, and where.
    dir = none :: none | binary(),
    %% What the compiler has said of the build under way, and go of the watcher; last line first.
    output = [] :: [binary()],
    said = [] :: [binary()],
    %% How often the pool was looked for in vain.
    looks = 0 :: non_neg_integer(),
    %% Who reloads the pool, and whether there is something newer than that.
    reload = none :: none | {pid(), reference()},
    is_newer = false :: boolean(),
    %% What has failed since the last good build; a page stays until that is served.
    failure = none :: none | build | start
}).

-define(VERSION, 1).
%% How often a pool that does not run is looked for, and when that is said.
-define(LOOK, 100).
-define(SAY_AFTER, 50).
%% When a watcher that has ended is started again.
-define(AGAIN, 1000).
%% When somebody else's reload is looked at again.
-define(RELOAD_AGAIN, 100).
-define(MAX_LINE, 8192).
-define(MAX_OUTPUT, 600).
-define(MAX_SAID, 40).

%% API

%% @doc Watches what the program of a pool is made of, until stop/1 or the end of the node. Options
%% are a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`pool': its name; it has `dev => true'</li>
%% <li>`dir': the folder of the program's package, relative to the node's</li>
%% <li>`build' ([]): flags for `go build', as `["-tags", "dev"]'</li>
%% <li>`env' ([]): variables of its environment, as `[{"CGO_ENABLED", "0"}]'</li>
%% <li>`command' (`["go", "tool", "gwport"]'): the watcher, as a program and its first arguments.
%%     That of the program's module is there after `go get -tool
%%     github.com/gwport/gwport/cmd/gwport', and in what `gwport new' makes</li>
%% </ul>
%%
%% `{error, {bad_option, {Key, Value, Why}}}' tells what is wrong in a sentence; `not_dev' is a pool
%% without `dev => true', and `already_started' one that is watched already.
-spec start(options()) -> ok | {error, no_pool | not_dev | already_started
    | gwport_options:error()}.
start(Given) ->
    case options(Given) of
        {ok, Options = #{pool := Pool}} -> started(pool(Pool), Options);
        Error -> Error
    end.

started({ok, _}, Options) ->
    case supervisor:start_child(gwport_sup, child_spec(Options)) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> {error, already_started};
        {error, already_present} -> again(Options)
    end;
started(Error, _) ->
    Error.

%% One that has given up.
again(Options = #{pool := Pool}) ->
    _ = supervisor:delete_child(gwport_sup, {?MODULE, Pool}),
    start(Options).

%% @doc The pool's program is watched no longer.
-spec stop(Pool :: atom()) -> ok | {error, not_found}.
stop(Pool) ->
    case supervisor:terminate_child(gwport_sup, {?MODULE, Pool}) of
        ok -> supervisor:delete_child(gwport_sup, {?MODULE, Pool});
        Error -> Error
    end.

%% @private
%% What the application's environment has; looked at when the application starts.
-spec check(term()) -> ok | {error, {bad_dev, Pool :: term(), gwport_options:error()}}.
check(Given) when is_list(Given), length(Given) >= 0 ->
    check(Given, []);
check(Given) ->
    {error, {bad_dev, undefined, {bad_option, {dev, Given, "expected a list of maps, keyword "
        "lists or property lists, as [#{pool => shop, dir => \"go\"}]"}}}}.

check([], _) ->
    ok;
check([Given | Rest], Pools) ->
    case options(Given) of
        {ok, #{pool := Pool}} -> check_rest(Rest, Pool, Pools, lists:member(Pool, Pools));
        {error, Error} -> {error, {bad_dev, gwport_pool_options:watched(Given), Error}}
    end.

check_rest(Rest, Pool, Pools, false) ->
    check(Rest, [Pool | Pools]);
check_rest(_, Pool, _, true) ->
    {error, {bad_dev, Pool, {bad_option, {pool, Pool, "it is watched already"}}}}.

%% @private
-spec child_specs([options()]) -> [supervisor:child_spec()].
child_specs(Given) ->
    [child_spec(Options) || One <- Given, {ok, Options} <- [options(One)]].

child_spec(Options = #{pool := Pool}) ->
    #{id => {?MODULE, Pool}, start => {?MODULE, start_link, [Options]}, restart => transient}.

%% @private
-spec start_link(checked()) -> {ok, pid()}.
start_link(Options) ->
    gen_server:start_link(?MODULE, Options, []).

%% Options

options(Given) ->
    case gwport_options:map(Given) of
        {ok, Map} -> pairs(maps:to_list(Map), #{build => [], env => []}, Map);
        error -> {error, {bad_option, {dev, Given,
            "expected a map, a keyword list or a property list"}}}
    end.

pairs([{Key, Given} | Rest], Checked, Map) ->
    case option(Key, Given) of
        {ok, Value} -> pairs(Rest, Checked#{Key => Value}, Map);
        {error, Why} -> {error, {bad_option, {Key, Given, Why}}}
    end;
pairs([], Checked = #{pool := _, dir := _, command := _}, _) ->
    {ok, Checked};
pairs([], Checked = #{pool := _, dir := _}, Map) ->
    Command = ["go", "tool", "gwport"],
    pairs([{command, Command}], Checked, Map);
pairs([], #{pool := _}, _) ->
    {error, {missing_option, dir}};
pairs([], _, _) ->
    {error, {missing_option, pool}}.

option(pool, Pool) when is_atom(Pool) -> {ok, Pool};
option(pool, _) -> {error, "expected an atom, the name of a pool"};
option(dir, Given) -> dir(text(Given));
option(build, Given) -> texts(Given);
option(env, Given) when is_map(Given) -> option(env, maps:to_list(Given));
option(env, Given) -> variables(Given);
option(command, Given) -> command(texts(Given));
option(_, _) -> {error, "no such option"}.

dir(error) ->
    {error, "expected a text, the folder of a Go program"};
dir(Dir) ->
    Absolute = filename:absname(Dir),
    case {filelib:is_dir(Absolute), is_in_module(Absolute)} of
        {true, true} -> {ok, Absolute};
        {false, _} -> {error, lists:flatten(io_lib:format("~ts is no folder", [Absolute]))};
        {true, false} -> {error, lists:flatten(io_lib:format("~ts is in no Go module: neither "
            "there nor in a folder above it is a go.mod", [Absolute]))}
    end.

is_in_module(Dir) ->
    case {filelib:is_regular(filename:join(Dir, "go.mod")), filename:dirname(Dir)} of
        {true, _} -> true;
        {false, Dir} -> false;
        {false, Above} -> is_in_module(Above)
    end.

command({ok, [Program | Args]}) ->
    case os:find_executable(Program) of
        false -> {error, lists:flatten(io_lib:format("~ts is not on PATH", [Program]))};
        Path -> {ok, [filename:absname(Path) | Args]}
    end;
command(_) ->
    {error, "expected a list of texts, a program and its first arguments"}.

variables(Given) when is_list(Given) ->
    Checked = [{text(Name), text(Value)} || {Name, Value} <- Given],
    case length(Checked) =:= length(Given) andalso not lists:any(fun(Pair) ->
            lists:member(error, tuple_to_list(Pair)) end, Checked) of
        true -> {ok, Checked};
        false -> {error, "expected a list of {Name, Value}, both texts"}
    end;
variables(_) ->
    {error, "expected a list of {Name, Value}, both texts"}.

texts(Given) when is_list(Given) ->
    Texts = [text(Text) || Text <- Given],
    case lists:member(error, Texts) of
        false -> {ok, Texts};
        true -> {error, "expected a list of texts"}
    end;
texts(_) ->
    {error, "expected a list of texts"}.

text(Text) when is_binary(Text); is_list(Text) ->
    try unicode:characters_to_list(Text) of
        List when is_list(List) -> List;
        _ -> error
    catch
        error:badarg -> error
    end;
text(_) ->
    error.

%% The file that a pool's programs are started from, if it is one of development.
pool(Pool) ->
    case gwport_reload:options(Pool) of
        {ok, #{dev := true, command := File}} -> {ok, File};
        {ok, #{dev := false}} -> {error, not_dev};
        Error -> Error
    end.

%% gen_server

init(Options = #{pool := Pool}) ->
    process_flag(trap_exit, true),
    logger:set_process_metadata(#{pool => Pool}),
    ok = gwport_dev_page:good(Pool),
    {ok, #dev{pool = Pool, options = Options}, {continue, look}}.

handle_continue(look, State = #dev{pool = Pool}) ->
    look(pool(Pool), State).

handle_call(_, _, State) ->
    {reply, error, State}.

handle_cast(_, State) ->
    {noreply, State}.

handle_info(look, State = #dev{pool = Pool}) ->
    look(pool(Pool), State);
handle_info({Watcher, {data, {eol, Line}}}, State = #dev{watcher = Watcher}) ->
    heard(event(Line), Line, State);
handle_info({Watcher, {data, {noeol, Line}}}, State = #dev{watcher = Watcher}) ->
    heard(other, Line, State);
handle_info({Watcher, {exit_status, Status}}, State = #dev{watcher = Watcher}) ->
    ended(Status, State#dev{watcher = none});
handle_info({reloaded, Pid, Result}, State = #dev{reload = {Pid, Monitor}}) ->
    true = erlang:demonitor(Monitor, [flush]),
    {noreply, reloaded(Result, State#dev{reload = none})};
handle_info({'DOWN', Monitor, process, _, Why}, State = #dev{reload = {_, Monitor}}) ->
    {noreply, reloaded({error, gwport_failure:tag(Why)}, State#dev{reload = none})};
handle_info(reload, State) ->
    {noreply, reload(State)};
handle_info(_, State) ->
    {noreply, State}.

%% The watcher's input ends with the port, which ends with this process.
terminate(_, #dev{pool = Pool}) ->
    gwport_dev_page:good(Pool).

%% The pool

look({ok, File}, State) ->
    {noreply, watch(File, State#dev{looks = 0})};
look({error, no_pool}, State = #dev{pool = Pool, looks = Looks}) ->
    _ = [?LOG_WARNING("gwport: the program of pool ~ts is not watched yet: no such pool runs on "
        "this node, which has ~0p", [Pool, gwport:pools()]) || Looks =:= ?SAY_AFTER],
    _ = erlang:send_after(?LOOK, self(), look),
    {noreply, State#dev{looks = Looks + 1}};
look({error, not_dev}, State = #dev{pool = Pool}) ->
    ?LOG_ERROR("gwport: the program of pool ~ts is not watched, because its option dev is false",
        [Pool]),
    {stop, normal, State};
look({error, Error}, State = #dev{pool = Pool}) ->
    ?LOG_ERROR("gwport: the program of pool ~ts is not watched: ~0p", [Pool, Error]),
    {stop, normal, State}.

watch(File, State = #dev{options = Options}) ->
    #{command := [Program | Args], dir := Dir, build := Build, env := Env} = Options,
    Watcher = open_port({spawn_executable, Program}, [binary, stderr_to_stdout, exit_status, hide,
        {line, ?MAX_LINE}, {cd, Dir}, {env, Env},
        {args, Args ++ ["dev", "--output", File, ".", "--" | Build]}]),
    State#dev{watcher = Watcher, dir = none, output = [], said = []}.

%% The watcher

%% @private
%% What a line says; `other' is none of ours.
-spec event(binary()) -> event() | other | {error, Why :: string()}.
event(<<"gwport-dev ", Event/bytes>>) ->
    [Word | Rest] = binary:split(Event, <<" ">>),
    event(Word, Rest);
event(_) ->
    other.

event(<<"started">>, [Rest]) ->
    case {binary:split(Rest, <<" ">>), number(hd(binary:split(Rest, <<" ">>)))} of
        {[_, Dir], {ok, Version}} -> {started, Version, Dir};
        _ -> {error, "expected `started VERSION DIR'"}
    end;
event(<<"building">>, []) ->
    building;
event(<<"output">>, [Text]) ->
    {output, Text};
event(<<"failed">>, [Ms]) ->
    case number(Ms) of
        {ok, Number} -> {failed, Number};
        error -> {error, "expected `failed MILLISECONDS'"}
    end;
event(<<"built">>, [Rest]) ->
    case {number(hd(binary:split(Rest, <<" ">>))), tl(binary:split(Rest, <<" ">>))} of
        {{ok, Ms}, [<<"new">>]} -> {built, Ms, new};
        {{ok, Ms}, [<<"same">>]} -> {built, Ms, same};
        _ -> {error, "expected `built MILLISECONDS new' or `... same'"}
    end;
event(_, _) ->
    {error, "expected started, building, output, failed or built"}.

number(Text) ->
    case string:to_integer(Text) of
        {Number, <<>>} when is_integer(Number), Number >= 0 -> {ok, Number};
        _ -> error
    end.

heard({started, ?VERSION, Dir}, _, State = #dev{pool = Pool}) ->
    ?LOG_NOTICE("gwport: the program of pool ~ts is watched, in ~ts: what is saved goes live",
        [Pool, gwport_line:text(Dir)]),
    {noreply, State#dev{dir = Dir}};
heard({started, Version, _}, _, State = #dev{pool = Pool}) ->
    ?LOG_ERROR("gwport: the watcher of pool ~ts speaks version ~b of its lines, and this gwport "
        "version ~b: both are to be of one version of gwport", [Pool, Version, ?VERSION]),
    {stop, normal, State};
heard(building, _, State) ->
    {noreply, State#dev{output = []}};
heard({output, Text}, _, State = #dev{output = Output}) when length(Output) < ?MAX_OUTPUT ->
    {noreply, State#dev{output = [Text | Output]}};
heard({output, _}, _, State) ->
    {noreply, State};
heard({failed, Ms}, _, State = #dev{output = Output}) ->
    {noreply, failed(build, Ms, lists:reverse(Output), State)};
heard({built, Ms, new}, _, State = #dev{pool = Pool}) ->
    ?LOG_INFO("gwport: the program of pool ~ts was built in ~b ms", [Pool, Ms]),
    {noreply, reload(State#dev{failure = none})};
%% What was changed has been taken back.
heard({built, _, same}, _, State = #dev{failure = build}) ->
    {noreply, good(State)};
heard({built, _, same}, _, State) ->
    {noreply, State};
heard(other, Line, State = #dev{said = Said}) ->
    {noreply, State#dev{said = lists:sublist([Line | Said], ?MAX_SAID)}};
heard({error, Why}, Line, State = #dev{pool = Pool}) ->
    ?LOG_ERROR("gwport: the watcher of pool ~ts has said what cannot be read, and nothing is "
        "watched any more: ~ts, ~s", [Pool, gwport_line:quote(Line), Why]),
    {stop, normal, State}.

%% One that never began will not begin the next time.
ended(Status, State = #dev{pool = Pool, dir = none}) ->
    ?LOG_ERROR("gwport: the program of pool ~ts is not watched: the watcher has ended, exit status "
        "~b~ts", [Pool, Status, said(State)]),
    {stop, normal, State};
ended(Status, State = #dev{pool = Pool}) ->
    ?LOG_ERROR("gwport: the watcher of pool ~ts has ended, exit status ~b, and is started again~ts",
        [Pool, Status, said(State)]),
    _ = erlang:send_after(?AGAIN, self(), look),
    {noreply, State}.

said(#dev{said = []}) ->
    "";
said(#dev{said = Said}) ->
    Lines = lists:reverse(Said),
    [": ", gwport_line:block(Lines) | [["\n    ", hint()] || Line <- Lines,
        string:find(Line, "no such tool") =/= nomatch]].

hint() ->
    "`go get -tool github.com/gwport/gwport/cmd/gwport` in the program's folder adds it to its "
    "go.mod".

%% What comes of a build

failed(What, Ms, Lines, State = #dev{pool = Pool, dir = Dir}) ->
    ok = gwport_dev_page:failed(Pool, #{what => What, ms => Ms, lines => Lines, dir => Dir}),
    ?LOG_ERROR("gwport: the program of pool ~ts ~s, and the old one goes on:~n    ~ts",
        [Pool, gwport_dev_page:sentence(What), gwport_line:block(Lines)]),
    State#dev{output = [], failure = What}.

good(State = #dev{pool = Pool}) ->
    ok = gwport_dev_page:good(Pool),
    State#dev{failure = none}.

%% It takes as long as the new program does to begin; meanwhile there may be another one.
reload(State = #dev{reload = none, pool = Pool}) ->
    Self = self(),
    Reload = spawn_monitor(fun() -> Self ! {reloaded, self(), gwport:reload(Pool)} end),
    State#dev{reload = Reload, is_newer = false};
reload(State) ->
    State#dev{is_newer = true}.

reloaded(_, State = #dev{is_newer = true}) ->
    reload(State);
%% What was saved behind that does not build.
reloaded({ok, _}, State = #dev{failure = build}) ->
    State;
reloaded({ok, _}, State) ->
    good(State);
%% Somebody else is about to do it, with this program or the one before.
reloaded({error, reloading}, State) ->
    _ = erlang:send_after(?RELOAD_AGAIN, self(), reload),
    State;
%% It begins with the new program, or is not to begin again.
reloaded({error, Ends}, State) when Ends =:= no_pool; Ends =:= draining ->
    good(State);
reloaded({error, {not_ready, Why}}, State) ->
    failed(start, 0, [Why], State);
reloaded(Error, State) ->
    failed(start, 0, [unicode:characters_to_binary(io_lib:format("~0p", [Error]))], State).
