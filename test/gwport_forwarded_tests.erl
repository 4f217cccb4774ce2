%% What is believed of proxies, and what nobody can make them say.
-module(gwport_forwarded_tests).

-define(PROPER_NO_TRANS, true).
-define(PROPER_NO_IMPORTS, true).
-include_lib("proper/include/proper.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(proper_types, [binary/0, oneof/1, list/1]).

%% The peer is 10.0.0.1, and trusted, as all of 10.0.0.0/8, fd00::/8 and Unix sockets.
peers() ->
    Client = {<<"192.0.2.7">>, 0},
    Nobody = {<<>>, 0},
    [{"one proxy", Client, <<"192.0.2.7">>},
     {"a client that brings its own", Client, <<"6.6.6.6, 192.0.2.7">>},
     {"a client that brings a proxy's", Client, <<"10.0.0.9, 192.0.2.7">>},
     {"a client that brings what is none", Client, <<"\"x, ;=, unknown,192.0.2.7">>},
     {"several proxies", Client, <<"6.6.6.6, 192.0.2.7 ,\t10.0.0.3,10.0.0.2">>},
     {"a proxy of IPv6", Client, <<"192.0.2.7, fd00::1, [fd00::2]:80">>},
     {"a proxy behind a Unix socket", Client, <<"192.0.2.7, unix:">>},
     {"an IPv4 proxy as IPv6", Client, <<"192.0.2.7, ::ffff:10.0.0.2">>},
     {"nobody but proxies", {<<"10.0.0.3">>, 0}, <<"10.0.0.3, 10.0.0.2">>},
     {"empty ones", Client, <<",, 192.0.2.7, , ">>},
     {"a port", {<<"192.0.2.7">>, 4711}, <<"192.0.2.7:4711">>},
     {"the last port", {<<"192.0.2.7">>, 65535}, <<"192.0.2.7:65535">>},
     {"one more", Nobody, <<"192.0.2.7:65536">>},
     {"a port that is hidden", Client, <<"192.0.2.7:_x">>},
     {"no port", Nobody, <<"192.0.2.7:">>},
     {"IPv6", {<<"2001:db8::7">>, 0}, <<"2001:DB8::7">>},
     {"IPv6 in brackets", {<<"2001:db8::7">>, 0}, <<"[2001:db8::7]">>},
     {"IPv6 with a port", {<<"2001:db8::7">>, 4711}, <<"[2001:db8::7]:4711">>},
     {"IPv6 that ends in colons", {<<"2001:db8::">>, 0}, <<"2001:db8::">>},
     {"IPv6 with a zone", Nobody, <<"fe80::1%eth0">>},
     {"IPv4 in brackets", Nobody, <<"[192.0.2.7]">>},
     {"half a bracket", Nobody, <<"[2001:db8::7">>},
     {"more behind brackets", Nobody, <<"[2001:db8::7]x">>},
     {"unknown", Nobody, <<"192.0.2.7, unknown">>},
     {"unknown behind a proxy", Nobody, <<"192.0.2.7, unknown, 10.0.0.2">>},
     {"a hidden name", Nobody, <<"192.0.2.7, _gazonk">>},
     {"a name", Nobody, <<"client.example">>},
     {"a number in another base", Nobody, <<"0300.0.2.7">>},
     {"bytes", Nobody, <<"192.0.2.7", 0>>},
     {"nothing", {<<"10.0.0.1">>, 555}, <<" , ">>}].

the_client_is_the_nearest_that_is_no_proxy_test_() ->
    [{Name, ?_assertEqual(Peer, peer(#{<<"x-forwarded-for">> => Value}))} || {Name, Peer, Value} <- peers()].

%% The same of Forwarded, quoted as it must be.
the_client_is_the_same_by_forwarded_test_() ->
    [{Name, ?_assertEqual(Peer, peer(#{<<"forwarded">> => forwarded(Value)}))} || {Name, Peer, Value} <- peers(),
        not lists:member($", binary_to_list(Value))].

forwarded(Value) ->
    iolist_to_binary(lists:join(", ", [["by=_x;For=\"", string:trim(Node, both, " \t"), "\";ext=\"a,b;\\\"\""]
        || Node <- binary:split(Value, <<",">>, [global]), string:trim(Node, both, " \t") =/= <<>>])).

elements_of_forwarded_test_() ->
    Nobody = {<<>>, 0},
    [{binary_to_list(Value), ?_assertEqual({Peer, Scheme}, peer_and_scheme(#{<<"forwarded">> => Value}))} || {Peer, Scheme, Value} <- [
        {{<<"192.0.2.7">>, 0}, <<"https">>, <<"for=192.0.2.7;proto=https">>},
        {{<<"192.0.2.7">>, 0}, <<"https">>, <<" FOR=192.0.2.7 ; Proto=HTTPS ; ">>},
        {{<<"192.0.2.7">>, 80}, <<"https">>, <<";for=192.0.2.7:80;;proto=\"https\"">>},
        {{<<"192.0.2.7">>, 0}, <<"https">>, <<"for=\"192.0.2.\\7\";proto=\"h\\ttps\"">>},
        %% What the client has sent before goes no further than itself.
        {{<<"192.0.2.7">>, 0}, <<"http">>, <<"for=\"6.6.6.6;proto=https, for=192.0.2.7">>},
        {{<<"192.0.2.7">>, 0}, <<"http">>, <<"for=6.6.6.6;proto=https;x=\"\\, for=192.0.2.7;x=\"\\\\\"">>},
        {{<<"192.0.2.7">>, 0}, <<"http">>, <<"\", for=192.0.2.7;host=\"a\\\", for=6.6.6.6;x=\\\"\"">>},
        %% It is the client's own proxy whose scheme counts, and no other's.
        {{<<"192.0.2.7">>, 0}, <<"https">>, <<"for=192.0.2.7;proto=https, for=10.0.0.2;proto=http">>},
        {{<<"192.0.2.7">>, 0}, <<"http">>, <<"for=192.0.2.7, for=10.0.0.2;proto=https">>},
        {Nobody, <<"https">>, <<"for=unknown;proto=https">>},
        {Nobody, <<"https">>, <<"for=_x;proto=https, for=10.0.0.2">>},
        {Nobody, <<"https">>, <<"proto=https">>},
        %% An element that is none says nothing.
        {Nobody, <<"http">>, <<"for=192.0.2.7;for=192.0.2.7;proto=https">>},
        {Nobody, <<"http">>, <<"for=192.0.2.7;proto=https;x">>},
        {Nobody, <<"http">>, <<"for=192.0.2.7;proto=\"https\"x">>},
        {Nobody, <<"http">>, <<"for=192.0.2.7;proto=ht\"tps">>},
        {Nobody, <<"http">>, <<"for=\"192.0.2.7\\">>},
        {{<<"10.0.0.1">>, 555}, <<"http">>, <<" , ,">>}]].

scheme_and_host_are_of_the_clients_own_proxy_test_() ->
    Two = <<"192.0.2.7, 10.0.0.2">>,
    [?_assertEqual({Scheme, Host, Port, Field}, origin(Headers)) || {Scheme, Host, Port, Field, Headers} <- [
        {<<"http">>, <<"inside">>, 80, <<"inside">>, #{}},
        %% A port is the scheme's own where none is named.
        {<<"https">>, <<"inside">>, 443, <<"inside">>, #{<<"x-forwarded-proto">> => <<"https">>}},
        {<<"https">>, <<"inside">>, 443, <<"inside">>, #{<<"x-forwarded-proto">> => <<"WSS">>}},
        {<<"http">>, <<"inside">>, 80, <<"inside">>, #{<<"x-forwarded-proto">> => <<"ws">>}},
        {<<"http">>, <<"shop.example">>, 80, <<"Shop.example">>, #{<<"x-forwarded-host">> => <<"Shop.example">>}},
        {<<"https">>, <<"shop.example">>, 8443, <<"shop.example:8443">>,
            #{<<"x-forwarded-proto">> => <<"https">>, <<"x-forwarded-host">> => <<"shop.example:8443">>}},
        {<<"https">>, <<"[2001:db8::1]">>, 443, <<"[2001:DB8::1]">>,
            #{<<"x-forwarded-proto">> => <<"https">>, <<"x-forwarded-host">> => <<"[2001:DB8::1]">>}},
        {<<"http">>, <<"[::1]">>, 81, <<"[::1]:81">>, #{<<"x-forwarded-host">> => <<"[::1]:81">>}},
        {<<"https">>, <<"a">>, 443, <<"a">>, #{<<"forwarded">> => <<"proto=https;host=a">>}},
        %% Of several the one beside the client's address; of fewer the first; and what is left of it is the client's.
        {<<"https">>, <<"b">>, 443, <<"b">>, #{<<"x-forwarded-for">> => Two,
            <<"x-forwarded-proto">> => <<"ftp, https, http">>, <<"x-forwarded-host">> => <<"a, b, c">>}},
        {<<"https">>, <<"b">>, 443, <<"b">>, #{<<"x-forwarded-for">> => Two,
            <<"x-forwarded-proto">> => <<"https">>, <<"x-forwarded-host">> => <<"b">>}},
        {<<"http">>, <<"c">>, 80, <<"c">>, #{<<"x-forwarded-proto">> => <<"https, http">>,
            <<"x-forwarded-host">> => <<"a, b, c">>}}]].

%% Host of the request itself says whether there is a port.
a_port_of_its_own_stays_test() ->
    Request = (request())#{<<"port">> := 8080, <<"headers">> := [{<<"host">>, <<"inside:8080">>}]},
    Headers = #{<<"x-forwarded-proto">> => <<"https">>},
    ?assertMatch(#{<<"port">> := 8080, <<"scheme">> := <<"https">>}, believe(Headers, Request)),
    ?assertMatch(#{<<"port">> := 443}, believe(Headers, (request())#{<<"headers">> := []})).

what_no_request_may_have_is_left_to_be_refused_test_() ->
    [?_assertEqual({error, Part}, gwport_request:check(believe(Headers, request()))) || {Part, Headers} <- [
        {<<"scheme">>, #{<<"x-forwarded-proto">> => <<"ftp">>}},
        {<<"scheme">>, #{<<"forwarded">> => <<"proto=\"\\\"\"">>}},
        {<<"host">>, #{<<"x-forwarded-host">> => <<"a/b">>}},
        {<<"host">>, #{<<"forwarded">> => <<"host=\"a, b\"">>}},
        {<<"port">>, #{<<"x-forwarded-host">> => <<"a:">>}},
        {<<"port">>, #{<<"x-forwarded-host">> => <<"a:65536">>}},
        {<<"port">>, #{<<"x-forwarded-host">> => <<"a:b:80">>}},
        {<<"port">>, #{<<"x-forwarded-host">> => <<"[::1]x">>}},
        {<<"port">>, #{<<"x-forwarded-host">> => <<"[::1">>}}]].

only_the_fields_that_are_trusted_are_heeded_test_() ->
    All = #{<<"x-forwarded-for">> => <<"192.0.2.7">>, <<"x-forwarded-proto">> => <<"https">>,
        <<"x-forwarded-host">> => <<"a">>, <<"forwarded">> => <<"for=192.0.2.8;host=b">>},
    [?_assertEqual(Expected, begin
        #{<<"peer">> := {Peer, _}, <<"scheme">> := Scheme, <<"host">> := Host} =
            gwport_forwarded:believe(Fields, All, proxies(), request()),
        {Peer, Scheme, Host}
    end) || {Expected, Fields} <- [
        {{<<"192.0.2.7">>, <<"http">>, <<"inside">>}, [<<"x-forwarded-for">>]},
        {{<<"10.0.0.1">>, <<"https">>, <<"inside">>}, [<<"x-forwarded-proto">>]},
        {{<<"10.0.0.1">>, <<"http">>, <<"a">>}, [<<"x-forwarded-host">>]},
        {{<<"192.0.2.8">>, <<"http">>, <<"b">>}, [<<"forwarded">>]}]].

%% Whatever a client has sent, it is where its proxy has seen it.
no_client_can_say_where_it_is_test_() ->
    Junk = list(oneof([binary(), oneof([<<"for=6.6.6.6">>, <<"10.0.0.2">>, <<",">>, <<"\"">>, <<"\\">>, <<";">>, <<"=">>,
        <<"for=\"">>, <<"unknown">>, <<"proto=https">>])])),
    gwport_gen:check(?FORALL(Parts, Junk, begin
        Sent = iolist_to_binary(Parts),
        {<<"192.0.2.7">>, 0} =:= peer(#{<<"x-forwarded-for">> => <<Sent/binary, ", 192.0.2.7">>})
            andalso {{<<"192.0.2.7">>, 9}, <<"http">>}
                =:= peer_and_scheme(#{<<"forwarded">> => <<Sent/binary, ", for=\"192.0.2.7:9\";host=a">>})
    end)).

%% And whatever a proxy has, there is an answer.
any_bytes_have_an_answer_test_() ->
    Bytes = oneof([binary(), ?LET(Parts, list(oneof([<<"for=">>, <<"\"">>, <<"\\">>, <<";">>, <<",">>, <<"[">>, <<"]">>, <<":">>,
        <<"10.0.0.2">>, <<"::1">>, <<" ">>, binary()])), iolist_to_binary(Parts))]),
    gwport_gen:check(?FORALL({For, Proto, Host, Forwarded}, {Bytes, Bytes, Bytes, Bytes},
        lists:all(fun(Headers) ->
            #{<<"peer">> := {Address, Port}} = believe(Headers, request()),
            is_binary(Address) andalso Port >= 0 andalso Port =< 65535
        end, [#{<<"x-forwarded-for">> => For, <<"x-forwarded-proto">> => Proto, <<"x-forwarded-host">> => Host},
            #{<<"forwarded">> => Forwarded}]))).

peer(Headers) ->
    #{<<"peer">> := Peer} = believe(Headers, request()),
    Peer.

peer_and_scheme(Headers) ->
    #{<<"peer">> := Peer, <<"scheme">> := Scheme} = believe(Headers, request()),
    {Peer, Scheme}.

origin(Headers) ->
    #{<<"scheme">> := Scheme, <<"host">> := Host, <<"port">> := Port, <<"headers">> := Fields} = believe(Headers, request()),
    [Field] = [Value || {<<"host">>, Value} <- Fields],
    {Scheme, Host, Port, Field}.

believe(Headers, Request) ->
    gwport_forwarded:believe(maps:keys(Headers), Headers, proxies(), Request).

proxies() ->
    [Network || {ok, Network} <- [gwport_network:network(Text) || Text <- ["10.0.0.0/8", "fd00::/8", unix]]].

request() ->
    #{<<"method">> => <<"GET">>, <<"path">> => <<"/">>, <<"query">> => <<>>, <<"version">> => {1, 1},
        <<"scheme">> => <<"http">>, <<"host">> => <<"inside">>, <<"port">> => 80, <<"peer">> => {<<"10.0.0.1">>, 555},
        <<"headers">> => [{<<"host">>, <<"inside">>}, {<<"x">>, <<"1">>}], <<"path_info">> => 0, <<"length">> => 0}.
