%% The pools named in gwport's own application environment:
%%
%%     [{gwport, [{pools, [#{name => shop, command => "/path/to/shop"}]}]}].
%%
%% and in development what has a pool's program watched (gwport_dev).
%%
%% A pool can as well stand in a user's own supervisor (gwport:child_spec/1).
%% @hidden
-module(gwport_sup).
-behaviour(supervisor).

-export([start_link/0, pools/0]).
-export([init/1]).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

%% The names of the pools that stand in here.
-spec pools() -> [atom()].
pools() ->
    [Name || {{gwport, Name}, _, _, _} <- supervisor:which_children(?MODULE)].

init([]) ->
    ok = gwport_seen:create(),
    ok = gwport_log_lines:create(),
    ok = gwport_file_count:create(),
    ok = gwport_file_opener:create(),
    ok = gwport_os:create(),
    ok = gwport_dev_page:create(),
    Pools = application:get_env(gwport, pools, []),
    %% The first is the last to stop: the others have programs to be ended. A pool that is killed
    %% costs the others nothing, however often.
    {ok, {often(), [#{id => os, type => supervisor,
        start => {supervisor, start_link, [?MODULE, os]}},
        #{id => files, start => {gwport_file_count, start_link, []}}
        | [gwport:child_spec(Pool) || Pool <- Pools]]
        ++ gwport_dev:child_specs(application:get_env(gwport, dev, []))}};
%% Of its own, because the other one does nothing else while it waits for a pool to come up.
init(os) ->
    {ok, {often(), [#{id => gwport_os, start => {gwport_os, start_link, []}}]}}.

often() ->
    #{strategy => one_for_one, intensity => 100, period => 10}.
