-module(gwport_request_tests).

-include_lib("eunit/include/eunit.hrl").

an_encoded_request_is_what_open_carries_test() ->
    Request = request(#{<<"length">> => 5}),
    {ok, #{request := Encoded, body := now, idempotent := true}} = gwport_request:encode(Request, 65536),
    ?assertEqual({ok, {0, 262144, Request}}, gwport_frame:decode_payload(payload(Encoded))).

a_payload_of_max_head_bytes_passes_test() ->
    Size = size_of(request(#{})),
    {ok, #{request := Encoded}} = gwport_request:encode(request(#{}), Size),
    ?assertEqual(Size, byte_size(payload(Encoded))).

a_payload_of_max_head_and_1_bytes_is_too_large_test() ->
    ?assertEqual({error, too_large_head},
        gwport_request:encode(request(#{}), size_of(request(#{})) - 1)).

a_request_tells_whether_it_has_a_body_test_() ->
    [?_assertEqual(Body, gwport_request:body(request(With))) || {Body, With} <- [
        {none, #{<<"length">> => 0}},
        {none, #{<<"length">> => 0, <<"continue">> => true}},
        {now, #{<<"length">> => 1}},
        {now, #{}},
        {continue, #{<<"continue">> => true}},
        {continue, #{<<"length">> => 1, <<"continue">> => true}}]].

methods_are_idempotent_as_in_rfc_9110_test_() ->
    [?_assert(gwport_request:is_idempotent(Method))
        || Method <- [<<"GET">>, <<"HEAD">>, <<"OPTIONS">>, <<"TRACE">>, <<"PUT">>, <<"DELETE">>]]
        ++ [?_assertNot(gwport_request:is_idempotent(Method))
            || Method <- [<<"POST">>, <<"PATCH">>, <<"CONNECT">>, <<"get">>, <<"GETX">>, <<"BREW">>, <<>>]].

a_request_that_is_not_idempotent_says_so_test() ->
    ?assertMatch({ok, #{idempotent := false}},
        gwport_request:encode(request(#{<<"method">> => <<"POST">>}), 65536)).

%% The payload of `open` as it goes out.
payload(Encoded) ->
    Wire = iolist_to_binary(gwport_frame:encode_open(256, 262144, Encoded)),
    {ok, [{open, 256, Payload}], _} = gwport_frame:parse(Wire, gwport_frame:new(1048576)),
    Payload.

size_of(Request) ->
    byte_size(term_to_binary({0, 262144, Request})).

request(With) ->
    maps:merge(#{<<"method">> => <<"GET">>, <<"path">> => <<"/">>, <<"headers">> => []}, With).
