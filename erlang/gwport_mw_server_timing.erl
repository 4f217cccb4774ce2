%% Tells the browser's network view how long the app took until it had a response, whose body may
%% still be to come: `server-timing: app;dur=1.234'. What the app says there itself stays.
-module(gwport_mw_server_timing).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    %% What has taken the time: app.
    name => binary() | string()
}.

%% @doc Of a deferred response the time ends when it has come.
-spec around(options() | gwport_options:given()) -> gwport_gateway:middleware().
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
