%% Attacks on gwport's tree of processes: any process of it by the name of its part, a pool whose tree stands again,
%% and BEAMs of which something can be taken away.
-module(gwport_attack).

-export([parts/0, find/2, kill/2, shell/0, stands/1, leaks/1, jam/1]).
-export([peer/2, rows/1, sockets/1, log_reader/1, start_pool/1, load_modules/0, peer/1, peer_pool/2, stop_peer/1, call/4]).
-export([load/2, stop_load/1]).

%% The application's own, and those of a pool.
parts() ->
    [gwport_sup, os_sup, os, pool_sup, core_sup, logs_sup, ports_sup, keeper, owner, writer, watch, log].

%% The process that plays a part now, of a pool with one port; an error while there is none.
find(gwport_sup, _) ->
    is_pid_of(whereis(gwport_sup));
find(os_sup, _) ->
    {_, Pid, _, _} = lists:keyfind(os, 1, supervisor:which_children(gwport_sup)),
    is_pid_of(Pid);
find(os, _) ->
    is_pid_of(whereis(gwport_os));
find(keeper, Pool) ->
    is_pid_of(gwport_pool:keeper(Pool));
find(core_sup, Pool) ->
    hd(ancestors(Pool));
find(pool_sup, Pool) ->
    hd(tl(ancestors(Pool)));
find(logs_sup, Pool) ->
    child(logs, find(pool_sup, Pool));
find(ports_sup, Pool) ->
    child(ports, find(core_sup, Pool));
find(log, Pool) ->
    newest(find(logs_sup, Pool));
find(owner, Pool) ->
    newest(find(ports_sup, Pool));
find(writer, Pool) ->
    linked(gwport_writer, Pool);
find(watch, Pool) ->
    linked(gwport_watch, Pool).

is_pid_of(Pid) when is_pid(Pid) -> Pid.

ancestors(Pool) ->
    {dictionary, Dictionary} = erlang:process_info(find(keeper, Pool), dictionary),
    proplists:get_value('$ancestors', Dictionary).

child(Id, Sup) ->
    {_, Pid, _, _} = lists:keyfind(Id, 1, supervisor:which_children(Sup)),
    is_pid_of(Pid).

%% Others may be ending.
newest(Sup) ->
    lists:max([Pid || {_, Pid, _, _} <- supervisor:which_children(Sup), is_pid(Pid)]).

linked(Module, Pool) ->
    {links, Links} = erlang:process_info(find(owner, Pool), links),
    [Pid] = [Pid || Pid <- Links, is_pid(Pid), element(1, proc_lib:translate_initial_call(Pid)) =:= Module],
    Pid.

%% Kills the process of a part, and returns when it is dead.
kill(Part, Pool) when is_atom(Part) ->
    kill([Part], Pool);
%% Several at the same moment: no signal waits for another to have had an effect.
kill(Parts, Pool) ->
    Pids = [find(Part, Pool) || Part <- Parts],
    Monitors = [erlang:monitor(process, Pid) || Pid <- Pids],
    lists:foreach(fun(Pid) -> exit(Pid, kill) end, Pids),
    lists:foreach(fun(Monitor) -> receive {'DOWN', Monitor, process, _, _} -> ok end end, Monitors),
    Pids.

%% The shell that looks after programs, by its process id.
shell() ->
    {links, Links} = erlang:process_info(find(os, none), links),
    [OsPid] = [OsPid || Port <- Links, is_port(Port), {os_pid, OsPid} <- [erlang:port_info(Port, os_pid)]],
    OsPid.

%% Waits until there is a living process for each part of a pool with one port, and a program that serves.
stands(Pool) ->
    gwport_test:until(fun() ->
        try
            Pids = [find(Part, Pool) || Part <- parts()],
            {ok, [#{state := serving}]} = gwport:info(Pool),
            lists:all(fun is_process_alive/1, Pids)
        catch
            Class:Reason -> {Class, Reason}
        end
    end).

%% What is there now and was not, see gwport_probe:leaks/1; but for what looks after programs, which may have been killed as
%% well and be another one now.
leaks(Counts = #{processes := Processes, ports := Ports}) ->
    Os = find(os, none),
    {links, Links} = erlang:process_info(Os, links),
    gwport_probe:leaks(Counts#{processes := [Os, find(os_sup, none) | Processes],
        ports := [Port || Port <- Links, is_port(Port)] ++ Ports}).

%% Another BEAM, whose processes and files are bounded as a shell's `ulimit' says ("-n 256"); "" for no bound.
peer(Limit) ->
    peer(Limit, []).

%% With more in its environment.
peer(Limit, Env) ->
    Paths = lists:append([["-pa", Path] || Path <- code:get_path(), string:prefix(Path, code:lib_dir()) =:= nomatch]),
    Ulimit = case Limit of "" -> ""; _ -> "ulimit " ++ Limit ++ "; " end,
    {ok, Peer, _} = peer:start_link(#{connection => standard_io, wait_boot => 30000, env => Env,
        exec => {os:find_executable("sh"), ["-c", Ulimit ++ "exec \"$0\" \"$@\"", os:find_executable("erl")]},
        args => ["-kernel", "logger_level", "critical" | Paths]}),
    ok = call(Peer, gwport_test, mount, [gwport_test:mount()]),
    ok = call(Peer, ?MODULE, load_modules, []),
    Peer.

%% Of others, as a release does at its start: no file has to be opened for it later. gwport loads its own.
load_modules() ->
    _ = [application:load(App) || App <- [cowboy, ranch, cowlib]],
    Modules = [Modules || App <- [kernel, stdlib, cowboy, ranch, cowlib],
        {ok, Modules} <- [application:get_key(App, modules)]],
    lists:foreach(fun code:ensure_loaded/1, lists:append(Modules)).

%% A pool of the bundled program and its listener in there, see gwport_test:start/1.
peer_pool(Peer, Options) ->
    call(Peer, gwport_test, start, [Options]).

%% A pool whose program need not come up.
start_pool(Options) ->
    {ok, _} = application:ensure_all_started(gwport),
    Name = list_to_atom("pool_" ++ integer_to_list(erlang:unique_integer([positive]))),
    _ = spawn(supervisor, start_child, [gwport_sup, gwport:child_spec(Options#{name => Name})]),
    gwport_test:until(fun() ->
        try is_pid(find(owner, Name))
        catch _:_ -> false
        end
    end),
    Name.

%% A log reader without a program: the path of its socket.
log_reader(Pool) ->
    Self = self(),
    _ = spawn(fun() ->
        {ok, Reader} = supervisor:start_child(find(logs_sup, Pool), [#{pool => Pool, log_lines => 0, log_level => info}]),
        {Log, Path} = gwport_log:open(Reader),
        ok = gwport_log:belongs(Log, undefined),
        Self ! {path, Path},
        receive after infinity -> ok end
    end),
    receive {path, Path} -> Path end.

%% The rows of a port's table of streams: where the events of each go, and its client.
rows(Pool) ->
    Watch = find(watch, Pool),
    [Streams] = [Table || Table <- ets:all(), ets:info(Table, owner) =:= Watch],
    [{{Ref, Tag}, Pid} || {Ref, Tag, Pid, _} <- ets:tab2list(Streams)].

%% A port takes no more: its program is stopped with its pipe full, and the writer waits. The program has had a stream, and
%% ignores what comes for it.
jam(Pool) ->
    Owner = find(owner, Pool),
    {links, Links} = erlang:process_info(Owner, links),
    [Port] = [Link || Link <- Links, is_port(Link)],
    {os_pid, OsPid} = erlang:port_info(Port, os_pid),
    gwport_probe:os_kill("STOP", OsPid),
    gwport_probe:await_stopped(OsPid),
    fill(Port, iolist_to_binary(lists:duplicate(1000, gwport_frame:encode(abort, 256, {2, <<>>})))),
    Owner ! {gwport_health, ping},
    Writer = find(writer, Pool),
    gwport_test:until(fun() -> {status, suspended} =:= erlang:process_info(Writer, status) end),
    OsPid.

fill(Port, Data) ->
    _ = erlang:port_command(Port, Data, [nosuspend]) andalso fill(Port, Data).

%% How many sockets are connected to a process.
sockets(Pid) ->
    {links, Links} = erlang:process_info(Pid, links),
    length([Port || Port <- Links, is_port(Port), {ok, _} <- [inet:peername(Port)]]).

stop_peer(Peer) ->
    peer:stop(Peer).

call(Peer, Module, Function, Args) ->
    peer:call(Peer, Module, Function, Args, 30000).

%% Clients that ask without end, each for what nobody else asks for, until stop_load/1: what they saw, by kind, each
%% with its count: 200, 502, 503, `cut` (no answer, or one that was visibly broken off), and whatever else there was;
%% and the longest that one waited, in milliseconds.
load(Server, Clients) ->
    [spawn_link(fun() -> client(Server, N, 1, #{}, 0) end) || N <- lists:seq(1, Clients)].

stop_load(Pids) ->
    lists:foldl(fun(Pid, {Sum, Longest}) ->
        Pid ! {stop, self()},
        receive {Pid, Seen, Ms} -> {maps:merge_with(fun(_, A, B) -> A + B end, Sum, Seen), max(Longest, Ms)}
        after 20000 -> error({hung, erlang:process_info(Pid, current_stacktrace)})
        end
    end, {#{}, 0}, Pids).

client(Server, N, Count, Seen, Longest) ->
    receive
        {stop, From} -> From ! {self(), Seen, Longest}
    after 0 ->
        At = erlang:monotonic_time(millisecond),
        Word = io_lib:format("c~b-~b", [N, Count]),
        Kind = try asked(N rem 2, Server, iolist_to_binary(Word))
            catch
                error:{badmatch, {error, _}} -> cut;
                error:{case_clause, {error, _}} -> cut
        end,
        client(Server, N, Count + 1, maps:update_with(Kind, fun(Before) -> Before + 1 end, 1, Seen),
            max(Longest, erlang:monotonic_time(millisecond) - At))
    end.

asked(0, Server, Word) ->
    kind(Word, gwport_test:request(Server, #{method => <<"POST">>, path => "/echo", body => Word}));
asked(1, Server, Word) ->
    kind(<<"Hello ", Word/binary, " from Go\n">>, gwport_test:get(Server, ["/hello?name=", Word])).

kind(Body, #{status := 200, complete := true, body := Body}) -> 200;
kind(_, #{status := 200, complete := true, body := Other}) -> {wrong, Other};
kind(_, #{complete := false}) -> cut;
kind(_, #{status := Status}) -> Status.
