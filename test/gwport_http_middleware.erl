%% A Cowboy middleware that sets headers and cookies on the request before the handler runs, as
%% those of sessions and security headers do.
-module(gwport_http_middleware).
-behaviour(cowboy_middleware).

-export([execute/2]).

execute(Req0, Env) ->
    Req1 = cowboy_req:set_resp_headers(#{<<"x-frame-options">> => <<"DENY">>,
        <<"x-a">> => <<"middleware">>}, Req0),
    Req2 = cowboy_req:set_resp_cookie(<<"session">>, <<"1">>, Req1),
    {ok, cowboy_req:set_resp_cookie(<<"lang">>, <<"de">>, Req2), Env}.
