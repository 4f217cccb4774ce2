%% @doc {@link gwport_plug} by a name that Plug.Router and Plug.Builder take for a module's.
%%
%% ```
%% forward "/shop", to: Gwport.Plug, init_opts: [pool: :shop]
%% plug Gwport.Plug, pool: :shop
%% '''
%%
%% A name in lower case they take for a function's.
-module('Elixir.Gwport.Plug').

-export([init/1, call/2]).

%% @doc Checks the options of a mount, as {@link gwport_plug:init/1} does.
-spec init(gwport:mount_options()) -> {checked, gwport_mount_options:mount()}.
init(Options) ->
    gwport_plug:init(Options).

%% @doc Answers the request, and halts, as {@link gwport_plug:call/2} does.
-spec call(gwport_plug_conn:conn(), gwport_plug:options()) -> gwport_plug_conn:conn().
call(Conn, Options) ->
    gwport_plug:call(Conn, Options).
