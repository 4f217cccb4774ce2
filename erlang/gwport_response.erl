%% What a program answered, made fit for a client: statuses are checked, names lower-cased, fields that
%% cannot be sent made sendable or dropped, as net/http does, and those dropped that belong to the
%% connection (SPEC.md, sections 4 and 6).
%%
%% Nothing that Cowboy would stumble over passes: it sends a CR or LF in a value as it is before
%% 2.16, and crashes the connection, with all its streams on HTTP/2, on an unknown integer status or
%% a content-length that is no number.
%%
%% A head of many fields takes time in proportion to their number: it is a client's connection process
%% that looks at it, maybe.
%% @hidden
-module(gwport_response).

-export([head/1, inform/1, reply/1, trailers/1, fault/1, has_body/2, options/1]).

-export_type([head/0, status/0, fields/0]).

%% An integer that every web server knows, or the whole of a status line's end.
-type status() :: 100..999 | binary().
%% In order, lower case, no two of a name except set-cookie.
-type fields() :: [{binary(), iodata()}].
-type head() :: #{status := status(), code := 100..999, headers := fields(),
    length := undefined | non_neg_integer(), close := boolean()}.

%% A reply from here on is not decoded with its body: a copy would cost more than to look for it. A
%% smaller one would keep the read that it came with alive, which may be many times as large.
-define(LARGE, 32768).

-spec head(binary()) -> {ok, head()} | error.
head(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, {Status, Headers}} -> final(status(Status), fields(Headers));
        _ -> error
    end.

-spec reply(binary()) -> {ok, head(), Body :: binary()} | error.
reply(Payload) ->
    case decode_reply(Payload) of
        {ok, {Status, Headers, Body}} -> whole(final(status(Status), fields(Headers)), body(Body));
        _ -> error
    end.

%% A large body stays where it is: decoded with the rest of its term it would be copied. Only the
%% layout that most programs write is looked for; any other goes the usual way.
decode_reply(<<131, 104, 3, Rest/bits>> = Payload) when byte_size(Payload) >= ?LARGE ->
    case body_at(Rest) of
        <<109, Size:32, Body:Size/binary>> ->
            HeadSize = byte_size(Rest) - Size - 5,
            <<Head:HeadSize/binary, _/bits>> = Rest,
            with_body(gwport_frame:decode_payload(<<131, 104, 2, Head/binary>>), Body);
        _ ->
            gwport_frame:decode_payload(Payload)
    end;
decode_reply(Payload) ->
    gwport_frame:decode_payload(Payload).

with_body({ok, {Status, Headers}}, Body) -> {ok, {Status, Headers, Body}};
with_body(error, _) -> error.

%% What stands behind status and headers.
body_at(<<97, _, Rest/bits>>) -> behind_fields(Rest);
body_at(<<98, _:32, Rest/bits>>) -> behind_fields(Rest);
body_at(<<104, 2, 97, _, 109, Size:32, _:Size/binary, Rest/bits>>) -> behind_fields(Rest);
body_at(<<104, 2, 98, _:32, 109, Size:32, _:Size/binary, Rest/bits>>) -> behind_fields(Rest);
body_at(_) -> none.

behind_fields(<<106, Rest/bits>>) -> Rest;
behind_fields(<<108, Count:32, Rest/bits>>) -> behind_pairs(Count, Rest);
behind_fields(_) -> none.

behind_pairs(0, <<106, Rest/bits>>) ->
    Rest;
behind_pairs(Count, <<104, 2, 109, N:32, _:N/binary, 109, V:32, _:V/binary, Rest/bits>>)
        when Count > 0 ->
    behind_pairs(Count - 1, Rest);
behind_pairs(_, _) ->
    none.

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

informational({ok, Status, Code}, {ok, Fields, _, Ours}) when Code >= 100, Code =< 199,
        Code =/= 101 ->
    {ok, Status, without([<<"content-length">>], connection(Ours, Fields))};
informational(_, _) ->
    error.

-spec trailers(binary()) -> {ok, fields()} | error.
trailers(Payload) ->
    case gwport_frame:decode_payload(Payload) of
        {ok, Trailers} ->
            case fields(Trailers) of
                {ok, Fields, _, Ours} -> {ok, without(not_trailers(), connection(Ours, Fields))};
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

final({ok, Status, Code}, {ok, Fields, Length, Ours}) when Code >= 200 ->
    {ok, #{status => Status, code => Code, headers => allowed(Code, Ours, Fields),
        length => length_of(Length), close => Ours andalso closes(Fields)}};
final(_, _) ->
    error.

%% A 204 must not say how long it is, and a 426 must say what to upgrade to (RFC 9110, 15.5.22).
allowed(204, Ours, Fields) ->
    without([<<"content-length">>], connection(Ours, Fields));
allowed(426, Ours, Fields) ->
    connection(Ours, Fields) ++ [Field || Field = {<<"upgrade">>, _} <- Fields];
allowed(_, Ours, Fields) ->
    connection(Ours, Fields).

status(Code) when is_integer(Code), Code >= 100, Code =< 999 ->
    {ok, known(Code), Code};
status({Code, Reason}) when is_integer(Code), Code >= 100, Code =< 999, is_binary(Reason) ->
    case gwport_field:is_value(Reason) of
        true -> {ok, <<(integer_to_binary(Code))/binary, " ", Reason/binary>>, Code};
        false -> error
    end;
status(_) ->
    error.

%% Cowboy crashes on integers that it has no text for. The texts are net/http's.
known(Code) when Code >= 200, Code =< 206; Code >= 300, Code =< 305; Code =:= 307; Code =:= 308;
        Code >= 400, Code =< 417, Code =/= 414; Code >= 500, Code =< 505; Code =:= 100;
        Code =:= 103 ->
    Code;
known(Code) ->
    <<(integer_to_binary(Code))/binary, " ", (phrase(Code))/binary>>.

phrase(102) -> <<"Processing">>;
phrase(207) -> <<"Multi-Status">>;
phrase(208) -> <<"Already Reported">>;
phrase(226) -> <<"IM Used">>;
phrase(414) -> <<"Request URI Too Long">>;
phrase(418) -> <<"I'm a teapot">>;
phrase(421) -> <<"Misdirected Request">>;
phrase(422) -> <<"Unprocessable Entity">>;
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
phrase(Code) -> <<"status code ", (integer_to_binary(Code))/binary>>.

%% Pairs to fields: lower case, fit to be sent, of several of a name one, where the first stood; what
%% their length is; and whether there are fields of the connection among them, which is seen on the
%% way, since most responses have none.
fields(Headers) ->
    try pairs(Headers, [], undefined, false)
    catch throw:bad_field -> error
    end.

pairs([{Name0, Value0} | Rest], Fields, Length, Ours) when is_binary(Name0), is_binary(Value0) ->
    case {name(Name0), value(Value0)} of
        {drop, _} ->
            pairs(Rest, Fields, Length, Ours);
        {_, drop} ->
            pairs(Rest, Fields, Length, Ours);
        {Name = <<"content-length">>, Value} ->
            case length_field(digits(Value), Value, Length) of
                new -> pairs(Rest, [{Name, Value} | Fields], Value, Ours);
                none -> pairs(Rest, Fields, Length, Ours)
            end;
        {Name, Value} ->
            pairs(Rest, [{Name, Value} | Fields], Length, Ours orelse is_hop_by_hop(Name))
    end;
pairs([], Fields, Length, Ours) ->
    {ok, joined(lists:reverse(Fields)), Length, Ours};
pairs(_, _, _, _) ->
    throw(bad_field).

%% What is no length says nothing. Two lengths that differ are an attack or a bug.
length_field(error, _, _) -> none;
length_field(_, _, undefined) -> new;
length_field(_, Value, Value) -> none;
length_field(_, _, _) -> throw(bad_field).

%% Most responses name no field twice.
joined(Fields) ->
    case map_size(maps:from_list(Fields)) =:= length(Fields) of
        true -> Fields;
        false -> joined(Fields, lists:foldl(fun add/2, #{}, Fields))
    end.

add({Name, Value}, Values) ->
    case Values of
        #{Name := Before} -> Values#{Name := [Value | Before]};
        #{} -> Values#{Name => [Value]}
    end.

%% An empty one adds nothing to a list (RFC 9110, 5.6.1.2), and a value that ends with a space is no
%% value on HTTP/2.
joined([{<<"set-cookie">>, _} = Cookie | Rest], Values) ->
    [Cookie | joined(Rest, Values)];
joined([{Name, Value} | Rest], Values) ->
    case Values of
        #{Name := [_]} -> [{Name, Value} | joined(Rest, Values)];
        #{Name := []} -> joined(Rest, Values);
        #{Name := Several} ->
            Full = [One || One <- lists:reverse(Several), One =/= <<>>],
            [{Name, lists:join(<<", ">>, Full)} | joined(Rest, Values#{Name := []})]
    end;
joined([], _) ->
    [].

%% The names that most responses have, as Go's canonical form writes them.
name(<<"Content-Type">>) -> <<"content-type">>;
name(<<"Content-Length">>) -> <<"content-length">>;
name(<<"Set-Cookie">>) -> <<"set-cookie">>;
name(<<"Cache-Control">>) -> <<"cache-control">>;
name(Name) ->
    case gwport_field:name(Name) of
        error -> drop;
        Lower -> Lower
    end.

%% Line breaks become spaces, as in net/http's HTTP/1.1; other control bytes cost the field, as in its
%% HTTP/2, where a value has no spaces around it either (RFC 9113, 8.2.1).
value(Value) ->
    case gwport_field:is_value(Value) of
        true -> trimmed(Value);
        false -> unbroken(<< <<(space(C))>> || <<C>> <= Value >>)
    end.

unbroken(Value) ->
    case gwport_field:is_value(Value) of
        true -> trimmed(Value);
        false -> drop
    end.

space($\r) -> $\s;
space($\n) -> $\s;
space(C) -> C.

trimmed(<<C, Rest/bits>>) when C =:= $\s; C =:= $\t -> trimmed(Rest);
trimmed(<<>>) -> <<>>;
trimmed(Value) ->
    case binary:last(Value) of
        C when C =:= $\s; C =:= $\t -> trimmed(binary:part(Value, 0, byte_size(Value) - 1));
        _ -> Value
    end.

%% Fields of the connection are this side's business; so are those that `connection` names.
connection(false, Fields) ->
    Fields;
connection(true, Fields) ->
    case named(lists:keyfind(<<"connection">>, 1, Fields)) of
        [] -> [Field || Field = {Name, _} <- Fields, not is_hop_by_hop(Name)];
        Named -> [Field || Field = {Name, _} <- without(Named, Fields), not is_hop_by_hop(Name)]
    end.

is_hop_by_hop(<<"connection">>) -> true;
is_hop_by_hop(<<"keep-alive">>) -> true;
is_hop_by_hop(<<"proxy-connection">>) -> true;
is_hop_by_hop(<<"te">>) -> true;
is_hop_by_hop(<<"transfer-encoding">>) -> true;
is_hop_by_hop(<<"upgrade">>) -> true;
is_hop_by_hop(_) -> false.

named(false) -> [];
named({_, Value}) -> [Option || Option <- options(iolist_to_binary(Value)),
    Option =/= <<"content-length">>].

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
    Without = maps:from_list([{Name, true} || Name <- Names]),
    [Field || Field = {Name, _} <- Fields, not is_map_key(Name, Without)].

length_of(undefined) -> undefined;
length_of(Value) -> digits(Value).

digits(Value) when byte_size(Value) >= 1, byte_size(Value) =< 18 -> digits(Value, 0);
digits(_) -> error.

digits(<<D, Rest/bits>>, N) when D >= $0, D =< $9 -> digits(Rest, N * 10 + D - $0);
digits(<<>>, N) -> N;
digits(_, _) -> error.
