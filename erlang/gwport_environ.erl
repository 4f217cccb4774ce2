%% The environ of a request: SPEC.md, section 10, as a pure function of the Request that `open`
%% carries.
%%
%% The wire does not carry the environ. `gwport.input` and `gwport.errors` are added by whoever runs
%% an app. This is the Erlang side's derivation, for apps of the same shape in Erlang, for logs and
%% for tests; Go's is held to the same vectors.
%% @hidden
-module(gwport_environ).

-export([environ/1, request/2, url/1, is_raw_of/2, split_path/2]).

-export_type([request/0, environ/0]).

%% The Request of SPEC.md, section 6.
-type request() :: #{binary() => term()}.
-type environ() :: #{binary() => binary() | {1, 0} | boolean()}.

-spec environ(request()) -> environ().
environ(Request) ->
    #{<<"method">> := Method, <<"path">> := Path, <<"query">> := Query, <<"version">> := Version,
        <<"scheme">> := Scheme, <<"peer">> := {Address, Port}, <<"headers">> := Headers,
        <<"path_info">> := Behind} = Request,
    {{ScriptName, PathInfo}, {RawScriptName, RawPathInfo}} = split_path(Path, Behind),
    maps:merge(fields(Headers), #{
        <<"REQUEST_METHOD">> => Method,
        <<"SCRIPT_NAME">> => ScriptName,
        <<"PATH_INFO">> => PathInfo,
        <<"QUERY_STRING">> => Query,
        <<"SERVER_NAME">> => server_name(Request),
        <<"SERVER_PORT">> => integer_to_binary(maps:get(<<"port">>, Request)),
        <<"SERVER_PROTOCOL">> => protocol(Version),
        <<"REMOTE_ADDR">> => Address,
        <<"REMOTE_PORT">> => integer_to_binary(Port),
        <<"REQUEST_URI">> => uri(Path, Query),
        <<"gwport.version">> => {1, 0},
        <<"gwport.url_scheme">> => Scheme,
        <<"gwport.script_name">> => RawScriptName,
        <<"gwport.path_info">> => RawPathInfo,
        %% Apps run side by side, in one program and in several.
        <<"gwport.async">> => false,
        <<"gwport.multithread">> => true,
        <<"gwport.multiprocess">> => true,
        <<"gwport.run_once">> => false
    }).

server_name(#{<<"host">> := <<>>, <<"local">> := {Address, _}}) -> Address;
server_name(#{<<"host">> := Host}) -> Host.

protocol({1, 0}) -> <<"HTTP/1.0">>;
protocol({1, 1}) -> <<"HTTP/1.1">>;
protocol({2, 0}) -> <<"HTTP/2">>.

uri(Path, <<>>) -> Path;
uri(Path, Query) -> <<Path/binary, "?", Query/binary>>.

%% SCRIPT_NAME and PATH_INFO, decoded and raw, where Behind segments stand behind the route [E1].
-spec split_path(binary(), non_neg_integer()) ->
    {Decoded :: {binary(), binary()}, Raw :: {binary(), binary()}}.
split_path(<<"/", Path/binary>>, Behind) ->
    {Segments, Slash} = trailing_slash(binary:split(Path, <<"/">>, [global])),
    Left = resolve([{decode(Segment), Segment} || Segment <- Segments], []),
    {Script, Info} = lists:split(max(0, length(Left) - Behind), Left),
    {{join(1, Script), <<(join(1, Info))/binary, Slash/binary>>},
        {join(2, Script), <<(join(2, Info))/binary, Slash/binary>>}};
split_path(Path, _) ->
    {{<<>>, Path}, {<<>>, Path}}.

%% A last empty piece is a trailing slash; a last dot segment leaves one.
trailing_slash(Pieces) ->
    Last = lists:last(Pieces),
    case decode(Last) of
        <<>> -> {lists:droplast(Pieces), <<"/">>};
        Dots when Dots =:= <<".">>; Dots =:= <<"..">> -> {Pieces, <<"/">>};
        _ -> {Pieces, <<>>}
    end.

resolve([], Left) -> lists:reverse(Left);
resolve([{<<".">>, _} | Rest], Left) -> resolve(Rest, Left);
resolve([{<<"..">>, _} | Rest], []) -> resolve(Rest, []);
resolve([{<<"..">>, _} | Rest], [_ | Left]) -> resolve(Rest, Left);
resolve([Segment | Rest], Left) -> resolve(Rest, [Segment | Left]).

join(Form, Segments) ->
    iolist_to_binary([[$/, element(Form, Segment)] || Segment <- Segments]).

%% What is not %XX stands for itself; a router has refused it before, as Cowboy's does.
decode(<<$%, H, L, Rest/binary>>) ->
    case {hex(H), hex(L)} of
        {High, Low} when is_integer(High), is_integer(Low) ->
            <<(High * 16 + Low), (decode(Rest))/binary>>;
        _ ->
            <<$%, (decode(<<H, L, Rest/binary>>))/binary>>
    end;
decode(<<C, Rest/binary>>) ->
    <<C, (decode(Rest))/binary>>;
decode(<<>>) ->
    <<>>.

hex(C) when C >= $0, C =< $9 -> C - $0;
hex(C) when C >= $a, C =< $f -> C - $a + 10;
hex(C) when C >= $A, C =< $F -> C - $A + 10;
hex(_) -> error.

fields(Headers) ->
    lists:foldl(fun({Name, Value}, Fields) ->
        field(key(Name), Name, Value, Fields)
    end, #{}, Headers).

field(none, _, _, Fields) ->
    Fields;
field(Key, Name, Value, Fields) ->
    case Fields of
        #{Key := Before} -> Fields#{Key := <<Before/binary, (glue(Name))/binary, Value/binary>>};
        #{} -> Fields#{Key => Value}
    end.

glue(<<"cookie">>) -> <<"; ">>;
glue(_) -> <<", ">>.

%% [E2]
key(<<"content-type">>) -> <<"CONTENT_TYPE">>;
key(<<"content-length">>) -> <<"CONTENT_LENGTH">>;
key(<<"proxy">>) -> none;
key(Name) ->
    case << <<(key_byte(C))>> || <<C>> <= Name, is_key_byte(C) >> of
        Key when byte_size(Key) =:= byte_size(Name) -> <<"HTTP_", Key/binary>>;
        _ -> none
    end.

is_key_byte(C) ->
    C =:= $- orelse (C >= $a andalso C =< $z) orelse (C >= $A andalso C =< $Z)
        orelse (C >= $0 andalso C =< $9).

key_byte($-) -> $_;
key_byte(C) when C >= $a, C =< $z -> C - 32;
key_byte(C) -> C.

%% The URL that the request was sent to, as its client has written it: whom the client has named
%% counts before who has answered, and a path keeps the codes that it had. A path that has been
%% changed since, and whose raw form has not, is encoded. A default port is left out, and so is a
%% path that is none, `*` or an authority. It is empty if nobody knows the host.
-spec url(#{binary() => term()}) -> binary().
url(Environ) ->
    Scheme = maps:get(<<"gwport.url_scheme">>, Environ, <<"http">>),
    Path = <<(url_part(<<"SCRIPT_NAME">>, <<"gwport.script_name">>, Environ))/binary,
        (url_part(<<"PATH_INFO">>, <<"gwport.path_info">>, Environ))/binary>>,
    case without_port(default_port(Scheme), authority(Environ)) of
        <<>> -> <<>>;
        Host -> <<Scheme/binary, "://", Host/binary,
            (url_path(Path, maps:get(<<"QUERY_STRING">>, Environ, <<>>)))/binary>>
    end.

authority(#{<<"HTTP_HOST">> := Host}) when Host =/= <<>> ->
    Host;
authority(#{<<"SERVER_NAME">> := Name, <<"SERVER_PORT">> := Port}) when Name =/= <<>> ->
    <<(in_brackets(Name))/binary, ":", Port/binary>>;
authority(#{<<"SERVER_NAME">> := Name}) ->
    in_brackets(Name);
authority(_) ->
    <<>>.

%% The address of a socket has none.
in_brackets(<<"[", _/binary>> = Name) ->
    Name;
in_brackets(Name) ->
    case binary:match(Name, <<":">>) of
        nomatch -> Name;
        _ -> <<"[", Name/binary, "]">>
    end.

default_port(<<"https">>) -> <<":443">>;
default_port(_) -> <<":80">>.

%% A port may be empty, which is the default one.
without_port(Default, Host) ->
    Size = byte_size(Host) - byte_size(Default),
    Without = byte_size(Host) - 1,
    case Host of
        <<Name:Size/binary, Default/binary>> -> Name;
        <<Name:Without/binary, ":">> -> Name;
        _ -> Host
    end.

url_part(Key, RawKey, Environ) ->
    Plain = maps:get(Key, Environ, <<>>),
    case Environ of
        #{RawKey := Raw} -> raw_or_encoded(is_raw_of(Raw, Plain), Raw, Plain);
        #{} -> encode(Plain)
    end.

raw_or_encoded(true, Raw, _) -> Raw;
raw_or_encoded(false, _, Plain) -> encode(Plain).

%% Whether it is what that decodes to.
-spec is_raw_of(Raw :: binary(), Plain :: term()) -> boolean().
is_raw_of(Raw, Plain) ->
    decode(Raw) =:= Plain.

url_path(<<"/", _/binary>> = Path, Query) -> uri(Path, Query);
url_path(<<>>, Query) -> uri(<<"/">>, Query);
url_path(_, _) -> <<>>.

%% And back: a Request, where an environ that was made of it has been changed since. What has not
%% been is as it was, to the last byte and in its order; what no key of an environ shows, and
%% REQUEST_URI, which shows others', are the Request's. A value that cannot be one of a Request is
%% an error {bad_environ, Key}.
-spec request(#{binary() => term()}, request()) -> request().
request(Environ, Request) ->
    Before = environ(Request),
    case [Key || Key <- maps:keys(maps:merge(Before, Environ)), is_of_request(Key),
            maps:find(Key, Before) =/= maps:find(Key, Environ)] of
        [] -> Request;
        Changed -> changed(Changed, Environ, Before, Request)
    end.

changed(Changed, Environ, Before, Request) ->
    _ = [error({bad_environ, Key}) || Key <- Changed, not is_good(Key, Environ)],
    lists:foldl(fun(Key, Map) -> change(Key, Environ, Map) end,
        with_path(Changed, Environ, Before, with_headers(Changed, Environ, Request)), Changed).

%% What is missing means that there is none, where that can be.
is_good(Key, Environ) ->
    case Environ of
        #{Key := Value} when is_binary(Value) -> not is_number_key(Key) orelse are_digits(Value);
        #{Key := _} -> false;
        #{} -> not lists:member(Key, [<<"REQUEST_METHOD">>, <<"SERVER_NAME">>, <<"SERVER_PORT">>,
            <<"REMOTE_ADDR">>, <<"REMOTE_PORT">>, <<"gwport.url_scheme">>])
    end.

is_number_key(Key) ->
    lists:member(Key, [<<"SERVER_PORT">>, <<"REMOTE_PORT">>, <<"CONTENT_LENGTH">>]).

are_digits(Value) ->
    Value =/= <<>> andalso << <<C>> || <<C>> <= Value, C >= $0, C =< $9 >> =:= Value.

is_of_request(<<"HTTP_", _/binary>>) -> true;
is_of_request(Key) -> lists:member(Key, [<<"CONTENT_TYPE">>, <<"CONTENT_LENGTH">>,
    <<"REQUEST_METHOD">>, <<"QUERY_STRING">>, <<"SERVER_NAME">>, <<"SERVER_PORT">>,
    <<"REMOTE_ADDR">>, <<"REMOTE_PORT">>, <<"gwport.url_scheme">> | path_keys()]).

path_keys() ->
    [<<"SCRIPT_NAME">>, <<"PATH_INFO">>, <<"gwport.script_name">>, <<"gwport.path_info">>].

change(<<"REQUEST_METHOD">> = Key, Environ, Request) ->
    Request#{<<"method">> := maps:get(Key, Environ)};
change(<<"QUERY_STRING">> = Key, Environ, Request) ->
    Request#{<<"query">> := maps:get(Key, Environ, <<>>)};
change(<<"gwport.url_scheme">> = Key, Environ, Request) ->
    Request#{<<"scheme">> := maps:get(Key, Environ)};
change(<<"SERVER_NAME">> = Key, Environ, Request) ->
    Request#{<<"host">> := maps:get(Key, Environ)};
change(<<"SERVER_PORT">> = Key, Environ, Request) ->
    Request#{<<"port">> := binary_to_integer(maps:get(Key, Environ))};
change(<<"REMOTE_ADDR">> = Key, Environ, Request = #{<<"peer">> := {_, Port}}) ->
    Request#{<<"peer">> := {maps:get(Key, Environ), Port}};
change(<<"REMOTE_PORT">> = Key, Environ, Request = #{<<"peer">> := {Address, _}}) ->
    Request#{<<"peer">> := {Address, binary_to_integer(maps:get(Key, Environ))}};
%% Another length is that of another body.
change(<<"CONTENT_LENGTH">> = Key, Environ, Request) when is_map_key(Key, Environ) ->
    Request#{<<"length">> => binary_to_integer(maps:get(Key, Environ))};
change(<<"CONTENT_LENGTH">>, _, Request) ->
    maps:remove(<<"length">>, Request);
change(_, _, Request) ->
    Request.

with_headers(Changed, Environ, Request = #{<<"headers">> := Headers}) ->
    Kept = [Header || Header = {Name, _} <- Headers, not lists:member(key(Name), Changed)],
    Request#{<<"headers">> := Kept ++ [{Name, maps:get(Key, Environ)} || Key <- Changed,
        is_map_key(Key, Environ), {ok, Name} <- [field_name(Key)]]}.

field_name(<<"CONTENT_TYPE">>) -> {ok, <<"content-type">>};
field_name(<<"CONTENT_LENGTH">>) -> {ok, <<"content-length">>};
field_name(<<"HTTP_", Name/binary>>) -> {ok, << <<(name_byte(C))>> || <<C>> <= Name >>};
field_name(_) -> none.

name_byte($_) -> $-;
name_byte(C) when C >= $A, C =< $Z -> C + 32;
name_byte(C) -> C.

%% What is given raw counts, if that has been changed; else the other form.
with_path(Changed, Environ, Before, Request) ->
    case [Key || Key <- path_keys(), lists:member(Key, Changed)] of
        [] -> Request;
        _ -> path(part(<<"SCRIPT_NAME">>, <<"gwport.script_name">>, Environ, Before),
            part(<<"PATH_INFO">>, <<"gwport.path_info">>, Environ, Before), Request)
    end.

part(Key, RawKey, Environ, Before) ->
    Raw = maps:get(RawKey, Before),
    Plain = maps:get(Key, Before),
    case {maps:get(RawKey, Environ, Raw), maps:get(Key, Environ, <<>>)} of
        {Raw, Plain} -> Raw;
        {Raw, Other} -> encode(Other);
        {Other, _} -> Other
    end.

path(<<>>, <<>>, Request) ->
    path(<<>>, <<"/">>, Request);
path(Script, Info, Request) ->
    Request#{<<"path">> := <<Script/binary, Info/binary>>, <<"path_info">> := segments(Info)}.

segments(<<"/", Path/binary>>) ->
    {Segments, _} = trailing_slash(binary:split(Path, <<"/">>, [global])),
    length(resolve([{decode(Segment), Segment} || Segment <- Segments], []));
segments(_) ->
    0.

%% A slash between segments and one in a segment look alike here.
encode(Path) ->
    << <<(encoded(C))/binary>> || <<C>> <= Path >>.

encoded(C) when C >= $a, C =< $z; C >= $&, C =< $;; C >= $@, C =< $Z; C =:= $_; C =:= $=; C =:= $~;
        C =:= $!; C =:= $$ ->
    <<C>>;
encoded(C) ->
    <<$%, (digit(C bsr 4)), (digit(C band 15))>>.

digit(N) when N < 10 -> $0 + N;
digit(N) -> $A + N - 10.
