%% What an answer says of its connection. The requests and listeners are as gwport_cowboy has them.
-module(gwport_cowboy_response_tests).

-include_lib("eunit/include/eunit.hrl").

%% What is taken of a body that nobody wants, behind the answer.
-define(DISCARD, 262144).

%% What has come of a body of unknown length and nobody has taken: more than would be discarded ends the connection,
%% and the answer says so.
a_chunked_body_of_which_too_much_has_come_ends_the_connection_test_() ->
    [?_assertEqual({Is, Size, Taken, Expected}, {Is, Size, Taken, answered(Is, Size, Taken)})
        || Is <- [reply, failure],
           {Size, Taken, Expected} <- [{0, 0, keeps}, {?DISCARD, 0, keeps}, {?DISCARD + 1, 0, closes},
               {?DISCARD + 1000, 1000, keeps}, {?DISCARD + 1001, 1000, closes}]].

%% Behind the reset of a stream nothing of its response comes any more: a tunnel waits a while for its client to end it.
a_tunnel_waits_for_its_client_test_() ->
    [?_assertEqual(Expected, begin
        Response0 = gwport_cowboy_response:new(maps:merge(#{version => 'HTTP/2', method => <<"CONNECT">>, headers => #{},
            has_body => true, body_length => undefined}, With), #{heard => infinity}),
        {{headers, Status, _}, Response1} = gwport_cowboy_response:command({head, #{status => Status, code => Status,
            headers => [], length => undefined, close => false}}, Response0),
        gwport_cowboy_response:left(gwport_cowboy_response:received(IsFin, <<>>, Response1))
    end) || {Expected, Status, IsFin, With} <- [
        {{discard, ?DISCARD, 30000}, 200, nofin, #{protocol => <<"websocket">>}},
        {stop, 200, fin, #{protocol => <<"websocket">>}},
        {stop, 403, nofin, #{protocol => <<"websocket">>}},
        {stop, 200, nofin, #{}}]].

answered(Is, Size, Taken) ->
    Req = #{version => 'HTTP/1.1', method => <<"POST">>, headers => #{}, has_body => true, body_length => undefined},
    Response0 = gwport_cowboy_response:new(Req, #{heard => infinity}),
    Response1 = gwport_cowboy_response:received(nofin, binary:copy(<<"b">>, Size), Response0),
    {Command, Response} = answer(Is, gwport_cowboy_response:taken(binary:copy(<<"b">>, Taken), Response1)),
    {response, _, Headers, _} = Command,
    said(Headers, gwport_cowboy_response:left(Response)).

answer(reply, Response) ->
    gwport_cowboy_response:command({reply, #{status => 200, code => 200, headers => [], length => 1, close => false},
        <<"x">>}, Response);
answer(failure, Response) ->
    gwport_cowboy_response:failure(app_failed, Response).

said(#{<<"connection">> := <<"close">>}, stop) -> closes;
said(Headers, {discard, _, _}) when not is_map_key(<<"connection">>, Headers) -> keeps.
