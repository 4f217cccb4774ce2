%% @doc Tells the browser's network view how long the app took until it had a response, whose body
%% may still be to come: `server-timing: app;dur=1.234'.
%%
%% What the app says there itself stays.
%%
%% ```
%% gwport_gateway:chain(App, [gwport_mw_server_timing:around(#{name => "shop"})])
%% '''
-module(gwport_mw_server_timing).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    name => binary() | string()}.
%% See around/1.

%% @doc The middleware. Of a deferred response the time ends when it has come.
%% Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`name' (app): what has taken the time</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    #{name := [Name]} = gwport_mw_options:check(Given, #{name => [<<"app">>]}, fun value/2),
    fun(App) ->
        fun(Environ) ->
            Start = erlang:monotonic_time(microsecond),
            gwport_mw_response:then(App(Environ), fun({Status, Headers, Body}) ->
                Took = (erlang:monotonic_time(microsecond) - Start) / 1000,
                Said = <<Name/binary, ";dur=", (float_to_binary(Took, [{decimals, 3}]))/binary>>,
                {Status, Headers ++ [{<<"server-timing">>, Said}], Body}
            end)
        end
    end.

value(name, Given) -> gwport_mw_options:tokens([Given]).
