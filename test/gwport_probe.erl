%% What the flow, fault and wire suites need beside gwport_test: Go programs of their own, listeners over
%% pools that may not come up, and counts of what must not leak.
-module(gwport_probe).

-export([build/1, root/0, serve/2, pool/1, listen/3, flow/2, bad/2, bad/3, stop/1]).
-export([counts/0, leaks/1, rss/1, beam_rss/0, fds/1, gone/1, children/1, descendants/1, os_kill/2, await_stopped/1]).
-export([is_stopped/1]).
-export([second_beam/2, second/1, start_log/0, stop_log/1, hear_log/1]).
-export([watched/4, unwatched/2, hearing/1]).
-export([last/2, goroutines/1, await_ports/2, serving/1, expect/2, none/2]).

%% Go programs

%% Builds ./test/NAME of this repository, where all suites have their programs from: what is there
%% already is only looked at.
build(Name) ->
    File = filename:join([root(), "_build", "test_programs", Name]),
    Go = os:find_executable("go"),
    Port = open_port({spawn_executable, Go}, [exit_status, stderr_to_stdout, binary, {cd, root()},
        {args, ["build", "-buildvcs=false", "-o", File, "./test/" ++ Name]}]),
    {0, _} = built(Port, []),
    File.

built(Port, Acc) ->
    receive
        {Port, {data, Data}} -> built(Port, [Acc, Data]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Acc)}
    end.

%% The repository: above the file that gwport was compiled from.
root() ->
    Source = proplists:get_value(source, gwport:module_info(compile)),
    {ok, Link} = resolve(filename:dirname(Source)),
    filename:dirname(Link).

resolve(Dir) ->
    case file:read_link(Dir) of
        {ok, To} -> {ok, filename:absname(To, filename:dirname(Dir))};
        {error, _} -> {ok, Dir}
    end.

%% Pools and listeners

%% A listener over a pool, with the pool's own options and the mount of all paths. Unlike
%% gwport_test:start/1 it does not mind a pool without ports, and the pool stands under a supervisor of its
%% own: a supervisor that stops one pool starts no other meanwhile, and cases run side by side.
serve(Pool, Mount) ->
    listen(pool(Pool), #{idle_timeout => infinity}, [{"/[...]", Mount}]).

pool(Pool) ->
    {ok, _} = application:ensure_all_started(gwport),
    Name = list_to_atom("pool_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Self = self(),
    Parent = spawn(fun() ->
        process_flag(trap_exit, true),
        {ok, Sup} = gwport_pool_sup:start_link(Pool#{name => Name}),
        Self ! {self(), started},
        parent(Sup)
    end),
    receive {Parent, started} -> ok end,
    #{pool => Name, parent => Parent}.

parent(Sup) ->
    receive
        {'EXIT', Sup, Reason} ->
            exit(Reason);
        {stop, From} ->
            exit(Sup, shutdown),
            receive {'EXIT', Sup, shutdown} -> From ! {self(), stopped} end
    end.

stop(#{pool := Name, parent := Parent}) ->
    ok = cowboy:stop_listener(Name),
    Monitor = erlang:monitor(process, Parent),
    Parent ! {stop, self()},
    receive
        {Parent, stopped} -> erlang:demonitor(Monitor, [flush]), ok;
        {'DOWN', Monitor, process, Parent, Reason} -> {already_down, Reason}
    end.

%% Routes: a path and what its mount has beside the pool.
listen(Server = #{pool := Name}, Listener, Routes) ->
    Mounts = [{Path, maps:merge(#{pool => Name}, Mount)} || {Path, Mount} <- Routes],
    {ok, _} = cowboy:start_clear(Name,
        #{socket_opts => [{ip, {127, 0, 0, 1}}, {port, 0}, {buffer, 65536} | maps:get(socket_opts, Listener, [])]},
        gwport_test:mounted(Mounts, (maps:remove(socket_opts, Listener))#{max_stream_buffer_size => 262144,
            max_received_frame_rate => {1000000, 1000}, max_reset_stream_rate => {10000, 1000}})),
    Server#{port => ranch:get_port(Name)}.

%% A server of flowport: the bundled apps at /NAME, faults among them. Options: pool, env (of the program),
%% mount (of all apps), routes (more of them), listener (protocol options). A request is in one program: another that
%% took it over would hide what came of it there. gwport_replay_SUITE is of those that go to another.
flow(Options, Config) ->
    Env = maps:merge(#{"GWPORT_FAULTS" => "1"}, maps:get(env, Options, #{})),
    Pool = maps:merge(#{command => proplists:get_value(flowport, Config), env => Env}, maps:get(pool, Options, #{})),
    Mount = maps:merge(#{replay => false}, maps:get(mount, Options, #{})),
    listen(pool(Pool), maps:get(listener, Options, #{idle_timeout => infinity}), maps:get(routes, Options, [])
        ++ [{["/", App, "/[...]"], Mount#{app => App}}
            || App <- ["faults", "hello", "echo", "upload", "events", "late", "wrong"]]).

%% A server of badport that lives so.
bad(Life, Config) ->
    bad(Life, #{}, Config).

%% Options: pool, mount; once => true: only the first program misbehaves; starts (out of File) are
%% counted by starts/1 of what is returned. As in flow/2 a request is in one program.
bad(Life, Options, Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config),
        "starts_" ++ integer_to_list(erlang:unique_integer([positive]))),
    Pool = maps:merge(#{command => proplists:get_value(badport, Config),
        args => [Life, File | ["once" || maps:get(once, Options, false)]]},
        maps:get(pool, Options, #{})),
    (serve(Pool, maps:merge(#{replay => false}, maps:get(mount, Options, #{}))))#{starts => File}.

%% Waits until the pool has so many ports that serve, and gives them.
await_ports(Server, Count) ->
    gwport_test:until(fun() -> length(serving(Server)) =:= Count end),
    serving(Server).

serving(Server) ->
    [Port || Port = #{state := serving} <- gwport_test:ports(Server)].

%% A second BEAM, as a process of its own, with Count servers of flowport: for what would end this one, or what
%% this one's memory would hide.
second_beam(Count, Config) ->
    Paths = [Path || Path <- code:get_path(), string:prefix(Path, code:lib_dir()) =:= nomatch],
    Io = open_port({spawn_executable, os:find_executable("erl")}, [binary, {line, 1000}, exit_status, {args,
        ["-noinput", "-kernel", "logger_level", "critical", "-pa" | Paths]
        ++ ["-run", atom_to_list(?MODULE), "second", proplists:get_value(flowport, Config),
            integer_to_list(Count), atom_to_list(gwport_test:mount())]}]),
    #{io => Io, beam => word(Io, "beam"),
        servers => [#{port => word(Io, "port"), os_pid => word(Io, "program")} || _ <- lists:seq(1, Count)]}.

word(Io, Name) ->
    receive
        {Io, {data, {eol, Line}}} ->
            case string:prefix(Line, Name ++ " ") of
                nomatch -> word(Io, Name);
                Number -> binary_to_integer(Number)
            end;
        {Io, {exit_status, Status}} -> error({second_beam, Status})
    after 20000 -> error({second_beam, silent})
    end.

second([Flowport, Count, Mount]) ->
    gwport_test:mount(list_to_atom(Mount)),
    io:format("beam ~s~n", [os:getpid()]),
    _ = [begin
        Server = #{port := Port} = flow(#{}, [{flowport, Flowport}]),
        io:format("port ~b~nprogram ~b~n", [Port, gwport_test:os_pid(Server)])
    end || _ <- lists:seq(1, list_to_integer(Count))],
    receive after infinity -> ok end.

%% The log

%% A group of cases by one mount, which has programs of test/, hears the log, and knows what there was
%% before the first of them and behind what is loaded and made once in the life of a node, which Warm
%% brings about: see leaks/1.
watched(Mount, Programs, Warm, Config) ->
    gwport_test:mount(Mount),
    Built = [{list_to_atom(Program), build(Program)} || Program <- Programs] ++ Config,
    Log = start_log(),
    _ = Warm(Built),
    [{log, Log}, {counts, counts()} | Built].

unwatched(parallel, _) ->
    ok;
unwatched(_, Config) ->
    stop_log(proplists:get_value(log, Config)).

%% A case of such a group.
hearing(Config) ->
    hear_log(proplists:get_value(log, Config)),
    Config.

%% One logger handler for a whole suite, whose cases run side by side: to add and to remove handlers at the
%% same time loses some (OTP 25: the removal writes back the list that it read before it).
start_log() ->
    Self = self(),
    Hub = spawn(fun() ->
        Captured = gwport_test:capture_log(),
        ok = logger:set_handler_config(default, level, none),
        Self ! {self(), captured},
        hub(Captured, [])
    end),
    receive {Hub, captured} -> Hub end.

hub(Captured, Pids) ->
    receive
        {hear, Pid} ->
            hub(Captured, [Pid | Pids]);
        {stop, From} ->
            gwport_test:release_log(Captured),
            ok = logger:set_handler_config(default, level, all),
            From ! {self(), released};
        Event ->
            [Pid ! Event || Pid <- Pids],
            hub(Captured, Pids)
    end.

%% Events come to the calling process from now on, see gwport_test:expect_log/1.
hear_log(Hub) ->
    Hub ! {hear, self()},
    ok.

stop_log(Hub) ->
    Hub ! {stop, self()},
    receive {Hub, released} -> ok end.

%% The first line of this pool with Part in it.
expect(#{pool := Pool}, Part) ->
    Text = "pool " ++ atom_to_list(Pool) ++ " ",
    {Level, Line, Meta} = gwport_test:expect_log(Part),
    case string:find(<<Line/binary, " ">>, Text) =/= nomatch orelse maps:get(pool, Meta, none) =:= Pool of
        true -> {Level, Line, Meta};
        false -> expect(#{pool => Pool}, Part)
    end.

%% No line with Part has been logged since the log was captured.
none(Part, Seen) ->
    receive
        {log_event, _, Text, _} ->
            nomatch = string:find(Text, Part),
            none(Part, Seen + 1)
    after 0 -> Seen
    end.

%% The faults app

last(Server, Tag) ->
    #{status := 200, body := Body} = gwport_test:get(Server, ["/faults/last?tag=", Tag]),
    maps:from_list([{Key, value(Value)} || [Key, Value] <- json(Body)]).

%% A flat object is all that it ever is.
json(Body) ->
    [_, Inner, _] = re:split(Body, "^\\{|\\}\\s*$", [{return, binary}]),
    case re:run(Inner, "\"([^\"]+)\":(\"(?:[^\"\\\\]|\\\\.)*\"|[^,]*)", [global, {capture, all_but_first, binary}]) of
        {match, Pairs} -> Pairs;
        nomatch -> []
    end.

value(<<"true">>) -> true;
value(<<"false">>) -> false;
value(<<$", _/binary>> = Text) -> binary:part(Text, 1, byte_size(Text) - 2);
value(Number) -> binary_to_integer(Number).

goroutines(Server) ->
    #{status := 200, body := Body} = gwport_test:get(Server, "/faults/goroutines"),
    binary_to_integer(string:trim(Body)).

%% What must not leak

-spec counts() -> map().
counts() ->
    #{processes => processes(), ports => erlang:ports(), ets => ets:all(),
        atoms => erlang:system_info(atom_count), children => children(os:getpid()), terms => terms(),
        folders => folders()}.

%% Of our sockets, or of those of a BEAM that was killed and had our process id.
folders() ->
    filelib:wildcard(filename:join(os:getenv("TMPDIR", "/tmp"), "gwport-" ++ os:getpid() ++ "-*")).

%% Logger keeps one for each module that has logged.
terms() ->
    [Key || {Key, _} <- persistent_term:get(), not is_tuple(Key) orelse element(1, Key) =/= logger_config].

%% What is there now and was not, once it is gone or nothing changes any more.
leaks(Before) ->
    Leaks = fun() -> [Leak || Leak = {_, What} <- leaked(Before), What =/= []] end,
    try gwport_test:until(fun() -> case Leaks() of [] -> true; Left -> Left end end) of
        ok -> []
    catch
        error:{never, Left} -> Left
    end.

leaked(#{processes := Processes0, ports := Ports, ets := Ets, atoms := Atoms, children := Children, terms := Terms,
        folders := Folders}) ->
    Processes = [self() | Processes0],
    [{processes, [Info || Pid <- processes() -- Processes, Info <- ours(Pid)]},
        {ports, [erlang:port_info(Port) || Port <- erlang:ports() -- Ports,
            erlang:port_info(Port) =/= undefined]},
        {ets, [ets:info(Table, name) || Table <- ets:all() -- Ets, not is_ct(ets:info(Table, owner))]},
        {atoms, [Count || Count <- [erlang:system_info(atom_count) - Atoms], Count > 20000]},
        {children, children(os:getpid()) -- Children},
        {persistent_terms, terms() -- Terms},
        {folders, folders() -- Folders}].

%% Common Test's own processes come and go.
ours(Pid) ->
    case erlang:process_info(Pid, [dictionary, current_function]) of
        undefined -> [];
        [{_, Dictionary}, Function] ->
            [{Pid, proplists:get_value('$initial_call', Dictionary), Function} || not is_ct(Pid)]
    end.

is_ct(Pid) when is_pid(Pid) ->
    case erlang:process_info(Pid, [current_stacktrace, initial_call, dictionary]) of
        undefined -> true;
        [{_, Stack}, {_, {Module, _, _}}, {_, Dictionary}] ->
            {Initial, _, _} = proplists:get_value('$initial_call', Dictionary, {none, none, 0}),
            lists:any(fun(M) -> lists:member(M, ct_modules()) end,
                [Module, Initial | [M || {M, _, _, _} <- Stack]])
    end;
is_ct(_) ->
    true.

ct_modules() ->
    [ct_util, ct_logs, ct_hooks, ct_gl, ct_event, ct_config, ct_framework, test_server, test_server_gl,
        test_server_io, test_server_ctrl, test_server_sup, erts_code_purger, file_io_server].

%% Operating system processes

rss(OsPid) ->
    {ok, Status} = file:read_file(["/proc/", integer_to_list(OsPid), "/status"]),
    {match, [Kib]} = re:run(Status, "VmRSS:\\s*(\\d+) kB", [{capture, all_but_first, binary}]),
    binary_to_integer(Kib) * 1024.

beam_rss() ->
    rss(list_to_integer(os:getpid())).

fds(OsPid) ->
    {ok, Names} = file:list_dir("/proc/" ++ integer_to_list(OsPid) ++ "/fd"),
    length(Names).

%% Whether no such process runs any more; one that nobody has waited for counts as gone.
gone(OsPid) ->
    case file:read_file(["/proc/", integer_to_list(OsPid), "/stat"]) of
        {error, _} -> true;
        {ok, Stat} ->
            [_, <<State, _/binary>>] = string:split(Stat, <<") ">>, trailing),
            State =:= $Z
    end.

%% What has been started by a process, or by what it has started; erl_child_setup and its kind apart.
children(OsPid) when is_list(OsPid) ->
    [{Pid, Name} || {Pid, Name} <- descendants(list_to_integer(OsPid)),
        not lists:member(Name, [<<"erl_child_setup">>, <<"inet_gethost">>, <<"sh">>, <<"kill">>])].

%% These as well.
descendants(OsPid) ->
    below(OsPid, [{Pid, Parent, Name} || Pid <- pids(), {Parent, Name} <- stat(Pid)]).

below(OsPid, Parents) ->
    lists:append([[{Pid, Name} | below(Pid, Parents)]
        || {Pid, Parent, Name} <- Parents, Parent =:= OsPid]).

pids() ->
    {ok, Names} = file:list_dir("/proc"),
    [list_to_integer(Name) || Name <- Names, lists:all(fun(C) -> C >= $0 andalso C =< $9 end, Name)].

stat(Pid) ->
    case file:read_file(["/proc/", integer_to_list(Pid), "/stat"]) of
        {ok, Stat} ->
            [Before, After] = string:split(Stat, <<") ">>, trailing),
            [_, Name] = string:split(Before, <<"(">>),
            case binary:split(After, <<" ">>, [global]) of
                [<<"Z">> | _] -> [];
                [_, Parent | _] -> [{binary_to_integer(Parent), Name}]
            end;
        {error, _} -> []
    end.

os_kill(Signal, OsPid) ->
    "" = os:cmd("kill -" ++ Signal ++ " " ++ integer_to_list(OsPid)),
    ok.

%% A signal that stops a process takes a moment.
await_stopped(OsPid) ->
    gwport_test:until(fun() -> is_stopped(OsPid) end).

is_stopped(OsPid) ->
    $T =:= hd(os:cmd("ps -o state= -p " ++ integer_to_list(OsPid))).
