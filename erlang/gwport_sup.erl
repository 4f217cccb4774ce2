%% The pools named in gwport's own application environment:
%%
%%     [{gwport, [{pools, [#{name => shop, command => "/path/to/shop"}]}]}].
%%
%% A pool can as well stand in a user's own supervisor (gwport:child_spec/1).
-module(gwport_sup).
-behaviour(supervisor).

-export([start_link/0]).
-export([init/1]).

-spec start_link() -> supervisor:startlink_ret().
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

init([]) ->
    ok = gwport_seen:create(),
    Pools = application:get_env(gwport, pools, []),
    {ok, {#{strategy => one_for_one}, [gwport:child_spec(Pool) || Pool <- Pools]}}.
