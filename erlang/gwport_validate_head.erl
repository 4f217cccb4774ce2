%% The rules of a response's status and headers for gwport_validate, pure: what an app owes its
%% gateway.
%% @hidden
-module(gwport_validate_head).

-export([breaches/4, code/1, is_empty/1, content_length/1]).

%% HasBody: whether there is a body that is not empty, or of which nobody knows yet.
-spec breaches(Status :: term(), Headers :: term(), HasBody :: boolean(), Scheme :: term()) ->
    [gwport_finding:breach()].
breaches(Status, Headers, HasBody, Scheme) ->
    status(Status) ++ case odd(Headers) of
        none -> headers(code(Status), fields(Headers), HasBody, Scheme);
        Odd -> [{<<"response.headers.pairs">>, "the headers", Odd}]
    end.

%% 0 where there is none.
-spec code(Status :: term()) -> non_neg_integer().
code({Code, _}) -> code(Code);
code(Code) when is_integer(Code), Code >= 200, Code =< 999 -> Code;
code(_) -> 0.

%% Whether a response with it never has a body.
-spec is_empty(Code :: non_neg_integer()) -> boolean().
is_empty(Code) -> Code =:= 204 orelse Code =:= 304.

%% What the headers say of the body, if they say one thing.
-spec content_length(Headers :: term()) -> non_neg_integer() | undefined.
content_length(Headers) ->
    case odd(Headers) =:= none andalso values(<<"content-length">>, fields(Headers)) of
        [Length] -> number(are_digits(Length), Length);
        _ -> undefined
    end.

number(true, Digits) -> binary_to_integer(Digits);
number(false, _) -> undefined.

status(Status) when is_integer(Status) -> in_range(Status);
status({Code, Reason}) when is_binary(Reason) -> in_range(Code) ++ reason(Reason);
status({Code, Reason}) -> in_range(Code) ++ [breach(<<"response.reason.control">>, Reason)];
status(Status) -> in_range(Status).

in_range(Code) ->
    [{<<"response.status.range">>, "the status", gwport_finding:kind(Code)} || code(Code) =/= Code].

reason(Reason) ->
    [{<<"response.reason.control">>, "the reason", gwport_finding:control(Reason)}
        || not gwport_field:is_value(Reason)].

breach(Id, Reason) -> {Id, "the reason", gwport_finding:kind(Reason)}.

%% The first element that is no pair of binaries, or what stands at the end of an improper list.
odd([{Name, Value} | Rest]) when is_binary(Name), is_binary(Value) -> odd(Rest);
odd([{Name, Value} | _]) when is_binary(Name) ->
    ["for ", gwport_finding:text(Name), " ", gwport_finding:kind(Value)];
odd([{Name, _} | _]) -> ["as a name ", gwport_finding:kind(Name)];
odd([Element | _]) -> gwport_finding:kind(Element);
odd([]) -> none;
odd(Rest) -> ["for a list ", gwport_finding:kind(Rest)].

fields(Headers) ->
    [{gwport_field:lower(Name), Value} || {Name, Value} <- Headers].

values(Name, Fields) ->
    [Value || {Other, Value} <- Fields, Other =:= Name].

%% Each of them, and then all together.
headers(Code, Fields, HasBody, Scheme) ->
    lists:append([field(Name, Value, Code, Scheme) || {Name, Value} <- Fields])
        ++ once(Fields) ++ type(Code, values(<<"content-type">>, Fields), HasBody)
        ++ lengths(Code, values(<<"content-length">>, Fields)) ++ needs(Code, Fields).

field(Name, Value, Code, Scheme) ->
    Where = ["header ", gwport_finding:name(Name)],
    [{<<"response.header.name">>, "the headers", gwport_finding:text(Name)}
            || not gwport_field:is_token(Name)]
        ++ [{<<"response.header.value">>, Where, gwport_finding:control(Value)}
            || not gwport_field:is_value(Value)]
        ++ [{<<"response.header.hop">>, Where, "it is there"} || is_hop(Name, Code)]
        ++ [{Id, Where, Seen} || {Id, Seen} <- value(Name, Value, Scheme)].

is_hop(<<"upgrade">>, Code) -> Code =/= 426;
is_hop(Name, _) -> lists:member(Name, [<<"connection">>, <<"keep-alive">>, <<"proxy-connection">>,
    <<"te">>, <<"transfer-encoding">>]).

value(<<"location">>, Location, _) ->
    [{<<"response.location.form">>, odd_byte(Location, 0)}
        || Location =:= <<>> orelse << <<C>> || <<C>> <= Location, C > 32, C < 127 >> =/= Location];
value(<<"set-cookie">>, Cookie, Scheme) ->
    [Pair | Attributes] = binary:split(Cookie, <<";">>, [global]),
    [Name | Rest] = binary:split(Pair, <<"=">>),
    [{<<"response.cookie.form">>, gwport_finding:bytes(Cookie)}
            || Rest =:= [] orelse not gwport_field:is_token(Name)]
        ++ [{<<"response.cookie.secure">>, "no Secure"}
            || Scheme =:= <<"https">>, not lists:any(fun is_secure/1, Attributes)];
value(<<"etag">>, Tag, _) ->
    [{<<"response.etag.quoted">>, gwport_finding:text(Tag)}
        || re:run(Tag, "^(W/)?\"[\\x21\\x23-\\x7e\\x80-\\xff]*\"$",
            [{capture, none}, dollar_endonly]) =/= match];
value(_, _, _) ->
    [].

odd_byte(<<>>, 0) -> "it is empty";
odd_byte(<<C, _/binary>>, At) when C =< 32; C >= 127 -> io_lib:format("byte ~b at ~b", [C, At]);
odd_byte(<<_, Rest/binary>>, At) -> odd_byte(Rest, At + 1).

is_secure(Attribute) ->
    gwport_field:lower(string:trim(Attribute, both, " \t")) =:= <<"secure">>.

once(Fields) ->
    [{<<"response.header.once">>, ["header ", Name], io_lib:format("~b of it", [Count])}
        || Name <- singletons(), Count <- [length(values(Name, Fields))], Count > 1].

singletons() ->
    [<<"content-type">>, <<"content-location">>, <<"content-range">>, <<"date">>, <<"etag">>,
        <<"last-modified">>, <<"location">>, <<"retry-after">>].

%% An empty type says that none is wanted.
type(Code, Types, HasBody) ->
    case {is_empty(Code), Types, HasBody} of
        {true, [Type | _], _} when Type =/= <<>> ->
            [{<<"response.type.none">>, "header content-type", gwport_finding:text(Type)}];
        {false, [], true} ->
            [{<<"response.type.there">>, "the headers", "no content-type"}];
        _ ->
            []
    end.

lengths(204, [Length | _]) when Length =/= <<>> ->
    [{<<"response.length.none">>, "header content-length", gwport_finding:text(Length)}];
lengths(_, [_, _ | _] = Lengths) ->
    [{<<"response.length.digits">>, "header content-length",
        io_lib:format("~b of it", [length(Lengths)])}];
lengths(_, Lengths) ->
    [{<<"response.length.digits">>, "header content-length", gwport_finding:text(Length)}
        || Length <- Lengths, Length =/= <<>>, not are_digits(Length)].

are_digits(Text) ->
    Text =/= <<>> andalso << <<C>> || <<C>> <= Text, C >= $0, C =< $9 >> =:= Text.

needs(206, Fields) ->
    case {values(<<"content-range">>, Fields), values(<<"content-type">>, Fields)} of
        {[], [<<"multipart/", _/binary>> | _]} -> [];
        {[], _} -> [needed(206, <<"content-range">>)];
        _ -> []
    end;
needs(Code, Fields) ->
    [needed(Code, Name) || Name <- needed(Code), values(Name, Fields) =:= []].

needed(Code, Name) ->
    {<<"response.status.needs">>, "the headers", io_lib:format("~b without ~ts", [Code, Name])}.

needed(401) -> [<<"www-authenticate">>];
needed(405) -> [<<"allow">>];
needed(426) -> [<<"upgrade">>];
needed(Code) when Code >= 301, Code =< 303; Code =:= 307; Code =:= 308 -> [<<"location">>];
needed(_) -> [].
