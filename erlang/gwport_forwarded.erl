%% What the proxies before a node say of a request's client: X-Forwarded-For, -Proto and -Host, or
%% Forwarded (RFC 7239). Whoever calls it trusts the proxy at the other end of the connection.
%%
%% Each proxy adds on the right what it knows of its own client, so what is on the left may be
%% anybody's. An address is looked at if all those on its right are of trusted proxies: the first
%% one that is not is the client. `unknown', a name that hides an address (`_x') and what is none of
%% these are no trusted proxy's either.
%% @hidden
-module(gwport_forwarded).

-export([believe/4, fields/0]).

%% The names that believe/4 knows.
-spec fields() -> [binary()].
fields() ->
    [<<"forwarded">>, <<"x-forwarded-for">>, <<"x-forwarded-host">>, <<"x-forwarded-proto">>].

%% The Request as those proxies have got it: `peer', `scheme' (and then `proxied'), `host', `port'
%% and the field Host. Of the headers, which Cowboy has joined by name, Fields are heeded.
-spec believe(Fields :: [binary()], Headers :: #{binary() => binary()},
    [gwport_network:network()], gwport_environ:request()) -> gwport_environ:request().
believe(Fields, Headers, Proxies, Request) ->
    #{<<"peer">> := Peer0, <<"scheme">> := Scheme0} = Request,
    {Nodes, Schemes, Hosts} = said(maps:with(Fields, Headers)),
    {Place, Peer} = client(Nodes, Proxies, 1, Peer0),
    authority(at(Place, Hosts), Scheme0,
        scheme(at(Place, Schemes), Request#{<<"peer">> := Peer})).

%% By three lists, of which the nearest proxy has the first place. Forwarded has one element of each
%% proxy; of the others a proxy may have put its own value in the place of all those before.
said(#{<<"forwarded">> := Value}) ->
    Elements = [pairs(Element, #{}) || Element <- elements(Value)],
    {[maps:get(<<"for">>, Element, <<>>) || Element <- Elements],
        [maps:get(<<"proto">>, Element, <<>>) || Element <- Elements],
        [maps:get(<<"host">>, Element, <<>>) || Element <- Elements]};
said(Headers) ->
    {values(<<"x-forwarded-for">>, Headers), values(<<"x-forwarded-proto">>, Headers),
        values(<<"x-forwarded-host">>, Headers)}.

values(Name, Headers) ->
    Values = binary:split(maps:get(Name, Headers, <<>>), <<",">>, [global]),
    lists:reverse([Value || Untrimmed <- Values, Value <- [trim(Untrimmed)], Value =/= <<>>]).

trim(<<C, Value/bits>>) when C =:= $\s; C =:= $\t -> trim(Value);
trim(Value) -> trim_right(Value, byte_size(Value) - 1).

trim_right(Value, Last) when Last >= 0 ->
    case binary:at(Value, Last) of
        C when C =:= $\s; C =:= $\t -> trim_right(Value, Last - 1);
        _ -> binary:part(Value, 0, Last + 1)
    end;
trim_right(_, _) ->
    <<>>.

%% Its place, and its address. Where all are trusted proxies the farthest one is the client.
client([], _, Place, Peer) ->
    {Place, Peer};
client([Node | Nodes], Proxies, Place, _) ->
    {Address, Port} = node_of(Node),
    case Nodes =/= [] andalso gwport_network:has(Address, Proxies) of
        true -> client(Nodes, Proxies, Place + 1, {text(Address), Port});
        false -> {Place, {text(Address), Port}}
    end.

%% No address is nobody's, and not the proxy's: nobody is to pass for that.
text(Address) when is_tuple(Address) -> list_to_binary(inet:ntoa(Address));
text(_) -> <<>>.

%% RFC 7239, section 6, and in X-Forwarded-For also an address of IPv6 without brackets. nginx calls
%% a client of a Unix socket `unix:'. A port that is not told is 0.
node_of(<<"unix:">>) ->
    {unix, 0};
node_of(<<"[", Node/bits>>) ->
    case binary:split(Node, <<"]">>) of
        [Address, Port] -> node_of(gwport_network:address(Address), 8, port_behind(Port));
        [_] -> {none, 0}
    end;
node_of(Node) ->
    case binary:split(Node, <<":">>, [global]) of
        [Address] -> node_of(gwport_network:address(Address), 4, 0);
        [Address, Port] -> node_of(gwport_network:address(Address), 4, port(Port));
        _ -> node_of(gwport_network:address(Node), 8, 0)
    end.

node_of({ok, Address}, Size, Port) when tuple_size(Address) =:= Size, is_integer(Port) ->
    {Address, Port};
node_of(_, _, _) ->
    {none, 0}.

port_behind(<<>>) -> 0;
port_behind(<<":", Port/bits>>) -> port(Port);
port_behind(_) -> none.

port(<<"_", _/bits>>) -> 0;
port(Port) -> number(Port).

%% Of a port; `none' if it is none.
number(Digits) when Digits =/= <<>>, byte_size(Digits) =< 5 -> number(Digits, 0);
number(_) -> none.

number(<<C, Digits/bits>>, N) when C >= $0, C =< $9 -> number(Digits, 10 * N + C - $0);
number(<<>>, N) when N =< 65535 -> N;
number(_, _) -> none.

%% Of fewer values than places the farthest one is about the client, as far as anybody knows.
at(_, []) -> <<>>;
at(Place, Values) -> lists:nth(min(Place, length(Values)), Values).

%% What is no scheme is left for the request to be refused.
scheme(<<>>, Request) ->
    Request;
scheme(Said, Request) ->
    Request#{<<"scheme">> := http(gwport_field:lower(Said)), <<"proxied">> => true}.

%% Some proxies name a WebSocket's.
http(<<"ws">>) -> <<"http">>;
http(<<"wss">>) -> <<"https">>;
http(Scheme) -> Scheme.

authority(<<>>, Scheme, Request = #{<<"scheme">> := Scheme}) ->
    Request;
authority(<<>>, _, Request = #{<<"headers">> := Fields, <<"scheme">> := Scheme}) ->
    %% The port was the other scheme's own, if Host has none.
    {_, Authority} = lists:keyfind(<<"host">>, 1, Fields ++ [{<<"host">>, <<>>}]),
    {_, Port} = host_and_port(Authority, Scheme),
    Request#{<<"port">> := Port};
authority(Authority, _, Request = #{<<"headers">> := Fields, <<"scheme">> := Scheme}) ->
    {Host, Port} = host_and_port(Authority, Scheme),
    Request#{<<"host">> := Host, <<"port">> := Port,
        <<"headers">> := lists:keystore(<<"host">>, 1, Fields, {<<"host">>, Authority})}.

%% What is no authority is left for the request to be refused.
host_and_port(Authority = <<"[", _/bits>>, Scheme) ->
    case binary:split(Authority, <<"]">>) of
        [Host, Port] -> host_and_port(<<Host/binary, "]">>, Port, Scheme);
        [_] -> {Authority, none}
    end;
host_and_port(Authority, Scheme) ->
    [Host | Port] = binary:split(Authority, <<":">>),
    host_and_port(Host, << <<":", Digits/binary>> || Digits <- Port >>, Scheme).

host_and_port(Host, <<>>, Scheme) -> {gwport_field:lower(Host), own_port(Scheme)};
host_and_port(Host, <<":", Port/bits>>, _) -> {gwport_field:lower(Host), number(Port)};
host_and_port(Host, _, _) -> {Host, none}.

own_port(<<"https">>) -> 443;
own_port(_) -> 80.

%% The elements of Forwarded, the last one first. It is read backwards: what a client has sent, with
%% a quote that it does not close, say, stands on the left of what proxies have added.
elements(Value) ->
    Elements = outside(lists:reverse(binary_to_list(Value)), [], []),
    [Element || Bytes <- Elements, Element <- [trim(list_to_binary(Bytes))], Element =/= <<>>].

outside([$, | Left], Element, Elements) -> outside(Left, [], [Element | Elements]);
outside([$" | Left], Element, Elements) -> quoted(Left, [$" | Element], Elements);
outside([C | Left], Element, Elements) -> outside(Left, [C | Element], Elements);
outside([], Element, Elements) -> lists:reverse([Element | Elements]).

quoted([$" | Left], Element, Elements) ->
    case length(lists:takewhile(fun(C) -> C =:= $\\ end, Left)) rem 2 of
        0 -> outside(Left, [$" | Element], Elements);
        1 -> quoted(Left, [$" | Element], Elements)
    end;
quoted([C | Left], Element, Elements) -> quoted(Left, [C | Element], Elements);
quoted([], Element, Elements) -> outside([], Element, Elements).

%% Its pairs, with names in lower case; none if one of them is none, or a name stands there twice.
pairs(<<>>, Pairs) ->
    Pairs;
pairs(<<";", Element/bits>>, Pairs) ->
    pairs(trim(Element), Pairs);
pairs(Element, Pairs) ->
    case binary:split(Element, <<"=">>) of
        [Name, Value] -> pair(gwport_field:lower(Name), value(Value), Pairs);
        [_] -> #{}
    end.

pair(Name, {Value, Rest}, Pairs) when not is_map_key(Name, Pairs) ->
    pairs(trim(Rest), Pairs#{Name => Value});
pair(_, _, _) ->
    #{}.

%% With what stands behind it. What should be quoted, a port or brackets, is taken as it is.
value(<<$", Quoted/bits>>) ->
    unquoted(Quoted, <<>>);
value(Value) ->
    [Plain | Rest] = binary:split(Value, <<";">>),
    case binary:match(Plain, <<$">>) of
        nomatch -> {trim(Plain), iolist_to_binary(Rest)};
        _ -> error
    end.

unquoted(<<$\\, C, Quoted/bits>>, Value) -> unquoted(Quoted, <<Value/binary, C>>);
unquoted(<<$", Rest/bits>>, Value) -> behind(trim(Rest), Value);
unquoted(<<C, Quoted/bits>>, Value) -> unquoted(Quoted, <<Value/binary, C>>);
unquoted(<<>>, _) -> error.

behind(<<>>, Value) -> {Value, <<>>};
behind(<<";", Rest/bits>>, Value) -> {Value, Rest};
behind(_, _) -> error.
