%% What a program answered, made fit for a client: statuses, header names and values are checked,
%% names lower-cased, what belongs to the connection dropped (SPEC.md, sections 4 and 6).
%%
%% Nothing that Cowboy would stumble over passes: it sends a CR or LF in a value as it is before
%% 2.16, and crashes the connection, with all its streams on HTTP/2, on an unknown integer status or
%% a content-length that is no number.
-module(gwport_response).

-export([head/1, inform/1, reply/1, trailers/1, fault/1, has_body/2, options/1]).

-export_type([head/0, status/0, fields/0]).

%% An integer that every web server knows, or the whole of a status line's end.
-type status() :: 100..999 | binary().
%% In order, lower case, no two of a name except set-cookie.
-type fields() :: [{binary(), iodata()}].
-type head() :: #{status := status(), code := 100..999, headers := fields(),
    length := undefined | non_neg_integer(), close := boolean()}.

-spec head(binary()) -> {ok, head()} | error.
head(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Status, Headers}} -> final(status(Status), fields(Headers));
        _ -> error
    end.

-spec reply(binary()) -> {ok, head(), Body :: binary()} | error.
reply(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Status, Headers, Body}} -> whole(final(status(Status), fields(Headers)), body(Body));
        _ -> error
    end.

whole({ok, Head}, {ok, Body}) -> {ok, Head, Body};
whole(_, _) -> error.

body(Body) when is_binary(Body) ->
    {ok, Body};
body(Body) ->
    try {ok, iolist_to_binary(Body)}
    catch error:badarg -> error
    end.

%% 101 changes the protocol, which this version cannot.
-spec inform(binary()) -> {ok, status(), fields()} | error.
inform(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Status, Headers}} -> informational(status(Status), fields(Headers));
        _ -> error
    end.

informational({ok, Status, Code}, {ok, Fields}) when Code >= 100, Code =< 199, Code =/= 101 ->
    {ok, Status, without([<<"content-length">>], connection(Fields))};
informational(_, _) ->
    error.

-spec trailers(binary()) -> {ok, fields()} | error.
trailers(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, Trailers} ->
            case fields(Trailers) of
                {ok, Fields} -> {ok, without(not_trailers(), connection(Fields))};
                error -> error
            end;
        error -> error
    end.

%% Framing, routing and cookies are not for trailers (RFC 9110, 6.5.1).
not_trailers() ->
    [<<"content-length">>, <<"host">>, <<"set-cookie">>, <<"authorization">>, <<"content-type">>,
        <<"content-encoding">>, <<"content-range">>, <<"trailer">>].

%% What is wrong with a head or inform that is none: its shape [F6], or what stands in it [S6].
-spec fault(binary()) -> bad_payload | bad_response.
fault(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Status, Headers}} -> fault(is_status(Status), are_pairs(Headers));
        _ -> bad_payload
    end.

fault(true, true) -> bad_response;
fault(_, _) -> bad_payload.

is_status({Code, Reason}) -> is_integer(Code) andalso is_binary(Reason);
is_status(Code) -> is_integer(Code).

are_pairs([]) -> true;
are_pairs([{Name, Value} | Rest]) when is_binary(Name), is_binary(Value) -> are_pairs(Rest);
are_pairs(_) -> false.

%% Whether a response to this method with this status has a body at all.
-spec has_body(binary(), 100..999) -> boolean().
has_body(<<"HEAD">>, _) -> false;
has_body(_, 204) -> false;
has_body(_, 304) -> false;
has_body(_, _) -> true.

final({ok, Status, Code}, {ok, Fields}) when Code >= 200 ->
    case length_of(Fields) of
        error -> error;
        Length ->
            {ok, #{status => Status, code => Code, headers => allowed(Code, connection(Fields)),
                length => Length, close => closes(Fields)}}
    end;
final(_, _) ->
    error.

%% A 204 must not say how long it is.
allowed(204, Fields) -> without([<<"content-length">>], Fields);
allowed(_, Fields) -> Fields.

status(Code) when is_integer(Code), Code >= 100, Code =< 999 ->
    {ok, known(Code), Code};
status({Code, Reason}) when is_integer(Code), Code >= 100, Code =< 999, is_binary(Reason) ->
    case is_value(Reason) of
        true -> {ok, <<(integer_to_binary(Code))/binary, " ", Reason/binary>>, Code};
        false -> error
    end;
status(_) ->
    error.

%% Cowboy crashes on integers that it has no text for.
known(Code) when Code >= 200, Code =< 206; Code >= 300, Code =< 305; Code =:= 307; Code =:= 308;
        Code >= 400, Code =< 417; Code >= 500, Code =< 505; Code =:= 100; Code =:= 103 ->
    Code;
known(Code) ->
    <<(integer_to_binary(Code))/binary, " ", (phrase(Code))/binary>>.

phrase(102) -> <<"Processing">>;
phrase(207) -> <<"Multi-Status">>;
phrase(208) -> <<"Already Reported">>;
phrase(226) -> <<"IM Used">>;
phrase(418) -> <<"I'm a teapot">>;
phrase(421) -> <<"Misdirected Request">>;
phrase(422) -> <<"Unprocessable Content">>;
phrase(423) -> <<"Locked">>;
phrase(424) -> <<"Failed Dependency">>;
phrase(425) -> <<"Too Early">>;
phrase(426) -> <<"Upgrade Required">>;
phrase(428) -> <<"Precondition Required">>;
phrase(429) -> <<"Too Many Requests">>;
phrase(431) -> <<"Request Header Fields Too Large">>;
phrase(451) -> <<"Unavailable For Legal Reasons">>;
phrase(506) -> <<"Variant Also Negotiates">>;
phrase(507) -> <<"Insufficient Storage">>;
phrase(508) -> <<"Loop Detected">>;
phrase(510) -> <<"Not Extended">>;
phrase(511) -> <<"Network Authentication Required">>;
phrase(_) -> <<"Status">>.

%% Pairs to fields: checked, lower case, of several of a name one.
fields(Headers) when is_list(Headers) ->
    try {ok, lists:reverse(lists:foldl(fun field/2, [], Headers))}
    catch
        throw:bad_field -> error;
        %% An improper list.
        error:function_clause -> error
    end;
fields(_) ->
    error.

field({Name0, Value}, Fields) when is_binary(Name0), is_binary(Value) ->
    Name = name(Name0),
    case is_value(Value) of
        true -> add(Name, Value, Fields);
        false -> throw(bad_field)
    end;
field(_, _) ->
    throw(bad_field).

add(<<"set-cookie">>, Value, Fields) ->
    [{<<"set-cookie">>, Value} | Fields];
add(<<"content-length">>, Value, Fields) ->
    same(<<"content-length">>, Value, Fields);
add(Name, Value, Fields) ->
    case lists:keyfind(Name, 1, Fields) of
        false -> [{Name, Value} | Fields];
        {_, Before} -> lists:keyreplace(Name, 1, Fields, {Name, [Before, <<", ">>, Value]})
    end.

%% Two lengths that differ are an attack or a bug.
same(Name, Value, Fields) ->
    case lists:keyfind(Name, 1, Fields) of
        false -> [{Name, Value} | Fields];
        {_, Value} -> Fields;
        _ -> throw(bad_field)
    end.

%% The names that most responses have, as Go's canonical form writes them.
name(<<"Content-Type">>) -> <<"content-type">>;
name(<<"Content-Length">>) -> <<"content-length">>;
name(<<"Set-Cookie">>) -> <<"set-cookie">>;
name(<<"Cache-Control">>) -> <<"cache-control">>;
name(<<>>) -> throw(bad_field);
name(Name) -> << <<(name_byte(Byte))>> || <<Byte>> <= Name >>.

%% The bytes of a token (RFC 9110, 5.6.2).
name_byte(C) when C >= $a, C =< $z; C >= $0, C =< $9; C =:= $- -> C;
name_byte(C) when C >= $A, C =< $Z -> C + 32;
name_byte(C) when C =:= $!; C =:= $#; C =:= $$; C =:= $%; C =:= $&; C =:= $'; C =:= $*; C =:= $+;
        C =:= $.; C =:= $^; C =:= $_; C =:= $`; C =:= $|; C =:= $~ -> C;
name_byte(_) -> throw(bad_field).

is_value(<<C, _/bits>>) when C =:= $\r; C =:= $\n; C =:= 0 -> false;
is_value(<<_, Rest/bits>>) -> is_value(Rest);
is_value(<<>>) -> true.

%% Fields of the connection are this side's business; so are those that `connection` names.
connection(Fields) ->
    without(hop_by_hop() ++ named(lists:keyfind(<<"connection">>, 1, Fields)), Fields).

hop_by_hop() ->
    [<<"connection">>, <<"keep-alive">>, <<"proxy-connection">>, <<"te">>,
        <<"transfer-encoding">>, <<"upgrade">>].

named(false) -> [];
named({_, Value}) -> options(iolist_to_binary(Value)) -- [<<"content-length">>].

%% The options of a `connection` field, in lower case, with empty ones among them. Byte by byte: a value
%% need not be UTF-8, and string's functions crash on what is not.
-spec options(binary()) -> [binary()].
options(Value) ->
    binary:split(gwport_field:lower(Value), [<<",">>, <<" ">>, <<"\t">>], [global]).

%% Under net/http a handler ends its connection in this way.
closes(Fields) ->
    case lists:keyfind(<<"connection">>, 1, Fields) of
        false -> false;
        Field -> lists:member(<<"close">>, named(Field))
    end.

without(Names, Fields) ->
    [Field || Field = {Name, _} <- Fields, not lists:member(Name, Names)].

length_of(Fields) ->
    case lists:keyfind(<<"content-length">>, 1, Fields) of
        false -> undefined;
        {_, Value} -> digits(iolist_to_binary(Value))
    end.

digits(Value) when byte_size(Value) >= 1, byte_size(Value) =< 18 ->
    case << <<D>> || <<D>> <= Value, D >= $0, D =< $9 >> of
        Value -> binary_to_integer(Value);
        _ -> error
    end;
digits(_) ->
    error.
