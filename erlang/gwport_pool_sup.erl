%% One pool: the log readers and owners of its ports, and the keeper that starts them.
-module(gwport_pool_sup).
-behaviour(supervisor).

-export([start_link/1, starters/1, start_port/3]).
-export([init/1]).

%% Returns when the first port is ready, or has failed to be: a wrong option stops the start, a
%% program that does not come up does not (the keeper tries again, requests are answered with 503).
-spec start_link(map() | gwport_secret:secret(map())) ->
    {ok, pid()} | {error, gwport_options:error() | term()}.
start_link(Secret) when is_function(Secret, 0) ->
    start_link(gwport_secret:show(Secret));
start_link(Given) ->
    case gwport_options:pool(Given) of
        {ok, Options} -> start_pool(Options);
        Error -> Error
    end.

start_pool(Options = #{name := Name}) ->
    case supervisor:start_link(?MODULE, {pool, gwport_secret:hide(Options)}) of
        {ok, Sup} ->
            ok = gwport_pool:await(Name),
            {ok, Sup};
        Error ->
            Error
    end.

%% Called by the keeper, once: later this supervisor may be waiting for it to stop.
-spec starters(Sup :: pid()) -> {Logs :: pid(), Ports :: pid()}.
starters(Sup) ->
    Children = supervisor:which_children(Sup),
    {_, Logs, _, _} = lists:keyfind(logs, 1, Children),
    {_, Ports, _, _} = lists:keyfind(ports, 1, Children),
    {Logs, Ports}.

%% Called by the keeper.
-spec start_port({Logs :: pid(), Ports :: pid()}, Keeper :: pid(),
    gwport_secret:secret(gwport_options:pool())) -> {ok, Owner :: pid()} | {error, term()}.
start_port({Logs, Ports}, Keeper, Secret) ->
    #{name := Name, log_lines := Lines} = gwport_secret:show(Secret),
    {ok, Reader} = supervisor:start_child(Logs, [#{pool => Name, log_lines => Lines}]),
    {Log, Path} = gwport_log:open(Reader),
    Start = #{options => Secret, keeper => Keeper, log => Log, stderr => Path},
    case supervisor:start_child(Ports, [gwport_secret:hide(Start)]) of
        {ok, Owner} ->
            gwport_log:attend(Reader, Owner),
            {ok, Owner};
        {error, Reason} ->
            _ = supervisor:terminate_child(Logs, Reader),
            {error, Reason}
    end.

%% The keeper is the first to stop: it drains the ports while they still run.
init({pool, Options}) ->
    #{drain_timeout := DrainTimeout} = gwport_secret:show(Options),
    {ok, {#{strategy => one_for_all, intensity => 3, period => 10}, [
        dynamic(logs, gwport_log),
        dynamic(ports, gwport_port),
        #{id => keeper, start => {gwport_pool_keeper, start_link, [Options, self()]},
            shutdown => DrainTimeout + 5000}
    ]}};
init({dynamic, Module}) ->
    {ok, {#{strategy => simple_one_for_one},
        [#{id => Module, start => {Module, start_link, []}, restart => temporary,
            shutdown => 5000}]}}.

dynamic(Id, Module) ->
    #{id => Id, type => supervisor,
        start => {supervisor, start_link, [?MODULE, {dynamic, Module}]}}.
