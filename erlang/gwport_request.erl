%% A request on its way into a port: checked once, whoever made it, and encoded once, with what the
%% port must know of it.
%% @hidden
-module(gwport_request).

-export([check/1, within/2, encode/2, body/1, is_idempotent/1]).

-export_type([part/0]).

%% Of a Request, by its key; one of its fields by the field's name, which may be anything.
-type part() :: binary() | {header, Name :: term()}.

%% What `open` has before the Request: version byte, tuple, type and window.
-define(OPEN_HEAD, 10).

-define(MAX_PORT, 65535).
-define(MAX_PATH_INFO, 16#7fffffff).
-define(MAX_LENGTH, 16#7fffffffffffffff).

%% Whether a Request is one that SPEC.md, section 6, lets a host send; if not, the first part of it
%% that is wrong. Not every web server has refused all of it, and an app may be in any language, and
%% trust in it. What the host itself puts there (addresses, version, times, the app's name) is not
%% looked at.
-spec check(gwport_environ:request()) -> ok | {error, part()}.
check(Request) ->
    #{<<"method">> := Method, <<"path">> := Path, <<"query">> := Query, <<"version">> := Version,
        <<"scheme">> := Scheme, <<"host">> := Host, <<"port">> := Port, <<"headers">> := Headers,
        <<"path_info">> := PathInfo} = Request,
    Length = maps:get(<<"length">>, Request, unknown),
    try
        must(gwport_field:is_token(Method), <<"method">>),
        must(is_path(Path, Query), <<"path">>),
        must(is_query(Query), <<"query">>),
        must(Scheme =:= <<"http">> orelse Scheme =:= <<"https">>, <<"scheme">>),
        must(is_host(Host), <<"host">>),
        must(is_count(Port, ?MAX_PORT), <<"port">>),
        must(is_count(PathInfo, ?MAX_PATH_INFO), <<"path_info">>),
        must(is_length(Length, Version), <<"length">>),
        must(is_protocol(Request), <<"protocol">>),
        fields(Headers, Length)
    catch
        throw:{wrong, Part} -> {error, Part}
    end.

must(true, _) -> ok;
must(false, Part) -> throw({wrong, Part}).

is_count(N, Max) ->
    is_integer(N) andalso N >= 0 andalso N =< Max.

%% A body of unknown length is framed by `transfer-encoding`, which whoever stands between client
%% and node must not heed in HTTP/1.0 (RFC 9112, 6.1): what one takes for a body the other takes for
%% the next request.
is_length(unknown, Version) -> Version =/= {1, 0};
is_length(Length, _) -> is_count(Length, ?MAX_LENGTH).

%% A name, and maybe a version (RFC 9110, 7.8), of whatever case.
is_protocol(#{<<"protocol">> := Protocol}) ->
    lists:all(fun gwport_field:is_token/1, binary:split(Protocol, <<"/">>));
is_protocol(_) ->
    true.

fields([{Name, Value} | Rest], Length) ->
    must(gwport_field:is_name(Name) andalso is_value(Name, Value, Length), {header, Name}),
    fields(Rest, Length);
fields([], _) ->
    ok.

is_value(<<"content-length">>, Value, Length) -> is_number(Value, Length);
is_value(_, Value, _) -> gwport_field:is_value(Value).

%% The length that was found in there, and digits alone: `+5` is a length to some, none to others.
is_number(Value, Length) ->
    is_integer(Length) andalso is_binary(Value) andalso are_digits(Value) andalso Value =/= <<>>
        andalso binary_to_integer(Value) =:= Length.

are_digits(<<C, Rest/bits>>) when C >= $0, C =< $9 -> are_digits(Rest);
are_digits(Rest) -> Rest =:= <<>>.

%% Bytes of a path or query: no control bytes. What else may not stand there (a space, `"`, bytes
%% above 127) net/http takes as well.
-define(IS_TEXT(C), (C >= $\s andalso C =/= 127)).

%% What has no `?` in it, and no `%` without its two digits.
is_path(<<"*">>, Query) -> Query =:= <<>>;
is_path(<<"/", Rest/bits>>, _) -> are_path_bytes(Rest);
is_path(_, _) -> false.

are_path_bytes(<<C, Rest/bits>>) when ?IS_TEXT(C), C =/= $%, C =/= $? ->
    are_path_bytes(Rest);
are_path_bytes(<<$%, High, Low, Rest/bits>>) ->
    is_hex(High) andalso is_hex(Low) andalso are_path_bytes(Rest);
are_path_bytes(Rest) ->
    Rest =:= <<>>.

is_hex(C) ->
    C >= $0 andalso C =< $9 orelse C >= $a andalso C =< $f orelse C >= $A andalso C =< $F.

is_query(<<C, Rest/bits>>) when ?IS_TEXT(C) -> is_query(Rest);
is_query(Rest) -> Rest =:= <<>>.

%% In lower case, empty where the client named none. The bytes are those that net/http takes.
is_host(<<C, Rest/bits>>) when C >= $a, C =< $z; C >= $0, C =< $;; C =:= $-; C =:= $.; C =:= $!;
        C >= $$, C =< $,; C =:= $=; C =:= $[; C =:= $]; C =:= $_; C =:= $~ ->
    is_host(Rest);
is_host(Rest) ->
    Rest =:= <<>>.

%% Whether one that check/1 has passed is within its mount's own limits; if not, for which of them
%% it is to be refused.
-spec within(gwport_environ:request(), gwport_mount_options:mount()) ->
    ok | {error, too_large_target | too_many_fields | too_large_header | too_large_body}.
within(_, #{max_target := infinity, max_fields := infinity, max_header := infinity,
        max_body := infinity}) ->
    ok;
within(Request, Mount) ->
    #{<<"path">> := Path, <<"query">> := Query, <<"headers">> := Headers} = Request,
    #{max_target := MaxTarget, max_fields := MaxFields, max_header := MaxHeader,
        max_body := MaxBody} = Mount,
    try
        limit(target_size(Path, Query) =< MaxTarget, too_large_target),
        limit(length(Headers) =< MaxFields, too_many_fields),
        limit(MaxHeader =:= infinity orelse header_size(Headers, 0) =< MaxHeader, too_large_header),
        %% One of unknown length is counted as it comes.
        limit(maps:get(<<"length">>, Request, 0) =< MaxBody, too_large_body)
    catch
        throw:{beyond, Reason} -> {error, Reason}
    end.

limit(true, _) -> ok;
limit(false, Reason) -> throw({beyond, Reason}).

target_size(Path, <<>>) -> byte_size(Path);
target_size(Path, Query) -> byte_size(Path) + 1 + byte_size(Query).

header_size([{Name, Value} | Rest], Size) ->
    header_size(Rest, Size + byte_size(Name) + byte_size(Value));
header_size([], Size) ->
    Size.

%% The Request map of SPEC.md, section 6, as the writer wants it. Max is the program's max_head.
-spec encode(gwport_environ:request(), Max :: pos_integer()) ->
    {ok, gwport_handle:request()} | {error, too_large_head}.
encode(Request = #{<<"method">> := Method}, Max) ->
    %% The version byte is the envelope's, see gwport_frame:encode_open/3.
    <<131, Encoded/binary>> = term_to_binary(Request),
    case byte_size(Encoded) + ?OPEN_HEAD =< Max of
        true -> {ok, {Encoded, body(Request), is_idempotent(Method)}};
        false -> {error, too_large_head}
    end.

-spec body(gwport_environ:request()) -> none | now | continue | upgrade | connect.
body(#{<<"length">> := 0, <<"upgrade">> := true}) -> upgrade;
body(#{<<"length">> := 0}) -> none;
body(#{<<"protocol">> := _}) -> connect;
body(#{<<"continue">> := true}) -> continue;
body(_) -> now.

%% RFC 9110, 9.2.2. Of other methods the program says when the app is entered.
-spec is_idempotent(binary()) -> boolean().
is_idempotent(<<"GET">>) -> true;
is_idempotent(<<"HEAD">>) -> true;
is_idempotent(<<"PUT">>) -> true;
is_idempotent(<<"DELETE">>) -> true;
is_idempotent(<<"OPTIONS">>) -> true;
is_idempotent(<<"TRACE">>) -> true;
is_idempotent(_) -> false.
