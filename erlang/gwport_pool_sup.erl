%% One pool: the log readers of its ports, and beside them, under a supervisor of their own, the
%% ports and the keeper that starts them. A pool whose keeper or ports are lost begins anew; one
%% whose log readers are lost need not.
%% @hidden
-module(gwport_pool_sup).
-behaviour(supervisor).

-export([start_link/1, ports/1, start_port/5]).
-export([init/1]).

%% How long the keeper waits for a supervisor that may be waiting for the keeper.
-define(PATIENCE, 2000).

%% Returns when the first port is ready, or has failed to be: a wrong option stops the start, a
%% program that does not come up does not (the keeper tries again, requests are answered with 503).
-spec start_link(gwport_options:given() | gwport_secret:secret(gwport_options:given())) ->
    {ok, pid()} | {error, gwport_options:error() | term()}.
start_link(Secret) when is_function(Secret, 0) ->
    start_link(gwport_secret:show(Secret));
start_link(Given) ->
    case gwport_pool_options:pool(Given) of
        {ok, Options} -> start_pool(Given, Options);
        Error -> Error
    end.

start_pool(Given, Options = #{name := Name}) ->
    Pool = {pool, gwport_secret:hide(Given), gwport_secret:hide(Options)},
    case supervisor:start_link(?MODULE, Pool) of
        {ok, Sup} -> await(Sup, Name);
        Error -> Error
    end.

%% A keeper that is killed meanwhile has a successor, as long as there is a supervisor; it answers
%% when it has started one.
await(Sup, Name) ->
    case gwport_pool:await(Name) of
        ok ->
            {ok, Sup};
        ended ->
            _ = [children(Pid) || {_, Pid, supervisor, _} <- children(Sup)],
            case is_process_alive(Sup) of
                true -> await(Sup, Name);
                false -> {error, {shutdown, ended}}
            end
    end.

%% Answers when what has ended there is started again.
children(Sup) ->
    try supervisor:which_children(Sup)
    catch exit:_ -> []
    end.

%% Called by the keeper, once. Where this supervisor is itself ending, it waits for the keeper to
%% stop: the keeper gives up, and is not waited for any longer.
-spec ports(Sup :: pid()) -> {ok, Ports :: pid()} | {error, killed}.
ports(Sup) ->
    asked(fun() ->
        {_, Ports, _, _} = lists:keyfind(ports, 1,
            gen_server:call(Sup, which_children, ?PATIENCE)),
        {ok, Ports}
    end).

%% Asked for with each port, because it may be another one by then. The supervisor of the pool does
%% not answer while it waits for the keeper to stop.
logs(Top) ->
    {_, Logs, _, _} = lists:keyfind(logs, 1, gen_server:call(Top, which_children, ?PATIENCE)),
    Logs.

%% Called by the keeper.
-spec start_port(Top :: pid(), Ports :: pid(), Keeper :: pid(), gwport_queue:queue(),
    gwport_secret:secret(gwport_pool_options:pool())) -> {ok, Owner :: pid()} | {error, term()}.
start_port(Top, Ports, Keeper, Queue, Secret) ->
    #{name := Name, log_lines := Lines, log_level := Level} = gwport_secret:show(Secret),
    asked(fun() ->
        Logs = logs(Top),
        {ok, Reader} = supervisor:start_child(Logs,
            [#{pool => Name, log_lines => Lines, log_level => Level}]),
        Start = #{options => Secret, keeper => Keeper, queue => Queue},
        case asked(fun() -> start_owner(Ports, Reader, Start) end) of
            {ok, Owner} ->
                {ok, Owner};
            Error ->
                _ = supervisor:terminate_child(Logs, Reader),
                Error
        end
    end).

start_owner(Ports, Reader, Start) ->
    {Log, Path} = gwport_log:open(Reader),
    case supervisor:start_child(Ports, [gwport_secret:hide(Start#{log => Log, stderr => Path})]) of
        {ok, Owner} ->
            gwport_log:attend(Reader, Owner),
            {ok, Owner};
        Error ->
            Error
    end.

%% Whoever is asked may be killed.
asked(Fun) ->
    try Fun()
    catch exit:_ -> {error, killed}
    end.

%% The keeper is the first to stop: it drains the ports while they still run, for as long as the
%% options of the moment say, which it looks after itself.
init({pool, Given, Options}) ->
    Core = {core, gwport_plan:new(Given, Options), self()},
    {ok, {often(one_for_one), [
        dynamic(logs, gwport_log),
        #{id => core, type => supervisor,
            start => {supervisor, start_link, [?MODULE, Core]}}
    ]}};
init({core, Plan, Top}) ->
    {ok, {often(one_for_all), [
        dynamic(ports, gwport_port),
        #{id => keeper, start => {gwport_pool_keeper, start_link, [Plan, Top, self()]},
            shutdown => infinity}
    ]}};
init({dynamic, Module}) ->
    {ok, {#{strategy => simple_one_for_one},
        [#{id => Module, start => {Module, start_link, []}, restart => temporary,
            shutdown => 5000}]}}.

%% Nothing in here fails again and again for want of a program that works, which is the keeper's to
%% bear with. Whoever kills much should not reach the supervisor above, which is the user's.
often(Strategy) ->
    #{strategy => Strategy, intensity => 20, period => 10}.

dynamic(Id, Module) ->
    #{id => Id, type => supervisor,
        start => {supervisor, start_link, [?MODULE, {dynamic, Module}]}}.
