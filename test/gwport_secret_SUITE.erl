%% Nothing that is somebody's secret reaches a log, whatever process fails and however: bodies, cookies, authorization,
%% a pool's environment and arguments. Each case starts a server, has requests with marked data under way in every
%% place, makes one process fail for real, and looks for the marks in all that was logged, SASL's progress included:
%% in clear, and as the list of numbers that a binary or a text is when it is printed as a term.
-module(gwport_secret_SUITE).
-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [what_is_looked_for_is_found, a_wrong_option_shows_no_value, a_fun_prints_as_its_name] ++ gwport_test:mounts().

groups() ->
    %% The status is asked of processes of the node as well, which other cases make fail.
    gwport_test:mounts([{group, parallel}, status_of_each_process], [{parallel, [parallel], [owner, owner_told_to_end, owner_killed, writer, watch,
        log_reader, keeper, helper, supervisors, ends_of_streams, ends_of_streams_killed, client, client_with_wrong_values,
        program]}]).

%% One handler for all cases: a mark is nobody's, wherever it is found.
init_per_suite(Config) ->
    {ok, _} = application:ensure_all_started(gwport),
    Self = self(),
    Holder = spawn(fun() ->
        Self ! {self(), ets:new(?MODULE, [public, duplicate_bag])},
        receive stop -> ok end
    end),
    Events = receive {Holder, Table} -> Table end,
    Others = [{Id, Of} || #{id := Id, level := Of} <- logger:get_handler_config()],
    [ok = logger:set_handler_config(Id, level, none) || {Id, _} <- Others],
    #{level := Level} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, debug),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => all, config => #{events => Events}}),
    [{flowport, gwport_probe:build("flowport")}, {events, Events}, {holder, Holder}, {level, Level},
        {others, Others} | Config].

end_per_suite(Config) ->
    ok = logger:remove_handler(?MODULE),
    ok = logger:set_primary_config(level, proplists:get_value(level, Config)),
    [ok = logger:set_handler_config(Id, level, Of) || {Id, Of} <- proplists:get_value(others, Config)],
    proplists:get_value(holder, Config) ! stop.

init_per_group(parallel, Config) ->
    Config;
init_per_group(Mount, Config) ->
    gwport_test:mount(Mount),
    Config.

end_per_group(_, _) ->
    ok.

%% The logger handler: each event as a formatter writes it, without limits, and as the term that it is. What it shows is
%% looked for at once.
log(Event = #{meta := Meta}, #{config := #{events := Events}}) ->
    Text = unicode:characters_to_binary(logger_formatter:format(Event, #{single_line => false, template => [msg],
        depth => unlimited, chars_limit => unlimited})),
    Term = iolist_to_binary(io_lib:format("~0w", [maps:remove(report_cb, Event)])),
    Shown = [{shown, Place, Text} || Place <- places(), shows(Place, maps:get(gwport, Meta, none), Text, Term)],
    true = ets:insert(Events, [{text, Text} | Shown]).

%% What is looked for

places() ->
    [request_body, response_body, cookie, set_cookie, authorization, query, env, args, log_text].

mark(Place) ->
    "mark-of-" ++ atom_to_list(Place) ++ "-4711".

%% As much of it as there is in a chunk or two.
much(Place) ->
    lists:append(lists:duplicate(2000, mark(Place) ++ " ")).

found(Config) ->
    [{Place, Text} || {shown, Place, Text} <- ets:lookup(proplists:get_value(events, Config), shown)].

%% What an app logs is meant to be there, as its own line and nowhere else.
shows(log_text, Of, _, _) when Of =:= log; Of =:= stderr -> false;
shows(Place, _, Text, Term) -> is_in(Text, Place) orelse is_in(Term, Place).

is_in(Text, Place) ->
    Mark = mark(Place),
    Numbers = lists:join(",", [integer_to_list(C) || C <- Mark]),
    binary:match(Text, [list_to_binary(Mark), iolist_to_binary(Numbers)]) =/= nomatch.

logged(Part, Config) ->
    gwport_test:until(fun() -> [] =/= [Text
        || {text, Text} <- ets:lookup(proplists:get_value(events, Config), text), string:find(Text, Part) =/= nomatch] end).

what_is_looked_for_is_found(Config) ->
    %% A process without our care, of which OTP prints the last message, the mailbox and the reason.
    [begin
        {Pid, Monitor} = proc_lib:spawn_opt(fun() -> receive go -> error({failed, Reason}) end end, [monitor]),
        Pid ! {message, Message},
        Pid ! go,
        receive {'DOWN', Monitor, process, Pid, _} -> ok end
    end || {Reason, Message} <- [{mark(cookie), mark(args)}, {list_to_binary(mark(request_body)), none},
        {none, list_to_binary(mark(env))}]],
    ?assertEqual([args, cookie, env, request_body], lists:usort([Place || {Place, _} <- found(Config)])),
    true = ets:delete_all_objects(proplists:get_value(events, Config)).

%% A server with requests under way

server(Config) ->
    gwport_probe:flow(#{env => #{"PASSWORD" => mark(env)}, pool => #{args => [mark(args)], ping_timeout => 60000, drain_timeout => 500}}, Config).

%% Starts what shall be under way: uploads that nobody reads, on HTTP/1.1 and HTTP/2, one that comes back as it goes, a
%% call without HTTP; and lets the app log, and set a cookie. Gives the clients.
under_way(Server = #{pool := Pool}) ->
    Headers = ["authorization: Bearer ", mark(authorization), "\r\ncookie: id=", mark(cookie), "\r\n"],
    Upload = client(Server, ["POST /faults/read?chunk=1&delay_ms=60000&token=", mark(query), " HTTP/1.1\r\nhost: x\r\n",
        Headers, "content-length: 10000000\r\n\r\n", much(request_body)]),
    Body = much(response_body),
    Echo = client(Server, ["POST /echo HTTP/1.1\r\nhost: x\r\n", Headers, "content-length: 10000000\r\n\r\n", Body]),
    Conn = gwport_test:h2_open(Server),
    Stream = gwport_h2:request(Conn, <<"POST">>, ["/faults/read?chunk=1&delay_ms=60000&token=", mark(query)],
        [{<<"authorization">>, mark(authorization)}, {<<"cookie">>, mark(cookie)}], follows),
    gwport_h2:data(Conn, Stream, nofin, much(request_body)),
    Call = spawn(fun() -> gwport:request(Pool, #{method => <<"POST">>, path => <<"/faults/never-read">>, path_info => 1,
        query => iolist_to_binary(["s=60&token=", mark(query)]), body => much(request_body),
        headers => [{<<"authorization">>, list_to_binary(mark(authorization))},
            {<<"cookie">>, list_to_binary(mark(cookie))}]}, #{app => faults}) end),
    streams_known(4, Server),
    ?assertMatch(#{status := 200}, gwport_test:get(Server, ["/faults/slog?text=", mark(log_text)])),
    #{headers := #{<<"set-cookie">> := SetCookie}} = gwport_test:get(Server,
        ["/faults/header?name=set-cookie&value=", mark(set_cookie)]),
    ?assertEqual(list_to_binary(mark(set_cookie)), SetCookie),
    [{h1, Upload}, {h1, Echo}, {h2, Conn}, {call, Call}].

leave(Clients) ->
    lists:foreach(fun
        ({h1, Socket}) -> gwport_test:close(Socket);
        ({h2, Conn}) -> gwport_h2:close(Conn);
        ({call, Call}) -> exit(Call, kill)
    end, Clients).

client(Server, Data) ->
    Socket = gwport_test:connect(Server),
    gwport_test:send(Socket, Data),
    Socket.

in_flight(Count, Server) ->
    gwport_test:until(fun() -> [Count] =:= [N || #{in_flight := N} <- gwport_test:ports(Server)] end).

%% There are so many streams.
streams_known(Count, Server) ->
    gwport_test:until(fun() -> case length(clients(Server)) of Count -> true; Other -> Other end end).

%% Messages as they wait for a process that is behind: a body's, a frame's, a log's.
pile_up(Pid) ->
    Mark = list_to_binary(much(request_body)),
    Pid ! {send, {self(), make_ref()}, chunk, Mark},
    Pid ! {body, 256, Mark},
    Pid ! {make_ref(), {data, list_to_binary(much(set_cookie))}},
    Pid ! {request_body, make_ref(), nofin, Mark},
    Pid ! {tcp, none, list_to_binary(much(response_body))}.

%% Makes a process fail with requests under way, and gives what it ended with, when the pool has come back or is gone.
fail(Config, Who, Fail) ->
    Server = server(Config),
    Clients = under_way(Server),
    Pid = Who(Server),
    Monitor = erlang:monitor(process, Pid),
    ok = Fail(Pid),
    Reason = receive {'DOWN', Monitor, process, Pid, R} -> R after 20000 -> error({lives, process_info(Pid)}) end,
    back(Server),
    leave(Clients),
    _ = gwport_probe:stop(Server),
    ?assertEqual([], found(Config)),
    Reason.

back(Server = #{parent := Parent}) ->
    gwport_test:until(fun() -> not is_process_alive(Parent)
        orelse maps:get(status, gwport_test:get(Server, "/hello")) =:= 200 end).

%% The processes of a pool

part(Part) ->
    fun(Server) -> part(Part, Server) end.

part(Part, #{pool := Pool}) ->
    gwport_attack:find(Part, Pool).

%% The streams of a pool: where their events go, and who hears them.
streams(#{pool := Pool}) ->
    [To || {To, _} <- gwport_attack:rows(Pool)].

clients(#{pool := Pool}) ->
    lists:usort([Pid || {_, Pid} <- gwport_attack:rows(Pool)]).

%% The cases

break(Pid, Module) ->
    _ = sys:replace_state(Pid, fun(State) -> broken(State, Module) end),
    ok.

%% A part of the state is not what it should be, and has data in it.
broken(State, Part) ->
    Broken = [case is_tuple(Element) andalso Element =/= {} andalso element(1, Element) =:= Part of
        true -> {Part, mark(response_body), list_to_binary(mark(request_body))};
        false -> Element
    end || Element <- tuple_to_list(State)],
    true = tuple_to_list(State) =/= Broken,
    list_to_tuple(Broken).

owner(Config, Crash) ->
    fail(Config, part(owner), fun(Owner) ->
        ok = sys:suspend(Owner),
        Crash(Owner),
        pile_up(Owner),
        resume(Owner)
    end).

%% It may have ended, and was told to while it stood still.
resume(Pid) ->
    try sys:resume(Pid)
    catch exit:_ -> ok
    end.

owner_fails(Config, Crash) ->
    ?assertMatch({shutdown, {failed, _}}, owner(Config, Crash)),
    logged("gwport: the owner of a port failed: error", Config).

owner(Config) ->
    %% The owner of a port fails at the next frame, the next chunk, the next call; with half a frame in its buffer,
    %% and much in its mailbox.
    owner_fails(Config, fun(Owner) -> break(Owner, streams) end),
    owner_fails(Config, fun(Owner) -> sys:replace_state(Owner, fun(State) -> {broken, State, mark(cookie)} end),
        Owner ! {'$gen_call', {self(), make_ref()}, info} end),
    owner_fails(Config, fun(Owner) -> Owner ! {open, [{list_to_binary(mark(request_body))}]} end),
    owner_fails(Config, fun(Owner) -> Owner ! {consumed, {self(), make_ref()}, 1}, break(Owner, streams) end).

owner_told_to_end(Config) ->
    %% Ended from outside, with a reason that OTP reports.
    ?assertMatch({badmatch, x}, owner(Config, fun(Owner) -> exit(Owner, {badmatch, x}) end)),
    ?assertMatch({badmatch, x}, owner(Config, fun(Owner) -> sys:terminate(Owner, {badmatch, x}) end)),
    logged("hidden", Config).

owner_killed(Config) ->
    ?assertMatch(killed, fail(Config, part(owner), fun(Owner) -> pile_up(Owner), true = exit(Owner, kill), ok end)).

writer(Config) ->
    %% With what waits for a program that does not read.
    [?assertMatch({shutdown, {failed, _}}, fail(Config, part(writer), fun(Writer) ->
        true = erlang:suspend_process(Writer),
        Writer ! Message,
        Writer ! {write, list_to_binary(much(request_body))},
        true = erlang:resume_process(Writer),
        ok
    end)) || Message <- [{open, #{request => list_to_binary(mark(cookie))}}, {what, mark(authorization)}]],
    logged("gwport: the writer of a port failed: error", Config),
    [fail(Config, part(writer), fun(Writer) -> pile_up(Writer), true = exit(Writer, Why), ok end)
        || Why <- [kill, {badmatch, x}]].

watch(Config) ->
    ?assertMatch({shutdown, {failed, badarg}}, fail(Config, part(watch),
        fun(Watch) ->
            %% A row whose client is no process.
            [Table] = [Table || Table <- ets:all(), ets:info(Table, owner) =:= Watch],
            true = ets:insert(Table, {make_ref(), tag, mark(cookie), infinity}),
            Watch ! sweep,
            ok
        end)),
    logged("gwport: the watch of a port failed: error badarg", Config),
    ?assertMatch(killed, fail(Config, part(watch),
        fun(Watch) -> true = exit(Watch, kill), ok end)).

log_reader(Config) ->
    %% With lines that are not logged yet.
    [?assertEqual(Expected, ended(fail(Config, part(log), fun(Log) ->
        ok = sys:suspend(Log),
        gen_server:cast(Log, {frame, list_to_binary(mark(log_text))}),
        Crash(Log),
        gen_server:cast(Log, {frame, list_to_binary(mark(log_text))}),
        Log ! {tcp, none, list_to_binary(much(log_text))},
        resume(Log)
    end))) || {Expected, Crash} <- [
        {failed, fun(Log) -> sys:replace_state(Log, fun(State) -> {broken, State, mark(log_text)} end) end},
        {failed, fun(Log) -> gen_server:cast(Log, {mark(log_text)}) end},
        {badmatch, fun(Log) -> sys:terminate(Log, {badmatch, x}) end},
        {killed, fun(Log) -> exit(Log, kill) end}]].

ended({shutdown, {failed, _}}) -> failed;
ended({Reason, _}) -> Reason;
ended(Reason) -> Reason.

keeper(Config) ->
    %% It knows how its programs are started.
    [fail(Config, part(keeper), fun(Keeper) -> _ = Crash(Keeper), ok end) || Crash <- [
        fun(Keeper) -> Keeper ! {'$gen_call', {self(), make_ref()}, nonsense} end,
        fun(Keeper) -> gen_server:cast(Keeper, nonsense) end,
        fun(Keeper) -> sys:terminate(Keeper, {badmatch, x}) end,
        fun(Keeper) -> exit(Keeper, kill) end]].

helper(Config) ->
    %% The one that ends programs knows nothing else of them.
    [fail(Config, part(os), Crash) || Crash <- [fun(Os) -> sys:terminate(Os, {badmatch, x}) end,
        fun(Os) -> exit(Os, kill), ok end]].

supervisors(Config) ->
    %% Those of the pool: their reports have what they start their children with.
    [fail(Config, Who, Crash)
        || Who <- [part(Part) || Part <- [pool_sup, core_sup, logs_sup, ports_sup]],
           Crash <- [
               fun(Sup) -> exit(Sup, kill), ok end,
               fun(Sup) -> sys:terminate(Sup, {badmatch, x}) end,
               fun(Sup) -> _ = sys:replace_state(Sup, fun(State) -> {broken, State} end),
                   Sup ! {'$gen_call', {self(), make_ref()}, which_children}, ok end]].

ends_of_streams(Config) ->
    %% The processes at the ends of streams, of requests or of connections, and of a call, hear what they do not know,
    %% with more behind it.
    [begin
        Server = server(Config),
        Clients = under_way(Server),
        Pids = clients(Server),
        [true = erlang:suspend_process(Pid) || Pid <- Pids],
        [gwport_watch:tell(To, Event) || To <- streams(Server)],
        [pile_up(Pid) || Pid <- Pids, not is_connection(Pid)],
        [gwport_test:send(Socket, much(request_body)) || {h1, Socket} <- Clients],
        [true = erlang:resume_process(Pid) || Pid <- Pids],
        in_flight(0, Server),
        ?assertMatch(#{status := 200}, gwport_test:get(Server, "/hello")),
        leave(Clients),
        gwport_probe:stop(Server),
        ?assertEqual([], found(Config))
    end || Event <- [{chunk, {mark(response_body)}}, {reply, mark(set_cookie), many}, {credit, mark(request_body)}]],
    logged("gwport: a request failed: error", Config).

%% Cowboy writes what it does not know to the log.
is_connection(Pid) ->
    {Module, _, _} = proc_lib:translate_initial_call(Pid),
    lists:member(Module, [cowboy_clear, cowboy_http, cowboy_http2]).

ends_of_streams_killed(Config) ->
    %% A client's leaving is not more.
    [?assertEqual(killed, fail(Config, fun(Server) -> lists:nth(N, clients(Server)) end,
        fun(Pid) -> [pile_up(Pid) || not is_connection(Pid)], true = exit(Pid, kill), ok end)) || N <- [1, 2, 3, 4]],
    ok.

status_of_each_process(Config) ->
    %% Who asks for the status of a process is shown none either.
    Server = server(Config),
    Clients = under_way(Server),
    Other = gwport_test:start_pool(#{env => #{"PASSWORD" => mark(env)}}),
    Pids = [(part(Part))(Server) || Part <- gwport_attack:parts(), Part =/= writer, Part =/= watch],
    [begin
        Status = iolist_to_binary(io_lib:format("~0w", [sys:get_status(Pid)])),
        ?assertEqual({Pid, []}, {Pid, [Place || Place <- places(), is_in(Status, Place)]})
    end || Pid <- Pids],
    leave(Clients),
    gwport_test:stop_pool(Other),
    gwport_probe:stop(Server),
    ?assertEqual([], found(Config)).

program(Config) ->
    %% The program ends in the middle of it all, is killed, and panics.
    [begin
        Server = server(Config),
        Clients = under_way(Server),
        [#{os_pid := OsPid}] = gwport_test:ports(Server),
        End(Server, OsPid),
        gwport_test:until(fun() -> gwport_probe:gone(OsPid) orelse Ends =:= lives end),
        back(Server),
        leave(Clients),
        gwport_probe:stop(Server),
        ?assertEqual([], found(Config))
    end || {Ends, End} <- [
        {ends, fun(_, OsPid) -> gwport_probe:os_kill("KILL", OsPid) end},
        {ends, fun(Server, _) -> gwport_test:get(Server, ["/faults/exit?code=3&token=", mark(query)]) end},
        {lives, fun(Server, _) -> gwport_test:request(Server, #{path => ["/faults/panic?token=", mark(query)],
            headers => [{"authorization", mark(authorization)}]}) end},
        {ends, fun(Server, _) -> gwport_test:get(Server, ["/faults/fatal?kind=goroutine&token=", mark(query)]) end}]].

client(Config) ->
    %% A call's own process, killed and not.
    Server = #{pool := Pool} = server(Config),
    [begin
        Self = self(),
        Caller = spawn(fun() -> Self ! {self(), gwport:request(Pool, #{method => <<"POST">>, path => <<"/faults/never-read">>, path_info => 1,
            query => <<"s=60">>, body => much(request_body)}, #{app => faults})} end),
        %% One that is killed with its row written and nothing asked would leave the row to the sweep.
        in_flight(1, Server),
        [Client] = clients(Server),
        pile_up(Client),
        exit(Client, Why),
        receive {Caller, Result} -> ?assertMatch({error, _}, Result) end,
        streams_known(0, Server)
    end || Why <- [kill, {badmatch, x}]],
    gwport_probe:stop(Server),
    ?assertEqual([], found(Config)).

client_with_wrong_values(Config) ->
    %% What is wrong with a call is told to its caller, and not to the log.
    Server = #{pool := Pool} = server(Config),
    [?assertMatch({error, {bad_option, _}}, gwport:request(Pool, Request, #{app => hello})) || Request <- [
        #{body => {mark(request_body)}}, #{body => mark}, #{body => [mark(request_body), -1]},
        #{headers => [{<<"authorization">>, {mark(authorization)}}]},
        #{headers => [{<<"cookie">>, [list_to_binary(mark(cookie)) | x]}]},
        #{headers => {mark(authorization)}}, #{headers => [mark(authorization)]},
        #{query => {mark(query)}}, #{path => [mark(query), -1]}, #{method => {mark(query)}},
        #{path_info => mark(query)}, #{cookies => mark(cookie)}]],
    gwport_probe:stop(Server),
    ?assertEqual([], found(Config)).

a_wrong_option_shows_no_value(Config) ->
    %% Neither in what the start says nor in what supervisors make of it.
    [begin
        Result = supervisor:start_child(gwport_sup, gwport:child_spec(Options#{name => wrong, command => "/bin/cat"})),
        ?assertMatch({error, {{bad_option, {Key, _, _}}, _}}, Result),
        ?assertNot(is_in(iolist_to_binary(io_lib:format("~0w", [Result])), env))
    end || {Key, Options} <- [
        {env, #{env => [{"PASSWORD", {mark(env)}}]}}, {env, #{env => #{"PASSWORD" => list_to_binary([0, mark(env)])}}},
        {env, #{env => mark(env)}}, {args, #{args => [mark(env), 1]}}, {args, #{args => mark(env)}},
        {inherit, #{inherit => [{"PASSWORD", mark(env)}]}}, {inherit, #{inherit => mark(env) ++ [0]}},
        {evn, #{evn => #{"PASSWORD" => mark(env)}}}, {ports, #{ports => 0, env => #{"PASSWORD" => mark(env)}}}]],
    ?assertMatch({error, {bad_option, {pool, hidden, _}}}, gwport_pool_sup:start_link([{env, mark(env)}, mark(env)])),
    [begin
        Wrong = {error, _} = gwport_pool_options:pools(Pools),
        ?assertNot(is_in(iolist_to_binary(io_lib:format("~0w", [Wrong])), env))
    end || Pools <- [#{env => mark(env)}, [mark(env)], [#{name => x, command => "cat", env => mark(env)}]]],
    ?assertEqual([], found(Config)).

a_fun_prints_as_its_name(_) ->
    %% On this release too, whatever prints it.
    Secret = gwport_secret:hide(#{env => mark(env)}),
    [?assertNot(is_in(iolist_to_binary(io_lib:format(Format, [Secret])), env)) || Format <- ["~p", "~w", "~0p", "~999999tp"]],
    ?assertEqual(#{env => mark(env)}, gwport_secret:show(Secret)).
