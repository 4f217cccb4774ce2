%% gwport_plug by a name that Plug.Router and Plug.Builder take for a module's; one in lower case
%% they take for a function's.
%%
%%     forward "/shop", to: Gwport.Plug, init_opts: [pool: :shop]
%%     plug Gwport.Plug, pool: :shop
-module('Elixir.Gwport.Plug').

-export([init/1, call/2]).

-spec init(gwport_options:given()) -> {checked, gwport_options:mount()}.
init(Options) ->
    gwport_plug:init(Options).

-spec call(gwport_plug_conn:conn(), gwport_options:given() | {checked, gwport_options:mount()}) ->
    gwport_plug_conn:conn().
call(Conn, Options) ->
    gwport_plug:call(Conn, Options).
